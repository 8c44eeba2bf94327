"""What the demonstration shows of the orders that became invoices, and the checks that their numbers add up.

Everything is counted twice: as the Dag reports it, and as the file of the orders and the sandbox have it.
"""

from __future__ import annotations

import csv
import json
from collections import Counter, defaultdict
from decimal import ROUND_HALF_UP, Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.sandbox import SandboxProcess

OUTCOMES = ("created", "replayed", "failed", "unknown")
CENT = Decimal("0.01")


class Invoices:
    """The runs of ``invoice_orders``, and what the sandbox has of them.

    :param orders: the file that the runs read
    :param sandbox: the sandbox that they spoke to
    """

    def __init__(self, orders: Path, sandbox: SandboxProcess) -> None:
        self.sandbox = sandbox
        self.folders: list[Path] = []
        self.runs: list[dict[str, Any]] = []
        self.created: list[int] = []
        """How many invoices the sandbox had after each run."""
        self.quota: dict[str, Any] = {}
        """What the command line says of the quota."""
        with orders.open(encoding="utf-8", newline="") as file:
            self.rows = list(csv.DictReader(file))

    def add(self, summary: Path) -> None:
        """Take notice of a run that has ended.

        :param summary: its ``summary.json``
        """
        self.folders.append(summary.parent)
        self.runs.append(json.loads(summary.read_text(encoding="utf-8")))
        self.created.append(self.sandbox.state()["mpohoda"]["records"]["IssuedInvoices"])

    @cached_property
    def orders(self) -> dict[str, list[dict[str, str]]]:
        """The rows of each order."""
        found = defaultdict(list)
        for row in self.rows:
            found[row["order_number"]].append(row)
        return found

    @cached_property
    def stored(self) -> list[dict[str, Any]]:
        """The invoices that the sandbox has."""
        return list(self.sandbox.control("GET", "mpohoda/records/IssuedInvoices")["records"])

    @cached_property
    def used(self) -> int:
        """How many requests of the month the sandbox has counted."""
        return int(self.sandbox.control("GET", "mpohoda/quota")["used"])

    def results(self, run: int) -> dict[str, Any]:
        """Return the invoice of each order as a run has written it."""
        with open(self.runs[run]["output"], encoding="utf-8") as file:
            return {one["order_number"]: one["issued_invoice"] for one in map(json.loads, file)}


def price(rows: list[dict[str, str]]) -> Decimal:
    """Return what an order costs without VAT, each line rounded to cents."""
    return sum(
        (
            (
                Decimal(row["quantity"])
                * Decimal(row["unit_price"])
                * (100 - Decimal(row["discount"] or 0))
                / 100
            ).quantize(CENT, ROUND_HALF_UP)
            for row in rows
        ),
        Decimal(0),
    )


def price_of_invoice(invoice: dict[str, Any]) -> Decimal:
    """Return what an invoice of the sandbox costs without VAT."""
    sums = invoice["DocumentRecapitulation"]["VatRateSums"]
    return sum((Decimal(one["PriceWithoutVat"]) for one in sums), Decimal(0))


def show(invoices: Invoices) -> None:
    """Print what came of the orders.

    :param invoices: the runs
    """
    count, lines = len(invoices.orders), len(invoices.rows)
    print(f"\n  Orders                {count:,} with {lines:,} lines become invoices of mPOHODA:")
    print(f"\n  {'':12}" + "".join(f"{name:>10}" for name in ("records", *OUTCOMES, "requests", "seconds")))
    for name, run in zip(("first run", "second run"), invoices.runs, strict=True):
        counts = "".join(f"{run[count]:>10,}" for count in ("total", *OUTCOMES, "requests"))
        print(f"  {name:12}{counts}{run['seconds']:>10.1f}")
    total = sum(map(price_of_invoice, invoices.stored), Decimal(0))
    print(f"\n  In the sandbox        {len(invoices.stored):,} invoices over {total:,} without VAT")
    quota = invoices.quota
    print(
        f"  Requests of the month {quota['used']:,} of {quota['limit']:,}, {quota['remaining']:,} left "
        f"(airflow vendor-apis quota)"
    )


def checks(invoices: Invoices) -> Iterator[tuple[str, Any, Any]]:
    """Give each check of both runs as its text, what was found, and what it should be.

    :param invoices: the runs
    """
    first, again = invoices.runs
    orders, stored = invoices.orders, invoices.stored
    count, lines = len(orders), len(invoices.rows)
    outcomes = {name: first[name] for name in OUTCOMES}
    yield "every order is created", outcomes, {**dict.fromkeys(OUTCOMES, 0), "created": count}
    yield "every row is in an invoice", [first["rows"]["total"], first["rows"]["created"]], [lines, lines]
    numbers = Counter(invoice["OrderNumber"] for invoice in stored)
    yield "the sandbox has one invoice of each order", numbers, Counter(list(orders))
    found = {invoice["OrderNumber"]: len(invoice["Items"]) for invoice in stored}
    yield "each invoice has the lines of its order", found, {name: len(of) for name, of in orders.items()}
    prices = {invoice["OrderNumber"]: price_of_invoice(invoice) for invoice in stored}
    expected = {name: price(of) for name, of in orders.items()}
    yield "each invoice is over what its order costs", prices == expected, True
    ids = {invoice["OrderNumber"]: invoice["Id"] for invoice in stored}
    written = {name: invoice["id"] for name, invoice in invoices.results(0).items()}
    yield "the output has the id of each invoice", written == ids, True
    outcomes = {name: again[name] for name in OUTCOMES}
    yield (
        "again: every order is replayed",
        outcomes,
        {**dict.fromkeys(OUTCOMES, 0), "replayed": count},
    )
    yield "again: no request was sent", again["requests"], 0
    yield "again: the sandbox has no more invoices", invoices.created, [count, count]
    yield "again: the output is that of the first run", invoices.results(1) == invoices.results(0), True
    yield "an invoice costs one request", [first["requests"], invoices.used], [count, count]
    yield "the command line has counted the requests of the month", invoices.quota["used"], invoices.used
    remaining = invoices.quota["limit"] - invoices.used
    yield "the command line knows how many are left", invoices.quota["remaining"], remaining
