"""Everything that may come, in every order, against a reference of ten lines."""

from __future__ import annotations

from decimal import Decimal

import sqlalchemy as sa
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from airflow_provider.mobadoo.wallet import Change, Refused, SqlWallet, Ticket
from airflow_provider.mobadoo.wallet.loading import Player
from airflow_provider.store.engine import Database
from airflow_provider.store.wallet_check import check

PLAYERS = ("ada", "bob", "nobody")
TICKETS = ("1", "2", "3")
AMOUNTS = ("0", "0.01", "10", "10.00", "1e1", "60", "60.01", "0.001")
OPENING = 100_00


class Reference:
    """What the rules say, for one player: a balance, and the movements of each ticket."""

    def __init__(self, balance):
        self.balance, self.done = balance, {}

    def call(self, movement, ticket, amount):
        done = self.done.setdefault(ticket, {})
        minor = None if amount is None or amount * 100 % 1 else int(amount * 100)
        if movement in done:
            return done[movement] in (minor, "any")
        if movement == "debit":
            ok = (
                "refund" not in done
                and self.balance is not None
                and minor is not None
                and minor <= self.balance
            )
            done["debit"] = minor if ok else "refused"
            self.balance = self.balance - minor if ok else self.balance
        elif movement == "settle":
            ok = isinstance(done.get("debit"), int) and "refund" not in done and minor is not None
            done.update({"settle": minor} if ok else {})
            self.balance = self.balance + minor if ok else self.balance
        else:
            ok = "settle" not in done
            done.update({"refund": "any"} if ok else {})
            self.balance = (
                self.balance + done["debit"] if ok and isinstance(done.get("debit"), int) else self.balance
            )
        return ok


class Machine(RuleBasedStateMachine):
    """Calls to a wallet, in any order."""

    database: Database

    def __init__(self):
        super().__init__()
        self.wallet = SqlWallet()
        self.wallet._databases._wallet = self.database
        with self.database.begin() as connection:
            from airflow_provider.store.tables import metadata

            for name, table in metadata.tables.items():
                if "wallet" in name:
                    connection.execute(sa.delete(table))
        self.wallet.load([Player(player=name, currency="EUR", balance=Decimal(100)) for name in PLAYERS[:2]])
        self.references = {name: Reference(OPENING if name != "nobody" else None) for name in PLAYERS}
        self.answers: dict[tuple[str, str, str], str] = {}

    def call(self, movement, player, ticket, amount, told):
        expected = self.references[player].call(movement, ticket, amount)
        done = self.references[player].done
        try:
            answer = getattr(self.wallet, movement)(told)
        except Refused:
            answer = None
        assert (answer is not None) == bool(expected), (movement, done)
        if answer is None:
            return
        assert self.answers.setdefault((movement, player, ticket), answer) == answer
        assert list(self.answers.values()).count(answer) == 1

    @rule(player=st.sampled_from(PLAYERS), ticket=st.sampled_from(TICKETS), amount=st.sampled_from(AMOUNTS))
    def debit(self, player, ticket, amount):
        told = Ticket(ticket=ticket, player=player, amount=Decimal(amount))
        self.call("debit", player, ticket, Decimal(amount), told)

    @rule(player=st.sampled_from(PLAYERS), ticket=st.sampled_from(TICKETS), amount=st.sampled_from(AMOUNTS))
    def settle(self, player, ticket, amount):
        told = Change(ticket=ticket, player=player, state="RESOLVED", amount=Decimal(amount))
        self.call("settle", player, ticket, Decimal(amount), told)

    @rule(
        player=st.sampled_from(PLAYERS),
        ticket=st.sampled_from(TICKETS),
        state=st.sampled_from(["CANCELED", "REJECTED"]),
    )
    def refund(self, player, ticket, state):
        told = Change(ticket=ticket, player=player, state=state)
        self.call("refund", player, ticket, None, told)

    @invariant()
    def balances_are_those_of_the_reference(self):
        for name in PLAYERS[:2]:
            assert self.wallet.credit_of(name).balance * 100 == self.references[name].balance

    def teardown(self):
        assert check(self.database).faults == []


def test_a_wallet_does_what_the_reference_does(database):
    class Bound(Machine):
        pass

    Bound.database = database
    from hypothesis.stateful import run_state_machine_as_test

    run_state_machine_as_test(
        Bound,
        settings=settings(
            max_examples=30 if database.is_sqlite else 10,
            stateful_step_count=30,
            suppress_health_check=list(HealthCheck),
        ),
    )
