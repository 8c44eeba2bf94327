"""Dags of this provider in a real Airflow, with its database, against the sandbox."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk import DAG
from airflow.sdk.exceptions import AirflowFailException, AirflowSensorTimeout

from airflow_provider.exceptions import (
    InvalidInput,
    OutcomeUnknown,
    VendorAuthError,
    VendorRejected,
    VendorUnavailable,
)
from airflow_provider.imbee.operators import (
    ImbeeCreateAccessTokensOperator,
    ImbeeCreateChatsOperator,
    ImbeeCreateUsersOperator,
)
from airflow_provider.secrets import is_sealed, unseal
from airflow_provider.wolkvox.operators import WolkvoxTokenInformationOperator
from airflow_provider.wolkvox.sensors import WolkvoxQuotaSensor
from tests.support import dags
from tests.support.connections import SetConnection
from tests.support.dags import Attempt
from tests.support.sandbox import SandboxProcess

pytestmark = pytest.mark.usefixtures("airflow_db")

TOKEN = "5a4db0c0de5a4db0c0de5a4db0c0de42"
HOUR = timedelta(hours=1)
RETRIES = {"retries": 2, "retry_delay": timedelta(0)}
WAYS: dict[str, dict[str, Any]] = {
    "deferrable": {"deferrable": True},
    "reschedule": {"mode": "reschedule", "deferrable": False},
    "poke": {"mode": "poke", "deferrable": False},
}
every_way = pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)


def chain(tmp_path: Any = None) -> DAG:
    """Users, then a chat of each with an agent, then a mail to each."""
    people = [{"unique_id_sha": name, "email": f"{name}@example.com"} for name in ("ada", "bob", "zoë")]

    def output(name: str) -> dict[str, Any]:
        return {"output": str(tmp_path / f"{name}.jsonl")} if tmp_path else {}

    with DAG("chain") as dag:
        agent = ImbeeCreateUsersOperator(task_id="agent", records=[{"unique_id_sha": "agent"}])
        users = ImbeeCreateUsersOperator(task_id="users", records=people, **output("users"))
        chats = ImbeeCreateChatsOperator(
            task_id="chats",
            records=users.output,
            defaults={"contacts": "{{ ti.xcom_pull('agent')['records'][0]['user']['virtual_user'] }}"},
            **output("chats"),
        )
        tokens = ImbeeCreateAccessTokensOperator(
            task_id="tokens",
            records=chats.output,
            fields={"mail": "email"},
            defaults={"bot_idsha": "bot-1"},
            **output("tokens"),
        )
        agent >> chats >> tokens
    return dag


def users(**options: Any) -> DAG:
    with DAG("users") as dag:
        ImbeeCreateUsersOperator(
            task_id="users", **{"records": [{"unique_id_sha": "ada"}], **RETRIES, **options}
        )
    return dag


def tokens(**options: Any) -> DAG:
    record = {"virtual_user": "ada", "bot_idsha": "bot-1", "mail": "ada@example.com"}
    with DAG("tokens") as dag:
        ImbeeCreateAccessTokensOperator(task_id="tokens", **{"records": [record], **RETRIES, **options})
    return dag


def gate(**options: Any) -> DAG:
    with DAG("gate") as dag:
        WolkvoxQuotaSensor(task_id="gate", **options)
    return dag


def leave(sandbox: SandboxProcess, remaining: int) -> None:
    """Let the token have so many of 100 uses left, three and a half hours before the reset."""
    sandbox.clock(now="2026-01-01T20:30:00Z", freeze=True)
    sandbox.token(token=TOKEN, operation="demo_operation", limit=100, used=100 - remaining)


def questions(sandbox: SandboxProcess) -> int:
    return len(sandbox.requests("wolkvox"))


class Within:
    """A moment that is so long after some time in the block."""

    def __enter__(self) -> Within:
        self.before = datetime.now(UTC)
        return self

    def __exit__(self, *_: object) -> None:
        self.after = datetime.now(UTC)

    def plus(self, wait: timedelta, moment: datetime) -> bool:
        return self.before + wait <= moment <= self.after + wait


class MovingClock:
    """The clock of the sensor and its readings, moved on by hand."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.ahead = timedelta()
        monkeypatch.setattr("airflow_provider.quota.sensor.timezone", SimpleNamespace(utcnow=self.now))
        monkeypatch.setattr("airflow_provider.wolkvox.hooks.datetime", SimpleNamespace(now=self.now))

    def now(self, _: Any = None) -> datetime:
        return datetime.now(UTC) + self.ahead


