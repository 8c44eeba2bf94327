"""The quota sensor in a real Airflow, with its database, against the sandbox."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from types import SimpleNamespace

import pytest
from airflow.sdk import DAG
from airflow.sdk.exceptions import AirflowSensorTimeout

from airflow_provider.exceptions import QuotaExhausted
from airflow_provider.wolkvox.hooks import WolkvoxHook
from airflow_provider.wolkvox.sensors import WolkvoxQuotaSensor
from tests.support import dags
from tests.support.dags import Attempt
from tests.support.quota import (
    FREEING,
    HOUR,
    MINUTE,
    WAYS,
    Within,
    gate,
    known,
    leave,
    probes,
    quick_sleep,
    waits_until,
)
from tests.support.sensor import ASLEEP, RETRIES, answer, asleep, every_freeing_way, every_way, go_on

pytestmark = pytest.mark.usefixtures("airflow_db")


# Enough


@every_way
def test_enough_quota_lets_the_dag_go_on_after_one_probe(sandbox, way):
    leave(sandbox, 100)
    run = dags.run(gate(min_remaining=99, **way))
    assert dags.states(run) == {"gate": "success"}
    result = dags.results(run)["gate"]
    assert (result["limit"], result["used"], result["remaining"]) == (100, 0, 100)
    assert probes(sandbox) == 1


@every_way
@pytest.mark.parametrize(("remaining", "enough"), [(11, True), (10, False)])
def test_the_margin_is_needed_on_top(sandbox, way, remaining, enough):
    leave(sandbox, remaining)
    timeout = timedelta(seconds=0)
    attempt = Attempt(gate(min_remaining=10, margin=1, timeout=timeout, **way))
    assert attempt.outcome.state == ("success" if enough else "failed")


def test_min_remaining_is_a_template(sandbox):
    leave(sandbox, 50)
    with DAG("gate", params={"needed": 20}) as dag:
        WolkvoxQuotaSensor(task_id="gate", min_remaining="{{ params.needed }}")
    assert dags.states(dags.run(dag)) == {"gate": "success"}


# What is known already


@every_way
def test_a_sensor_that_finds_a_young_reading_probes_nothing(sandbox, way):
    leave(sandbox, 100)
    WolkvoxHook().token_reading()
    assert probes(sandbox) == 1
    attempts = [Attempt(gate(min_remaining=90, **way)) for _ in range(2)]
    assert [attempt.outcome.state for attempt in attempts] == ["success", "success"]
    assert probes(sandbox) == 1


@every_way
def test_an_old_reading_is_probed_again(sandbox, clock, way):
    leave(sandbox, 100)
    assert Attempt(gate(max_age=10 * MINUTE, **way)).outcome.state == "success"
    clock.advance(9 * MINUTE)
    assert Attempt(gate(max_age=10 * MINUTE, **way)).outcome.state == "success"
    assert probes(sandbox) == 1
    clock.advance(2 * MINUTE)
    assert Attempt(gate(max_age=10 * MINUTE, **way)).outcome.state == "success"
    assert probes(sandbox) == 2


@every_way
def test_a_reading_of_other_credentials_is_of_no_use(sandbox, set_connection, way):
    leave(sandbox, 100)
    leave(sandbox, 100, token="another-token-of-the-same-operation")
    assert Attempt(gate(**way)).outcome.state == "success"
    set_connection("wolkvox_default", password="another-token-of-the-same-operation")
    assert Attempt(gate(**way)).outcome.state == "success"
    assert probes(sandbox) == 2


@every_way
def test_what_other_runs_have_reserved_is_waited_for_without_probing(sandbox, slept, way):
    leave(sandbox, 50)
    WolkvoxHook().token_reading()
    with known() as store:
        assert store.reserve("r", 45, run="other/run", task="t", lasts=HOUR) == 45
    attempt = Attempt(gate(min_remaining=10, **way))
    assert asleep(attempt)
    if slept:
        assert 59 < slept[0] <= 60
        return
    with known() as store:
        store.release(id_="r")
    assert go_on(attempt).state == "success"
    assert probes(sandbox) == 1


@pytest.mark.parametrize(("shared", "expected"), [(True, "success"), (False, "up_for_reschedule")])
def test_what_the_tasks_of_the_run_have_reserved_together_remains_for_them(sandbox, shared, expected):
    """What another task of the run has for itself does not: nobody else could reserve it."""
    leave(sandbox, 50)
    WolkvoxHook().token_reading()
    with DAG("gate") as dag:
        WolkvoxQuotaSensor(task_id="gate", min_remaining=40, jitter=0, mode="reschedule")
    attempt = Attempt(dag)
    assert attempt.outcome.state == "success"
    with known() as store:
        run = f"gate/{attempt.instance.run_id}"
        store.reserve("r", 45, run=run, task="t", lasts=HOUR, shared=shared)
    assert attempt.again().state == expected
    assert probes(sandbox) == 1


@every_way
def test_a_refusal_of_another_task_is_waited_out_without_probing(sandbox, slept, way):
    leave(sandbox, 0)
    hook = WolkvoxHook()
    with pytest.raises(QuotaExhausted):
        hook.run(hook.token_information_call())
    hook.close()
    with Within() as now:
        attempt = Attempt(gate(recheck_interval=2 * HOUR, **way))
    assert asleep(attempt)
    if not slept:
        assert now.plus(2 * HOUR, waits_until(attempt) + MINUTE, later=MINUTE)
    assert probes(sandbox) == 1


# Waiting


@every_freeing_way
def test_too_little_quota_sleeps_until_the_reset_and_the_margin(sandbox, way):
    leave(sandbox, 5)
    with Within() as now:
        attempt = Attempt(gate(min_remaining=10, reset_margin=2 * HOUR, **way))
    # Three and a half hours are left, of which wolkvox tells three.
    assert now.plus(5 * HOUR, waits_until(attempt))
    assert probes(sandbox) == 1


@every_freeing_way
@pytest.mark.parametrize(("options", "most"), [({}, MINUTE), ({"jitter": 2 * HOUR}, 2 * HOUR)])
def test_everybody_wakes_a_little_later_at_random(sandbox, monkeypatch, way, options, most):
    leave(sandbox, 5)
    monkeypatch.setattr("airflow_provider.sleeping.sensor.random.random", lambda: 0.75)
    with DAG("gate") as dag:
        WolkvoxQuotaSensor(task_id="gate", min_remaining=10, **options, **way)
    with Within() as now:
        attempt = Attempt(dag)
    assert now.plus(4 * HOUR + 0.75 * most, waits_until(attempt))


@every_freeing_way
def test_a_sensor_that_looks_before_the_reset_probes_nothing(sandbox, clock, way):
    leave(sandbox, 5)
    with Within() as now:
        attempt = Attempt(gate(min_remaining=10, **way))
    for wait in (timedelta(0), 2 * HOUR, HOUR, 50 * MINUTE):
        clock.advance(wait)
        assert go_on(attempt).state in ASLEEP
        assert now.plus(4 * HOUR, waits_until(attempt))
    assert probes(sandbox) == 1
    sandbox.clock(advance=4 * 3600)
    clock.advance(11 * MINUTE)
    assert go_on(attempt).state == "success"
    assert probes(sandbox) == 2


@every_freeing_way
def test_where_the_reset_came_later_than_told_there_is_one_more_probe_per_wait(sandbox, clock, way):
    leave(sandbox, 5)
    attempt = Attempt(gate(min_remaining=10, **way))
    for number in (2, 3):
        # The sandbox's day goes on as long as before.
        clock.advance(4 * HOUR + MINUTE)
        with Within() as now:
            assert go_on(attempt).state in ASLEEP
        assert now.plus(4 * HOUR + clock.ahead, waits_until(attempt))
        assert probes(sandbox) == number


def test_a_blocking_sensor_sleeps_once_until_the_reset_and_the_margin(sandbox, monkeypatch, clock):
    leave(sandbox, 5)
    slept = []

    def sleep(seconds: float) -> None:
        assert probes(sandbox) == 1
        slept.append(timedelta(seconds=seconds))
        assert len(slept) < 5
        sandbox.clock(advance=seconds)
        clock.advance(seconds)

    monkeypatch.setattr("airflow_provider.sleeping.sensor.time", SimpleNamespace(sleep=sleep))
    attempt = Attempt(gate(min_remaining=10, **WAYS["poke"]))
    assert attempt.outcome.state == "success"
    [wait] = slept
    assert 4 * HOUR - MINUTE < wait <= 4 * HOUR
    assert probes(sandbox) == 2


def test_a_dag_goes_on_when_the_triggerer_has_waited(sandbox, monkeypatch, clock):
    """The trigger runs as in the triggerer; only its clock and the sandbox's are quick."""
    leave(sandbox, 5)
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        assert probes(sandbox) == 1
        slept.append(seconds)
        sandbox.clock(advance=seconds)
        clock.advance(seconds)
        await asyncio.sleep(0)

    quick_sleep(monkeypatch, sleep)
    run = dags.run(gate(min_remaining=10, deferrable=True))
    assert dags.states(run) == {"gate": "success"}
    assert 4 * HOUR - MINUTE < timedelta(seconds=sum(slept)) <= 4 * HOUR
    assert dags.results(run)["gate"]["used"] == 0
    # The trigger has probed, and the task takes its word for it.
    assert probes(sandbox) == 2


