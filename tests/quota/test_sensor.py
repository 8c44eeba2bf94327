"""The quota sensor in a real Airflow, with its database, against the sandbox."""

from __future__ import annotations

import asyncio
import json
import logging
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk import DAG
from airflow.sdk.exceptions import AirflowFailException, AirflowSensorTimeout

from airflow_provider.exceptions import (
    InvalidInput,
    QuotaExhausted,
    StoreUnavailable,
    VendorAuthError,
    VendorProtocolError,
    VendorRejected,
    VendorUnavailable,
)
from airflow_provider.wolkvox.hooks import WolkvoxHook
from airflow_provider.wolkvox.sensors import WolkvoxQuotaSensor
from tests.support import dags
from tests.support.dags import Attempt
from tests.support.quota import (
    FREEING,
    HOUR,
    MINUTE,
    TOKEN,
    WAYS,
    MovingClock,
    QuickTriggers,
    Within,
    gate,
    known,
    leave,
    probes,
    quick_sleep,
    reading,
    state,
    trigger_values,
    waits_until,
)

pytestmark = pytest.mark.usefixtures("airflow_db")

RETRIES = {"retries": 2, "retry_delay": timedelta(0)}
EXHAUSTED = {"status": 403, "json": {"code": "403", "msg": "TOKEN LIMIT EXCEEDED"}}
ASLEEP = ("deferred", "up_for_reschedule")
every_way = pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
every_freeing_way = pytest.mark.parametrize("way", FREEING.values(), ids=FREEING)


class Waited(Exception):
    """Ends a sensor that would wait on."""


@pytest.fixture
def clock(monkeypatch) -> MovingClock:
    return MovingClock(monkeypatch)


@pytest.fixture
def slept(monkeypatch) -> list[float]:
    """Let a blocking sensor end at its first sleep; the list has its seconds."""
    waits: list[float] = []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        raise Waited

    monkeypatch.setattr("airflow_provider.quota.sensor.time", SimpleNamespace(sleep=sleep))
    return waits


def asleep(attempt: Attempt) -> bool:
    return attempt.outcome.state in ASLEEP or isinstance(attempt.outcome.error, Waited)


def go_on(attempt: Attempt) -> Any:
    return attempt.wake() if attempt.outcome.state == "deferred" else attempt.again()


def tried_again(attempt: Attempt) -> None:
    from airflow.models.taskinstance import TaskInstance
    from airflow.utils.session import create_session

    with create_session() as session:
        instance = session.get(TaskInstance, attempt.id)
        assert instance is not None
        instance.try_number = 2


def answer(**changes: Any) -> dict[str, Any]:
    """An answer about the quota, with some of its data replaced; None takes it away."""
    data = {
        "description": "x",
        "token_limit": 100,
        "token_use_today": 60,
        "available_consumition_options": 40,
        "hours_to_restart_count": 3,
    }
    kept = {name: value for name, value in {**data, **changes}.items() if value is not None}
    return {"status": 200, "json": {"code": "200", "error": "null", "msg": "", "data": kept}}


# Enough


@every_way
def test_enough_quota_lets_the_dag_go_on_after_one_question(sandbox, way):
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
def test_a_sensor_that_finds_a_young_reading_asks_nothing(sandbox, way):
    leave(sandbox, 100)
    WolkvoxHook().token_reading()
    assert probes(sandbox) == 1
    attempts = [Attempt(gate(min_remaining=90, **way)) for _ in range(2)]
    assert [attempt.outcome.state for attempt in attempts] == ["success", "success"]
    assert probes(sandbox) == 1


@every_way
def test_an_old_reading_is_asked_for_again(sandbox, clock, way):
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
def test_what_other_runs_have_reserved_is_waited_for_without_asking(sandbox, slept, way):
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


def test_what_the_run_itself_has_reserved_is_left_for_it(sandbox, monkeypatch):
    leave(sandbox, 50)
    WolkvoxHook().token_reading()
    with DAG("gate") as dag:
        WolkvoxQuotaSensor(task_id="gate", min_remaining=40, jitter=0, mode="reschedule")
    attempt = Attempt(dag)
    assert attempt.outcome.state == "success"
    with known() as store:
        store.reserve("r", 45, run=f"gate/{attempt.instance.run_id}", task="t", lasts=HOUR)
    assert attempt.again().state == "success"
    assert probes(sandbox) == 1


@every_way
def test_a_refusal_of_another_task_is_waited_out_without_asking(sandbox, slept, way):
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
    monkeypatch.setattr("airflow_provider.quota.sensor.random.random", lambda: 0.75)
    with DAG("gate") as dag:
        WolkvoxQuotaSensor(task_id="gate", min_remaining=10, **options, **way)
    with Within() as now:
        attempt = Attempt(dag)
    assert now.plus(4 * HOUR + 0.75 * most, waits_until(attempt))