def waits_until(attempt: Attempt) -> datetime:
    """Say until when the database keeps the task waiting."""
    from airflow.models.taskreschedule import TaskReschedule
    from airflow.models.trigger import Trigger
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        if attempt.outcome.state == "deferred":
            trigger = session.get(Trigger, attempt.instance.trigger_id)
            assert trigger is not None
            assert trigger.classpath == "airflow.providers.standard.triggers.temporal.DateTimeTrigger"
            moment = trigger.kwargs["moment"]
        else:
            assert attempt.outcome.state == "up_for_reschedule"
            latest = select(TaskReschedule.reschedule_date).where(TaskReschedule.ti_id == attempt.id)
            moment = session.scalars(latest.order_by(TaskReschedule.id.desc())).first()
        assert isinstance(moment, datetime)
        return moment


# --- batches ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("with_files", [False, True], ids=["xcom", "files"])
def test_users_chats_and_tokens_follow_one_another(sandbox, tmp_path, with_files):
    run = dags.run(chain(tmp_path if with_files else None))
    assert dags.states(run) == dict.fromkeys(["agent", "users", "chats", "tokens"], "success")
    assert sandbox.state()["imbee"] == {"users": 4, "chats": 3, "tokens": 3, "messages": 3}
    assert sorted(message["to"] for message in sandbox.messages()) == [
        "ada@example.com",
        "bob@example.com",
        "zoë@example.com",
    ]
    result = dags.results(run)["tokens"]
    counts = ("total", "created", "existing", "failed", "unknown", "requests")
    assert [result[name] for name in counts] == [3, 3, 0, 0, 0, 3]
    if with_files:
        assert result["output"] == str(tmp_path / "tokens.jsonl")
        records = [json.loads(line) for line in (tmp_path / "tokens.jsonl").read_text().splitlines()]
    else:
        records = result["records"]
    assert {record["unique_id_sha"] for record in records} == {"ada", "bob", "zoë"}
    assert all(set(record) >= {"email", "user", "chat", "token"} for record in records)


def test_a_second_run_finds_everything_already_there(sandbox):
    dags.run(chain())
    second = dags.results(dags.run(chain()))
    assert [second[name]["existing"] for name in ("users", "chats", "tokens")] == [3, 3, 0]
    assert second["tokens"]["replayed"] == len(sandbox.messages()) == 3


def test_stored_results_are_plain_json_with_sealed_secrets(sandbox):
    run = dags.run(chain())
    stored = dags.stored_results(run)
    minted = sandbox.secrets()
    assert not [secret for secret in minted for text in stored.values() if secret in text]
    for text in stored.values():
        assert "__classname__" not in text
        assert "__type" not in text
    for record in dags.results(run)["tokens"]["records"]:
        sealed = [record["user"]["password"], record["user"]["apikey"], record["token"]["url"]]
        assert all(is_sealed(value) for value in sealed)
        assert all(unseal(value) in minted for value in sealed)


