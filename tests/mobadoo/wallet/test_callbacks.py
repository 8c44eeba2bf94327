"""What Mobadoo asks, read from the raw body and answered: every form, and every amount that is none."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from airflow_provider.events.body import Refused as BadBody
from airflow_provider.events.callback import Callback
from airflow_provider.mobadoo.callbacks import answer
from airflow_provider.mobadoo.connection import MobadooOptions
from airflow_provider.mobadoo.wallet import Change, Refused, SqlWallet, Ticket
from airflow_provider.store.wallet_notes import open_notes
from tests.support.receiving import connection, receiving


def options(**extra: Any) -> MobadooOptions:
    found = connection("mobadoo_default")
    found.extra = json.dumps({**json.loads(found.extra), **extra})
    return MobadooOptions.read(found)


class Listening:
    """Takes everything."""

    def __init__(self) -> None:
        self.heard: list[Any] = []

    def credit(self, hash):
        raise Refused("The session is not known.", 2)

    def debit(self, ticket):
        self.heard.append(ticket)
        return "OP"

    def settle(self, change):
        self.heard.append(change)
        return "OP"

    def refund(self, change):
        self.heard.append(change)
        return "OP"


def called(body: str, wallet: Any = None, **extra: Any) -> Any:
    found = answer(options(**extra), wallet or Listening(), Callback(name="create", body=body.encode()))
    return found.json


def create(amount: str = "10.0", rest: str = "", **extra: Any) -> Any:
    wallet = Listening()
    body = (
        '{"hash": "session", "uuid": "ada", "id": 777, "transaction_id": "TX-1", "state": "CREATED", '
        f'"tips": [{{"product_type": "odds", "bet_amount": {amount}}}{rest}]}}'
    )
    found = called(body, wallet, **extra)
    return wallet.heard[0].amount if wallet.heard else found["state"]


@pytest.mark.parametrize(
    ("amount", "read"),
    [
        ("10", "10"),
        ("10.00", "10.00"),
        ("0.1", "0.1"),
        ("1e1", "1E+1"),
        ("1.5E-1", "0.15"),
        ("0", "0"),
        ("-0.0", "-0.0"),
        ("90071992547409.93", "90071992547409.93"),
        ("0.1000000000000000055511151231257827", "0.1000000000000000055511151231257827"),
    ],
)
def test_an_amount_is_read_digit_by_digit(amount, read):
    assert str(create(amount)) == read


@pytest.mark.parametrize(
    ("amount", "shape"),
    [
        ("-1", "is negative"),
        ("-0.01", "is negative"),
        ("true", "is a boolean, not a number"),
        ('"10.0"', "is a text, not a number"),
        ("null", "is missing, not a number"),
        ("[10]", "is a list, not a number"),
        ('{"a": 1}', "is an object, not a number"),
    ],
)
def test_an_amount_that_is_none_is_refused_with_its_field_and_its_shape(amount, shape):
    assert create(amount) == f'"tips[0].bet_amount" {shape}.'


@pytest.mark.parametrize(
    ("amount", "why"),
    [
        ("0.001", '"bet_amount" has a fraction of a minor unit: the currency has 2 decimals.'),
        ("10.000000000000000000000000000001", "fraction"),
        ("1e-3", "fraction"),
        ("1e-999999", "fraction"),
        ("1e400", '"bet_amount" is too large.'),
        ("1e999999999", "too large"),
        ("9999999999999999999999", "too large"),
    ],
)
def test_an_amount_that_is_no_whole_number_of_minor_units_moves_nothing(wallet, amount, why):
    body = f'{{"uuid": "ada", "id": 1, "state": "CREATED", "tips": [{{"bet_amount": {amount}}}]}}'
    found = called(body, wallet)
    assert (found["code"], found["transaction_id"]) == (4, "")
    assert why in found["state"]
    assert str(wallet.credit_of("ada").balance) == "100.00"


def resolved(tips: str) -> str:
    ticket = f'{{"id": 1, "uuid": "ada", "transaction_id": "TX", "state": "RESOLVED", "tips": {tips}}}'
    return f'{{"type": "TICKET_CHANGED", "ticket": {ticket}}}'


TIPS_WITHOUT_AN_AMOUNT = [
    '[{"won_amount": "18.50"}]',
    '[{"won_amount": null}]',
    '[{"won_amount": -1}]',
    "[{}]",
    "[]",
    '[{"won_amount": 1}, {"won_amount": 2}]',
]


@pytest.mark.parametrize("tips", TIPS_WITHOUT_AN_AMOUNT)
def test_a_settlement_whose_amount_cannot_be_read_is_shown_until_it_is_settled(wallet, database, tips):
    ticket = '{"uuid": "ada", "id": 1, "state": "CREATED", "tips": [{"bet_amount": 10}]}'
    assert called(ticket, wallet)["state"] == "OK"
    answers = [called(resolved(tips), wallet, ticket_amount="refuse") for _ in range(2)]
    assert answers[0] == answers[1]
    assert answers[0]["transaction_id"] == ""
    assert "ticket.tips" in answers[0]["state"]
    [note] = open_notes(database)
    assert (note["kind"], note["player"], note["ticket"], note["times"]) == ("invalid", "ada", "1", 2)
    assert (note["movement"], note["amount"], note["state"]) == ("settle", None, "accepted")
    assert called(resolved('[{"won_amount": 18.5}]'), wallet)["state"] == "OK"
    assert open_notes(database) == []
    assert str(wallet.credit_of("ada").balance) == "108.50"


def test_a_settlement_whose_amount_cannot_be_read_is_early_where_its_ticket_is_not_known(wallet, database):
    assert "is a text" in called(resolved('[{"won_amount": "18.50"}]'), wallet)["state"]
    assert [one["kind"] for one in open_notes(database)] == ["early"]


def test_a_wallet_of_ones_own_need_not_hear_of_what_cannot_be_read():
    wallet = Listening()
    assert "is a text" in called(resolved('[{"won_amount": "18.50"}]'), wallet)["state"]
    assert wallet.heard == []


def created(tips: str) -> str:
    return f'{{"uuid": "ada", "id": 1, "transaction_id": "TX", "state": "CREATED", "tips": {tips}}}'


@pytest.mark.parametrize("tips", [tips.replace("won_", "bet_") for tips in TIPS_WITHOUT_AN_AMOUNT])
def test_a_ticket_whose_amount_cannot_be_read_is_not_paid_later_either(wallet, database, tips):
    answers = [called(created(tips), wallet, ticket_amount="refuse") for _ in range(2)]
    assert answers[0] == answers[1]
    assert '"tips' in answers[0]["state"]
    # Mobadoo was told no.
    for late in ('[{"bet_amount": 10}]', '[{"bet_amount": 1}, {"bet_amount": 2}]'):
        found = called(created(late), wallet, ticket_amount="sum")
        assert (found["state"], found["transaction_id"]) == (answers[0]["state"], "")
    assert str(wallet.credit_of("ada").balance) == "100.00"
    assert open_notes(database) == []
    canceled = '{"type": "TICKET_CHANGED", "ticket": {"id": 1, "uuid": "ada", "state": "CANCELED"}}'
    assert called(canceled, wallet)["state"] == "OK"
    assert str(wallet.credit_of("ada").balance) == "100.00"


def test_a_copy_of_a_paid_ticket_whose_amount_cannot_be_read_is_shown_to_a_person(wallet, database):
    tips = '[{"bet_amount": 1}, {"bet_amount": 2}]'
    assert called(created(tips), wallet, ticket_amount="sum")["state"] == "OK"
    assert "has 2 tips" in called(created(tips), wallet, ticket_amount="refuse")["state"]
    [note] = open_notes(database)
    assert (note["kind"], note["movement"], note["amount"]) == ("contradiction", "debit", None)
    assert str(wallet.credit_of("ada").balance) == "97.00"


def test_a_wallet_of_ones_own_need_not_remember_what_cannot_be_read():
    wallet = Listening()
    assert "is a text" in called(created('[{"bet_amount": "18.50"}]'), wallet)["state"]
    assert wallet.heard == []


def test_a_ticket_in_another_currency_than_the_players_moves_nothing(wallet):
    ticket = {"uuid": "ada", "id": 1, "tips": [{"bet_amount": 10, "won_amount": 20}]}
    euros = {**ticket, "id": 2, "currency": "eur"}
    dollars = '"currency" is not the one that the player has.'
    assert called(json.dumps({**ticket, "state": "CREATED", "currency": "USD"}), wallet)["state"] == dollars
    assert called(json.dumps({**euros, "state": "CREATED"}), wallet)["state"] == "OK"
    change: dict[str, Any] = {**euros, "state": "RESOLVED", "currency": "USD"}
    changed = {"type": "TICKET_CHANGED", "ticket": change}
    assert called(json.dumps(changed), wallet)["state"] == dollars
    assert str(wallet.credit_of("ada").balance) == "90.00"
    change["currency"] = {"what": "this is, nobody knows"}
    assert called(json.dumps(changed), wallet)["state"] == "OK"


@pytest.mark.parametrize(
    "amount", ["NaN", "Infinity", "-Infinity", "1" * 10_000, "1e9999999999999999999999", "01"]
)
def test_what_is_no_number_in_json_is_no_body(amount):
    with pytest.raises(BadBody) as error:
        create(amount)
    assert error.value.status == 400


@pytest.mark.parametrize(
    "amount", ["1e999999999", "1e-999999999", "0." + "3" * 500_000, "1" * 500_000 + ".5", "9" * 900_000]
)
def test_an_enormous_number_costs_nothing(wallet, amount):
    create = f'{{"uuid": "ada", "id": 1, "state": "CREATED", "tips": [{{"bet_amount": {amount}}}]}}'
    ticket = f'{{"uuid": "ada", "id": 2, "state": "RESOLVED", "tips": [{{"won_amount": {amount}}}]}}'
    bodies = [create, f'{{"type": "TICKET_CHANGED", "ticket": {ticket}}}']
    began = time.process_time()
    for body in bodies:
        try:
            assert called(body, wallet)["code"] in (4, 7)
        except BadBody:
            assert amount.startswith("9")
    assert time.process_time() - began < 1


FORMS: dict[str, tuple[dict[str, Any], str]] = {
    "no state": ({"state": None}, '"state" is missing, not a text.'),
    "a number as state": ({"state": 1}, '"state" is a number, not a text.'),
    "no player": ({"uuid": None, "hash": ""}, '"hash" and "uuid" are missing.'),
    "a boolean as player": ({"uuid": True}, '"uuid" is a boolean, not a text.'),
    "a list as session": ({"hash": []}, '"hash" is a list, not a text.'),
    "no ticket": ({"id": None}, '"id" is missing.'),
    "a fraction as ticket": ({"id": 1.5}, '"id" is a number, not a text.'),
    "a long ticket": ({"id": "x" * 251}, '"id" is longer than 250 characters.'),
    "no tips": ({"tips": []}, '"tips" is no list with at least one tip.'),
    "tips that are none": ({"tips": {"a": 1}}, '"tips" is no list with at least one tip.'),
    "a tip that is none": ({"tips": [1]}, '"tips[0]" is no object.'),
    "a tip without amount": ({"tips": [{}]}, '"tips[0].bet_amount" is missing, not a number.'),
}
NEW = {"hash": "session", "uuid": "ada", "id": 777, "state": "CREATED", "tips": [{"bet_amount": 1}]}


@pytest.mark.parametrize(("changes", "state"), FORMS.values(), ids=FORMS)
def test_a_ticket_that_is_none_is_refused_by_its_field(changes, state):
    wallet = Listening()
    found = called(json.dumps({**NEW, **changes}), wallet)
    assert (found["state"], found["transaction_id"], wallet.heard) == (state, "", [])


def test_a_change_is_read_without_its_session():
    wallet = Listening()
    tips = [{"bet_amount": 10.0, "won_amount": 18.5}]
    for state in ("RESOLVED", " canceled", "REJECTED"):
        ticket = {"id": 777, "uuid": 12345, "transaction_id": 9, "state": state, "tips": tips}
        body = {"type": "TICKET_CHANGE", "hash": "gone", "ticket": ticket}
        assert called(json.dumps(body), wallet) == {"state": "OK", "transaction_id": "OP"}
    assert [(one.state, str(one.amount)) for one in wallet.heard] == [
        ("RESOLVED", "18.5"),
        ("CANCELED", "None"),
        ("REJECTED", "None"),
    ]
    assert {(one.ticket, one.player, one.transaction_id) for one in wallet.heard} == {("777", "12345", "9")}


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({"ticket": None}, '"ticket" is no object.'),
        ({"ticket": {"state": "RESOLVED", "uuid": "a"}}, '"ticket.id" is missing.'),
        ({"ticket": {"state": "CANCELED", "id": 1}}, '"ticket.uuid" is missing.'),
        ({"ticket": {"id": 1, "uuid": "a"}}, '"ticket.state" is missing, not a text.'),
        (
            {"ticket": {"id": 1, "uuid": "a", "state": "RESOLVED", "tips": [{"bet_amount": 1}]}},
            '"ticket.tips[0].won_amount" is missing, not a number.',
        ),
        (
            {"ticket": {"id": 1, "uuid": "a", "state": "RESOLVED", "tips": [{"won_amount": -1}]}},
            '"ticket.tips[0].won_amount" is negative.',
        ),
    ],
)
def test_a_change_that_is_none_is_refused_by_its_field(changes, state):
    wallet = Listening()
    assert called(json.dumps({"type": "TICKET_CHANGED", **changes}), wallet)["state"] == state
    assert wallet.heard == []


@pytest.mark.parametrize(
    ("mode", "result"),
    [("first", "10.0"), ("sum", "12.55"), ("refuse", '"tips" has 2 tips.')],
)
def test_the_amount_of_several_tips_is_what_the_connection_says(mode, result):
    assert str(create("10.0", ', {"bet_amount": 2.55}', ticket_amount=mode)) == result


def test_amounts_that_cannot_be_added_exactly_are_refused():
    state = create("1e400", ', {"bet_amount": 1e-400}', ticket_amount="sum")
    assert state == '"tips[].bet_amount" has amounts that cannot be added exactly.'


def test_a_ticket_in_another_state_moves_nothing():
    wallet = Listening()
    assert called(json.dumps({**NEW, "state": "RESOLVED"}), wallet) is None
    assert wallet.heard == []


@pytest.mark.parametrize(
    "body",
    [
        {"message": "SEASON_OPENED", "result": {"id": 5}},
        {"type": "ticket_note", "ticket": {"id": 5}},
        {**NEW, "state": "RESOLVED"},
        {"type": "TICKET_CHANGED", "ticket": {"id": 5, "state": "CREATED"}},
    ],
    ids=["unknown model", "unknown kind", "another state", "a change that moves nothing"],
)
def test_what_is_no_question_of_money_is_kept_and_answered_with_nothing(body):
    wallet = Listening()
    found = answer(options(), wallet, Callback(name="create", body=json.dumps(body).encode()))
    assert (found.json, found.told, wallet.heard) == (None, body, [])


def test_an_unknown_session_is_an_error_for_credit():
    for query in ({}, {"hash": ""}, {"hash": "unknown"}):
        found = answer(options(), Listening(), Callback(name="credit", query=query))
        assert found.refused
        assert found.json is not None
        assert (found.json["code"], found.json["transaction_id"]) == (2, "")


def test_no_session_shows_in_what_may_be_logged():
    shown = [
        repr(Callback(name="credit", query={"hash": "session-of-ada"}, body=b"session-of-ada")),
        repr(Ticket(ticket="1", hash="session-of-ada", amount=None)),
        repr(Change(ticket="1", player="ada", state="RESOLVED")),
        repr(SqlWallet("bank")),
    ]
    assert [one for one in shown if "session-of" in one] == []


# --- against the simulated vendor --------------------------------------------------------------------------


@pytest.fixture
def vendor(wallet, sandbox):
    """The simulated vendor, whose callbacks reach the wallet."""
    with receiving(wallet=wallet) as receiver:
        base = f"http://127.0.0.1:{receiver.port}/vendor-apis/callbacks/mobadoo_default/secret-of-the-webhook"
        sandbox.switch({"mobadoo.callbacks_url": base})
        yield lambda *calls, **manner: sandbox.control(
            "POST", "mobadoo/callbacks", {"calls": list(calls), **manner}
        )["outcomes"]


def test_a_players_visit(wallet, vendor):
    session = "session-of-ada"
    [credit, placed, resolved] = vendor(
        {"call": "credit", "hash": session},
        {"call": "create", "hash": session, "uuid": "ada", "transaction_id": "T1", "bet_amount": 10.0},
        {"call": "change", "transaction_id": "T1", "state": "RESOLVED", "won_amount": 18.5, "force": True},
    )
    assert credit["json"]["credit"] == "100.00"
    assert (placed["json"]["state"], resolved["json"]["state"]) == ("OK", "OK")
    assert str(wallet.credit_of("ada").balance) == "108.50"


@pytest.mark.parametrize("at_once", [False, True])
def test_copies_in_any_order_move_money_once(wallet, vendor, at_once):
    session = "session-of-ada"
    vendor(
        {"call": "create", "hash": session, "uuid": "ada", "transaction_id": "T1", "bet_amount": 10.0},
        {"call": "change", "transaction_id": "T1", "state": "REJECTED"},
        copies=3,
        order="reversed",
        at_once=at_once,
    )
    assert str(wallet.credit_of("ada").balance) == "100.00"
