"""What the database keeps of looks: answers, turns and refusals."""

from __future__ import annotations

import json
import threading
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from airflow_provider.quota.interface import Turn
from airflow_provider.quota.readings import Refusal
from airflow_provider.store.tables import look as table
from airflow_provider.waiting.condition import Look
from airflow_provider.waiting.store import KEPT, Known, Place, SharedLooks
from tests.support.quota import HOUR, MINUTE, NOW, MovingClock

PLACE = Place("p" * 32, "c" * 32, "acme_default", "Things: what is new")
OTHER = Place("q" * 32, "c" * 32, "acme_default", "Things: something else")


@pytest.fixture
def clock(monkeypatch) -> MovingClock:
    return MovingClock(monkeypatch, NOW)


@pytest.fixture
def store(database, clock) -> SharedLooks:
    return SharedLooks(database)


def take(store: SharedLooks, looker: str, known: Look | None = None, seconds: float = 60) -> Turn:
    return store.take_turn(PLACE, looker, seconds, Known(known, store.look(PLACE).refusals))


def rows(store: SharedLooks) -> list[Any]:
    with store._database.read() as connection:
        return list(connection.execute(sa.select(table)))


def test_an_answer_is_there_for_all_as_it_was(store, database):
    look = Look({"ids": {"é": 1}, "none": None}, NOW)
    assert take(store, "me") is Turn.MINE
    store.save(PLACE, "me", look)
    assert SharedLooks(database).look(PLACE).look == look
    assert SharedLooks(database).look(OTHER).look is None


def test_one_at_a_time_looks(store):
    assert [take(store, name) for name in ("me", "other", "me")] == [Turn.MINE, Turn.ANOTHERS, Turn.MINE]
    store.end_turn(PLACE, "other")
    assert take(store, "other") is Turn.ANOTHERS
    store.end_turn(PLACE, "me")
    assert take(store, "other") is Turn.MINE


def test_nobody_looks_where_there_is_an_answer_that_he_does_not_know(store, clock):
    old = Look(1, NOW)
    take(store, "me")
    store.save(PLACE, "me", old)
    assert take(store, "other") is Turn.OVER
    clock.advance(HOUR)
    assert take(store, "me", old) is Turn.MINE
    store.save(PLACE, "me", Look(2, clock.now()))
    assert take(store, "other", old) is Turn.OVER


def test_a_turn_that_was_not_ended_is_over_after_its_time(store, clock):
    take(store, "killed")
    clock.advance(59)
    assert take(store, "other") is Turn.ANOTHERS
    clock.advance(2)
    assert take(store, "other") is Turn.MINE
    # It was only slow, and its answer is the older one.
    store.save(PLACE, "killed", Look("slow", NOW))
    assert store.look(PLACE).look is None


def test_a_turn_lasts_as_long_as_requests_are_sent(store, clock):
    take(store, "me")
    for _ in range(5):
        clock.advance(50)
        assert take(store, "me") is Turn.MINE
        assert take(store, "other") is Turn.ANOTHERS


def test_a_turn_that_a_wrong_clock_has_written_holds_nobody_up(store, clock):
    clock.advance(timedelta(days=400))
    take(store, "ahead")
    clock.advance(timedelta(days=-400))
    assert take(store, "me") is Turn.MINE


def test_a_refusal_of_a_question_is_its_own_and_one_of_the_connection_everybodys(store):
    gone = Refusal("VendorRejected", "HTTP 404", NOW)
    take(store, "me")
    store.refuse(PLACE, "me", gone, all_requests=False)
    assert store.look(PLACE).refusals == (gone,)
    assert store.look(OTHER).refusals == ()
    used_up = Refusal("QuotaExhausted", "used up", NOW, NOW + HOUR)
    assert take(store, "me") is Turn.MINE
    store.refuse(PLACE, "me", used_up, all_requests=True)
    assert store.look(OTHER).refusals == (used_up,)
    # The turn is over.
    assert take(store, "other") is Turn.MINE


def test_nobody_looks_where_there_is_a_refusal_that_he_does_not_know(store):
    known = store.look(PLACE)
    take(store, "me")
    store.refuse(PLACE, "me", Refusal("VendorAuthError", "no", NOW), all_requests=True)
    assert store.take_turn(PLACE, "other", 60, known) is Turn.OVER
    assert store.take_turn(OTHER, "other", 60, known) is Turn.OVER
    assert store.take_turn(PLACE, "other", 60, store.look(PLACE)) is Turn.MINE


def test_an_answer_ends_the_refusals_before_it(store, clock):
    take(store, "me")
    store.refuse(PLACE, "me", Refusal("VendorForbidden", "no", NOW), all_requests=False)
    store.refuse(PLACE, "me", Refusal("VendorUnavailable", "down", NOW, NOW + HOUR), all_requests=True)
    clock.advance(MINUTE)
    take(store, "me")
    store.save(PLACE, "me", Look(1, clock.now()))
    assert store.look(PLACE).refusals == ()


def test_answers_that_nobody_renews_are_removed(store, clock):
    take(store, "me")
    store.save(PLACE, "me", Look(1, NOW))
    clock.advance(KEPT + 1)
    store.take_turn(OTHER, "me", 60, Known())
    store.save(OTHER, "me", Look(2, clock.now()))
    assert [row.id for row in rows(store)] == [OTHER.id]


def test_the_rows_say_what_they_are_about(store):
    take(store, "me")
    store.refuse(PLACE, "me", Refusal("VendorUnavailable", "down", NOW, NOW + HOUR), all_requests=True)
    assert {(row.id[0], row.conn_id, row.about) for row in rows(store)} == {
        ("p", "acme_default", "Things: what is new"),
        ("c", "acme_default", ""),
    }


def test_of_many_threads_one_takes_the_turn(store):
    gate, taken = threading.Barrier(8), []

    def one(number: int) -> None:
        gate.wait(timeout=30)
        taken.append(take(store, str(number)))

    threads = [threading.Thread(target=one, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert sorted(turn.name for turn in taken) == ["ANOTHERS"] * 7 + ["MINE"]


def test_a_large_answer_is_kept(store):
    ids = {f"{number:036d}": 1 for number in range(20_000)}
    take(store, "me")
    store.save(PLACE, "me", Look({"unpaid": ids}, NOW))
    found = store.look(PLACE).look
    assert found is not None
    assert json.dumps(found.answer) == json.dumps({"unpaid": ids})
