"""Files of documents come to a folder once, whole, and under a name of it. Most of it against the sandbox."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import threading
import time
from typing import Any

import pytest

from airflow_provider import vendors
from airflow_provider.exceptions import InvalidInput, VendorError, VendorProtocolError, VendorRejected
from airflow_provider.extract import folders
from airflow_provider.http.retry import RequestPolicy
from airflow_provider.mpohoda.operators import MpohodaDownloadOperator
from tests.mpohoda.downloads import ID, PDF, Vendor, digest, documents, names, task, vendor_of_files
from tests.support.batches import execute, lines, outcomes
from tests.support.patience import wait_until
from tests.support.sandbox import ROOT
from tests.support.servers import serving


def invoices(sandbox: Any, count: int, resource: str = "IssuedInvoices") -> list[dict[str, Any]]:
    """Let the sandbox have documents; return them as rows of a list."""
    sandbox.control(
        "POST",
        "mpohoda/records",
        {"resource": resource, "count": count, "first": "2026-01-01T00:00:00Z", "step": 60},
    )
    found: list[dict[str, Any]] = sandbox.control("GET", f"mpohoda/records/{resource}")["records"]
    return [{"Id": one["Id"], "DocumentNumber": one["DocumentNumber"]} for one in found[-count:]]


def asked(sandbox: Any) -> list[str]:
    return [one["path"].rpartition("/")[2] for one in sandbox.requests("mpohoda")]


@pytest.fixture
def vendor(set_connection, no_waiting):
    with vendor_of_files(set_connection) as found:
        yield found


# What comes


@pytest.mark.parametrize(("format", "ending"), [("pdf", ".pdf"), ("isdoc", ".isdoc")])
def test_files_of_listed_documents_come_to_the_folder(sandbox, tmp_path, format, ending):
    sandbox.switch({"mpohoda.file_size": 600_000})
    rows = invoices(sandbox, 5)
    result = execute(task(tmp_path / "hand-over", rows, format=format))
    assert outcomes(result) == {"created": 5}
    assert names(tmp_path / "hand-over") == sorted(f"{row['DocumentNumber']}{ending}" for row in rows)
    for row, record in zip(rows, result["records"], strict=True):
        path = tmp_path / "hand-over" / f"{row['DocumentNumber']}{ending}"
        content = path.read_bytes()
        assert row["Id"].encode() in content
        assert record == {
            **row,
            "file": {
                "path": str(path),
                "size": len(content),
                "sha256": digest(content),
                "missing": False,
            },
        }
        assert format == "isdoc" or len(content) == 600_000


def test_a_pdf_is_asked_for_in_a_language(sandbox, tmp_path):
    rows = invoices(sandbox, 1)
    execute(task(tmp_path, rows, language="English"))
    [path] = tmp_path.iterdir()
    assert b" English\n" in path.read_bytes()


@pytest.mark.parametrize("resource", sorted(MpohodaDownloadOperator.operations))
def test_every_list_that_has_pdfs_can_be_fetched(sandbox, tmp_path, resource):
    rows = invoices(sandbox, 2, resource)
    assert outcomes(execute(task(tmp_path, rows, resource=resource, name="{id}"))) == {"created": 2}
    assert names(tmp_path) == sorted(f"{row['Id'].lower()}.pdf" for row in rows)


def test_a_document_that_an_earlier_batch_created_has_its_number_there(vendor, tmp_path):
    created = {"issued_invoice": {"id": ID.format(1), "number": "26FV0001"}, "order": "A/7"}
    execute(task(tmp_path, [created]))
    execute(task(tmp_path, [created], name="{order} {issued_invoice.number}"))
    assert names(tmp_path) == ["26FV0001.pdf", "A_7 26FV0001.pdf"]


def test_fields_are_renamed_for_the_name_too(vendor, tmp_path):
    records = [{"guid": ID.format(1), "vs": "0012", "number": "other"}]
    execute(task(tmp_path, records, fields={"id": "guid", "number": "vs"}))
    assert names(tmp_path) == ["0012.pdf"]


def test_a_file_of_records_without_the_columns_is_refused_before_anything_is_fetched(vendor, tmp_path):
    source = tmp_path / "rows.csv"
    source.write_text(f"id\n{ID.format(1)}\n")
    with pytest.raises(InvalidInput, match='no column "number"'):
        execute(task(tmp_path / "out", source))
    assert vendor.asked == []


def test_results_are_written_to_an_output_and_read_by_the_next_batch(vendor, tmp_path):
    output = tmp_path / "files.jsonl"
    result = execute(task(tmp_path / "pdf", documents(1, 2), output=str(output)))
    assert [one["file"]["size"] for one in lines(output)] == [len(PDF)] * 2
    assert outcomes(execute(task(tmp_path / "again", result))) == {"created": 2}


# What does not come


def test_a_document_without_a_file_is_missing_and_leaves_none(sandbox, tmp_path):
    sandbox.switch({"mpohoda.files": False})
    result = execute(task(tmp_path / "out", invoices(sandbox, 1)))
    assert result["records"][0]["file"] == {"path": None, "size": None, "sha256": None, "missing": True}
    assert outcomes(result) == {"created": 1}
    assert names(tmp_path / "out") == []


def test_the_file_of_a_document_that_is_gone_fails_its_record(sandbox, tmp_path):
    rows = [{"Id": ID.format(9), "DocumentNumber": "gone"}, *invoices(sandbox, 1)]
    result = execute(task(tmp_path, rows, on_error="continue"))
    assert outcomes(result) == {"created": 1, "failed": 1}
    [failure] = result["failures"]
    assert (failure["row"], failure["error"]) == (1, "VendorRejected")
    assert names(tmp_path) == [f"{rows[1]['DocumentNumber']}.pdf"]
    with pytest.raises(VendorRejected):
        execute(task(tmp_path, rows[:1]), run_id="run-2")


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("application/pdf", b"<!DOCTYPE html><title>Sign in</title>"),
        ("text/html", PDF),
        ("application/pdf", b'{"error": "no"}'),
        ("application/json", PDF),
        ("application/pdf", b"\xef\xbb\xbf \n<html>"),
        ("application/pdf", b""),
        ("application/pdf", b"MZ" + b"x" * 2000 + b"%PDF-"),
    ],
)
def test_what_is_no_pdf_is_refused_and_leaves_nothing(vendor, tmp_path, kind, content):
    vendor.answers[1] = (200, kind, content)
    with pytest.raises(VendorProtocolError, match=r"no file|no PDF"):
        execute(task(tmp_path / "out", documents(1)))
    assert names(tmp_path / "out") == []
    assert len(vendor.asked) == 1


def test_an_isdoc_file_may_have_any_content_type_but_is_no_page(vendor, tmp_path):
    vendor.answers[1] = (200, "application/octet-stream", b"PK\x03\x04zipped")
    vendor.answers[2] = (200, "application/pdf", b"<html>no</html>")
    result = execute(task(tmp_path, documents(1, 2), format="isdoc", on_error="continue"))
    assert outcomes(result) == {"created": 1, "failed": 1}
    assert names(tmp_path) == ["26FV0001.isdoc"]


def test_a_file_may_be_larger_than_other_answers(vendor, tmp_path):
    vendor.answers[1] = (200, "application/pdf", PDF * 50)
    policy = RequestPolicy(max_response_bytes=1000)
    execute(task(tmp_path, documents(1), request_policy=policy))
    assert (tmp_path / "26FV0001.pdf").stat().st_size == 50 * len(PDF)


# Once


def test_what_is_there_is_not_fetched_again(vendor, tmp_path):
    execute(task(tmp_path, documents(1, 2)))
    (tmp_path / "26FV0002.pdf").unlink()
    (tmp_path / "26FV0004.pdf").touch()
    result = execute(task(tmp_path, documents(1, 2, 3, 4)), run_id="run-2")
    assert outcomes(result) == {"created": 3, "existing": 1}
    assert sorted(vendor.asked) == [1, 2, 2, 3, 4]
    assert {one["file"]["sha256"] for one in result["records"]} == {digest(PDF)}
    assert result["requests"] == 3


def test_a_second_try_fetches_only_what_the_first_did_not(vendor, tmp_path):
    vendor.answers[3] = (500, "text/plain", b"")
    policy = RequestPolicy(attempts=1)
    with pytest.raises(VendorError):
        execute(task(tmp_path, documents(1, 2, 3), max_concurrency=1, request_policy=policy))
    # The disk of another worker has not what the ledger has as done.
    (tmp_path / "26FV0002.pdf").unlink()
    del vendor.answers[3]
    result = execute(task(tmp_path, documents(1, 2, 3)), try_number=2)
    assert vendor.asked == [1, 2, 3, 2, 3] or sorted(vendor.asked) == [1, 2, 2, 3, 3]
    assert outcomes(result) == {"created": 2, "existing": 1}


def test_overwrite_fetches_once_in_a_run_and_replaces(vendor, tmp_path):
    (tmp_path / "26FV0001.pdf").write_bytes(b"old")
    for try_number in (1, 2):
        result = execute(task(tmp_path, documents(1), overwrite=True), try_number=try_number)
    assert outcomes(result) == {"replayed": 1}
    assert (tmp_path / "26FV0001.pdf").read_bytes() == PDF
    execute(task(tmp_path, documents(1), overwrite=True), run_id="run-2")
    assert vendor.asked == [1, 1]


def test_a_reservation_leaves_out_what_is_there(vendor, tmp_path, monkeypatch):
    from airflow_provider.batch import execution

    asked: list[int] = []
    real = vars(execution)["reserve_for_batch"]

    def reserve(hook: Any, database: Any, needed: int, **more: Any) -> Any:
        asked.append(needed)
        return real(hook, database, needed, **more)

    monkeypatch.setattr(execution, "reserve_for_batch", reserve)
    execute(task(tmp_path, documents(1, 2)))
    execute(task(tmp_path, documents(1, 2, 3), reserve="auto"), run_id="run-2")
    assert asked == [1]
    assert vendor.asked == [1, 2, 3] or sorted(vendor.asked) == [1, 2, 3]


def test_a_document_that_comes_twice_is_fetched_once(vendor, tmp_path):
    result = execute(task(tmp_path, documents(1, 1)))
    assert outcomes(result) == {"created": 1, "replayed": 1}
    assert vendor.asked == [1]


def test_two_tasks_at_once_leave_one_whole_file(vendor, tmp_path):
    both = threading.Barrier(2, timeout=20)
    contents = iter([PDF, PDF + b"made a second later"])

    def answer(number: int) -> None:
        vendor.answers[1] = (200, "application/pdf", next(contents))
        both.wait()

    vendor.before = answer
    results: list[dict[str, Any]] = []
    tasks = [
        threading.Thread(
            target=lambda name=name: results.append(execute(task(tmp_path, documents(1)), run_id=name))
        )
        for name in ("run-1", "run-2")
    ]
    for one in tasks:
        one.start()
    for one in tasks:
        one.join()
    [path] = tmp_path.iterdir()
    kept = digest(path.read_bytes())
    assert [one["records"][0]["file"]["sha256"] for one in results] == [kept, kept]


# While it works


def test_a_full_disk_ends_the_batch_and_leaves_nothing_half_done(vendor, tmp_path, monkeypatch):
    class Full(folders._Sink):
        def write(self, data: bytes) -> None:
            super().write(data[:100])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), self._place.path)

    execute(task(tmp_path, documents(1)))
    monkeypatch.setattr(folders, "_Sink", Full)
    with pytest.raises(VendorError, match="No space left") as raised:
        execute(task(tmp_path, documents(*range(1, 100)), on_error="continue", max_concurrency=4))
    # Every further file would have cost a request.
    assert len(vendor.asked) <= 9
    assert names(tmp_path) == ["26FV0001.pdf"]
    assert "26FV" not in str(raised.value)
    monkeypatch.undo()


def test_no_more_files_are_under_way_than_allowed(vendor, tmp_path):
    vendor.before = lambda number: time.sleep(0.01)
    execute(task(tmp_path, documents(*range(1, 31)), max_concurrency=3))
    assert vendor.most <= 3
    assert len(names(tmp_path)) == 30


KILLED = """
import json, sys
from tests.mpohoda.downloads import documents, task
from tests.support.batches import execute

