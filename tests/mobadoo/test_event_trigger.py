"""Mobadoo's WebSocket against the simulated one: what watchers are told, and what nobody sees."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from airflow_provider.events import stream
from airflow_provider.events.pacing import Pacing
from airflow_provider.exceptions import InvalidInput
from airflow_provider.mobadoo.triggers import MobadooEventTrigger
from tests.events.test_stream import in_loop
from tests.support.sandbox import SandboxProcess

MATCH = {"message": "MODEL_CHANGED", "entity": "Match", "videogame": "lol", "result": {"id": 7}}
TICKET = {"type": "TICKET_CHANGED", "ticket": {"id": 1, "state": "RESOLVED", "hash": "session-of-a-player"}}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "Pacing", lambda per_minute: Pacing(1000, first=0.05, longest=0.2))


class Watching:
    """A trigger that has the sandbox's socket for itself, and what it tells."""

    def __init__(self, sandbox: SandboxProcess, trigger: MobadooEventTrigger) -> None:
        self.sandbox = sandbox
        self.events: list[dict[str, Any]] = []
        self.task = asyncio.create_task(self._run(trigger))

    async def _run(self, trigger: MobadooEventTrigger) -> None:
        async with contextlib.aclosing(trigger.run()) as events:  # type: ignore[type-var]
            async for event in events:
                self.events.append(event.payload)

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(60):
            while not holds():
                assert not self.task.done(), self.task
                await asyncio.sleep(0.02)

    async def push(self, *messages: Any) -> None:
        for message in messages:
            await asyncio.to_thread(self.sandbox.control, "POST", "mobadoo/ws/push", {"message": message})

    @property
    def payloads(self) -> list[Any]:
        return [event["payload"] for event in self.events if event["payload"] is not None]

    @property
    def gaps(self) -> list[Any]:
        return [event["gap"] for event in self.events if event["gap"] is not None]


@contextlib.asynccontextmanager
async def watching(sandbox: SandboxProcess, **values: Any) -> AsyncIterator[Watching]:
    found = Watching(sandbox, MobadooEventTrigger(**values))
    try:
        yield found
    finally:
        found.task.cancel()
        await asyncio.gather(found.task, return_exceptions=True)


@in_loop
async def test_an_event_has_the_shape_of_the_webhooks_and_not_the_players_session(sandbox, caplog):
    async with watching(sandbox) as watched:
        await watched.until(lambda: len(watched.gaps) == 1)
        await watched.push(MATCH, TICKET)
        await watched.until(lambda: len(watched.payloads) == 2)
    gap, match, ticket = watched.events
    assert (gap["family"], gap["gap"]["since"]) == ("DESYNC", None)
    assert {name: match[name] for name in match if name not in ("delivery", "received_at")} == {
        "vendor": "mobadoo",
        "conn_id": "mobadoo_default",
        "source": "websocket",
        "family": "MODEL_CHANGED",
        "entity": "match",
        "videogame": "lol",
        "payload": MATCH,
        "payload_truncated": False,
        "gap": None,
    }
    assert ticket["family"] == "TICKET_CHANGED"
    assert "session-of-a-player" not in json.dumps(watched.events) + caplog.text


@pytest.mark.parametrize(
    ("where", "heard"),
    [
        ({"videogame": "lol"}, 1),
        ({"videogame": ["lol", "cs-go"], "entity": "Match"}, 1),
        ({"result.id": 8}, 0),
        ({"ticket.state": "RESOLVED"}, 1),
        ({}, 2),
    ],
)
@in_loop
async def test_a_watcher_is_told_what_it_wants(sandbox, where, heard):
    async with watching(sandbox, where=where, tells="messages") as watched:
        await opened(sandbox)
        await watched.push(MATCH, TICKET, {**MATCH, "videogame": "end", "entity": "End", "result": {"id": 9}})
        await asyncio.sleep(0.5)
        assert len([one for one in watched.payloads if one.get("entity") != "End"]) == heard


async def opened(sandbox: SandboxProcess, sockets: int = 1) -> None:
    async with asyncio.timeout(60):
        while True:
            state = await asyncio.to_thread(sandbox.control, "GET", "mobadoo/ws")
            if state["open"] >= sockets:
                return
            await asyncio.sleep(0.05)


@in_loop
async def test_the_same_message_twice_is_told_once_and_one_that_came_back_twice(sandbox):
    other = {**MATCH, "result": {"id": 7, "odds": 2}}
    async with watching(sandbox) as watched:
        await watched.until(lambda: len(watched.gaps) == 1)
        await watched.push(MATCH, MATCH, other, MATCH)
        await watched.until(lambda: len(watched.payloads) >= 3)
        await asyncio.sleep(0.2)
        assert watched.payloads == [MATCH, other, MATCH]


