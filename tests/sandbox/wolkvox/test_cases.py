"""Cases, which are sent as a form."""

from __future__ import annotations

from typing import Any

import pytest
from requests import Response

from tests.sandbox.clients import default_token
from tests.sandbox.wolkvox.crm import BASE, CALLS, CASE, CONTACT, PAGING, add, ok, records, refused
from tests.support.sandbox import SandboxProcess


def multipart(
    sandbox: SandboxProcess, path: str, body: dict[str, Any], **files: tuple[str, bytes]
) -> Response:
    fields = {name: (None, value) for name, value in {"operation": "demo_operation", **body}.items()}
    return sandbox.http.post(
        sandbox.url + BASE + path,
        files={**fields, **files},
        headers={"Wolkvox-Token": default_token(sandbox)},
        timeout=30,
    )


def test_a_case_is_taken_as_multipart_with_its_file(sandbox):
    add(sandbox, "contacts", CONTACT)
    body = {**CASE, "form": '{"floor": 2}'}
    response = multipart(sandbox, "cases/insert.php", body, file=("lámpara.txt", b"\r\n\x00--\xff"))
    assert response.status_code == 200
    data = response.json()["data"]
    assert set(data) == {"wolkvox_id", "idPrefijo"}
    assert response.json() == {
        "code": 200,
        "error": "null",
        "msg": "Succesfully create record",
        "data": data,
    }
    [case] = records(sandbox, "cases")
    assert case.items() >= {**CASE, **data, "form": {"floor": 2}}.items()
    assert case["file"] == {"name": "lámpara.txt", "size": 6}


def test_a_case_is_taken_as_a_plain_form_but_not_as_json(sandbox):
    add(sandbox, "contacts", CONTACT)
    ok(sandbox, "cases/insert.php", **CASE)
    assert records(sandbox, "cases")[0]["description"] == CASE["description"]
    arguments = {
        "url": f"{sandbox.url}{BASE}cases/insert.php",
        "json": {"operation": "demo_operation", **CASE},
        "headers": {"Wolkvox-Token": default_token(sandbox)},
        "timeout": 30,
    }
    assert sandbox.http.post(**arguments).status_code == 400
    sandbox.switch({"wolkvox.cases_accept_json": True})
    assert sandbox.http.post(**arguments).status_code == 200


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("multipart/form-data", b"--b\r\n\r\n"),
        ("multipart/form-data; boundary=b", b""),
        ("multipart/form-data; boundary=b", b"--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--"),
        (
            "multipart/form-data; boundary=b",
            b"--b--\r\n--b\r\nContent-Disposition: form-data; name=operation\r\n\r\nx",
        ),
        ("application/x-www-form-urlencoded", b"\xff&=&a"),
    ],
)
def test_a_broken_form_has_no_operation(sandbox, content_type, body):
    response = sandbox.http.post(
        f"{sandbox.url}{BASE}cases/insert.php",
        data=body,
        headers={"Wolkvox-Token": default_token(sandbox), "Content-Type": content_type},
        timeout=30,
    )
    assert (response.status_code, response.json()["msg"]) == (400, "SOME PARAMETERS ARE REQUIRED")


def test_a_form_may_be_written_in_other_ways(sandbox):
    add(sandbox, "contacts", CONTACT)
    head = b"preamble\r\n--b\r\ncontent-type: text/plain\r\nCONTENT-DISPOSITION: form-data; name="
    body = b"".join(
        head.removeprefix(b"" if not number else b"preamble\r\n") + f"{name}\r\n\r\n{value}\r\n".encode()
        for number, (name, value) in enumerate({"operation": "demo_operation", **CASE}.items())
    )
    response = sandbox.http.post(
        f"{sandbox.url}{BASE}cases/insert.php",
        data=body + b"--b--\r\nepilogue",
        headers={
            "Wolkvox-Token": default_token(sandbox),
            "Content-Type": 'Multipart/Form-Data; charset=utf-8; boundary="b"',
        },
        timeout=30,
    )
    assert response.status_code == 200, response.text
    assert records(sandbox, "cases")[0].items() >= CASE.items()


def test_a_case_needs_a_contact_that_exists(sandbox):
    assert refused(sandbox, "cases/insert.php", **CASE) == (412, "THE CONTACT DOES NOT EXIST")
    assert records(sandbox, "cases") == []
    sandbox.switch({"wolkvox.case_contact_must_exist": False})
    ok(sandbox, "cases/insert.php", **CASE)


