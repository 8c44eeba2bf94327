"""The sensor that waits for one message of Mobadoo's WebSocket."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowSensorTimeout, AirflowSkipException, TaskDeferred

from airflow_provider import clock
from airflow_provider.events import waiters
from airflow_provider.exceptions import InvalidInput
from airflow_provider.mobadoo.sensors import MobadooEventSensor
from airflow_provider.mobadoo.triggers import MobadooWaitTrigger
from tests.events.test_stream import in_loop
from tests.mobadoo.test_event_trigger import MATCH, opened


def deferred(sensor: MobadooEventSensor) -> TaskDeferred:
    with pytest.raises(TaskDeferred) as caught:
        sensor.execute({})
    return caught.value


def waiting(where: dict[str, Any], **time: float) -> MobadooWaitTrigger:
    deadline = clock.now() + timedelta(**(time or {"seconds": 20}))
    return MobadooWaitTrigger(mobadoo_conn_id="mobadoo_default", where=where, deadline=deadline.isoformat())


async def push(sandbox: Any, *messages: Any) -> None:
    for message in messages:
        await asyncio.to_thread(sandbox.control, "POST", "mobadoo/ws/push", {"message": message})


@in_loop
async def test_two_that_wait_share_a_socket_and_each_gets_its_message(sandbox):
    first = asyncio.ensure_future(anext(waiting({"result.id": 7}).run()))
    second = asyncio.ensure_future(anext(waiting({"videogame": "lol", "result.id": 8}).run()))
    await opened(sandbox)
    await push(sandbox, {**MATCH, "result": {"id": 6}}, MATCH)
    assert (await first).payload["found"]["payload"] == MATCH
    assert not second.done()
    await push(sandbox, {**MATCH, "result": {"id": 8}})
    assert (await second).payload["found"]["payload"]["result"] == {"id": 8}
    sent = sandbox.requests("mobadoo")
    assert len([one for one in sent if one["path"] in ("", "/")]) <= 1
    assert waiters._shared[asyncio.get_running_loop()] == {}


@in_loop
async def test_it_gives_up_at_its_deadline(sandbox):
    event = await anext(waiting({"result.id": 7}, seconds=0.3).run())
    assert event.payload == {"late": True}


def test_the_sensor_defers_until_its_timeout_and_returns_what_was_heard(sandbox):
    sensor = MobadooEventSensor(task_id="wait", where={"result.id": 7}, timeout=timedelta(hours=2))
    found = deferred(sensor)
    assert isinstance(found.trigger, MobadooWaitTrigger)
    assert found.timeout == timedelta(hours=2, minutes=1)
    assert sensor.execute_complete({}, {"found": {"payload": MATCH}}) == {"payload": MATCH}


@pytest.mark.parametrize(("soft", "error"), [(False, AirflowSensorTimeout), (True, AirflowSkipException)])
def test_a_message_that_never_comes_ends_the_task(soft, error):
    sensor = MobadooEventSensor(task_id="wait", where={"result.id": 7}, soft_fail=soft)
    with pytest.raises(error, match=r"result\.id"):
        sensor.execute_complete({}, {"late": True})


def test_a_connection_that_cannot_be_used_fails_at_once(set_connection):
    set_connection("mobadoo_default", conn_type="mobadoo", password=None)
    with pytest.raises(InvalidInput):
        MobadooEventSensor(task_id="wait", where={"result.id": 7}).execute({})


def test_a_filter_that_cannot_be_used_is_refused():
    with pytest.raises(InvalidInput):
        MobadooEventSensor(task_id="wait", where={"result": {"id": 7}})
