"""What the ledger remembers of a batch: the second try, unknown outcomes and the output."""

from __future__ import annotations

import errno
import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowException

from airflow_provider.batch import jobs, ordering, read_ahead, runner
from airflow_provider.exceptions import VendorRejected
from airflow_provider.processes import new_owner
from airflow_provider.records.writers import FileOutput
from tests.support.batches import execute, lines, outcomes
from tests.support.imbee import BATCHES, LOST, REFUSED, mails, people, received, tokens, users
from tests.support.ledger import change, states

pytestmark = pytest.mark.usefixtures("quick")


# The second time


@BATCHES
def test_a_second_try_sends_nothing_and_has_the_same_output(sandbox, tmp_path, batch):
    output = tmp_path / "out.jsonl"
    assert outcomes(execute(batch(people(30), output=str(output)))) == {"created": 30}
    first = sorted(output.read_text().splitlines())
    before = received(sandbox)
    result = execute(batch(people(30), output=str(output)), try_number=2)
    assert (outcomes(result), result["requests"]) == ({"replayed": 30}, 0)
    assert received(sandbox) == before
    assert sorted(output.read_text().splitlines()) == first


@BATCHES
def test_a_retry_after_a_partial_failure_sends_what_is_left(sandbox, batch):
    sandbox.fault(vendor="imbee", times=3, skip=7, **REFUSED)
    assert outcomes(execute(batch(people(20)))) == {"created": 17, "failed": 3}
    before = received(sandbox)
    assert outcomes(execute(batch(people(20)), try_number=2)) == {"created": 3, "replayed": 17}
    assert received(sandbox) - before == 3


@BATCHES
def test_a_retry_after_a_batch_that_ended_early_sends_what_is_left(sandbox, batch):
    sandbox.fault(vendor="imbee", skip=5, **REFUSED)
    with pytest.raises(VendorRejected):
        execute(batch(people(40), on_error="fail", max_concurrency=4))
    done = sum(
        state == "done" for state in states(Path(os.environ["AIRFLOW__VENDOR_APIS__LEDGER_PATH"])).values()
    )
    before = received(sandbox)
    assert 5 <= done == before - 1 < 40
    result = execute(batch(people(40), on_error="fail", max_concurrency=4), try_number=2)
    assert outcomes(result) == {"created": 40 - done, "replayed": done}
    assert received(sandbox) - before == 40 - done


@BATCHES
@pytest.mark.parametrize(
    ("redo", "sent", "found"),
    [
        ("never", 0, {"replayed": 8, "failed": 2}),
        ("failed", 2, {"replayed": 8}),
        ("all", 10, {}),
    ],
)
def test_redo(sandbox, batch, redo, sent, found):
    sandbox.fault(vendor="imbee", times=2, **REFUSED)
    assert outcomes(execute(batch(people(10)))) == {"created": 8, "failed": 2}
    before = received(sandbox)
    result = execute(batch(people(10), redo=redo), try_number=2)
    assert received(sandbox) - before == result["requests"] == sent
    assert {name: result[name] for name in ("replayed", "failed") if result[name]} == found
    assert result["total"] == 10


@BATCHES
def test_what_is_done_and_refused_when_it_is_sent_again_stays_done(sandbox, tmp_path, batch):
    output = tmp_path / "out.jsonl"
    execute(batch(people(10), output=str(output)))
    first = sorted(output.read_text().splitlines())
    sandbox.fault(vendor="imbee", times=2, skip=3, **REFUSED)
    again = execute(batch(people(10), redo="all", on_error="continue"), try_number=2)
    assert (again["total"], again["failed"]) == (10, 2)
    before = received(sandbox)
    result = execute(batch(people(10), output=str(output), redo="failed"), try_number=3)
    assert (outcomes(result), received(sandbox) - before) == ({"replayed": 10}, 0)
    assert len(output.read_text().splitlines()) == len(first)


