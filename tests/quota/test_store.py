"""The store of quotas, on every database that there is."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from airflow_provider.exceptions import StoreUnavailable
from airflow_provider.quota.readings import Account, Grant, QuotaState, Refusal
from airflow_provider.quota.store import (
    LEASE,
    MemoryStore,
    QuotaStore,
    Report,
    Turn,
    reservation_id,
    rows,
)
from airflow_provider.store import tables as schema
from airflow_provider.store.engine import Database
from tests.support.quota import ACCOUNT, HOUR, MINUTE, MovingClock, reading
from tests.support.sandbox import ROOT

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def clock(monkeypatch) -> MovingClock:
    return MovingClock(monkeypatch, NOW)


@pytest.fixture
def store(database, clock) -> QuotaStore:
    return QuotaStore(database, ACCOUNT)


def tell(store: QuotaStore | MemoryStore, remaining: int, *, at: datetime = NOW, **changes: Any) -> None:
    store.report(Report(reading=reading(remaining, at=at, **changes)))


def reserve(store: QuotaStore, id_: str, amount: int, run: str = "", **options: Any) -> int | None:
    return store.reserve(
        id_, amount, **{"run": run or id_, "task": f"{run or id_}/t", "lasts": HOUR, **options}
    )


# Readings and counts


def test_nothing_is_known_of_a_connection_that_was_never_used(store, database):
    assert store.look() == QuotaState()
    assert store.reservations() == []
    assert list(rows(database)) == []


@pytest.mark.parametrize(
    "changes", [{}, {"limit": None, "used": None}, {"resets_at": None}, {"source": "header"}]
)
def test_a_reading_comes_back_as_it_was(store, changes):
    at = NOW.replace(microsecond=123457)
    known = reading(50, at=at, **changes)
    store.report(Report(reading=known))
    assert store.look() == QuotaState(reading=known)


def test_a_large_quota_fits(store):
    known = reading(10**15, at=NOW, limit=10**15, used=0)
    store.report(Report(sent=1, reading=known))
    assert store.look().reading == known


def test_requests_are_counted_from_the_reading_on(store):
    store.report(Report(sent=3, spent=3))
    assert store.look() == QuotaState(counted=3)
    store.report(Report(sent=0, spent=1, reading=reading(50, at=NOW)))
    assert store.look().counted == 0
    store.report(Report(sent=2, spent=2))
    store.report(Report(sent=5, spent=5))
    known = store.look()
    assert known.counted == 7
    assert known.estimate is not None
    assert known.estimate.remaining == 43


def test_what_a_client_sent_after_its_reading_is_counted(store):
    store.report(Report(sent=4, spent=9, reading=reading(50, at=NOW)))
    assert store.look().counted == 4


def test_a_reading_is_never_replaced_by_an_older_one(store):
    tell(store, 50, at=NOW)
    store.report(Report(sent=2, reading=reading(90, at=NOW - MINUTE)))
    known = store.look()
    assert known.reading == reading(50, at=NOW)
    assert known.counted == 2
    tell(store, 49, at=NOW)
    assert store.look().reading == reading(49, at=NOW)


def test_a_reading_of_a_clock_that_is_days_ahead_gives_way_to_the_answer_of_today(store):
    """Otherwise one wrong clock would decide for days what is left."""
    tell(store, 0, at=NOW + 3 * DAY)
    store.take_turn("me", 60)
    store.report(Report(reading=reading(90, at=NOW)), asker="me")
    assert store.look().reading == reading(90, at=NOW)


def test_what_others_sent_while_the_answer_was_on_its_way_is_counted(store, clock):
    store.report(Report(sent=10, spent=10))
    assert store.take_turn("me", 60) is Turn.MINE
    store.report(Report(sent=3, spent=3))
    clock.advance(1)
    store.report(Report(spent=1, reading=reading(50, at=clock.now())), asker="me")
    assert store.look().counted == 3


def test_the_answer_to_somebody_elses_turn_takes_nothing_from_it(store):
    store.report(Report(sent=10, spent=10))
    assert store.take_turn("me", 60) is Turn.MINE
    store.report(Report(sent=3, spent=3))
    store.report(Report(reading=reading(50, at=NOW)), asker="another")
    assert store.look().counted == 0
    store.report(Report(sent=2, spent=2))
    store.report(Report(reading=reading(48, at=NOW)), asker="me")
    assert store.look().counted == 0


# Refusals


@pytest.mark.parametrize("until", [None, NOW + HOUR])
def test_a_refusal_is_kept_until_a_later_reading(store, until):
    refusal = Refusal("QuotaExhausted", "TOKEN LIMIT EXCEEDED", NOW, until)
    tell(store, 50, at=NOW - MINUTE)
    store.report(Report(sent=1, refusal=refusal))
    assert store.look() == QuotaState(reading=reading(50, at=NOW - MINUTE), counted=1, refusal=refusal)
    tell(store, 49, at=NOW - MINUTE / 2)
    assert store.look().refusal == refusal
    tell(store, 100, at=NOW + MINUTE)
    assert store.look().refusal is None


def test_a_report_with_a_reading_and_a_later_refusal_keeps_both(store):
    refusal = Refusal("QuotaExhausted", "x", NOW)
    store.report(Report(reading=reading(1, at=NOW - MINUTE), refusal=refusal))
    assert store.look() == QuotaState(reading=reading(1, at=NOW - MINUTE), refusal=refusal)


def test_a_refusal_that_comes_late_does_not_hide_a_later_one(store):
    late = Refusal("QuotaExhausted", "x", NOW, NOW + HOUR)
    store.report(Report(refusal=late))
    store.report(Report(refusal=Refusal("RateLimited", "y", NOW - MINUTE)))
    assert store.look().refusal == late


# Turns


def test_one_asks_at_a_time(store, clock):
    assert store.take_turn("me", 60) is Turn.MINE
    assert store.take_turn("you", 60) is Turn.ANOTHERS
    assert store.look().asking_until == NOW + MINUTE
    store.end_turn("you")
    assert store.take_turn("you", 60) is Turn.ANOTHERS
    store.end_turn("me")
    assert store.look().asking_until is None
    assert store.take_turn("you", 60) is Turn.MINE


def test_nobody_need_ask_what_has_been_answered_meanwhile(store):
    before = store.look()
    assert store.take_turn("me", 60, before) is Turn.MINE
    store.report(Report(sent=1, spent=1), asker="me")
    store.end_turn("me")
    # Requests alone are no answer.
    assert store.take_turn("me", 60, before) is Turn.MINE
    tell(store, 50)
    assert store.take_turn("you", 60, before) is Turn.ANOTHERS
    store.end_turn("me")
    assert store.take_turn("you", 60, before) is Turn.OVER
    assert store.look().asking_until is None
    before = store.look()
    store.report(Report(refusal=Refusal("VendorAuthError", "x", NOW)))
    assert store.take_turn("you", 60, before) is Turn.OVER
    assert store.take_turn("you", 60, store.look()) is Turn.MINE


def test_the_turn_of_one_who_was_killed_ends_by_itself(store, clock):
    assert store.take_turn("me", 60) is Turn.MINE
    clock.advance(59.9)
    assert store.take_turn("you", 60) is Turn.ANOTHERS
    clock.advance(0.1)
    assert store.look().asking_until is None
    assert store.take_turn("you", 60) is Turn.MINE
    # The first one was only slow.
    store.end_turn("me")
    assert store.take_turn("third", 60) is Turn.ANOTHERS


@pytest.mark.parametrize("number", [2, 8])
def test_of_many_threads_one_takes_the_turn(database, number):
    for _ in range(10):
        QuotaStore(database, ACCOUNT).end_turn("winner")
        gate = threading.Barrier(number)
        taken: list[Turn] = []

        def take(gate: threading.Barrier = gate, taken: list[Turn] = taken) -> None:
            gate.wait(timeout=30)
            taken.append(QuotaStore(database, ACCOUNT).take_turn("winner", 60))

        run_together([take] * number)
        assert taken.count(Turn.MINE) == 1
        assert taken.count(Turn.ANOTHERS) == number - 1


# Whose quota it is


def test_with_other_credentials_it_is_another_quota(store, database):
    tell(store, 50)
    store.report(Report(sent=5, spent=5, refusal=Refusal("QuotaExhausted", "x", NOW)))
    store.take_turn("me", 60)
    assert reserve(store, "a", 10) == 10
    other = QuotaStore(database, replace(ACCOUNT, digest="e" * 32))
    assert other.look() == QuotaState()
    assert other.reservations() == []
    assert other.release(run="a") == []
    other.report(Report(sent=1))
    assert other.look() == QuotaState(counted=1)
    # A task that still sends with the old ones keeps what is known of theirs.
    assert store.look().counted == 5
    assert {row.account for row in rows(database)} == {ACCOUNT.digest, "e" * 32}


def test_connections_with_the_same_credentials_have_one_quota(store, database):
    tell(store, 50)
    other = QuotaStore(database, Account("other", "wolkvox", ACCOUNT.digest))
    assert other.look() == QuotaState(reading=reading(50, at=NOW))
    assert reserve(other, "a", 7) == 7
    assert sum(store.look().reserved.values()) == 7
    assert [row.conn_id for row in rows(database)] == ["wolkvox_default"]


# Reservations


def test_what_is_reserved_is_what_can_no_longer_be(store):
    tell(store, 50)
    store.report(Report(sent=5, spent=5))
    assert reserve(store, "a", 46) is None
    assert reserve(store, "a", 30) == 30
    assert reserve(store, "b", 16) is None
    assert reserve(store, "b", 15) == 15
    assert reserve(store, "c", 1) is None
    assert store.look().reserved == {"a": 30, "b": 15}
    assert [(one.id, one.amount, one.left, one.run, one.task) for one in store.reservations()] == [
        ("a", 30, 30, "a", "a/t"),
        ("b", 15, 15, "b", "b/t"),
    ]


def test_nothing_can_be_reserved_of_what_nobody_knows(store):
    assert reserve(store, "a", 1) is None
    assert store.reservations() == []


def test_a_margin_stays_free(store):
    tell(store, 50)
    assert reserve(store, "a", 50, margin=1) is None
    assert reserve(store, "a", 49, margin=1) == 49


@pytest.mark.parametrize(
    ("amount", "at_most", "granted"), [(10, None, 10), (10, 30, 30), (10, 80, 50), (0, 80, 50), (50, 40, 50)]
)
def test_more_is_taken_up_to_what_is_asked_for(store, amount, at_most, granted):
    tell(store, 50)
    assert reserve(store, "a", amount, at_most=at_most) == granted


def test_a_reservation_of_the_same_name_is_replaced(store):
    tell(store, 50)
    assert reserve(store, "a", 30) == 30
    assert reserve(store, "a", 40) == 40
    assert store.look().reserved == {"a": 40}
    assert [one.spent for one in store.reservations()] == [0]


def test_several_of_one_run_add_up(store):
    tell(store, 50)
    reserve(store, "a", 10, "run", shared=True)
    reserve(store, "b", 20, "run", shared=True)
    reserve(store, "c", 5, "other", shared=True)
    known = store.look()
    assert known.reserved == {"run": 30, "other": 5}
    assert (known.reserved_for_others("run"), known.reserved_for_others()) == (5, 35)
    assert sorted(one.id for one in store.release(run="run")) == ["a", "b"]
    assert store.look().reserved == {"other": 5}


def test_requests_of_a_run_are_taken_from_what_it_has_set_aside(store):
    tell(store, 50)
    reserve(store, "a", 10, "run", shared=True)
    reserve(store, "b", 20, "run", shared=True)
    reserve(store, "c", 5, "other", shared=True)
    store.report(Report(sent=4, spent=4), run="run")
    # The named one first.
    store.report(Report(sent=3, spent=3), run="run", reservation="b")
    known = store.look()
    assert known.counted == 7
    assert {one.id: one.spent for one in store.reservations()} == {"a": 4, "b": 3, "c": 0}
    assert known.reserved == {"run": 23, "other": 5}
    store.report(Report(sent=30, spent=30), run="run")
    assert {one.id: one.left for one in store.reservations()} == {"a": 0, "b": 0, "c": 5}
    assert store.look().reserved == {"other": 5}


def test_a_request_that_belongs_to_nobody_spends_nobodys_reservation(store):
    tell(store, 50)
    reserve(store, "a", 10)
    store.report(Report(sent=4, spent=4))
    assert store.look().reserved == {"a": 10}


def test_a_request_that_the_reading_has_already_is_taken_from_the_reservation_all_the_same(store):
    tell(store, 50)
    reserve(store, "a", 10, shared=True)
    store.report(Report(sent=0, spent=1, reading=reading(49, at=NOW)), run="a")
    known = store.look()
    assert (known.counted, known.reserved) == (0, {"a": 9})


def test_releasing_tells_what_was_spent(store):
    tell(store, 50)
    reserve(store, "a", 10, shared=True)
    store.report(Report(sent=4, spent=4), run="a")
    [one] = store.release(id_="a")
    assert (one.amount, one.spent, one.left, one.created_at, one.expires_at) == (10, 4, 6, NOW, NOW + HOUR)
    assert store.release(id_="a") == []
    known = store.look()
    assert (known.reserved, known.counted) == ({}, 4)
    assert reserve(store, "b", 46) == 46


def test_a_reservation_lasts_until_it_expires(store, clock):
    tell(store, 50)
    reserve(store, "a", 10)
    reserve(store, "b", 10, lasts=2 * HOUR)
    assert store.look().frees_at == NOW + HOUR
    clock.advance(HOUR)
    known = store.look()
    assert (known.reserved, known.frees_at) == ({"b": 10}, NOW + 2 * HOUR)


def test_what_an_expired_reservation_had_left_counts_as_spent_until_the_vendor_tells(store, clock):
    tell(store, 50)
    reserve(store, "a", 40, shared=True)
    store.report(Report(sent=5, spent=5), run="a")
    clock.advance(HOUR)
    assert store.look().counted == 40
    assert reserve(store, "b", 11) is None
    assert reserve(store, "b", 10) == 10
    # A reading from before says nothing of it.
    tell(store, 50, at=NOW + HOUR / 2)
    assert store.look().counted == 35
    tell(store, 45, at=NOW + HOUR)
    known = store.look()
    assert (known.counted, known.reserved) == (0, {"b": 10})
    assert [one.id for one in store.reservations()] == ["b"]


def test_giving_back_an_expired_reservation_frees_what_it_had_left(store, clock):
    tell(store, 50)
    reserve(store, "a", 40, shared=True)
    clock.advance(HOUR)
    [one] = store.release(run="a")
    assert one.left == 40
    assert store.look().counted == 0


# What the tasks of a run share, and what each has for itself


def shares(store: QuotaStore) -> dict[str, tuple[int, int, int]]:
    """Amount, taken and spent of each reservation."""
    return {one.id: (one.amount, one.taken, one.spent) for one in store.reservations()}


def test_what_a_task_sets_aside_is_for_no_other_task_of_the_run(store):
    tell(store, 50)
    assert reserve(store, "a", 10, "run") == 10
    assert reserve(store, "b", 20, "run") == 20
    assert reserve(store, "c", 21, "run") is None
    assert [one.shared for one in store.reservations()] == [False, False]
    store.report(Report(sent=4, spent=4), run="run")
    store.report(Report(sent=3, spent=3), run="run", reservation="b")
    assert shares(store) == {"a": (10, 0, 0), "b": (20, 0, 3)}
    assert store.release(run="run") == []
    assert store.look().reserved == {"run": 27}


def test_a_task_takes_from_what_its_run_shares_first(store):
    tell(store, 50)
    reserve(store, "run's", 30, "run", shared=True)
    reserve(store, "other's", 15, "other", shared=True)
    assert reserve(store, "a", 20, "run") == 20
    assert shares(store) == {"run's": (10, 0, 0), "other's": (15, 0, 0), "a": (20, 20, 0)}
    assert store.look().reserved == {"run": 30, "other": 15}
    # Ten of the run's and five that are free.
    assert reserve(store, "b", 16, "run") is None
    assert shares(store)["run's"] == (10, 0, 0), "what is not granted takes nothing"
    assert reserve(store, "b", 15, "run") == 15
    assert shares(store)["run's"] == (0, 0, 0)
    assert shares(store)["b"] == (15, 10, 0)
    assert store.look().reserved == {"run": 35, "other": 15}


def test_what_the_run_shares_is_enough_though_nothing_else_is_left(store):
    tell(store, 50)
    reserve(store, "run's", 30, "run", shared=True)
    reserve(store, "other's", 20, "other", shared=True)
    store.report(Report(sent=5, spent=5))
    assert reserve(store, "a", 31, "run", margin=1) is None
    assert reserve(store, "a", 30, "run", margin=1, at_most=40) == 30
    assert reserve(store, "b", 1, "run") is None


@pytest.mark.parametrize(("at_most", "granted"), [(None, 25), (30, 30), (80, 35), (10, 25)])
def test_more_is_taken_of_what_is_free_not_of_what_the_run_shares(store, at_most, granted):
    tell(store, 50)
    reserve(store, "run's", 40, "run", shared=True)
    assert reserve(store, "a", 25, "run", at_most=at_most) == granted
    assert shares(store) == {"run's": (15, 0, 0), "a": (granted, 25, 0)}


def test_several_that_the_run_shares_are_taken_from_the_oldest_first(store, clock):
    tell(store, 50)
    reserve(store, "z", 10, "run", shared=True)
    clock.advance(1)
    reserve(store, "y", 10, "run", shared=True)
    store.report(Report(sent=2, spent=2), run="run")
    assert reserve(store, "a", 12, "run") == 12
    assert shares(store) == {"z": (2, 0, 2), "y": (6, 0, 0), "a": (12, 12, 0)}


def test_who_is_no_run_shares_nothing(store):
    tell(store, 50)
    store.reserve("x", 40, run="", task="t", lasts=HOUR, shared=True)
    assert store.reserve("a", 11, run="", task="t", lasts=HOUR) is None
    assert store.reserve("a", 10, run="", task="t", lasts=HOUR) == 10
    assert shares(store) == {"x": (40, 0, 0), "a": (10, 0, 0)}


def test_what_the_run_shares_is_nobodys_once_it_has_expired(store, clock):
    tell(store, 50)
    reserve(store, "run's", 40, "run", shared=True, lasts=MINUTE)
    clock.advance(MINUTE)
    assert reserve(store, "a", 11, "run") is None
    assert reserve(store, "a", 10, "run") == 10
    assert shares(store) == {"run's": (40, 0, 0), "a": (10, 0, 0)}


@pytest.mark.parametrize("again", [False, True], ids=["once", "twice"])
@pytest.mark.parametrize(
    ("sent", "back", "spent"),
    # Twenty were the run's, five more were free. These are spent first.
    [(0, 20, 0), (4, 20, 0), (5, 20, 0), (6, 19, 1), (25, 0, 20), (30, 0, 20)],
)
def test_what_a_task_took_from_its_run_goes_back_with_what_was_spent_of_it(store, sent, back, spent, again):
    tell(store, 50)
    reserve(store, "run's", 20, "run", shared=True)
    assert reserve(store, "a", 25, "run") == 25
    store.report(Report(sent=sent, spent=sent), reservation="a")
    [gone] = store.release(id_="a")
    assert (gone.amount, gone.taken, gone.spent) == (25, 20, min(sent, 25))
    if again:
        assert store.release(id_="a") == []
    [left] = store.reservations()
    assert (left.id, left.amount, left.spent, left.left) == ("run's", 20, spent, back)
    # Nothing is lost and nothing is there twice.
    known = store.look()
    assert (known.counted, known.reserved.get("run", 0)) == (sent, back)


def test_a_task_that_reserves_again_gives_back_what_it_took_before(store):
    tell(store, 50)
    reserve(store, "run's", 30, "run", shared=True)
    assert reserve(store, "a", 30, "run") == 30
    store.report(Report(sent=12, spent=12), reservation="a")
    assert reserve(store, "a", 20, "run") == 20
    assert shares(store) == {"run's": (12, 0, 12), "a": (20, 18, 0)}
    assert store.look().estimate.remaining - store.look().reserved_for_others() == 18


def test_what_is_given_back_after_the_run_has_released_its_own_is_free(store):
    tell(store, 50)
    reserve(store, "run's", 30, "run", shared=True)
    assert reserve(store, "a", 20, "run") == 20
    assert [one.id for one in store.release(run="run")] == ["run's"]
    assert store.look().reserved == {"run": 20}, "a task that is still at work keeps its own"
    store.release(id_="a")
    assert store.look().reserved == {}
    assert reserve(store, "other", 50) == 50


def test_a_request_is_taken_from_the_tasks_own_then_from_what_the_run_shares(store, clock):
    tell(store, 50)
    reserve(store, "run's", 10, "run", shared=True)
    clock.advance(1)
    reserve(store, "theirs", 10, "run")
    reserve(store, "mine", 5, "run", shared=False)
    store.report(Report(sent=8, spent=8), run="run", reservation="mine")
    assert {one.id: one.spent for one in store.reservations()} == {"run's": 0, "theirs": 0, "mine": 5}
    # Of the run's nothing was left: both tasks had taken it.
    assert shares(store)["run's"][0] == 0
    store.release(id_="theirs")
    store.report(Report(sent=3, spent=3), run="run", reservation="mine")
    assert {one.id: one.spent for one in store.reservations()} == {"run's": 3, "mine": 5}


def test_a_tasks_own_outlives_its_latest_request_and_what_the_run_shares_does_not(store, clock):
    tell(store, 50)
    reserve(store, "run's", 10, "run", shared=True)
    reserve(store, "mine", 5, "run")
    clock.advance(HOUR / 2)
    store.report(Report(sent=7, spent=7), run="run", reservation="mine")
    ends = {one.id: one.expires_at for one in store.reservations()}
    assert ends == {"run's": NOW + HOUR, "mine": NOW + HOUR / 2 + LEASE}


def test_the_name_of_a_reservation_tells_tasks_apart():
    names = {
        reservation_id(*parts)
        for parts in [
            ("c", "dag/run/task/-1"),
            ("c", "dag/run/task/0"),
            ("d", "dag/run/task/-1"),
            ("c", "a", "b"),
        ]
    }
    assert len(names) == 4
    assert all(len(name) == 32 for name in names)
    assert reservation_id("c", 1) == reservation_id("c", "1")


# Many at once


def run_together(work: list[Any]) -> None:
    failures: list[BaseException] = []

    def guarded(one: Any) -> None:
        try:
            one()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=guarded, args=(one,)) for one in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
    assert not failures


@pytest.mark.parametrize("number", [2, 8])
def test_threads_that_race_for_the_same_remainder_never_exceed_it(database, number):
    store = QuotaStore(database, ACCOUNT)
    now = datetime.now(UTC)
    for turn in range(10):
        store.report(Report(reading=reading(50, at=now + timedelta(seconds=turn))))
        gate = threading.Barrier(number)
        granted: list[int] = []

        def race(index: int, gate: threading.Barrier = gate, granted: list[int] = granted) -> None:
            gate.wait(timeout=30)
            # One after another, as the requests of a run are sent.
            for step in range(3):
                amount = reserve(
                    QuotaStore(database, ACCOUNT), f"{index}-{step}", 11, f"run-{index}", shared=True
                )
                granted.append(amount or 0)

        run_together([lambda index=index: race(index) for index in range(number)])
        assert sum(granted) == 44
        assert store.look().reserved_for_others() == 44
        for index in range(number):
            store.release(run=f"run-{index}")
        assert store.reservations() == []


@pytest.mark.parametrize("number", [2, 8])
def test_tasks_of_a_run_that_race_for_what_it_shares_never_have_it_twice(database, number):
    store = QuotaStore(database, ACCOUNT)
    now = datetime.now(UTC)
    for turn in range(5):
        store.report(Report(reading=reading(70, at=now + timedelta(seconds=turn))))
        assert reserve(store, "run's", 40, "run", shared=True) == 40
        gate = threading.Barrier(number)
        granted: dict[str, int | None] = {}

        def race(
            index: int, gate: threading.Barrier = gate, granted: dict[str, int | None] = granted
        ) -> None:
            gate.wait(timeout=30)
            own = QuotaStore(database, ACCOUNT)
            for step in range(3):
                id_ = f"{index}-{step}"
                granted[id_] = reserve(own, id_, 15, "run")
            if granted[f"{index}-0"]:
                # What one gives back another may have.
                own.report(Report(spent=4), run="run", reservation=f"{index}-0")
                own.release(id_=f"{index}-0")

        run_together([lambda index=index: race(index) for index in range(number)])
        found = store.reservations()
        assert {one.id: one.amount for one in found if not one.shared} == {
            id_: amount for id_, amount in granted.items() if amount and not id_.endswith("-0")
        }
        assert sum(one.amount for one in found) <= 70
        for one in found:
            if not one.shared:
                store.release(id_=one.id)
        # Whatever has been taken is back where it belongs.
        [shared] = store.reservations()
        assert shared.amount == 40
        store.release(run="run")


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
@pytest.mark.parametrize("number", [2, 8])
def test_processes_that_race_for_the_same_remainder_never_exceed_it(request, tmp_path, kind, number):
    url = f"sqlite:///{tmp_path}/quota.db"
    if kind == "postgres":
        server = request.getfixturevalue("postgres_server")
        server.execute("DROP SCHEMA public CASCADE")
        server.execute("CREATE SCHEMA public")
        url = server.url.render_as_string()
    database = Database(sa.make_url(url), shared=True)
    database.prepare()
    store = QuotaStore(database, ACCOUNT)
    store.report(Report(reading=reading(100, at=datetime.now(UTC))))
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.quota_crowd", "reserve", url, str(number), "20", "7"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    granted = [amount for each in json.loads(done.stdout.splitlines()[-1]) for amount in each if amount]
    assert granted == [7] * 14
    assert sum(one.amount for one in store.reservations()) == 98
    database.close()


def test_counts_of_many_threads_add_up(database):
    store = QuotaStore(database, ACCOUNT)
    store.report(Report(reading=reading(100, at=datetime.now(UTC))))
    reserve(store, "a", 60, "run", shared=True)

    def count() -> None:
        for _ in range(10):
            QuotaStore(database, ACCOUNT).report(Report(sent=1, spent=1), run="run")

    run_together([count] * 4)
    known = store.look()
    assert (known.counted, known.reserved) == (40, {"run": 20})


def test_many_threads_that_are_the_first_make_one_row(database):
    run_together([lambda: QuotaStore(database, ACCOUNT).report(Report(sent=1))] * 8)
    assert QuotaStore(database, ACCOUNT).look().counted == 8


# A vendor that grants so much and does not say what is left


GRANT = Grant(8000)


@pytest.mark.parametrize(
    ("moment", "end"),
    [
        (datetime(2026, 3, 10, 12, 30, 15, 99, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC)),
        (datetime(2026, 3, 31, 23, 59, 59, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC)),
        (datetime(2026, 4, 1, tzinfo=UTC), datetime(2026, 5, 1, tzinfo=UTC)),
        (datetime(2026, 12, 31, 23, 59, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)),
        (datetime(2026, 1, 31, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)),
        (datetime(2024, 2, 29, tzinfo=UTC), datetime(2024, 3, 1, tzinfo=UTC)),
        (datetime(2026, 11, 30, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC)),
    ],
)
def test_a_period_ends_with_the_month(moment, end):
    assert GRANT.ends(moment) == end


APRIL = datetime(2026, 4, 1, tzinfo=UTC)


@pytest.fixture
def counted(database, clock) -> QuotaStore:
    return QuotaStore(database, ACCOUNT, GRANT)


def test_all_of_a_grant_is_there_before_the_first_request(counted):
    known = counted.look()
    assert known.estimate is not None
    assert (known.estimate.limit, known.estimate.remaining) == (8000, 8000)
    assert (known.estimate.resets_at, known.estimate.source) == (APRIL, "count")


def test_requests_are_counted_against_the_grant(counted):
    counted.report(Report(sent=3, spent=3))
    counted.report(Report(sent=4, spent=4))
    known = counted.look()
    assert (known.counted, known.estimate.remaining, known.estimate.used) == (7, 7993, 7)
    assert reserve(counted, "a", 7994) is None
    assert reserve(counted, "a", 7993) == 7993


def test_a_new_period_begins_with_the_month(counted, clock):
    counted.report(Report(sent=8000, spent=8000))
    assert counted.look().estimate.remaining == 0
    clock.at = APRIL - timedelta(microseconds=1)
    assert counted.look().estimate.remaining == 0
    clock.at = APRIL
    known = counted.look()
    assert (known.estimate.remaining, known.estimate.resets_at) == (8000, datetime(2026, 5, 1, tzinfo=UTC))
    counted.report(Report(sent=2, spent=2))
    known = counted.look()
    assert (known.counted, known.estimate.remaining) == (2, 7998)
    assert known.reading.resets_at == datetime(2026, 5, 1, tzinfo=UTC)


def test_a_new_period_begins_even_if_nothing_was_counted_in_the_old_one(counted, clock):
    counted.report(Report(refusal=Refusal("QuotaExhausted", "x", NOW)))
    clock.at = APRIL
    assert counted.look().estimate.resets_at == datetime(2026, 5, 1, tzinfo=UTC)


def test_a_header_counts_more_than_the_grant(counted):
    tell(counted, 40, source="header")
    counted.report(Report(sent=3, spent=3))
    known = counted.look()
    assert (known.reading.limit, known.estimate.remaining) == (100, 37)


@pytest.mark.parametrize("resets_at", [NOW + HOUR, None], ids=["told", "not told"])
def test_what_a_header_said_of_a_period_that_is_over_gives_way_to_the_grant(counted, clock, resets_at):
    """Nobody can be asked: if the old count held on, whoever waits would wait for ever."""
    tell(counted, 0, source="header", resets_at=resets_at)
    clock.at = APRIL + DAY
    known = counted.look()
    assert known.estimate is not None
    assert known.estimate.remaining == 8000


# Without a store


def test_a_task_without_a_store_remembers_what_it_has_seen(clock):
    store = MemoryStore(ACCOUNT)
    assert store.look() == QuotaState()
    assert store.take_turn("me", 60) is Turn.MINE
    store.report(Report(sent=1, spent=1, refusal=Refusal("RateLimited", "x", NOW - MINUTE)), asker="me")
    assert store.look() == QuotaState(counted=1, refusal=Refusal("RateLimited", "x", NOW - MINUTE))
    store.write(None, Report(sent=2, spent=3, reading=reading(50, at=NOW)), run="r")
    assert (store.look().reading, store.look().counted) == (reading(50, at=NOW), 2)
    store.report(Report(sent=4))
    assert store.look().counted == 6
    store.end_turn("me")
    store.close()


# Trouble


def test_a_database_that_has_lost_its_tables(store, database):
    with database.begin() as connection:
        schema.quota.drop(connection)
        schema.reservation.drop(connection)
    for use in (
        store.look,
        lambda: store.take_turn("me", 60),
        lambda: store.end_turn("me"),
        lambda: store.report(Report(sent=1)),
        lambda: reserve(store, "a", 1),
        lambda: store.release(run="a"),
        store.reservations,
        lambda: rows(database),
    ):
        with pytest.raises(StoreUnavailable):
            use()


def test_what_cannot_be_stored_is_the_stores_own_kind_of_error(store):
    """A vendor may name any number; a request that has been answered must not fail for it."""
    with contextlib.suppress(StoreUnavailable):
        store.report(Report(sent=1, reading=reading(10**30, at=NOW, limit=10**30)))