execute(task(sys.argv[1], documents(1, 2)))
"""


def test_a_killed_task_leaves_no_visible_half_file_and_the_next_try_none_at_all(tmp_path, monkeypatch):
    import socket

    listening = socket.create_server(("127.0.0.1", 0))
    folder = tmp_path / "out"
    connection = {
        "conn_type": "mpohoda",
        "host": f"http://127.0.0.1:{listening.getsockname()[1]}",
        "password": "key-of-the-test",
    }
    monkeypatch.setenv("AIRFLOW_CONN_MPOHODA_DEFAULT", json.dumps(connection))
    process = subprocess.Popen([sys.executable, "-c", KILLED, str(folder)], cwd=ROOT)
    try:
        listening.settimeout(60)
        client, _ = listening.accept()
        with client:
            client.recv(65536)
            client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9000000\r\n\r\n" + PDF * 200)
            wait_until(lambda: names(folder))
            process.send_signal(signal.SIGKILL)
            process.wait(30)
    finally:
        process.kill()
        process.wait()
        listening.close()
    [left] = names(folder)
    assert left.startswith(".26FV000")
    assert left.endswith(".partial")
    vendor = Vendor()
    with serving(vendor) as server:
        monkeypatch.setenv("AIRFLOW_CONN_MPOHODA_DEFAULT", json.dumps({**connection, "host": server.url}))
        assert outcomes(execute(task(folder, documents(1, 2)))) == {"created": 2}
    assert names(folder) == ["26FV0001.pdf", "26FV0002.pdf"]


# The Dag


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"resource": "IssuedOffers", "format": "isdoc"}, "resource"),
        ({"resource": "BusinessPartners"}, "resource"),
        ({"resource": "Invoices"}, "resource"),
        ({"format": "xml"}, None),
        ({"language": "Czech"}, None),
        ({"format": "isdoc", "language": "English"}, "language"),
        ({"name": 5}, "name"),
        ({"overwrite": "yes"}, None),
    ],
)
def test_a_parameter_that_cannot_be_is_refused_when_the_dag_is_parsed(more, field):
    with pytest.raises(InvalidInput) as raised:
        task("/tmp/x", [], **more)
    assert field is None or raised.value.field == field


def test_the_command_line_finds_the_operation_by_its_name():
    assert vendors.operation("mpohoda.download") is MpohodaDownloadOperator.operation


def test_templates_are_left_for_the_run():
    made = task("{{ params.folder }}", "{{ x }}", name="{{ ds }}/{number}")
    assert {"folder", "name", "records", "mpohoda_conn_id"} <= set(made.template_fields)
