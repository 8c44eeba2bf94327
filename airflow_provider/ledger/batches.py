"""What the operations page shows of a batch: where it is, how far it has come, how it ended.

A row never costs a batch its try. It is written beside the work, by a thread of its own. Where it cannot be
written, that is logged once and the batch goes on.
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from typing import TYPE_CHECKING, Any, Protocol, Self
from urllib.parse import urlsplit, urlunsplit

import sqlalchemy as sa

from airflow_provider.exceptions import VendorError
from airflow_provider.store import keyset
from airflow_provider.store.tables import batch as table

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from airflow_provider.run_identity import RunIdentity
    from airflow_provider.store.engine import Database

log = logging.getLogger(__name__)

INTERVAL = 5.0
"""Seconds between two writes of a batch that runs."""

SILENT = 60.0
"""Seconds after which a batch that has not written counts as interrupted: its process was killed."""

LAST_WAIT = 2.0
"""Seconds that the end of a batch waits for its last write."""

KEPT = 90 * 86400.0
"""Seconds for which a row is kept."""

LONGEST_ERROR = 1000

ORDER = keyset.Order(table.c.conn_id, table.c.started_at, table.c.id)


class Counts(Protocol):
    """How many records have ended how."""

    created: int
    existing: int
    replayed: int
    failed: int
    unknown: int


class BatchRow:
    """The row of a batch, for as long as it runs. What goes wrong with it is logged, and never raised.

    :param database: the provider's database, prepared
    :param conn_id: id of the connection
    :param operation: name of the operation
    :param identity: the task
    :param try_number: which try of the task
    """

    def __init__(
        self, database: Database, conn_id: str, operation: str, identity: RunIdentity, try_number: int
    ) -> None:
        self._database = database
        self._id = uuid.uuid4().hex
        self._first = {
            "id": self._id,
            "conn_id": conn_id[:250],
            "operation": operation[:100],
            "dag_id": identity.dag_id[:250],
            "run_id": identity.run_id[:250],
            "task_id": identity.task_id[:250],
            "map_index": identity.map_index,
            "try_number": try_number,
            "started_at": time.time(),
        }
        self._counts: Counts | None = None
        self._fraction: Callable[[], float | None] = lambda: None
        self._last: dict[str, Any] = {}
        self._ended = threading.Event()
        self._warned = False
        self._thread = threading.Thread(target=self._keep, name="vendor-apis-batch-row", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        ended = {"state": "failed", "error": _brief(error)} if error is not None else {"state": "done"}
        self._last |= {**ended, "ended_at": time.time()}
        self._ended.set()
        # A database that is away does not hold up the end of the task.
        self._thread.join(LAST_WAIT)

    def follow(self, counts: Counts, fraction: Callable[[], float | None]) -> None:
        """Write from now on how far the batch has come.

        :param counts: its counts, as they are at any time
        :param fraction: returns how much of the input is done, from 0 to 1; None where that is not known
        """
        self._counts, self._fraction = counts, fraction

    def published(self, output: str | None, report: str | None, requests: int) -> None:
        """Note what the batch has left, to be written at its end.

        :param output: where the results are; None where none are published
        :param report: where the failed records are
        :param requests: how many requests were sent
        """
        self._last = {"output": _place(output), "report": _place(report), "requests": requests}

    def _keep(self) -> None:
        ended = False
        while not ended:
            self._write()
            ended = self._ended.wait(INTERVAL)
        self._write(**self._last)

    def _write(self, **values: Any) -> None:
        try:
            # What could not be written at the beginning is written now.
            if not self._update(values):
                self._insert(values)
        except Exception as error:
            if not self._warned:
                self._warned = True
                log.warning("The operations page does not show this batch as it is: %s", _brief(error))

    def _update(self, values: dict[str, Any]) -> int:
        values = {**self._progress(), "updated_at": time.time(), **values}
        with self._database.begin() as connection:
            return connection.execute(sa.update(table).where(table.c.id == self._id).values(values)).rowcount

    def _insert(self, values: dict[str, Any]) -> None:
        values = {**self._first, **self._progress(), "state": "running", "updated_at": time.time(), **values}
        with self._database.begin() as connection:
            connection.execute(sa.insert(table).values(values))
        with self._database.begin() as connection:
            connection.execute(sa.delete(table).where(table.c.started_at < time.time() - KEPT))

    def _progress(self) -> dict[str, Any]:
        names = ("created", "existing", "replayed", "failed", "unknown")
        counted = {name: getattr(self._counts, name, 0) for name in names}
        return {**counted, "fraction": self._fraction()}


def _place(path: str | None) -> str | None:
    """Return a path or URI without what may be a secret in it: a password, or a query that is signed."""
    if path is None or "://" not in path:
        return path
    scheme, host, rest, _, _ = urlsplit(path)
    who, _, server = host.rpartition("@")
    # Before the host there may be the id of an Airflow connection, which is none.
    return urlunsplit((scheme, server if ":" in who else host, rest, "", ""))


def _brief(error: BaseException | None) -> str:
    # Other errors than ours may quote values.
    return str(error)[:LONGEST_ERROR] if isinstance(error, VendorError) else type(error).__name__


def connections(database: Database) -> list[str]:
    """Return the ids of the connections that have batches.

    :param database: the provider's database
    """
    with database.read() as connection:
        return keyset.distinct(connection.scalars, table.c.conn_id)


def running(
    database: Database, conn_ids: Sequence[str], *, limit: int, **filters: Any
) -> list[sa.RowMapping]:
    """Return the batches that run now, those that began last first.

    :param database: the provider's database
    :param conn_ids: their connections
    :param limit: how many at most
    :param filters: see :func:`conditions`
    """
    query = sa.select(table).where(
        table.c.state == "running", table.c.updated_at > time.time() - SILENT, *conditions(**filters)
    )
    with database.read() as connection:
        return keyset.newest(connection, query, ORDER, conn_ids, limit=limit, few=True)


def ended(
    database: Database,
    conn_ids: Sequence[str],
    *,
    limit: int,
    after: tuple[float, str] | None = None,
    state: str | None = None,
    **filters: Any,
) -> list[sa.RowMapping]:
    """Return the batches that have ended, those that began last first.

    :param database: the provider's database
    :param conn_ids: their connections
    :param limit: how many at most
    :param after: start and id of the last one of the page before
    :param state: ``done``, ``partly``: done, and records have failed; ``failed`` or ``interrupted``
    :param filters: see :func:`conditions`
    """
    interrupted = sa.and_(table.c.state == "running", table.c.updated_at <= time.time() - SILENT)
    left = table.c.failed + table.c.unknown
    states = {
        "done": table.c.state == "done",
        "partly": sa.and_(table.c.state == "done", left > 0),
        "failed": table.c.state == "failed",
        "interrupted": interrupted,
    }
    over = states.get(state or "", sa.or_(table.c.state != "running", interrupted))
    query = sa.select(table).where(over, *conditions(**filters))
    with database.read() as connection:
        few = bool(filters.get("task"))
        return keyset.newest(connection, query, ORDER, conn_ids, limit=limit, after=after, few=few)


def conditions(operation: str | None = None, task: str | None = None) -> list[sa.ColumnElement[bool]]:
    """Return filters as SQL conditions.

    :param operation: name of the operation
    :param task: ``dag``, ``dag/run`` or ``dag/run/task``
    """
    found = [table.c.operation == operation] if operation else []
    if task:
        names = (table.c.dag_id, table.c.run_id, table.c.task_id)
        found += [column == part for column, part in zip(names, task.split("/", 2), strict=False)]
    return found
