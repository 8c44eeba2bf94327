"""A WebSocket is read for ever, whatever its server does, and what may have been missed is told."""

from __future__ import annotations

import asyncio
import inspect
import json
import logging
import threading
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import Any

import pytest

from airflow_provider.events import pacing, stream
from airflow_provider.events.decoding import Unusable, decode
from airflow_provider.events.pacing import Pacing
from airflow_provider.events.stream import Limits, Stream, Target
from tests.support.sockets import TOKEN, SocketServer, listening, socket_server


def in_loop(test: Callable[..., Coroutine[Any, Any, None]]) -> Any:
    """Run an asynchronous test."""

    def run(*arguments: Any, **named: Any) -> None:
        asyncio.run(asyncio.wait_for(test(*arguments, **named), 50))

    run.__name__ = test.__name__
    run.__signature__ = inspect.signature(test)  # type: ignore[attr-defined]
    return run


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reconnects are soon; how soon is tested with :class:`Pacing` itself."""
    monkeypatch.setattr(stream, "Pacing", lambda per_minute: Pacing(1000, first=0.01, longest=0.05))
    monkeypatch.setattr(pacing, "REFUSED_WAIT", 0.05)


def stream_of(server: SocketServer, **limits: Any) -> Stream:
    return Stream("test", server.target, limits=Limits(**limits))


@in_loop
async def test_messages_come_in_order_after_a_gap_that_has_no_beginning():
    async with socket_server() as server, listening(stream_of(server)) as heard:
        await heard.until(lambda: bool(server.open))
        await server.push(*({"number": number} for number in range(100)))
        await heard.until(lambda: len(heard.bodies) == 100)
        assert [body["number"] for body in heard.bodies] == [*range(100)]
        [gap] = heard.gaps
        assert heard.items[0] == gap
        assert gap.since is None


@in_loop
async def test_what_is_to_be_sent_is_sent_when_the_socket_opens():
    async with socket_server() as server:

        async def target() -> Target:
            return Target(
                url=server.url,
                headers={"Authorization": f"Bearer {TOKEN}"},
                on_connect=[{"subscribe": "lol"}, "plain"],
            )

        async with listening(Stream("test", target)) as heard:
            await heard.until(lambda: len(server.received) == 2)
    assert server.received == ['{"subscribe": "lol"}', "plain"]


@in_loop
async def test_a_lost_socket_is_opened_again_and_the_gap_begins_with_the_last_message():
    async with socket_server() as server, listening(stream_of(server)) as heard:
        await heard.until(lambda: bool(server.open))
        await server.push({"number": 1})
        await heard.until(lambda: len(heard.bodies) == 1)
        await server.abort()
        await heard.until(lambda: len(heard.gaps) == 2)
        gap = heard.gaps[1]
        assert gap.since is not None
        assert heard.items[1].at <= gap.since <= gap.until
        await server.push({"number": 2})
        await heard.until(lambda: len(heard.bodies) == 2)


@in_loop
async def test_the_first_gap_begins_where_an_earlier_process_stopped():
    since = datetime(2026, 1, 1, tzinfo=UTC)
    async with socket_server() as server, listening(Stream("test", server.target, since=since)) as heard:
        await heard.until(lambda: bool(heard.gaps))
        assert heard.gaps[0].since == since


BAD = {
    "binary": b"\x00\x01",
    "not JSON": "this is not JSON {",
    "NaN": '{"odds": NaN}',
    "a number": "7",
    "a text": '"text"',
    "too large": json.dumps({"padding": "x" * 10_000}),
    "ten megabytes": json.dumps({"padding": "x" * 10_000_000}),
    "too deep": "[" * 500 + "]" * 500,
    "far too deep": "[" * 100_000 + "]" * 100_000,
}


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
@in_loop
async def test_a_bad_message_is_passed_over_and_the_socket_stays_open(bad):
    async with socket_server() as server, listening(stream_of(server, largest=9_000)) as heard:
        await heard.until(lambda: bool(server.open))
        await server.push({"number": 1}, bad, {"number": 2})
        await heard.until(lambda: len(heard.bodies) == 2)
        assert len(server.requests) == len(heard.gaps) == 1


@in_loop
async def test_the_log_of_bad_messages_has_nothing_of_them_and_is_short(caplog):
    async with socket_server() as server, listening(stream_of(server)) as heard:
        await heard.until(lambda: bool(server.open))
        await server.push(*["secret words {"] * 50, {"number": 2})
        await heard.until(lambda: len(heard.bodies) == 1)
    lines = [line for line in caplog.messages if "passed over" in line]
    assert len(lines) == 1
    assert "words" not in caplog.text


@in_loop
async def test_a_message_above_the_hard_limit_costs_the_socket_and_a_gap():
    async with socket_server() as server, listening(stream_of(server)) as heard:
        await heard.until(lambda: bool(server.open))
        await server.push(json.dumps({"padding": "x" * (stream.HARD_LIMIT + 1)}))
        await heard.until(lambda: len(heard.gaps) == 2)
        await server.push({"number": 1})
        await heard.until(lambda: len(heard.bodies) == 1)


@in_loop
async def test_a_long_message_is_decoded_beside_the_loop_and_in_its_turn(monkeypatch):
    threads: dict[int, bool] = {}

    def noted(text: str) -> Any:
        threads[len(text)] = threading.current_thread() is threading.main_thread()
        return decode(text)

    monkeypatch.setattr(stream, "decode", noted)
    messages = [{"n": 1}, {"n": 2, "x": "y" * 500_000}, {"n": 3}]
    async with socket_server() as server, listening(stream_of(server)) as found:
        await found.until(lambda: len(server.open) == 1)
        await server.push(*messages)
        await found.until(lambda: len(found.bodies) == 3)
    assert found.bodies == messages
    assert [on_loop for _, on_loop in sorted(threads.items())] == [True, False]


@in_loop
async def test_ten_thousand_messages_at_once_arrive_and_do_not_hold_up_the_loop():
    async with socket_server() as server, listening(stream_of(server)) as heard:
        await heard.until(lambda: bool(server.open))
        await server.push(*({"number": number} for number in range(10_000)))
        turns = 0
        while len(heard.bodies) < 10_000:
            await asyncio.sleep(0)
            turns += bool(heard.bodies)
        assert [body["number"] for body in heard.bodies] == [*range(10_000)]
        assert turns > 10_000 / stream.TURN / 2


@pytest.mark.parametrize("says", [0, 1], ids=["silent", "after a message"])
@in_loop
async def test_a_server_that_closes_at_once_for_ever_is_not_asked_more_often_than_allowed(monkeypatch, says):
    begun: list[float] = []
    opened: list[int] = []

    class Noted(Pacing):
        def begin(self, now: float) -> None:
            begun.append(now)
            super().begin(now)

    monkeypatch.setattr(pacing, "MINUTE", 0.5)
    monkeypatch.setattr(stream, "Pacing", lambda per_minute: Noted(per_minute, first=0.001, longest=0.002))

    async def close(socket: Any, number: int) -> None:
        opened.append(number)
        for _ in range(says):
            await socket.send_str("{}")
        await socket.close()

    async with socket_server(close) as server, listening(stream_of(server, opens_per_minute=5)) as heard:
        await heard.until(lambda: len(opened) >= 16)
        # Each opening is a gap: those who listen hear of it.
        await heard.until(lambda: len(heard.gaps) >= 16)
    # By the clock of the stream itself: a busy machine serves one late and the next in time. An event loop
    # may wake a hair too soon.
    assert all(later - sooner > 0.499 for sooner, later in zip(begun, begun[5:], strict=False))
    assert len(opened) <= len(begun)


@pytest.mark.parametrize("part", [b"\x81", b"\x81\x7e\x10", b'\x81\x7e\x10\x00{"number": 1'])
@in_loop
async def test_a_message_that_breaks_off_in_the_middle_is_not_told_and_there_is_a_gap(part):
    async def drop(socket: Any, number: int) -> None:
        if number == 1:
            await socket.send_str('{"number": 0}')
            transport = socket._req.transport
            transport.write(part)
            await asyncio.sleep(0.05)
            transport.abort()

    async with socket_server(drop) as server, listening(stream_of(server)) as heard:
        await heard.until(lambda: len(heard.gaps) == 2 and len(server.open) == 1)
        await server.push({"number": 2})
        await heard.until(lambda: len(heard.bodies) >= 2)
        assert [body["number"] for body in heard.bodies] == [0, 2]


@in_loop
async def test_a_server_that_never_answers_a_ping_is_left():
    async def hang(socket: Any, number: int) -> None:
        await asyncio.sleep(20 if number == 1 else 0)

    async with (
        socket_server(hang, pongs=False) as server,
        listening(stream_of(server, heartbeat=0.2)) as heard,
    ):
        await heard.until(lambda: len(heard.gaps) >= 2)


@in_loop
async def test_a_socket_without_messages_is_opened_again_after_the_idle_time():
    async with socket_server() as server, listening(stream_of(server, idle=0.1)) as heard:
        await heard.until(lambda: len(heard.gaps) >= 3)


@in_loop
async def test_refused_credentials_are_an_error_that_says_where_to_look_and_new_ones_are_picked_up(caplog):
    async with socket_server(tokens={"new"}) as server:
        token = TOKEN

        async def target() -> Target:
            return Target(url=server.url, query={"token": token})

        async with listening(Stream("test", target)) as heard:
            await heard.until(lambda: len(server.requests) >= 3)
            assert not heard.items
            token = "new"
            await heard.until(lambda: bool(heard.gaps))
    error = next(record for record in caplog.records if record.levelno == logging.ERROR)
    assert "Check the connection;" in error.getMessage()
    assert TOKEN not in caplog.text


@in_loop
async def test_a_handshake_that_is_redirected_takes_the_token_nowhere():
    async with socket_server() as other, socket_server(location=None) as server:
        server.location = other.url.replace("ws:", "http:")
        async with listening(stream_of(server)) as heard:
            await heard.until(lambda: len(server.requests) >= 2)
    assert other.requests == []


@pytest.mark.parametrize("error", [OSError("down: token-4711"), RuntimeError("backend: token-4711")])
@in_loop
async def test_a_connection_that_cannot_be_read_is_tried_again(error, caplog):
    async with socket_server() as server:
        fails = 2

        async def target() -> Target:
            nonlocal fails
            fails -= 1
            if fails >= 0:
                raise error
            return await server.target()

        async with listening(Stream("test", target)) as heard:
            await heard.until(lambda: bool(heard.gaps))
    assert "token-4711" not in caplog.text


@in_loop
async def test_no_log_has_the_token_when_the_server_cannot_be_reached(caplog):
    caplog.set_level(logging.DEBUG)
    async with socket_server(status=500, tokens=set()) as server, listening(stream_of(server)) as heard:
        await heard.until(lambda: len(server.requests) >= 2)
    server.url = "ws://127.0.0.1:1/"
    async with listening(stream_of(server)) as heard:
        await heard.until(lambda: caplog.text.count("not open") >= 4)
    mine = [record for record in caplog.records if record.name.startswith("airflow_provider")]
    assert mine
    assert not any(TOKEN in record.getMessage() for record in mine)
    assert TOKEN not in repr(await server.target())


def test_the_attempts_of_a_minute_are_bounded_whatever_the_server_does():
    pace, now, attempts = Pacing(10), 0.0, []
    while now < 600:
        now += pace.wait(now)
        attempts.append(now)
        pace.begin(now)
        pace.worked()
        pace.failed()
    for begin in attempts:
        assert sum(begin <= one < begin + 59.9 for one in attempts) <= 10


def test_attempts_become_rarer_while_the_credentials_are_refused(monkeypatch):
    monkeypatch.setattr(pacing, "REFUSED_WAIT", 30.0)
    pace = Pacing(10)
    waits = []
    for _ in range(6):
        pace.failed(refused=True)
        waits.append(pace.wait(0.0))
    assert waits[0] <= 1
    assert waits[1] >= 15
    assert waits[-1] >= 150


def test_numbers_and_texts_that_airflow_cannot_hand_on_are_made_fit():
    assert decode('{"a": 1e400, "b": 18446744073709551616, "c": "\\ud800\\u0000é", "d": 1.5, "e": 7}') == {
        "a": "1e400",
        "b": "18446744073709551616",
        "c": "??é",
        "d": 1.5,
        "e": 7,
    }


@pytest.mark.parametrize("text", ["", "NaN", "nul", "7", "true", "null", '"text"', '{"a": Infinity}'])
def test_what_is_no_object_and_no_list_cannot_be_used(text):
    with pytest.raises(Unusable):
        decode(text)
