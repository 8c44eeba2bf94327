"""Kill batches anywhere and run them again: nobody is texted twice, no record is lost."""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from airflow_provider.processes import is_gone
from tests.kill import harness
from tests.kill.files import Invoices, tokens_row
from tests.kill.tasks import Task, Workers, lines
from tests.support.environment import isolate
from tests.support.postgres import MISSING
from tests.support.sandbox import ROOT, SandboxProcess

needs_postgres = pytest.mark.skipif(bool(MISSING), reason=MISSING)


def test_a_hundred_kills():
    counts = harness.run(100, seed=1)
    assert counts.good, counts
    assert counts.kills == 100
    # It was not in vain: some came while a request was under way.
    assert counts.unknown


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"workers": 2}, id="two-workers"),
        pytest.param({"vendor": "mpohoda"}, id="documents"),
        pytest.param({"vendor": "mobadoo"}, id="tickets"),
        pytest.param({"vendor": "mobadoo", "workers": 2, "faults": True}, id="tickets-two-workers-faults"),
        pytest.param({"vendor": "mpohoda", "workers": 2, "faults": True}, id="documents-two-workers-faults"),
        pytest.param({"faults": True}, id="connections-break"),
        pytest.param({"outage": True}, id="a-file-that-others-hold"),
        pytest.param({"in_postgres": True, "outage": True}, id="postgres-is-restarted", marks=needs_postgres),
        pytest.param({"in_postgres": True}, id="postgres", marks=needs_postgres),
        pytest.param(
            {"in_postgres": True, "workers": 2, "faults": True},
            id="postgres-two-workers-connections-break",
            marks=needs_postgres,
        ),
    ],
)
def test_kills(options):
    counts = harness.run(20, seed=2, **options)
    assert counts.good, counts
    assert counts.kills == 20


@pytest.mark.parametrize("vendor", ["mpohoda", "mobadoo"])
@pytest.mark.parametrize("faults", [False, True])
def test_what_interrupted_tries_have_created_is_found_and_counted_right(faults, vendor):
    counts = harness.run(20, vendor=vendor, seed=4, faults=faults, parameters={"reconcile": True})
    assert counts.good, counts
    assert counts.kills == 20
    assert counts.found


class InARow(random.Random):
    """Lets the first requests break, one after the other."""

    def randrange(self, start, stop=None, step=1):
        return 0 if stop is None else super().randrange(start, stop, step)


@pytest.mark.parametrize("vendor", ["mpohoda", "mobadoo"])
def test_a_look_that_breaks_as_often_as_is_survived_ends_no_batch(vendor, monkeypatch):
    # The try after it is left alone, so that it comes to its last attempt.
    monkeypatch.setattr(harness, "KILLS_A_ROUND", 1)
    options = {"vendor": vendor, "faults": True, "parameters": {"reconcile": True}}
    with harness.Harness(**options) as batches:
        batches._random = InARow(4)
        counts = batches.run(5)
    assert counts.good, counts
    assert counts.found


@pytest.mark.parametrize("vendor", ["imbee", "mpohoda", "mobadoo"])
def test_the_harness_sees_what_is_sent_twice(vendor):
    # What a person may decide, and nobody else: unknown ones are sent again.
    counts = harness.run(10, seed=3, vendor=vendor, parameters={"resend_unknown": True})
    assert counts.twice
    assert not counts.good


