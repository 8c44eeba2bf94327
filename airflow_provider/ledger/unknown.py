"""Records whose outcome is not known, page by page: what a person has to decide about."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from airflow_provider.store import keyset
from airflow_provider.store.tables import ledger as table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from airflow_provider.store.engine import Database

ORDER = keyset.Order(table.c.conn_id, table.c.updated_at, table.c.id)

# Not a parameter: SQLite uses the index of unknown rows only where it sees that they alone are meant.
_UNKNOWN = table.c.state == sa.literal_column("'unknown'")

_SHOWN = (
    table.c.id,
    table.c.conn_id,
    table.c.operation,
    table.c.key,
    table.c.task,
    table.c.scope,
    table.c.error,
    table.c.attempts,
    table.c.updated_at,
)

GROUP = 1000


@dataclass(frozen=True, slots=True)
class Filter:
    """Which records are meant; what is left out does not matter.

    :param operation: name of the operation
    :param task: ``dag``, ``dag/run`` or ``dag/run/task``
    :param until: when they became unknown, at the latest, in seconds since 1970
    """

    operation: str | None = None
    task: str | None = None
    until: float | None = None

    def query(self) -> sa.Select[Any]:
        """Return the query of the rows that are meant."""
        query = sa.select(*_SHOWN).where(_UNKNOWN)
        if self.operation:
            query = query.where(table.c.operation == self.operation)
        if self.task:
            below = table.c.task.startswith(f"{self.task}/", autoescape=True)
            query = query.where(sa.or_(table.c.task == self.task, below))
        if self.until is not None:
            query = query.where(table.c.updated_at <= self.until)
        return query


def connections(database: Database) -> list[str]:
    """Return the ids of the connections that have records of unknown outcome.

    :param database: the ledger
    """
    with database.read() as connection:
        return keyset.distinct(connection.scalars, table.c.conn_id, _UNKNOWN)


def page(
    database: Database,
    conn_ids: Sequence[str],
    chosen: Filter,
    *,
    limit: int,
    after: tuple[float, str] | None = None,
) -> list[dict[str, Any]]:
    """Return records, those that became unknown last first.

    :param database: the ledger
    :param conn_ids: their connections
    :param chosen: which records
    :param limit: how many at most
    :param after: time and id of the last one of the page before
    """
    with database.read() as connection:
        found = keyset.newest(connection, chosen.query(), ORDER, conn_ids, limit=limit, after=after)
    return [{**row, "key": json.loads(row["key"])} for row in found]


def count(database: Database, conn_ids: Sequence[str], chosen: Filter, most: int) -> int:
    """Count records, but no more than ``most``.

    :param database: the ledger
    :param conn_ids: their connections
    :param chosen: which records
    :param most: where to stop
    """
    with database.read() as connection:
        return keyset.count_up_to(connection, chosen.query(), table.c.conn_id, conn_ids, most)


def each(database: Database, conn_ids: Sequence[str], chosen: Filter) -> Iterator[list[dict[str, Any]]]:
    """Yield all records in groups.

    :param database: the ledger
    :param conn_ids: their connections
    :param chosen: which records
    """
    after = None
    while rows := page(database, conn_ids, chosen, limit=GROUP, after=after):
        yield rows
        after = (rows[-1]["updated_at"], rows[-1]["id"])
        if len(rows) < GROUP:
            return


def one(database: Database, id_: str) -> dict[str, Any] | None:
    """Return a record of unknown outcome; None where there is none of this id.

    :param database: the ledger
    :param id_: id of its row
    """
    with database.read() as connection:
        found = connection.execute(sa.select(*_SHOWN).where(_UNKNOWN, table.c.id == id_)).mappings().first()
    return None if found is None else {**found, "key": json.loads(found["key"])}
