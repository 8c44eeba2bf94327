"""Amounts: exact decimals to whole minor units of a currency and back. Nothing is rounded."""

from __future__ import annotations

import functools
from decimal import Decimal

from airflow_provider.exceptions import InvalidInput

LARGEST = 10**18 - 1
"""Minor units that an amount or a balance may have; databases hold a little more."""


class AmountError(ValueError):
    """An amount that is none; the message says why without the amount, to follow the name of its field."""


@functools.cache
def decimals_of(currency: str) -> int:
    """Return how many decimals a currency has.

    :param currency: three letters of ISO 4217
    :raises InvalidInput: there is no such currency, or it has no minor units
    """
    # It reads a table of XML when it is imported.
    from iso4217 import Currency

    try:
        decimals: int | None = Currency(currency).exponent
    except ValueError:
        decimals = None
    if decimals is None:
        raise InvalidInput(
            '"currency" is no currency that balances can be in.',
            field="currency",
            remedy="Write it as in ISO 4217: three capital letters, like EUR.",
        )
    return decimals


def to_minor(amount: Decimal, decimals: int) -> int:
    """Return an amount in minor units.

    :param amount: the amount
    :param decimals: those of the currency
    :raises AmountError: it is negative, no number, too large, or has a fraction of a minor unit
    """
    if not amount.is_finite():
        raise AmountError("is no number")
    if not amount:
        # Whatever its sign and exponent.
        return 0
    if amount.is_signed():
        raise AmountError("is negative")
    # Before it becomes a whole number: one with a great exponent would fill the memory.
    if amount.adjusted() + decimals >= len(str(LARGEST)):
        raise AmountError("is too large")
    _, digits, exponent = amount.as_tuple()
    shift = int(exponent) + decimals
    if shift < 0 and any(digits[shift:]):
        raise AmountError(f"has a fraction of a minor unit: the currency has {_count(decimals)}")
    whole = digits[:shift] if shift < 0 else (*digits, *[0] * shift)
    return int("".join(map(str, whole)) or "0")


def to_decimal(minor: int, decimals: int) -> Decimal:
    """Return minor units as an amount, with all decimals of the currency.

    :param minor: the minor units
    :param decimals: those of the currency
    """
    return Decimal((int(minor < 0), tuple(map(int, str(abs(minor)))), -decimals))


def _count(decimals: int) -> str:
    if decimals == 0:
        return "no decimals"
    return f"{decimals} decimal{'' if decimals == 1 else 's'}"
