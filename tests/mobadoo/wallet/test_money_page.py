"""The page "Money": its tables are what the wallet does, in every order in which messages may arrive."""

from __future__ import annotations

from decimal import Decimal
from itertools import permutations

import pytest

from airflow_provider.mobadoo.wallet import SqlWallet
from tests.mobadoo.wallet.money_page import AGAIN, CREDIT, ONCE, PAGE, Bench, page


@pytest.fixture
def bench():
    wallet = SqlWallet()
    yield Bench(wallet)
    wallet.close()


def test_the_tables_of_the_page_are_what_the_wallet_does(bench):
    text = PAGE.read_text()
    assert page(bench, text) == text, (
        "docs/money.rst is out of date: run python -m tests.mobadoo.wallet.money_page"
    )


@pytest.mark.parametrize("order", [*ONCE, *AGAIN], ids=" ".join)
def test_each_message_that_comes_three_times_counts_once(bench, order):
    once, thrice = bench.send(order), bench.send(order, times=3)
    assert thrice == once


def test_a_ticket_is_rejected_as_it_is_canceled(bench):
    for order in ONCE:
        rejected = ["REJECTED" if one == "CANCELED" else one for one in order]
        assert bench.send(rejected) == bench.send(order)


@pytest.mark.parametrize("length", [1, 2, 3, 4])
def test_every_order_of_all_four_messages_is_that_of_three(bench, length):
    """Canceled and rejected are one movement, so the second of them changes nothing."""
    for order in permutations(("create", "RESOLVED", "CANCELED", "REJECTED"), length):
        refunds = [place for place, one in enumerate(order) if one in ("CANCELED", "REJECTED")]
        reduced = [one for place, one in enumerate(order) if place not in refunds[1:]]
        found = bench.send(order)
        wanted = bench.send(["CANCELED" if one == "REJECTED" else one for one in reduced])
        assert (found.entries, found.balances[-1]) == (wanted.entries, wanted.balances[-1])


def test_money_is_conserved_in_every_order(bench):
    for order in ONCE + AGAIN:
        happened = bench.send(order)
        moved = [Decimal(amount) for _, amount in happened.entries]
        assert Decimal(happened.balances[-1]) == CREDIT + sum(moved)
        # At most one movement of each kind, and never both a settlement and a refund.
        kinds = [kind for kind, _ in happened.entries]
        assert len(set(kinds)) == len(kinds)
        assert not {"settle", "refund"} <= set(kinds)