@BATCHES
def test_in_a_run_the_ledger_remembers_for_the_run(sandbox, batch):
    task = batch(people(3), ledger_scope="run")
    execute(task, "run-1")
    assert execute(task, "run-1", try_number=2)["requests"] == 0
    # The shards of a mapped task share it.
    assert execute(task, "run-1", map_index=4)["requests"] == 0
    for elsewhere in ({"run_id": "run-2"}, {"task_id": "other"}, {"dag_id": "other"}):
        assert execute(task, **elsewhere)["requests"] == 3


@BATCHES
def test_for_ever_the_ledger_remembers_for_ever(sandbox, batch):
    task = batch(people(3), ledger_scope="forever")
    execute(task, "run-1")
    for elsewhere in ({"run_id": "run-2"}, {"task_id": "other"}, {"dag_id": "other"}):
        assert execute(task, **elsewhere)["requests"] == 0


def test_messages_are_remembered_for_ever_and_users_for_a_run():
    assert tokens([]).ledger_scope == "forever"
    assert users([]).ledger_scope == "run"


@BATCHES
def test_two_rows_with_the_same_key_are_sent_once(sandbox, tmp_path, batch):
    source = tmp_path / "in.jsonl"
    rows = [{**row, "line": line} for line, row in enumerate([*people(5), *people(5)])]
    source.write_text("".join(json.dumps(row) + "\n" for row in rows))
    result = execute(batch(str(source), output=str(tmp_path / "out.jsonl")))
    assert outcomes(result) == {"created": 5, "replayed": 5}
    assert received(sandbox) == 5
    found = lines(tmp_path / "out.jsonl")
    assert sorted(row["line"] for row in found) == list(range(10))
    key = "token" if batch is tokens else "user"
    assert all(row[key] for row in found)


# What is not known


def test_what_may_have_gone_out_is_unknown_until_a_person_decides(sandbox, ledger):
    sandbox.fault(vendor="imbee", path="token/new", skip=1, **LOST)
    result = execute(tokens(people(3), max_concurrency=1))
    assert outcomes(result) == {"created": 2, "unknown": 1}
    assert set(mails(sandbox).values()) == {1}
    for redo in ("never", "failed"):
        again = execute(tokens(people(3), redo=redo), "run-2")
        assert (outcomes(again), again["requests"]) == ({"replayed": 2, "unknown": 1}, 0)
        assert again["failures"][0]["error"] == "OutcomeUnknown"
        assert "resend_unknown" in again["failures"][0]["reason"]
    decided = execute(tokens(people(3), resend_unknown=True), "run-3")
    assert (decided["requests"], decided["replayed"], decided["unknown"]) == (1, 2, 0)
    assert mails(sandbox) == {"u0": 1, "u1": 2, "u2": 1}
    assert set(states(ledger).values()) == {"done"}


def test_what_a_dead_process_left_is_sent_again_or_unknown(sandbox, ledger):
    host, pid, _, number = new_owner().rsplit("/", 3)
    for batch, found in ((users, {"existing": 4}), (tokens, {"unknown": 4})):
        execute(batch(people(4)))
        change(ledger, "state = 'sent', result = NULL, owner = ?", f"{host}/{pid}/1/{number}")
        before = received(sandbox)
        assert outcomes(execute(batch(people(4)), try_number=2)) == found
        assert received(sandbox) - before == found.get("existing", 0)
        change(ledger, "state = 'done', result = '{}'")


def test_another_tasks_unknown_records_do_not_keep_the_others_from_being_sent(sandbox):
    sandbox.fault(vendor="imbee", path="token/new", **LOST)
    execute(tokens(people(1)))
    with pytest.raises(AirflowException, match="not sent again"):
        execute(tokens(people(10), on_error="fail"))
    assert mails(sandbox) == {f"u{n}": 1 for n in range(10)}


