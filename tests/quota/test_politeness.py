"""However a vendor refuses, the sandbox's journal shows that it gets no more requests than agreed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk import DAG

from airflow_provider.batch.failures import OUTAGE
from airflow_provider.exceptions import OutcomeUnknown, VendorError
from airflow_provider.http.call import Call, Repeat
from airflow_provider.imbee import calls as imbee
from airflow_provider.imbee.hooks import ImbeeHook
from airflow_provider.imbee.operators import (
    ImbeeCreateAccessTokensOperator,
    ImbeeCreateChatsOperator,
    ImbeeCreateUsersOperator,
)
from airflow_provider.wolkvox.hooks import WolkvoxHook
from airflow_provider.wolkvox.operators import WolkvoxTokenInformationOperator
from airflow_provider.wolkvox.sensors import WolkvoxQuotaSensor
from tests.support.connections import SetConnection
from tests.support.dags import Attempt
from tests.support.quota import HOUR, MINUTE, WAYS, MovingClock, QuickTriggers, leave, trigger
from tests.support.sandbox import SandboxProcess

pytestmark = pytest.mark.usefixtures("no_waiting")

FAULTS: dict[str, dict[str, Any]] = {
    "401": {"status": 401},
    "403": {"status": 403, "json": {"code": "403", "msg": "NO"}},
    "404": {"status": 404},
    "429": {"status": 429},
    "429 for 1 s": {"status": 429, "headers": {"Retry-After": "1"}},
    "429 for 1 h": {"status": 429, "headers": {"Retry-After": "3600"}},
    "503": {"status": 503},
    "503 for 1 h": {"status": 503, "headers": {"Retry-After": "3600"}},
    "reset": {"action": "reset"},
    "hang": {"action": "hang"},
}
QUOTA_FAULTS = {
    **FAULTS,
    "exhausted": {"status": 403, "json": {"code": "403", "msg": "TOKEN LIMIT EXCEEDED"}},
    "maintenance": {"action": "maintenance"},
}
ONCE_ONLY = ("401", "403", "404", "429 for 1 h", "503 for 1 h")
"""Faults that another attempt in the same minute would not mend."""
RETURNS = ("401", "403", "404", "429", "429 for 1 s", "429 for 1 h", "503", "503 for 1 h")


Misbehave = Callable[..., None]


@pytest.fixture
def misbehave(sandbox: SandboxProcess, set_connection: SetConnection) -> Misbehave:
    """A function that lets both vendors answer with nothing but one fault."""

    def misbehave(fault: str, *, timeout: float = 0.5) -> None:
        sandbox.fault(times=None, **QUOTA_FAULTS[fault])
        if fault == "hang":
            for conn_id in ("imbee_default", "wolkvox_default"):
                set_connection(conn_id, extra={"timeout": timeout})

    return misbehave


# --- one call ----------------------------------------------------------------------------------------------


def token() -> Call[Any]:
    return imbee.create_access_token("ada", "bot-1", mail="ada@example.com")


CALLS: dict[str, tuple[type[ImbeeHook | WolkvoxHook], Callable[[Any], Call[Any]], int, tuple[str, ...]]] = {
    # hook, call, the most often it may be sent, faults after which it is sent once only
    "create_user": (ImbeeHook, lambda _: imbee.create_user("ada"), 4, ONCE_ONLY),
    "create_chat": (ImbeeHook, lambda _: imbee.create_chat("key", "bob"), 4, ONCE_ONLY),
    "create_access_token": (ImbeeHook, lambda _: token(), 4, (*ONCE_ONLY, "503", "reset", "hang")),
    "token_information": (WolkvoxHook, lambda hook: hook.token_information_call(), 2, ONCE_ONLY),
}
every_call = pytest.mark.parametrize(("hook_type", "make", "most", "once"), CALLS.values(), ids=CALLS)
every_fault = pytest.mark.parametrize("fault", FAULTS)


@every_fault
@every_call
def test_a_call_is_sent_no_more_often_than_agreed(sandbox, misbehave, hook_type, make, most, once, fault):
    misbehave(fault)
    hook = hook_type()
    with pytest.raises(VendorError):
        hook.run(make(hook))
    hook.close()
    assert len(sandbox.requests()) == (1 if fault in once else most)


@every_fault
@every_call
def test_an_asynchronous_call_is_sent_no_more_often_than_agreed(
    sandbox, misbehave, hook_type, make, most, once, fault
):
    async def send() -> None:
        hook = hook_type()
        async with hook.session() as client:
            await client.run(make(hook))

    misbehave(fault)
    with pytest.raises(VendorError):
        asyncio.run(send())
    assert len(sandbox.requests()) == (1 if fault in once else most)


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "POST", "PATCH"])
@pytest.mark.parametrize("action", ["reset", "close", "hang"])
def test_neither_http_library_repeats_a_request_by_itself(sandbox, misbehave, method, action):
    async def send() -> None:
        async with ImbeeHook().session() as client:
            await client.run(call)

    misbehave("hang")
    sandbox.control("DELETE", "faults")
    sandbox.fault(times=None, action=action)
    call = Call(method, "token/new", lambda response: response.status, Repeat.ONCE)
    with pytest.raises(OutcomeUnknown):
        ImbeeHook().run(call)
    with pytest.raises(OutcomeUnknown):
        asyncio.run(send())
    assert len(sandbox.requests()) == 2


@every_fault
@pytest.mark.parametrize(("hook_type", "most"), [(ImbeeHook, 4), (WolkvoxHook, 2)])
def test_the_test_button_is_no_more_insistent(sandbox, misbehave, hook_type, most, fault):
    misbehave(fault)
    works, _ = hook_type().test_connection()
    # Imbee has no harmless call: any answer at all shows that the host is there.
    answered = hook_type is ImbeeHook and fault in RETURNS
    assert works == answered
    assert len(sandbox.requests()) == (1 if answered or fault in ONCE_ONLY else most)


@every_fault
def test_the_session_of_a_hook_repeats_nothing(sandbox, misbehave, fault):
    misbehave(fault)
    hook = ImbeeHook()
    try:
        assert hook.get_conn().get(f"{sandbox.url}/imbee/").status_code == FAULTS[fault]["status"]
    except OSError:
        assert fault not in RETURNS
    hook.close()
    assert len(sandbox.requests()) == 1


# --- batches -----------------------------------------------------------------------------------------------

RECORDS = 200
AT_ONCE = 5
ENDING = {
    # Each of those under way when the first one fails may still fail, with all its attempts.
    "fail": AT_ONCE,
    # So many failures without a success that may mean all records, and those under way meanwhile.
    "outage": OUTAGE + AT_ONCE - 1,
    "all": RECORDS,
}
OPERATORS: dict[str, tuple[Any, dict[str, Any], tuple[str, ...]]] = {
    "users": (ImbeeCreateUsersOperator, {}, ONCE_ONLY),
    "chats": (ImbeeCreateChatsOperator, {"apikey": "key"}, ONCE_ONLY),
    "tokens": (
        ImbeeCreateAccessTokensOperator,
        {"bot_idsha": "bot-1", "mail": "ada@example.com"},
        (*ONCE_ONLY, "503", "reset", "hang"),
    ),
}


def ends(operator: str, on_error: str, fault: str) -> str:
    """Say what ends a batch that meets nothing but one fault."""
    if on_error == "fail" or fault.startswith("429"):
        return "fail"
    if fault in ("401", "403"):
        # A user or a token is refused for the secrets of the connection; a chat perhaps for its own user's key.
        return "outage" if operator == "chats" else "fail"
    if fault == "503 for 1 h" and operator != "tokens":
        # The vendor is away, for every record.
        return "fail"
    return "all" if fault == "404" else "outage"


@every_fault
@pytest.mark.parametrize("on_error", ["fail", "continue"])
@pytest.mark.parametrize("operator", OPERATORS)
def test_a_batch_stops_sending_when_all_it_gets_is_refusals(
    sandbox, airflow_db, misbehave, operator, on_error, fault
):
    operator_type, constants, once = OPERATORS[operator]
    name = {"users": "unique_id_sha", "chats": "contacts", "tokens": "virtual_user"}[operator]
    records = [{name: f"user-{number}", **constants} for number in range(RECORDS)]
    misbehave(fault, timeout=0.1)
    with DAG("batch") as dag:
        operator_type(task_id="batch", records=records, on_error=on_error, max_concurrency=AT_ONCE)
    attempt = Attempt(dag)
    ending = ends(operator, on_error, fault)
    sent, most = len(sandbox.requests()), ENDING[ending] * (1 if fault in once else 4)
    if ending == "all":
        assert attempt.outcome.state == "success"
        assert sent == most
    else:
        assert attempt.outcome.state == "failed"
        assert isinstance(attempt.outcome.error, VendorError)
        assert 1 <= sent <= most


@pytest.mark.parametrize("fault", ["503", "429", "hang"])
def test_a_failed_batch_leaves_nothing_under_way(sandbox, airflow_db, misbehave, fault):
    misbehave(fault)
    with DAG("batch") as dag:
        ImbeeCreateUsersOperator(task_id="batch", records=[{"unique_id_sha": str(n)} for n in range(50)])
    Attempt(dag)
    sent = len(sandbox.requests())
    sandbox.control("DELETE", "faults")
    assert len(sandbox.requests()) == sent
    assert sandbox.state()["imbee"]["users"] == 0


# --- quota -------------------------------------------------------------------------------------------------

WAITING = ("429", "429 for 1 s", "429 for 1 h", "exhausted", "maintenance")


class Waited(Exception):
    """Ends a sensor that would wait on."""


@pytest.mark.parametrize("fault", QUOTA_FAULTS)
def test_the_token_information_is_probed_no_more_than_twice(sandbox, airflow_db, misbehave, fault):
    misbehave(fault)
    with DAG("information") as dag:
        WolkvoxTokenInformationOperator(task_id="ask")
    assert Attempt(dag).outcome.state == "failed"
    assert len(sandbox.requests()) == (1 if fault in (*ONCE_ONLY, "exhausted", "maintenance") else 2)


@pytest.mark.parametrize("fault", QUOTA_FAULTS)
@pytest.mark.parametrize("way", WAYS)
def test_a_sensor_probes_no_more_than_twice_per_wait_and_waits_an_hour(
    sandbox, airflow_db, misbehave, monkeypatch, way, fault
):
    clock = MovingClock(monkeypatch)
    waits: list[float] = []
    asked: list[int] = []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        asked.append(len(sandbox.requests()))
        clock.advance(seconds)
        if len(waits) == 3:
            raise Waited

    monkeypatch.setattr("airflow_provider.sleeping.sensor.time", SimpleNamespace(sleep=sleep))
    misbehave(fault)
    with DAG("gate") as dag:
        WolkvoxQuotaSensor(task_id="gate", **WAYS[way])
    each = 1 if fault in (*ONCE_ONLY, "exhausted", "maintenance") else 2
    attempt = Attempt(dag)
    if fault not in WAITING:
        assert attempt.outcome.state == "failed"
        assert len(sandbox.requests()) == each
    elif way == "poke":
        assert isinstance(attempt.outcome.error, Waited)
        assert asked == [each, 2 * each, 3 * each]
        assert min(waits) > 3590
    else:
        assert len(sandbox.requests()) == each
        for number in (2, 3):
            # Whoever comes too early sends nothing, and one that comes in time probes once more.
            for wait, sent in ((50 * MINUTE, number - 1), (12 * MINUTE, number)):
                clock.advance(wait)
                outcome = attempt.wake() if way == "deferrable" else attempt.again()
                assert outcome.state == ("deferred" if way == "deferrable" else "up_for_reschedule")
                assert len(sandbox.requests()) == sent * each


@pytest.mark.parametrize("fault", QUOTA_FAULTS)
def test_a_second_sensor_probes_no_more_than_the_first(sandbox, airflow_db, misbehave, monkeypatch, fault):
    """What ends by itself is waited for together; what does not is found out again after a while."""
    clock = MovingClock(monkeypatch)
    misbehave(fault)
    with DAG("gate") as dag:
        WolkvoxQuotaSensor(task_id="gate", mode="reschedule")
    each = 1 if fault in (*ONCE_ONLY, "exhausted", "maintenance") else 2
    for _ in range(3):
        Attempt(dag)
        assert len(sandbox.requests()) == each
    clock.advance(5 * MINUTE)
    Attempt(dag)
    assert len(sandbox.requests()) == (each if fault in WAITING else 2 * each)


@pytest.mark.parametrize("fault", QUOTA_FAULTS)
def test_a_trigger_probes_no_more_than_a_sensor(sandbox, monkeypatch, misbehave, fault):
    misbehave(fault)
    now = datetime.now(UTC)
    clock = MovingClock(monkeypatch, now)
    monkeypatch.setattr("airflow_provider.quota.monitor._shared._kept", {})
    waiting = trigger(now + MINUTE, deadline=(now + 150 * MINUTE).isoformat())
    [payload] = asyncio.run(QuickTriggers(monkeypatch, clock).events([waiting]))
    each = 1 if fault in (*ONCE_ONLY, "exhausted", "maintenance") else 2
    assert ("late" if fault in WAITING else "error") in payload
    # At the beginning, after an hour and after two, but for who is told to come in an hour, and comes then.
    assert len(sandbox.requests()) == (3 if fault in WAITING else 1) * each


def test_the_waiting_trigger_probes_nothing(sandbox, monkeypatch):
    leave(sandbox, 1)
    now = datetime.now(UTC)
    clock = MovingClock(monkeypatch, now)
    monkeypatch.setattr("airflow_provider.quota.monitor._shared._kept", {})
    asked: list[int] = []

    class Watched(QuickTriggers):
        async def sleep(self, seconds: float) -> None:
            asked.append(len(sandbox.requests()))
            await super().sleep(seconds)

    [payload] = asyncio.run(Watched(monkeypatch, clock, sandbox).events([trigger(now + 9 * HOUR)]))
    assert "enough" in payload
    assert asked == [0] * 9
    assert len(sandbox.requests()) == 1
