"""The quota of a vendor that grants so many requests a month and does not say what remains."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from airflow_provider.quota.interface import Report
from airflow_provider.quota.readings import Grant, Refusal
from airflow_provider.quota.store import QuotaStore
from tests.support.quota import ACCOUNT, DAY, HOUR, NOW, reserve, tell

GRANT = Grant(8000)


@pytest.mark.parametrize(
    ("moment", "end"),
    [
        (datetime(2026, 3, 10, 12, 30, 15, 99, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC)),
        (datetime(2026, 3, 31, 23, 59, 59, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC)),
        (datetime(2026, 4, 1, tzinfo=UTC), datetime(2026, 5, 1, tzinfo=UTC)),
        (datetime(2026, 12, 31, 23, 59, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)),
        (datetime(2026, 1, 31, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)),
        (datetime(2024, 2, 29, tzinfo=UTC), datetime(2024, 3, 1, tzinfo=UTC)),
        (datetime(2026, 11, 30, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC)),
    ],
)
def test_a_period_ends_with_the_month(moment, end):
    assert GRANT.ends(moment) == end


APRIL = datetime(2026, 4, 1, tzinfo=UTC)


@pytest.fixture
def counted(database, stopped_clock) -> QuotaStore:
    return QuotaStore(database, ACCOUNT, GRANT)


def test_all_of_a_grant_is_there_before_the_first_request(counted):
    known = counted.look()
    assert known.estimate is not None
    assert (known.estimate.limit, known.estimate.remaining) == (8000, 8000)
    assert (known.estimate.resets_at, known.estimate.source) == (APRIL, "count")


def test_requests_are_counted_against_the_grant(counted):
    counted.report(Report(sent=3, spent=3))
    counted.report(Report(sent=4, spent=4))
    known = counted.look()
    assert (known.counted, known.estimate.remaining, known.estimate.used) == (7, 7993, 7)
    assert reserve(counted, "a", 7994) is None
    assert reserve(counted, "a", 7993) == 7993


def test_a_new_period_begins_with_the_month(counted, stopped_clock):
    counted.report(Report(sent=8000, spent=8000))
    assert counted.look().estimate.remaining == 0
    stopped_clock.at = APRIL - timedelta(microseconds=1)
    assert counted.look().estimate.remaining == 0
    stopped_clock.at = APRIL
    known = counted.look()
    assert (known.estimate.remaining, known.estimate.resets_at) == (8000, datetime(2026, 5, 1, tzinfo=UTC))
    counted.report(Report(sent=2, spent=2))
    known = counted.look()
    assert (known.counted, known.estimate.remaining) == (2, 7998)
    assert known.reading.resets_at == datetime(2026, 5, 1, tzinfo=UTC)


def test_a_new_period_begins_even_if_nothing_was_counted_in_the_old_one(counted, stopped_clock):
    counted.report(Report(refusal=Refusal("QuotaExhausted", "x", NOW)))
    stopped_clock.at = APRIL
    assert counted.look().estimate.resets_at == datetime(2026, 5, 1, tzinfo=UTC)


@pytest.mark.parametrize("limit", [9000, 100])
def test_a_grant_that_was_changed_in_the_connection_holds_at_once(counted, database, limit):
    counted.report(Report(sent=7, spent=7))
    known = QuotaStore(database, ACCOUNT, Grant(limit)).look()
    assert (known.estimate.limit, known.estimate.remaining) == (limit, limit - 7)


def test_a_header_counts_more_than_the_grant(counted):
    tell(counted, 40, source="header")
    counted.report(Report(sent=3, spent=3))
    known = counted.look()
    assert (known.reading.limit, known.estimate.remaining) == (100, 37)


@pytest.mark.parametrize("resets_at", [NOW + HOUR, None], ids=["told", "not told"])
def test_what_a_header_said_of_a_period_that_is_over_gives_way_to_the_grant(
    counted, stopped_clock, resets_at
):
    """The vendor cannot be probed: if the old count held on, whoever waits would wait for ever."""
    tell(counted, 0, source="header", resets_at=resets_at)
    stopped_clock.at = APRIL + DAY
    known = counted.look()
    assert known.estimate is not None
    assert known.estimate.remaining == 8000