def test_poke_interval_plays_no_part(sandbox):
    leave(sandbox, 5)
    with Within() as now:
        attempt = Attempt(gate(min_remaining=10, poke_interval=1, **WAYS["reschedule"]))
    assert now.plus(4 * HOUR, waits_until(attempt))


@every_freeing_way
def test_a_reset_that_is_over_already_is_waited_for_some_minutes(sandbox, way):
    leave(sandbox, 5)
    sandbox.clock(now="2026-01-01T23:59:00Z")
    with Within() as now:
        attempt = Attempt(gate(min_remaining=10, reset_margin=0, **way))
    assert now.plus(15 * MINUTE, waits_until(attempt))
    assert probes(sandbox) == 1


@every_freeing_way
@pytest.mark.parametrize("hours", [0, 24])
def test_a_reset_in_no_hours_or_in_a_whole_day(sandbox, way, hours):
    sandbox.fault(
        vendor="wolkvox", times=None, **answer(available_consumition_options=4, hours_to_restart_count=hours)
    )
    with Within() as now:
        attempt = Attempt(gate(min_remaining=10, **way))
    assert now.plus((hours + 1) * HOUR, waits_until(attempt))
    assert probes(sandbox) == 1


@every_freeing_way
@pytest.mark.parametrize(
    ("fault", "wait", "sent"),
    [
        ({}, 2 * HOUR, 1),
        ({"status": 429, "headers": {"Retry-After": "60000"}}, timedelta(seconds=60000), 1),
        ({"status": 429, "headers": {"Retry-After": "61"}}, 2 * HOUR, 1),
        ({"status": 429}, 2 * HOUR, 2),
        ({"action": "maintenance"}, 2 * HOUR, 1),
    ],
    ids=["used up", "throttled for long", "throttled", "throttled without a time", "maintenance"],
)
def test_a_refusal_without_a_reset_waits_the_recheck_interval(sandbox, no_waiting, way, fault, wait, sent):
    leave(sandbox, 0)
    if fault:
        sandbox.fault(vendor="wolkvox", times=2, **fault)
    with Within() as now:
        attempt = Attempt(gate(recheck_interval=2 * HOUR, **way))
    assert now.plus(wait, waits_until(attempt))
    assert probes(sandbox) == sent
    # Another sensor waits with it.
    other = Attempt(gate(recheck_interval=2 * HOUR, **way))
    assert waits_until(other) == waits_until(attempt)
    assert probes(sandbox) == sent