def test_the_token_information_is_stored_as_a_plain_reading(sandbox):
    leave(sandbox, 40)
    with DAG("information") as dag:
        WolkvoxTokenInformationOperator(task_id="ask")
    with Within() as now:
        result = dags.results(dags.run(dag))["ask"]
    assert now.plus(3 * HOUR, datetime.fromisoformat(result.pop("resets_at")))
    assert now.plus(timedelta(0), datetime.fromisoformat(result.pop("observed_at")))
    assert result == {
        "limit": 100,
        "used": 60,
        "remaining": 40,
        "source": "probe",
        # The sandbox describes a token that was replaced by its default.
        "description": result["description"],
    }


# --- retries ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", [{"status": 401}, {"status": 404}, {"action": "garbage"}], ids=str)
def test_a_permanent_error_ends_the_task_without_a_second_try(sandbox, fault):
    sandbox.fault(vendor="imbee", times=None, **fault)
    run = dags.run(users())
    assert dags.states(run) == {"users": "failed"}
    assert dags.tasks(run)["users"].try_number == 1
    assert len(sandbox.requests("imbee")) == 1


def test_an_unavailable_vendor_is_tried_again_by_airflow(sandbox, no_waiting):
    sandbox.fault(vendor="imbee", status=503, times=None)
    run = dags.run(users())
    assert dags.states(run) == {"users": "failed"}
    assert dags.tasks(run)["users"].try_number == 3
    assert len(sandbox.requests("imbee")) == 3 * 4


def test_a_try_after_an_outage_succeeds(sandbox, no_waiting):
    sandbox.fault(vendor="imbee", status=503, times=4)
    run = dags.run(users())
    assert dags.states(run) == {"users": "success"}
    assert dags.tasks(run)["users"].try_number == 2
    assert len(sandbox.requests("imbee")) == 5


@pytest.mark.parametrize("fault", [{"status": 500}, {"action": "reset"}, {"action": "close"}], ids=str)
def test_a_message_of_unknown_outcome_is_neither_repeated_nor_retried(sandbox, no_waiting, fault):
    sandbox.fault(vendor="imbee", after=True, times=None, **fault)
    attempt = Attempt(tokens())
    assert attempt.outcome.state == "failed"
    assert isinstance(attempt.outcome.error, OutcomeUnknown)
    assert isinstance(attempt.outcome.error, AirflowFailException)
    assert len(sandbox.requests("imbee")) == len(sandbox.messages()) == 1


def test_a_retried_batch_of_messages_sends_only_what_is_left(sandbox):
    sandbox.fault(vendor="imbee", status=429, headers={"Retry-After": "3600"}, skip=1)
    records = [
        {"virtual_user": name, "bot_idsha": "bot-1", "mail": f"{name}@example.com"} for name in ("a", "b")
    ]
    run = dags.run(tokens(records=records, max_concurrency=1))
    assert dags.states(run) == {"tokens": "success"}
    assert dags.tasks(run)["tokens"].try_number == 2
    assert len(sandbox.requests("imbee")) == 3
    assert sorted(message["to"] for message in sandbox.messages()) == ["a@example.com", "b@example.com"]


# --- the quota sensor: enough ----------------------------------------------------------------------------


@every_way
def test_enough_quota_lets_the_dag_go_on_after_one_question(sandbox, way):
    leave(sandbox, 100)
    run = dags.run(gate(min_remaining=99, **way))
    assert dags.states(run) == {"gate": "success"}
    result = dags.results(run)["gate"]
    assert (result["limit"], result["used"], result["remaining"]) == (100, 0, 100)
    assert questions(sandbox) == 1


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


# --- the quota sensor: waiting ---------------------------------------------------------------------------


@pytest.mark.parametrize("way", [WAYS["deferrable"], WAYS["reschedule"]], ids=["deferrable", "reschedule"])
def test_too_little_quota_sleeps_until_the_reset_and_the_margin(sandbox, way):
    leave(sandbox, 5)
    with Within() as now:
        attempt = Attempt(gate(min_remaining=10, reset_margin=2 * HOUR, **way))
    # Three and a half hours are left, of which wolkvox tells three.
    assert now.plus(5 * HOUR, waits_until(attempt))
    assert questions(sandbox) == 1