@every_freeing_way
def test_a_sensor_that_looks_before_the_reset_asks_nothing(sandbox, clock, way):
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
def test_where_the_reset_came_later_than_told_one_more_question_is_asked_per_wait(sandbox, clock, way):
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

    monkeypatch.setattr("airflow_provider.quota.sensor.time", SimpleNamespace(sleep=sleep))
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
    # The trigger has asked, and the task takes its word for it.
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
    monkeypatch.setattr("airflow_provider.quota.sensor.random.random", lambda: 1.0)
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
def test_the_timeout_counts_from_the_first_question(sandbox, clock, way, limit):
    leave(sandbox, 5)
    attempt = Attempt(gate(min_remaining=10, **{limit: 5 * HOUR}, **FREEING[way]))
    clock.advance(4 * HOUR + MINUTE)
    outcome = go_on(attempt)
    assert outcome.state == "failed"
    assert isinstance(outcome.error, AirflowSensorTimeout)
    assert probes(sandbox) == 2


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
        "nothing left told",
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
def test_an_unavailable_vendor_is_asked_twice_and_left_to_airflows_retries(sandbox, no_waiting, way):
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
def test_a_retry_asks_again_however_young_the_refusal_is(sandbox, way):
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
def test_a_retry_waits_for_what_ends_by_itself_without_asking(sandbox, slept, way):
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


# The store


@pytest.mark.parametrize("damage", ["folder", "garbage", "postgres"])
@every_freeing_way
def test_without_a_store_each_sensor_asks_once_per_wait(
    sandbox, monkeypatch, caplog, ledger_path, way, damage
):
    leave(sandbox, 5)
    if damage == "postgres":
        pytest.importorskip("psycopg")
        monkeypatch.setenv("AIRFLOW__VENDOR_APIS__LEDGER_CONN_ID", "ledger")
        connection = {
            "conn_type": "postgres",
            "host": "127.0.0.1",
            "port": 1,
            "login": "u",
            "password": "s3cr3t",
            "schema": "s",
        }
        monkeypatch.setenv("AIRFLOW_CONN_LEDGER", json.dumps(connection))
    else:
        ledger_path.mkdir() if damage == "folder" else ledger_path.write_bytes(b"no database " * 500)
    with caplog.at_level(logging.WARNING, logger="airflow_provider"), Within() as now:
        attempt = Attempt(gate(min_remaining=10, **way))
    assert now.plus(4 * HOUR, waits_until(attempt))
    assert probes(sandbox) == 1
    warnings = [record for record in caplog.records if record.name.startswith("airflow_provider")]
    assert len(warnings) == 1
    assert "s3cr3t" not in caplog.text
    assert TOKEN not in caplog.text
    sandbox.clock(advance=4 * 3600)
    assert go_on(attempt).state == "success"
    assert probes(sandbox) == 2


@pytest.mark.parametrize("error", [StoreUnavailable("the disk is full"), KeyError("x")], ids=repr)
def test_a_store_that_breaks_down_in_between_does_not_make_the_sensor_ask_twice(sandbox, monkeypatch, error):
    from airflow_provider.quota.store import QuotaStore

    leave(sandbox, 100)

    reports: list[int] = []

    def report(*_: Any, **__: Any) -> None:
        reports.append(1)
        if len(reports) > 5:
            raise SystemExit("it asks again and again")
        raise error

    monkeypatch.setattr(QuotaStore, "report", report)
    assert Attempt(gate(**WAYS["reschedule"])).outcome.state == "success"
    assert probes(sandbox) == 1


def test_nothing_of_the_token_is_left_anywhere(sandbox, clock, caplog, ledger_path):
    leave(sandbox, 5)
    message = {"code": "403", "msg": f"PLEASE VALIDATE TOKEN {TOKEN}"}
    sandbox.fault(vendor="wolkvox", status=403, json=message)
    with caplog.at_level(logging.DEBUG):
        refused = Attempt(gate(min_remaining=10, deferrable=True))
        assert state().refusal is not None
        clock.advance(HOUR)
        attempt = Attempt(gate(min_remaining=10, deferrable=True))
    assert refused.outcome.state == "failed"
    assert attempt.outcome.state == "deferred"
    texts = [
        json.dumps(trigger_values(attempt)),
        str(attempt.outcome),
        str(refused.outcome),
        *(file.read_bytes().decode("latin-1") for file in ledger_path.parent.iterdir()),
        *(record.getMessage() for record in caplog.records if record.name.startswith("airflow_provider")),
    ]
    assert not [text for text in texts if TOKEN[:16] in text]


# Many at once


def test_many_deferred_sensors_go_on_after_one_question(sandbox, monkeypatch):
    leave(sandbox, 5)
    clock = MovingClock(monkeypatch, datetime.now(UTC))
    attempts = [Attempt(gate(min_remaining=10, deferrable=True)) for _ in range(5)]
    assert probes(sandbox) == 1
    from airflow_provider.quota.triggers import QuotaTrigger

    triggers = [QuotaTrigger(**trigger_values(attempt)) for attempt in attempts]
    quick = QuickTriggers(monkeypatch, clock, sandbox)
    events = asyncio.run(quick.events(triggers))
    for attempt, event in zip(attempts, events, strict=True):
        assert attempt.wake(event).state == "success"
    assert probes(sandbox) == 2


def test_outside_of_a_task_it_runs_too(sandbox):
    leave(sandbox, 90)
    assert WolkvoxQuotaSensor(task_id="gate", min_remaining=10).execute({})["remaining"] == 90
