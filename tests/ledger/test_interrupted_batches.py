"""Batches that are interrupted: the database goes away, or the task is told to end."""

from __future__ import annotations

import json
import signal
import sqlite3
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from airflow.sdk.exceptions import AirflowException, AirflowTaskTimeout
from sqlalchemy import exc

from airflow_provider.batch import execution, runner
from airflow_provider.exceptions import StoreUnavailable
from airflow_provider.ledger import outage
from airflow_provider.ledger.recorder import CLAIM_HOLDS, Recorder
from tests.support.batches import execute, lines, outcomes
from tests.support.imbee import BATCHES, mails, once_received, people, received, tokens, users
from tests.support.ledger import change, states
from tests.support.postgres import MISSING, postgres

pytestmark = pytest.mark.usefixtures("quick")


# The database goes away in the middle


@BATCHES
def test_a_database_that_fails_stops_the_batch_before_it_sends_what_it_cannot_record(sandbox, ledger, batch):
    begun = 0

    def fail(connection: sa.Connection) -> None:
        nonlocal begun
        begun += 1
        if begun > 8:
            raise exc.OperationalError("BEGIN", {}, sqlite3.OperationalError("disk I/O error"))

    sandbox.latency(0.01)
    sa.event.listen(sa.Engine, "begin", fail)
    try:
        with pytest.raises(StoreUnavailable, match="disk I/O error"):
            execute(batch(people(1000)[:1000], max_concurrency=4))
    finally:
        sa.event.remove(sa.Engine, "begin", fail)
    known = states(ledger)
    asked = [next(iter(request["json"].values())) for request in sandbox.requests("imbee")]
    assert 0 < len(asked) < 1000
    assert set(asked) <= set(known)
    assert max(Counter(asked).values()) == 1


@pytest.mark.skipif(bool(MISSING), reason=MISSING)
@BATCHES
def test_a_postgres_that_stays_away_stops_the_batch(sandbox, monkeypatch, tmp_path, batch):
    monkeypatch.setattr(outage, "LONGEST", 0.5)
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path / "home"))
    sandbox.latency(0.05)
    with postgres() as server:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        task = batch(people(400), max_concurrency=4)

        def stop() -> None:
            # On a busy machine it takes long to stop, in which the batch must not come to its end.
            sandbox.latency(0.5)
            server.stop()
            sandbox.latency(0.01)

        with once_received(sandbox, 25, stop), pytest.raises(StoreUnavailable):
            execute(task)
        assert 25 <= received(sandbox) < 400
        server.start()
        known = {json.loads(key)[0] for (key,) in server.execute("SELECT key FROM vendor_apis_ledger")}
        asked = {next(iter(request["json"].values())) for request in sandbox.requests("imbee")}
        assert asked <= known
        # The retry is another process; here the process of the first try is still there, and would be waited for.
        server.execute(
            "UPDATE vendor_apis_ledger SET owner = regexp_replace(owner, '/[^/]*/([^/]*)$', '/1/\\1')"
        )
        result = execute(task, try_number=2)
    assert sum(outcomes(result).values()) == 400
    assert result["failed"] == 0
    if batch is tokens:
        assert set(mails(sandbox).values()) == {1}
        assert result["created"] + len(asked) <= 400
        assert len(mails(sandbox)) + result["unknown"] >= 400
    else:
        assert result["unknown"] == 0
        assert sandbox.state()["imbee"]["users"] == 400


# The task is told to end


def stopping(task: Any, how: str) -> Callable[[], Any]:
    if how == "kill":
        return task.on_kill
    return lambda: signal.pthread_kill(threading.main_thread().ident, signal.SIGALRM)


@pytest.fixture
def alarm() -> Iterator[None]:
    """Airflow's own way of ending a task whose ``execution_timeout`` is over."""

    def end(number: int, frame: Any) -> None:
        raise AirflowTaskTimeout("in the middle of anything")

    previous = signal.signal(signal.SIGALRM, end)
    yield
    signal.signal(signal.SIGALRM, previous)


