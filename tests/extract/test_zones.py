"""Times of changes that come without an offset, from a vendor whose zone is known."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from airflow_provider.extract.instants import ticks, zoned

PRAGUE = ZoneInfo("Europe/Prague")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-03T10:00:00", "2026-11-03T10:00:00+01:00"),
        ("2026-07-03 10:00", "2026-07-03T10:00:00+02:00"),
        ("2026-07-03T10:00:00.1234567", "2026-07-03T10:00:00.1234567+02:00"),
        ("2026-07-03T10:00:00,123", "2026-07-03T10:00:00.123+02:00"),
        ("2026-07-03", "2026-07-03T00:00:00+02:00"),
    ],
)
def test_the_offset_of_the_zone_is_added(text, expected):
    assert zoned(text, PRAGUE) == expected
    assert ticks(expected) is not None


@pytest.mark.parametrize(
    "value",
    ["2026-11-03T10:00:00Z", "2026-11-03T10:00:00+05:00", "2026-11-03T10:00:00.5 -0300", "soon", "", None, 7],
)
def test_what_has_an_offset_or_is_no_time_stays(value):
    assert zoned(value, PRAGUE) == value


def test_without_a_zone_a_time_stays():
    assert zoned("2026-11-03T10:00:00", None) == "2026-11-03T10:00:00"


def test_of_an_hour_that_comes_twice_it_is_the_first():
    assert zoned("2026-10-25T02:30:00", PRAGUE) == "2026-10-25T02:30:00+02:00"


def test_a_time_that_the_clocks_leave_out_is_not_later_than_in_utc():
    found = ticks(zoned("2026-03-29T02:30:00", PRAGUE))
    assert found is not None
    assert found < (ticks("2026-03-29T02:30:00Z") or 0)
