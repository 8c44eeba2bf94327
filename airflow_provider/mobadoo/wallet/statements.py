"""What the books have of tickets, read without a lock, to be compared with what Mobadoo has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from airflow_provider.mobadoo.wallet.books import row_id
from airflow_provider.mobadoo.wallet.money import to_decimal
from airflow_provider.mobadoo.wallet.rules import Movement
from airflow_provider.store.tables import wallet_entry, wallet_player, wallet_ticket

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from airflow_provider.store.engine import Database

MOVEMENTS = (Movement.DEBIT, Movement.SETTLE, Movement.REFUND)

PAGE = 1000
"""Tickets that are read at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Booked:
    """What the books have of a ticket.

    :param player: the player
    :param ticket: Mobadoo's id of the ticket
    :param currency: the player's; None where the player is not known
    :param decimals: those of the currency
    :param state: what the ticket is; None where it is not known
    :param debit: minor units that were taken; None where there is no such entry
    :param settle: minor units that were won; None where there is no such entry
    :param refund: minor units that were given back; None where there is no such entry
    """

    player: str
    ticket: str
    currency: str | None = None
    decimals: int = 0
    state: str | None = None
    debit: int | None = None
    settle: int | None = None
    refund: int | None = None

    def shown(self) -> dict[str, str | None]:
        """Return state and amounts as text."""
        amounts = {name: getattr(self, name) for name in map(str, MOVEMENTS)}
        return {
            "state": self.state,
            **{
                name: None if minor is None else str(to_decimal(minor, self.decimals))
                for name, minor in amounts.items()
            },
        }


class Statements:
    """Reads what a connection's books have of tickets.

    :param database: the wallet's database
    :param conn_id: the connection of Mobadoo's
    """

    def __init__(self, database: Database, conn_id: str) -> None:
        self._database = database
        self._conn_id = conn_id

    def of(self, tickets: Sequence[tuple[str, str]]) -> list[Booked]:
        """Return what the books have of tickets.

        :param tickets: player and id of each, at most some thousand
        :return: one for each, in their order
        :raises StoreUnavailable: the database cannot be read
        """
        players = {row_id(self._conn_id, player): player for player, _ in tickets}
        rows = {row_id(self._conn_id, *one): one for one in tickets}
        entries = {row_id(self._conn_id, *one, name): (one, name) for one in tickets for name in MOVEMENTS}
        account, ticket, entry = wallet_player.c, wallet_ticket.c, wallet_entry.c
        with self._database.read() as connection:
            accounts = {
                players[row.id]: (row.currency, row.decimals)
                for ids in _grouped(players)
                for row in connection.execute(
                    sa.select(account.id, account.currency, account.decimals).where(account.id.in_(ids))
                )
            }
            states = {
                rows[row.id]: row.state
                for ids in _grouped(rows)
                for row in connection.execute(sa.select(ticket.id, ticket.state).where(ticket.id.in_(ids)))
            }
            amounts = {
                entries[row.id]: row.amount
                for ids in _grouped(entries)
                for row in connection.execute(sa.select(entry.id, entry.amount).where(entry.id.in_(ids)))
            }
        found = []
        for one in tickets:
            currency, decimals = accounts.get(one[0], (None, 0))
            debit = amounts.get((one, Movement.DEBIT))
            found.append(
                Booked(
                    player=one[0],
                    ticket=one[1],
                    currency=currency,
                    decimals=decimals,
                    state=states.get(one),
                    debit=None if debit is None else -debit,
                    settle=amounts.get((one, Movement.SETTLE)),
                    refund=amounts.get((one, Movement.REFUND)),
                )
            )
        return found

    def tickets(self, *, since: float, before: float) -> Iterator[list[tuple[str, str]]]:
        """Return the tickets that were debited, page by page.

        :param since: only tickets that came from this time on, in seconds since 1970
        :param before: only tickets that came before this time
        :raises StoreUnavailable: the database cannot be read
        """
        table, last = wallet_ticket.c, ""
        while True:
            query = (
                sa.select(table.id, table.player, table.ticket)
                .where(
                    table.conn_id == self._conn_id,
                    table.id > last,
                    table.state.in_(("accepted", "settled", "refunded")),
                    table.created_at >= since,
                    table.created_at < before,
                )
                .order_by(table.id)
                .limit(PAGE)
            )
            with self._database.read() as connection:
                rows = connection.execute(query).all()
            if not rows:
                return
            yield [(row.player, row.ticket) for row in rows]
            last = rows[-1].id


def _grouped(ids: Mapping[str, object]) -> Iterator[list[str]]:
    every = list(ids)
    for begin in range(0, len(every), PAGE):
        yield every[begin : begin + PAGE]
