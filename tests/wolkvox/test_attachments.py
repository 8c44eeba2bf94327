"""Files in records and cases: what is sent of them, over real HTTP against the sandbox."""

from __future__ import annotations

import base64
import json
import logging
import os
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from airflow_provider.batch import jobs
from airflow_provider.exceptions import InvalidInput
from airflow_provider.wolkvox import attachments as files
from airflow_provider.wolkvox.fields import attachment, attachments, table
from airflow_provider.wolkvox.operators import WolkvoxInsertCasesOperator, WolkvoxUpdateCasesOperator
from tests.support.batches import counts, execute
from tests.support.wolkvox import bodies, contacts, insert, people, update, upsert
from tests.wolkvox.files import CONTENT, DECLARED, IN_BASE64, PDF, PNG, link

pytestmark = pytest.mark.usefixtures("quick")


CASE = {
    "case_type": "Request",
    "responsible": "ana@demo_operation",
    "owner": "ana@demo_operation",
    "contact": "c1@example.com",
    "description": "what",
    "status": "Open",
    "priority": "high",
    "form": {"subject": "late"},
}


CLOSED = {"status": "Closed", "solution": "sent again"}
CASE_FILES = {"attachments": attachments()}


def insert_cases(records: Any, **options: Any) -> dict[str, Any]:
    options = {"on_error": "continue", **options}
    return execute(WolkvoxInsertCasesOperator(task_id="cases", records=records, **options))


# --- what a file is made of --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (link("a.pdf"), link("a.pdf")),
        (f'<a href="{PDF}" download="a.pdf">see</a>', f'<a href="{PDF}" download="a.pdf">see</a>'),
        (PDF, link("attachment-1.pdf")),
        (f"data:application/pdf;name=my%20file.pdf;base64,{IN_BASE64}", link("my file.pdf")),
        ("data:text/plain,a%20b", link("attachment-1.txt", "text/plain", b"a b")),
        (IN_BASE64, link("attachment-1.pdf")),
        (base64.b64encode(PNG).decode(), link("attachment-1.png", "image/png", PNG)),
        ("aGVs\r\nbG8=\n", link("attachment-1.bin", "application/octet-stream", b"hello")),
        ("aGVsbG8=", link("attachment-1.bin", "application/octet-stream", b"hello")),
        (attachment("a.pdf", content=CONTENT), link("a.pdf")),
        (attachment("a.pdf", content=IN_BASE64), link("a.pdf")),
        (attachment("a.png", content=PNG), link("a.png", "image/png", PNG)),
        (attachment("a", content=CONTENT), link("a")),
        (attachment("a.zzz", content=b"x"), link("a.zzz", "application/octet-stream", b"x")),
        (attachment("a.csv.gz", content=b"x"), link("a.csv.gz", "application/gzip", b"x")),
        (attachment("a.txt", content=b"x", type="text/csv"), link("a.txt", "text/csv", b"x")),
        (attachment("/x/y\\z.pdf", content=CONTENT), link("z.pdf")),
        (
            attachment('it\'s "A" <b> & c.pdf', content=CONTENT),
            link("it&#x27;s &quot;A&quot; &lt;b&gt; &amp; c.pdf"),
        ),
    ],
)
def test_a_file_is_sent_as_the_vendors_sample_has_it(sandbox, given, expected):
    insert(contacts(1))
    assert counts(insert_cases([{**CASE, "attachments": [given]}])) == {"total": 1, "created": 1}
    [body] = bodies(sandbox, "cases/insertAttach.php")
    assert body["attachments"] == [expected]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("no base64!", "file 2 is not base64; it is 10 characters of text"),
        ("<b>bold</b>", "file 2 is no file; it is 11 characters of text"),
        (f"{link('a.pdf')};{link('b.pdf')}", "file 2 is no file"),
        (7, "file 2 is no file; it is a int"),
        ({"a": 1}, "file 2 is no file; it is a dict"),
        ("data:application/pdf;base64,???", "file 2 is not base64"),
        (attachment("a.pdf", content="???"), "file 2 is not base64"),
        (attachment("a.pdf", content=b""), "file 2 is empty"),
        (attachment("a\nb.pdf", content=b"x"), "line break"),
        (attachment("a\x01b.pdf", content=b"x"), "control character"),
        (attachment("a\tb.pdf", content=b"x"), "name that no file can have"),
        (attachment("/", content=b"x"), "name that no file can have"),
        (attachment("..", content=b"x"), "name that no file can have"),
        (attachment("a.pdf", content=b"x", type="pdf' onclick='x"), "has no type like application/pdf"),
    ],
)
def test_what_is_no_file_is_named_by_its_number_and_its_shape(sandbox, given, told):
    result = insert_cases([{**CASE, "attachments": [PDF, given]}])
    assert counts(result) == {"total": 1, "failed": 1}
    [failure] = result["failures"]
    assert (failure["error"], failure["field"]) == ("InvalidInput", "attachments")
    assert told in failure["reason"]
    assert "onclick" not in failure["reason"]
    assert sandbox.requests("wolkvox") == []


