"""Prove that the books of wallets are right: every balance is the sum of its entries, one after the other."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sa

from airflow_provider.store.tables import wallet_entry, wallet_player, wallet_ticket

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider.store.engine import Database

BLOCK = 1000
"""Rows that are fetched at a time."""


class Fault(NamedTuple):
    """Something that is wrong.

    :param conn_id: the connection
    :param player: the player
    :param ticket: the ticket; None where it is about the balance
    :param fault: what is wrong
    """

    conn_id: str
    player: str
    ticket: str | None
    fault: str


@dataclass(slots=True)
class Books:
    """What was found.

    :param players: how many players there are
    :param tickets: how many tickets
    :param entries: how many entries
    :param faults: what is wrong
    """

    players: int
    tickets: int
    entries: int
    faults: list[Fault]


def check(database: Database, conn_id: str | None = None) -> Books:
    """Look at every player, ticket and entry, in one state of the database; money may move meanwhile.

    :param database: the wallet's database
    :param conn_id: of this connection alone
    :raises StoreUnavailable: the database cannot be read
    """
    books = Books(0, 0, 0, [])
    with database.read(snapshot=True) as connection:
        streams = (
            _rows(connection, wallet_player, conn_id, wallet_player.c.id),
            _rows(connection, wallet_entry, conn_id, wallet_entry.c.player_id, wallet_entry.c.number),
            _rows(connection, wallet_ticket, conn_id, wallet_ticket.c.player_id),
        )
        for players, entries, tickets in _by_player(*streams):
            books.players += len(players)
            books.entries += len(entries)
            books.tickets += len(tickets)
            books.faults += [*_of_balance(players, entries), *_of_tickets(entries, tickets)]
    return books


def _rows(
    connection: sa.Connection, table: sa.Table, conn_id: str | None, *order: sa.ColumnElement[Any]
) -> Iterator[Any]:
    query = sa.select(table).order_by(*order)
    if conn_id is not None:
        query = query.where(table.c.conn_id == conn_id)
    # So that a million entries need no memory.
    yield from connection.execute(query, execution_options={"yield_per": BLOCK})


def _by_player(*streams: Iterator[Any]) -> Iterator[list[list[Any]]]:
    """Yield the rows of each stream that belong to the same player, one player after the other."""
    # Ids are digests in hexadecimal: every database has them in the same order.
    players, *others = streams
    groups: list[Iterator[tuple[str, Iterator[Any]]]] = [
        groupby(players, key=lambda row: row.id),
        *(groupby(stream, key=lambda row: row.player_id) for stream in others),
    ]
    heads = [next(group, None) for group in groups]
    while any(heads):
        player = min(head[0] for head in heads if head)
        found = []
        for number, head in enumerate(heads):
            mine = head is not None and head[0] == player
            found.append(list(head[1]) if mine and head else [])
            if mine:
                heads[number] = next(groups[number], None)
        yield found


def _of_balance(players: list[Any], entries: list[Any]) -> Iterator[Fault]:
    rows = players or entries
    if not rows:
        return
    place = (rows[0].conn_id, rows[0].player, None)
    balance = 0
    for number, entry in enumerate(entries, 1):
        balance += entry.amount
        if entry.number != number:
            yield Fault(*place, f"entry {number} is missing: the next one is {entry.number}")
            return
        if entry.balance_after != balance:
            yield Fault(*place, f"entry {number} says {entry.balance_after}; the sum until then is {balance}")
            return
    if not players:
        yield Fault(*place, "has entries and no balance")
    elif players[0].balance != balance:
        yield Fault(*place, f"the balance is {players[0].balance}; the sum of the entries is {balance}")
    elif players[0].entries != len(entries):
        yield Fault(*place, f"has {len(entries)} entries; {players[0].entries} were made")


def _of_tickets(entries: list[Any], tickets: list[Any]) -> Iterator[Fault]:
    moved: dict[str, dict[str, int]] = {}
    places = {row.ticket: (row.conn_id, row.player, row.ticket) for row in (*entries, *tickets) if row.ticket}
    for entry in entries:
        if entry.ticket is not None:
            moved.setdefault(entry.ticket, {})[entry.movement] = entry.amount
    known = {ticket.ticket: ticket for ticket in tickets}
    for name, place in places.items():
        found = moved.get(name, {})
        wanted = _wanted(known[name]) if name in known else None
        if wanted is None:
            yield Fault(*place, "has entries and is not known")
        elif found != wanted:
            yield Fault(*place, f"is {known[name].state} and has these entries: {_told(found)}")


def _wanted(ticket: Any) -> dict[str, int]:
    """Return the entries that a ticket must have, by what it is."""
    if ticket.state in ("refused", "void"):
        return {}
    wanted = {"debit": -ticket.stake}
    if ticket.state == "settled":
        wanted["settle"] = ticket.won
    elif ticket.state == "refunded":
        wanted["refund"] = ticket.stake
    return wanted


def _told(entries: dict[str, int]) -> str:
    return ", ".join(f"{movement} {amount}" for movement, amount in sorted(entries.items())) or "none"
