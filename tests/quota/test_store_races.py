"""The store of quotas when many threads and processes use it at once."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from airflow_provider.quota.interface import Report, Turn
from airflow_provider.quota.store import QuotaStore
from airflow_provider.store.engine import Database
from tests.support.processes import answer_of
from tests.support.quota import ACCOUNT, reading, reserve


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
                # What one releases another may have.
                own.report(Report(sent=4, spent=4), run="run", reservation=f"{index}-0")
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
    found = answer_of("tests.support.quota_crowd", "reserve", url, str(number), "20", "7")
    granted = [amount for each in found for amount in each if amount]
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
