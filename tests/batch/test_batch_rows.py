"""What the operations page learns of a batch, and that it never costs the batch anything."""

from __future__ import annotations

import threading
import time
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa

from airflow_provider.exceptions import StoreUnavailable, VendorError
from airflow_provider.ledger import batches
from airflow_provider.ledger.batches import BatchRow
from airflow_provider.run_identity import RunIdentity
from airflow_provider.store.engine import Database
from airflow_provider.store.tables import batch as table
from tests.support.batches import counts
from tests.support.imbee_runs import people, users
from tests.support.patience import wait_until

TASK = RunIdentity("customers", "run_1", "users", 3)


def stored(path: Any) -> list[Any]:
    database = Database(sa.URL.create("sqlite", database=str(path)), shared=False)
    with database.read() as connection:
        found = connection.execute(sa.select(table).order_by(table.c.started_at)).mappings().all()
    database.close()
    return list(found)


@pytest.mark.usefixtures("quick")
def test_a_batch_leaves_a_row_with_its_counts(sandbox, tmp_path, ledger_path):
    output = str(tmp_path / "out.jsonl")
    result = users([*people(5), "no record"], output=output, on_error="continue")
    [row] = stored(ledger_path)
    assert counts(result) == {"total": 6, "created": 5, "failed": 1}
    assert {name: row[name] for name in ("state", "created", "failed", "fraction", "requests", "output")} == {
        "state": "done",
        "created": 5,
        "failed": 1,
        "fraction": 1.0,
        "requests": 5,
        "output": output,
    }
    assert (row["conn_id"], row["operation"]) == ("imbee_default", "imbee.create_user")
    assert row["report"] == result["failures_output"]
    assert row["started_at"] <= row["ended_at"] <= row["updated_at"]


@pytest.mark.usefixtures("quick")
def test_a_batch_that_ends_early_leaves_why(sandbox, ledger_path):
    sandbox.fault(vendor="imbee", status=401, times=100)
    with pytest.raises(VendorError):
        users(people(5))
    [row] = stored(ledger_path)
    assert row["state"] == "failed"
    assert "HTTP 401" in row["error"]


@pytest.mark.usefixtures("quick")
def test_a_batch_that_ends_early_leaves_where_its_report_is(sandbox, tmp_path, ledger_path):
    with pytest.raises(VendorError):
        users(["no record", *people(2)], output=str(tmp_path / "out.jsonl"), on_error="fail")
    [row] = stored(ledger_path)
    assert (row["output"], row["report"]) == (None, str(tmp_path / "out.failed.jsonl"))
    assert row["requests"] is not None


@pytest.mark.usefixtures("quick")
def test_a_row_that_cannot_be_written_does_not_cost_the_batch_its_try(
    sandbox, ledger_path, caplog, monkeypatch
):
    def refuse(self: Any, values: Any) -> int:
        raise StoreUnavailable("the database is away")

    monkeypatch.setattr(BatchRow, "_insert", refuse)
    monkeypatch.setattr(BatchRow, "_update", refuse)
    assert counts(users(people(5))) == {"total": 5, "created": 5}
    assert caplog.text.count("does not show this batch as it is: the database is away") == 1


def test_a_row_that_could_not_be_written_at_the_beginning_is_written_later(database, monkeypatch):
    monkeypatch.setattr(batches, "INTERVAL", 0.02)
    insert = BatchRow._insert
    refused: list[Any] = []

    def refuse_twice(self: Any, values: Any) -> None:
        if len(refused) < 2:
            refused.append(values)
            raise StoreUnavailable("the database is away")
        insert(self, values)

    monkeypatch.setattr(BatchRow, "_insert", refuse_twice)
    before = time.time()
    with BatchRow(database, "imbee_default", "imbee.create_user", TASK, 1):
        found = wait_until(lambda: batches.running(database, ["imbee_default"], limit=5))
        assert before <= found[0]["started_at"] <= found[0]["updated_at"]
    [row] = batches.ended(database, ["imbee_default"], limit=5)
    assert row["state"] == "done"


