"""What sockets have left that nobody watches any more is deleted; what somebody listens to is not."""

from __future__ import annotations

import logging
import time
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from airflow_provider import clock
from airflow_provider.events import left, stream_upkeep
from airflow_provider.events.left import Deleted, list_streams, purge
from airflow_provider.events.notices import add
from airflow_provider.events.spool import LEASE, Spool, Waiting
from airflow_provider.store.engine import Database
from airflow_provider.store.location import configured
from airflow_provider.store.tables import listener, spool
from tests.events.test_notices import noted

DAY = 86400.0


def listen(database: Database, stream: str = "a" * 32, messages: int = 3) -> Spool:
    found = Spool(database, stream, "feed")
    found.begin()
    found.add([Waiting({"number": number}, time.time()) for number in range(messages)])
    return found


def wait(monkeypatch: pytest.MonkeyPatch, days: float) -> None:
    now = clock.now
    monkeypatch.setattr(clock, "now", lambda: now() + timedelta(days=days))


def count(database: Database, table: Any) -> int:
    with database.read() as connection:
        return connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0


def test_what_is_old_and_has_no_listener_is_deleted_with_its_listener(database, monkeypatch):
    gone = listen(database)
    gone.end(1.0)
    wait(monkeypatch, 8)
    young = listen(database, "b" * 32)
    assert purge(database, clock.now().timestamp() - 7 * DAY) == Deleted(1, 3, 0)
    assert (count(database, spool), count(database, listener)) == (3, 1)
    young.end(1.0)
    assert purge(database, clock.now().timestamp() - 7 * DAY) == Deleted(0, 0, 0)


def test_a_stream_that_one_of_its_listeners_still_reads_is_left_alone(database, monkeypatch):
    # Not closed: a triggerer that was killed.
    listen(database)
    wait(monkeypatch, 8)
    Spool(database, "a" * 32, "feed").begin()
    assert purge(database, clock.now().timestamp() - 7 * DAY, most=1) == Deleted(0, 0, 0)
    assert count(database, spool) == 3


def test_of_the_others_only_the_newest_are_kept(database, monkeypatch):
    listen(database, messages=5).end(1.0)
    assert purge(database, 0.0, most=5).messages == 0
    assert purge(database, 0.0, most=2).messages == 3
    with database.read() as connection:
        assert connection.scalars(sa.select(spool.c.event).order_by(spool.c.id)).all() == [
            '{"number": 3}',
            '{"number": 4}',
        ]


def test_a_listener_that_comes_back_has_what_is_left(database):
    listen(database).end(1.0)
    purge(database, 0.0, most=2)
    again = Spool(database, "a" * 32, "feed")
    assert again.begin() == 1.0
    assert [one.event["number"] for one in again.load(0, 10)] == [1, 2]


def test_notices_that_nobody_tells_do_not_pile_up(database):
    add(database, [noted()])
    assert purge(database, time.time() + 1) == Deleted(0, 0, 1)


def test_the_hourly_deletion_says_what_it_has_deleted(airflow_db, monkeypatch, caplog):
    monkeypatch.setattr(left, "MOST_LEFT", 2)
    database = configured()
    listen(database).end(1.0)
    wait(monkeypatch, 8)
    caplog.set_level(logging.WARNING)
    stream_upkeep.purge_streams()
    assert "3 messages and 0 notices" in caplog.text
    caplog.clear()
    stream_upkeep.purge_streams()
    assert caplog.text == ""
    database.close()


def test_people_see_who_listens_and_what_waits(database, monkeypatch):
    living = listen(database)
    living.keep(5.0)
    listen(database, "b" * 32, messages=1).end(None)
    assert list_streams(database) == [
        {
            "conn_id": "feed",
            "stream": "a" * 32,
            "listeners": 1,
            "heard_at": "1970-01-01T00:00:05+00:00",
            "waiting": 3,
        },
        {"conn_id": "feed", "stream": "b" * 32, "listeners": 0, "heard_at": None, "waiting": 1},
    ]
    wait(monkeypatch, LEASE / DAY * 2)
    assert [one["listeners"] for one in list_streams(database)] == [0, 0]
