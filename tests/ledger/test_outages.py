"""The ledger's database is away for a while in the middle of a batch: nothing is lost and no try is needed."""

from __future__ import annotations

import json
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from airflow_provider.exceptions import StoreUnavailable
from airflow_provider.ledger import outage
from airflow_provider.ledger.ledger import Completion
from airflow_provider.ledger.recorder import Recorder
from airflow_provider.ledger.unrecorded import FOLDER
from airflow_provider.store import engine
from tests.support.batches import execute, outcomes
from tests.support.imbee import BATCHES, mails, once_received, people, received, tokens, users
from tests.support.ledger import states
from tests.support.patience import wait_until
from tests.support.postgres import MISSING, Postgres, postgres
from tests.support.wolkvox import people as customers
from tests.support.wolkvox import upsert

pytestmark = pytest.mark.usefixtures("quick")

COUNT = 240

needs_postgres = pytest.mark.skipif(bool(MISSING), reason=MISSING)


@pytest.fixture(autouse=True)
def kept(tmp_path, monkeypatch) -> Path:
    """The folder of what cannot be recorded."""
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path / "home"))
    return tmp_path / "home" / FOLDER


@pytest.fixture
def server(sandbox, monkeypatch) -> Iterator[Postgres]:
    # Slow enough that a batch is under way for seconds: what is done meanwhile is late on a busy machine.
    sandbox.latency(0.05)
    with postgres() as running:
        for name, value in running.environment.items():
            monkeypatch.setenv(name, value)
        yield running


def rows(server: Postgres) -> dict[str, int]:
    return dict(server.execute("SELECT state, count(*) FROM vendor_apis_ledger GROUP BY state"))


def files(folder: Path) -> list[str]:
    return os.listdir(folder) if folder.exists() else []


@contextmanager
def locked(ledger: Path, seconds: float) -> Iterator[None]:
    """Hold an SQLite file as another program might, for so long."""
    connection = sqlite3.connect(ledger, isolation_level=None, check_same_thread=False)
    connection.execute("BEGIN IMMEDIATE")
    timer = threading.Timer(seconds, connection.execute, ("ROLLBACK",))
    timer.start()
    try:
        yield
    finally:
        timer.join()
        connection.close()


def away_for(server: Postgres, seconds: float, meanwhile: Callable[[], Any] = bool) -> Callable[[], None]:
    def act() -> None:
        server.stop()
        time.sleep(seconds)
        meanwhile()
        server.start()

    return act


@needs_postgres
@BATCHES
def test_a_postgres_that_is_restarted_costs_no_try(sandbox, server, kept, batch, caplog):
    with once_received(sandbox, 25, away_for(server, 1.0)):
        result = execute(batch(people(COUNT), max_concurrency=4))
    assert outcomes(result) == {"created": COUNT}
    assert received(sandbox) == COUNT
    assert rows(server) == {"done": COUNT}
    assert files(kept) == []
    told = [record.message for record in caplog.records if record.name == outage.__name__]
    assert any("Nothing is sent until" in message for message in told)
    assert "can be written again" in told[-1]


@needs_postgres
def test_while_a_postgres_is_away_nothing_new_is_sent(sandbox, server, caplog):
    counts: list[int] = []

    def look() -> None:
        wait_until(lambda: "Nothing is sent until" in caplog.text)
        counts.append(received(sandbox))
        time.sleep(1.0)
        counts.append(received(sandbox))

    with once_received(sandbox, 25, away_for(server, 0.0, look)):
        assert outcomes(execute(tokens(people(COUNT), max_concurrency=4))) == {"created": COUNT}
    # Those four that were on their way may have come meanwhile.
    assert counts[1] - counts[0] <= 4
    assert counts[1] < COUNT


@needs_postgres
def test_answers_that_could_not_be_recorded_are_recorded_by_the_next_try(
    sandbox, server, kept, monkeypatch, caplog
):
    monkeypatch.setattr(outage, "LONGEST", 0.5)
    task = tokens(people(COUNT), max_concurrency=16)
    sandbox.latency(0.3)
    with once_received(sandbox, 60, server.stop), pytest.raises(StoreUnavailable):
        execute(task)
    sent = received(sandbox)
    assert 60 <= sent < COUNT
    assert len(files(kept)) == 1
    assert "Outcomes that could not be recorded" in caplog.text
    assert "example.com" not in caplog.text
    sandbox.latency(0.01)
    server.start()
    result = execute(task, try_number=2)
    assert outcomes(result) == {"replayed": sent, "created": COUNT - sent}
    assert set(mails(sandbox).values()) == {1}
    assert files(kept) == []


