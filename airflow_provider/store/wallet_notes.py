"""What a person has to see about wallets: contradictions, and settlements that could not be booked."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from airflow_provider.store.tables import wallet_note as table

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from airflow_provider.store.engine import Database

PAGE = 1000


def open_notes(
    database: Database, conn_ids: Collection[str] | None = None, *, limit: int = PAGE
) -> list[dict[str, Any]]:
    """Return the notes that nobody has closed, the newest first.

    Amounts are decimals, as text; times are seconds since 1970.

    :param database: the wallet's database
    :param conn_ids: those of these connections; None: of all
    :param limit: how many at most
    :raises StoreUnavailable: the database cannot be read
    """
    query = sa.select(table).where(table.c.closed_at.is_(None))
    if conn_ids is not None:
        query = query.where(table.c.conn_id.in_(conn_ids))
    with database.read() as connection:
        rows = connection.execute(query.order_by(table.c.created_at.desc(), table.c.id).limit(limit))
        return [row._asdict() for row in rows]


def close_note(
    database: Database, note_id: str, beside: Callable[[sa.Connection], None] | None = None
) -> bool:
    """Close a note, because a person has seen to it. No money is moved.

    :param database: the wallet's database
    :param note_id: its id
    :param beside: what else is done in the transaction, where the note was open
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
            beside(connection)
        return closed

    return database.run(work)
