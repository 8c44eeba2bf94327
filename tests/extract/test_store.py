from __future__ import annotations

import threading

import pytest

from airflow_provider.extract.store import ExtractStore, Found
from airflow_provider.run_identity import RunIdentity
from airflow_provider.store.engine import Database


def a_try(database: Database, question: str = "all", conn_id: str = "acme_default") -> ExtractStore:
    identity = RunIdentity("dag", "run-1", "read")
    return ExtractStore(
        database, identity, "/data/out.jsonl", conn_id=conn_id, listing="acme.things", terms=[question]
    )


def test_a_try_finds_what_the_one_before_stored(database):
    first = a_try(database)
    assert first.claim() == Found()
    assert first.save({"position": 3})
    assert a_try(database).claim() == Found(progress={"position": 3}, running=True)


def test_a_try_that_has_ended_is_not_running(database):
    first = a_try(database)
    first.claim()
    first.close()
    assert not a_try(database).claim().running


@pytest.mark.parametrize("change", [{"question": "other"}, {"conn_id": "acme_other"}])
def test_another_question_finds_nothing(database, change):
    first = a_try(database)
    first.claim()
    first.save({"position": 3}, "published")
    other = a_try(database, **change)
    assert other.claim() == Found(running=True)
    # Nor does the first question, after that.
    assert a_try(database).claim() == Found(running=True)


def test_a_try_that_was_replaced_can_neither_store_nor_remove(database):
    first, second = a_try(database), a_try(database)
    first.claim()
    second.claim()
    assert second.save({"position": 2})
    assert not first.save({"position": 9})
    first.forget()
    assert a_try(database).claim().progress == {"position": 2}


def test_of_many_tries_at_once_one_has_the_row(database):
    tries = [a_try(database) for _ in range(8)]
    gate = threading.Barrier(len(tries))

    def claim(one: ExtractStore) -> None:
        gate.wait(timeout=30)
        one.claim()

    threads = [threading.Thread(target=claim, args=(one,)) for one in tries]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert [one.save({}) for one in tries].count(True) == 1


def test_progress_may_be_long(database):
    first = a_try(database)
    first.claim()
    long = {"seen": "x" * 1_000_000}
    assert first.save(long)
    assert a_try(database).claim().progress == long
