"""Dates of records: read as ISO 8601, or in the one format that the Dag author names."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Any

from airflow_provider.exceptions import InvalidInput
from airflow_provider.texts import text_or_none
from airflow_provider.values import native, shape

_SAMPLE = datetime.fromisoformat("2027-01-31T15:20:45")
ISO_DAY = "YYYY-MM-DD"


def date_format(name: str, value: Any) -> None:
    """Make sure that a parameter tells a date from every other: it has a day, a month and a year.

    :param name: name of the parameter
    :param value: its value, like ``%d.%m.%Y``
    :raises InvalidInput: it does not
    """
    try:
        # Without a year Python 3.13 warns, and later versions refuse.
        dated = isinstance(value, str) and re.search("%[YyGcx]", value) is not None
        known = dated and _read(_SAMPLE.strftime(value), value).date() == _SAMPLE.date()
    except (ValueError, re.error):
        known = False
    if not known:
        raise InvalidInput(
            f'{name} must be a format with day, month and year, like "%d.%m.%Y", not {shape(value)}',
            field=name,
        )


def day(name: str, value: Any, format: str | None = None) -> date | None:
    """Read a day; None where there is none.

    :param name: name of the field
    :param value: a date, a datetime, of which the day is taken, or a text
    :param format: how texts are written, like ``%d.%m.%Y``: all of them, ISO's are then refused. None for
        ``YYYY-MM-DD``
    :raises InvalidInput: it is no day that exists, or is written otherwise
    """
    own = value if type(value) is str else native(value)
    if isinstance(own, date) and own == own:
        return own.date() if isinstance(own, datetime) else own
    text = _text(name, own, format or ISO_DAY, "an existing day")
    if text is None:
        return None
    try:
        if format is not None:
            return _read(text, format).date()
        if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
            return date.fromisoformat(text)
        raise ValueError
    except ValueError:
        raise _no_date(name, value, format or ISO_DAY, "an existing day") from None


def moment(name: str, value: Any, form: str, format: str | None = None) -> datetime | None:
    """Read a time, as it stands; None where there is none. A day begins at midnight.

    :param name: name of the field
    :param value: a datetime, a date or a text
    :param form: how the error calls the form that is expected without a format
    :param format: how texts are written, like ``%d.%m.%Y %H:%M``: all of them. None for any ISO 8601
    :raises InvalidInput: it is no time that exists, or is written otherwise
    """
    own = native(value)
    if isinstance(own, date) and own == own:
        return own if isinstance(own, datetime) else datetime.fromisoformat(own.isoformat())
    text = _text(name, own, format or form, "a time")
    if text is None:
        return None
    try:
        return datetime.fromisoformat(text) if format is None else _read(text, format)
    except ValueError:
        raise _no_date(name, value, format or form, "a time") from None


def _read(text: str, format: str) -> datetime:
    return datetime.strptime(text, format)  # noqa: DTZ007 - a date is written as it stands, in its own zone


def _text(name: str, value: Any, form: str, what: str) -> str | None:
    try:
        return text_or_none(value, name)
    except InvalidInput:
        raise _no_date(name, value, form, what) from None


def _no_date(name: str, value: Any, form: str, what: str) -> InvalidInput:
    sample = _SAMPLE.strftime(form) if "%" in form else {ISO_DAY: "2027-01-31"}.get(form, "2027-01-31 15:20")
    return InvalidInput(
        f'"{name}" must be {what} as {form}; it is {shape(value)}.',
        field=name,
        remedy=f"Write it like {sample}, or name the format of your file with date_format.",
    )