def test_documents_of_a_batch_that_was_killed_three_times_are_there_once_with_all_their_lines(tmp_path):
    file = Invoices("file")
    source = file.write(tmp_path, random.Random(5))
    with SandboxProcess("--latency", "0.05") as sandbox, closing(Workers(tmp_path / "home")) as workers:
        ledger = str(tmp_path / "ledger.db")
        config = {
            "vendor": file.vendor,
            "operator": file.operator,
            "parameters": {"task_id": "b", "records": str(source), "on_error": "continue"}
            | file.parameters(forever=True),
            "task_instance": {"dag_id": "d", "run_id": "r", "task_id": "b"},
            "environment": {**sandbox.connections, "AIRFLOW__VENDOR_APIS__LEDGER_PATH": ledger},
        }
        task = Task(workers, tmp_path, "killed", config)
        for number in range(1, 4):
            task.start()
            until = time.monotonic() + 60
            while sandbox.state()["requests"]["mpohoda"] < 12 * number:
                assert time.monotonic() < until, task.last_words
            assert task.kill()
        task.start()
        assert workers.status(task.pid, block=True) == 0, task.last_words
        made = sandbox.control("GET", "mpohoda/records/IssuedInvoices")["records"]
        received = Counter(one["OrderNumber"] for one in made)
    assert set(received.values()) == {1}
    assert all(
        [one["Text"] for one in invoice["Items"]] == file.lines[invoice["OrderNumber"]] for invoice in made
    )
    done = {line["order"]: line["issued_invoice"]["id"] for line in lines(task.output)}
    unknown = {line["record"]["order"] for line in lines(task.report)}
    assert set(file.asked) == set(done) | unknown
    assert not set(done) & unknown
    # As many as four connections can have had under way when it was killed.
    assert 0 < len(unknown) <= 3 * 4
    assert set(received) - set(done) <= unknown
    assert {one["OrderNumber"]: one["Id"] for one in made if one["OrderNumber"] in done} == done
    assert task.result["total"] == len(file.asked)


# A full disk


@pytest.mark.parametrize(
    "limit",
    [
        pytest.param({"more_bytes": 60_000}, id="the-file-cannot-grow"),
        pytest.param({"more_pages": 10}, id="the-database-cannot-grow"),
    ],
)
def test_a_full_disk_stops_the_batch_before_it_sends_what_it_cannot_record(limit, tmp_path):
    with SandboxProcess("--latency", str(harness.LATENCY)) as sandbox:
        workers = Workers(tmp_path / "home")
        try:
            ledger, source = tmp_path / "ledger.db", tmp_path / "in.jsonl"
            rows = [tokens_row("full", number) for number in range(300)]
            source.write_text("".join(json.dumps(row) + "\n" for row in rows))
            config = {
                "vendor": "imbee",
                "operator": "ImbeeCreateAccessTokensOperator",
                "parameters": {
                    "task_id": "batch",
                    "records": str(source),
                    "on_error": "continue",
                    "max_concurrency": 8,
                },
                "task_instance": {"dag_id": "d", "run_id": "r", "task_id": "batch"},
                "environment": {**sandbox.connections, "AIRFLOW__VENDOR_APIS__LEDGER_PATH": str(ledger)},
            }
            empty = pages_of_an_empty_ledger(tmp_path)
            if more := limit.get("more_pages"):
                limit = {"most_pages": empty + more}
            else:
                limit = {"largest_file": empty * PAGE + limit["more_bytes"]}
            full = Task(workers, tmp_path, "full", {**config, **limit})
            full.start()
            assert workers.status(full.pid, block=True) == 1
            assert "StoreUnavailable" in full.log.read_text()
            sent = {message["virtual_user"] for message in sandbox.messages()}
            assert 0 < len(sent) < len(rows)
            assert sent <= set(keys_of(ledger))

            again = Task(workers, tmp_path, "again", config)
            again.start()
            assert workers.status(again.pid, block=True) == 0, again.last_words
            result = again.result
            assert set(Counter(message["virtual_user"] for message in sandbox.messages()).values()) == {1}
            done = {line["virtual_user"] for line in lines(again.output)}
            unknown = {line["record"]["virtual_user"] for line in lines(again.report)}
            assert len(done) + len(unknown) == result["total"] == len(rows)
            assert result["unknown"] == len(unknown)
            assert result["failed"] == 0
            # What was sent and not recorded to its end is what is not known.
            assert unknown <= set(keys_of(ledger))
            assert {message["virtual_user"] for message in sandbox.messages()} - done <= unknown
        finally:
            workers.close()


