"""The state of incremental reading, in SQLite and PostgreSQL."""

from __future__ import annotations

import threading

import pytest
import sqlalchemy as sa

from airflow_provider.exceptions import InvalidInput
from airflow_provider.extract import watermarks
from airflow_provider.extract.watermarks import Watermark
from airflow_provider.run_identity import RunIdentity
from airflow_provider.store.engine import Database
from airflow_provider.store.tables import watermark_read

FIRST = RunIdentity("dag", "run-1", "read")
SECOND = RunIdentity("dag", "run-2", "read")
OUTSIDE = RunIdentity("", "", "once")


def state(database: Database, **other: str) -> Watermark:
    question = {
        "conn_id": "acme_default",
        "base_url": "https://acme.test",
        "listing": "acme.things",
        "path": "things",
        "state_key": "dag/read",
    }
    return Watermark(database, **{**question, **other})


def test_a_run_reads_from_where_the_one_before_came_to(database):
    assert state(database).start(FIRST) is None
    assert state(database).move("2026-11-01T10:00:00Z", FIRST) == "2026-11-01T10:00:00Z"
    assert state(database).start(SECOND) == "2026-11-01T10:00:00Z"


def test_a_run_that_is_cleared_reads_from_where_it_read_before(database):
    for run, watermark in ((FIRST, "2026-11-01T10:00:00Z"), (SECOND, "2026-11-02T10:00:00Z")):
        state(database).start(run)
        state(database).move(watermark, run)
    assert state(database).start(FIRST) is None
    assert state(database).start(SECOND) == "2026-11-01T10:00:00Z"
    assert state(database).start(RunIdentity("dag", "run-3", "read")) == "2026-11-02T10:00:00Z"
    assert state(database).start(OUTSIDE) == "2026-11-02T10:00:00Z"


@pytest.mark.parametrize(
    ("moves", "expected"),
    [
        (["2026-11-02T00:00:00Z", "2026-11-01T00:00:00Z"], "2026-11-02T00:00:00Z"),
        (["2026-11-02T00:00:00Z", None], "2026-11-02T00:00:00Z"),
        ([None], None),
        # Later as a text, and earlier as an instant.
        (["2026-11-02T00:00:00Z", "2026-11-02T00:30:00+01:00"], "2026-11-02T00:00:00Z"),
        (["2026-11-02T00:00:00.1234567Z", "2026-11-02T00:00:00.123Z"], "2026-11-02T00:00:00.1234567Z"),
        (["2026-11-02T00:00:00.123Z", "2026-11-02T00:00:00.1230001"], "2026-11-02T00:00:00.1230001"),
    ],
)
def test_the_state_moves_forward_only_by_instants(database, moves, expected):
    for one in moves:
        state(database).move(one, FIRST)
    assert state(database).start(SECOND) == expected


@pytest.mark.parametrize(
    "other",
    [
        {"conn_id": "acme_other"},
        {"base_url": "https://other.test"},
        {"listing": "acme.others"},
        {"path": "things/of/7"},
        {"state_key": "dag/other"},
    ],
    ids=str,
)
def test_another_question_has_another_state(database, other):
    state(database).move("2026-11-01T10:00:00Z", FIRST)
    assert state(database, **other).start(SECOND) is None


def test_runs_at_once_never_move_it_back(database):
    times = [f"2026-11-{day:02}T00:00:00Z" for day in range(1, 13)]
    gate = threading.Barrier(len(times))
    failures: list[BaseException] = []

    def move(time: str) -> None:
        own = Database(database.url, shared=database.shared)
        gate.wait(timeout=30)
        try:
            store = state(own)
            store.start(RunIdentity("dag", time, "read"))
            store.move(time, RunIdentity("dag", time, "read"))
        except BaseException as error:
            failures.append(error)
        own.close()

    threads = [threading.Thread(target=move, args=(time,)) for time in times]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert failures == []
    assert state(database).start(OUTSIDE) == times[-1]
    assert len(watermarks.states(database)) == 1


def test_names_may_be_longer_than_their_columns(database):
    long = state(database, conn_id="c" * 300, listing="l" * 300, state_key="ž" * 2000)
    long.move("2026-11-01T10:00:00Z", RunIdentity("d" * 250, "r" * 900, "t" * 250))
    assert long.start(FIRST) == "2026-11-01T10:00:00Z"


def test_what_runs_read_from_is_removed_in_the_end(database, monkeypatch):
    state(database).start(FIRST)
    monkeypatch.setattr(watermarks, "KEPT", -1.0)
    state(database).start(SECOND)
    with database.read() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(watermark_read)) == 0


# --- by hand -----------------------------------------------------------------------------------------------


def test_states_are_listed_set_and_forgotten(database):
    state(database).start(FIRST)
    state(database).move("2026-11-01T10:00:00Z", FIRST)
    state(database, conn_id="acme_other").move(None, FIRST)
    assert len(watermarks.states(database)) == 2
    [row] = watermarks.states(database, conn_id="acme_default", listing="acme.things")
    assert (row["watermark"], row["state_key"], row["task"]) == (
        "2026-11-01T10:00:00Z",
        "dag/read",
        "dag/run-1/read/-1",
    )
    watermarks.put(database, row["id"], "2026-10-01T00:00:00Z")
    assert state(database).start(SECOND) == "2026-10-01T00:00:00Z"
    watermarks.forget(database, row["id"])
    assert state(database).start(SECOND) is None
    assert len(watermarks.states(database)) == 2


def test_what_is_no_state_or_no_time_is_told(database):
    with pytest.raises(InvalidInput, match="there is no state"):
        watermarks.put(database, "x", "2026-10-01T00:00:00Z")
    with pytest.raises(InvalidInput, match="there is no state"):
        watermarks.forget(database, "x")
    with pytest.raises(InvalidInput, match="no time"):
        watermarks.put(database, "x", "soon")
