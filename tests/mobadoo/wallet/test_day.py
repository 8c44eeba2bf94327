"""A day with the simulated vendor: players are loaded and let in, bet and win, and at night both sides agree."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from airflow_provider.mobadoo.operators import (
    MobadooLaunchUrlsOperator,
    MobadooListTicketsOperator,
    MobadooLoadPlayersOperator,
    MobadooReconcileTicketsOperator,
)
from airflow_provider.mobadoo.wallet import SqlWallet
from airflow_provider.store.wallet_check import check
from tests.support.batches import execute
from tests.support.receiving import receiving
from tests.support.sandbox import SandboxProcess

BASE = "http://127.0.0.1:{}/vendor-apis/callbacks/mobadoo_default/secret-of-the-webhook"


@pytest.fixture
def wallet():
    made = SqlWallet()
    yield made
    made.close()


@pytest.fixture
def sessions(sandbox, wallet, set_connection) -> dict[str, str]:
    """Players with balances, and the sessions of their launch URLs."""
    set_connection("mobadoo_default", extra={"client_id": "client-1", "profile": "house"})
    records = [
        {"player": "ada", "currency": "EUR", "balance": "100.00"},
        {"player": "jun", "currency": "JPY", "balance": "5000"},
    ]
    execute(MobadooLoadPlayersOperator(task_id="load", records=records))
    launched = execute(MobadooLaunchUrlsOperator(task_id="launch", records=records, reveal=["url"]))
    urls = {record["player"]: record["launch"]["url"] for record in launched["records"]}
    return {player: dict(parse_qsl(urlsplit(url).query))["hash"] for player, url in urls.items()}


@pytest.fixture
def call(sandbox: SandboxProcess, wallet):
    """Let the vendor call the operator, whose callbacks are answered by the wallet."""
    with receiving(wallet=wallet) as receiver:
        sandbox.switch({"mobadoo.callbacks_url": BASE.format(receiver.port)})
        yield lambda *calls, **manner: sandbox.control(
            "POST", "mobadoo/callbacks", {"calls": list(calls), **manner}
        )["outcomes"]


def compare() -> dict[str, Any]:
    listed = execute(MobadooListTicketsOperator(task_id="list"))
    operator = MobadooReconcileTicketsOperator(
        task_id="compare", records=listed, on_differences="report", grace=timedelta(0)
    )
    return execute(operator)


def bet(player: str, session: str, number: int, amount: float) -> dict[str, Any]:
    return {
        "call": "create",
        "uuid": player,
        "hash": session,
        "transaction_id": f"{player}-{number}",
        "bet_amount": amount,
    }


def end(player: str, number: int, state: str, **more: Any) -> dict[str, Any]:
    change = {"call": "change", "transaction_id": f"{player}-{number}", "state": state, "force": True}
    return {**change, **more}


def test_both_sides_agree_after_a_day_of_copies_and_refusals(sessions, wallet, call):
    ada, jun = sessions["ada"], sessions["jun"]
    call(
        {"call": "credit", "hash": ada},
        {"call": "credit", "hash": jun},
        bet("ada", ada, 1, 10.1),
        bet("ada", ada, 2, 20.2),
        bet("ada", ada, 3, 0.01),
        # More than there is: refused, and rejected by the vendor.
        bet("ada", ada, 4, 1000.0),
        bet("jun", jun, 1, 500),
        copies=2,
    )
    call(
        end("ada", 1, "RESOLVED", won_amount=18.5),
        end("ada", 2, "CANCELED"),
        end("jun", 1, "RESOLVED", won_amount=0),
        copies=3,
        at_once=True,
    )
    result = compare()
    assert (result["total"], result["differences"]) == (5, 0)
    assert result["sums"]["EUR"] == {
        "bets": {"wallet": "30.31", "mobadoo": "30.31"},
        "wins": {"wallet": "18.50", "mobadoo": "18.50"},
        "refunds": {"wallet": "20.20", "mobadoo": "20.20"},
    }
    assert wallet.credit_of("ada").balance == Decimal("108.39")
    assert wallet.credit_of("jun").balance == Decimal(4500)
    assert check(wallet.database).faults == []


def test_a_settlement_that_was_never_answered_is_found_at_night_and_is_right_when_it_comes(
    sandbox, sessions, wallet, call
):
    ada = sessions["ada"]
    call(bet("ada", ada, 1, 10.0))
    address = sandbox.switch()["mobadoo.callbacks_url"]
    # Nobody listens there.
    sandbox.switch({"mobadoo.callbacks_url": "http://127.0.0.1:9/callbacks"})
    call(end("ada", 1, "RESOLVED", won_amount=18.5))
    assert compare()["kinds"] == {"not settled": 1}
    sandbox.switch({"mobadoo.callbacks_url": address})
    call(end("ada", 1, "RESOLVED", won_amount=18.5))
    assert compare()["differences"] == 0
    assert wallet.credit_of("ada").balance == Decimal("108.50")