def test_a_deferred_sensor_asks_once_more_each_time_it_wakes(sandbox):
    leave(sandbox, 5)
    attempt = Attempt(gate(min_remaining=10, deferrable=True))
    with Within() as now:
        assert attempt.wake().state == "deferred"
    assert now.plus(4 * HOUR, waits_until(attempt))
    assert questions(sandbox) == 2
    sandbox.clock(advance=4 * 3600)
    assert attempt.wake().state == "success"
    assert questions(sandbox) == 3


def test_a_rescheduled_sensor_asks_once_more_each_time_it_runs(sandbox):
    leave(sandbox, 5)
    attempt = Attempt(gate(min_remaining=10, **WAYS["reschedule"]))
    assert attempt.again().state == "up_for_reschedule"
    assert questions(sandbox) == 2
    sandbox.clock(advance=4 * 3600)
    assert attempt.again().state == "success"
    assert questions(sandbox) == 3


def test_a_blocking_sensor_sleeps_once_until_the_reset_and_the_margin(sandbox, monkeypatch):
    leave(sandbox, 5)
    slept = []

    def sleep(seconds: float) -> None:
        assert questions(sandbox) == 1
        slept.append(timedelta(seconds=seconds))
        sandbox.clock(advance=seconds)

    monkeypatch.setattr("airflow_provider.quota.sensor.time", SimpleNamespace(sleep=sleep))
    attempt = Attempt(gate(min_remaining=10, **WAYS["poke"]))
    assert attempt.outcome.state == "success"
    [wait] = slept
    assert 4 * HOUR - timedelta(minutes=1) < wait <= 4 * HOUR
    assert questions(sandbox) == 2


def test_a_dag_goes_on_when_the_triggerer_has_waited(sandbox, monkeypatch):
    """The trigger runs as in the triggerer; only its clock and the sandbox's are quick."""
    from airflow.providers.standard.triggers import temporal

    leave(sandbox, 5)
    started, slept = datetime.now(UTC), [0.0]

    async def sleep(seconds: float) -> None:
        assert questions(sandbox) == 1
        slept.append(seconds)
        sandbox.clock(advance=seconds)
        await asyncio.sleep(0)

    def utcnow() -> datetime:
        return datetime.now(UTC) + timedelta(seconds=sum(slept))

    clock = SimpleNamespace(utcnow=utcnow, convert_to_utc=temporal.timezone.convert_to_utc)
    monkeypatch.setattr(temporal, "timezone", clock)
    monkeypatch.setattr(temporal, "asyncio", SimpleNamespace(sleep=sleep))
    run = dags.run(gate(min_remaining=10, deferrable=True))
    assert dags.states(run) == {"gate": "success"}
    assert timedelta(seconds=sum(slept)) >= 4 * HOUR - (datetime.now(UTC) - started)
    assert dags.results(run)["gate"]["used"] == 0
    assert questions(sandbox) == 2


def test_poke_interval_plays_no_part(sandbox):
    leave(sandbox, 5)
    with Within() as now:
        attempt = Attempt(gate(min_remaining=10, poke_interval=1, **WAYS["reschedule"]))
    assert now.plus(4 * HOUR, waits_until(attempt))


def test_a_reset_that_is_over_already_still_waits_a_minute(sandbox):
    leave(sandbox, 5)
    sandbox.clock(now="2026-01-01T23:59:00Z")
    with Within() as now:
        attempt = Attempt(gate(min_remaining=10, reset_margin=0, deferrable=True))
    assert now.plus(timedelta(minutes=1), waits_until(attempt))


@pytest.mark.parametrize("way", [WAYS["deferrable"], WAYS["reschedule"]], ids=["deferrable", "reschedule"])
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
    assert questions(sandbox) == sent


# --- the quota sensor: giving up -------------------------------------------------------------------------


