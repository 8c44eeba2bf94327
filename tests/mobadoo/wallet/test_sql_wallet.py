"""The wallet: what tickets, settlements and refunds do to a balance, on each database."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa

from airflow_provider.mobadoo.wallet import Change, Refused, Ticket
from airflow_provider.mobadoo.wallet.loading import Outcome, Player
from airflow_provider.store.tables import wallet_entry, wallet_note, wallet_ticket
from airflow_provider.store.wallet_check import check


def ticket(amount="10.00", **others):
    return Ticket(
        **{"ticket": "777", "transaction_id": "TX-1", "player": "ada", **others}, amount=Decimal(amount)
    )


def change(state, amount=None, **others):
    given = {"ticket": "777", "transaction_id": "TX-1", "player": "ada", **others}
    return Change(**given, state=state, amount=None if amount is None else Decimal(amount))


def balance(wallet, player="ada"):
    return str(wallet.credit_of(player).balance)


def entries(wallet):
    query = sa.select(wallet_entry.c.movement, wallet_entry.c.amount, wallet_entry.c.balance_after)
    with wallet._databases.wallet.read() as connection:
        return [tuple(row) for row in connection.execute(query.order_by(wallet_entry.c.number))]


def notes(wallet):
    with wallet._databases.wallet.read() as connection:
        return [row._asdict() for row in connection.execute(sa.select(wallet_note))]


def refused(call, told):
    with pytest.raises(Refused) as error:
        call(told)
    return error.value.state


def test_a_session_has_the_credit_of_its_player(wallet):
    credit = wallet.credit("session-of-ada")
    assert (credit.player, credit.currency, str(credit.balance)) == ("ada", "EUR", "100.00")
    assert refused(wallet.credit, "another") == "The session is not known."


def test_a_ticket_is_debited_once_and_settled_once(wallet):
    first = wallet.debit(ticket())
    assert wallet.debit(ticket()) == first
    assert balance(wallet) == "90.00"
    won = wallet.settle(change("RESOLVED", "18.5"))
    assert wallet.settle(change("RESOLVED", "18.50")) == won
    assert balance(wallet) == "108.50"
    assert entries(wallet) == [("opening", 10000, 10000), ("debit", -1000, 9000), ("settle", 1850, 10850)]


def test_canceled_and_rejected_are_one_refund_of_what_was_debited(wallet):
    wallet.debit(ticket())
    first = wallet.refund(change("CANCELED"))
    assert wallet.refund(change("REJECTED")) == first
    assert balance(wallet) == "100.00"


def test_a_refund_before_its_ticket_is_ok_and_the_ticket_is_refused(wallet):
    wallet.refund(change("REJECTED"))
    assert refused(wallet.debit, ticket()) == "The ticket was canceled before it came."
    assert balance(wallet) == "100.00"


def test_a_settlement_before_its_ticket_is_refused_and_written_down_until_it_is_settled(wallet):
    for _ in range(2):
        assert refused(wallet.settle, change("RESOLVED", "18.5")) == "The ticket is not known."
    [note] = notes(wallet)
    assert (note["kind"], note["times"], note["amount"], note["closed_at"]) == ("early", 2, "18.5", None)
    wallet.debit(ticket())
    wallet.settle(change("RESOLVED", "18.5"))
    [note] = notes(wallet)
    assert note["closed_at"] is not None
    assert balance(wallet) == "108.50"


def test_a_debit_that_was_refused_stays_refused(wallet):
    assert refused(wallet.debit, ticket("100.01")) == "The credit is not sufficient."
    wallet.debit(ticket("1", ticket="778"))
    wallet.settle(change("RESOLVED", "50", ticket="778"))
    assert refused(wallet.debit, ticket("100.01")) == "The credit is not sufficient."
    assert balance(wallet) == "149.00"
    wallet.refund(change("REJECTED"))
    assert balance(wallet) == "149.00"


def test_a_ticket_of_a_player_who_is_loaded_later_stays_refused(wallet):
    assert refused(wallet.debit, ticket(player="bob")) == "The player is not known."
    wallet.load([Player(player="bob", currency="EUR", balance=Decimal(50))])
    assert refused(wallet.debit, ticket(player="bob")) == "The player is not known."
    assert balance(wallet, "bob") == "50.00"


def test_a_settlement_needs_no_session_and_a_repeat_no_living_one(wallet):
    first = wallet.debit(ticket(player=None, hash="session-of-ada"))
    wallet.load([Player(player="ada", currency="EUR", balance=Decimal(90), hash="next-session-of-ada")])
    assert wallet.debit(ticket(player=None, hash="session-of-ada")) == first
    assert refused(wallet.debit, ticket(player=None, hash="session-of-ada", ticket="1")).startswith("Neither")
    assert wallet.debit(ticket(hash="session-of-ada")) == first
    wallet.settle(change("RESOLVED", "0"))
    assert balance(wallet) == "90.00"


def test_a_session_of_another_player_debits_nobody(wallet):
    wallet.load([Player(player="bob", currency="EUR", balance=Decimal(50))])
    assert (
        refused(wallet.debit, ticket(player="bob", hash="session-of-ada"))
        == "The session is another player's."
    )
    assert (balance(wallet), balance(wallet, "bob")) == ("100.00", "50.00")


def test_a_ticket_of_another_players_session_stays_refused_when_the_session_is_over(wallet):
    wallet.load([Player(player="bob", currency="EUR", balance=Decimal(50))])
    placed = ticket(player="bob", hash="session-of-ada")
    assert refused(wallet.debit, placed) == "The session is another player's."
    wallet.load([Player(player="ada", currency="EUR", balance=Decimal(100), hash="next-session-of-ada")])
    assert refused(wallet.debit, placed) == "The session is another player's."
    assert (balance(wallet), balance(wallet, "bob")) == ("100.00", "50.00")


def test_a_ticket_that_came_before_its_session_was_known_stays_refused(wallet):
    placed = ticket(player=None, hash="session-of-bob")
    assert refused(wallet.debit, placed).startswith("Neither")
    wallet.load([Player(player="bob", currency="EUR", balance=Decimal(50), hash="session-of-bob")])
    assert refused(wallet.debit, placed).startswith("Neither")
    assert balance(wallet, "bob") == "50.00"
    assert check(wallet.database).faults == []


def test_a_settlement_that_cannot_be_booked_is_shown_until_one_that_can_be_comes(wallet):
    wallet.debit(ticket())
    for _ in range(2):
        assert "fraction" in refused(wallet.settle, change("RESOLVED", "18.505"))
    [note] = notes(wallet)
    shown = (note["kind"], note["times"], note["amount"], note["state"], note["closed_at"])
    assert shown == ("invalid", 2, "18.505", "accepted", None)
    wallet.settle(change("RESOLVED", "18.50"))
    [note] = notes(wallet)
    assert note["closed_at"] is not None
    assert balance(wallet) == "108.50"


def test_a_win_that_the_balance_cannot_hold_is_shown(wallet):
    wallet.debit(ticket())
    assert "too large" in refused(wallet.settle, change("RESOLVED", "9999999999999999.99"))
    assert [(note["kind"], note["closed_at"]) for note in notes(wallet)] == [("invalid", None)]
    assert balance(wallet) == "90.00"


CONTRADICTIONS = {
    "a second create with another amount": (["create", ("create", "11")], "90.00"),
    "a second settlement with another amount": (["create", "resolve", ("resolve", "19")], "108.50"),
    "a settlement after a refund": (["create", "cancel", "resolve"], "100.00"),
    "a settlement after an early refund": (["cancel", "resolve"], "100.00"),
    "a refund after a settlement": (["create", "resolve", "cancel"], "108.50"),
    "a settlement of a refused ticket": ([("create", "1000"), "resolve"], "100.00"),
}


@pytest.mark.parametrize(("steps", "left"), CONTRADICTIONS.values(), ids=CONTRADICTIONS)
def test_a_contradiction_is_refused_and_shown(wallet, steps, left):
    calls: dict[str, Any] = {
        "create": lambda amount="10": wallet.debit(ticket(amount)),
        "resolve": lambda amount="18.5": wallet.settle(change("RESOLVED", amount)),
        "cancel": lambda: wallet.refund(change("CANCELED")),
    }
    steps = [(step,) if isinstance(step, str) else step for step in steps]
    for name, *amount in steps[:-1]:
        try:
            calls[name](*amount)
        except Refused:
            assert amount == ["1000"]
    name, *amount = steps[-1]
    for _ in range(3):
        with pytest.raises(Refused) as error:
            calls[name](*amount)
        assert error.value.code == 10
    [note] = notes(wallet)
    assert (note["kind"], note["times"], note["closed_at"]) == ("contradiction", 3, None)
    assert balance(wallet) == left


@pytest.mark.parametrize(
    ("amount", "why"),
    [
        ("0.001", "fraction"),
        ("-1", "negative"),
        ("1e400", "too large"),
        ("NaN", "no number"),
        ("1e-400", "fraction"),
    ],
)
def test_an_amount_that_is_none_is_refused(wallet, amount, why):
    assert why in refused(wallet.debit, ticket(amount))
    assert why in refused(wallet.debit, ticket("1")), "it is remembered"
    assert balance(wallet) == "100.00"


@pytest.mark.parametrize(("currency", "amount", "left"), [("JPY", "1e1", "90"), ("KWD", "9.999", "90.001")])
def test_a_currency_has_the_decimals_that_it_has(wallet, currency, amount, left):
    wallet.load([Player(player="cy", currency=currency, balance=Decimal(100))])
    wallet.debit(ticket(amount, player="cy"))
    assert balance(wallet, "cy") == left


def test_two_connections_share_no_player(wallet):
    other = wallet.for_connection("mobadoo_other")
    assert refused(other.debit, ticket()) == "The player is not known."
    other.load([Player(player="ada", currency="EUR", balance=Decimal(5))])
    assert (balance(wallet), balance(other)) == ("100.00", "5.00")
    assert refused(other.credit, "session-of-ada") == "The session is not known."


def test_the_session_is_in_no_row(wallet):
    wallet.debit(ticket(hash="session-of-ada"))
    with wallet._databases.wallet.read() as connection:
        [row] = connection.execute(sa.select(wallet_ticket)).all()
    assert "session-of" not in repr(row)
    assert "session-of" not in repr(ticket(hash="session-of-ada"))


# --- loading -----------------------------------------------------------------------------------------------


def load(wallet, adjust=False, **values):
    [loaded] = wallet.load([Player(**{"player": "ada", "currency": "EUR", **values})], adjust=adjust)
    return loaded


def test_loading_again_changes_nothing_and_a_differing_balance_is_told(wallet):
    assert load(wallet, balance=Decimal(100)).outcome == Outcome.UNCHANGED
    loaded = load(wallet, balance=Decimal(70), display_name="Ada")
    assert (loaded.outcome, str(loaded.before), str(loaded.balance)) == (Outcome.DIFFERS, "100.00", "100.00")
    assert wallet.credit_of("ada").display_name == "Ada"
    loaded = load(wallet, balance=Decimal(70), adjust=True)
    assert (loaded.outcome, str(loaded.before), str(loaded.balance)) == (Outcome.ADJUSTED, "100.00", "70.00")
    assert load(wallet, balance=Decimal(70), adjust=True).outcome == Outcome.UNCHANGED
    assert entries(wallet) == [("opening", 10000, 10000), ("adjustment", -3000, 7000)]
    assert wallet.credit_of("ada").display_name == "Ada"


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"balance": Decimal("0.001")}, "balance"),
        ({"balance": Decimal(-1)}, "balance"),
        ({"balance": Decimal(1), "currency": "XXX"}, "currency"),
        ({"balance": Decimal(1), "currency": "eur"}, "currency"),
        ({"balance": Decimal(1), "currency": "USD"}, "currency"),
        ({"balance": Decimal(1), "player": ""}, "player"),
        ({"balance": Decimal(1), "player": "x" * 251}, "player"),
        ({"balance": Decimal(1), "player": "bob", "hash": "session-of-ada"}, "hash"),
    ],
)
def test_a_player_who_cannot_be_loaded_holds_up_no_other(wallet, values, field):
    bad = Player(**{"player": "ada", "currency": "EUR", **values})
    good = Player(player="cy", currency="EUR", balance=Decimal(3), hash="session-of-cy")
    first, second = wallet.load([bad, good])
    assert (first.outcome, first.error.field) == (Outcome.FAILED, field)
    assert second.outcome == Outcome.CREATED
    assert wallet.credit("session-of-cy").player == "cy"
    assert balance(wallet) == "100.00"
