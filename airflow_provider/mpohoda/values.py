"""From a record's values to those of a body: exact numbers, dates, ids, yes or no, and enumerations."""

from __future__ import annotations

import re
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

from airflow_provider.exceptions import InvalidInput
from airflow_provider.texts import text_or_none
from airflow_provider.values import native, shape

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

DIGITS = 28
"""Digits that a ``decimal`` of .NET, in which mPOHODA counts, holds for certain."""

LARGEST = 2**31 - 1
"""The largest whole number of a field: the vendor's document says ``int32``."""

_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]{1,3})?")
_GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MOMENT = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[T ]([0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,9})?)?)"
    r"(Z|z|[+-][0-9]{2}:[0-9]{2})?"
)
_FLAGS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
_MIDNIGHT = re.compile("[0:.]+")


class Fault(ValueError):
    """What is wrong with a value, to follow the name of its field.

    :param fault: what is wrong, without the value
    :param remedy: what to do about it
    """

    def __init__(self, fault: str, remedy: str | None = None) -> None:
        super().__init__(fault)
        self.fault = fault
        self.remedy = remedy


def text(value: Any, most: int | None = None, *, prose: bool = False) -> str:
    """Return a value as text.

    :param value: the value, which is not empty
    :param most: how many characters it may have
    :param prose: whether it is written for people and may have line breaks
    :raises Fault: it has none, or too many characters
    """
    try:
        found = text_or_none(value, "it", prose=prose)
    except InvalidInput as error:
        raise Fault(error.message.removeprefix('"it" ').rstrip("."), error.remedy) from None
    if found is None:
        raise Fault("is empty", "Leave the field out where there is no value.")
    if most is not None and len(found) > most:
        raise Fault(f"may have {most} characters and has {len(found)}", "Shorten it.")
    return found


def number(value: Any) -> Decimal:
    """Return a number with all its digits.

    :param value: a number, or its text
    :raises Fault: it is none, is not finite, or has lost digits
    """
    found = _decimal(native(value))
    if not found.is_finite():
        raise Fault("is not a finite number", "Leave the field out where there is no value.")
    _, digits, exponent = found.as_tuple()
    if len(digits) > DIGITS or abs(found.adjusted()) > DIGITS or -int(exponent) > DIGITS:
        raise Fault(f"has more than {DIGITS} digits", "Round it where it comes from.")
    return found


def _decimal(value: Any) -> Decimal:
    if isinstance(value, Decimal):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return Decimal(value)
    if isinstance(value, float):
        return Decimal(text(value))
    plain = text(value) if isinstance(value, str | bytes) else ""
    if not _NUMBER.fullmatch(plain):
        raise Fault(
            f"must be a number; it is {shape(value)}",
            "Write it like 1234.50, with a point and without blanks or a currency.",
        )
    return Decimal(plain)


def whole(value: Any, least: int = -LARGEST, most: int = LARGEST) -> int:
    """Return a whole number.

    :param value: the number, or its text
    :param least: the smallest allowed
    :param most: the largest allowed
    :raises Fault: it is none, or beyond these
    """
    found = number(value)
    if found != found.to_integral_value():
        raise Fault("must be a whole number and has a fraction", "Write it like 14.")
    if not least <= found <= most:
        raise Fault(f"must be a whole number from {least} to {most}", "Correct it.")
    return int(found)


def guid(value: Any) -> str:
    """Return an id.

    :param value: the id, as a text or a :class:`~uuid.UUID`
    :raises Fault: it is none
    """
    found = str(value) if isinstance(value, UUID) else text(value) if isinstance(value, str | bytes) else ""
    if not _GUID.fullmatch(found):
        raise Fault(
            f"must be an id like 11111111-2222-4333-8444-555555555555; it is {shape(value)}",
            "The lists of mPOHODA have the ids.",
        )
    return found.lower()


def flag(value: Any) -> bool:
    """Return True or False.

    :param value: a boolean, 1 or 0, or a text that says so
    :raises Fault: it is none
    """
    own = native(value)
    found = _FLAGS.get(str(own).strip().lower()) if isinstance(own, bool | int | str) else None
    if found is None:
        raise Fault(f"must be true or false; it is {shape(value)}", "Write true or false.")
    return found


def moment(value: Any) -> str:
    """Return a day as ``YYYY-MM-DD``, or a time with its offset as ISO 8601 writes it.

    A time without an offset is not sent, because nobody knows how mPOHODA reads it; at midnight it is a day.

    :param value: a date, a datetime, or a text
    :raises Fault: it is none
    """
    own = native(value)
    if isinstance(own, datetime):
        # Not that of a subclass: pandas writes nanoseconds.
        own = datetime.isoformat(own)
    elif isinstance(own, date):
        return date.isoformat(own)
    plain = text(own) if isinstance(own, str | bytes) else ""
    found = _MOMENT.fullmatch(plain)
    try:
        if _DAY.fullmatch(plain):
            return date.fromisoformat(plain).isoformat()
        if found:
            datetime.fromisoformat(plain.upper().replace(" ", "T"))
    except ValueError:
        raise Fault("is no day or time that exists", "Correct it.") from None
    if found is None:
        raise Fault(
            f"must be a day as YYYY-MM-DD, or a time as ISO 8601 writes it; it is {shape(value)}",
            "Write it like 2026-11-01 or 2026-11-01T08:00:00+01:00.",
        )
    day, time, offset = found.groups()
    if offset is not None:
        return f"{day}T{time}{offset.upper()}"
    if not _MIDNIGHT.fullmatch(time):
        raise Fault(
            "is a time without an offset, which mPOHODA may read in any zone",
            "Write the day alone, or add the offset: 2026-11-01T08:00:00+01:00.",
        )
    return day


def member(value: Any, members: Mapping[str, str | None], country: str) -> str:
    """Return a value of an enumeration.

    :param value: the value
    :param members: those that there are; each with the country that alone has it, or None
    :param country: the country of the connection, ``cz`` or ``sk``
    :raises Fault: it is none of them, or not one of this country
    """
    own = native(value)
    allowed = [name for name, only in members.items() if only in (None, country)]
    if isinstance(own, str):
        plain = own.strip()
        if plain in allowed:
            return plain
        if plain in members:
            raise Fault(
                f'is a value that mPOHODA has in the country "{members[plain]}" alone',
                f'The connection\'s country is "{country}". Write one of {", ".join(allowed)}.',
            )
        near = nearest(plain, allowed)
        if near is not None:
            raise Fault(
                f"must be one of {', '.join(allowed)}; it is another text", f"Perhaps {near} is meant."
            )
    raise Fault(f"must be one of {', '.join(allowed)}; it is {shape(value)}", "Write one of these texts.")


def nearest(name: str, names: Collection[str]) -> str | None:
    """Return the name that is most like another; None where none is like it.

    :param name: the other
    :param names: the names to choose from
    """
    import difflib

    plain = {one.casefold(): one for one in names}
    found = difflib.get_close_matches(name.casefold(), plain, n=1, cutoff=0.6)
    return plain[found[0]] if found else None
