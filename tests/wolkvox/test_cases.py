"""Cases, against the sandbox."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider.exceptions import VendorAuthError
from airflow_provider.wolkvox.operators import (
    WolkvoxInsertCasesOperator,
    WolkvoxQueryCaseNotesOperator,
    WolkvoxQueryCasesOperator,
    WolkvoxUpdateCasesOperator,
)
from tests.support.batches import counts, execute
from tests.support.wolkvox import bodies, contacts, in_crm, insert, query

pytestmark = pytest.mark.usefixtures("quick")


CASE = {
    "case_type": "Request",
    "responsible": "ana@demo_operation",
    "owner": "ana@demo_operation",
    "contact": "c1@example.com",
    "description": "a ñandú",
    "status": "Open",
    "priority": "high",
}
HELLO = (
    "<a href='data:application/octet-stream;base64,aGVsbG8=' download='attachment-1.bin'>attachment-1.bin</a>"
)


def insert_cases(records: Any, **options: Any) -> dict[str, Any]:
    return execute(
        WolkvoxInsertCasesOperator(task_id="cases", records=records, **{"on_error": "continue", **options})
    )


def update_cases(records: Any, **options: Any) -> dict[str, Any]:
    return execute(
        WolkvoxUpdateCasesOperator(task_id="up", records=records, **{"on_error": "continue", **options})
    )


def test_cases_are_inserted_updated_and_found(sandbox):
    insert(contacts(1))
    first = insert_cases([{**CASE, "form": {"reason": "late"}, "attachments": ["aGVsbG8="]}])
    assert counts(first) == {"total": 1, "created": 1}
    case = first["records"][0]["case"]
    assert set(case) == {"wolkvox_id", "number"}
    assert case["number"]
    second = update_cases(
        first,
        fields={"attachments": "none", "status": "next"},
        defaults={"status": "Closed", "solution": 'señor: "done"\r\n--x'},
    )
    assert counts(second) == {"total": 1, "existing": 1}
    [stored] = in_crm(sandbox, "cases")
    assert (stored["status"], stored["solution"]) == ("Closed", 'señor: "done"\r\n--x')
    none = dict.fromkeys(("case_type", "priority", "form"), "none")
    third = update_cases(second, fields={**none, "attachments": "attachments"})
    assert counts(third) == {"total": 1, "existing": 1}
    assert bodies(sandbox, "cases/updateCaseAttachment.php")[0]["attachments"] == [HELLO]
    [request] = sandbox.requests("wolkvox", path="server/API/v2/cases/update.php")
    assert request["headers"]["content-type"].startswith("multipart/form-data; boundary=")
    assert third["records"][0]["case"] == case
    task = WolkvoxQueryCasesOperator(task_id="query", field="wolkvox-id", value=case["wolkvox_id"])
    assert execute(task)["total"] == 1


def test_the_crms_own_words_stay_in_a_refusal_where_a_case_has_the_same(sandbox):
    insert(contacts(1))
    told = {"code": "400", "error": "BAD REQUEST", "msg": "status Open of c1@example.com needs high priority"}
    sandbox.fault(vendor="wolkvox", status=400, json=told)
    [failure] = insert_cases([CASE])["failures"]
    assert "status Open of [contact] needs high priority - BAD REQUEST" in failure["reason"]


def test_a_case_whose_answer_is_lost_is_unknown(sandbox):
    insert(contacts(1))
    sandbox.fault(vendor="wolkvox", action="reset", after=True)
    assert counts(insert_cases([CASE])) == {"total": 1, "unknown": 1}
    assert counts(insert_cases([CASE])) == {"total": 1, "unknown": 1}
    assert len(in_crm(sandbox, "cases")) == 1


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        *[({name: ""}, name) for name in CASE],
        ({"form": "no json"}, "form"),
        ({"form": "[]"}, "form"),
        ({"attachments": ["no base64!"]}, "attachments"),
        ({"attachments": 7}, "attachments"),
    ],
)
def test_what_is_wrong_with_a_case_is_named_before_it_is_sent(sandbox, changes, field):
    result = insert_cases([{**CASE, **changes}])
    assert counts(result) == {"total": 1, "failed": 1}
    assert result["failures"][0]["field"] == field
    assert sandbox.requests("wolkvox") == []


def test_a_case_without_files_goes_as_a_form_and_one_with_files_as_json(sandbox):
    insert(contacts(1))
    first = insert_cases([CASE, {**CASE, "description": "other", "form": {"reason": "señor"}}])
    assert counts(first) == {"total": 2, "created": 2}
    requests = sandbox.requests("wolkvox", path="server/API/v2/cases/insert.php")
    assert len(requests) == 2
    assert all(one["headers"]["content-type"].startswith("multipart/form-data") for one in requests)
    assert [one.get("form") for one in in_crm(sandbox, "cases")] == [None, {"reason": "señor"}]
    with_files = {**CASE, "form": {"reason": "late"}, "attachments": ["aGVsbG8="]}
    assert counts(insert_cases([with_files])) == {"total": 1, "created": 1}
    [body] = bodies(sandbox, "cases/insertAttach.php")
    assert (body["form"], body["attachments"]) == ({"reason": "late"}, [HELLO])


def test_a_case_with_files_needs_the_form(sandbox):
    result = insert_cases([{**CASE, "attachments": ["aGVsbG8="]}])
    assert counts(result) == {"total": 1, "failed": 1}
    assert result["failures"][0]["field"] == "form"
    assert sandbox.requests("wolkvox") == []


def test_attachments_and_other_changes_of_a_case_do_not_go_together(sandbox):
    record = {
        "wolkvox_id": "1",
        "responsible": "a",
        "status": "b",
        "solution": "c",
        "attachments": "aGVsbG8=",
    }
    result = update_cases([record])
    assert result["failures"][0]["field"] == "attachments"
    assert "Make two records of it" in result["failures"][0]["reason"]


def test_the_history_of_notes_needs_a_token_of_its_own(sandbox, set_connection):
    insert(contacts(1))
    insert_cases([CASE])
    sandbox.token(token="external-token", operation="demo_operation", type="external")
    set_connection("wolkvox_default", password="external-token")
    task = WolkvoxQueryCaseNotesOperator(task_id="notes", field="status", value="Open")
    result = execute(task)
    assert result["total"] == 1
    assert "history" in result["records"][0]
    with pytest.raises(VendorAuthError):
        query(field="status", value="new")


def link(content: str) -> str:
    """Return what is sent of a file without a name."""
    name = "attachment-1.bin"
    return f"<a href='data:application/octet-stream;base64,{content}' download='{name}'>{name}</a>"


WITH_FILES = {**CASE, "form": {"reason": "late"}, "attachments": ["aGVsbG8="]}


def test_a_case_inserted_with_files_is_updated_in_the_next_task(sandbox, caplog):
    insert(contacts(1))
    caplog.set_level("INFO", "airflow_provider")
    first = insert_cases([WITH_FILES])
    closed = {"status": "Closed", "solution": "It was sent again."}
    result = update_cases(first, defaults=closed)
    assert counts(result) == {"total": 1, "existing": 1}
    assert sandbox.requests("wolkvox", path="server/API/v2/cases/updateCaseAttachment.php") == []
    [stored] = in_crm(sandbox, "cases")
    assert {name: stored[name] for name in closed} == closed
    assert (stored["attachments"], stored["form"]) == ([link("aGVsbG8=")], {"reason": "late"})
    assert result["records"][0]["attachments"] == ["aGVsbG8="], "the record itself keeps what it has"
    assert '"attachments" is not sent again' in caplog.text


def test_new_files_of_an_inserted_case_go_with_what_wolkvox_takes_beside_them(sandbox):
    insert(contacts(1))
    first = insert_cases([WITH_FILES, {**CASE, "description": "other", "new": "d29ybGQ="}])
    assert counts(update_cases(first, defaults={"attachments": ["bmV3"], "status": "Open"}))["existing"] == 2
    assert counts(update_cases(first, fields={"attachments": "new"}))["existing"] == 2
    sent = bodies(sandbox, "cases/updateCaseAttachment.php")
    assert [one["attachments"] for one in sent] == [[link(file)] for file in ("bmV3", "bmV3", "d29ybGQ=")]
    assert all(
        set(one) == {"operation", "wolkvox-id", "responsible", "status", "attachments"} for one in sent
    )


def test_new_files_and_a_new_solution_do_not_go_together_for_an_inserted_case_either(sandbox):
    insert(contacts(1))
    first = insert_cases([CASE])
    result = update_cases(first, defaults={"attachments": ["bmV3"], "solution": "done"})
    assert counts(result) == {"total": 1, "failed": 1}
    assert "together with solution:" in result["failures"][0]["reason"]


def test_a_value_that_fields_names_comes_before_that_of_defaults(sandbox):
    insert(contacts(1))
    first = insert_cases([{**CASE, "next": "Pending"}])
    update_cases(first, fields={"status": "next"}, defaults={"status": "Closed", "priority": "low"})
    [stored] = in_crm(sandbox, "cases")
    assert (stored["status"], stored["priority"]) == ("Pending", "low")


def test_a_case_that_was_queried_or_updated_takes_the_value_of_defaults(sandbox, caplog):
    insert(contacts(1))
    insert_cases([WITH_FILES, {**CASE, "description": "other"}])
    caplog.set_level("INFO", "airflow_provider")
    found = execute(WolkvoxQueryCasesOperator(task_id="query", field="status", value="Open"))
    first = update_cases(found, defaults={"status": "Pending"})
    assert counts(first) == {"total": 2, "existing": 2}
    told = [one.getMessage() for one in caplog.records if '"defaults" say' in one.getMessage()]
    assert len(told) == 1, "once in a batch"
    assert 'fields={"status": "status"}' in told[0]
    plain = [
        {name: one[name] for name in ("wolkvox_id", "status", "responsible")} for one in found["records"]
    ]
    second = update_cases(plain, defaults={"status": "ignored"})
    assert {case["status"] for case in in_crm(sandbox, "cases")} == {"Open"}, (
        "a plain record's own comes first"
    )
    update_cases(second, defaults={"status": "Pending"})
    assert {case["status"] for case in in_crm(sandbox, "cases")} == {"Pending"}