@needs_postgres
def test_a_task_that_is_told_to_end_while_the_database_is_away_loses_no_answer(
    sandbox, server, kept, monkeypatch
):
    monkeypatch.setattr(outage, "LONGEST", 10.0)
    task = tokens(people(COUNT), max_concurrency=16)
    sandbox.latency(0.3)

    def stop() -> None:
        server.stop()
        task.on_kill()

    with once_received(sandbox, 60, stop), pytest.raises(Exception, match="told to end"):
        execute(task)
    sent = received(sandbox)
    sandbox.latency(0.01)
    server.start()
    assert outcomes(execute(task, try_number=2)) == {"replayed": sent, "created": COUNT - sent}
    assert set(mails(sandbox).values()) == {1}


@needs_postgres
def test_a_batch_that_begins_while_its_database_is_away_waits_for_it(sandbox, server):
    execute(tokens(people(1)))
    server.stop()
    timer = threading.Timer(1.0, server.start)
    timer.start()
    try:
        assert outcomes(execute(tokens(people(5)))) == {"created": 4, "replayed": 1}
    finally:
        timer.join()


@needs_postgres
def test_a_batch_does_not_wait_for_ever_for_its_database(sandbox, server, monkeypatch):
    monkeypatch.setattr(outage, "OPENING", 0.3)
    server.stop()
    with pytest.raises(StoreUnavailable, match="cannot be used"):
        execute(tokens(people(5)))
    assert received(sandbox) == 0


@BATCHES
def test_a_file_that_others_hold_for_long_costs_no_try(sandbox, ledger, kept, monkeypatch, batch):
    # Longer than a worker waits for the others, which is a minute.
    execute(users(people(1, start=COUNT)))
    monkeypatch.setitem(engine.CONNECT_ARGUMENTS["pysqlite"], "timeout", 0.05)
    sandbox.latency(0.01)
    holders: list[Any] = []

    def hold() -> None:
        with locked(ledger, 1.0):
            holders.append("held")

    with once_received(sandbox, 25, hold):
        result = execute(batch(people(COUNT), max_concurrency=4))
    assert holders
    assert outcomes(result) == {"created": COUNT}
    assert received(sandbox) == COUNT + 1
    assert set(states(ledger).values()) == {"done"}
    assert files(kept) == []


def test_records_that_share_a_request_wait_for_a_file_that_others_hold(sandbox, ledger, monkeypatch):
    upsert(customers(1), run_id="before")
    monkeypatch.setitem(engine.CONNECT_ARGUMENTS["pysqlite"], "timeout", 0.05)
    monkeypatch.setattr(outage, "OPENING", 0.0)
    holding: list[threading.Thread] = []
    once = Recorder.__aenter__

    async def hold_first(recorder: Recorder) -> Recorder:
        connection = sqlite3.connect(ledger, isolation_level=None, check_same_thread=False)
        connection.execute("BEGIN IMMEDIATE")
        holding.append(threading.Timer(0.5, connection.close))
        holding[0].start()
        return await once(recorder)

    monkeypatch.setattr(Recorder, "__aenter__", hold_first)
    result = upsert(customers(50))
    holding[0].join()
    assert outcomes(result) == {"created": 50}
    assert set(states(ledger).values()) == {"done"}


def insert_together(records: list[dict[str, Any]]) -> dict[str, Any]:
    return upsert(customers(len(records)))


def insert_alone(records: list[dict[str, Any]]) -> dict[str, Any]:
    return execute(tokens(records, max_concurrency=4))


@pytest.mark.parametrize(("send", "vendor"), [(insert_alone, "imbee"), (insert_together, "wolkvox")])
def test_what_was_claimed_before_an_outage_is_claimed_again_after_it(
    sandbox, ledger, monkeypatch, send, vendor
):
    """By then the lease may be over, and another run may have the row."""
    looks = iter([True] * 3)
    released: list[str] = []
    settle = Recorder.settle

    def noted(recorder: Recorder, completion: Completion) -> None:
        released.extend([completion.id] if completion.state == "released" else [])
        settle(recorder, completion)

    monkeypatch.setattr(Recorder, "is_away", property(lambda recorder: next(looks, False)))
    monkeypatch.setattr(Recorder, "settle", noted)
    assert outcomes(send(people(20))) == {"created": 20}
    assert len(released) in (3, 60)
    assert set(states(ledger).values()) == {"done"}
    asked = [json.dumps(request["json"], sort_keys=True) for request in sandbox.requests(vendor)]
    assert len(asked) == len(set(asked))


@needs_postgres
def test_a_batch_that_is_told_to_end_before_it_could_begin_sends_nothing(sandbox, server):
    execute(tokens(people(1)))
    server.stop()
    task = tokens(people(50))

    def end() -> None:
        wait_until(lambda: task._execution)
        task.on_kill()
        server.start()

    before = received(sandbox)
    ending = threading.Thread(target=end, daemon=True)
    ending.start()
    with pytest.raises(Exception, match=r"cannot be used|told to end"):
        execute(task)
    ending.join()
    assert received(sandbox) == before
