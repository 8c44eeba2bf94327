"""From a record's values to what is sent, for all vendors: the text of identifiers, addresses and numbers."""

from __future__ import annotations

import math
import re
import unicodedata
from decimal import Decimal
from typing import Any
from uuid import UUID

from airflow_provider.exceptions import InvalidInput
from airflow_provider.values import BYTES, SinglePrecision, is_empty, native, shape, visible

EXACT = 2**53
"""From here on a float no longer tells a whole number from the next one."""

CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]")
"""What no identifier, address or number has in it. A tab counts as a blank."""

EXACT_SINGLE = 2**24
"""The same of a float that was stored in 32 bits."""

MOST_DIGITS = 4300
"""Python writes no whole number with more digits."""


def text_or_none(value: Any, name: str = "value", *, prose: bool = False) -> str | None:
    """Return the text of an identifier, an address or a number; None where there is none.

    Every value of a record that a vendor takes as text goes through here. Blanks around it and characters
    that nobody sees are left out. Bytes are read as UTF-8. A whole number has no ``.0`` and no exponent,
    whatever kind of number it came as.

    :param value: the value, which may be a ``SecretStr``
    :param name: name of the field, for the error
    :param prose: whether it is written for people: there an invisible character may join an emoji or the
        letters of a script, and is kept
    :raises InvalidInput: the value is no text and no number, has lost digits, or has a control character
    """
    if type(value) is not str:
        if hasattr(value, "get_secret_value"):
            return text_or_none(value.get_secret_value(), name, prose=prose)
        if is_empty(value):
            return None
        return text_or_none(_text_of(value, name), name, prose=prose)
    seen: str = visible(value).strip()
    if prose and seen:
        return str(value).strip()
    if not seen.isprintable() and (control := CONTROL.search(seen)):
        what = "a line break" if control[0] in "\r\n" else "a control character"
        raise InvalidInput(
            f'"{name}" has {what} in it ({len(seen)} characters of text).',
            field=name,
            remedy="Take it out where the value comes from. Perhaps two rows have run into one.",
        )
    return seen or None


def plain_marks(text: str) -> str:
    """Return a text with the hyphen and the blank in place of what looks like them.

    :param text: the text of an identifier or an address
    """
    return text if text.isascii() else "".join(map(plain_mark, text))


def comparable(text: str) -> str:
    """Return a key as it is compared: composed Unicode, and :func:`plain_marks`.

    :param text: the text of the key
    """
    return plain_marks(unicodedata.normalize("NFC", text))


def scalar(value: Any, name: str) -> Any:
    """Return a value of a JSON document as JSON's own: text, whole number, number, boolean or None.

    Texts stay as they are. A whole number that came as a float or a ``Decimal`` has no ``.0``.

    :param value: the value
    :param name: name of the field, for the error
    :raises InvalidInput: JSON has no form for it, or it is a number that has lost digits
    """
    kind = type(value)
    if kind is int and not -(2**63) <= value < 2**64:
        raise _no_text(name, "a whole number of more than 64 bits", "Give it as text.")
    if value is None or kind in (str, bool, int):
        return value
    own = native(value)
    if own is not value:
        return scalar(own, name)
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, float):
        number = float(value)
        return number if math.isfinite(number) and not number.is_integer() else int(_text_of(value, name))
    if isinstance(value, int):
        return scalar(int(value), name)
    return _text_of(value, name)


def plain_mark(character: str) -> str:
    """Return the hyphen or the blank in place of a character that looks like one; any other as it is.

    :param character: the character
    """
    category = unicodedata.category(character)
    if category == "Pd" or character == "\u2212":
        return "-"
    return " " if category == "Zs" else character


def _text_of(value: Any, name: str) -> str:
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, BYTES):
        try:
            return bytes(value).decode()
        except UnicodeDecodeError:
            raise _no_text(
                name, f"{len(bytes(value))} bytes that are not UTF-8", "Decode them first."
            ) from None
    if isinstance(value, int) and not isinstance(value, bool):
        return _digits(name, value)
    if isinstance(value, float):
        single = isinstance(value, SinglePrecision)
        return _text_of_float(name, float(value), EXACT_SINGLE if single else EXACT)
    if isinstance(value, Decimal):
        return _text_of_decimal(name, value)
    if isinstance(value, UUID):
        return str(value)
    own = native(value)
    if own is not value:
        return _text_of(own, name)
    raise _no_text(name, shape(value), "Give a text, or a number. A list or an object cannot stand for one.")


def _text_of_float(name: str, value: float, exact: int) -> str:
    if not math.isfinite(value):
        raise _no_text(name, "a number that is not finite", "Leave it empty where there is no value.")
    if not value.is_integer():
        # As Python shows it, but for the exponent: 1e-07.
        return format(Decimal(repr(value)), "f")
    if abs(value) >= exact:
        raise _no_text(
            name,
            f"a float of {len(str(int(abs(value))))} digits, of which it holds no more than "
            f"{15 if exact == EXACT else 7} for certain",
            "Store the column as text or as whole numbers where it comes from: the digits are lost here.",
        )
    return str(int(value))


def _text_of_decimal(name: str, value: Decimal) -> str:
    if not value.is_finite() or abs(value.adjusted()) > MOST_DIGITS:
        raise _no_text(name, "a Decimal that is not finite or too long", "Give the number as text.")
    text = format(value, "f")
    # 1.50 stays: the scale of an amount is the author's.
    return text.partition(".")[0] if "." in text and not text.partition(".")[2].strip("0") else text


def _digits(name: str, value: int) -> str:
    try:
        return str(int(value))
    except ValueError:
        raise _no_text(name, "a number of thousands of digits", "Give it as text.") from None


def _no_text(name: str, kind: str, remedy: str) -> InvalidInput:
    return InvalidInput(f'"{name}" must be a text or a number; it is {kind}.', field=name, remedy=remedy)
