"""Keep the data of records out of errors: vendors quote the address or the number that they refuse."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator, Mapping
from html import escape
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus

if TYPE_CHECKING:
    from airflow_provider.http.call import Call

SHORTEST = 3
"""Characters of a text that can say something of a person."""

SHORTEST_NUMBER = 6
"""Digits: a shorter number is as likely a status or a limit that the vendor speaks of."""

TELLING_DIGITS = 7
"""The last digits of a phone number, by which it is known in whatever form the vendor writes it."""

LONGEST_NUMBER = 100
"""Characters that a phone number may have, with all that stands between its digits."""

_NUMBER = re.compile(r"\+?\(?[0-9](?:[\s().\-/]*[0-9]){6,}")


def hide(text: str, call: Call[Any]) -> str:
    """Replace the data of a record by the names of its fields in brackets: ``[mail] is not valid``.

    That is what the call has sent, and what else is in the record that it was made of.

    What the call lists as ``shown`` stays, and so do short texts and numbers.

    :param text: a text of the vendor
    :param call: the call that it answers
    """
    text = unicodedata.normalize("NFC", text)
    lowered = text.casefold()
    found: dict[str, str] = {}
    phones: dict[str, str] = {}
    for name, value in _values(call):
        if value in call.shown:
            continue
        # A file takes long to look through, and is no phone number.
        digits = re.sub(r"[+\s().\-/]", "", value) if len(value) <= LONGEST_NUMBER else ""
        if len(digits) >= TELLING_DIGITS and digits.isdecimal():
            phones.setdefault(digits[-TELLING_DIGITS:], name)
        if len(value) <= len(text):
            for form in _forms(value):
                if form.casefold() in lowered:
                    found.setdefault(form.casefold(), name)
    if found:
        # The longest first: one value may be a part of another. A part of a longer word is another word.
        forms = "|".join(map(re.escape, sorted(found, key=len, reverse=True)))
        # Some vendors answer in capitals.
        whole = re.compile(rf"(?<!\w)(?:{forms})(?!\w)", re.IGNORECASE)
        text = whole.sub(lambda match: f"[{found.get(match[0].casefold(), 'value')}]", text)
    if phones:
        text = _NUMBER.sub(lambda match: _hidden_number(match[0], phones), text)
    return text


def _forms(value: str) -> set[str]:
    """Return a value as it is, and as it stands in a URL, in a page and in JSON."""
    value = unicodedata.normalize("NFC", value)
    return {
        value,
        quote(value, safe=""),
        quote(value),
        quote_plus(value),
        escape(value),
        json.dumps(value)[1:-1],
    }


def _hidden_number(shown: str, phones: Mapping[str, str]) -> str:
    name = phones.get(re.sub(r"[^0-9]", "", shown)[-TELLING_DIGITS:])
    return shown if name is None else f"[{name}]"


def _values(call: Call[Any]) -> Iterator[tuple[str, str]]:
    """Yield values with the names of their fields: those that are sent, and then all of the record."""
    for part in (call.query, call.json, call.form, call.about):
        yield from _leaves("value", part)


def _leaves(name: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _leaves(str(key), item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _leaves(name, item)
    elif isinstance(value, str):
        plain = value.strip()
        if len(plain) >= (SHORTEST_NUMBER if plain.isdecimal() else SHORTEST):
            yield name, plain
    elif isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 10 ** (SHORTEST_NUMBER - 1):
        yield name, str(value)
