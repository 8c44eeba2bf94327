"""The rules of waiting for quota, by table: what is known, what is wanted, what is done."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from airflow_provider.exceptions import (
    InvalidInput,
)
from airflow_provider.quota.decision import (
    ANSWER_HOLDS,
    STORE_INTERVAL,
    Enough,
    Probe,
    Requirement,
    Sleep,
)
from airflow_provider.quota.readings import Quota, QuotaState
from tests.support.decisions import AWAKE, HOUR, MINUTE, NOW, POLICY, decided, reading, refused, until

# Nothing is known


def test_nothing_known_is_a_reason_to_probe():
    assert decided(QuotaState()) == Probe()


def test_nothing_known_of_a_vendor_that_cannot_be_probed_is_a_reason_to_look_again_later():
    assert until(decided(QuotaState(), can_probe=False)) == NOW + 2 * HOUR


def test_what_was_only_counted_without_a_reading_is_a_reason_to_probe():
    assert decided(QuotaState(counted=1000)) == Probe()


# Enough


@pytest.mark.parametrize(
    ("age", "options", "enough"),
    [
        (timedelta(0), {}, True),
        (5 * MINUTE, {}, True),
        (5 * MINUTE + timedelta(microseconds=1), {}, False),
        (timedelta(days=1), {}, False),
        # It is the answer that was waited for, however late it is looked at.
        (20 * MINUTE, {"probed_at": NOW - 21 * MINUTE}, True),
        (20 * MINUTE, {"probed_at": NOW - 20 * MINUTE}, True),
        (20 * MINUTE, {"probed_at": NOW - 19 * MINUTE}, False),
        # The clock of the prober is ahead of ours.
        (-HOUR, {}, True),
        (-timedelta(days=2), {}, True),
        (timedelta(days=1), {"can_probe": False}, True),
    ],
)
def test_enough_is_believed_while_it_is_young(age, options, enough):
    known = reading(50, age=age, resets_at=None)
    assert decided(QuotaState(known), 50, **options) == (Enough(known) if enough else Probe())


def test_enough_tells_what_remains_after_our_own_requests():
    known = reading(50)
    found = decided(QuotaState(known, counted=7), 43)
    assert found == Enough(known.less(7))
    assert (found.quota.remaining, found.quota.used, found.quota.source) == (43, 57, "count")


@pytest.mark.parametrize(("remaining", "enough"), [(11, True), (10, False)])
def test_the_margin_is_needed_on_top(remaining, enough):
    assert isinstance(
        decided(QuotaState(reading(remaining)), Requirement(10, 1)), Enough if enough else Sleep
    )


def test_nothing_wanted_is_enough_even_of_nothing():
    assert isinstance(decided(QuotaState(reading(0)), 0), Enough)


# Too little


@pytest.mark.parametrize("age", [timedelta(0), 6 * MINUTE, timedelta(days=1), -HOUR])
@pytest.mark.parametrize("asked", [False, True])
def test_too_little_holds_until_the_reset_and_the_margin_however_old(age, asked):
    known = reading(9, age=age)
    probed_at = known.observed_at if asked else None
    found = decided(QuotaState(known), probed_at=probed_at)
    assert until(found) == AWAKE
    assert "9 of 100" in found.reason


def test_too_little_without_a_reset_is_looked_at_again_after_the_interval():
    assert until(decided(QuotaState(reading(9, resets_at=None)))) == NOW + 2 * HOUR


@pytest.mark.parametrize(
    ("age", "expected"), [(2 * HOUR - MINUTE, Sleep), (2 * HOUR, Probe), (timedelta(days=9), Probe)]
)
def test_too_little_without_a_reset_holds_for_the_interval_alone(age, expected):
    """Otherwise whoever waits would wait for ever."""
    assert isinstance(decided(QuotaState(reading(9, age=age, resets_at=None))), expected)
    answer = reading(9, age=age, resets_at=None)
    assert isinstance(decided(QuotaState(answer), probed_at=answer.observed_at), Sleep)


@pytest.mark.parametrize(
    ("late", "expected"),
    [(timedelta(0), Probe), (timedelta(microseconds=-1), Sleep), (HOUR, Probe), (timedelta(days=40), Probe)],
)
def test_a_reading_whose_reset_and_margin_are_over_says_nothing_any_more(late, expected):
    assert isinstance(decided(QuotaState(reading(9)), now=AWAKE + late), expected)


def test_even_enough_is_probed_again_after_the_reset():
    known = reading(90, age=timedelta(0), resets_at=NOW - 2 * HOUR)
    assert decided(QuotaState(known), 10) == Probe()


@pytest.mark.parametrize("margin", [timedelta(0), HOUR])
@pytest.mark.parametrize("hours", [0, 24])
def test_a_reset_of_no_hours_or_of_a_whole_day_is_not_probed_twice(margin, hours):
    policy = replace(POLICY, reset_margin=margin)
    known = reading(9, age=timedelta(0), resets_at=NOW + hours * HOUR)
    found = decided(QuotaState(known), probed_at=NOW, policy=policy)
    # Hours rounded down to 0 are no reason to probe every minute until they are over.
    assert until(found) == max(NOW + hours * HOUR + margin, NOW + ANSWER_HOLDS)


def test_a_reading_of_another_day_tells_the_hour_of_the_reset():
    known = reading(9, age=50 * HOUR, resets_at=NOW - 45 * HOUR)
    state = QuotaState(known, refusal=refused("QuotaExhausted", age=HOUR))
    assert until(decided(state, period=24 * HOUR)) == NOW + 3 * HOUR + HOUR
    assert until(decided(state)) == NOW - HOUR + POLICY.recheck_interval or decided(state) == Probe()


def test_a_limit_that_a_probe_would_always_lower_is_never_waited_for():
    known = Quota(100, 1, 99, NOW + 3 * HOUR, NOW, "probe")
    with pytest.raises(InvalidInput, match="counts the probe itself") as raised:
        decided(QuotaState(known), 100)
    assert raised.value.field == "min_remaining"
    assert isinstance(decided(QuotaState(known), 99), Enough)


def test_what_a_wrong_clock_says_of_a_refusal_is_not_believed():
    state = QuotaState(reading(90, age=timedelta(0)), refusal=refused("QuotaExhausted", age=-30 * HOUR))
    assert isinstance(decided(state), Enough)


def test_enough_at_the_very_reset_is_enough():
    known = reading(90, age=timedelta(0), resets_at=NOW)
    policy = replace(POLICY, reset_margin=timedelta(0))
    assert decided(QuotaState(known), probed_at=NOW, policy=policy) == Enough(known)


def test_a_vendor_that_cannot_be_probed_is_waited_for_until_the_reset():
    assert until(decided(QuotaState(reading(9)), can_probe=False)) == AWAKE


def test_too_little_of_a_period_that_is_over_does_not_hold_up_for_ever_where_nobody_can_probe():
    """Nobody would send the request whose answer tells that the count has begun anew."""
    found = decided(QuotaState(reading(0)), can_probe=False, now=AWAKE + HOUR)
    assert isinstance(found, Enough)


# Our own count disagrees


def test_our_own_count_is_doubted_once_the_reading_is_old():
    state = QuotaState(reading(50, age=4 * MINUTE), counted=45)
    found = decided(state)
    assert until(found) == NOW + MINUTE
    assert "5 of 100" in found.reason
    assert decided(state, now=NOW + MINUTE + timedelta(microseconds=1)) == Probe()


def test_a_reset_before_the_reading_is_old_is_waited_for():
    known = reading(50, age=timedelta(0), resets_at=NOW + MINUTE)
    policy = replace(POLICY, max_age=5 * HOUR)
    assert until(decided(QuotaState(known, counted=45), policy=policy)) == NOW + MINUTE + HOUR


def test_what_was_counted_since_the_answer_that_was_waited_for_is_no_reason_to_probe_again():
    state = QuotaState(reading(50, age=MINUTE), counted=45)
    assert until(decided(state, probed_at=NOW - 2 * MINUTE)) == AWAKE


def test_our_own_count_is_all_there_is_where_nobody_can_probe():
    state = QuotaState(reading(50, age=HOUR), counted=45)
    assert until(decided(state, can_probe=False)) == AWAKE


# Reservations


def test_what_others_have_reserved_is_waited_for_by_looking_into_the_store():
    state = QuotaState(reading(50), reserved={"other": 45})
    found = decided(state)
    assert until(found) == NOW + STORE_INTERVAL
    assert "45 are reserved" in found.reason


@pytest.mark.parametrize("age", [MINUTE, HOUR])
def test_a_probe_would_not_free_what_is_reserved(age):
    assert isinstance(decided(QuotaState(reading(50, age=age), reserved={"other": 45})), Sleep)


def test_a_reservation_that_ends_sooner_is_waited_for():
    moment = NOW + timedelta(seconds=7)
    assert until(decided(QuotaState(reading(50), reserved={"other": 45}, frees_at=moment))) == moment


def test_a_reset_that_comes_sooner_than_the_next_look_is_waited_for():
    known = reading(50, resets_at=NOW - HOUR + timedelta(seconds=7))
    assert until(decided(QuotaState(known, reserved={"other": 45}))) == NOW + timedelta(seconds=7)


def test_ones_own_reservation_is_ones_own():
    state = QuotaState(reading(50), reserved={"mine": 45, "other": 5})
    assert isinstance(decided(state, Requirement(45, run="mine")), Enough)
    assert isinstance(decided(state, Requirement(46, run="mine")), Sleep)
    assert isinstance(decided(state, Requirement(45, run="other")), Sleep)


def test_what_another_task_of_the_run_has_for_itself_is_reserved_for_others():
    state = QuotaState(reading(50), reserved={"mine": 45}, private={"mine": 30})
    assert isinstance(decided(state, Requirement(20, run="mine")), Enough)
    assert isinstance(decided(state, Requirement(21, run="mine")), Sleep)


@pytest.mark.parametrize(("counted", "enough"), [(5, True), (20, True), (21, False)])
def test_what_the_run_has_reserved_precedes_the_margin_and_others_but_must_be_there(counted, enough):
    state = QuotaState(reading(50), counted, reserved={"mine": 30, "other": 20})
    found = decided(state, Requirement(30, 1, run="mine"))
    assert isinstance(found, Enough if enough else Sleep)


def test_who_is_no_run_has_no_reservation_of_its_own():
    assert isinstance(decided(QuotaState(reading(50), reserved={"": 45}), Requirement(10)), Sleep)


def test_reservations_do_not_hide_that_there_is_too_little_anyway():
    assert until(decided(QuotaState(reading(9), reserved={"other": 5}))) == AWAKE


# More than there will ever be


@pytest.mark.parametrize(
    ("requirement", "words"),
    [
        (Requirement(101), "min_remaining is 101, more than the limit of 100"),
        (Requirement(100, 1), "min_remaining is 100 and the margin 1, more than the limit of 100"),
        (Requirement(101, field="amount"), "amount is 101, more than"),
    ],
)
@pytest.mark.parametrize(
    ("known", "options"),
    [(reading(90), {}), (reading(0), {}), (reading(0, age=HOUR), {"probed_at": NOW - HOUR})],
    ids=["some remain", "none remain", "answered"],
)
def test_more_than_the_limit_is_an_error_at_once(requirement, words, known, options):
    with pytest.raises(InvalidInput, match=words) as raised:
        decided(QuotaState(known), requirement, **options)
    assert raised.value.field == requirement.field


@pytest.mark.parametrize("remaining", [90, 0])
@pytest.mark.parametrize("reserved", [{}, {"other": 40}])
def test_a_limit_that_may_have_been_raised_since_is_probed_again(remaining, reserved):
    known = reading(remaining, age=POLICY.max_age + timedelta(microseconds=1))
    assert decided(QuotaState(known, reserved=reserved), 101) == Probe()


def test_a_limit_of_a_period_that_is_over_is_probed_again():
    assert decided(QuotaState(reading(90, resets_at=NOW - 2 * HOUR)), 101) == Probe()


def test_an_old_reading_of_the_whole_limit_is_probed_again():
    known = Quota(100, 1, 99, NOW + 3 * HOUR, NOW - HOUR, "probe")
    assert decided(QuotaState(known), 100) == Probe()


def test_an_old_limit_is_waited_for_where_the_vendor_cannot_be_probed():
    assert until(decided(QuotaState(reading(0, age=HOUR)), 101, can_probe=False)) == AWAKE
    with pytest.raises(InvalidInput, match="more than the limit"):
        decided(QuotaState(reading(0)), 101, can_probe=False)


def test_a_limit_that_the_connection_names_is_never_old():
    known = reading(0, age=20 * HOUR, source="count")
    with pytest.raises(InvalidInput, match="more than the limit"):
        decided(QuotaState(known), 101, can_probe=False)


def test_without_a_limit_nothing_is_too_much():
    assert until(decided(QuotaState(reading(50, limit=None, used=None)), 10**6)) == AWAKE


def test_the_limit_itself_is_not_too_much():
    assert isinstance(decided(QuotaState(reading(100)), 100), Enough)
