"""What the wallet has booked, held against the tickets that Mobadoo lists."""

from __future__ import annotations

import time
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice, zip_longest
from typing import TYPE_CHECKING, Any

from airflow_provider.batch.counts import BatchCounts
from airflow_provider.batch.failures import Failures
from airflow_provider.batch.jobs import Job
from airflow_provider.exceptions import InvalidInput, VendorError
from airflow_provider.extract.seen import Seen
from airflow_provider.mobadoo.wallet.money import AmountError, to_decimal, to_minor
from airflow_provider.mobadoo.wallet.statements import Booked, Statements
from airflow_provider.texts import text_or_none
from airflow_provider.values import shape

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from airflow_provider.batch.mapping import RecordMapping
    from airflow_provider.records.parsing import Row
    from airflow_provider.records.writers import Output
    from airflow_provider.store.engine import Database

BLOCK = 500
"""Tickets that are compared at once."""

COLUMNS = ("player", "ticket", "transaction_id", "difference", "mobadoo", "wallet")

SUMS = ("bets", "wins", "refunds")

TAKEN = ("CREATED", "CONFIRMED", "RESOLVED")
"""States of a ticket that has cost its player something."""

GIVEN_BACK = ("CANCELED", "REJECTED")

MOST_DIGITS = 15
"""Digits that a float of a JSON file keeps for certain."""


def ticket(id: str, uuid: str, state: str, tips: list[Any], transaction_id: str | None = None) -> Any:
    """Name what a ticket of the list has, as the function of a call does. Nobody calls it."""


