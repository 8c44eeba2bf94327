"""Queries of a time: what is sent as its end, against the sandbox."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest

from airflow_provider.exceptions import InvalidInput
from airflow_provider.wolkvox.operators import WolkvoxQueryOperator
from tests.support.wolkvox import bodies, query

pytestmark = pytest.mark.usefixtures("quick")

TIMES = ["10:00:00", "10:00:01", "10:59:00", "10:59:59", "11:00:00", "11:00:59", "11:59:30", "12:00:00"]
HOURS = [("10:00", "11:00"), ("11:00", "12:00"), ("12:00", "13:00")]


def last_minute(sandbox: Any, *, counts: bool) -> None:
    """Let ``to`` stand for all of its minute, or for its first second alone."""
    sandbox.switch({"wolkvox.query_dates_end": "whole minute" if counts else "first second"})


def read(*periods: tuple[str, str], **options: Any) -> list[str]:
    """Read periods one after another, and return the time of each record that came."""
    return [
        record["wolkvox_fecha_creacion"][11:]
        for begin, end in periods
        for record in query(date_from=f"2026-01-02 {begin}", date_to=f"2026-01-02 {end}", **options)[
            "records"
        ]
    ]


@pytest.fixture
def records(sandbox) -> None:
    made = [{"wolkvox_fecha_creacion": f"2026-01-02 {time}"} for time in TIMES]
    sandbox.control("POST", "wolkvox/records", {"module": "leads", "records": made})


@pytest.mark.usefixtures("records")
def test_periods_that_follow_one_another_have_each_record_once(sandbox):
    last_minute(sandbox, counts=True)
    assert read(*HOURS, exclude_last_minute=True) == TIMES
    assert len(read(*HOURS)) > len(TIMES), "otherwise the minute of the end comes in both"


@pytest.mark.usefixtures("records")
def test_without_the_seconds_of_the_last_minute_the_end_is_sent_as_it_is(sandbox):
    last_minute(sandbox, counts=False)
    assert set(read(*HOURS)) == set(TIMES)
    assert "10:59:59" not in read(*HOURS, exclude_last_minute=True)


@pytest.mark.parametrize(
    ("begin", "end", "sent"),
    [
        ("2026-01-02 10:00", "2026-01-02 11:00", ("2026-01-02 10:00", "2026-01-02 10:59")),
        ("2026-01-02 10:00", "2026-01-02 10:01", ("2026-01-02 10:00", "2026-01-02 10:00")),
        ("2026-01-02 10:00:30", "2026-01-02 10:30:30", ("2026-01-02 10:00", "2026-01-02 10:29")),
        ("2026-01-02", date(2026, 1, 3), ("2026-01-02 00:00", "2026-01-02 23:59")),
        (
            datetime(2026, 1, 2, 10, tzinfo=UTC),
            datetime(2026, 1, 2, 11, tzinfo=timezone(timedelta(hours=-5))),
            ("2026-01-02 10:00", "2026-01-02 10:59"),
        ),
    ],
)
def test_the_minute_before_the_end_is_sent(sandbox, begin, end, sent):
    query(date_from=begin, date_to=end, exclude_last_minute=True)
    [asked] = bodies(sandbox, "custom/queryDates.php")
    assert (asked["from"], asked["to"]) == sent


@pytest.mark.parametrize("end", ["2026-01-02 10:00", "2026-01-02 10:00:59", "0001-01-01"])
def test_a_period_of_less_than_a_minute_has_nothing_to_ask_for(sandbox, end):
    begin = "0001-01-01" if end == "0001-01-01" else "2026-01-02 10:00"
    with pytest.raises(InvalidInput, match="its minute is left out") as raised:
        query(date_from=begin, date_to=end, exclude_last_minute=True)
    assert raised.value.field == "date_to"
    assert "CronDataIntervalTimetable" in raised.value.remedy
    assert sandbox.requests("wolkvox") == []


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"field": "a", "value": "b", "exclude_last_minute": True}, "needs date_from and date_to"),
        (
            {"date_from": "x", "date_to": "y", "exclude_last_minute": "yes"},
            "exclude_last_minute must be True",
        ),
    ],
)
def test_the_switch_is_for_a_time(options, told):
    with pytest.raises(ValueError, match=told):
        WolkvoxQueryOperator(task_id="t", module="m", **options)