def test_the_same_file_in_another_form_is_the_same_case(sandbox, invoice):
    insert(contacts(1))
    forms = [
        attachment("invoice.pdf", content=CONTENT),
        attachment(path=str(invoice)),
        link("invoice.pdf"),
        f"data:application/pdf;name=invoice.pdf;base64,{IN_BASE64}",
    ]
    result = insert_cases([{**CASE, "attachments": [one]} for one in forms], types=CASE_FILES)
    assert counts(result) == {"total": 4, "created": 1, "replayed": 3}
    other = attachment("invoice.pdf", content=CONTENT + b".")
    assert counts(insert_cases([{**CASE, "attachments": other}])) == {"total": 1, "created": 1}


def test_types_of_cases_declare_attachments_alone():
    for wrong in ({"description": attachments()}, {"attachments": {"type": "address"}}):
        with pytest.raises(InvalidInput, match="can declare attachments alone"):
            WolkvoxInsertCasesOperator(task_id="cases", records=[], types=wrong)
    with pytest.raises(InvalidInput, match="must not be one file"):
        WolkvoxInsertCasesOperator(
            task_id="cases", records=[], types={"attachments": attachment(path="/a.pdf")}
        )


# --- files that are named by a path ------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["", "file://"])
def test_a_path_is_read_when_the_record_is_sent(sandbox, invoice, scheme):
    insert(contacts(1))
    result = insert_cases([CASE], defaults={"attachments": attachment(path=f"{scheme}{invoice}")})
    assert counts(result) == {"total": 1, "created": 1}
    [body] = bodies(sandbox, "cases/insertAttach.php")
    assert body["attachments"] == [link("invoice.pdf")]


@pytest.mark.parametrize("several", [True, False])
def test_a_column_may_have_the_paths(sandbox, invoice, tmp_path, several):
    insert(contacts(1))
    other = tmp_path / "b.png"
    other.write_bytes(PNG)
    paths: Any = [str(invoice), other] if several else f"{invoice}; {other};"
    record = {**CASE, "scans": paths if not several else [str(one) for one in paths]}
    options = {"fields": {"attachments": "scans"}, "types": {"attachments": attachments()}}
    result = insert_cases([record, {**CASE, "scans": ""}], **options)
    assert counts(result) == {"total": 2, "created": 2}
    [body] = bodies(sandbox, "cases/insertAttach.php")
    assert body["attachments"] == [link("invoice.pdf"), link("b.png", "image/png", PNG)]
    assert len(bodies(sandbox, "cases/insert.php")) == 1
    assert IN_BASE64 not in json.dumps(result), "the result has the path alone"


def test_a_missing_file_fails_its_record_alone(sandbox, invoice, tmp_path):
    insert(contacts(1))
    (tmp_path / "empty.pdf").touch()
    paths = [f"{tmp_path}/none-of-Ada.pdf", str(tmp_path), f"{tmp_path}/empty.pdf", "file:///none", "zzz://x"]
    records = [{**CASE, "attachments": attachment(path=path)} for path in (*paths, str(invoice))]
    records.append({**CASE, "attachments": {"type": "provider:attachment", "path": 7}})
    result = insert_cases(records, types=CASE_FILES)
    assert counts(result) == {"total": 7, "created": 1, "failed": 6}
    reasons = [failure["reason"] for failure in result["failures"]]
    for reason, told in zip(
        reasons,
        (
            "there is no such file",
            "it is a folder",
            "is empty (0 bytes)",
            "there is no such file",
            "StoreMissing",
            "has no path; it is a int",
        ),
        strict=True,
    ):
        assert told in reason
        assert '"attachments": file 1' in reason
        assert "none-of-Ada" not in reason
    assert {failure["field"] for failure in result["failures"]} == {"attachments"}
    assert "that the worker sees that place" in reasons[0]


