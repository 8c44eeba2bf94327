"""The wallet held against Mobadoo's list: each way in which they differ is named, and nothing is changed."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from airflow_provider.exceptions import BatchFailed, InvalidInput
from airflow_provider.mobadoo.operators import MobadooReconcileTicketsOperator
from airflow_provider.mobadoo.wallet import Change, Refused, SqlWallet, Ticket
from airflow_provider.mobadoo.wallet.loading import Player
from tests.support.batches import execute, lines

CONN = "mobadoo_default"
STATES = {"settle": "RESOLVED", "refund": "CANCELED"}


@pytest.fixture(autouse=True)
def connection(set_connection) -> None:
    set_connection(CONN, conn_type="mobadoo", password="TokenOfMobadooCanary-77aa01")


@pytest.fixture
def wallet():
    made = SqlWallet(mobadoo_conn_id=CONN)
    made.load(
        [
            Player(player="ada", currency="EUR", balance=Decimal(100)),
            Player(player="jun", currency="JPY", balance=Decimal(5000)),
        ]
    )
    yield made
    made.close()


def listed(
    id: Any = "7", state: str = "CREATED", bet: Any = 10.0, won: Any = None, **more: Any
) -> dict[str, Any]:
    tip = {"product_type": "odds", "bet_amount": bet, **({} if won is None else {"won_amount": won})}
    return {"id": id, "uuid": "ada", "transaction_id": f"TX-{id}", "state": state, "tips": [tip], **more}


def book(wallet: SqlWallet, moves: str, ticket: str = "7", player: str = "ada", bet: str = "10") -> None:
    """Book movements of a ticket, like ``debit settle:18.50``."""
    for move in moves.split():
        name, _, amount = move.partition(":")
        if name == "debit":
            wallet.debit(Ticket(ticket=ticket, player=player, amount=Decimal(amount or bet)))
            continue
        won = Decimal(amount) if amount else None
        change = Change(ticket=ticket, player=player, state=STATES[name], amount=won)
        (wallet.settle if name == "settle" else wallet.refund)(change)


def compare(tickets: Any, **options: Any) -> dict[str, Any]:
    given = {"on_differences": "report", "grace": timedelta(0), **options}
    return execute(MobadooReconcileTicketsOperator(task_id="compare", records=tickets, **given))


@pytest.mark.parametrize(
    ("moves", "state", "won"),
    [
        ("debit", "CREATED", None),
        ("debit", "CONFIRMED", None),
        ("debit", "created", None),
        ("debit settle:18.5", "RESOLVED", 18.5),
        ("debit settle:0", "RESOLVED", 0),
        ("debit refund", "CANCELED", None),
        ("debit refund", "REJECTED", None),
        # What was never taken need not be given back.
        ("", "CANCELED", None),
        ("", "REJECTED", None),
        ("refund", "CANCELED", None),
    ],
)
def test_what_is_booked_as_listed_is_no_difference(wallet, moves, state, won):
    book(wallet, moves)
    result = compare([listed(state=state, won=won)])
    assert (result["total"], result["differences"], result["records"]) == (1, 0, [])


@pytest.mark.parametrize(
    ("moves", "state", "won", "kind"),
    [
        ("", "CREATED", None, "not in the wallet"),
        ("", "RESOLVED", 18.5, "not in the wallet"),
        ("refund", "RESOLVED", 18.5, "not in the wallet"),
        ("debit", "RESOLVED", 18.5, "not settled"),
        ("debit:11", "CREATED", None, "another stake"),
        ("debit settle:18.51", "RESOLVED", 18.5, "another win"),
        ("debit settle:18.5", "RESOLVED", None, "another win"),
        ("debit settle:18.5", "RESOLVED", 18.505, "another win"),
        ("debit settle:18.5", "CONFIRMED", None, "settled, but open at Mobadoo"),
        ("debit settle:18.5", "CANCELED", None, "settled, but given back at Mobadoo"),
        ("debit", "REJECTED", None, "not refunded"),
        ("debit refund", "RESOLVED", 18.5, "refunded, but valid at Mobadoo"),
        ("debit", "SUSPENDED", None, "in a state that is not known"),
    ],
)
def test_each_difference_has_its_name_and_both_sides(wallet, moves, state, won, kind):
    book(wallet, moves)
    result = compare([listed(state=state, won=won)])
    assert (result["differences"], result["kinds"]) == (1, {kind: 1})
    [one] = result["records"]
    assert (one["player"], one["ticket"], one["transaction_id"], one["difference"]) == (
        "ada",
        "7",
        "TX-7",
        kind,
    )
    assert one["mobadoo"]["state"] == state
    assert one["mobadoo"]["bet_amount"] == "10.0"
    assert set(one["wallet"]) == {"state", "debit", "settle", "refund"}


def test_amounts_of_both_sides_are_shown_exactly(wallet):
    book(wallet, "debit:10.10 settle:18.51")
    [one] = compare([listed(state="RESOLVED", bet="10.10", won="18.5")])["records"]
    assert one["mobadoo"] == {"state": "RESOLVED", "bet_amount": "10.10", "won_amount": "18.5"}
    assert one["wallet"] == {"state": "settled", "debit": "10.10", "settle": "18.51", "refund": None}


def test_a_ticket_that_mobadoo_does_not_list_is_told_unless_it_is_new(wallet):
    book(wallet, "debit", "7")
    book(wallet, "debit settle:5", "8")
    book(wallet, "refund", "9")
    with pytest.raises(Refused):
        book(wallet, "debit:1000", "10")
    result = compare([listed("7")])
    assert result["kinds"] == {"not at Mobadoo": 1}
    assert (result["records"][0]["ticket"], result["records"][0]["mobadoo"]) == ("8", None)
    assert compare([listed("7")], grace=timedelta(hours=1))["differences"] == 0
    later = datetime.now(UTC) + timedelta(hours=1)
    assert compare([listed("7")], since=later)["differences"] == 0
    assert compare([listed("7")], since="2020-01-01T00:00:00Z")["differences"] == 1


def test_sums_are_those_of_both_sides_by_currency(wallet):
    book(wallet, "debit settle:18.5", "1")
    book(wallet, "debit", "2")
    book(wallet, "debit refund", "3")
    book(wallet, "debit", "4", player="jun", bet="500")
    tickets = [
        listed("1", "RESOLVED", 10, 18.5),
        # Its settlement has not come yet.
        listed("2", "RESOLVED", 10, 0.25),
        listed("3", "REJECTED", 10),
        listed("4", "CREATED", 500, uuid="jun"),
        # Refused here, and given back there: it has cost nothing.
        listed("5", "CANCELED", 10),
    ]
    result = compare(tickets)
    assert result["kinds"] == {"not settled": 1}
    assert result["sums"] == {
        "EUR": {
            "bets": {"wallet": "30.00", "mobadoo": "30.00"},
            "wins": {"wallet": "18.50", "mobadoo": "18.75"},
            "refunds": {"wallet": "10.00", "mobadoo": "10.00"},
        },
        "JPY": {
            "bets": {"wallet": "500", "mobadoo": "500"},
            "wins": {"wallet": "0", "mobadoo": "0"},
            "refunds": {"wallet": "0", "mobadoo": "0"},
        },
    }


def test_a_player_who_is_not_in_the_wallet_is_a_difference(wallet):
    assert compare([listed(uuid="eve")])["kinds"] == {"not in the wallet": 1}


def test_tickets_of_another_connection_are_others(wallet):
    book(wallet, "debit")
    other = wallet.for_connection("other")
    other.load([Player(player="ada", currency="EUR", balance=Decimal(100))])
    book(other, "debit", "8")
    assert compare([listed("7")])["differences"] == 0


def test_the_event_of_the_output_counts_the_differences_that_are_in_it(wallet, tmp_path):
    output = str(tmp_path / "differences.jsonl")
    book(wallet, "debit", "7")
    task = MobadooReconcileTicketsOperator(
        task_id="compare", records=[listed("7"), listed("8")], output=output, on_differences="report"
    )
    assert execute(task)["differences"] == len(lines(output)) == 1
    assert task.outcome.extras()[output]["rows"] == 1


def test_differences_fail_the_task_when_they_are_published(wallet, tmp_path):
    source, output = tmp_path / "tickets.jsonl", tmp_path / "differences.jsonl"
    rows = [listed(str(number)) for number in range(1203)]
    source.write_text("".join(json.dumps(row) + "\n" for row in rows))
    book(wallet, "debit", "7")
    with pytest.raises(BatchFailed, match="differ in 1202 tickets: 1202 not in the wallet") as caught:
        compare(str(source), output=str(output), on_differences="fail")
    assert str(output) in str(caught.value)
    assert len(lines(output)) == 1202
    assert wallet.credit_of("ada").balance == 90


@pytest.mark.parametrize(
    ("change", "field", "told"),
    [
        ({"tips": []}, "tips", "list of at least one object"),
        ({"tips": "x"}, "tips", "list of at least one object"),
        ({"tips": [1]}, "tips", "list of at least one object"),
        ({"tips": [{"bet_amount": True}]}, "bet_amount", "it is a bool"),
        ({"tips": [{"bet_amount": "ten"}]}, "bet_amount", "it is 3 characters of text"),
        ({"tips": [{"bet_amount": "1e999999999"}]}, "bet_amount", "it is 11 characters of text"),
        ({"tips": [{"bet_amount": float("inf")}]}, "bet_amount", "it is a float"),
        ({"tips": [{"bet_amount": 1234567890123.4567}]}, "bet_amount", "more than 15 digits"),
        ({"uuid": None}, "uuid", "is empty"),
        ({"state": ""}, "state", "is empty"),
    ],
)
def test_a_ticket_that_cannot_be_read_is_reported_with_its_row(wallet, change, field, told):
    book(wallet, "debit")
    result = compare([listed(), {**listed("8"), **change}], on_error="continue")
    assert (result["total"], result["failed"], result["differences"]) == (2, 1, 0)
    [failure] = result["failures"]
    assert (failure["row"], failure["field"]) == (2, field)
    assert told in failure["reason"]
    assert "ten" not in failure["reason"].split(";")[-1]


def test_names_of_the_list_that_are_others_are_renamed(wallet):
    book(wallet, "debit")
    ticket = {"number": 7, "player": {"id": "ada"}, "state": "CREATED", "tips": [{"bet_amount": 10}]}
    renames = {"id": "number", "uuid": "player.id"}
    assert compare([ticket], fields=renames)["differences"] == 0


def test_an_empty_list_says_that_nothing_of_the_wallet_is_there(wallet):
    book(wallet, "debit")
    assert compare([])["kinds"] == {"not at Mobadoo": 1}
    with pytest.raises(InvalidInput):
        compare([], empty="fail")


def test_a_list_that_is_not_complete_is_not_compared(wallet):
    result = {"records": [listed()], "complete": False, "reasons": ["tickets: 1 of 2 came"]}
    with pytest.raises(InvalidInput, match="not complete: tickets: 1 of 2 came"):
        compare(result)
    assert compare({**result, "complete": True})["kinds"] == {"not in the wallet": 1}


@pytest.mark.parametrize(
    ("name", "value"), [("on_differences", "warn"), ("since", 5), ("grace", -1), ("wallet_conn_id", "")]
)
def test_a_parameter_that_cannot_be_right_is_refused(name, value):
    with pytest.raises(ValueError, match=name):
        MobadooReconcileTicketsOperator(task_id="compare", records=[], **{name: value})