@pytest.mark.parametrize(
    ("trait", "name", "known"),
    [
        ("case_users", "responsible", "eva@demo_operation"),
        ("case_users", "owner", "eva@demo_operation"),
        ("case_types", "case-type", "Complaints"),
        ("case_statuses", "status", "New"),
        ("case_priorities", "priority", "low"),
    ],
)
def test_what_a_case_names_may_have_to_exist(sandbox, trait, name, known):
    add(sandbox, "contacts", CONTACT)
    sandbox.switch({f"wolkvox.{trait}": f"{known}, bob@demo_operation"})
    wrong = {**CASE, name: "other"}
    assert refused(sandbox, "cases/insert.php", **wrong) == (412, "THE VALUE DOES NOT EXIST")
    assert records(sandbox, "cases") == []
    made = ok(sandbox, "cases/insert.php", **{**CASE, name: known})["data"]["wolkvox_id"]
    change = {"wolkvox-id": made, "responsible": "bob@demo_operation", "status": "New", name: "other"}
    assert refused(sandbox, "cases/update.php", **change) == (412, "THE VALUE DOES NOT EXIST")


def test_a_closed_case_needs_its_solution(sandbox):
    add(sandbox, "contacts", CONTACT)
    closed = {**CASE, "status": "Closed"}
    assert refused(sandbox, "cases/insert.php", **closed)[0] == 400
    ok(sandbox, "cases/insert.php", **closed, solution="A new bulb")
    sandbox.switch({"wolkvox.closed_statuses": "Cerrado"})
    ok(sandbox, "cases/insert.php", **closed)


def test_duplicates_of_cases_follow_the_switch(sandbox):
    add(sandbox, "contacts", CONTACT)
    first = ok(sandbox, "cases/insert.php", **CASE)["data"]
    assert ok(sandbox, "cases/insert.php", **CASE)["data"] != first
    sandbox.switch({"wolkvox.duplicates": "existing"})
    assert ok(sandbox, "cases/insert.php", **CASE)["data"] == first
    sandbox.switch({"wolkvox.duplicates": "refuse"})
    assert refused(sandbox, "cases/insert.php", **CASE)[0] == 400
    assert len(records(sandbox, "cases")) == 2


@pytest.mark.parametrize("path", ["cases/update.php", "cases/updateCaseAttachment.php"])
def test_a_case_is_updated_and_keeps_a_history(sandbox, path):
    add(sandbox, "contacts", CONTACT)
    made = ok(sandbox, "cases/insert.php", **CASE)["data"]["wolkvox_id"]
    change = {**CALLS[path], "wolkvox-id": made, "status": "Closed", "solution": "A new bulb"}
    answer = ok(sandbox, path, **change)
    assert (answer["code"], answer["msg"]) == (200, "Succesfully update record")
    assert answer["data"] == {"wolkvox_id": made}
    [case] = records(sandbox, "cases")
    assert (case["status"], case["description"]) == ("Closed", CASE["description"])
    assert case.get("attachments") == change.get("attachments")
    [found] = ok(sandbox, "cases/listHistoryNote.php", field="wolkvox-id", value=made)["data"]
    notes = [(note["status"], note["note"]) for note in found["history"]]
    assert notes == [("Open", CASE["description"]), ("Closed", "A new bulb")]
    assert "history" not in ok(sandbox, "cases/queryCases.php", field="wolkvox-id", value=made)["data"][0]


def test_an_update_of_a_case_may_require_all_fields(sandbox):
    [made] = add(sandbox, "cases", {"status": "Open"})
    change = {**CALLS["cases/update.php"], "wolkvox-id": made}
    ok(sandbox, "cases/update.php", **change)
    sandbox.switch({"wolkvox.case_update_required": "prose"})
    assert refused(sandbox, "cases/update.php", **change)[0] == 400
    ok(sandbox, "cases/update.php", **{**CASE, **change})


def test_cases_are_queried_by_the_names_of_the_page(sandbox):
    add(sandbox, "contacts", CONTACT)
    data = ok(sandbox, "cases/insert.php", **CASE)["data"]
    for name, value in (
        ("status", "Open"),
        ("email contact", "ada@example.com"),
        ("type case", "Request"),
        ("idPrefijo", data["idPrefijo"]),
        ("idCase", 1),
        ("wolkvox-id", data["wolkvox_id"]),
    ):
        answer = ok(sandbox, "cases/queryCases.php", field=name, value=value)
        assert answer.items() >= {**PAGING, "code": "200", "msg": "1 records were are found"}.items()
        assert answer["data"][0]["wolkvox_id"] == data["wolkvox_id"]