@BATCHES
def test_an_error_of_ours_lets_what_is_under_way_finish(sandbox, ledger, tmp_path, monkeypatch, batch):
    write = FileOutput.write
    written: list[dict[str, Any]] = []

    def fill_the_disk(self: FileOutput, record: dict[str, Any]) -> None:
        if written:
            raise OSError(errno.ENOSPC, "no space left")
        written.append(record)
        write(self, record)

    monkeypatch.setattr(FileOutput, "write", fill_the_disk)
    sandbox.latency(0.02)
    task = batch(people(300), max_concurrency=5, output=str(tmp_path / "out.jsonl"))
    with pytest.raises(OSError, match="no space left"):
        execute(task)
    sent = received(sandbox)
    assert 1 < sent < 300
    assert Counter(states(ledger).values()) == {"done": sent}


def test_an_answer_that_cannot_be_kept_is_unknown_and_nobody_waits_for_it(sandbox, ledger, monkeypatch):
    def lose(*arguments: Any) -> None:
        raise RuntimeError("a mistake")

    monkeypatch.setattr("airflow_provider.batch.runner.seal_fields", lose)
    result = execute(tokens(people(1) + people(1)))
    assert (outcomes(result), result["requests"]) == ({"unknown": 2}, 1)
    assert "could not be kept (RuntimeError)" in result["failures"][0]["reason"]
    assert states(ledger) == {"u0": "unknown"}
    assert mails(sandbox) == {"u0": 1}


# The output


def test_an_output_of_another_run_is_replaced_by_success_and_untouched_by_failure(sandbox, tmp_path):
    output = tmp_path / "out.jsonl"
    output.write_text('{"of": "yesterday"}\n')
    sandbox.fault(vendor="imbee", skip=3, **REFUSED)
    with pytest.raises(VendorRejected):
        execute(users(people(20), on_error="fail", output=str(output), max_concurrency=2))
    assert output.read_text() == '{"of": "yesterday"}\n'
    execute(users(people(20), on_error="fail", output=str(output)), try_number=2)
    assert sorted(row["unique_id_sha"] for row in lines(output)) == sorted(
        row["unique_id_sha"] for row in people(20)
    )
    assert sorted(path.name for path in tmp_path.glob("out*")) == ["out.jsonl"]


def test_results_keep_the_order_of_the_records_whatever_the_answers_take(sandbox, tmp_path):
    output = tmp_path / "out.jsonl"
    for number in range(0, 60, 7):
        sandbox.fault(vendor="imbee", delay=0.02 * (1 + number % 5), skip=number)
    sandbox.fault(vendor="imbee", skip=20, **REFUSED)
    rows = people(80) + people(10)
    result = execute(users(rows, output=str(output)))
    assert result["total"] == 90
    failed = {failure["row"] for failure in result["failures"]}
    expected = [row["unique_id_sha"] for number, row in enumerate(rows, 1) if number not in failed]
    assert [row["unique_id_sha"] for row in lines(output)] == expected


@pytest.mark.parametrize("ordered", [False, True])
def test_few_records_are_in_memory_at_once(sandbox, tmp_path, monkeypatch, ordered):
    """Records are read as results leave, even if the first takes longest."""
    taken, most = 0, 0
    batches: list[Any] = []
    start, take = runner.Batch.__init__, read_ahead._take

    def remember(self: Any, *arguments: Any) -> None:
        batches.append(self)
        start(self, *arguments)

    def count(rows: Any) -> Any:
        nonlocal taken, most
        found = take(rows)
        taken += len(found)
        most = max(most, taken - batches[0].counts.total)
        return found

    monkeypatch.setattr(runner.Batch, "__init__", remember)
    monkeypatch.setattr(read_ahead, "_take", count)
    monkeypatch.setattr(ordering, "WINDOW", 300)
    source = tmp_path / "in.jsonl"
    source.write_text("".join(json.dumps(row) + "\n" for row in people(2000)))
    sandbox.fault(vendor="imbee", delay=0.5)
    execute(users(str(source), output=str(tmp_path / "out.jsonl"), ordered=ordered))
    assert taken == 2000
    assert most <= 2 * jobs.READ_AHEAD
    # As with the records that wait for the first.
    assert not ordered or len(batches[0]._results._waiting) == 0