@every_way
@pytest.mark.parametrize("limit", ["timeout", "execution_timeout"])
@pytest.mark.parametrize(
    ("soft", "state"),
    [({}, "failed"), ({"soft_fail": True}, "skipped"), ({"never_fail": True}, "skipped")],
    ids=["hard", "soft_fail", "never_fail"],
)
def test_a_reset_after_the_timeout_ends_the_sensor_at_once(sandbox, way, limit, soft, state):
    leave(sandbox, 5)
    attempt = Attempt(gate(min_remaining=10, **{limit: 3 * HOUR}, **RETRIES, **soft, **way))
    assert attempt.outcome.state == state
    if not soft:
        assert isinstance(attempt.outcome.error, AirflowSensorTimeout)
    assert questions(sandbox) == 1


@pytest.mark.parametrize("way", ["deferrable", "reschedule"])
@pytest.mark.parametrize("limit", ["timeout", "execution_timeout"])
def test_the_timeout_counts_from_the_first_question(sandbox, monkeypatch, way, limit):
    leave(sandbox, 5)
    clock = MovingClock(monkeypatch)
    attempt = Attempt(gate(min_remaining=10, **{limit: 5 * HOUR}, **WAYS[way]))
    clock.ahead = 4 * HOUR
    outcome = attempt.wake() if way == "deferrable" else attempt.again()
    assert outcome.state == "failed"
    assert isinstance(outcome.error, AirflowSensorTimeout)
    assert questions(sandbox) == 2


@every_way
@pytest.mark.parametrize(
    ("options", "fault", "error"),
    [
        ({"min_remaining": 100}, {}, InvalidInput),
        ({"min_remaining": "many"}, {}, InvalidInput),
        ({}, {"status": 401}, VendorAuthError),
        ({}, {"status": 403, "json": {"code": "403", "msg": "PLEASE VALIDATE TOKEN"}}, VendorAuthError),
        ({}, {"status": 403, "json": {"code": "403", "msg": "NO"}}, VendorRejected),
        ({}, {"status": 404}, VendorRejected),
    ],
    ids=["above the limit", "no number", "401", "token refused", "unknown 403", "404"],
)
def test_what_waiting_cannot_mend_fails_at_once(sandbox, way, options, fault, error):
    leave(sandbox, 90)
    if fault:
        sandbox.fault(vendor="wolkvox", times=None, **fault)
    attempt = Attempt(gate(**options, **RETRIES, **way))
    assert attempt.outcome.state == "failed"
    assert isinstance(attempt.outcome.error, error)
    assert isinstance(attempt.outcome.error, AirflowFailException)
    assert questions(sandbox) == (0 if options.get("min_remaining") == "many" else 1)


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
    assert questions(sandbox) == 2


@every_way
def test_an_unavailable_vendor_skips_a_sensor_that_never_fails(sandbox, no_waiting, way):
    sandbox.fault(vendor="wolkvox", status=500, times=None)
    attempt = Attempt(gate(never_fail=True, **RETRIES, **way))
    assert attempt.outcome.state == "skipped"


@pytest.mark.parametrize("answer", [{"status": 401}, {"status": 404}], ids=str)
def test_a_sensor_that_wakes_to_a_refusal_fails_at_once(sandbox, answer):
    leave(sandbox, 5)
    attempt = Attempt(gate(min_remaining=10, deferrable=True, **RETRIES))
    sandbox.fault(vendor="wolkvox", times=None, **answer)
    assert attempt.wake().state == "failed"
    assert questions(sandbox) == 2


def test_a_connection_without_a_field_fails_at_once_and_names_it(sandbox, set_connection: SetConnection):
    set_connection("imbee_default", extra={"corporate_token": None})
    attempt = Attempt(users())
    assert attempt.outcome.state == "failed"
    assert "Corporate token (myCorporateToken)" in str(attempt.outcome.error)
    assert sandbox.requests() == []
