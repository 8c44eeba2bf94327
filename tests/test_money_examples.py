"""The example Dags about money: they run to success in a real Airflow, and what they did adds up to the cent."""

from __future__ import annotations

import csv
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from airflow_provider.mobadoo.wallet import Change, SqlWallet, Ticket
from airflow_provider.mobadoo.wallet.loading import Player
from tests.support.batches import lines
from tests.support.examples import load, run
from tests.support.sandbox import SandboxProcess

pytestmark = pytest.mark.usefixtures("airflow_db", "sandbox")


@pytest.fixture
def wallet():
    made = SqlWallet()
    yield made
    made.close()


def only(folder: Path, pattern: str) -> Path:
    [path] = folder.glob(pattern)
    return path


def bet(sandbox: SandboxProcess, number: int, **more: Any) -> dict[str, Any]:
    """Let the sandbox have a ticket."""
    from airflow_provider.mobadoo import calls
    from airflow_provider.mobadoo.hooks import MobadooHook

    body = {"uuid": "ada", "hash": "session", "tips": [{"product_type": "odds", "bet_amount": 10.5}], **more}
    made: dict[str, Any] = MobadooHook().run(calls.create_ticket(f"TX-{number}", body))
    return made


def change(sandbox: SandboxProcess, number: int, state: str, **more: Any) -> None:
    body = {"transaction_id": f"TX-{number}", "state": state, **more}
    sandbox.control("POST", "mobadoo/tickets/change", body)


def test_tickets_of_a_file_are_created_once_and_confirmed(sandbox, tmp_path):
    source = tmp_path / "tickets.jsonl"
    ticket = {"uuid": "ada", "hash": "session-of-ada", "tips": [{"product_type": "odds", "bet_amount": 10.5}]}
    rows = [{"transaction_id": f"TX-{number}", "ticket": ticket} for number in range(5)]
    source.write_text("".join(json.dumps(row) + "\n" for row in rows))
    for _ in range(2):
        # The second night has the same tickets once more.
        run(load("example_mobadoo_tickets"), tickets=str(source), folder=str(tmp_path))
    made = sandbox.control("GET", "mobadoo/tickets")["tickets"]
    assert [one["transaction_id"] for one in made] == [f"TX-{number}" for number in range(5)]
    assert {one["state"] for one in made} == {"CONFIRMED"}
    assert all(b"session-of-ada" not in path.read_bytes() for path in tmp_path.glob("c*.jsonl"))


def test_a_ticket_is_canceled_and_another_resolved(sandbox):
    for number in (1, 2):
        bet(sandbox, number)
    change(sandbox, 2, "CONFIRMED")
    run(load("example_mobadoo_ticket_ends"))
    made = sandbox.control("GET", "mobadoo/tickets")["tickets"]
    assert [one["state"] for one in made] == ["CANCELED", "RESOLVED"]


def test_players_are_loaded_and_a_second_night_overwrites_no_balance(wallet, tmp_path):
    source = tmp_path / "players.csv"
    rows = [["ada", "100.00", "Ada"], ["bob", "0.10", "Bob"]]

    def night(folder: str, *rows: list[str]) -> list[dict[str, str]]:
        with source.open("w", newline="") as file:
            csv.writer(file).writerows([["player", "credit", "name"], *rows])
        place = tmp_path / folder
        place.mkdir()
        run(load("example_mobadoo_players"), players=str(source), folder=str(place))
        with only(place, "loaded-*.csv").open(newline="") as file:
            return list(csv.DictReader(file))

    first = night("1", *rows)
    assert [row["loaded.outcome"] for row in first] == ["created", "created"]
    wallet.debit(Ticket(ticket="1", player="ada", amount=Decimal("0.01")))
    second = night("2", ["ada", "100.00", "Ada L."], rows[1], ["cyd", "5", "Cyd"])
    assert [row["loaded.outcome"] for row in second] == ["differs", "unchanged", "created"]
    assert [row["loaded.balance"] for row in second] == ["99.99", "0.10", "5.00"]
    assert (wallet.credit_of("ada").display_name, wallet.credit_of("ada").balance) == (
        "Ada L.",
        Decimal("99.99"),
    )


@pytest.fixture
def night(sandbox, wallet):
    """Tickets of a day, the same on both sides: one won, one open, one given back."""
    wallet.load([Player(player="ada", currency="EUR", balance=Decimal(100))])
    ids = [str(bet(sandbox, number)["id"]) for number in range(3)]
    for id_ in ids:
        wallet.debit(Ticket(ticket=id_, player="ada", amount=Decimal("10.5")))
    change(sandbox, 0, "CONFIRMED")
    change(sandbox, 0, "RESOLVED", won_amount=18.5)
    wallet.settle(Change(ticket=ids[0], player="ada", state="RESOLVED", amount=Decimal("18.50")))
    change(sandbox, 2, "CANCELED")
    wallet.refund(Change(ticket=ids[2], player="ada", state="CANCELED"))
    return ids


def test_a_night_without_a_difference_is_settled_with_its_sums(night, tmp_path, capsys):
    run(load("example_mobadoo_reconciliation"), folder=str(tmp_path))
    assert "EUR: 31.50 bet, 18.50 won, 10.50 given back" in capsys.readouterr().out
    assert lines(only(tmp_path, "differences-*.jsonl")) == []
    assert len(lines(only(tmp_path, "tickets-*.jsonl"))) == 3


def test_a_night_with_a_difference_is_not_settled_and_says_which_tickets(
    sandbox, night, wallet, tmp_path, capsys
):
    change(sandbox, 1, "CONFIRMED")
    change(sandbox, 1, "RESOLVED", won_amount=7)
    with pytest.raises(AssertionError):
        run(load("example_mobadoo_reconciliation"), folder=str(tmp_path))
    told = capsys.readouterr().out
    assert "differ in 1 tickets: 1 not settled" in told
    assert "given back\n" not in told
    [one] = lines(only(tmp_path, "differences-*.jsonl"))
    assert (one["ticket"], one["difference"], one["mobadoo"]["won_amount"]) == (night[1], "not settled", "7")
