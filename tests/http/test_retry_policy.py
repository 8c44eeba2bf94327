"""When VendorRetryPolicy retries."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from airflow_provider import exceptions
from airflow_provider.exceptions import QuotaExhausted, RateLimited, VendorError, VendorUnavailable
from airflow_provider.http.outcome import PERMANENT
from airflow_provider.http.retry_policy import NATIVE, VendorRetryPolicy

HOUR = timedelta(hours=1)
EXACT = VendorRetryPolicy(jitter=timedelta(0))


def action(decision: Any) -> str:
    return getattr(decision.action, "value", decision.action)


@pytest.mark.parametrize("kind", PERMANENT)
def test_what_no_retry_can_mend_fails_at_once(kind):
    decision = EXACT.evaluate(kind("no"), 1, 3)
    assert action(decision) == "fail"
    assert kind.__name__ in decision.reason


def test_a_used_up_quota_is_tried_again_at_its_reset():
    reset = datetime.now(UTC) + 5 * HOUR
    decision = EXACT.evaluate(QuotaExhausted("used up", resets_at=reset), 1, 3)
    assert action(decision) == "retry"
    assert timedelta(minutes=-1) < decision.retry_delay - 6 * HOUR <= timedelta(0)


def test_a_reset_that_is_over_is_tried_again_at_once():
    over = QuotaExhausted("used up", resets_at=datetime.now(UTC) - 30 * HOUR)
    assert EXACT.evaluate(over, 1, 3).retry_delay == timedelta(0)


def test_a_reset_that_nobody_knows_is_looked_for_after_a_while():
    policy = VendorRetryPolicy(recheck_interval=2 * HOUR, jitter=timedelta(0))
    assert policy.evaluate(QuotaExhausted("used up"), 1, 3).retry_delay == 2 * HOUR


@pytest.mark.parametrize("kind", [RateLimited, VendorUnavailable])
def test_what_the_vendor_asks_for_is_waited_for(kind):
    decision = EXACT.evaluate(kind("later", retry_after=90.0), 1, 3)
    assert (action(decision), decision.retry_delay) == ("retry", timedelta(seconds=90))


@pytest.mark.parametrize(
    "error", [RateLimited("later"), VendorUnavailable("away"), VendorError("odd"), OSError("disk")], ids=repr
)
def test_all_else_is_left_to_the_task(error):
    decision = EXACT.evaluate(error, 1, 3)
    assert (action(decision), decision.retry_delay) == ("default", None)


def test_not_all_tasks_are_tried_again_in_the_same_moment():
    policy = VendorRetryPolicy(jitter=10 * HOUR)
    delays = {policy.evaluate(RateLimited("later", retry_after=60.0), 1, 3).retry_delay for _ in range(20)}
    assert len(delays) > 1
    assert all(timedelta(minutes=1) <= delay <= 10 * HOUR + timedelta(minutes=1) for delay in delays)


def test_a_wrong_parameter_is_refused():
    with pytest.raises(ValueError, match=r"^reset_margin must be a timedelta"):
        VendorRetryPolicy(reset_margin=None)


def test_every_error_has_its_place():
    errors = {
        value
        for value in vars(exceptions).values()
        if isinstance(value, type) and issubclass(value, VendorError)
    }
    temporary = {
        QuotaExhausted,
        RateLimited,
        VendorUnavailable,
        exceptions.StoreUnavailable,
        exceptions.OutcomePending,
    }
    # A kind of a permanent error is permanent, too.
    assert {one for one in errors if not issubclass(one, PERMANENT)} == {*temporary, VendorError}


def test_it_survives_serialization():
    policy = VendorRetryPolicy(reset_margin=2 * HOUR, jitter=timedelta(seconds=5))
    copy = VendorRetryPolicy.deserialize(policy.serialize())
    assert copy.serialize() == policy.serialize()


def test_it_is_airflows_own_kind_where_airflow_has_one():
    sdk = pytest.importorskip("airflow.sdk")
    assert hasattr(sdk, "RetryPolicy") == NATIVE
    if NATIVE:
        assert issubclass(VendorRetryPolicy, sdk.RetryPolicy)