PAGE = 4096
"""Bytes of a page of an SQLite file."""


def pages_of_an_empty_ledger(folder: Path) -> int:
    import sqlalchemy as sa

    from airflow_provider.store.engine import Database

    empty = Database(sa.URL.create("sqlite", database=str(folder / "empty.db")), shared=False)
    try:
        empty.prepare()
        with empty.read() as connection:
            return int(connection.exec_driver_sql("PRAGMA page_count").scalar_one())
    finally:
        empty.close()


def keys_of(ledger: Path, *, state: str = "%") -> list[str]:
    connection = sqlite3.connect(ledger)
    try:
        query = "SELECT key FROM vendor_apis_ledger WHERE state LIKE ?"
        return [json.loads(key)[0] for (key,) in connection.execute(query, (state,))]
    finally:
        connection.close()


# With Airflow around it

DAG = """
from datetime import timedelta

from airflow.sdk import DAG

from airflow_provider.imbee.operators import ImbeeCreateAccessTokensOperator

with DAG("killed", schedule=None, default_args={{"retries": 5, "retry_delay": timedelta(0)}}):
    ImbeeCreateAccessTokensOperator(
        task_id="tokens", records={source!r}, output={output!r}, max_concurrency=4, on_error="continue"
    )
"""


def test_kills_of_real_task_processes(tmp_path):
    home, source, output = tmp_path / "home", tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    environment = dict(os.environ)
    isolate(environment, home)
    (home / "dags" / "killed.py").write_text(DAG.format(source=str(source), output=str(output)))
    rows = [tokens_row("task", number) for number in range(60)]
    source.write_text("".join(json.dumps(row) + "\n" for row in rows))
    with SandboxProcess("--latency", "0.05") as sandbox:
        path = os.pathsep.join(filter(None, [str(ROOT), environment.get("PYTHONPATH")]))
        worker = subprocess.Popen(
            [sys.executable, "-m", "tests.kill.airflow_worker", "killed.py", "killed", "tokens", "5"],
            cwd=tmp_path,
            env={**environment, **sandbox.connections, "PYTHONPATH": path},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        try:
            killed: set[str] = set()
            for number in range(1, 4):
                killed.add(kill_task(home / "vendor_apis.db", sandbox, worker, 8 * number, killed))
            printed, _ = worker.communicate(timeout=60)
        finally:
            if worker.poll() is None:
                os.killpg(worker.pid, signal.SIGKILL)
                worker.communicate()
        assert json.loads(printed.splitlines()[-1]) == [-signal.SIGKILL] * 3 + [0], printed
        sent = Counter(message["virtual_user"] for message in sandbox.messages())
    assert set(sent.values()) == {1}
    done = {line["virtual_user"] for line in lines(output)}
    unknown = {line["record"]["virtual_user"] for line in lines(tmp_path / "out.failed.jsonl")}
    assert {row["virtual_user"] for row in rows} == done | unknown
    assert not done & unknown
    assert unknown
    assert done <= set(sent)


def kill_task(
    ledger: Path, sandbox: SandboxProcess, worker: subprocess.Popen[str], after: int, killed: set[str]
) -> str:
    """Kill the process that holds rows of the ledger, once the vendor has received so many requests."""
    until = time.monotonic() + 60
    while worker.poll() is None and time.monotonic() < until:
        owners = holders(ledger) - killed if sandbox.state()["requests"]["imbee"] >= after else set()
        for owner in owners:
            if not is_gone(owner):
                os.kill(int(owner.split("/")[1]), signal.SIGKILL)
                return owner
        time.sleep(0.005)
    worker.kill()
    pytest.fail(f"there was no task to kill; the worker printed: {worker.communicate()[0]}")


def holders(ledger: Path) -> set[str]:
    connection = sqlite3.connect(ledger, timeout=60)
    try:
        query = "SELECT DISTINCT owner FROM vendor_apis_ledger WHERE state = 'sent'"
        return {owner for (owner,) in connection.execute(query)}
    finally:
        connection.close()
