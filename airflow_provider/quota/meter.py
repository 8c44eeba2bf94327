"""What a client sees of a quota while it sends: its own requests, and what responses tell."""

from __future__ import annotations

import math
import threading
import time
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from airflow_provider import clock
from airflow_provider.exceptions import QuotaExhausted, StoreUnavailable, VendorError
from airflow_provider.http.metrics import gauge
from airflow_provider.quota.headers import read_headers
from airflow_provider.quota.interface import Report
from airflow_provider.quota.opening import not_counted
from airflow_provider.quota.readings import Refusal
from airflow_provider.run_identity import current_run

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import sqlalchemy as sa

    from airflow_provider.http.call import Call, Response
    from airflow_provider.quota.interface import Store
    from airflow_provider.quota.readings import Quota

PENDING = 20
REPORT_INTERVAL = 2.0
"""A client that sends many requests reports them when there are so many, or after so many seconds."""

AWAY_PAUSE = 10.0
"""Seconds until a store whose database may be back by itself is tried again: each attempt may wait for it."""


class Meter:
    """Counts a client's requests and keeps what responses tell, until it is stored.

    :param store: where it is stored
    :param run: the run of a Dag whose reservations the requests are taken from
    :param reservation: the reservation that they are taken from first
    :param prober: name of the prober whose turn it is to probe the vendor
    :param names: names of the headers that tell the quota; None where no header does
    """

    def __init__(
        self,
        store: Store,
        *,
        run: str | None = None,
        reservation: str = "",
        prober: str = "",
        names: Mapping[str, str] | None = None,
    ) -> None:
        self.store = store
        self._run = current_run() if run is None else run
        self._reservation = reservation
        self._prober = prober
        self._names = names
        self._report = Report()
        self._lock = threading.Lock()
        self._reported_at = time.monotonic()
        self._ahead = 0
        self._deferring = False
        self.failed = False
        """Whether the store has failed, the last time."""
        self._told = False
        self._retry_at = 0.0

    def before_request(self) -> None:
        """Count a request that is about to leave."""
        with self._lock:
            if self._ahead:
                # It has been counted with what was stored before.
                self._ahead -= 1
            else:
                self._report = replace(self._report, sent=self._report.sent + 1)

    def after_request(self, call: Call[Any], response: Response | None, result: Any) -> None:
        """Count a request that has ended, and keep what it tells of the quota.

        Only now it is taken from a reservation: until it has ended, a reading of the quota may not have it
        yet.
        """
        now = clock.now()
        with self._lock:
            self._report = replace(self._report, spent=self._report.spent + 1)
        if self._names is not None and response is not None:
            reading = read_headers(response.headers, now, self._names)
            if reading is not None:
                self.read(reading)
        if isinstance(result, QuotaExhausted):
            self.keep(Refusal("QuotaExhausted", str(result), now, result.resets_at))
        elif call.reading is not None and not isinstance(result, VendorError):
            self.read(call.reading(result, now))

    def read(self, reading: Quota) -> None:
        """Keep what the vendor says remains."""
        with self._lock:
            # It has what was sent before.
            self._report = replace(self._report, sent=0, reading=reading)

    def keep(self, refusal: Refusal) -> None:
        """Keep a refusal that concerns every request of the connection."""
        with self._lock:
            self._report = replace(self._report, refusal=refusal)

    @property
    def due(self) -> bool:
        """Say whether there is enough to be stored."""
        report = self._report
        if report.reading is not None or report.refusal is not None or report.sent >= PENDING:
            return True
        return report.sent > 0 and time.monotonic() - self._reported_at > REPORT_INTERVAL

    def flush(self) -> None:
        """Store what has been seen. If that fails, log it once and go on: it only counts.

        A database that is away for a while gets all of it later.
        """
        if self.failed and time.monotonic() < self._retry_at:
            return
        if self._deferring and not self._report.sent:
            return
        report = self.take()
        if report == Report():
            return
        try:
            self.store.report(report, run=self._run, reservation=self._reservation, prober=self._prober)
        except Exception as error:
            # A request that was answered must not fail for its being counted.
            self.failed = True
            pause = AWAY_PAUSE if getattr(error, "temporary", False) else math.inf
            self._retry_at = time.monotonic() + pause
            self.restore(report)
            if not self._told:
                self._told = True
                not_counted(self.store.account.conn_id, error)
        else:
            self.failed = False

    @contextmanager
    def deferred(self) -> Iterator[None]:
        """Leave what has been seen to the caller, who stores it with :meth:`take` and :meth:`write`.

        A request that is about to leave is stored all the same, unless it is counted ahead. What is left at
        the end is stored then.
        """
        self._deferring = True
        try:
            yield
        finally:
            self._deferring = False
            self.flush()

    def write(self, connection: sa.Connection, report: Report) -> None:
        """Store what has been seen, in a transaction that is open for something else.

        :param connection: the transaction
        :param report: what :meth:`take` returned
        """
        if report != Report():
            self.store.write(
                connection, report, run=self._run, reservation=self._reservation, prober=self._prober
            )

    def restore(self, lost: Report) -> None:
        """Take back what could not be stored."""
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
        """Close the store's database."""
        self.store.close()

    def take(self, *, ahead: int = 0) -> Report:
        """Return what has been seen since the last time, to be stored.

        :param ahead: how many requests are counted ahead: the next that leave need not be stored then
        """
        with self._lock:
            report, self._report = replace(self._report, sent=self._report.sent + ahead), Report()
            self._ahead += ahead
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
