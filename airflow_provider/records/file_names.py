"""The name of a record's file: made from a template, and always one of its folder."""

from __future__ import annotations

import re
import string
import unicodedata
from typing import TYPE_CHECKING, Any

from airflow_provider.exceptions import InvalidInput
from airflow_provider.texts import text_or_none
from airflow_provider.values import shape

if TYPE_CHECKING:
    from collections.abc import Mapping

LONGEST = 200
"""Bytes that a name may have: file systems allow 255, and a file that is not complete has a longer one."""

FORBIDDEN = re.compile(r'[\\/:*?"<>|]')
"""What no name may have on one system or another; the first two lead to other folders."""

RESERVED = re.compile(r"(CON|PRN|AUX|NUL|COM[0-9¹²³]|LPT[0-9¹²³])\s*(\.|$)", re.IGNORECASE)
"""Names of devices on Windows, whatever their ending."""

STAND_IN = "_"


class FileName:
    """Makes names from a template like ``{number}-{id}``.

    In the values of a record, characters that no name may have become ``_``. A name that is still none, or
    that is hidden, reserved or too long, is refused, and nothing is ever cut off: two files must not get one
    name by that.

    :param template: the name without its ending; fields of a record in braces, dots leading into nested ones
    :param ending: what comes after it, like ``.pdf``; a template that has it already gets no second one
    :param parameter: what the template is called, for errors
    :raises InvalidInput: it is no template, or leads out of its folder
    """

    def __init__(self, template: str, ending: str, *, parameter: str = "name") -> None:
        self._parameter = parameter
        if not template.strip():
            raise self._wrong(f"must be a text like {{number}}; it is {shape(template)}")
        if template.lower().endswith(ending):
            template = template[: -len(ending)]
        self._ending = ending
        self._parts = self._parsed(template)

    @property
    def fields(self) -> tuple[str, ...]:
        """Name the fields of a record that it needs."""
        return tuple(dict.fromkeys(field for _, field in self._parts if field))

    def of(self, values: Mapping[str, Any]) -> str:
        """Return the name of a record's file.

        :param values: the values of its fields
        :raises InvalidInput: a value is empty or no text, or the name cannot be one
        """
        name = "".join(before + self._value(field, values) for before, field in self._parts)
        name = unicodedata.normalize("NFC", name).strip()
        fault = None
        if name.startswith("."):
            fault = "begins with a dot"
        elif RESERVED.match(name):
            fault = "is the name of a device on Windows"
        elif (size := len(f"{name}{self._ending}".encode())) > LONGEST:
            fault = f"has {size} bytes, more than {LONGEST}"
        if fault:
            raise self._wrong(f"makes no name for the record's file: it {fault}")
        return f"{name}{self._ending}"

    def _parsed(self, template: str) -> list[tuple[str, str]]:
        try:
            parts = list(string.Formatter().parse(template))
        except ValueError:
            raise self._wrong("has a brace without its other one") from None
        for before, field, form, conversion in parts:
            if FORBIDDEN.search(before) or not before.isprintable():
                raise self._wrong("has a character that no name of a file may have, like / or :")
            if form or conversion or (field is not None and not re.fullmatch(r"[^\W\d][\w .-]*", field)):
                raise self._wrong("has something else in braces than the name of a field")
        return [(before, field or "") for before, field, _, _ in parts]

    def _value(self, field: str, values: Mapping[str, Any]) -> str:
        if not field:
            return ""
        text = text_or_none(values.get(field), field)
        if text is None:
            raise InvalidInput(
                f'"{field}" is empty, and the name of the record\'s file needs it.',
                field=field,
                remedy=f'Fill it, or leave it out of "{self._parameter}".',
            )
        text = FORBIDDEN.sub(STAND_IN, text)
        if text.isprintable():
            return text
        return "".join(one if one.isprintable() else STAND_IN for one in text)

    def _wrong(self, fault: str) -> InvalidInput:
        return InvalidInput(
            f'"{self._parameter}" {fault}.',
            field=self._parameter,
            remedy="Write fields of a record in braces, like {number} or {issued_invoice.number}.",
        )


def folded(name: str) -> str:
    """Return what two names have in common that are one file on some systems.

    :param name: the name
    """
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
