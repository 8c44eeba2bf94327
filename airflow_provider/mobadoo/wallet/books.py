"""The rows of a wallet: read, locked and written inside the caller's transaction."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from airflow_provider.mobadoo.wallet.money import to_decimal
from airflow_provider.mobadoo.wallet.protocol import Refused
from airflow_provider.mobadoo.wallet.rules import Known, Movement, Note, State
from airflow_provider.store.tables import wallet_entry, wallet_note, wallet_player, wallet_ticket

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from decimal import Decimal

    from airflow_provider.mobadoo.wallet.rules import Decision

LONGEST = 250
"""Characters of a player's or a ticket's identifier."""


def row_id(*parts: str) -> str:
    """Return the id of a row: a digest of what identifies it.

    :param parts: the parts, in which there is no NUL
    """
    return hashlib.blake2b("\0".join(parts).encode(), digest_size=16).hexdigest()


@dataclass(frozen=True, slots=True)
class Account:
    """A player's row.

    :param id: the row's id
    :param currency: three letters of ISO 4217
    :param decimals: of the balance
    :param balance: in minor units
    :param entries: the number of the latest entry
    :param display_name: what the player is called
    """

    id: str
    currency: str
    decimals: int
    balance: int
    entries: int
    display_name: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """A player who is new.

    :param player: the player
    :param currency: three letters of ISO 4217
    :param decimals: of the balance
    :param balance: in minor units
    :param display_name: what the player is called
    """

    player: str
    currency: str
    decimals: int
    balance: int
    display_name: str | None


class Books:
    """A connection's players, tickets and entries, in an open transaction.

    :param connection: the transaction
    :param conn_id: the connection of Mobadoo's
    """

    def __init__(self, connection: sa.Connection, conn_id: str) -> None:
        self._connection = connection
        self._conn_id = conn_id
        self._now = time.time()

    def account(self, player: str, *, lock: bool = False) -> Account | None:
        """Return a player's row; None where there is none.

        :param player: the player
        :param lock: whether nobody else may change it until the transaction ends
        """
        query = sa.select(wallet_player).where(wallet_player.c.id == row_id(self._conn_id, player))
        row = self._connection.execute(query.with_for_update() if lock else query).one_or_none()
        if row is None:
            return None
        return Account(row.id, row.currency, row.decimals, row.balance, row.entries, row.display_name)

    def accounts(self, players: Collection[str]) -> dict[str, Account]:
        """Return the rows of those players that there are, without a lock.

        :param players: the players, at most some thousand
        """
        table = wallet_player.c
        columns = (table.id, table.player, table.currency, table.decimals, table.balance, table.entries)
        query = sa.select(*columns, table.display_name).where(table.id.in_(map(self.order, players)))
        return {
            row.player: Account(
                row.id, row.currency, row.decimals, row.balance, row.entries, row.display_name
            )
            for row in self._connection.execute(query)
        }

    def ticket(self, player: str, ticket: str) -> Known | None:
        """Return what is known of a ticket; None where it is not known."""
        table = wallet_ticket.c
        columns = (table.state, table.stake, table.won, table.code, table.reason)
        query = sa.select(*columns).where(table.id == row_id(self._conn_id, player, ticket))
        row = self._connection.execute(query).one_or_none()
        if row is None:
            return None
        refusal = Refused(row.reason, row.code) if row.reason is not None else None
        return Known(State(row.state), row.stake, row.won, refusal)

    def has_entry(self, player: str, movement: Movement, key: str) -> bool:
        """Say whether money was moved without a ticket under a key.

        :param player: the player
        :param movement: why
        :param key: what :meth:`move` was given
        """
        id_ = row_id(self._conn_id, player, "", movement, key)
        query = sa.select(wallet_entry.c.id).where(wallet_entry.c.id == id_)
        return self._connection.scalar(query) is not None

    def move(
        self,
        account: Account,
        player: str,
        ticket: str | None,
        movement: Movement,
        amount: int,
        *,
        key: str = "",
    ) -> Account:
        """Change a balance, with an entry.

        :param account: the player's row, which is locked
        :param player: the player
        :param ticket: the ticket; None where money moves without one
        :param movement: why
        :param amount: minor units
        :param key: under what it is moved at most once where it has no ticket; empty: any number of times
        :return: the row as it is now
        """
        number, balance = account.entries + 1, account.balance + amount
        parts = (ticket, movement) if ticket is not None else ("", movement, key or str(number))
        self._connection.execute(
            sa.update(wallet_player)
            .where(wallet_player.c.id == account.id)
            .values(balance=balance, entries=number, updated_at=self._now)
        )
        self._connection.execute(
            sa.insert(wallet_entry).values(
                id=row_id(self._conn_id, player, *parts),
                player_id=account.id,
                number=number,
                conn_id=self._conn_id,
                player=player,
                ticket=ticket,
                movement=movement.value,
                amount=amount,
                balance_after=balance,
                created_at=self._now,
            )
        )
        return Account(account.id, account.currency, account.decimals, balance, number, account.display_name)

    def open(self, openings: Sequence[Opening]) -> None:
        """Insert the rows of new players, each with an entry of the opening balance.

        :param openings: the players, in the order of their rows
        :raises sqlalchemy.exc.IntegrityError: another transaction was faster
        """
        if not openings:
            return
        common = {"conn_id": self._conn_id, "created_at": self._now}
        # Two statements for all of them: there may be a hundred thousand.
        self._connection.execute(
            sa.insert(wallet_player),
            [
                {
                    "id": self.order(one.player),
                    "player": one.player,
                    "display_name": one.display_name,
                    "currency": one.currency,
                    "decimals": one.decimals,
                    "balance": one.balance,
                    "entries": 1,
                    "updated_at": self._now,
                    **common,
                }
                for one in openings
            ],
        )
        self._connection.execute(
            sa.insert(wallet_entry),
            [
                {
                    "id": row_id(self._conn_id, one.player, "", Movement.OPENING, "1"),
                    "player_id": self.order(one.player),
                    "number": 1,
                    "player": one.player,
                    "ticket": None,
                    "movement": Movement.OPENING.value,
                    "amount": one.balance,
                    "balance_after": one.balance,
                    **common,
                }
                for one in openings
            ],
        )

    def rename(self, account: Account, display_name: str | None) -> None:
        """Change what a player is called."""
        self._connection.execute(
            sa.update(wallet_player)
            .where(wallet_player.c.id == account.id)
            .values(display_name=display_name, updated_at=self._now)
        )

    def order(self, player: str) -> str:
        """Return the id of a player's row: rows are locked in the order of their ids."""
        return row_id(self._conn_id, player)

    def add_ticket(self, player: str, ticket: str, values: dict[str, Any]) -> None:
        """Insert a ticket's row.

        :param values: the other columns
        :raises sqlalchemy.exc.IntegrityError: another transaction was faster
        """
        self._connection.execute(
            sa.insert(wallet_ticket).values(
                id=row_id(self._conn_id, player, ticket),
                player_id=row_id(self._conn_id, player),
                conn_id=self._conn_id,
                player=player,
                ticket=ticket,
                created_at=self._now,
                updated_at=self._now,
                **values,
            )
        )

    def change_ticket(self, player: str, ticket: str, values: dict[str, Any]) -> None:
        """Change a ticket's row; its player's is locked."""
        self._connection.execute(
            sa.update(wallet_ticket)
            .where(wallet_ticket.c.id == row_id(self._conn_id, player, ticket))
            .values(updated_at=self._now, **values)
        )

    def player_of_session(self, ticket: str, digest: str) -> str | None:
        """Return the player of a ticket that was made in a session; None where there is none."""
        table = wallet_ticket.c
        query = sa.select(table.player).where(
            table.session == digest, table.conn_id == self._conn_id, table.ticket == ticket
        )
        return self._connection.scalar(query.limit(1))

    def note(self, kind: Note, noted: Noted) -> None:
        """Write down what a person has to see; the same thing again is counted.

        A settlement that still cannot be booked is open again. A contradiction that was closed stays closed.

        :raises sqlalchemy.exc.IntegrityError: another transaction was faster
        """
        id_ = self._note_id(kind, noted)
        table, recorded = wallet_note, noted.recorded
        amount = None if noted.amount is None else str(noted.amount)[:60]
        changed: dict[str, Any] = {"times": table.c.times + 1, "updated_at": self._now}
        if kind != Note.CONTRADICTION:
            # It is still not booked: what a person saw to was not enough.
            changed |= {"amount": amount, "closed_at": None}
        if self._connection.execute(sa.update(table).where(table.c.id == id_).values(changed)).rowcount:
            return
        self._connection.execute(
            sa.insert(table).values(
                id=id_,
                conn_id=self._conn_id,
                player=noted.player,
                ticket=noted.ticket,
                transaction_id=noted.transaction_id,
                kind=kind.value,
                movement=noted.movement.value,
                amount=amount,
                state=noted.known.state.value if noted.known else None,
                recorded=None if recorded is None else str(recorded),
                times=1,
                created_at=self._now,
                updated_at=self._now,
            )
        )

    def close_settled(self, player: str, ticket: str) -> None:
        """Close the notes of settlements that could not be booked, now that the ticket is settled."""
        table = wallet_note
        ids = [row_id(self._conn_id, player, ticket, kind) for kind in (Note.EARLY, Note.INVALID)]
        self._connection.execute(
            sa.update(table)
            .where(table.c.id.in_(ids), table.c.closed_at.is_(None))
            .values(closed_at=self._now, updated_at=self._now)
        )

    def _note_id(self, kind: Note, noted: Noted) -> str:
        parts = (self._conn_id, noted.player, noted.ticket, kind.value)
        if kind != Note.CONTRADICTION:
            return row_id(*parts)
        return row_id(*parts, noted.movement, "" if noted.amount is None else _plain(noted.amount))


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted:
    """What a note is about.

    :param player: the player
    :param ticket: the ticket
    :param transaction_id: Mobadoo's id of the transaction
    :param movement: what was asked for
    :param amount: how much
    :param known: what the ticket is
    :param decimals: those of the player's currency
    """

    player: str
    ticket: str
    transaction_id: str | None
    movement: Movement
    amount: Decimal | None
    known: Known | None
    decimals: int | None

    @property
    def recorded(self) -> Decimal | None:
        """The amount that the ticket has in the books."""
        if self.known is None or self.decimals is None:
            return None
        minor = self.known.won if self.known.state == State.SETTLED else self.known.stake
        return None if minor is None else to_decimal(minor, self.decimals)


def ticket_values(decision: Decision, stake: int | Refused | None) -> dict[str, Any]:
    """Return the columns of a new ticket that a decision determines."""
    refusal = decision.refusal
    return {
        "state": decision.state.value if decision.state else None,
        "stake": stake if isinstance(stake, int) else None,
        "code": refusal.code if refusal else None,
        "reason": refusal.state[:LONGEST] if refusal else None,
    }


def _plain(amount: Decimal) -> str:
    """Return the same text for amounts that are the same, however they are written."""
    _, digits, exponent = amount.as_tuple()
    significant = "".join(map(str, digits)).strip("0")
    trailing = len(digits) - len("".join(map(str, digits)).rstrip("0"))
    return f"{significant}e{int(exponent) + trailing}" if significant else "0"