# Giving up


@every_way
@pytest.mark.parametrize("limit", ["timeout", "execution_timeout"])
@pytest.mark.parametrize(
    ("soft", "state_"),
    [({}, "failed"), ({"soft_fail": True}, "skipped"), ({"never_fail": True}, "skipped")],
    ids=["hard", "soft_fail", "never_fail"],
)
def test_a_reset_after_the_timeout_ends_the_sensor_at_once(sandbox, way, limit, soft, state_):
    leave(sandbox, 5)
    attempt = Attempt(gate(min_remaining=10, **{limit: 3 * HOUR}, **RETRIES, **soft, **way))
    assert attempt.outcome.state == state_
    if not soft:
        assert isinstance(attempt.outcome.error, AirflowSensorTimeout)
    assert probes(sandbox) == 1


@every_freeing_way
def test_jitter_alone_is_no_reason_to_give_up(sandbox, monkeypatch, clock, way):
    leave(sandbox, 5)
    monkeypatch.setattr("airflow_provider.sleeping.sensor.random.random", lambda: 1.0)
    timeout = 4 * HOUR + MINUTE
    with Within() as now:
        attempt = Attempt(gate(min_remaining=10, jitter=10 * MINUTE, timeout=timeout, **way))
    assert attempt.outcome.state in ASLEEP
    # The last moment that it has, and there it looks.
    assert now.plus(timeout, waits_until(attempt))
    sandbox.clock(advance=timeout.total_seconds())
    clock.advance(timeout)
    assert go_on(attempt).state == "success"


@pytest.mark.parametrize("way", FREEING)
@pytest.mark.parametrize("limit", ["timeout", "execution_timeout"])
def test_the_timeout_counts_from_the_first_probe(sandbox, clock, way, limit):
    leave(sandbox, 5)
    attempt = Attempt(gate(min_remaining=10, **{limit: 5 * HOUR}, **FREEING[way]))
    clock.advance(4 * HOUR + MINUTE)
    outcome = go_on(attempt)
    assert outcome.state == "failed"
    assert isinstance(outcome.error, AirflowSensorTimeout)
    assert probes(sandbox) == 2
