"""Whether the books are right: on each database, after everything that may happen, and after a forgery."""

from __future__ import annotations

from decimal import Decimal

import pytest
import sqlalchemy as sa

from airflow_provider.mobadoo.wallet import Change, Refused, Ticket
from airflow_provider.mobadoo.wallet.loading import Player
from airflow_provider.store.tables import wallet_entry, wallet_player, wallet_ticket
from airflow_provider.store.wallet_check import check
from airflow_provider.store.wallet_notes import close_note, open_notes


@pytest.fixture
def books(wallet, database):
    """Tickets in every state, of two players and of one who is not there."""
    wallet.load([Player(player="bob", currency="JPY", balance=Decimal(1000))])
    for player in ("ada", "bob"):
        for name in ("settled", "refunded", "accepted"):
            wallet.debit(Ticket(ticket=name, player=player, amount=Decimal(7)))
        wallet.settle(Change(ticket="settled", player=player, state="RESOLVED", amount=Decimal(9)))
        wallet.refund(Change(ticket="refunded", player=player, state="CANCELED"))
    for player in ("ada", "bob", "eve"):
        wallet.refund(Change(ticket="void", player=player, state="CANCELED"))
        with pytest.raises(Refused):
            wallet.debit(Ticket(ticket="refused", player=player, amount=Decimal(10_000)))
    wallet.load([Player(player="bob", currency="JPY", balance=Decimal(990))], adjust=True)
    return database


def faults(database):
    return [(one.player, one.ticket, one.fault) for one in check(database).faults]


def test_books_that_are_right(books):
    found = check(books, "mobadoo_default")
    assert (found.players, found.tickets, found.entries, found.faults) == (2, 12, 13, [])
    assert check(books, "another").players == 0


FORGERIES = {
    "a balance": (
        sa.update(wallet_player).where(wallet_player.c.player == "ada").values(balance=1),
        [("ada", None, "the balance is 1; the sum of the entries is 9500")],
    ),
    "a ticket's state": (
        sa.update(wallet_ticket)
        .where(wallet_ticket.c.ticket == "accepted", wallet_ticket.c.player == "ada")
        .values(state="refunded"),
        [("ada", "accepted", "is refunded and has these entries: debit -700")],
    ),
    "a ticket's stake": (
        sa.update(wallet_ticket)
        .where(wallet_ticket.c.ticket == "accepted", wallet_ticket.c.player == "bob")
        .values(stake=8),
        [("bob", "accepted", "is accepted and has these entries: debit -7")],
    ),
    "a ticket that is gone": (
        sa.delete(wallet_ticket).where(wallet_ticket.c.ticket == "settled", wallet_ticket.c.player == "bob"),
        [("bob", "settled", "has entries and is not known")],
    ),
    "an entry that is gone": (
        sa.delete(wallet_entry).where(wallet_entry.c.ticket == "refunded", wallet_entry.c.player == "ada"),
        [
            ("ada", None, "entry 3 is missing: the next one is 4"),
            ("ada", "refunded", "is refunded and has these entries: none"),
        ],
    ),
    "an amount": (
        sa.update(wallet_entry)
        .where(wallet_entry.c.movement == "adjustment")
        .values(amount=wallet_entry.c.amount + 1),
        [("bob", None, "entry 7 says 990; the sum until then is 991")],
    ),
    "a player who is gone": (
        sa.delete(wallet_player).where(wallet_player.c.player == "ada"),
        [("ada", None, "has entries and no balance")],
    ),
}


@pytest.mark.parametrize(("forgery", "told"), FORGERIES.values(), ids=FORGERIES)
def test_what_is_wrong_is_told(books, forgery, told):
    with books.begin() as connection:
        connection.execute(forgery)
    assert faults(books) == told


def test_the_database_itself_refuses_a_negative_balance(books):
    from airflow_provider.exceptions import StoreUnavailable

    for table in (wallet_player, wallet_entry):
        column = "balance" if table is wallet_player else "balance_after"
        with pytest.raises(StoreUnavailable), books.begin() as connection:
            connection.execute(sa.update(table).values({column: -1}))


def test_a_note_is_open_until_it_is_closed(wallet, database):
    with pytest.raises(Refused):
        wallet.settle(Change(ticket="1", player="ada", state="RESOLVED", amount=Decimal("2.50")))
    [note] = open_notes(database, ["mobadoo_default", "another"])
    assert (note["kind"], note["movement"], note["amount"], note["times"]) == ("early", "settle", "2.50", 1)
    assert open_notes(database, ["another"]) == []
    assert [close_note(database, note["id"]), close_note(database, note["id"])] == [True, False]
    assert open_notes(database) == []


def test_a_settlement_that_comes_again_after_its_note_was_closed_is_shown_again(wallet, database):
    def settle(amount, ticket="1"):
        with pytest.raises(Refused):
            wallet.settle(Change(ticket=ticket, player="ada", state="RESOLVED", amount=Decimal(amount)))
        return open_notes(database)

    [note] = settle("2.50")
    close_note(database, note["id"])
    [again] = settle("3.50")
    assert (again["id"], again["amount"], again["times"]) == (note["id"], "3.50", 2)
    close_note(database, note["id"])
    wallet.debit(Ticket(ticket="2", player="ada", amount=Decimal(1)))
    [note] = settle("0.001", ticket="2")
    close_note(database, note["id"])
    [again] = settle("0.002", ticket="2")
    assert (again["kind"], again["amount"]) == ("invalid", "0.002")


def test_a_contradiction_that_comes_again_after_a_person_has_closed_it_stays_closed(wallet, database):
    wallet.debit(Ticket(ticket="1", player="ada", amount=Decimal(1)))
    wallet.settle(Change(ticket="1", player="ada", state="RESOLVED", amount=Decimal(2)))
    for left in (1, 0):
        with pytest.raises(Refused):
            wallet.refund(Change(ticket="1", player="ada", state="CANCELED"))
        assert len(open_notes(database)) == left
        for note in open_notes(database):
            close_note(database, note["id"])
