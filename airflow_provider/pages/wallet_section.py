"""The wallets: contradictions, and settlements that could not be booked, for a person to see to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from fastapi import HTTPException

from airflow_provider.ledger.decisions import Decider, write_down
from airflow_provider.store.tables import wallet_note
from airflow_provider.store.wallet_notes import close_note, open_notes

if TYPE_CHECKING:
    from airflow_provider.pages.access import Viewer
    from airflow_provider.store.engine import Database

MANY = 200


def notes(database: Database, view: Viewer) -> list[dict[str, Any]]:
    """Return what nobody has closed, the newest first.

    :param database: the wallet's database
    :param view: who looks
    """
    query = sa.select(wallet_note.c.conn_id).where(wallet_note.c.closed_at.is_(None)).distinct()
    with database.read() as connection:
        conn_ids = view.sees(sorted(connection.scalars(query)))
    mine = view.changes(conn_ids)
    found = open_notes(database, conn_ids, limit=MANY)
    return [{**row, "mine": row["conn_id"] in mine} for row in found]


def close(database: Database, view: Viewer, note_id: str) -> int:
    """Close a note, and write down who has.

    :param database: the wallet's database
    :param view: who has seen to it
    :param note_id: its id
    :raises HTTPException: there is none, or the user may not close it
    """
    with database.read() as connection:
        open_ = wallet_note.c.closed_at.is_(None)
        query = sa.select(wallet_note.c.conn_id).where(wallet_note.c.id == note_id, open_)
        conn_id = connection.scalar(query)
    if conn_id is None:
        raise HTTPException(404, "There is nothing open like that. Somebody may have closed it.")
    view.require(conn_id, "PUT")
    row = {"id": note_id, "conn_id": conn_id, "operation": "wallet", "task": ""}
    by = Decider(view.name, "page")
    return int(close_note(database, note_id, lambda begun: write_down(begun, [row], "closed", by)))