@BATCHES
@pytest.mark.parametrize(("how", "error"), [("kill", AirflowException), ("timeout", AirflowTaskTimeout)])
def test_a_task_that_is_told_to_end_finishes_what_is_under_way(
    sandbox, ledger, alarm, tmp_path, batch, how, error
):
    sandbox.latency(0.02)
    task = batch(people(500), max_concurrency=5, output=str(tmp_path / "out.jsonl"))
    with once_received(sandbox, 20, stopping(task, how)), pytest.raises(error):
        execute(task)
    sent = received(sandbox)
    assert 20 <= sent < 500
    # Nothing is left open: what was sent is done, what was not is as if it had not been read.
    assert Counter(states(ledger).values()) == {"done": sent}
    assert len(lines(tmp_path / "out.jsonl.partial")) == sent
    assert not (tmp_path / "out.jsonl").exists()
    result = execute(task, try_number=2)
    assert outcomes(result) == {"created": 500 - sent, "replayed": sent}
    assert received(sandbox) == 500
    assert len(lines(tmp_path / "out.jsonl")) == 500


@pytest.mark.parametrize("how", ["kill", "timeout"])
@pytest.mark.parametrize(("batch", "left"), [(users, "created"), (tokens, "unknown")])
def test_what_does_not_end_in_time_is_recorded_as_what_it_is(
    sandbox, ledger, alarm, monkeypatch, set_connection, batch, left, how
):
    monkeypatch.setattr(runner, "STOP_GRACE", 0.3)
    set_connection("imbee_default", extra={"timeout": 60})
    sandbox.fault(vendor="imbee", skip=10, times=4, action="hang")
    task = batch(people(14), max_concurrency=4)
    with (
        once_received(sandbox, 14, stopping(task, how)),
        pytest.raises((AirflowException, AirflowTaskTimeout)),
    ):
        execute(task)
    found = Counter(states(ledger).values())
    assert found == ({"done": 10, "unknown": 4} if batch is tokens else {"done": 10})
    before = received(sandbox)
    assert outcomes(execute(task, try_number=2)) == {"replayed": 10, left: 4}
    assert received(sandbox) - before == (4 if batch is users else 0)


@BATCHES
def test_a_task_that_is_told_to_end_before_it_begins_sends_nothing(sandbox, ledger, monkeypatch, batch):
    task, drive = batch(people(20)), execution._drive

    async def end_before(*arguments: Any) -> int:
        task.on_kill()
        return await drive(*arguments)

    monkeypatch.setattr(execution, "_drive", end_before)
    with pytest.raises(AirflowException, match="told to end"):
        execute(task)
    assert received(sandbox) == 0
    assert states(ledger) == {}


@BATCHES
def test_a_task_that_has_ended_may_be_told_to_end(sandbox, batch):
    task = batch(people(3))
    task.on_kill()
    assert outcomes(execute(task)) == {"created": 3}
    task.on_kill()


def test_a_task_whose_time_is_over_says_so_though_airflow_tells_it_to_end_as_well(sandbox, alarm):
    sandbox.latency(0.02)
    task = users(people(500), max_concurrency=5)

    def run_as_airflow_does() -> None:
        try:
            execute(task)
        except AirflowTaskTimeout:
            task.on_kill()
            raise

    with (
        once_received(sandbox, 20, stopping(task, "timeout")),
        pytest.raises(AirflowTaskTimeout, match="execution_timeout"),
    ):
        run_as_airflow_does()


def test_a_batch_that_was_frozen_sends_nothing_that_the_next_try_has_found(sandbox, ledger, monkeypatch):
    """The next try has made it unknown, and a person may have decided that it is to be sent."""
    holds, frozen = Recorder.holds, list[dict[str, str]]()

    def thaw(recorder: Recorder, claimed: float) -> bool:
        if frozen:
            return holds(recorder, claimed)
        frozen.append(states(ledger))
        change(ledger, "state = 'unknown', error = 'it was interrupted'")
        return holds(recorder, claimed - CLAIM_HOLDS)

    monkeypatch.setattr(Recorder, "holds", thaw)
    result = execute(tokens(people(1)))
    assert frozen == [{"u0": "sent"}]
    assert (outcomes(result), received(sandbox)) == ({"unknown": 1}, 0)
