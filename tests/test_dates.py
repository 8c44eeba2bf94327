"""Days and times of records: ISO 8601, or the one format that is named."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pendulum
import pytest

from airflow_provider.dates import date_format, day, moment
from airflow_provider.exceptions import InvalidInput

FORM = "YYYY-MM-DD HH:MM"


@pytest.mark.parametrize(
    ("value", "format", "found"),
    [
        ("2027-01-31", None, date(2027, 1, 31)),
        (b"2027-01-31", None, date(2027, 1, 31)),
        ("31.01.2027", "%d.%m.%Y", date(2027, 1, 31)),
        (" 31. 1. 2027 ", "%d. %m. %Y", date(2027, 1, 31)),
        ("31.01.2027\u200b", "%d.%m.%Y", date(2027, 1, 31)),
        ("01/31/27", "%m/%d/%y", date(2027, 1, 31)),
        (20270131, "%Y%m%d", date(2027, 1, 31)),
        (date(2027, 1, 31), "%d.%m.%Y", date(2027, 1, 31)),
        (datetime(2027, 1, 31, 23, tzinfo=UTC), "%d.%m.%Y", date(2027, 1, 31)),
        (pendulum.date(2027, 1, 31), None, date(2027, 1, 31)),
        ("", "%d.%m.%Y", None),
        (None, None, None),
        (float("nan"), None, None),
    ],
)
def test_a_day_is_read_as_a_date_or_in_its_format(value, format, found):
    assert day("date_limit", value, format) == found


@pytest.mark.parametrize(
    ("value", "format", "expected", "sample"),
    [
        ("31.01.2027", None, "YYYY-MM-DD", "2027-01-31"),
        ("2027-01-31", "%d.%m.%Y", "%d.%m.%Y", "31.01.2027"),
        ("31.02.2027", "%d.%m.%Y", "%d.%m.%Y", "31.01.2027"),
        ("31.01.2027 10:00", "%d.%m.%Y", "%d.%m.%Y", "31.01.2027"),
        (True, "%d.%m.%Y", "%d.%m.%Y", "31.01.2027"),
        ([1], None, "YYYY-MM-DD", "2027-01-31"),
    ],
)
def test_another_day_is_refused_with_the_format_that_is_expected(value, format, expected, sample):
    with pytest.raises(InvalidInput) as raised:
        day("date_limit", value, format)
    assert f'"date_limit" must be an existing day as {expected}; it is ' in str(raised.value)
    assert f"Write it like {sample}" in raised.value.remedy
    assert "date_format" in raised.value.remedy
    assert raised.value.field == "date_limit"
    assert raised.value.__suppress_context__


@pytest.mark.parametrize(
    ("value", "format", "found"),
    [
        ("2027-01-31T15:20", None, "2027-01-31T15:20:00"),
        ("31.01.2027 15:20", "%d.%m.%Y %H:%M", "2027-01-31T15:20:00"),
        ("31.01.2027", "%d.%m.%Y", "2027-01-31T00:00:00"),
        (date(2027, 1, 31), "%d.%m.%Y", "2027-01-31T00:00:00"),
    ],
)
def test_a_time_is_read_likewise(value, format, found):
    read = moment("from", value, FORM, format)
    assert read is not None
    assert read.isoformat() == found


def test_a_time_in_another_format_is_refused():
    with pytest.raises(InvalidInput, match=r'"from" must be a time as %d.%m.%Y; it is 10 characters'):
        moment("from", "2027-01-31", FORM, "%d.%m.%Y")


@pytest.mark.parametrize(
    "value", ["%d.%m.%Y", "%Y%m%d", "%d/%m/%y", "%d. %B %Y", "%Y-%m-%d %H:%M:%S", "%Y-%j"]
)
def test_a_format_has_day_month_and_year(value):
    date_format("date_format", value)


@pytest.mark.parametrize("value", ["", "d.m.Y", "%d.%m.", "%H:%M", "%", "%d.%m.%Y%", 5, None, ["%d"]])
def test_a_format_that_tells_no_date_is_refused(value: Any):
    with pytest.raises(
        InvalidInput, match=r"^date_format must be a format with day, month and year"
    ) as raised:
        date_format("date_format", value)
    assert raised.value.field == "date_format"