def test_a_named_pipe_is_no_file_and_is_not_waited_for(sandbox, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    result = insert_cases([{**CASE, "attachments": f"{tmp_path}/pipe"}], types=CASE_FILES)
    assert counts(result) == {"total": 1, "failed": 1}
    assert "it is no ordinary file" in result["failures"][0]["reason"]


def test_a_file_may_have_so_many_bytes_and_no_more(sandbox, tmp_path, monkeypatch):
    monkeypatch.setattr(files, "MOST_BYTES", 1000)
    monkeypatch.setattr(files, "MOST_BYTES_TOGETHER", 1500)
    insert(contacts(1))
    for size in (1000, 1001):
        (tmp_path / str(size)).write_bytes(b"x" * size)
    fits, beyond = (attachment(path=f"{tmp_path}/{size}") for size in (1000, 1001))
    records = [{**CASE, "attachments": one} for one in ([fits], [beyond], [fits, fits])]
    whole = {**CASE, "attachments": attachment("a", content="A" * 2000)}
    result = insert_cases([*records, whole], types=CASE_FILES)
    assert counts(result) == {"total": 4, "created": 1, "failed": 3}
    reasons = [failure["reason"] for failure in result["failures"]]
    assert "file 1 has more than 1,000 bytes" in reasons[0]
    assert "more than 1,500 bytes together" in reasons[1]
    assert "file 1 has more than 1,000 bytes" in reasons[2]


def test_nothing_of_a_file_is_in_a_log_an_error_the_result_or_the_ledger(
    sandbox, invoice, tmp_path, ledger_path, caplog
):
    caplog.set_level(logging.DEBUG)
    insert(contacts(1))
    echo = {"code": "400", "error": "BAD REQUEST", "msg": f"WRONG: {link('invoice.pdf')[:80]}"}
    sandbox.fault(vendor="wolkvox", status=400, json=echo)
    output = str(tmp_path / "out.jsonl")
    records = [{**CASE, "attachments": attachment(path=str(invoice)), "solution": n} for n in "ab"]
    result = insert_cases(records, output=output, types=CASE_FILES)
    assert counts(result) == {"total": 2, "created": 1, "failed": 1}
    kept = [
        caplog.text,
        json.dumps(result),
        Path(output).read_text(),
        next(tmp_path.glob("out*failed*")).read_text(),
        *sqlite3.connect(ledger_path).iterdump(),
    ]
    assert "WRONG: <a href='[file]' d" in kept[1]
    for part in (IN_BASE64[:12], "secret of Ada"):
        assert not any(part in one for one in kept)


# --- which files a record may name -------------------------------------------------------------------------


UNDECLARED = [
    attachment(path="/etc/hostname"),
    [attachment(path="/etc/hostname")],
    [PDF, {"type": "provider:attachment", "path": "/etc/hostname"}],
    {"type": "provider:attachment", "content": IN_BASE64, "path": "file:///etc/hostname"},
]


@pytest.mark.parametrize("value", UNDECLARED)
@pytest.mark.parametrize("given", ["file", "list"])
def test_a_record_names_no_file_of_the_worker_in_a_field_that_types_does_not_declare(
    sandbox, tmp_path, value, given
):
    done = insert(contacts(1))
    before = len(sandbox.requests("wolkvox"))
    contact = [{"idcontact": "7", "Adjuntos": value}]
    changed = [{"record": done["records"][0]["record"], "note": "x", "attachments": value}]
    case = [{**CASE, "scan": value}]
    path = tmp_path / "records.jsonl"

    def as_given(records: list[dict[str, Any]]) -> Any:
        path.write_text("".join(json.dumps(record) + "\n" for record in records))
        return str(path) if given == "file" else records

    results = [
        insert(as_given(contact), types={"Other": attachments()}),
        insert(as_given(contact), fields={"Files": "Adjuntos"}),
        insert(as_given(contact), include=["Adjuntos"]),
        update(as_given(changed)),
        insert_cases(as_given(case), fields={"attachments": "scan"}),
    ]
    fields = ["Adjuntos", "Files", "Adjuntos", "attachments", "attachments"]
    for result, field in zip(results, fields, strict=True):
        assert counts(result) == {"total": 1, "failed": 1}
        [failure] = result["failures"]
        assert (failure["error"], failure["field"]) == ("InvalidInput", field)
        assert f'types={{"{field}": attachments()}}' in failure["reason"]
        assert "hostname" not in failure["reason"]
    assert len(sandbox.requests("wolkvox")) == before


def test_a_file_where_wolkvox_takes_none_is_refused_before_it_is_sent(sandbox):
    file = attachment("a.pdf", content=CONTENT)
    results = [
        insert([{"idcontact": "1", "rows": table([{"scan": file}])}]),
        insert_cases([{**CASE, "form": {"scan": [file]}}]),
        upsert([{**people(1)[0], "scan": file}]),
    ]
    for result, field in zip(results, ("rows", "form", "scan"), strict=True):
        assert counts(result) == {"total": 1, "failed": 1}
        [failure] = result["failures"]
        assert (failure["error"], failure["field"]) == ("InvalidInput", field)
        assert "has a file in it, where wolkvox takes none" in failure["reason"]
    assert sandbox.requests("wolkvox") == []


@pytest.mark.parametrize("form", ["file", "in a list", "path"])
def test_what_types_declares_may_name_files_in_each_form(sandbox, invoice, form):
    file = attachment(path=str(invoice))
    value = {"file": file, "in a list": [file], "path": str(invoice)}[form]
    result = insert([{"idcontact": "1", "scan": value}], fields={"Adjuntos": "scan"}, types=DECLARED)
    assert counts(result) == {"total": 1, "created": 1}
    [body] = bodies(sandbox, "custom/insertAttach.php")
    assert body["fields"]["Adjuntos"] == [link("invoice.pdf")]


def test_a_case_that_was_inserted_with_files_is_updated_without_naming_them_again(sandbox, invoice):
    insert(contacts(1))
    done = insert_cases([{**CASE, "attachments": attachment(path=str(invoice))}], types=CASE_FILES)
    task = WolkvoxUpdateCasesOperator(task_id="close", records=done, defaults=CLOSED)
    assert counts(execute(task)) == {"total": 1, "existing": 1}


# --- memory ------------------------------------------------------------------------------------------------


def test_large_files_are_read_again_in_place_of_being_kept(sandbox, tmp_path, monkeypatch):
    insert(contacts(1))
    kept: list[bool] = []
    made = jobs.JobMaker._job

    def watched(self: Any, row: Any) -> Any:
        job = made(self, row)
        kept.append(job.call is not None and job.call.json is not None)
        return job

    monkeypatch.setattr(jobs.JobMaker, "_job", watched)
    records = []
    for number, size in enumerate((10, 200_000, 200_000)):
        path = tmp_path / f"{number}.bin"
        path.write_bytes(bytes([number]) * size)
        records.append({**CASE, "attachments": attachment(path=str(path))})
    assert counts(insert_cases(records, types=CASE_FILES)) == {"total": 3, "created": 3}
    assert kept == [True, False, False]
    sent = [body["attachments"][0] for body in bodies(sandbox, "cases/insertAttach.php")]
    assert [f"download='{number}.bin'" in one for number, one in enumerate(sent)] == [True] * 3
    assert counts(insert_cases(records, types=CASE_FILES)) == {"total": 3, "replayed": 3}


@pytest.mark.parametrize("gone", [True, False])
def test_a_file_that_changes_while_the_batch_runs_fails_its_record_and_the_next_try_sends_it(
    sandbox, tmp_path, monkeypatch, gone
):
    insert(contacts(1))
    path = tmp_path / "a.bin"
    path.write_bytes(b"x" * 200_000)
    again = jobs.JobMaker._again

    def changed(self: Any, *args: Any) -> Any:
        if gone:
            path.unlink()
        else:
            path.write_bytes(b"y" * 200_000)
        return again(self, *args)

    monkeypatch.setattr(jobs.JobMaker, "_again", changed)
    record = {**CASE, "attachments": attachment(path=str(path))}
    result = insert_cases([record], types=CASE_FILES)
    assert counts(result) == {"total": 1, "failed": 1}
    assert ("no such file" if gone else "has changed since") in result["failures"][0]["reason"]
    assert bodies(sandbox, "cases/insertAttach.php") == []
    monkeypatch.setattr(jobs.JobMaker, "_again", again)
    path.write_bytes(b"x" * 200_000)
    assert counts(insert_cases([record], types=CASE_FILES)) == {"total": 1, "created": 1}


# --- updates of cases --------------------------------------------------------------------------------------


def test_an_update_of_a_case_sends_the_files_beside_user_and_status(sandbox, invoice):
    insert(contacts(1))
    first = insert_cases([CASE])
    task = WolkvoxUpdateCasesOperator(
        task_id="update",
        records=[{"case": record["case"], "scan": str(invoice)} for record in first["records"]],
        fields={"attachments": "scan"},
        types={"attachments": attachments()},
        defaults={"responsible": "ana@demo_operation", "status": "Open"},
    )
    assert counts(execute(task)) == {"total": 1, "existing": 1}
    [body] = bodies(sandbox, "cases/updateCaseAttachment.php")
    assert body == {
        "operation": "demo_operation",
        "wolkvox-id": first["records"][0]["case"]["wolkvox_id"],
        "responsible": "ana@demo_operation",
        "status": "Open",
        "attachments": [link("invoice.pdf")],
    }
