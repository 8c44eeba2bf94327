"""The wallet of this package: balances in a database, where each movement is booked once."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import sqlalchemy as sa
from sqlalchemy import exc

from airflow_provider.mobadoo.wallet import rules
from airflow_provider.mobadoo.wallet.books import Books, Noted, row_id, ticket_values
from airflow_provider.mobadoo.wallet.databases import Databases
from airflow_provider.mobadoo.wallet.loading import load_players
from airflow_provider.mobadoo.wallet.money import AmountError, to_decimal, to_minor
from airflow_provider.mobadoo.wallet.protocol import Code, Credit, Refused, UnreadableTicket
from airflow_provider.mobadoo.wallet.rules import Movement, State
from airflow_provider.store.sessions import Sessions, digest_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from decimal import Decimal

    from airflow_provider.mobadoo.wallet.books import Account
    from airflow_provider.mobadoo.wallet.loading import Loaded, Player
    from airflow_provider.mobadoo.wallet.protocol import Change, Ticket
    from airflow_provider.mobadoo.wallet.rules import Decision, Known
    from airflow_provider.store.engine import Database

T = TypeVar("T")

ATTEMPTS = 5
"""How often a transaction is tried where others insert the same rows at the same time."""

LOCK_TIMEOUT = 10
"""Seconds that a transaction waits for a player's row on PostgreSQL."""

NOBODY = ""
"""Under whom a ticket is booked, as refused, whose player is not known. No player is called that."""


