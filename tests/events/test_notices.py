"""A gap of a socket reaches the asset of desynchronisations, whatever the watchers of the socket want to hear."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from airflow.sdk import Asset

from airflow_provider import clock
from airflow_provider.events import noticed, notices, stream_upkeep
from airflow_provider.events.message import Message
from airflow_provider.events.notices import Notice, add, take
from airflow_provider.events.outcome import Busy
from airflow_provider.exceptions import InvalidInput, StoreUnavailable
from airflow_provider.mobadoo.triggers import MobadooEventTrigger
from airflow_provider.store.engine import Database
from airflow_provider.store.location import aconfigured, configured
from airflow_provider.store.tables import notice as table
from tests.events.test_stream import in_loop
from tests.support.deliveries import events, rows, settings, subscribe
from tests.support.quota import MovingClock
from tests.support.sockets import TOKEN, socket_server
from tests.support.spooled import triggerer

DESYNC = "mobadoo/mobadoo_default/_desync"


def noted(number: int = 1, **fields: Any) -> Notice:
    values = {
        "family": "DESYNC",
        "entity": None,
        "group": None,
        "group_key": "videogame",
        "thing": f"DESYNC {number}",
        "assets": (DESYNC,),
        "payload": {},
        "digest": f"{number:064}",
        "gap": {"since": None, "until": "2026-11-01T00:00:00+00:00"},
        **fields,
    }
    return Notice(
        id=f"{number:032}",
        conn_id="mobadoo_default",
        vendor="mobadoo",
        received_at=clock.now().timestamp(),
        message=Message(**values),
    )


@pytest.fixture
def provider() -> Any:
    """The provider's database."""
    database = configured()
    yield database
    database.close()


def waiting(database: Database) -> int:
    with database.read() as connection:
        return connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not holds():
            await asyncio.sleep(0.02)


@pytest.mark.parametrize(
    "values", [{}, {"tells": "messages"}, {"where": {"videogame": "lol"}}, {"latest_by": "id"}]
)
@in_loop
async def test_a_gap_is_noted_once_however_many_watch_and_whatever_they_want(
    airflow_db, provider, set_connection, values
):
    pytest.importorskip("airflow.triggers.shared_stream", reason="Airflow 3.2 has no shared streams")
    async with socket_server() as server, triggerer() as running:
        extra = {"ws_url": server.url}
        set_connection("mobadoo_default", conn_type="mobadoo", password=TOKEN, extra=extra)
        running.start(MobadooEventTrigger(**values), MobadooEventTrigger(**values))
        await running.until(lambda: waiting(provider) == 1)
        await running.until(lambda: len(server.open) == 1)
        await server.abort()
        await running.until(lambda: waiting(provider) == 2)
    first, second = take(provider)
    assert first.message.assets == second.message.assets == (DESYNC,)
    assert first.message.gap["since"] is None
    assert second.message.gap["since"] is not None


@in_loop
async def test_without_shared_streams_it_is_noted_too_and_nobody_waits_for_a_database_that_is_away(
    airflow_db, provider, set_connection, monkeypatch, caplog
):
    away = True

    async def opened() -> Database:
        if away:
            raise StoreUnavailable("the ledger cannot be used: away")
        return await aconfigured()

    monkeypatch.setattr("airflow_provider.store.location.aconfigured", opened)
    async with socket_server() as server:
        extra = {"ws_url": server.url}
        set_connection("mobadoo_default", conn_type="mobadoo", password=TOKEN, extra=extra)
        told: Any = MobadooEventTrigger().run()
        assert (await anext(told)).payload["family"] == "DESYNC"
        await server.push({"message": "MODEL_CHANGED"})
        assert (await anext(told)).payload["payload"] == {"message": "MODEL_CHANGED"}
        await until(lambda: "cannot be told to its asset yet" in caplog.text)
        away = False
        await until(lambda: waiting(provider) == 1)
        await told.aclose()


def test_it_becomes_a_delivery_and_an_event_like_those_of_the_webhook(airflow_database, provider):
    subscribe(schedule=[Asset(DESYNC)])
    add(provider, [noted(1), noted(2, payload={"message": "DESYNC"}, gap=None)])
    assert stream_upkeep.tell_noted(settings()) == 2
    first, second = events()
    assert {name: value for name, value in first.items() if name not in ("delivery", "received_at")} == {
        "vendor": "mobadoo",
        "conn_id": "mobadoo_default",
        "source": "websocket",
        "family": "DESYNC",
        "entity": None,
        "videogame": None,
        "payload": {},
        "payload_truncated": False,
        "gap": {"since": None, "until": "2026-11-01T00:00:00+00:00"},
    }
    assert (second["payload"], second["gap"]) == ({"message": "DESYNC"}, None)
    assert rows("source", "outcome") == [("websocket", "accepted")] * 2
    # The sweep looks after it as after every delivery.
    assert all(rows("check_at"))
    assert waiting(provider) == 0


def test_without_a_dag_that_schedules_on_it_it_is_only_stored(airflow_database, provider):
    add(provider, [noted()])
    assert stream_upkeep.tell_noted(settings()) == 1
    assert (events(), rows("outcome"), waiting(provider)) == ([], ["no_subscribers"], 0)


def test_a_process_that_dies_before_it_has_removed_it_does_not_have_it_told_twice(
    airflow_database, provider, monkeypatch
):
    moment = MovingClock(monkeypatch, clock.now())
    subscribe(schedule=[Asset(DESYNC)])
    add(provider, [noted()])

    def dies(*_: Any) -> None:
        raise StoreUnavailable("killed")

    with monkeypatch.context() as patched:
        patched.setattr(notices, "remove", dies)
        with pytest.raises(StoreUnavailable):
            stream_upkeep.tell_noted(settings())
    assert take(provider) == []
    moment.advance(notices.IN_HAND + 5)
    assert stream_upkeep.tell_noted(settings()) == 1
    assert (len(events()), waiting(provider)) == (1, 0)


def test_while_airflows_database_is_away_it_waits(airflow_database, provider, monkeypatch):
    add(provider, [noted()])
    monkeypatch.setattr(noticed, "commit", lambda arrivals, _: [Busy("away", retry_after=1)] * len(arrivals))
    with pytest.raises(StoreUnavailable, match="1 notices of WebSockets wait"):
        stream_upkeep.tell_noted(settings())
    assert waiting(provider) == 1


def test_of_two_processes_one_has_it_in_hand(airflow_db, provider):
    add(provider, [noted(1), noted(2)])
    # A commit whose answer was lost is done again.
    add(provider, [noted(2)])
    assert [len(take(provider)), len(take(provider))] == [2, 0]


def test_where_no_socket_was_ever_opened_no_database_is_made(airflow_db, ledger_path):
    assert stream_upkeep.tell_noted(settings()) == 0
    stream_upkeep.purge_streams()
    assert not ledger_path.exists()


def test_a_connection_of_the_providers_database_that_is_missing_is_named(airflow_db, monkeypatch):
    monkeypatch.setenv("AIRFLOW__VENDOR_APIS__LEDGER_CONN_ID", "nowhere")
    with pytest.raises(InvalidInput, match='there is no connection "nowhere"'):
        stream_upkeep.tell_noted(settings())
