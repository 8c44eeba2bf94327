"""A whole day of sensors that wait for a quota that is used up: how many requests their questions cost."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from airflow_provider.quota.decision import Enough, Probe, Requirement, Sleep, WaitPolicy, decide
from airflow_provider.quota.readings import Quota, QuotaState, Refusal

LIMIT = 100
START = datetime(2026, 3, 10, tzinfo=UTC)
RESET = START + timedelta(days=1)
DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)

ROUNDINGS: dict[str, Callable[[float], int]] = {"down": math.floor, "up": math.ceil, "to-the-nearest": round}


class Day:
    """
    One day at a vendor that names the hours until its reset, and counts its answers as requests.

    :param rounding: how it rounds the hours
    :param used: how many requests are used when the day begins
    :param resets_at: when the quota is really reset
    """

    def __init__(self, rounding: Callable[[float], int], *, used: int, resets_at: datetime = RESET) -> None:
        self.rounding = rounding
        self.used = used
        self.resets_at = resets_at
        self.requests: list[datetime] = []
        self.state = QuotaState()

    def probe(self, now: datetime) -> None:
        self.requests.append(now)
        if now >= self.resets_at:
            self.used, self.resets_at = 0, self.resets_at + DAY
        if self.used >= LIMIT:
            self.state = replace(self.state, refusal=Refusal("QuotaExhausted", "used up", now, None))
            return
        self.used += 1
        hours = self.rounding((RESET - now) % DAY / HOUR)
        known = Quota(LIMIT, self.used, LIMIT - self.used, now + hours * HOUR, now, "probe")
        self.state = QuotaState(known)

    def look(self, policy: WaitPolicy, now: datetime, required: int) -> Enough | Sleep:
        """Look as the monitor does, which probes once at most where the answer is of use."""
        probed_at = None
        while True:
            found = decide(
                self.state, Requirement(required, 1), policy, now=now, probed_at=probed_at, period=DAY
            )
            if not isinstance(found, Probe):
                return found
            assert probed_at is None, "one look probes twice"
            self.probe(now)
            probed_at = now


def policy_of(margin: timedelta, *, recheck: timedelta = HOUR) -> WaitPolicy:
    return WaitPolicy(max_age=5 * MINUTE, reset_margin=margin, recheck_interval=recheck)


MARGINS = sorted({*range(0, 3601, 60), 1, 59, 61, 899, 901, 3599})


@pytest.mark.parametrize("rounding", ROUNDINGS)
@pytest.mark.parametrize("used", [91, 99, 100])
def test_sensors_that_wait_the_whole_day_send_few_requests_whatever_the_margin(rounding, used):
    for seconds in MARGINS:
        policy, day = policy_of(timedelta(seconds=seconds)), Day(ROUNDINGS[rounding], used=used)
        woken: datetime | None = None
        wake_at: datetime = START
        # One sensor waits from the beginning, and another looks for the first time in each minute.
        for minute in range(26 * 60):
            now = START + minute * MINUTE
            found = day.look(policy, now, 20)
            if now >= wake_at and woken is None:
                woken = now if isinstance(found, Enough) else None
                wake_at = now if isinstance(found, Enough) else max(found.until, now + MINUTE)
        before = [moment for moment in day.requests if moment < RESET]
        # Where the vendor refuses without a word of the reset, it is asked once an hour.
        assert len(before) <= 26, f"{len(before)} requests with a margin of {seconds} seconds"
        # Two answers that say too little are never closer than a quarter of an hour.
        gaps = [later - earlier for earlier, later in itertools.pairwise(before)]
        assert min(gaps, default=HOUR) >= 15 * MINUTE
        assert woken is not None
        assert woken - RESET <= timedelta(seconds=seconds) + HOUR + 15 * MINUTE


@pytest.mark.parametrize("rounding", ROUNDINGS)
def test_sensors_that_find_enough_share_one_answer_in_the_last_hour_too(rounding):
    for seconds in MARGINS:
        policy, day = policy_of(timedelta(seconds=seconds)), Day(ROUNDINGS[rounding], used=10)
        for minute in range(60):
            assert isinstance(day.look(policy, RESET - HOUR + minute * MINUTE, 20), Enough)
        assert len(day.requests) <= 12, f"{len(day.requests)} requests with a margin of {seconds} seconds"


@pytest.mark.parametrize("rounding", ROUNDINGS)
def test_a_reset_that_is_late_costs_few_requests(rounding):
    for seconds in MARGINS:
        day = Day(ROUNDINGS[rounding], used=91, resets_at=RESET + 2 * HOUR)
        for minute in range(24 * 60):
            day.look(policy_of(timedelta(seconds=seconds)), START + 12 * HOUR + minute * MINUTE, 20)
        assert len([moment for moment in day.requests if moment < day.resets_at]) <= 24


def test_a_vendor_that_announces_a_reset_of_this_very_moment_is_not_asked_by_everybody():
    for seconds in MARGINS:
        policy, day = policy_of(timedelta(seconds=seconds)), Day(math.floor, used=0)
        asked = 0
        for minute in range(60):
            now = START + minute * MINUTE
            if isinstance(decide(day.state, Requirement(20), policy, now=now), Probe):
                asked += 1
                day.state = QuotaState(refusal=Refusal("QuotaExhausted", "used up", now, now))
        assert asked <= 4
