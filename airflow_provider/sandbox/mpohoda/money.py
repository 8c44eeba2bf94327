"""Sums: exact decimals, two places, half a cent away from zero."""

from __future__ import annotations

import decimal
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Any

from airflow_provider.sandbox.mpohoda.wire import exact

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

CENT = Decimal("0.01")
HUNDRED = Decimal(100)
ONE = Decimal(1)
ZERO = Decimal(0)
# .NET multiplies in 96 bits and more; nothing may be lost here before it is rounded.
EXACT = decimal.Context(prec=120)


@dataclass(frozen=True, slots=True)
class Rate:
    """An exchange rate.

    :param rate: how much of the home currency ``quantity`` of the foreign one is
    :param quantity: how much of the foreign currency
    """

    rate: Decimal
    quantity: int

    def home(self, amount: Decimal, switch: Callable[[str], Any]) -> Decimal:
        """Return an amount of the foreign currency in the home currency."""
        return cents(EXACT.divide(EXACT.multiply(amount, self.rate), Decimal(self.quantity)), switch)


def cents(value: Decimal, switch: Callable[[str], Any]) -> Decimal:
    """Round to two places.

    :param value: an amount
    :param switch: returns the value of one of mPOHODA's switches
    """
    rounding = ROUND_HALF_UP if switch("half_cents") == "up" else ROUND_HALF_EVEN
    # Nothing less than zero is -0.00.
    return EXACT.add(value.quantize(CENT, rounding, EXACT), ZERO)


def sums_of_line(
    line: dict[str, Any], percent: Decimal, switch: Callable[[str], Any]
) -> tuple[Decimal, Decimal, Decimal]:
    """Return price without VAT, VAT and price with it.

    :param line: with Quantity, UnitPrice, UnitPriceVatType and DiscountPercentage
    :param percent: the rate of VAT
    :param switch: returns the value of one of mPOHODA's switches
    """
    quantity, price, discount = (
        exact(line[name]) for name in ("Quantity", "UnitPrice", "DiscountPercentage")
    )
    part = EXACT.divide(EXACT.subtract(HUNDRED, discount), HUNDRED)
    base = cents(EXACT.multiply(EXACT.multiply(quantity, price), part), switch)
    rate = EXACT.divide(percent, HUNDRED)
    if line["UnitPriceVatType"] == "WithVat":
        net = cents(EXACT.divide(base, EXACT.add(ONE, rate)), switch)
        return net, EXACT.subtract(base, net), base
    if line["UnitPriceVatType"] == "ReverseCharge":
        return base, cents(ZERO, switch), base
    vat = cents(EXACT.multiply(base, rate), switch)
    return base, vat, EXACT.add(base, vat)


def recapitulation(lines: list[dict[str, Any]], body: dict[str, Any], foreign: bool) -> dict[str, Any]:
    """Return the sums of a document.

    :param lines: its lines with their sums
    :param body: has the roundings asked for
    :param foreign: whether the document is in a foreign currency
    """
    by_rate: dict[str, dict[str, Any]] = {}
    for line in lines:
        empty = {
            "VatRateType": line["VatRateType"],
            "PriceWithoutVat": ZERO,
            "Vat": ZERO,
            "TotalPrice": ZERO,
        }
        sums = by_rate.setdefault(line["VatRateType"], empty)
        for name, of_line in (
            ("PriceWithoutVat", "PriceWithoutVat"),
            ("Vat", "Vat"),
            ("TotalPrice", "PriceWithVat"),
        ):
            sums[name] = EXACT.add(sums[name], exact(line[of_line]))
    total = _sum(sums["TotalPrice"] for sums in by_rate.values())
    in_foreign = None
    if foreign:
        names = ("ForeignCurrencyWithoutVat", "ForeignCurrencyVat")
        in_foreign = _sum(exact(line[name]) for line in lines for name in names)
    return {
        "TotalPrice": total,
        "ForeignCurrencyTotalPriceWithoutRounding": in_foreign,
        "ForeignCurrencyTotalPrice": in_foreign,
        "ForeignCurrencyRoundingAmount": Decimal("0.00") if foreign else None,
        "VatRounding": body.get("VatRounding") or "None",
        "Rounding": body.get("Rounding") or "None",
        "VatRateSums": list(by_rate.values()),
    }


def _sum(amounts: Iterable[Decimal]) -> Decimal:
    total = Decimal("0.00")
    for amount in amounts:
        total = EXACT.add(total, amount)
    return total
