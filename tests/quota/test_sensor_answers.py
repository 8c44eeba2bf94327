"""What the quota sensor makes of bad answers, of refusals and of what its trigger has found."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSensorTimeout

from airflow_provider.exceptions import (
    InvalidInput,
    VendorAuthError,
    VendorProtocolError,
    VendorRejected,
    VendorUnavailable,
)
from tests.support.dags import Attempt
from tests.support.quota import HOUR, MINUTE, Within, gate, leave, probes, reading, state, waits_until
from tests.support.sensor import EXHAUSTED, RETRIES, answer, asleep, every_freeing_way, every_way, tried_again

pytestmark = pytest.mark.usefixtures("airflow_db")


# Bad answers


@every_way
@pytest.mark.parametrize(
    ("options", "fault", "error"),
    [
        ({"min_remaining": 100}, {}, InvalidInput),
        ({"min_remaining": "many"}, {}, InvalidInput),
        ({"min_remaining": "-1"}, {}, InvalidInput),
        ({}, {"status": 401}, VendorAuthError),
        ({}, {"status": 403, "json": {"code": "403", "msg": "PLEASE VALIDATE TOKEN"}}, VendorAuthError),
        ({}, {"status": 403, "json": {"code": "403", "msg": "NO"}}, VendorRejected),
        ({}, {"status": 404}, VendorRejected),
        ({}, {"action": "garbage"}, VendorProtocolError),
        ({}, answer(available_consumition_options=None), VendorProtocolError),
        ({}, answer(token_limit=None, token_use_today=None), VendorProtocolError),
        ({}, answer(hours_to_restart_count=None), VendorProtocolError),
        ({}, answer(token_limit=-1), VendorProtocolError),
        ({}, answer(hours_to_restart_count=-1), VendorProtocolError),
        ({}, answer(available_consumition_options="many"), VendorProtocolError),
        ({}, answer(available_consumition_options=10**30), VendorProtocolError),
        ({}, {"status": 200, "json": {"code": "200", "data": None}}, VendorProtocolError),
        ({}, {"status": 200, "json": {"code": "200"}}, VendorProtocolError),
    ],
    ids=[
        "above the limit",
        "no number",
        "a negative number",
        "401",
        "token refused",
        "unknown 403",
        "404",
        "garbage",
        "nothing remaining told",
        "no limit",
        "no reset",
        "negative limit",
        "negative reset",
        "a text",
        "too large for a database",
        "null",
        "no data",
    ],
)
def test_what_waiting_cannot_mend_fails_at_once(sandbox, way, options, fault, error):
    leave(sandbox, 90)
    if fault:
        sandbox.fault(vendor="wolkvox", times=None, **fault)
    attempt = Attempt(gate(**options, **RETRIES, **way))
    assert attempt.outcome.state == "failed"
    assert isinstance(attempt.outcome.error, error)
    assert isinstance(attempt.outcome.error, AirflowFailException)
    assert probes(sandbox) == (0 if options.get("min_remaining") in ("many", "-1") else 1)


@every_way
@pytest.mark.parametrize(
    "changes",
    [
        {
            "token_limit": "100",
            "token_use_today": "60",
            "available_consumition_options": "40",
            "hours_to_restart_count": "3",
        },
        {"available_consumition_options": None, "available_consumption_options": 40},
        {"available_consumition_options": 40, "available_consumption_options": 0},
        {"hours_to_restart_count": 2.5},
        {"description": None, "unheard_of": [1]},
    ],
    ids=["texts", "spelt correctly", "spelt both ways", "half hours", "other keys"],
)
def test_numbers_are_read_however_they_are_written(sandbox, way, changes):
    sandbox.fault(vendor="wolkvox", times=None, **answer(**changes))
    attempt = Attempt(gate(min_remaining=39, **way))
    assert attempt.outcome.state == "success"
    known_ = state().reading
    assert known_ is not None
    assert (known_.limit, known_.used, known_.remaining) == (100, 60, 40)
    assert probes(sandbox) == 1


@every_freeing_way
def test_less_than_nothing_is_nothing(sandbox, way):
    sandbox.fault(vendor="wolkvox", times=None, **answer(available_consumition_options=-5))
    with Within() as now:
        attempt = Attempt(gate(min_remaining=1, **way))
    assert now.plus(4 * HOUR, waits_until(attempt))
    assert state().reading.remaining == 0


@every_way
@pytest.mark.parametrize("soft", ["soft_fail", "never_fail"])
def test_a_permanent_error_skips_a_soft_sensor(sandbox, way, soft):
    sandbox.fault(vendor="wolkvox", status=401)
    attempt = Attempt(gate(**{soft: True}, **way))
    assert attempt.outcome.state == "skipped"


@every_way
def test_an_unavailable_vendor_is_probed_twice_and_left_to_airflows_retries(sandbox, no_waiting, way):
    sandbox.fault(vendor="wolkvox", status=500, times=None)
    attempt = Attempt(gate(**RETRIES, **way))
    assert attempt.outcome.state == "up_for_retry"
    assert isinstance(attempt.outcome.error, VendorUnavailable)
    assert probes(sandbox) == 2


@every_way
def test_an_unavailable_vendor_skips_a_sensor_that_never_fails(sandbox, no_waiting, way):
    sandbox.fault(vendor="wolkvox", status=500, times=None)
    attempt = Attempt(gate(never_fail=True, **RETRIES, **way))
    assert attempt.outcome.state == "skipped"


@every_way
def test_a_retry_probes_again_however_young_the_refusal_is(sandbox, way):
    """Somebody has mended the token, and has cleared the task."""
    leave(sandbox, 90)
    sandbox.fault(vendor="wolkvox", status=401, times=1)
    attempt = Attempt(gate(**way))
    assert attempt.outcome.state == "failed"
    assert isinstance(Attempt(gate(**way)).outcome.error, VendorAuthError)
    assert probes(sandbox) == 1
    tried_again(attempt)
    assert attempt.again().state == "success"
    assert probes(sandbox) == 2


@every_way
def test_a_retry_waits_for_what_ends_by_itself_without_probing(sandbox, slept, way):
    sandbox.fault(vendor="wolkvox", times=None, **EXHAUSTED)
    attempt = Attempt(gate(**way))
    assert asleep(attempt)
    tried_again(attempt)
    attempt.again()
    assert asleep(attempt)
    assert probes(sandbox) == 1


@pytest.mark.parametrize("fault", [{"status": 401}, {"status": 404}], ids=str)
def test_a_sensor_that_wakes_to_a_refusal_fails_at_once(sandbox, clock, fault):
    leave(sandbox, 5)
    attempt = Attempt(gate(min_remaining=10, deferrable=True, **RETRIES))
    sandbox.fault(vendor="wolkvox", times=None, **fault)
    clock.advance(4 * HOUR + MINUTE)
    assert attempt.wake().state == "failed"
    assert probes(sandbox) == 2


# What the trigger has found


def resumed(sandbox: Any, event: dict[str, Any], **options: Any) -> Attempt:
    leave(sandbox, 5)
    attempt = Attempt(gate(min_remaining=10, deferrable=True, **options))
    assert attempt.outcome.state == "deferred"
    attempt.wake(event)
    assert probes(sandbox) == 1
    return attempt


def test_a_sensor_takes_the_triggers_word_for_it(sandbox):
    found = reading(90, at=datetime.now(UTC))
    assert resumed(sandbox, {"enough": found.as_dict()}).outcome.state == "success"


@pytest.mark.parametrize(
    ("options", "expected"),
    [({}, "failed"), ({"soft_fail": True}, "skipped"), ({"never_fail": True}, "skipped")],
    ids=str,
)
@pytest.mark.parametrize(
    ("event", "error"),
    [
        ({"late": "Not enough", "wake_at": "2026-01-02T00:00:00+00:00"}, AirflowSensorTimeout),
        ({"error": "VendorAuthError", "message": "refused"}, VendorAuthError),
        ({"error": "InvalidInput", "message": "too much"}, InvalidInput),
    ],
    ids=["late", "refused", "too much"],
)
def test_a_sensor_ends_as_the_trigger_says(sandbox, options, expected, event, error):
    attempt = resumed(sandbox, event, **options, **RETRIES)
    assert attempt.outcome.state == expected
    if not options:
        assert isinstance(attempt.outcome.error, error)


@pytest.mark.parametrize(
    ("options", "expected"),
    [({}, "up_for_retry"), ({"soft_fail": True}, "up_for_retry"), ({"never_fail": True}, "skipped")],
    ids=str,
)
@pytest.mark.parametrize("error", ["VendorUnavailable", "SomethingNew"])
def test_what_a_retry_may_mend_is_left_to_airflow(sandbox, options, expected, error):
    attempt = resumed(sandbox, {"error": error, "message": "away"}, **options, **RETRIES)
    assert attempt.outcome.state == expected