class SqlWallet:
    """Players, tickets and entries in a database.

    Every movement is one transaction that locks its player's row, so calls may come at once, in any order,
    any number of times, and to any number of processes. Nothing is opened before the first call.

    :param conn_id: connection of the database: ``postgres`` or ``sqlite``; empty: the provider's own
        database, see ``[vendor_apis] ledger_conn_id``
    :param mobadoo_conn_id: the connection whose players these are. Those of another one are others.
    """

    def __init__(self, conn_id: str = "", mobadoo_conn_id: str = "mobadoo_default") -> None:
        self.mobadoo_conn_id = mobadoo_conn_id
        self._databases = Databases(conn_id)

    def for_connection(self, mobadoo_conn_id: str) -> SqlWallet:
        """Return the wallet of another connection, in the same database.

        :param mobadoo_conn_id: the connection
        """
        wallet = SqlWallet(mobadoo_conn_id=mobadoo_conn_id)
        wallet._databases = self._databases
        return wallet

    def close(self) -> None:
        """Close the connections to the database; the next call opens them again."""
        self._databases.close()

    def credit(self, hash: str) -> Credit:
        """Return what the player of a session has.

        :param hash: the session in clear
        :raises Refused: nobody has the session, or its player has no balance
        :raises StoreUnavailable: the database cannot be used
        """
        player = self._player_of_session(hash)
        if player is None:
            raise Refused("The session is not known.", Code.UNKNOWN_SESSION)
        return self.credit_of(player)

    def credit_of(self, player: str) -> Credit:
        """Return what a player has.

        :param player: the operator's own identifier of the player
        :raises Refused: the player is not known
        :raises StoreUnavailable: the database cannot be used
        """
        with self._databases.wallet.read() as connection:
            account = Books(connection, self.mobadoo_conn_id).account(player)
        if account is None:
            raise Refused("The player is not known.", Code.UNKNOWN_PLAYER)
        return Credit(
            player=player,
            currency=account.currency,
            balance=to_decimal(account.balance, account.decimals),
            display_name=account.display_name or "",
        )

    def debit(self, ticket: Ticket) -> str:
        """Take the amount of a new ticket from its player.

        :param ticket: the ticket
        :return: id of the transaction: the same each time
        :raises Refused: the ticket is not accepted, and never will be
        :raises StoreUnavailable: the database cannot be used; nothing was moved
        """
        player, decision = self._debited(ticket, ticket.amount)
        return self._answer(decision, player, ticket.ticket, Movement.DEBIT)

    def refuse_unreadable(self, ticket: UnreadableTicket, refusal: Refused) -> None:
        """Remember a new ticket as refused, because its amount cannot be read. No money is moved.

        :param ticket: the ticket
        :param refusal: what Mobadoo gets
        :raises StoreUnavailable: the database cannot be used; it is not remembered
        """
        self._debited(ticket, refusal)

    def _debited(self, ticket: Ticket | UnreadableTicket, amount: Decimal | Refused) -> tuple[str, Decision]:
        """Return under whom a ticket is booked, and what was done."""
        player, stranger = self._player_of_ticket(ticket)
        session = self._digest(ticket)

        def work(books: Books) -> Decision:
            account, known = books.account(player, lock=True), books.ticket(player, ticket.ticket)
            if known is not None and stranger is not None:
                return rules.Decision(stranger)
            currency = None if isinstance(ticket, UnreadableTicket) else ticket.currency
            stake = stranger or _minor("bet_amount", amount, currency, account)
            decision = rules.debit(known, stake, account.balance if account else None)
            if known is None:
                values = {"transaction_id": ticket.transaction_id, "session": session}
                books.add_ticket(player, ticket.ticket, ticket_values(decision, stake) | values)
            self._book(books, decision, account, player, ticket, Movement.DEBIT, known)
            return decision

        return player, self._run(work)

    def settle(self, change: Change) -> str:
        """Give a player what a ticket has won.

        :param change: the ticket, which is resolved
        :return: id of the transaction: the same each time
        :raises Refused: nothing is given: the ticket is not known, or something else was done before
        :raises StoreUnavailable: the database cannot be used; nothing was moved
        """
        if change.amount is None:
            raise Refused("The ticket is resolved without an amount.", Code.INVALID_AMOUNT)
        decision = self._settled(change, change.amount)
        return self._answer(decision, change.player, change.ticket, Movement.SETTLE)

    def note_unreadable(self, change: Change, refusal: Refused) -> None:
        """Write down a settlement whose amount cannot be read, for a person to see. No money is moved.

        :param change: the ticket, which is resolved, without an amount
        :param refusal: what Mobadoo gets
        :raises StoreUnavailable: the database cannot be used; nothing was written down
        """
        self._settled(change, refusal)

    def _settled(self, change: Change, amount: Decimal | Refused) -> Decision:
        def work(books: Books) -> Decision:
            account = books.account(change.player, lock=True)
            known = books.ticket(change.player, change.ticket)
            won = _minor("won_amount", amount, change.currency, account)
            decision = rules.settle(known, won, account.balance if account else None)
            if decision.state is not None:
                books.change_ticket(change.player, change.ticket, {"state": decision.state.value, "won": won})
                books.close_settled(change.player, change.ticket)
            self._book(books, decision, account, change.player, change, Movement.SETTLE, known)
            return decision

        return self._run(work)

    def refund(self, change: Change) -> str:
        """Give a player back what a ticket cost: that is what was debited, whatever the message says.

        Canceled and rejected are one movement. Of a ticket that is not known yet it is remembered: the ticket
        is refused when it comes.

        :param change: the ticket, which is canceled or rejected
        :return: id of the transaction: the same each time
        :raises Refused: the ticket is settled
        :raises StoreUnavailable: the database cannot be used; nothing was moved
        """

        def work(books: Books) -> Decision:
            account = books.account(change.player, lock=True)
            known = books.ticket(change.player, change.ticket)
            decision = rules.refund(known, account.balance if account else None)
            if known is None:
                values = {"state": State.VOID.value, "transaction_id": change.transaction_id}
                books.add_ticket(change.player, change.ticket, values)
            elif decision.state is not None:
                books.change_ticket(change.player, change.ticket, {"state": decision.state.value})
            self._book(books, decision, account, change.player, change, Movement.REFUND, known)
            return decision

        return self._answer(self._run(work), change.player, change.ticket, Movement.REFUND)

    @property
    def database(self) -> Database:
        """The database of players, tickets and entries, opened.

        :raises InvalidInput: its connection is of a type that cannot have them
        :raises StoreUnavailable: it cannot be used
        """
        return self._databases.wallet

    def load(self, players: Sequence[Player], *, adjust: bool = False, once: str = "") -> list[Loaded]:
        """Bring players and their opening balances into the wallet.

        A player who is there keeps the balance, which tickets have moved since: that it differs is told, and
        changed only on request, with an entry of its own. Loading the same again changes nothing.

        :param players: the players, at most some thousand at a time, each of them once
        :param adjust: whether a balance that differs is changed to the one that is given
        :param once: names what the adjustments belong to, like a run: a player is adjusted once under one
            name, so that doing it again does not undo what tickets have moved since; empty: each time
        :return: what has become of each, in their order
        :raises StoreUnavailable: the database cannot be used; no balance was changed
        """
        return load_players(
            self._databases, self.mobadoo_conn_id, players, self._run, adjust=adjust, once=once
        )

    def _book(
        self,
        books: Books,
        decision: Decision,
        account: Account | None,
        player: str,
        told: Ticket | UnreadableTicket | Change,
        movement: Movement,
        known: Known | None,
    ) -> None:
        if decision.moves is not None and account is not None:
            books.move(account, player, told.ticket, movement, decision.moves)
        if decision.note is not None:
            noted = Noted(
                player=player,
                ticket=told.ticket,
                transaction_id=told.transaction_id,
                movement=movement,
                amount=None if movement == Movement.REFUND else getattr(told, "amount", None),
                known=known,
                decimals=account.decimals if account else None,
            )
            books.note(decision.note, noted)

    def _answer(self, decision: Decision, player: str, ticket: str, movement: Movement) -> str:
        if decision.refusal is not None:
            # After the commit: that it is refused is remembered.
            raise decision.refusal
        return row_id(self.mobadoo_conn_id, player, ticket, movement)

    def _player_of_ticket(self, ticket: Ticket | UnreadableTicket) -> tuple[str, Refused | None]:
        """Return under whom a ticket is booked, and why it is refused whatever the player has.

        That is remembered like any other refusal: the session may be over, or known, when the ticket comes
        again.
        """
        of_session = self._player_of_session(ticket.hash) if ticket.hash else None
        if ticket.player is not None:
            other = of_session not in (None, ticket.player)
            refusal = Refused("The session is another player's.", Code.UNKNOWN_SESSION) if other else None
            return ticket.player, refusal
        if digest := self._digest(ticket):
            with self._databases.wallet.read() as connection:
                before = Books(connection, self.mobadoo_conn_id).player_of_session(ticket.ticket, digest)
            of_session = of_session if before is None else before
        if of_session:
            return of_session, None
        return NOBODY, Refused("Neither the session nor a player is known.", Code.UNKNOWN_SESSION)

    def _digest(self, ticket: Ticket | UnreadableTicket) -> str | None:
        return digest_of(self.mobadoo_conn_id, ticket.hash) if ticket.hash else None

    def _player_of_session(self, hash: str) -> str | None:
        return Sessions(self._databases.sessions, self.mobadoo_conn_id).player_of(hash)

    def _run(self, work: Callable[[Books], T]) -> T:
        """Do work in a transaction, and again where another one has inserted the same rows."""
        database = self._databases.wallet

        def transact(connection: sa.Connection) -> T:
            if connection.dialect.name == "postgresql":
                # It would wait for ever for a machine that has vanished.
                connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}s'")
            try:
                return work(Books(connection, self.mobadoo_conn_id))
            except exc.IntegrityError as error:
                raise _Overtaken from error

        for attempt in range(1, ATTEMPTS + 1):
            try:
                with self._databases.turn(database):
                    return database.run(transact)
            except _Overtaken as overtaken:
                if attempt == ATTEMPTS:
                    raise database.unavailable(overtaken.__cause__) from None
        raise AssertionError("the last attempt returns or raises")


class _Overtaken(Exception):
    """Another transaction has inserted the same row: it may be looked at now."""


def _minor(
    field: str, amount: Decimal | Refused, currency: str | None, account: Account | None
) -> int | Refused:
    if isinstance(amount, Refused):
        return amount
    if account is None:
        return Refused("The player is not known.", Code.UNKNOWN_PLAYER)
    if currency not in (None, account.currency):
        return Refused('"currency" is not the one that the player has.', Code.INVALID_AMOUNT)
    try:
        return to_minor(amount, account.decimals)
    except AmountError as error:
        return Refused(f'"{field}" {error}.', Code.INVALID_AMOUNT)
