"""What the vendor's collection requires of a body is required, and a refused body does nothing."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.wolkvox.crm import (
    ACTIVITIES,
    ACTIVITY,
    ANCHOR,
    ANY_ID,
    CALLS,
    CONTACT,
    DEBTOR,
    FORMS,
    PHONE,
    add,
    crm,
    ok,
    records,
    refused,
)
from tests.support.sandbox import SandboxProcess

MISSING = (400, "SOME PARAMETERS ARE REQUIRED")
INVALID = (400, "SOME PARAMETERS ARE NOT VALID")
HYPHEN = ("custom/update.php", "custom/delete.php", "cases/update.php", "cases/updateCaseAttachment.php")
UNDERSCORE = (
    "collections/insertObligation.php",
    "collections/queryObligation.php",
    "collections/updateObligation.php",
)
GESTION = CALLS["collections/insertGestion.php"]["fields"]


@pytest.fixture
def filled(sandbox: SandboxProcess) -> SandboxProcess:
    """Have a record under ``ANY_ID`` in every module, so that only the body can be at fault."""
    add(sandbox, "contacts", {**CONTACT, "wolkvox_id": ANY_ID})
    add(sandbox, "cases", {"status": "Open", "wolkvox_id": ANY_ID})
    add(sandbox, "collections", {**DEBTOR, "wolkvox_id": ANY_ID})
    return sandbox


def everything(sandbox: SandboxProcess) -> list[list[dict[str, Any]]]:
    return [records(sandbox, module) for module in ("contacts", "cases", "collections", "gestion")]


def refusal(sandbox: SandboxProcess, path: str, body: dict[str, Any]) -> tuple[int, str]:
    """Call the CRM, which refuses and does nothing."""
    before = everything(sandbox)
    answer = refused(sandbox, path, **body)
    assert everything(sandbox) == before
    return answer


def activity(kind: str = "call", **changes: Any) -> dict[str, Any]:
    fields = {**ACTIVITIES.get(kind, ACTIVITY), **changes}
    return {"module": "wolkvox_activities", "type": kind, "fields": fields}


@pytest.mark.parametrize("path", CALLS)
def test_every_documented_body_passes_in_the_strictest_reading(filled, path):
    filled.strict()
    response = crm(filled, path, CALLS[path], **content_type(path))
    assert response.status_code == 200, response.text


def content_type(path: str) -> dict[str, str]:
    return {"Content-Type": "application/x-www-form-urlencoded" if path in FORMS else "application/json"}


@pytest.mark.parametrize("kind", ACTIVITIES)
def test_every_documented_activity_passes_in_the_strictest_reading(filled, kind):
    filled.strict()
    ok(filled, "custom/insert.php", **activity(kind))
    assert records(filled, "wolkvox_activities")[0].items() >= ACTIVITIES[kind].items()


@pytest.mark.parametrize("path", CALLS)
def test_a_blank_text_is_a_missing_one(filled, path):
    for name, value in CALLS[path].items():
        if isinstance(value, str) and name not in ("value", "from", "to", "dateStart", "dateEnd"):
            for blank in ("", " ", "\t\n"):
                assert refusal(filled, path, {**CALLS[path], name: blank}) == MISSING, name


@pytest.mark.parametrize("path", CALLS)
def test_a_blank_operation_is_a_missing_one(filled, path):
    assert crm(filled, path, CALLS[path], operation=" ").json()["msg"] == MISSING[1]


@pytest.mark.parametrize("path", [path for path in CALLS if path not in FORMS])
def test_a_text_is_no_number_list_or_object(filled, path):
    for name, value in CALLS[path].items():
        if isinstance(value, str) and name not in ("value", "obligation"):
            for wrong in (7, True, ["x"], {"a": "b"}):
                assert refusal(filled, path, {**CALLS[path], name: wrong}) == INVALID, name


@pytest.mark.parametrize("path", CALLS)
def test_an_object_or_a_list_is_nothing_else(filled, path):
    for name, value in CALLS[path].items():
        if isinstance(value, dict | list):
            other: Any = [value] if isinstance(value, dict) else {"a": value}
            for wrong in ("x", 7, True, other):
                assert refusal(filled, path, {**CALLS[path], name: wrong}) == INVALID, name
            nothing: tuple[Any, ...] = ({}, [], None, "")
            for empty in nothing:
                assert refusal(filled, path, {**CALLS[path], name: empty}) == MISSING, name


@pytest.mark.parametrize("path", [*HYPHEN, *UNDERSCORE])
def test_an_id_under_the_other_spelling_is_missing(filled, path):
    right, wrong = ("wolkvox-id", "wolkvox_id") if path in HYPHEN else ("wolkvox_id", "wolkvox-id")
    body = {wrong if name == right else name: value for name, value in CALLS[path].items()}
    assert refusal(filled, path, body) == MISSING


def test_an_id_under_the_other_spelling_is_missing_inside_a_list_and_a_gestion(filled):
    many = {"module": "contacts", "fields": [{"wolkvox_id": ANY_ID, **CONTACT}]}
    assert refusal(filled, "custom/updateMany.php", many) == MISSING
    fields = {name.replace("wolkvox_idRecord", "wolkvox-idRecord"): value for name, value in GESTION.items()}
    assert refusal(filled, "collections/insertGestion.php", {"fields": fields}) == MISSING


@pytest.mark.parametrize(
    ("path", "name", "other"),
    [
        ("cases/insert.php", "case-type", "case_type"),
        ("cases/insertAttach.php", "case-type", "case_type"),
        ("custom/reports.php", "dateStart", "datestart"),
        ("custom/reports.php", "dateEnd", "date_end"),
        ("collections/massiveCollections.php", "collections", "Collections"),
        ("custom/insert.php", "fields", "Fields"),
        ("cases/insertAttach.php", "attachments", "attachment"),
    ],
)
def test_a_name_in_another_spelling_is_missing(filled, path, name, other):
    body = {other if key == name else key: value for key, value in CALLS[path].items()}
    assert refusal(filled, path, body) == MISSING


@pytest.mark.parametrize("ids", [[""], [" "], [ANY_ID, ""]])
def test_an_empty_id_among_several_is_missing_and_none_is_deleted(filled, ids):
    body = {"module": "contacts", "multiple": True, "wolkvox-id": ids}
    assert refusal(filled, "custom/delete.php", body) == MISSING


@pytest.mark.parametrize("multiple", ["true", 1, 0, "", [], {}])
def test_multiple_is_a_boolean(filled, multiple):
    body = {**CALLS["custom/delete.php"], "multiple": multiple}
    assert refusal(filled, "custom/delete.php", body) == INVALID


@pytest.mark.parametrize("value", [None, True, ["Open"], {"value": "Open"}])
@pytest.mark.parametrize(
    "path",
    [
        "custom/query.php",
        "cases/queryCases.php",
        "cases/listHistoryNote.php",
        "collections/queryGestion.php",
    ],
)
def test_the_value_asked_for_is_a_text_or_a_number(filled, path, value):
    assert refusal(filled, path, {**CALLS[path], "value": value}) == INVALID


# attachments


@pytest.mark.parametrize(
    "anchor",
    [
        ANCHOR,
        '<a href="data:text/plain;base64,aGk=" download="hi.txt">hi.txt</a>',
        "<a download='hi.txt' href='data:text/plain;charset=utf-8;base64,aGk='>other</a>",
        "<A HREF='data:application/vnd.ms-excel;base64,aGk=' DOWNLOAD='a &amp; b.xls'>a &amp; b.xls</A>",
        "<a href='data:text/plain;base64,' download='empty.txt'>empty.txt</a>",
        "<a href='data:image/png;base64,aGk=' download='a.png'><img src='data:image/png;base64,aGk=' /></a>",
    ],
)
def test_an_attachment_is_an_anchor_with_a_data_uri(filled, anchor):
    filled.strict()
    for path in ("cases/insertAttach.php", "cases/updateCaseAttachment.php"):
        ok(filled, path, **{**CALLS[path], "attachments": [anchor, ANCHOR]})
    ok(filled, "custom/update.php", **CALLS["custom/update.php"], attachments=[anchor])
    ok(filled, "custom/insertAttach.php", module="leads", fields={"photo": [anchor]})
    assert records(filled, "leads")[0]["photo"] == [anchor]


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "hi.txt",
        7,
        None,
        {"href": "data:text/plain;base64,aGk="},
        [ANCHOR],
        "<a href='https://example.com/hi.txt' download='hi.txt'>hi.txt</a>",
        "<a href='data:text/plain,hi' download='hi.txt'>hi.txt</a>",
        "<a href='data:;base64,aGk=' download='hi.txt'>hi.txt</a>",
        "<a href='data:text/plain;base64,aGk' download='hi.txt'>hi.txt</a>",
        "<a href='data:text/plain;base64,a-_=' download='hi.txt'>hi.txt</a>",
        "<a href='data:text/plain;base64,aGk=\n' download='hi.txt'>hi.txt</a>",
        "<a href='data:text/plain;base64,aGk='>hi.txt</a>",
        "<a href='data:text/plain;base64,aGk=' download=''>hi.txt</a>",
        "<a href=data:text/plain;base64,aGk= download=hi.txt>hi.txt</a>",
        "<a href='data:text/plain;base64,aGk=' download='it's.txt'>it's.txt</a>",
        "<a href='data:text/plain;base64,aGk=' download='hi.txt'>hi.txt",
        "<img href='data:text/plain;base64,aGk=' download='hi.txt'>hi.txt</img>",
    ],
)
def test_what_is_no_such_anchor_is_refused_with_the_whole_body(filled, wrong):
    for position in ("anchor", "any"):
        filled.switch({"wolkvox.attachments": position})
        for path in ("cases/insertAttach.php", "cases/updateCaseAttachment.php"):
            body = {**CALLS[path], "attachments": [ANCHOR, wrong]}
            assert refusal(filled, path, body) == INVALID
        body = {**CALLS["custom/update.php"], "attachments": [wrong]}
        assert refusal(filled, "custom/update.php", body) == INVALID
        body = {"module": "contacts", "fields": {**CONTACT, "photo": [ANCHOR, wrong]}}
        assert refusal(filled, "custom/insertAttach.php", body) == INVALID


@pytest.mark.parametrize("file", ["aGk=", "data:text/plain;base64,aGk="])
def test_base64_may_do_as_an_attachment(filled, file):
    body = {**CALLS["cases/updateCaseAttachment.php"], "attachments": [file]}
    filled.switch({"wolkvox.attachments": "any"})
    ok(filled, "cases/updateCaseAttachment.php", **body)
    filled.switch({"wolkvox.attachments": "anchor"})
    assert refusal(filled, "cases/updateCaseAttachment.php", body) == INVALID


def test_a_record_with_files_needs_one_in_a_field(filled):
    body = {"module": "contacts", "fields": CONTACT}
    assert refusal(filled, "custom/insertAttach.php", body) == MISSING
    assert refusal(filled, "custom/insertAttach.php", {**body, "fields": {"photo": ANCHOR}}) == MISSING
    assert refusal(filled, "custom/insertAttach.php", {**body, "fields": {"photo": []}}) == MISSING


@pytest.mark.parametrize("path", ["custom/insert.php", "custom/insertMany.php"])
def test_an_insert_without_files_takes_none(filled, path):
    fields = {**CONTACT, "photo": [ANCHOR]}
    body = {"module": "contacts", "fields": [CONTACT, fields] if path.endswith("Many.php") else fields}
    assert refusal(filled, path, body) == INVALID
    filled.switch({"wolkvox.attachments_in_insert": "accept"})
    ok(filled, path, **body)


def test_the_form_of_a_case_with_files_is_an_object_and_no_text_of_json(filled):
    for path in ("cases/insertAttach.php", "cases/updateCaseAttachment.php"):
        assert refusal(filled, path, {**CALLS[path], "form": '{"a": 1}'}) == INVALID
    ok(filled, "cases/updateCaseAttachment.php", **CALLS["cases/updateCaseAttachment.php"], form={"a": 1})


# activities


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind in ACTIVITIES for name in ACTIVITIES[kind]])
def test_an_activity_needs_all_its_fields_unless_switched_off(sandbox, kind, name):
    fields = {key: value for key, value in ACTIVITIES[kind].items() if key != name}
    body = {"module": "wolkvox_activities", "type": kind, "fields": fields}
    assert refused(sandbox, "custom/insert.php", **body) == MISSING
    assert records(sandbox, "wolkvox_activities") == []
    sandbox.switch({"wolkvox.activity_fields": "lenient"})
    ok(sandbox, "custom/insert.php", **body)


@pytest.mark.parametrize("kind", ["", "Call", "walk", 7, ["call"]])
def test_the_type_of_an_activity_stands_beside_its_fields(sandbox, kind):
    body = {**activity(), "type": kind}
    assert refused(sandbox, "custom/insert.php", **body) == (INVALID if kind else MISSING)
    body = {"module": "wolkvox_activities", "fields": {**ACTIVITIES["call"], "type": "call"}}
    assert refused(sandbox, "custom/insert.php", **body) == MISSING


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        ("task", {"remember": "true"}),
        ("task", {"remember": 1}),
        ("task", {"priority": "High"}),
        ("task", {"priority": "urgent"}),
        ("task", {"completion_date": "2026-01-02"}),
        ("task", {"completion_date": "02-01-2026 09:00:00"}),
        ("task", {"reminder_date": "2026-01-02T08:00:00"}),
        ("task", {"description": {"text": "x"}}),
        ("task", {"name": 7}),
        ("meet", {"start_date": "2026-01-02 09:00"}),
        ("meet", {"participants": ["bob@demo_operation"]}),
        ("meet", {"participants": {"type": "people", "value": ["bob@demo_operation"]}}),
        ("meet", {"participants": {"type": "participant", "value": "bob@demo_operation"}}),
        ("meet", {"participants": {"type": "participant", "value": [7]}}),
        ("call", {"phone": "3000000000"}),
        ("call", {"phone": {**PHONE, "type": "phone"}}),
    ],
    ids=str,
)
@pytest.mark.parametrize("position", ["strict", "lenient"])
def test_a_field_of_an_activity_of_another_kind_is_refused(sandbox, kind, wrong, position):
    sandbox.switch({"wolkvox.activity_fields": position})
    assert refused(sandbox, "custom/insert.php", **activity(kind, **wrong)) == INVALID
    assert records(sandbox, "wolkvox_activities") == []


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        ("call", {"phone": {"country": "Colombia", "code": "57", "value": "3000000000"}}),
        ("call", {"phone": {**PHONE, "value": ""}}),
        ("meet", {"participants": {"type": "participant", "value": []}}),
        ("meet", {"participants": {"type": "participant", "value": [" "]}}),
        ("meet", {"participants": {"value": ["bob@demo_operation"]}}),
    ],
    ids=str,
)
def test_a_typed_value_of_an_activity_needs_its_type_and_value(sandbox, kind, wrong):
    assert refused(sandbox, "custom/insert.php", **activity(kind, **wrong)) == MISSING


# collections, obligations, gestiones


def test_a_gestion_needs_its_code_unless_switched_off(filled):
    body = {"fields": {name: value for name, value in GESTION.items() if name != "tipifycation_code"}}
    assert refusal(filled, "collections/insertGestion.php", body) == MISSING
    filled.switch({"wolkvox.gestion_code": "optional"})
    ok(filled, "collections/insertGestion.php", **body)


@pytest.mark.parametrize(
    ("wrong", "answer"),
    [
        ({"module": "Collections"}, INVALID),
        ({"module": ["collections"]}, INVALID),
        ({"tipifycation_desc": ["x"]}, INVALID),
        ({"tipifycation_desc": " "}, MISSING),
        ({"wolkvox_idRecord": 7}, INVALID),
        ({"wolkvox_idRecord": ""}, MISSING),
        ({"wolkvox_idRecord": "f" * 24}, (404, "THE RECORD DOES NOT EXIST")),
    ],
    ids=str,
)
def test_a_gestion_that_does_not_fit_is_refused(filled, wrong, answer):
    assert refusal(filled, "collections/insertGestion.php", {"fields": {**GESTION, **wrong}}) == answer


@pytest.mark.parametrize("name", ["id", "name"])
def test_a_new_obligation_needs_its_id_and_name_unless_switched_off(filled, name):
    fields = {key: value for key, value in {"id": "o-9", "name": "Car"}.items() if key != name}
    body = {"wolkvox_id": ANY_ID, "fields": fields}
    assert refusal(filled, "collections/insertObligation.php", body) == MISSING
    ok(filled, "collections/updateObligation.php", **body, obligation="o-1")
    filled.switch({"wolkvox.obligation_fields": "any"})
    ok(filled, "collections/insertObligation.php", **body)


@pytest.mark.parametrize(
    "form",
    [
        {"name": "a", "value": "b"},
        "x",
        ["a"],
        [{"name": "a"}],
        [{"name": "a", "value": "b", "c": "d"}],
        [{"name": 7, "value": "b"}],
    ],
    ids=str,
)
def test_the_form_of_an_obligation_is_a_list_of_names_and_values(filled, form):
    for path in ("collections/insertObligation.php", "collections/updateObligation.php"):
        body = {**CALLS[path], "fields": {**CALLS[path]["fields"], "form": form}}
        assert refusal(filled, path, body) == INVALID
        ok(filled, path, **{**body, "fields": {**body["fields"], "form": [{"name": "a", "value": "b"}]}})


# switches

OPEN = [
    ("unknown_keys", "refuse", "accept", "custom/query.php", {"order": "asc"}, INVALID),
    ("unknown_keys", "refuse", "accept", "custom/insert.php", {"type": "call"}, INVALID),
    ("unknown_keys", "refuse", "accept", "custom/insertMany.php", {"limit": 1}, INVALID),
    ("typed_values", "check", "any", "custom/insert.php", {"fields": {"a": {"b": "c"}}}, INVALID),
    ("typed_values", "check", "any", "custom/insert.php", {"fields": {"a": [1]}}, INVALID),
    ("typed_values", "check", "any", "custom/insertMany.php", {"fields": [{"a": {"type": "x"}}]}, INVALID),
    ("typed_values", "check", "any", "custom/update.php", {"fields": {"a": {"type": "address"}}}, MISSING),
    (
        "typed_values",
        "check",
        "any",
        "custom/updateMany.php",
        {"fields": [{"wolkvox-id": ANY_ID, "a": {"type": "table", "value": "x"}}]},
        INVALID,
    ),
    (
        "collection_numbers",
        "refuse",
        "accept",
        "collections/massiveCollections.php",
        {"collections": [{**DEBTOR, "Telephone": 3000000000}]},
        INVALID,
    ),
    (
        "collection_numbers",
        "refuse",
        "accept",
        "collections/massiveCollections.php",
        {"collections": [{**DEBTOR, "Obligations": [{"id": "1", "name": "a", "days_delay": 9}]}]},
        INVALID,
    ),
    (
        "collection_numbers",
        "refuse",
        "accept",
        "collections/insertObligation.php",
        {"fields": {"id": "o-2", "name": "Car", "form": [{"name": "a", "value": 1}]}},
        INVALID,
    ),
    (
        "collection_numbers",
        "refuse",
        "accept",
        "collections/updateObligation.php",
        {"fields": {"days_delay": 9}},
        INVALID,
    ),
    (
        "collection_numbers",
        "refuse",
        "accept",
        "collections/insertGestion.php",
        {"fields": {**GESTION, "id_customer": 7}},
        INVALID,
    ),
    ("numbers_in_queries", "refuse", "accept", "collections/queryGestion.php", {"value": 7}, INVALID),
    ("numbers_in_queries", "refuse", "accept", "collections/queryObligation.php", {"obligation": 7}, INVALID),
    ("empty_query_value", "refuse", "accept", "custom/query.php", {"value": " "}, MISSING),
    ("reversed_dates", "refuse", "empty", "custom/queryDates.php", {"to": "2025-01-01 00:00"}, INVALID),
    ("reversed_dates", "refuse", "empty", "custom/reports.php", {"dateEnd": "2025-01-01 00:00:00"}, INVALID),
    ("case_query_field", "listed", "any", "cases/queryCases.php", {"field": "case-type"}, INVALID),
    ("limit_above_maximum", "refuse", "clamp", "custom/query.php", {"limit": 251}, INVALID),
    ("strict_dates", True, False, "custom/queryDates.php", {"from": "2026-01-01"}, INVALID),
]


@pytest.mark.parametrize(("trait", "strict", "lenient", "path", "change", "answer"), OPEN, ids=str)
def test_what_is_open_has_a_strict_and_a_lenient_position(
    filled, trait, strict, lenient, path, change, answer
):
    body = {**CALLS[path], **change}
    filled.switch({f"wolkvox.{trait}": lenient})
    ok(filled, path, **body)
    filled.switch({f"wolkvox.{trait}": strict})
    assert refusal(filled, path, body) == answer


@pytest.mark.parametrize(("trait", "strict", "lenient", "path", "change", "answer"), OPEN, ids=str)
def test_strict_takes_every_strict_position_whatever_its_switch_says(
    filled, trait, strict, lenient, path, change, answer
):
    filled.switch({f"wolkvox.{trait}": lenient})
    filled.strict()
    assert refusal(filled, path, {**CALLS[path], **change}) == answer
    filled.switch({"wolkvox.strict": False})
    ok(filled, path, **{**CALLS[path], **change})


def test_the_switches_say_which_position_is_the_strict_one(sandbox):
    described = sandbox.control("GET", "switches?describe=1")["switches"]
    strict = {one["name"]: one["strict"] for one in described if "strict" in one}
    assert strict.keys() > {f"wolkvox.{trait}" for trait, *_ in OPEN}
    assert all(name.startswith("wolkvox.") for name in strict)
    for one in described:
        if one["name"] in strict and "choices" in one:
            assert one["strict"] in one["choices"]


def test_all_documented_names_of_case_fields_can_be_asked_for(sandbox):
    add(sandbox, "cases", {"contact": "ada@example.com", "owner": "bob", "responsible": "eva"})
    for name in ("case expired", "companyName", "company id", "reason", "prefix", "contact wolkvox id"):
        assert ok(sandbox, "cases/queryCases.php", field=name, value="x")["data"] == []
    for name, value in (("owner user", "bob"), ("responsible user", "eva")):
        assert len(ok(sandbox, "cases/queryCases.php", field=name, value=value)["data"]) == 1