@pytest.mark.parametrize("when", ["at the beginning", "at the end"])
def test_neither_beginning_nor_end_of_a_batch_waits_for_a_busy_database(database, monkeypatch, when):
    monkeypatch.setattr(batches, "LAST_WAIT", 0.1)
    free = threading.Event()
    update = BatchRow._update

    def wait(self: Any, values: Any) -> int:
        if when == "at the beginning" or values:
            free.wait(30)
        return update(self, values)

    monkeypatch.setattr(BatchRow, "_update", wait)
    started = time.monotonic()
    with BatchRow(database, "imbee_default", "imbee.create_user", TASK, 1) as row:
        pass
    assert time.monotonic() - started < 5
    free.set()
    row._thread.join(30)
    assert [one["state"] for one in batches.ended(database, ["imbee_default"], limit=5)] == ["done"]


def test_a_batch_that_runs_writes_how_far_it_is(database, monkeypatch):
    monkeypatch.setattr(batches, "INTERVAL", 0.05)
    known = SimpleNamespace(created=0, existing=0, replayed=0, failed=0, unknown=0)
    with BatchRow(database, "imbee_default", "imbee.create_user", TASK, 2) as row:
        row.follow(known, lambda: 0.5)
        known.created = 7
        found = wait_until(
            lambda: [one for one in batches.running(database, ["imbee_default"], limit=5) if one["created"]]
        )
        assert (found[0]["created"], found[0]["fraction"], found[0]["try_number"]) == (7, 0.5, 2)
        assert batches.ended(database, ["imbee_default"], limit=5) == []
    assert batches.running(database, ["imbee_default"], limit=5) == []
    [done] = batches.ended(database, ["imbee_default"], limit=5)
    assert (done["state"], done["map_index"], done["task_id"]) == ("done", 3, "users")
    assert batches.connections(database) == ["imbee_default"]


def test_an_error_that_is_not_ours_leaves_its_kind_alone(database):
    with (
        pytest.raises(RuntimeError),
        BatchRow(database, "imbee_default", "imbee.create_user", TASK, 1),
    ):
        raise RuntimeError("ann@example.com")
    [row] = batches.ended(database, ["imbee_default"], limit=5)
    assert (row["state"], row["error"]) == ("failed", "RuntimeError")


def test_rows_are_kept_for_ninety_days(database):
    with BatchRow(database, "imbee_default", "imbee.create_user", TASK, 1):
        pass
    with database.begin() as connection:
        connection.execute(sa.update(table).values(started_at=time.time() - 91 * 86400))
    with BatchRow(database, "imbee_default", "imbee.create_user", TASK, 1):
        pass
    assert len(batches.ended(database, ["imbee_default"], limit=5)) == 1


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/data/out.jsonl", "/data/out.jsonl"),
        ("s3://aws_default@bucket/a/out.csv", "s3://aws_default@bucket/a/out.csv"),
        ("s3://key:canary@bucket/out.csv", "s3://bucket/out.csv"),
        ("https://host/out.csv?signature=canary#canary", "https://host/out.csv"),
    ],
)
def test_no_secret_of_an_output_is_kept(database, path, shown):
    with BatchRow(database, "imbee_default", "imbee.create_user", TASK, 1) as row:
        row.published(path, None, 1)
    [found] = batches.ended(database, ["imbee_default"], limit=5)
    assert (found["output"], found["report"]) == (shown, None)


@pytest.mark.usefixtures("quick")
def test_what_is_read_ahead_is_not_done(sandbox, ledger_path, monkeypatch):
    """Of 400 records 200 are read at once: after the first of them next to nothing is done."""
    seen: list[tuple[int, float | None]] = []
    follow = BatchRow.follow

    def watched(self: Any, counted: Any, fraction: Any) -> None:
        follow(self, counted, fraction)
        add = type(counted).add

        def note(own: Any, name: str, row: Any) -> None:
            add(own, name, row)
            seen.append((own.total, fraction()))

        monkeypatch.setattr(type(counted), "add", note)

    monkeypatch.setattr(BatchRow, "follow", watched)
    assert counts(users(people(400))) == {"total": 400, "created": 400}
    assert seen[0][1] < 0.01
    assert seen[-1] == (400, 1.0)
