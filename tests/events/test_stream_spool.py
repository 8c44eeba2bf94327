"""What a socket has told reaches the watchers at least once, whatever happens to the triggerer or the database.

The streams are driven by Airflow's own manager of shared streams.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from datetime import timedelta
from typing import Any

import pytest

from airflow_provider import clock
from airflow_provider.events import spool, spooling, stream
from airflow_provider.events.pacing import Pacing
from airflow_provider.events.triggers import WebSocketEventTrigger
from airflow_provider.exceptions import InvalidInput, StoreUnavailable
from airflow_provider.store.engine import Database
from tests.events.test_stream import in_loop
from tests.support.postgres import MISSING, postgres
from tests.support.quota import MovingClock
from tests.support.sockets import TOKEN, SocketServer, socket_server
from tests.support.spooled import Triggerer, heard_at, spooled, spooled_by_owner, triggerer

pytest.importorskip("airflow.triggers.shared_stream", reason="Airflow 3.2 has no shared streams")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch, database: Database) -> None:
    async def opened() -> Database:
        return Database(database.url, shared=database.shared)

    monkeypatch.setattr("airflow_provider.store.location.aconfigured", opened)
    monkeypatch.setattr(stream, "Pacing", lambda per_minute: Pacing(1000, first=0.01, longest=0.05))
    monkeypatch.setattr(
        spooling.SpooledStream.__init__,
        "__kwdefaults__",
        {
            **(spooling.SpooledStream.__init__.__kwdefaults__ or {}),
            "gathering": 0.1,
        },
    )
    monkeypatch.setattr(spooling, "KEEP", 0.1)
    monkeypatch.setattr(spooling, "TOLD_AGAIN", 0.3)
    monkeypatch.setattr(spooling, "FIRST_PAUSE", 0.05)
    monkeypatch.setattr(spooling, "LONGEST_PAUSE", 0.1)


@pytest.fixture
def watch(set_connection: Any) -> Any:
    """A function that makes a trigger on a server."""

    def made(server: SocketServer, **values: Any) -> WebSocketEventTrigger:
        set_connection("feed", conn_type="http", host=server.url, password=TOKEN)
        return WebSocketEventTrigger("feed", **values)

    return made


def numbers(count: int, first: int = 0) -> list[dict[str, Any]]:
    return [{"number": number, "game": "lol" if number % 2 else "csgo"} for number in range(first, count)]


async def connected(server: SocketServer, running: Triggerer, sockets: int = 1) -> None:
    await running.until(lambda: len(server.open) == sockets)


@in_loop
async def test_two_watchers_share_a_socket_and_each_gets_what_it_wants(database, watch):
    async with socket_server() as server, triggerer() as running:
        running.start(watch(server, where={"game": "lol"}), watch(server), watch(server, tells="gaps"))
        await connected(server, running)
        await server.push(*numbers(10))
        # Each watcher is a task of its own: that one has heard the last says nothing of the others. All have
        # dealt with a message once it is no longer in the spool.
        await running.until(lambda: len(running.payloads(1)) == 10 and spooled(database) == 0)
        assert running.payloads(0) == [one for one in numbers(10) if one["game"] == "lol"]
        assert running.payloads(1) == numbers(10)
        assert running.payloads(2) == []
        assert [len(running.gaps(number)) for number in range(3)] == [1, 1, 1]
        assert len(server.requests) == 1


@in_loop
async def test_more_than_the_queues_hold_arrives_in_order_and_nothing_is_lost(database, watch):
    async with socket_server() as server, triggerer() as running:
        running.start(watch(server), watch(server, where={"game": "lol"}))
        await connected(server, running)
        await server.push(*numbers(3000))
        await running.until(lambda: len(running.payloads()) == 3000)
        assert running.payloads() == numbers(3000)
        assert len({event["delivery"] for event in running.told[0]}) == 3001


@in_loop
async def test_what_a_killed_triggerer_has_received_is_told_by_the_next_with_the_same_id(
    database, watch, monkeypatch
):
    async with socket_server() as server:
        first = Triggerer()
        first.confirms = False
        first.start(watch(server))
        await connected(server, first)
        await server.push(*numbers(50))
        await first.until(lambda: spooled(database) == 51)
        stored = sorted(one.event["delivery"] for one in events_of(database))
        await first.until(lambda: bool(heard_at(database)))
        await first.kill(monkeypatch)
        monkeypatch.setattr(spool, "is_gone", lambda owner: True)
        async with triggerer() as second:
            second.start(watch(server))
            await second.until(lambda: len(second.payloads()) == 50 and len(second.gaps()) == 2)
            assert second.payloads() == numbers(50)
            assert sorted(event["delivery"] for event in second.told[0][:51]) == stored
            assert second.gaps()[0]["since"] is None
            assert second.gaps()[1]["since"] is not None


def events_of(database: Database) -> list[spool.Spooled]:
    import sqlalchemy as sa

    from airflow_provider.store.tables import spool as table

    with database.read() as connection:
        rows = connection.execute(sa.select(table).order_by(table.c.id)).all()
    return [spool.Spooled(row.id, json.loads(row.event), 0) for row in rows]


@in_loop
async def test_of_two_triggerers_the_one_that_lives_tells_what_the_other_has_left(
    database, watch, monkeypatch
):
    now = clock.now
    monkeypatch.setattr(spool, "is_gone", lambda owner: False)
    async with socket_server() as server, triggerer() as living:
        living.start(watch(server))
        await connected(server, living)
        dying = Triggerer()
        dying.confirms = False
        dying.start(watch(server))
        await connected(server, living, sockets=2)
        await server.push(*numbers(20))
        # All that is left is that of the one that confirms nothing: 20 messages and its gap.
        await living.until(lambda: len(living.payloads()) == 20 and spooled_by_owner(database) == [21])
        await dying.kill(monkeypatch)
        await asyncio.sleep(0.3)
        assert len(living.payloads()) == 20
        # The one that lives renews its lease before it looks at those of others.
        monkeypatch.setattr(clock, "now", lambda: now() + timedelta(seconds=spool.LEASE + 1))
        await living.until(lambda: len(living.payloads()) == 40)
        assert living.payloads()[20:] == numbers(20)
        assert len(living.gaps()) == 3


def listener(database: Database) -> spool.Spool:
    """Return a listener of one stream, as on a machine of its own."""
    return spool.Spool(database, "s" * 32, "feed")


def test_what_a_machine_has_left_is_told_on_all_others_whichever_has_its_triggers_now(database, monkeypatch):
    monkeypatch.setattr(spool, "is_gone", lambda owner: False)
    moment = MovingClock(monkeypatch, clock.now())
    gone, one, other = (listener(database) for _ in range(3))
    for each in (gone, one, other):
        each.begin()
    gone.add([spool.Waiting({"n": number}, 1.0) for number in range(3)])
    moment.advance(spool.LEASE - 1)
    one.keep(1.0)
    other.keep(1.0)
    moment.advance(2)
    assert one.keep(2.0) == [None]
    assert other.keep(2.0) == []
    for each in (one, other):
        assert [found.event["n"] for found in each.load(0, 10)] == [0, 1, 2]
    one.delete([found.id for found in one.load(0, 10)])
    assert other.count() == 3


def test_what_was_stored_after_its_listener_had_ended_is_told_by_the_next(database):
    """A thread that waits for a busy database goes on when its triggerer is told to stop."""
    late, second = listener(database), listener(database)
    late.begin()
    late.end(1.0)
    second.begin()
    late.add([spool.Waiting({"n": 1}, 1.0)])
    third = listener(database)
    third.begin()
    assert [found.event["n"] for found in third.load(0, 10)] == [1]


def test_a_gap_after_a_takeover_is_told_on_all_machines(database, monkeypatch):
    one, other = listener(database), listener(database)
    one.begin()
    other.begin()
    one.add([spool.Waiting({"gap": 1}, 1.0, for_all=True), spool.Waiting({"gap": 2}, 1.0)])
    assert [found.event["gap"] for found in one.load(0, 10)] == [1, 2]
    assert [found.event["gap"] for found in other.load(0, 10)] == [1]


def test_the_gap_of_one_that_begins_is_not_hidden_by_what_another_has_heard_meanwhile(database, monkeypatch):
    monkeypatch.setattr(spool, "is_gone", lambda owner: False)
    gone, living = listener(database), listener(database)
    gone.begin()
    living.begin()
    gone.keep(100.0)
    living.keep(160.0)
    assert listener(database).begin() == 100.0


def test_a_listener_counts_as_alive_until_airflow_has_moved_its_triggers(monkeypatch):
    monkeypatch.setenv("AIRFLOW__TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD", "120")
    assert spooling._lease() == 240
    monkeypatch.setenv("AIRFLOW__TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD", "10")
    assert spooling._lease() == spool.LEASE


@in_loop
async def test_a_triggerer_that_ends_leaves_what_is_not_confirmed_and_says_until_when_it_heard(
    database, watch
):
    async with socket_server() as server:
        first = Triggerer()
        first.confirms = False
        first.start(watch(server))
        await connected(server, first)
        await server.push(*numbers(5))
        await first.until(lambda: spooled(database) == 6)
        await first.stop()
        async with triggerer() as second:
            second.start(watch(server))
            await second.until(lambda: len(second.payloads()) == 5)


@in_loop
async def test_what_a_trigger_fails_at_is_told_again(database, watch):
    async with socket_server() as server, triggerer() as running:
        running.confirms = False
        running.start(watch(server))
        await connected(server, running)
        await server.push(*numbers(3))
        await running.until(lambda: spooled(database) == 4 and running.seen >= 4)
        running.confirms = True
        await running.manager.unsubscribe(0, watch(server).shared_stream_key())
        running.start(watch(server))
        await running.until(lambda: len(running.payloads(1)) == 3)


@in_loop
async def test_a_message_that_is_never_taken_is_told_as_a_gap_that_has_it_inside(
    database, watch, monkeypatch
):
    from airflow.triggers.shared_stream import AdvanceItem, AdvanceOutcome

    monkeypatch.setattr(spooling, "MOST_TOLD", 2)
    async with socket_server() as server:
        trigger = watch(server)
        producer = trigger.create_shared_stream_producer(trigger.serialize()[1])
        async with contextlib.aclosing(producer.open_stream()) as told, asyncio.timeout(60):
            gap, first = await anext(told)
            await producer.advance([AdvanceItem(first, AdvanceOutcome(acked=1, failed=0, rejected=0))])
            await server.push({"number": 1})
            for _ in range(2):
                message, row = await anext(told)
                assert message["payload"] == {"number": 1}
                await producer.advance([AdvanceItem(row, AdvanceOutcome(acked=0, failed=1, rejected=0))])
            event, _ = await anext(told)
        await producer.aclose()
    assert event["gap"]["since"] <= message["received_at"] <= event["gap"]["until"]
    assert event["gap"]["since"] >= gap["gap"]["until"]
    assert spooled(database) == 1


@in_loop
async def test_while_the_database_is_away_messages_wait_and_none_is_lost(
    database, watch, monkeypatch, caplog
):
    away, failed = False, 0
    add = spool.Spool.add

    def failing(self: Any, *arguments: Any) -> None:
        nonlocal failed
        if away:
            failed += 1
            raise StoreUnavailable("the ledger cannot be used: away")
        add(self, *arguments)

    monkeypatch.setattr(spool.Spool, "add", failing)
    async with socket_server() as server, triggerer() as running:
        running.start(watch(server))
        await connected(server, running)
        await running.until(lambda: len(running.gaps()) == 1)
        away = True
        await server.push(*numbers(500))
        await running.until(lambda: failed >= 2)
        assert running.payloads() == []
        away = False
        await running.until(lambda: len(running.payloads()) == 500)
        assert running.payloads() == numbers(500)
        assert len(running.gaps()) == 1
    assert "nothing is lost" in caplog.text


@in_loop
async def test_when_the_database_is_away_for_long_the_socket_is_not_read_and_a_gap_is_told(
    database, watch, monkeypatch
):
    monkeypatch.setattr(spooling, "BUFFER", 50)
    away = True
    add, is_full, full = spool.Spool.add, spooling.SpooledStream._is_full, []

    def noticed(self: Any) -> bool:
        if found := is_full(self):
            full.append(True)
        return found

    monkeypatch.setattr(spooling.SpooledStream, "_is_full", noticed)

    def failing(self: Any, *arguments: Any) -> None:
        if away:
            raise StoreUnavailable("the ledger cannot be used: away")
        add(self, *arguments)

    monkeypatch.setattr(spool.Spool, "add", failing)
    async with socket_server() as server, triggerer() as running:
        running.start(watch(server))
        await connected(server, running)
        # More than the buffers of two sockets hold.
        long = ({"number": n, "x": "y" * 20_000} for n in range(2000))
        pushing = asyncio.create_task(server.push(*long))
        await running.until(lambda: bool(full))
        assert not pushing.done()
        await server.abort()
        await asyncio.gather(pushing, return_exceptions=True)
        away = False
        await running.until(lambda: len(running.gaps()) == 2)
        heard = [event for event in running.told[0] if event["gap"] is None]
        assert [event["payload"]["number"] for event in heard] == [*range(len(heard))]
        assert 50 <= len(heard) < 2000
        gap = running.gaps()[1]
        assert heard[-1]["received_at"] <= gap["since"] <= gap["until"]


@pytest.mark.skipif(bool(MISSING), reason=MISSING)
@in_loop
async def test_a_postgres_that_is_stopped_while_messages_come_loses_none(watch, monkeypatch, caplog):
    with postgres() as server:

        async def opened() -> Database:
            database = Database(server.url, shared=True)
            await asyncio.to_thread(database.prepare)
            return database

        monkeypatch.setattr("airflow_provider.store.location.aconfigured", opened)
        async with socket_server() as socket, triggerer() as running:
            running.start(watch(socket))
            await connected(socket, running)
            await socket.push(*numbers(100))
            # In the middle of what is stored, told and removed.
            await running.until(lambda: len(running.payloads()) >= 10)
            await asyncio.to_thread(server.stop)
            await socket.push(*numbers(400, first=100))
            await running.until(lambda: "nothing is lost" in caplog.text)
            await asyncio.sleep(0.5)
            await asyncio.to_thread(server.start)
            await running.until(lambda: running.payloads()[-1:] == numbers(400, first=399))
            count = "SELECT count(*) FROM vendor_apis_spool"
            await running.until(lambda: server.execute(count) == [(0,)])
            assert running.payloads() == numbers(400)
            assert len(running.gaps()) == 1


@in_loop
async def test_only_the_newest_of_a_thing_is_told_where_that_is_wanted(database, watch, monkeypatch):
    monkeypatch.setattr(spooling, "WINDOW", 0)
    async with socket_server() as server, triggerer() as running:
        running.start(watch(server, latest_by="id"))
        await connected(server, running)
        await server.push(*({"id": n % 3, "odds": n} for n in range(300)), {"other": 1})
        # A gap, three things, and what has no id.
        await running.until(lambda: spooled(database) == 5)
        monkeypatch.setattr(spooling, "WINDOW", 256)
        await running.until(lambda: len(running.payloads()) == 4)
        assert running.payloads() == [*({"id": n % 3, "odds": n} for n in (297, 298, 299)), {"other": 1}]


@in_loop
async def test_a_payload_that_is_too_long_for_an_event_is_left_out_after_the_filter(database, watch):
    async with socket_server() as server, triggerer() as running:
        running.start(watch(server, where={"game": "lol"}))
        await connected(server, running)
        await server.push(
            {"game": "lol", "padding": "x" * 100_000}, {"game": "csgo", "padding": "x" * 100_000}
        )
        await running.until(lambda: len(running.told[0]) == 2)
        event = running.told[0][1]
        assert (event["payload"], event["payload_truncated"]) == (None, True)


@in_loop
async def test_the_secret_is_nowhere_even_if_the_server_sends_it_back(database, watch, caplog):
    caplog.set_level(logging.DEBUG)
    async with socket_server() as server, triggerer() as running:
        trigger = watch(server)
        running.start(trigger)
        await connected(server, running)
        await server.push({"welcome": f"hello {TOKEN}", TOKEN: [TOKEN]})
        await running.until(lambda: len(running.payloads()) == 1)
        assert running.payloads() == [{"welcome": "hello ***", "***": ["***"]}]
        stored = json.dumps([one.event for one in events_of(database)])
        kept = repr(trigger) + str(trigger.serialize()) + str(trigger.shared_stream_key()) + stored
    assert TOKEN not in kept
    mine = [record.getMessage() for record in caplog.records if record.name.startswith("airflow_provider")]
    assert not any(TOKEN in line for line in mine)


@in_loop
async def test_the_token_can_be_sent_in_a_message_and_a_rotated_one_is_used_at_the_next_opening(
    database, set_connection
):
    async with socket_server(tokens={""}) as server, triggerer() as running:
        set_connection("feed", conn_type="http", host=server.url, password="first-token")
        trigger = WebSocketEventTrigger("feed", auth="message", on_connect=[{"auth": "{secret}"}])
        running.start(trigger)
        await running.until(lambda: len(server.received) == 1)
        set_connection("feed", password="second-token")
        await server.abort()
        await running.until(lambda: len(server.received) == 2)
        assert server.received == ['{"auth": "first-token"}', '{"auth": "second-token"}']


@in_loop
async def test_without_shared_streams_a_trigger_has_a_socket_of_its_own(database, watch):
    async with socket_server() as server:
        trigger = watch(server, where={"game": "lol"})
        events = trigger.run()
        first = asyncio.create_task(anext(events))
        while not server.open:
            await asyncio.sleep(0.01)
        assert (await first).payload["gap"]["since"] is None
        await server.push(*numbers(4))
        found = [(await anext(events)).payload["payload"] for _ in range(2)]
        assert found == [one for one in numbers(4) if one["game"] == "lol"]
        await events.aclose()
        assert spooled(database) == 0


@pytest.mark.parametrize("turns", range(6))
@in_loop
async def test_a_stream_that_is_cancelled_when_there_is_news_ends(watch, monkeypatch, turns):
    async def nothing(self: Any, room: int) -> list[Any]:
        return []

    monkeypatch.setattr(spooling.SpooledStream, "_load", nothing)
    async with socket_server() as server:
        trigger = watch(server)
        stream = spooling.SpooledStream(trigger.feed(trigger._values), "stream", lambda: None)
        task = asyncio.create_task(stream._next())
        await asyncio.sleep(0.05)
        stream._news.set()
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        # In Python 3.11, `asyncio.wait_for` takes no notice of a cancellation that comes together with a result.
        await asyncio.wait([task], timeout=3)
        assert task.cancelled()


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"where": ["lol"]}, "where"),
        ({"where": {"a..b": 1}}, "where"),
        ({"where": {"a": {"b": 1}}}, "where"),
        ({"tells": "some"}, "tells"),
        ({"auth": "cookie"}, "auth"),
        ({"on_connect": "text"}, "on_connect"),
        ({"on_connect": [object()]}, "on_connect"),
        ({"heartbeat": -1}, "heartbeat"),
        ({"largest": 0}, "largest"),
    ],
)
def test_a_parameter_that_cannot_be_used_is_refused_when_the_dag_is_read(values, field):
    with pytest.raises(InvalidInput) as caught:
        WebSocketEventTrigger("feed", **values)
    assert caught.value.field == field
