"""What a batch does with its output: found out before the first request, written by one, published whole."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path
from typing import Any

import pytest

from airflow_provider.exceptions import InvalidInput, QuotaExhausted, StoreUnavailable, VendorError
from airflow_provider.records import destinations, writers
from airflow_provider.records.formats import ENDINGS
from airflow_provider.records.new_file import NewFile
from tests.support.batches import counts, execute, lines
from tests.support.imbee_runs import addressees, people, tokens, users
from tests.support.processes import crowd
from tests.support.wolkvox import contacts, insert, spend

pytestmark = pytest.mark.usefixtures("quick")


def received(sandbox: Any) -> int:
    return len(sandbox.requests())


# --- before the first request ------------------------------------------------------------------------------


@pytest.mark.parametrize("batch", [users, tokens])
@pytest.mark.parametrize(
    ("folder", "output", "said"),
    [
        ("out.jsonl", "out.jsonl", "is a folder"),
        (None, "more/", "is a folder"),
        ("out.failed.jsonl", "out.csv", "is a folder"),
        ("out.csv.partial", "out.csv", "out.csv.partial is a folder"),
        (None, "file/out.jsonl", "is not a folder"),
        (None, "x" * 250 + ".jsonl", "too long"),
        # The name of its report is longer.
        (None, "x" * 236 + ".jsonl", "too long"),
        (None, "read_only.jsonl", "is read-only"),
        (None, "out.txt", "unknown format"),
    ],
)
def test_an_output_that_cannot_be_written_is_refused_before_anything_is_sent(
    sandbox, tmp_path, batch, folder, output, said
):
    (tmp_path / "file").write_text("x")
    (tmp_path / "read_only.jsonl").write_text("x")
    (tmp_path / "read_only.jsonl").chmod(0o444)
    if folder:
        (tmp_path / folder).mkdir()
    before = sorted(os.listdir(tmp_path))
    with pytest.raises(InvalidInput, match=said) as raised:
        batch(addressees(3) if batch is tokens else people(3), output=f"{tmp_path}/{output}")
    assert raised.value.field == "output"
    assert raised.value.remedy
    assert received(sandbox) == 0
    assert sorted(os.listdir(tmp_path)) == before


@pytest.mark.parametrize("ending", [".json", ".txt", ".xlsx", ""])
def test_an_ending_that_no_step_reads_is_refused_when_the_dag_is_parsed(ending):
    from airflow_provider.imbee.operators import ImbeeCreateUsersOperator
    from airflow_provider.wolkvox.operators import WolkvoxQueryCasesOperator

    for make in (
        lambda: ImbeeCreateUsersOperator(task_id="users", records=[], output=f"out/users{ending}"),
        lambda: WolkvoxQueryCasesOperator(task_id="q", field="a", value=1, output=f"out/users{ending}"),
    ):
        with pytest.raises(InvalidInput, match='"output" names a file of an unknown format') as raised:
            make()
        assert ENDINGS in raised.value.remedy


def test_an_output_may_be_a_path_object(sandbox, tmp_path):
    result = users(people(2), output=tmp_path / "users.jsonl")
    assert result["output"] == str(tmp_path / "users.jsonl")
    assert len(lines(tmp_path / "users.jsonl")) == 2


def test_a_store_without_its_provider_is_refused_before_anything_is_sent(sandbox):
    for options in (
        {"records": people(1), "output": "s3://bucket/x.jsonl"},
        {"records": "gs://bucket/x.csv"},
    ):
        with pytest.raises(InvalidInput, match="no installed Airflow provider opens") as raised:
            users(**options)
        assert "pip install 'apache-airflow-providers-" in raised.value.remedy
    assert received(sandbox) == 0


# --- without records ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["list", "in.csv", "in.csv.gz", "in.jsonl", "in.parquet"])
@pytest.mark.parametrize("empty", [None, "warn", "fail"])
def test_a_batch_without_records_warns_or_fails_as_the_dag_says(sandbox, tmp_path, capsys, name, empty):
    output = writers.FileOutput(
        f"{tmp_path}/{name}.jsonl" if name == "list" else f"{tmp_path}/{name}", columns=["unique_id_sha"]
    )
    output.publish()
    records: Any = [] if name == "list" else f"{tmp_path}/{name}"
    options = {} if empty is None else {"empty": empty}
    if empty == "fail":
        with pytest.raises(InvalidInput, match="no records") as raised:
            users(records, output=f"{tmp_path}/out.jsonl", **options)
        assert raised.value.field == "records"
        assert 'empty="warn"' in raised.value.remedy
        assert not (tmp_path / "out.jsonl").exists()
    else:
        assert counts(users(records, output=f"{tmp_path}/out.jsonl", **options)) == {}
        logged = capsys.readouterr().out
        assert 'no records. Nothing is sent. With empty="fail" such a task fails.' in logged
        assert (tmp_path / "out.jsonl").read_text() == ""
    assert received(sandbox) == 0


@pytest.mark.parametrize("value", ["no", True, None, "FAIL"])
def test_empty_is_one_of_two_words(value):
    with pytest.raises(InvalidInput, match="empty must be one of warn, fail"):
        users([], empty=value)


@pytest.mark.parametrize("source", ["in.csv", "in.jsonl"])
def test_looking_for_the_first_record_loses_none(sandbox, tmp_path, source, capsys):
    output = writers.FileOutput(f"{tmp_path}/{source}")
    for record in people(3):
        output.write(record)
    output.publish()
    assert counts(users(f"{tmp_path}/{source}", empty="fail")) == {"total": 3, "created": 3}
    assert "no records" not in capsys.readouterr().out


# --- a try that cannot begin -------------------------------------------------------------------------------


def unreadable(tmp_path: Path, monkeypatch: Any) -> dict[str, Any]:
    return {"records": f"{tmp_path}/gone.csv"}


def no_column(tmp_path: Path, monkeypatch: Any) -> dict[str, Any]:
    (tmp_path / "in.csv").write_text("id\n1\n")
    return {"records": f"{tmp_path}/in.csv", "fields": {"unique_id_sha": "other"}}


def empty(tmp_path: Path, monkeypatch: Any) -> dict[str, Any]:
    return {"records": [], "empty": "fail"}


def no_ledger(tmp_path: Path, monkeypatch: Any) -> dict[str, Any]:
    monkeypatch.setenv("AIRFLOW__VENDOR_APIS__LEDGER_PATH", f"{tmp_path}/gone/ledger.db")
    (tmp_path / "gone").write_text("no folder")
    return {}


def no_connection(tmp_path: Path, monkeypatch: Any) -> dict[str, Any]:
    monkeypatch.setenv("AIRFLOW_CONN_IMBEE_DEFAULT", "http://:pw@localhost")
    return {}


def report_is_a_folder(tmp_path: Path, monkeypatch: Any) -> dict[str, Any]:
    (tmp_path / "out.failed.jsonl").unlink()
    (tmp_path / "out.failed.jsonl").mkdir()
    return {}


@pytest.mark.parametrize(
    "obstacle", [unreadable, no_column, empty, no_ledger, no_connection, report_is_a_folder]
)
def test_a_try_that_cannot_begin_leaves_what_an_earlier_one_kept(sandbox, tmp_path, monkeypatch, obstacle):
    with pytest.raises(InvalidInput):
        users([*people(5), {"unique_id_sha": ""}], output=f"{tmp_path}/out.jsonl", max_concurrency=1)
    sandbox.reset()
    kept = tmp_path / "out.jsonl.partial"
    assert len(lines(kept)) == 5
    (tmp_path / "out.jsonl").write_text("yesterday\n")
    (tmp_path / "out.failed.jsonl").write_text("{}\n")
    content = kept.read_text()
    options = {"records": people(9), **obstacle(tmp_path, monkeypatch)}
    before = sorted(os.listdir(tmp_path))
    with pytest.raises((InvalidInput, StoreUnavailable)):
        users(output=f"{tmp_path}/out.jsonl", **options)
    assert received(sandbox) == 0
    assert kept.read_text() == content
    assert (tmp_path / "out.jsonl").read_text() == "yesterday\n"
    assert sorted(os.listdir(tmp_path)) == before


def test_a_try_without_enough_quota_leaves_what_an_earlier_one_kept(sandbox, set_connection, tmp_path):
    (tmp_path / "out.jsonl.partial").write_text("of the try before\n")
    spend(sandbox, 5)
    with pytest.raises((QuotaExhausted, InvalidInput)):
        insert(contacts(9), reserve="auto", output=f"{tmp_path}/out.jsonl")
    assert (tmp_path / "out.jsonl.partial").read_text() == "of the try before\n"
    assert os.listdir(tmp_path) == ["out.jsonl.partial"]


@pytest.mark.parametrize("scheme", ["", "file://"])
@pytest.mark.parametrize("ending", [".jsonl", ".csv", ".parquet", ".jsonl.gz", ".csv.gz"])
def test_a_try_without_enough_quota_leaves_no_file(sandbox, set_connection, tmp_path, ending, scheme):
    spend(sandbox, 5)
    with pytest.raises((QuotaExhausted, InvalidInput)):
        insert(contacts(9), reserve="auto", output=f"{scheme}{tmp_path}/out{ending}")
    assert os.listdir(tmp_path) == []


def test_an_output_that_cannot_be_written_costs_no_question_for_the_quota(sandbox, set_connection, tmp_path):
    set_connection("wolkvox_default", extra={"timeout": 5})
    (tmp_path / "out.jsonl").mkdir()
    with pytest.raises(InvalidInput, match="is a folder"):
        insert(contacts(2), reserve="auto", output=f"{tmp_path}/out.jsonl")
    assert received(sandbox) == 0


# --- two at once -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["jsonl", "csv"])
def test_of_two_tasks_at_once_one_publishes_what_it_counted_and_the_other_is_told(sandbox, tmp_path, ending):
    """Case 02: 600 and 550 records, at the same time, to one output."""
    output = f"{tmp_path}/users.{ending}"

    def batch(index: int) -> dict[str, Any]:
        records = [{"unique_id_sha": f"{index}-{number}"} for number in range((600, 550)[index])]
        try:
            return users(records, output=output)
        except InvalidInput as error:
            return {"error": str(error), "field": error.field}

    answers = crowd(2, batch)
    [won] = [index for index, answer in enumerate(answers) if "error" not in answer]
    lost = answers[1 - won]
    assert "another task has written" in lost["error"]
    assert f"The results of this task are in {output}.partial" in lost["error"]
    assert "{{ run_id }}" in lost["error"]
    assert lost["field"] == "output"
    assert answers[won]["created"] == answers[won]["total"] == (600, 550)[won]
    for name, index in ((output, won), (f"{output}.partial", 1 - won)):
        rows = Path(name).read_text().splitlines()[ending == "csv" :]
        found = [json.loads(row)["unique_id_sha"] if ending == "jsonl" else row.split(",")[0] for row in rows]
        assert found == [f"{index}-{number}" for number in range((600, 550)[index])]
    assert sorted(os.listdir(tmp_path)) == [f"users.{ending}", f"users.{ending}.partial"]


def test_the_task_that_was_told_publishes_when_it_runs_again_and_sends_nothing_twice(sandbox, tmp_path):
    output = str(tmp_path / "users.jsonl")
    meddle(output, "of another task\n")

    with pytest.raises(InvalidInput, match="another task has written"):
        run_and_meddle(tmp_path, output)
    assert Path(output).read_text() == "of another task\n"
    sent = received(sandbox)
    again = execute(make(output))
    assert (again["replayed"], received(sandbox)) == (5, sent)
    assert len(lines(output)) == 5
    assert os.listdir(tmp_path) == ["users.jsonl"]


def make(output: str) -> Any:
    from airflow_provider.imbee.operators import ImbeeCreateUsersOperator

    return ImbeeCreateUsersOperator(task_id="users", records=people(5), output=output)


def meddle(output: str, text: str) -> None:
    """Publish a file as another task does."""
    Path(output).with_name("other").write_text(text)
    os.replace(Path(output).with_name("other"), output)


def run_and_meddle(tmp_path: Path, output: str) -> None:
    """Run a batch, while another task publishes."""
    real = writers.FileOutput.write
    written = []

    def write(self: Any, record: dict[str, Any]) -> None:
        written.append(record)
        if len(written) == 3:
            meddle(output, "of another task\n")
        real(self, record)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(writers.FileOutput, "write", write)
        meddle(output, "yesterday's\n")
        execute(make(output))


def test_the_report_of_another_task_stays_with_its_output(sandbox, tmp_path):
    output = str(tmp_path / "users.jsonl")
    report = tmp_path / "users.failed.jsonl"
    report.write_text("of another task\n")
    with pytest.raises(InvalidInput, match="another task has written"):
        run_and_meddle(tmp_path, output)
    assert report.read_text() == "of another task\n"


def test_nobody_sees_new_results_beside_an_old_report(sandbox, tmp_path, monkeypatch):
    steps: list[str] = []
    real, removed = os.replace, os.remove

    def replace(old: Any, new: Any) -> None:
        steps.append(f"publish {os.path.basename(new)}")
        real(old, new)

    def remove(path: Any) -> None:
        if os.path.exists(path):
            steps.append(f"remove {os.path.basename(path)}")
        removed(path)

    monkeypatch.setattr(os, "replace", replace)
    monkeypatch.setattr(os, "remove", remove)
    users([*people(2), {"unique_id_sha": ""}], on_error="continue", output=f"{tmp_path}/users.jsonl")
    assert steps == ["publish users.failed.jsonl", "publish users.jsonl"]
    steps.clear()
    users(people(2), output=f"{tmp_path}/users.jsonl")
    assert [step for step in steps if not step.endswith(".partial")] == [
        "remove users.failed.jsonl",
        "publish users.jsonl",
    ]


def test_a_folder_that_goes_away_meanwhile_is_an_error_that_says_what_to_do(sandbox, tmp_path, monkeypatch):
    import shutil

    real = destinations._LocalDestination.complete

    def complete(self: Any, raw: Any) -> None:
        real(self, raw)
        shutil.rmtree(tmp_path / "out", ignore_errors=True)

    monkeypatch.setattr(destinations._LocalDestination, "complete", complete)
    with pytest.raises(VendorError, match="cannot be written: No such file or directory") as raised:
        users(people(2), output=f"{tmp_path}/out/users.jsonl")
    assert not isinstance(raised.value, InvalidInput)
    assert "what is done is not sent again" in raised.value.remedy


# --- a module that is none ---------------------------------------------------------------------------------


@pytest.mark.parametrize("module", ["", "  "])
def test_a_module_that_a_template_left_empty_ends_the_batch_before_anything_is_sent(sandbox, module):
    from airflow_provider.wolkvox.operators import (
        WolkvoxDeleteRecordsOperator,
        WolkvoxInsertRecordsOperator,
        WolkvoxQueryOperator,
        WolkvoxUpdateRecordsOperator,
    )

    records = [{"wolkvox_id": "1", "namecontact": "Ada"}]
    for kind, options in (
        (WolkvoxInsertRecordsOperator, {"records": records, "on_error": "continue"}),
        (WolkvoxUpdateRecordsOperator, {"records": records, "on_error": "continue", "chunk_size": 5}),
        (WolkvoxDeleteRecordsOperator, {"records": records, "on_error": "continue"}),
        (WolkvoxQueryOperator, {"field": "a", "value": "b"}),
    ):
        task: Any = kind(task_id="task", module="{{ params.module }}", **options)
        task.module = module
        with pytest.raises(InvalidInput, match='"module" is empty') as raised:
            execute(task)
        assert raised.value.field == "module"
        with pytest.raises(InvalidInput, match="module must be a text"):
            kind(task_id="task", module=module, **options)
    assert received(sandbox) == 0


def test_a_failure_at_publishing_says_counts_and_where_the_results_are(
    sandbox, tmp_path, monkeypatch, capsys
):
    def full(*args: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), f"{tmp_path}/out.jsonl")

    monkeypatch.setattr(NewFile, "publish", full)
    with pytest.raises(VendorError, match="cannot be written: No space left"):
        users(people(5), output=f"{tmp_path}/out.jsonl")
    told = capsys.readouterr().out
    assert "5 records: 5 created" in told
    assert f"Results: {tmp_path}/out.jsonl.partial" in told
    assert len(lines(tmp_path / "out.jsonl.partial")) == 5


def test_a_failure_at_publishing_where_nothing_can_be_kept_says_counts_too(
    sandbox, tmp_path, monkeypatch, capsys
):
    def full(*args: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), f"{tmp_path}/out.jsonl")

    monkeypatch.setattr(NewFile, "publish", full)
    monkeypatch.setattr(NewFile, "keep", full)
    with pytest.raises(VendorError, match="cannot be written: No space left"):
        users(people(5), output=f"{tmp_path}/out.jsonl")
    told = capsys.readouterr().out
    assert "A file of the batch cannot be kept" in told
    assert "5 records: 5 created" in told
    assert "Results: none kept" in told


def test_a_task_whose_output_another_has_written_says_its_counts(sandbox, tmp_path, monkeypatch, capsys):
    def written(*args: Any) -> None:
        raise destinations.WrittenByAnother(f"{tmp_path}/out.jsonl")

    monkeypatch.setattr(NewFile, "complete", written)
    with pytest.raises(InvalidInput, match="another task has written"):
        users(people(5), output=f"{tmp_path}/out.jsonl")
    assert "5 records: 5 created" in capsys.readouterr().out
