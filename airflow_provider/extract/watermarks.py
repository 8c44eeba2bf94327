"""Up to which change a list has been read: the state of incremental reading, in the provider's database."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from airflow_provider.exceptions import InvalidInput
from airflow_provider.extract.instants import later, ticks
from airflow_provider.extract.store import digest
from airflow_provider.store.engine import insert_if_absent
from airflow_provider.store.tables import watermark as table
from airflow_provider.store.tables import watermark_read as reads

if TYPE_CHECKING:
    from airflow_provider.run_identity import RunIdentity
    from airflow_provider.store.engine import Database

KEPT = 400 * 24 * 3600.0
"""Seconds for which it is known what a run read from. One cleared later reads from the latest state."""


class Watermark:
    """The state of one list for one key.

    :param database: the database
    :param conn_id: id of the vendor's connection
    :param base_url: where the connection leads
    :param listing: name of the listing
    :param path: path of its requests: a list of one parent is another one than that of the next
    :param state_key: what the readers of one state have in common; two that need all changes have two keys
    """

    def __init__(
        self,
        database: Database,
        *,
        conn_id: str,
        base_url: str,
        listing: str,
        path: str,
        state_key: str,
    ) -> None:
        self._database = database
        self.id = digest(conn_id, base_url, listing, path, state_key)
        # In the words that people know it by, as far as the columns have room.
        self._columns = {
            "conn_id": conn_id[:250],
            "listing": listing[:200],
            "state_key": state_key[:1000],
        }

    def look(self) -> str | None:
        """Return the state, and leave everything as it is.

        :return: the time of a change, as the vendor writes it; None where nothing has been read
        :raises StoreUnavailable: the database cannot be read
        """
        with self._database.read() as connection:
            found: str | None = connection.scalar(sa.select(table.c.watermark).where(table.c.id == self.id))
        return found

    def start(self, identity: RunIdentity) -> str | None:
        """Return the time from which this run reads: the state when its first try began.

        :param identity: the task instance
        :return: the time of a change, as the vendor writes it; None for everything
        :raises StoreUnavailable: nothing can be read or stored
        """
        return self._database.run(lambda connection: self._start(connection, identity))

    def _start(self, connection: sa.Connection, identity: RunIdentity) -> str | None:
        state = self._locked(connection)
        found: str | None = state.watermark
        if not identity.run:
            return found
        now = time.time()
        id_ = digest(identity.instance, self.id)
        known = connection.execute(sa.select(reads.c.watermark).where(reads.c.id == id_)).one_or_none()
        if known is not None:
            return known.watermark  # type: ignore[no-any-return]
        mine = {"id": id_, "watermark_id": self.id, "task": identity.instance[:1000]}
        connection.execute(sa.insert(reads).values(**mine, watermark=found, created_at=now))
        old = sa.delete(reads).where(reads.c.watermark_id == self.id, reads.c.created_at < now - KEPT)
        connection.execute(old)
        return found

    def move(self, watermark: str | None, identity: RunIdentity) -> str | None:
        """Move the state forward, never back.

        :param watermark: the time of the latest change that is in the output; None where nothing was found
        :param identity: the task instance
        :return: the state, which another run may have moved further
        :raises StoreUnavailable: nothing was stored
        """
        return self._database.run(lambda connection: self._move(connection, watermark, identity))

    def _move(self, connection: sa.Connection, watermark: str | None, identity: RunIdentity) -> str | None:
        before: str | None = self._locked(connection).watermark
        after = later(before, watermark)
        if after != before:
            values = {"watermark": after, "task": identity.instance[:1000], "updated_at": time.time()}
            connection.execute(sa.update(table).where(table.c.id == self.id).values(values))
        return after

    def _locked(self, connection: sa.Connection) -> Any:
        """Return the row, made where there is none, and hold it until the transaction ends."""
        row = sa.select(table).where(table.c.id == self.id).with_for_update()
        found = connection.execute(row).one_or_none()
        if found is None:
            now = time.time()
            fresh = {"id": self.id, **self._columns, "created_at": now, "updated_at": now}
            connection.execute(insert_if_absent(table, connection.dialect.name), fresh)
            found = connection.execute(row).one()
        return found

    def close(self) -> None:
        """Close the database."""
        self._database.close()


def states(
    database: Database, conn_id: str | None = None, listing: str | None = None
) -> list[dict[str, Any]]:
    """Return the states, those that changed last first.

    :param database: the database
    :param conn_id: of this connection alone
    :param listing: of this list alone
    :raises StoreUnavailable: the database cannot be read
    """
    wanted = [
        *([table.c.conn_id == conn_id] if conn_id else []),
        *([table.c.listing == listing] if listing else []),
    ]
    rows = sa.select(table).where(*wanted).order_by(table.c.updated_at.desc(), table.c.id)
    with database.read() as connection:
        return [_shown(row._mapping) for row in connection.execute(rows)]


def put(database: Database, id: str, watermark: str) -> None:
    """Set a state by hand: the next run reads from there, also back.

    :param database: the database
    :param id: id of the state
    :param watermark: a time, as in ISO 8601
    :raises InvalidInput: it is no time, or there is no such state
    :raises StoreUnavailable: nothing was stored
    """
    if ticks(watermark) is None or len(watermark) > 64:
        raise InvalidInput(
            "the watermark is no time.", field="watermark", remedy="Write it like 2026-11-01T00:00:00Z."
        )
    values = {"watermark": watermark, "task": "set by hand", "updated_at": time.time()}
    statement = sa.update(table).where(table.c.id == id).values(values)
    if not database.run(lambda connection: connection.execute(statement).rowcount):
        raise _unknown(id)


def forget(database: Database, id: str) -> None:
    """Remove a state, and what its runs read from: the next run reads everything.

    :param database: the database
    :param id: id of the state
    :raises InvalidInput: there is no such state
    :raises StoreUnavailable: nothing was removed
    """

    def remove(connection: sa.Connection) -> int:
        connection.execute(sa.delete(reads).where(reads.c.watermark_id == id))
        return connection.execute(sa.delete(table).where(table.c.id == id)).rowcount

    if not database.run(remove):
        raise _unknown(id)


def _unknown(id: str) -> InvalidInput:
    return InvalidInput(
        f"there is no state {id[:40]}.", field="id", remedy="List the states to see their ids."
    )


def _shown(row: Any) -> dict[str, Any]:
    times = ("created_at", "updated_at")
    return {
        name: datetime.fromtimestamp(value, UTC).isoformat(timespec="seconds") if name in times else value
        for name, value in row.items()
    }