@dataclass(frozen=True, kw_only=True)
class ReconcilePlan:
    """How the wallet is compared.

    :param conn_id: id of the connection whose players they are
    :param mapping: finds the values of a ticket
    :param amount_of: ``first``: the amount of a ticket is that of its first tip; ``sum``: that of all
    :param since: only tickets of the wallet from this time on must be in the list, in seconds since 1970
    :param grace: seconds for which a new ticket of the wallet need not be in the list yet
    :param on_error: as in every batch
    :param max_failures: as in every batch
    """

    conn_id: str
    mapping: RecordMapping
    amount_of: str
    since: float
    grace: float
    on_error: str = "fail"
    max_failures: int | None = None
    has_secrets: bool = False

    def wrong_key(self, at_least: int) -> VendorError | None:
        """Return None: a ticket of the list has nothing sealed."""
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A ticket as Mobadoo lists it.

    :param player: the player
    :param ticket: Mobadoo's id of the ticket
    :param transaction_id: Mobadoo's id of the transaction
    :param state: its state
    :param bet: what it cost; None where the list does not say
    :param won: what it won; None where the list does not say
    """

    player: str
    ticket: str
    transaction_id: str | None
    state: str
    bet: Decimal | None
    won: Decimal | None

    def shown(self) -> dict[str, str | None]:
        """Return state and amounts as text."""
        amounts = {"bet_amount": self.bet, "won_amount": self.won}
        return {
            "state": self.state,
            **{name: None if one is None else f"{one:f}" for name, one in amounts.items()},
        }


class Reconciliation:
    """Compares all tickets of a list, and then what the wallet has beside them.

    :param plan: how
    :param database: the wallet's database
    :param results: takes each difference
    :param reports: takes the report of each ticket that cannot be read
    """

    def __init__(self, plan: ReconcilePlan, database: Database, results: Output, reports: Output) -> None:
        self.counts = BatchCounts(done="compared")
        self.failures = Failures(plan, self.counts, reports)
        self._plan = plan
        self._statements = Statements(database, plan.conn_id)
        self._results = results
        self._seen = Seen()
        self._kinds: dict[str, int] = {}
        self._sums: dict[str, dict[str, list[int]]] = {}
        self._decimals: dict[str, int] = {}
        # What comes later than the list need not be in it.
        self._before = time.time() - plan.grace

    def run(self, rows: Iterator[Row]) -> None:
        """Compare all tickets.

        :param rows: the tickets of the list
        :raises VendorError: a ticket that cannot be read ends it, or a database that cannot be read
        :raises OSError: an output cannot be written
        """
        while block := list(islice(rows, BLOCK)):
            self._compare([one for row in block if (one := self._read(row)) is not None])
        for page in self._statements.tickets(since=self._plan.since, before=self._before):
            known = self._seen.add([(one, None) for one in page])
            alone = [one for one, seen in zip(page, known, strict=True) if seen is None]
            for booked in self._statements.of(alone):
                self._differ("not at Mobadoo", booked)

    def remember(self) -> None:
        """Do nothing: it reads alone."""

    def told(self) -> dict[str, Any]:
        """Return how many differences there are, by kind, and the sums by currency."""
        sums = {
            currency: {
                name: {
                    side: str(to_decimal(minor, self._decimals[currency]))
                    for side, minor in zip(("wallet", "mobadoo"), pair, strict=True)
                }
                for name, pair in of_currency.items()
            }
            for currency, of_currency in sorted(self._sums.items())
        }
        return {"differences": sum(self._kinds.values()), "kinds": dict(self._kinds), "sums": sums}

    def close(self) -> None:
        """Remove the temporary file."""
        self._seen.close()

    def _read(self, row: Row) -> Listed | None:
        try:
            if row.error is not None:
                raise row.error
            return read_ticket(self._plan.mapping.arguments(row.record), self._plan.amount_of)
        except VendorError as error:
            if (ending := self.failures.add(Job(row), error)) is not None:
                raise ending from None
        return None

    def _compare(self, listed: Sequence[Listed]) -> None:
        keys = [(one.player, one.ticket) for one in listed]
        self._seen.add([(key, None) for key in keys])
        for one, booked in zip(listed, self._statements.of(keys), strict=True):
            self.counts.existing += 1
            kind = difference(one, booked)
            if kind is not None:
                self._differ(kind, booked, one)
            self._add(one, booked)

    def _differ(self, kind: str, booked: Booked, listed: Listed | None = None) -> None:
        self._kinds[kind] = self._kinds.get(kind, 0) + 1
        if listed is None:
            self._add(None, booked)
        self._results.write(
            {
                "player": booked.player,
                "ticket": booked.ticket,
                "transaction_id": listed.transaction_id if listed else None,
                "difference": kind,
                "mobadoo": listed.shown() if listed else None,
                "wallet": booked.shown(),
            }
        )

    def _add(self, listed: Listed | None, booked: Booked) -> None:
        """Add a ticket to the sums. An amount that is none is a difference, and not in them."""
        if booked.currency is None:
            return
        self._decimals[booked.currency] = booked.decimals
        ours = (booked.debit, booked.settle, booked.refund)
        theirs: tuple[int | None, ...] = ()
        if listed is not None:
            expected, debited = _expected(listed, booked.decimals), booked.debit is not None
            # What was refused here and given back there has cost nothing on either side.
            cost = expected.debit if debited or listed.state in TAKEN else 0
            theirs = (cost, expected.settle, expected.refund if debited else 0)
        sums = self._sums.setdefault(booked.currency, {name: [0, 0] for name in SUMS})
        for name, our, their in zip_longest(SUMS, ours, theirs):
            sums[name][0] += our or 0
            sums[name][1] += their or 0


def difference(listed: Listed, booked: Booked) -> str | None:
    """Say how the wallet differs from Mobadoo's list in one ticket; None where it does not.

    :param listed: the ticket as Mobadoo lists it
    :param booked: what the books have of it
    """
    nothing = booked.debit is None
    if listed.state in GIVEN_BACK:
        if booked.settle is not None:
            return "settled, but given back at Mobadoo"
        if nothing:
            return None
        return None if booked.refund is not None else "not refunded"
    if listed.state not in TAKEN:
        return None if nothing else "in a state that is not known"
    if nothing:
        return "not in the wallet"
    expected = _expected(listed, booked.decimals)
    if expected.debit != booked.debit:
        return "another stake"
    if booked.refund is not None:
        return "refunded, but valid at Mobadoo"
    if listed.state != "RESOLVED":
        return None if booked.settle is None else "settled, but open at Mobadoo"
    if booked.settle is None:
        return "not settled"
    return None if expected.settle == booked.settle else "another win"


def read_ticket(values: dict[str, Any], amount_of: str) -> Listed:
    """Read a ticket of the list.

    :param values: the values of the record, by name
    :param amount_of: ``first`` or ``sum``
    :raises InvalidInput: one of them cannot be right
    """
    tips = values["tips"]
    if not isinstance(tips, list) or not tips or not all(isinstance(tip, dict) for tip in tips):
        raise InvalidInput(
            f'"tips" must be a list of at least one object; it is {shape(tips)}.', field="tips"
        )
    if amount_of != "sum":
        tips = tips[:1]
    return Listed(
        player=_text(values["uuid"], "uuid"),
        ticket=_text(values["id"], "id"),
        transaction_id=text_or_none(values.get("transaction_id"), "transaction_id"),
        state=_text(values["state"], "state").upper(),
        bet=_total([tip.get("bet_amount") for tip in tips], "bet_amount"),
        won=_total([tip.get("won_amount") for tip in tips], "won_amount"),
    )


def _expected(listed: Listed, decimals: int) -> Booked:
    """Return what the books should have of a ticket. An amount that is none in the currency is None."""
    bet, won = (_minor(one, decimals) for one in (listed.bet, listed.won))
    return Booked(
        player=listed.player,
        ticket=listed.ticket,
        debit=bet,
        settle=won if listed.state == "RESOLVED" else None,
        refund=bet if listed.state in GIVEN_BACK else None,
    )


def _minor(amount: Decimal | None, decimals: int) -> int | None:
    try:
        return None if amount is None else to_minor(amount, decimals)
    except AmountError:
        return None


def _text(value: Any, name: str) -> str:
    found = text_or_none(value, name)
    if found is None:
        raise InvalidInput(f'"{name}" is empty.', field=name)
    return found


def _total(values: Sequence[Any], name: str) -> Decimal | None:
    given = [_amount(value, name) for value in values if value is not None]
    if not given:
        return None
    total = sum(given, Decimal())
    if any(len(one.as_tuple().digits) > MOST_DIGITS for one in (*given, total)):
        raise InvalidInput(f'"{name}" has more than {MOST_DIGITS} digits.', field=name)
    return total


def _amount(value: Any, name: str) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        raise InvalidInput(f'"{name}" must be a number; it is {shape(value)}.', field=name)
    try:
        # The shortest text that gives the same float: the digits of the file, where they are not too many.
        amount = Decimal(repr(value) if isinstance(value, float) else value)
    except (ArithmeticError, ValueError):
        amount = Decimal("NaN")
    if not amount.is_finite() or abs(amount.adjusted()) > MOST_DIGITS:
        raise InvalidInput(f'"{name}" must be a number; it is {shape(value)}.', field=name)
    return amount
