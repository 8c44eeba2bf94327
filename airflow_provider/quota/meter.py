"""What a client sees of a quota while it sends: its own requests, and what responses tell."""

from __future__ import annotations

import logging
import os
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from airflow_provider.exceptions import QuotaExhausted, StoreUnavailable, VendorError
from airflow_provider.http.metrics import gauge
from airflow_provider.quota import clock
from airflow_provider.quota.headers import read_headers
from airflow_provider.quota.readings import Refusal
from airflow_provider.quota.store import MemoryStore, QuotaStore, Report, store_of
from airflow_provider.store.location import aconfigured, configured

if TYPE_CHECKING:
    from collections.abc import Mapping

    import sqlalchemy as sa

    from airflow_provider.http.call import Call, Response
    from airflow_provider.http.hook import VendorHook
    from airflow_provider.http.options import VendorOptions
    from airflow_provider.quota.readings import Quota
    from airflow_provider.store.engine import Database

T = TypeVar("T")

log = logging.getLogger(__name__)

PENDING = 20
PATIENCE = 2.0
"""A client that sends many requests reports them when there are so many, or after so many seconds."""


def current_run() -> str:
    """Name the run of a Dag that this process works for; nothing outside of one."""
    names = [os.environ.get(f"AIRFLOW_CTX_DAG_{name}", "") for name in ("ID", "RUN_ID")]
    return "/".join(names) if all(names) else ""


def open_meter(hook: VendorHook[Any], options: VendorOptions, **details: Any) -> Meter | None:
    """Make the meter of a hook with a store of its own.

    :param hook: the hook
    :param options: the fields of its connection
    :param details: further parameters of :class:`Meter`
    :return: None where the store cannot be used, which is logged: requests can be sent all the same
    """
    try:
        return make_meter(hook, options, configured(), **details)
    except Exception as error:
        not_counted(options.conn_id, error)
        return None


async def aopen_meter(hook: VendorHook[Any], options: VendorOptions, **details: Any) -> Meter | None:
    """Make a meter like :func:`open_meter`, without blocking the event loop."""
    try:
        return make_meter(hook, options, await aconfigured(), **details)
    except Exception as error:
        not_counted(options.conn_id, error)
        return None


def make_meter(hook: VendorHook[Any], options: VendorOptions, database: Database, **details: Any) -> Meter:
    """Make the meter of a hook.

    :param hook: the hook
    :param options: the fields of its connection
    :param database: where the quota is kept
    :param details: further parameters of :class:`Meter`
    """
    return Meter(store_of(hook, database), names=hook.quota_headers(options), **details)


def not_counted(conn_id: str, error: Exception) -> None:
    """Say in the log that the store cannot be used.

    :param conn_id: id of the connection
    :param error: why
    """
    # Of an error that is not ours nobody knows what it quotes.
    why = str(error) if isinstance(error, VendorError) else type(error).__name__
    log.warning("The store of quotas cannot be used, so uses of %s are not counted: %s", conn_id, why)


class Meter:
    """Counts a client's requests and keeps what responses tell, until it is written down.

    :param store: where it is written down
    :param run: the run of a Dag whose reservations the requests are taken from
    :param reservation: the reservation that they are taken from first
    :param asker: who has taken the turn to ask the vendor
    :param names: names of the headers that tell the quota; None where no header does
    """

    def __init__(
        self,
        store: QuotaStore | MemoryStore,
        *,
        run: str | None = None,
        reservation: str = "",
        asker: str = "",
        names: Mapping[str, str] | None = None,
    ) -> None:
        self.store = store
        self._run = current_run() if run is None else run
        self._reservation = reservation
        self._asker = asker
        self._names = names
        self._report = Report()
        self._lock = threading.Lock()
        self._reported_at = time.monotonic()
        self.failed = False
        """Whether the store took something no longer."""

    def count(self) -> None:
        """Count a request that is about to leave."""
        with self._lock:
            self._report = replace(self._report, sent=self._report.sent + 1)

    def settle(self) -> None:
        """Count a request that has ended.

        Only then it is taken from a reservation: while it is under way, an answer about the quota may not
        have it yet.
        """
        with self._lock:
            self._report = replace(self._report, spent=self._report.spent + 1)

    def see(self, response: Response) -> None:
        """Look for the quota in the headers of a response."""
        if self._names is not None and (reading := read_headers(response.headers, clock.now(), self._names)):
            self.read(reading)

    def hear(self, call: Call[T], value: T) -> None:
        """Take down what the value of a call says of the quota, if it does."""
        if call.reading is not None:
            self.read(call.reading(value, clock.now()))

    def read(self, reading: Quota) -> None:
        """Take down what the vendor says is left."""
        with self._lock:
            # It has what was sent before.
            self._report = replace(self._report, sent=0, reading=reading)

    def refuse(self, error: VendorError) -> None:
        """Take down that the quota is used up, if an error says so."""
        if isinstance(error, QuotaExhausted):
            self.keep(Refusal("QuotaExhausted", str(error), clock.now(), error.resets_at))

    def keep(self, refusal: Refusal) -> None:
        """Take down a refusal that concerns every request of the connection."""
        with self._lock:
            self._report = replace(self._report, refusal=refusal)

    @property
    def due(self) -> bool:
        """Say whether there is enough to be written down."""
        report = self._report
        if report.reading is not None or report.refusal is not None or report.sent >= PENDING:
            return True
        return report.sent > 0 and time.monotonic() - self._reported_at > PATIENCE

    def flush(self) -> None:
        """Write down what has been seen. Where the store is away, say so once and go on: it only counts."""
        if self.failed:
            return
        report = self.take()
        if report == Report():
            return
        try:
            self.store.report(report, run=self._run, reservation=self._reservation, asker=self._asker)
        except Exception as error:
            # A request that was answered must not fail for its being counted.
            self.failed = True
            self.restore(report)
            not_counted(self.store.account.conn_id, error)

    def write(self, connection: sa.Connection, report: Report) -> None:
        """Write down what has been seen, in a transaction that is open for something else.

        :param connection: the transaction
        :param report: what :meth:`take` returned
        """
        if report != Report():
            self.store.write(
                connection, report, run=self._run, reservation=self._reservation, asker=self._asker
            )

    def restore(self, lost: Report) -> None:
        """Take back what was written in vain."""
        with self._lock:
            now = self._report
            self._report = Report(
                sent=now.sent if now.reading else now.sent + lost.sent,
                spent=now.spent + lost.spent,
                reading=now.reading or lost.reading,
                refusal=now.refusal or lost.refusal,
            )

    def complete(self, error: QuotaExhausted) -> None:
        """Say when a used-up quota is reset, where the vendor's refusal does not and an earlier reading does.

        :param error: the refusal
        """
        if error.resets_at is not None:
            return
        try:
            reading = self.store.look().reading
        except StoreUnavailable:
            return
        if reading is not None and reading.resets_at is not None and reading.resets_at > clock.now():
            error.resets_at = reading.resets_at

    def close(self) -> None:
        """Let go of the store's database."""
        self.store.close()

    def take(self) -> Report:
        """Hand over what has been seen, to be written down."""
        with self._lock:
            report, self._report = self._report, Report()
            self._reported_at = time.monotonic()
        if report.reading is not None:
            self._emit(report.reading)
        return report

    def _emit(self, reading: Quota) -> None:
        account = self.store.account
        tags = {"vendor": account.vendor, "conn_id": account.conn_id}
        gauge(f"quota.remaining.{account.conn_id}", reading.remaining, **tags)
        if reading.used is not None:
            gauge(f"quota.used.{account.conn_id}", reading.used, **tags)
