"""What a person has to see about wallets: contradictions, and settlements that could not be booked."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from airflow_provider.store import keyset
from airflow_provider.store.tables import wallet_note as table

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from airflow_provider.store.engine import Database

PAGE = 1000

ORDER = keyset.Order(table.c.conn_id, table.c.created_at, table.c.id)


def open_notes(
    database: Database,
    conn_ids: Collection[str] | None = None,
    *,
    limit: int = PAGE,
    after: tuple[float, str] | None = None,
) -> list[dict[str, Any]]:
    """Return the notes that nobody has closed, the newest first.

    Amounts are decimals, as text; times are seconds since 1970.

    :param database: the wallet's database
    :param conn_ids: those of these connections; None: of all
    :param limit: how many at most
    :param after: time and id of the last one of the page before
    :raises StoreUnavailable: the database cannot be read
    """
    query = sa.select(table).where(table.c.closed_at.is_(None))
    of = connections(database) if conn_ids is None else list(conn_ids)
    with database.read() as connection:
        rows = keyset.newest(connection, query, ORDER, of, limit=limit, after=after, few=True)
        return [dict(row) for row in rows]


def connections(database: Database) -> list[str]:
    """Return the ids of the connections that have open notes.

    :param database: the wallet's database
    """
    query = sa.select(table.c.conn_id).where(table.c.closed_at.is_(None)).distinct()
    with database.read() as connection:
        return sorted(connection.scalars(query))


def count_open(database: Database, conn_ids: Collection[str], most: int) -> int:
    """Count open notes, but no more than ``most``.

    :param database: the wallet's database
    :param conn_ids: those of these connections
    :param most: where to stop
    """
    query = sa.select(table.c.id).where(table.c.closed_at.is_(None))
    with database.read() as connection:
        return keyset.count_up_to(connection, query, table.c.conn_id, conn_ids, most)


def close_note(
    database: Database, note_id: str, beside: Callable[[sa.Connection, sa.RowMapping], None] | None = None
) -> bool:
    """Close a note, because a person has seen to it. No money is moved.

    :param database: the wallet's database
    :param note_id: its id
    :param beside: what else is done in the transaction, with the note, where it was open
    :return: whether it was open
    :raises StoreUnavailable: the database cannot be used
    """
    now = time.time()
    closing = (
        sa.update(table)
        .where(table.c.id == note_id, table.c.closed_at.is_(None))
        .values(closed_at=now, updated_at=now)
    )

    def work(connection: sa.Connection) -> bool:
        closed = connection.execute(closing).rowcount == 1
        if closed and beside is not None:
            note = connection.execute(sa.select(table).where(table.c.id == note_id)).mappings().one()
            beside(connection, note)
        return closed

    return database.run(work)
