"""Activities: calls, meetings and tasks, over real HTTP against the sandbox."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from airflow_provider.exceptions import InvalidInput
from airflow_provider.wolkvox.fields import moment, participants, telephone
from airflow_provider.wolkvox.operators import WolkvoxInsertActivitiesOperator
from tests.support.batches import counts, execute
from tests.support.wolkvox import bodies, in_crm, insert

pytestmark = pytest.mark.usefixtures("quick")

TASK: dict[str, Any] = {
    "status": "Pending",
    "name": "Send the offer",
    "priority": "high",
    "name_module": "contacts",
    "completion_date": "2026-12-01 10:00:00",
    "remember": True,
    "reminder_date": "2026-12-01 09:00:00",
    "description": "As agreed",
    "id_record": "65f0c0ffee0123456789abcd",
    "wolkvox_owner": "ana@demo_operation",
}
PHONE = telephone("3000000000", country="Colombia", code="57")
CALL = {**TASK, "location": "Bogotá", "phone": PHONE}
USERS = ["ana@demo_operation", "eva@demo_operation"]
MADE = [participants(USERS), {"type": "participant", "value": "; ".join(USERS)}]
MEETING = {
    **TASK,
    "location": "Bogotá",
    "start_date": "2026-12-01 09:30:00",
    "participants": {"type": "participant", "value": USERS},
}
PATH = "custom/insert.php"


def activities(records: Any, *, run_id: str = "run-1", **options: Any) -> dict[str, Any]:
    options = {"on_error": "continue", **options}
    return execute(WolkvoxInsertActivitiesOperator(task_id="activities", records=records, **options), run_id)


def body(type_: str, fields: dict[str, Any]) -> dict[str, Any]:
    return {"operation": "demo_operation", "module": "wolkvox_activities", "type": type_, "fields": fields}


@pytest.mark.parametrize(("type_", "fields"), [("call", CALL), ("meet", MEETING), ("task", TASK)])
def test_an_activity_is_sent_as_the_vendors_collection_has_it(sandbox, type_, fields):
    result = activities([fields], activity_type=type_)
    assert counts(result) == {"total": 1, "created": 1}
    assert bodies(sandbox, PATH) == [body(type_, fields)]
    [stored] = in_crm(sandbox, "wolkvox_activities")
    assert result["records"][0]["activity"] == {"wolkvox_id": stored["wolkvox_id"]}


def test_the_type_may_be_a_column_of_the_record(sandbox):
    records = [{**CALL, "type": "call"}, {**MEETING, "type": "Meeting"}, {**TASK, "type": ""}]
    assert counts(activities(records, activity_type="task")) == {"total": 3, "created": 3}
    assert bodies(sandbox, PATH) == [body("call", CALL), body("meet", MEETING), body("task", TASK)]
    renamed = activities([{**TASK, "kind": "task"}], run_id="run-2", fields={"type": "kind"})
    assert counts(renamed) == {"total": 1, "created": 1}
    assert bodies(sandbox, PATH)[3] == body("task", TASK)


def test_texts_of_a_file_become_what_the_vendor_takes(sandbox):
    record = {
        **{name: value for name, value in CALL.items() if name not in ("phone", "remember")},
        "priority": "High",
        "completion_date": "01.12.2026 10:00",
        "reminder_date": datetime(2026, 12, 1, 9),
        "remember": "yes",
        "phone": "3000000000",
        "country": "Colombia",
    }
    types = {
        "completion_date": moment(date_format="%d.%m.%Y %H:%M"),
        "phone": telephone(country={"column": "country"}, code="57"),
    }
    assert counts(activities([record], activity_type="call", types=types)) == {"total": 1, "created": 1}
    assert bodies(sandbox, PATH) == [body("call", CALL)]


@pytest.mark.parametrize("users", [USERS, tuple(USERS), "; ".join(USERS) + ";", *MADE])
@pytest.mark.parametrize("declared", [True, False])
def test_participants_are_a_list_or_a_text(sandbox, users, declared):
    types: dict[str, Any] = {"types": {"participants": participants()}} if declared else {}
    result = activities([{**MEETING, "participants": users}], activity_type="meet", **types)
    assert counts(result) == {"total": 1, "created": 1}
    assert bodies(sandbox, PATH) == [body("meet", MEETING)]


@pytest.mark.parametrize(
    ("given", "sent"),
    [*[(one, True) for one in (True, "true", "TRUE", 1, "1", 1.0, " Yes ")],
     *[(one, False) for one in (False, "false", 0, "0", "no")]],
)  # fmt: skip
def test_whether_to_remember_is_sent_as_a_boolean(sandbox, given, sent):
    activities([{**TASK, "remember": given}], activity_type="task")
    assert bodies(sandbox, PATH)[0]["fields"]["remember"] is sent


@pytest.mark.parametrize(
    ("type_", "changes", "field", "told"),
    [
        ("task", {"status": "", "remember": None}, "status, remember", '"status", "remember" are empty'),
        ("call", {"name": " "}, "name, location, phone", '"name", "location", "phone" are empty'),
        ("meet", {}, "location, start_date, participants", "of the type meet"),
        ("task", {"description": ""}, "description", '"description" is empty, and wolkvox requires it'),
        ("mail", {}, "type", "one of call, meet, task; it is 4 characters of text"),
        ("task", {"type": 7}, "type", "one of call, meet, task; it is a int"),
        ("task", {"priority": "urgent"}, "priority", "one of high, normal, low; it is 6 characters"),
        ("task", {"remember": "maybe"}, "remember", "true or false; it is 5 characters"),
        ("task", {"remember": [True]}, "remember", "remember"),
        ("task", {"reminder_date": "1.12.2026"}, "reminder_date", "as YYYY-MM-DD HH:MM:SS"),
        ("call", {"location": "x", "phone": "3000"}, "phone", 'types={"phone": telephone('),
        ("meet", {**MEETING, "participants": ";"}, "participants", "has nobody in it"),
        ("meet", {**MEETING, "participants": {"type": "participant"}}, "participant", "has no value"),
        ("meet", {**MEETING, "participants": participants(USERS) | {"value": [""]}}, "participants", "empty"),
        ("meet", {**MEETING, "participants": [["x"]]}, "participants", "participants"),
    ],
)
def test_what_is_wrong_with_an_activity_is_named_before_it_is_sent(sandbox, type_, changes, field, told):
    result = activities([{"type": type_, **TASK, **changes}, {**TASK, "type": "task"}])
    assert counts(result) == {"total": 2, "created": 1, "failed": 1}
    [failure] = result["failures"]
    assert (failure["error"], failure["field"]) == ("InvalidInput", field)
    assert told in failure["reason"]
    assert len(sandbox.requests("wolkvox")) == 1


def test_a_constant_type_that_is_none_is_refused_before_a_record_is_read(sandbox):
    with pytest.raises(InvalidInput, match="one of call, meet, task"):
        activities([TASK], activity_type="mail")
    with pytest.raises(InvalidInput, match="activity_type"):
        activities([TASK], activity_type=" ")


def test_an_activity_whose_answer_is_lost_is_unknown_and_never_sent_again(sandbox):
    sandbox.fault(vendor="wolkvox", action="reset", after=True)
    for _ in range(2):
        assert counts(activities([TASK], activity_type="task")) == {"total": 1, "unknown": 1}
    assert len(in_crm(sandbox, "wolkvox_activities")) == 1


def test_fields_may_tell_what_makes_two_activities_the_same(sandbox):
    records = [TASK, {**TASK, "description": "other"}, {**TASK, "name": "other"}]
    result = activities(records, activity_type="task", record_key=["id_record", "name"])
    assert counts(result) == {"total": 3, "created": 2, "replayed": 1}


@pytest.mark.parametrize("chunk_size", [1, 10])
def test_a_record_of_the_module_has_its_type_beside_its_fields_and_goes_alone(sandbox, chunk_size):
    records = [{**TASK, "type": "task"}, {**CALL, "type": "call"}]
    result = insert(records, module="wolkvox_activities", chunk_size=chunk_size)
    assert counts(result) == {"total": 2, "created": 2}
    assert bodies(sandbox, PATH) == [body("task", TASK), body("call", CALL)]
    assert all(record["record"]["wolkvox_id"] for record in result["records"])


def test_a_record_of_the_module_needs_its_type(sandbox):
    result = insert([TASK], module="wolkvox_activities")
    assert counts(result) == {"total": 1, "failed": 1}
    assert result["failures"][0]["field"] == "type"
    assert sandbox.requests("wolkvox") == []
