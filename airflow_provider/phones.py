"""Phone numbers: which texts can be one, how one is sent, and which two are the same.

A number is sent as it is written, but for characters that only look like those of a phone number: an en
dash, a no-break space, full-width digits.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Any

from airflow_provider.exceptions import InvalidInput
from airflow_provider.texts import plain_mark
from airflow_provider.values import shape, visible

FEWEST_DIGITS = 4
MOST_DIGITS = 15
"""E.164 allows 15 digits with the code of the country, and sets no minimum: the shortest numbers of mobile
phones that countries use have four, without it."""

_SEPARATORS = re.compile(r"[\s().\-/]")
_POSSIBLE = re.compile(
    # "00" in place of "+" is no part of the number; an extension has its own digits.
    r"(?:\+|00)?[0-9]{4,15}(?:(?:;?ext(?:ension)?=?|x|#)[0-9]{1,7})?",
    re.IGNORECASE | re.ASCII,
)
_DECIMALS = re.compile(r"[0-9]{5,}\.[0-9]{1,2}\Z", re.ASCII)
_ROUNDED = re.compile(r"[0-9](?:[.,][0-9]*)?[eE]\+?[0-9]+", re.ASCII)
_PUNCTUATION = "+()./#"
_AS_GIVEN = "or send numbers as they are given with {switch}=False."


def plain_phone(text: str) -> str:
    """Return a phone number in ASCII where its characters only look like others.

    Digits of any script are digits, all blanks are blanks, all dashes and the minus sign are hyphens, and
    characters that nobody sees are left out. Everything else stays as it is.

    :param text: the number as it is written
    """
    return text if text.isascii() else "".join(map(_plain, text)).strip()


def dialled(text: str) -> str:
    """Reduce a phone number to what is dialled: two that are the same have the same text.

    :param text: the number, from :func:`plain_phone`
    """
    return _SEPARATORS.sub("", text)


def check_phone(name: str, text: str, switch: str) -> None:
    """Make sure that a text can be the number of a phone.

    It has 4 to 15 digits, not counting an international prefix ``00``, perhaps with a plus sign before them,
    blanks, dashes, dots, slashes and brackets among them, and an extension after them (``ext. 12``, ``x12``,
    ``#12``).

    :param name: name of the field
    :param text: the number, from :func:`plain_phone`
    :param switch: the parameter that switches this off, for the remedy
    :raises InvalidInput: it cannot be one
    """
    possible = _POSSIBLE.fullmatch(dialled(text))
    if not possible or text[0] not in "+(0123456789" or ("." in text[-3:] and _DECIMALS.search(text)):
        raise _no_phone(name, text, *_fault(text), switch)


def same_phone(name: str, text: str, region: str, switch: str | None) -> str:
    """Return a phone number in the form E.164, read as somebody in a country would dial it.

    :param name: name of the field
    :param text: the number, from :func:`plain_phone`
    :param region: the country, as two letters
    :param switch: the parameter that switches the check off; None where it is off, and then what is no number
        is returned as :func:`dialled` has it
    :raises InvalidInput: it has no country's code, and no number of that country is like it
    """
    import phonenumbers

    try:
        number = phonenumbers.parse(text, region)
        possible = phonenumbers.is_possible_number(number)
    except phonenumbers.NumberParseException:
        possible = False
    if possible:
        e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
        return f"{e164}ext{number.extension}" if number.extension else str(e164)
    if switch is None or text.startswith(("+", "00")):
        # Of a number with a country's code nothing has to be guessed, and plans of numbers change.
        return dialled(text)
    why = f"it is too long, too short or incomplete for a number of {region}, and has no country's code"
    raise _no_phone(name, text, why, "Correct it", switch)


def region(name: str, value: Any) -> None:
    """Make sure that a parameter is a country whose phone numbers can be read.

    :param name: name of the parameter
    :param value: its value
    :raises InvalidInput: it is none, or the library is not installed
    """
    if not isinstance(value, str) or not re.fullmatch("[A-Z]{2}", value):
        raise InvalidInput(
            f'{name} must be a country as two capitals, like "SK", not {shape(value)}', field=name
        )
    try:
        from phonenumbers import SUPPORTED_REGIONS
    except ImportError:
        raise InvalidInput(
            f"{name} needs the library phonenumbers, which is not installed.",
            field=name,
            remedy="pip install 'airflow-provider-vendor-apis[phone]', wherever Airflow runs.",
        ) from None
    if value not in SUPPORTED_REGIONS:
        raise InvalidInput(
            f"{name} must be a country that has phone numbers, not {value}",
            field=name,
            remedy="Take its two letters from ISO 3166-1, like SK; those of the United Kingdom are GB.",
        )


@lru_cache(1024)
def _plain(character: str) -> str:
    if character.isascii():
        return character
    if unicodedata.category(character) == "Nd":
        return str(unicodedata.decimal(character))
    if (mark := plain_mark(character)) != character:
        return mark
    # Full-width and small forms; a superscript is no digit of the number.
    folded = unicodedata.normalize("NFKC", character)
    return folded if folded in _PUNCTUATION else visible(character)


def _fault(text: str) -> tuple[str, str]:
    """Say why a text is no phone number, and what to do about it."""
    digits = sum(character in "0123456789" for character in text)
    if _ROUNDED.search(text):
        return (
            "a spreadsheet has rounded it, and its last digits are lost",
            "Format the column as text in the spreadsheet, and export it again",
        )
    if text[0] in "='\"":
        return (
            "it begins with a mark of a spreadsheet",
            "Export the column without formulas and quotes",
        )
    if _DECIMALS.search(text):
        return "it has decimals", "Store the column as text or as whole numbers where it comes from"
    if not digits:
        return "it has no digits", "Correct it"
    # The extension is left out: it has a fault of its own, or none.
    rest = re.split(r"[xX#;]|ext", text, maxsplit=1)[0]
    if not re.fullmatch(r"\(?\+?[0-9][0-9\s().\-/]*", rest):
        return "it has characters that no phone number has", "Correct it: one number, without words"
    return f"it has {digits} digits, and one has {FEWEST_DIGITS} to {MOST_DIGITS}", "Correct it"


def _no_phone(name: str, text: str, why: str, remedy: str, switch: str) -> InvalidInput:
    return InvalidInput(
        f'"{name}" is not the number of a phone: {why}; it is {shape(text)}.',
        field=name,
        remedy=f"{remedy}, {_AS_GIVEN.format(switch=switch)}",
    )
