"""How values are written: numbers with all their digits, dates and nulls as the switches say."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from airflow_provider.sandbox.messages import JSON_HEADERS, Answer, Number

if TYPE_CHECKING:
    from collections.abc import Callable

_quoted: Callable[[str], str] = json.encoder.encode_basestring

OFFSETS = {"none": None, "Z": UTC, "+00:00": UTC, "+01:00": timezone(timedelta(hours=1))}


_SECONDS = len("2026-01-31T23:59:59")


class Problem(Exception):
    """A request that mPOHODA refuses.

    :param status: the HTTP status
    :param detail: the reason, for ``detail``
    :param errors: of a validation, the texts by field
    """

    def __init__(self, status: int, detail: str = "", errors: dict[str, list[str]] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.errors = errors


class Format:
    """How records are written at the moment.

    :param switch: returns the value of one of mPOHODA's switches
    """

    def __init__(self, switch: Callable[[str], Any]) -> None:
        self.digits = int(switch("date_fractions"))
        self.document_offset = switch("date_offset")
        self.moment_offset = switch("moment_offset")
        self.omit_nulls = switch("nulls") == "omit"

    def __eq__(self, other: object) -> bool:
        """Two are equal when they write the same."""
        return isinstance(other, Format) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash(tuple(vars(self).values()))

    def date(self, value: datetime) -> str:
        """Return a date: one without zone is that of a document, one with it a moment."""
        offset = self.document_offset if value.tzinfo is None else self.moment_offset
        if value.tzinfo is not None and value.tzinfo is not OFFSETS[offset]:
            value = value.astimezone(OFFSETS[offset] or UTC)
        # Of the seven digits that .NET writes Python knows six.
        text = value.isoformat(timespec="microseconds")[: _SECONDS + 7] + "0"
        text = text[: _SECONDS + 1 + self.digits] if self.digits else text[:_SECONDS]
        return text if offset == "none" else text + offset

    def text(self, value: Any) -> str:
        """Return a value as JSON."""
        if isinstance(value, dict):
            return "{" + ",".join(self._members(value)) + "}"
        if isinstance(value, list):
            return "[" + ",".join(map(self.text, value)) + "]"
        if isinstance(value, str):
            return _quoted(value)
        if isinstance(value, datetime):
            return f'"{self.date(value)}"'
        if isinstance(value, Decimal):
            return f"{value:f}"
        if isinstance(value, Number):
            return value.token
        return json.dumps(value)

    def _members(self, value: dict[str, Any]) -> list[str]:
        return [
            f'"{name}":{self.text(one)}'
            for name, one in value.items()
            if one is not None or not self.omit_nulls
        ]


def exact(value: Any) -> Decimal:
    """Return a number of a record as an exact decimal."""
    if isinstance(value, Number):
        return Decimal(value.token)
    return Decimal(str(value))


def read_date(text: str, zone: tzinfo | None = None) -> datetime:
    """Read a date of a request.

    :param text: ISO 8601, with or without time and offset
    :param zone: the zone of one without an offset; None leaves it without
    :raises ValueError: if it is not a date
    """
    if len(text) < len("2026-01-01") or text[4] != "-":
        raise ValueError(text)
    # Python's digits end at six; .NET has a seventh.
    head, dot, rest = text.partition(".")
    if dot:
        end = len(rest) - len(rest.lstrip("0123456789"))
        text = head + "." + rest[: min(end, 6)] + rest[end:]
    value = datetime.fromisoformat(text)
    return value if value.tzinfo or zone is None else value.replace(tzinfo=zone)


def plain(text: str) -> datetime:
    """Read a date that a document keeps: the day and time as sent, without an offset."""
    return read_date(text).replace(tzinfo=None)


def ok(text: str, status: int = 200) -> Answer:
    """Return an answer with JSON that is written already."""
    return Answer(status, text.encode(), JSON_HEADERS)
