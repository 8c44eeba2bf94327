"""What a refusal of the vendor means to those who wait."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from airflow_provider import exceptions
from airflow_provider.exceptions import (
    OutcomeUnknown,
    QuotaExhausted,
    RateLimited,
    VendorAuthError,
    VendorError,
    VendorProtocolError,
    VendorRejected,
    VendorUnavailable,
)
from airflow_provider.quota.decision import (
    OUTAGE,
    SKEW,
    Enough,
    Probe,
    Sleep,
    failure,
)
from airflow_provider.quota.readings import Quota, QuotaState
from tests.support.decisions import AWAKE, HOUR, MINUTE, NOW, POLICY, RESET, decided, reading, refused, until

# Refusals


@pytest.mark.parametrize("probed_at", [None, NOW - 2 * MINUTE], ids=["found", "answered"])
@pytest.mark.parametrize(
    ("refusal", "known", "expected"),
    [
        (refused("QuotaExhausted"), None, NOW - MINUTE + 2 * HOUR),
        (refused("QuotaExhausted", until=RESET), None, AWAKE),
        (refused("QuotaExhausted"), reading(90, age=HOUR), AWAKE),
        # The announced reset was over when the vendor refused: it was not the real one.
        (
            refused("QuotaExhausted"),
            reading(90, age=HOUR, resets_at=NOW - 2 * MINUTE),
            NOW - MINUTE + 2 * HOUR,
        ),
        (refused("QuotaExhausted"), reading(90, age=HOUR, resets_at=None), NOW - MINUTE + 2 * HOUR),
        (refused("RateLimited"), None, NOW - MINUTE + 2 * HOUR),
        (refused("RateLimited", until=NOW + 9 * HOUR), None, NOW + 9 * HOUR),
        (refused("RateLimited", until=NOW + MINUTE), None, NOW - MINUTE + 2 * HOUR),
        # A vendor that throttles says nothing of the quota's reset.
        (refused("RateLimited"), reading(90, age=HOUR), NOW - MINUTE + 2 * HOUR),
        (refused("VendorUnavailable"), None, NOW - MINUTE + 2 * HOUR),
        (refused("VendorUnavailable", until=NOW + 9 * HOUR), None, NOW + 9 * HOUR),
    ],
    ids=lambda value: None,
)
def test_a_refusal_that_ends_by_itself_is_waited_for(refusal, known, expected, probed_at):
    found = decided(QuotaState(known, refusal=refusal), probed_at=probed_at)
    assert until(found) == expected
    assert found.reason == "the vendor's words"


@pytest.mark.parametrize(
    ("reset", "period", "expected"),
    [
        # The refusal came a minute ago, and the margin is an hour.
        (-timedelta(hours=9), timedelta(days=1), timedelta(hours=16)),
        (-timedelta(days=4, hours=9), timedelta(days=1), timedelta(hours=16)),
        # Right after the reset it may only be late.
        (-MINUTE, timedelta(days=1), 2 * HOUR - MINUTE),
        (-timedelta(hours=4), timedelta(days=1), 2 * HOUR - MINUTE),
        (-timedelta(hours=4) - MINUTE, timedelta(days=1), 21 * HOUR - MINUTE),
        (3 * HOUR, timedelta(days=1), 4 * HOUR),
        (-timedelta(hours=9), None, 2 * HOUR - MINUTE),
    ],
    ids=["today's", "of days ago", "just then", "four hours ago", "longer ago", "to come", "no periods"],
)
def test_a_reset_of_another_day_tells_the_hour_where_periods_are_equally_long(reset, period, expected):
    known = reading(90, age=timedelta(days=5), resets_at=NOW + reset)
    found = decided(QuotaState(known, refusal=refused("QuotaExhausted")), period=period)
    assert until(found) == NOW + expected


@pytest.mark.parametrize("kind", ["QuotaExhausted", "RateLimited", "VendorUnavailable"])
def test_a_refusal_that_is_over_is_a_reason_to_probe(kind):
    state = QuotaState(refusal=refused(kind, age=2 * HOUR))
    assert decided(state) == Probe()


def test_a_refusal_that_was_over_when_it_came_is_not_probed_again_at_once():
    policy = replace(POLICY, recheck_interval=timedelta(0))
    state = QuotaState(refusal=refused("RateLimited"))
    assert isinstance(decided(state, probed_at=NOW - 2 * MINUTE, policy=policy), Sleep)


@pytest.mark.parametrize("kind", ["QuotaExhausted", "RateLimited", "VendorAuthError", OUTAGE])
@pytest.mark.parametrize("probed_at", [None, NOW - HOUR])
def test_a_reading_after_the_refusal_counts(kind, probed_at):
    state = QuotaState(reading(50, age=MINUTE), refusal=refused(kind, age=2 * MINUTE))
    assert isinstance(decided(state, probed_at=probed_at), Enough)


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("VendorAuthError", VendorAuthError),
        ("VendorRejected", VendorRejected),
        ("VendorProtocolError", VendorProtocolError),
        (OUTAGE, VendorUnavailable),
        ("NobodyKnows", VendorError),
    ],
)
def test_a_refusal_that_no_waiting_mends_is_an_error_for_all_who_wait_for_the_answer(kind, error):
    state = QuotaState(refusal=refused(kind))
    for probed_at in (NOW - MINUTE, NOW - HOUR):
        with pytest.raises(VendorError, match="the vendor's words") as raised:
            decided(state, probed_at=probed_at)
        assert type(raised.value) is error


@pytest.mark.parametrize("kind", ["VendorAuthError", "VendorRejected", OUTAGE])
@pytest.mark.parametrize("probed_at", [None, NOW])
def test_one_that_has_just_come_is_an_error_for_others_too(kind, probed_at):
    """Those who wake within the same moments probe once."""
    with pytest.raises(VendorError, match="the vendor's words"):
        decided(QuotaState(refusal=refused(kind, age=POLICY.shared)), probed_at=probed_at)


@pytest.mark.parametrize("kind", ["VendorAuthError", "VendorRejected", OUTAGE])
@pytest.mark.parametrize("probed_at", [None, NOW])
def test_an_old_one_is_a_reason_to_probe_again(kind, probed_at):
    refusal = refused(kind, age=POLICY.shared + timedelta(microseconds=1))
    assert decided(QuotaState(refusal=refusal), probed_at=probed_at) == Probe()


def test_one_is_shared_for_a_minute_unless_somebody_says_otherwise():
    assert POLICY.shared == MINUTE
    state = QuotaState(refusal=refused("VendorAuthError", age=2 * MINUTE))
    with pytest.raises(VendorAuthError):
        decided(state, policy=replace(POLICY, shared=2 * MINUTE))


@pytest.mark.parametrize("kind", ["VendorAuthError", "VendorRejected", OUTAGE])
def test_one_that_shares_none_probes_again_but_takes_the_answer_that_it_has_waited_for(kind):
    policy = replace(POLICY, shared=timedelta(0))
    state = QuotaState(refusal=refused(kind, age=timedelta(microseconds=1)))
    assert decided(state, policy=policy) == Probe()
    with pytest.raises(VendorError, match="the vendor's words"):
        decided(state, policy=policy, probed_at=NOW - MINUTE)


@pytest.mark.parametrize("kind", ["QuotaExhausted", "RateLimited", "VendorUnavailable"])
def test_what_ends_by_itself_is_waited_for_by_one_that_shares_none_too(kind):
    state = QuotaState(refusal=refused(kind))
    assert until(decided(state, policy=replace(POLICY, shared=timedelta(0)))) == NOW - MINUTE + 2 * HOUR


@pytest.mark.parametrize(
    ("ahead", "believed"),
    [(MINUTE / 2, True), (MINUTE, True), (MINUTE + timedelta(microseconds=1), False), (HOUR, False)],
)
def test_a_refusal_of_a_clock_that_is_ahead_is_not_believed_until_ours_is_there(ahead, believed):
    state = QuotaState(refusal=refused("VendorAuthError", age=-ahead))
    if believed:
        with pytest.raises(VendorAuthError):
            decided(state)
    else:
        assert decided(state) == Probe()


@pytest.mark.parametrize("kind", ["QuotaExhausted", "RateLimited", "VendorUnavailable"])
def test_what_ends_by_itself_is_not_waited_for_on_the_word_of_a_clock_that_is_far_ahead(kind):
    assert isinstance(decided(QuotaState(refusal=refused(kind, age=-SKEW))), Sleep)
    far = refused(kind, age=-SKEW - timedelta(microseconds=1))
    assert decided(QuotaState(refusal=far)) == Probe()
    assert isinstance(decided(QuotaState(reading(50), refusal=far)), Enough)


# Under which name an error is kept


@pytest.mark.parametrize(
    ("error", "kept"),
    [
        (QuotaExhausted("x"), ("QuotaExhausted", None)),
        (RateLimited("x", retry_after=7), ("RateLimited", 7)),
        (RateLimited("x"), ("RateLimited", None)),
        (
            VendorUnavailable("maintenance", processed=False, status=403, retry_after=600),
            ("VendorUnavailable", 600),
        ),
        (VendorUnavailable("no connection", processed=False), (OUTAGE, None)),
        (VendorUnavailable("x", status=500), (OUTAGE, None)),
        (VendorAuthError("x"), ("VendorAuthError", None)),
        (VendorProtocolError("x"), ("VendorProtocolError", None)),
        (OutcomeUnknown("x"), ("OutcomeUnknown", None)),
    ],
    ids=lambda value: None,
)
def test_the_name_of_an_error_and_how_long_it_lasts(error, kept):
    assert failure(error) == kept
    assert kept[0] == OUTAGE or hasattr(exceptions, kept[0])


# A reading


def test_a_reading_survives_being_written_down():
    known = reading(50)
    for one in (known, replace(known, resets_at=None, limit=None, used=None)):
        assert Quota.from_dict(one.as_dict()) == one


def test_no_more_than_everything_can_be_gone():
    assert reading(5).less(9).remaining == 0
    assert reading(5).less(0).source == "probe"
