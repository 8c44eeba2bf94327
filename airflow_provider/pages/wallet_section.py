"""The wallets: contradictions, and settlements that could not be booked, for a person to see to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa
from fastapi import HTTPException

from airflow_provider.ledger.decisions import Decider, write_down_closing
from airflow_provider.pages.sections import MANY, PAGE, Table, paged, read_key
from airflow_provider.store import wallet_notes
from airflow_provider.store.tables import wallet_note

if TYPE_CHECKING:
    from airflow_provider.pages.access import Viewer
    from airflow_provider.store.engine import Database


def notes(database: Database, view: Viewer, after: str = "") -> Table:
    """Return a page of what nobody has closed, the newest first.

    :param database: the wallet's database
    :param view: who looks
    :param after: the key of the page
    """
    conn_ids = view.sees(wallet_notes.connections(database))
    mine = view.changes(conn_ids)
    found = wallet_notes.open_notes(database, conn_ids, limit=PAGE + 1, after=read_key(after))
    return paged([{**row, "mine": row["conn_id"] in mine} for row in found], conn_ids, "created_at")


def count(database: Database, view: Viewer) -> int:
    """Count what nobody has closed, but no more than :data:`~airflow_provider.pages.sections.MANY`.

    :param database: the wallet's database
    :param view: who looks
    """
    return wallet_notes.count_open(database, view.sees(wallet_notes.connections(database)), MANY)


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
    by = Decider(view.name, "page")
    closed = wallet_notes.close_note(
        database, note_id, lambda connection, note: write_down_closing(connection, note, by)
    )
    return int(closed)
