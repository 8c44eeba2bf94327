"""Files in records of modules: the path that they go to, alone, and in their order."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider.wolkvox.fields import attachment, attachments
from tests.support.batches import counts, lines
from tests.support.wolkvox import bodies, contacts, insert, update
from tests.wolkvox.files import DECLARED, IN_BASE64, PDF, link

pytestmark = pytest.mark.usefixtures("quick")


@pytest.mark.parametrize("form", ["declared", "one", "list", "links", "data"])
def test_a_record_with_files_goes_to_a_path_of_its_own(sandbox, invoice, form):
    given: Any = {
        "declared": f"{invoice}",
        "one": attachment(path=str(invoice)),
        "list": [attachment(path=str(invoice))],
        "links": [link("invoice.pdf")],
        "data": [f"data:application/pdf;name=invoice.pdf;base64,{IN_BASE64}"],
    }[form]
    by_path: dict[str, Any] = {"types": DECLARED} if form in ("declared", "one", "list") else {}
    result = insert([{"idcontact": "1", "Adjuntos": given}], **by_path)
    assert counts(result) == {"total": 1, "created": 1}
    assert [body for path in ("custom/insert.php",) for body in bodies(sandbox, path)] == []
    [body] = bodies(sandbox, "custom/insertAttach.php")
    assert body == {
        "operation": "demo_operation",
        "module": "contacts",
        "fields": {"idcontact": "1", "Adjuntos": [link("invoice.pdf")]},
    }


@pytest.mark.parametrize(
    "value",
    [
        IN_BASE64,
        PDF,
        link("a.pdf"),
        "/data/invoice.pdf",
        [IN_BASE64],
        ["data: none", "data: some"],
        ["<a href='https://example.com'>x</a>"],
        [PDF, "and a text"],
        ["a;b"],
        [],
    ],
)
def test_ordinary_values_never_become_files(sandbox, value):
    insert([{"idcontact": "1", "note": value}])
    [body] = bodies(sandbox, "custom/insert.php")
    assert body["fields"] == {"idcontact": "1", "note": value}


def test_a_record_with_files_goes_alone_where_others_share_a_request(sandbox, invoice, tmp_path):
    large = tmp_path / "large.bin"
    large.write_bytes(b"x" * 200_000)
    records: list[Any] = contacts(7)
    records[2]["Adjuntos"] = str(invoice)
    records[3]["Adjuntos"] = str(large)
    records[4]["Adjuntos"] = "/none"
    output = str(tmp_path / "out.jsonl")
    options: dict[str, Any] = {"chunk_size": 4, "types": {"Adjuntos": attachments()}, "output": output}
    result = insert(records, **options)
    assert counts(result) == {"total": 7, "created": 6, "failed": 1}
    assert [len(body["fields"]) for body in bodies(sandbox, "custom/insertMany.php")] == [2, 2]
    sent = [body["fields"]["idcontact"] for body in bodies(sandbox, "custom/insertAttach.php")]
    assert sent == ["3", "4"]
    written = lines(output)
    assert [one["idcontact"] for one in written] == ["1", "2", "3", "4", "6", "7"]
    assert [one["record"]["wolkvox_id"] is not None for one in written] == [False, False, True, True] + 2 * [
        False
    ]
    assert insert(records, **options)["requests"] == 0


def test_a_refused_record_with_files_in_a_batch_of_chunks_has_failed_alone(sandbox):
    sandbox.fault(vendor="wolkvox", status=400)
    records: list[Any] = contacts(3)
    records[0]["Adjuntos"] = [PDF]
    result = insert(records, chunk_size=5)
    assert counts(result) == {"total": 3, "created": 2, "failed": 1}


def test_a_file_is_part_of_what_makes_a_record_the_same(sandbox):
    records = [{"idcontact": "1", "Adjuntos": [attachment("a", content=one)]} for one in (b"x", b"y", b"x")]
    assert counts(insert(records)) == {"total": 3, "created": 2, "replayed": 1}
    again = insert(records, record_key=["idcontact"])
    assert counts(again) == {"total": 3, "created": 1, "replayed": 2}


def test_an_update_sends_the_column_attachments_beside_the_fields_and_other_files_among_them(
    sandbox, invoice
):
    done = insert(contacts(2))
    files_of_it = {"attachments": attachment(path=str(invoice)), "Adjuntos": [PDF]}
    result = update(done, defaults=files_of_it, chunk_size=2, include=["idcontact"])
    assert counts(result) == {"total": 2, "existing": 2}
    first, _ = bodies(sandbox, "custom/update.php")
    assert first == {
        "operation": "demo_operation",
        "module": "contacts",
        "wolkvox-id": done["records"][0]["record"]["wolkvox_id"],
        "fields": {"idcontact": "1", "Adjuntos": [link("attachment-1.pdf")]},
        "attachments": [link("invoice.pdf")],
    }


def test_an_update_leaves_an_ordinary_field_called_attachments_where_it_is(sandbox):
    done = insert(contacts(1))
    update(done, defaults={"attachments": "2 files"})
    [body] = bodies(sandbox, "custom/update.php")
    assert body["fields"]["attachments"] == "2 files"


def test_an_update_of_attachments_alone_is_refused_before_it_is_sent(sandbox):
    record = {"wolkvox_id": "65f0", "attachments": [PDF]}
    result = update([record])
    assert counts(result) == {"total": 1, "failed": 1}
    assert "requires another field" in result["failures"][0]["reason"]
    assert sandbox.requests("wolkvox") == []


def test_updates_with_files_and_without_are_sent_in_their_order(sandbox, tmp_path):
    done = insert(contacts(1))
    large = tmp_path / "large.bin"
    large.write_bytes(b"x" * 200_000)
    id_ = done["records"][0]["record"]["wolkvox_id"]
    with_file = {"wolkvox_id": id_, "n": "1", "Adjuntos": [attachment(path=str(large))]}
    result = update([with_file, {"wolkvox_id": id_, "n": "2"}, with_file], types=DECLARED)
    assert counts(result) == {"total": 3, "existing": 3}
    assert [body["fields"]["n"] for body in bodies(sandbox, "custom/update.php")] == ["1", "2", "1"]