@in_loop
async def test_after_a_gap_the_same_message_is_news(sandbox):
    async with watching(sandbox) as watched:
        await watched.until(lambda: len(watched.gaps) == 1)
        await watched.push(MATCH)
        await watched.until(lambda: len(watched.payloads) == 1)
        await asyncio.to_thread(sandbox.control, "POST", "mobadoo/ws/close", {"abort": True})
        await watched.until(lambda: len(watched.gaps) == 2)
        await watched.push(MATCH)
        await watched.until(lambda: len(watched.payloads) == 2)
    assert watched.gaps[1]["since"] is not None


@in_loop
async def test_one_who_wants_the_gaps_alone_hears_of_a_notice_of_desynchronisation_too(
    sandbox, set_connection
):
    set_connection("mobadoo_default", extra={"desync_match": {"message": "DESYNC"}})
    async with watching(sandbox, tells="gaps") as watched:
        await watched.until(lambda: len(watched.gaps) == 1)
        await watched.push(MATCH, {"message": "DESYNC"})
        await watched.until(lambda: len(watched.events) == 2)
        assert watched.payloads == [{"message": "DESYNC"}]


@pytest.mark.parametrize(
    "fault",
    [
        {"ws_payload": "not json"},
        {"ws_payload": "huge"},
        {"ws_frames": "binary"},
        {"ws_drop_at": 1},
        {"ws_mode": "close"},
    ],
    ids=lambda fault: "-".join(fault) + "-" + str(*fault.values()),
)
@in_loop
async def test_whatever_the_server_does_the_trigger_goes_on(sandbox, fault):
    async with watching(sandbox) as watched:
        await watched.until(lambda: len(watched.gaps) == 1)
        await asyncio.to_thread(sandbox.switch, {f"mobadoo.{name}": value for name, value in fault.items()})
        await watched.push(MATCH)
        await asyncio.to_thread(sandbox.control, "POST", "mobadoo/ws/close", {"code": 1001})
        await asyncio.sleep(0.5)
        usual = {"ws_payload": "json", "ws_frames": "text", "ws_drop_at": 0, "ws_mode": "push"}
        await asyncio.to_thread(sandbox.switch, {f"mobadoo.{name}": value for name, value in usual.items()})
        before = len(watched.gaps)
        await asyncio.to_thread(sandbox.control, "POST", "mobadoo/ws/close", {"abort": True})
        await watched.until(lambda: len(watched.gaps) > before)
        await opened(sandbox)
        await watched.push(MATCH)
        await watched.until(lambda: watched.payloads[-1:] == [MATCH])


@pytest.mark.parametrize("refusal", [0, 4401])
@in_loop
async def test_a_wrong_token_is_an_error_without_it_and_the_right_one_is_picked_up(
    sandbox, set_connection, caplog, refusal
):
    await asyncio.to_thread(sandbox.switch, {"mobadoo.ws_refusal_code": refusal})
    right = json.loads(sandbox.connections["AIRFLOW_CONN_MOBADOO_DEFAULT"])["password"]
    set_connection("mobadoo_default", password="a-wrong-token")
    async with watching(sandbox) as watched:
        await watched.until(lambda: "does not accept" in caplog.text)
        set_connection("mobadoo_default", password=right)
        await asyncio.sleep(0)
        await watched.until(lambda: bool(watched.gaps))
    errors = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert errors
    assert "a-wrong-token" not in caplog.text
    assert right not in caplog.text


@in_loop
async def test_the_token_can_be_in_a_header_and_messages_are_sent_first(sandbox, set_connection):
    await asyncio.to_thread(
        sandbox.switch, {"mobadoo.ws_auth_mode": "header", "mobadoo.ws_mode": "subscribe"}
    )
    set_connection("mobadoo_default", extra={"ws_query": "false", "ws_on_connect": [{"subscribe": "lol"}]})
    async with watching(sandbox) as watched:
        await watched.until(lambda: len(watched.gaps) == 1)
        await asyncio.sleep(0.3)
        await watched.push(MATCH)
        await watched.until(lambda: watched.payloads == [MATCH])


def test_triggers_of_a_connection_share_a_socket_whatever_they_want():
    key = MobadooEventTrigger().shared_stream_key()
    assert MobadooEventTrigger(where={"videogame": "lol"}, tells="gaps").shared_stream_key() == key
    assert MobadooEventTrigger("other").shared_stream_key() != key
    assert MobadooEventTrigger(latest_by="result.id").shared_stream_key() != key


def test_what_is_text_where_something_else_belongs_is_refused():
    with pytest.raises(InvalidInput, match="it must be a dict"):
        MobadooEventTrigger(where="lol")  # type: ignore[arg-type]


def test_an_empty_connection_is_refused():
    with pytest.raises(InvalidInput):
        MobadooEventTrigger(" ")
