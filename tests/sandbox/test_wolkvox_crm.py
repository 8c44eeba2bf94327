from __future__ import annotations

import json
import re
from typing import Any

import pytest
from requests import Response

from tests.sandbox.clients import HangingRequest, default_token
from tests.sandbox.switch_table import PAGE
from tests.support.sandbox import SandboxProcess

BASE = "/wolkvox/server/API/v2/"
PAGING = {"page": 1, "Total records": 1, "Total pages": 1}
CONTACT = {"namecontact": "Ada", "emailcontact": "ada@example.com"}
CASE = {
    "case-type": "Request",
    "responsible": "bob@demo_operation",
    "owner": "bob@demo_operation",
    "contact": "ada@example.com",
    "description": "Á lamp\r\nis broken",
    "status": "Open",
    "priority": "high",
}
DEBTOR = {
    "Identification": "1001",
    "Name": "Ada",
    "Email": "ada@example.com",
    "Telephone": "3000000000",
    "Obligations": [{"id": "o-1", "name": "Loan", "sum": 10}],
}
ANY_ID = "0" * 24
EXTERNAL = "external-token"

# Each call with a body that a new sandbox accepts, or refuses for want of a record alone.
CALLS = {
    "custom/insert.php": {"module": "contacts", "fields": CONTACT},
    "custom/insertAttach.php": {"module": "contacts", "fields": {**CONTACT, "photo": ["aGk="]}},
    "custom/insertMany.php": {"module": "contacts", "fields": [CONTACT, CONTACT]},
    "custom/update.php": {"module": "contacts", "wolkvox-id": ANY_ID, "fields": CONTACT},
    "custom/updateMany.php": {"module": "contacts", "fields": [{"wolkvox-id": ANY_ID, **CONTACT}]},
    "custom/delete.php": {"module": "contacts", "multiple": False, "wolkvox-id": ANY_ID},
    "custom/query.php": {"module": "contacts", "field": "emailcontact", "value": "x"},
    "custom/queryDates.php": {
        "module": "contacts",
        "date": True,
        "from": "2026-01-01 00:00",
        "to": "2026-01-01 23:59",
    },
    "custom/reports.php": {
        "name": "contacts",
        "dateStart": "2026-01-01 00:00:00",
        "dateEnd": "2026-01-01 23:59:59",
    },
    "cases/insert.php": CASE,
    "cases/insertAttach.php": {**CASE, "form": {"a": 1}, "attachments": ["aGk="]},
    "cases/update.php": {"wolkvox-id": ANY_ID, "responsible": "bob@demo_operation", "status": "Open"},
    "cases/updateCaseAttachment.php": {
        "wolkvox-id": ANY_ID,
        "responsible": "bob@demo_operation",
        "status": "Open",
        "attachments": ["aGk="],
    },
    "cases/queryCases.php": {"field": "status", "value": "Open"},
    "cases/listHistoryNote.php": {"field": "status", "value": "Open"},
    "collections/massiveCollections.php": {"collections": [DEBTOR]},
    "collections/insertObligation.php": {"wolkvox_id": ANY_ID, "fields": {"id": "o-2", "name": "Car"}},
    "collections/queryObligation.php": {"wolkvox_id": ANY_ID, "obligation": "o-1"},
    "collections/updateObligation.php": {"wolkvox_id": ANY_ID, "obligation": "o-1", "fields": {"sum": 9}},
    "collections/insertGestion.php": {
        "fields": {
            "tipifycation_code": "7",
            "tipifycation_desc": "Promise",
            "module": "collections",
            "wolkvox_idRecord": ANY_ID,
        }
    },
    "collections/queryGestion.php": {"field": "tipifycation_code", "value": "7"},
    "collections/reportsCollection.php": {
        "name": "collections",
        "dateStart": "2026-01-01 00:00:00",
        "dateEnd": "2026-01-01 23:59:59",
    },
}
FORMS = ("cases/insert.php", "cases/update.php")


@pytest.fixture
def sandbox(process: SandboxProcess) -> SandboxProcess:
    process.reset()
    process.clock(now="2026-01-01T12:00:00Z", freeze=True)
    process.token(token=EXTERNAL, type="external")
    return process


def crm(
    sandbox: SandboxProcess,
    path: str,
    body: dict[str, Any],
    token: str | None = "",
    operation: str | None = "demo_operation",
    method: str = "POST",
    **headers: str,
) -> Response:
    """Call the CRM; an empty token is one of the type that the call takes, None sends none."""
    if token == "":
        token = EXTERNAL if path.startswith("cases/listHistoryNote.php") else default_token(sandbox)
    whole = {**({} if operation is None else {"operation": operation}), **body}
    return sandbox.http.request(
        method,
        sandbox.url + BASE + path,
        **{"data" if path in FORMS else "json": whole},
        headers={"Wolkvox-Token": token, **headers},
        timeout=30,
    )


def ok(sandbox: SandboxProcess, path: str, **body: Any) -> Any:
    """Call the CRM and return the answer."""
    response = crm(sandbox, path, body)
    assert response.status_code == 200, response.text
    return response.json()


def refused(sandbox: SandboxProcess, path: str, **body: Any) -> tuple[int, str]:
    """Call the CRM, which refuses: the status and the message."""
    response = crm(sandbox, path, body)
    answer = response.json()
    assert answer["data"] is None
    assert answer["code"] == str(response.status_code)
    return response.status_code, answer["msg"]


def uses(sandbox: SandboxProcess) -> int:
    """Return how many uses all tokens have spent."""
    return sum(token["used"] for token in sandbox.state()["wolkvox"]["tokens"])


def insert(sandbox: SandboxProcess, module: str = "contacts", **fields: Any) -> str:
    """Create a record and return its id."""
    return ok(sandbox, "custom/insert.php", module=module, fields=fields)["data"]["wolkvox_id"]


def records(sandbox: SandboxProcess, module: str = "contacts") -> list[dict[str, Any]]:
    """Return a module's records without a call to wolkvox."""
    return sandbox.control("GET", f"wolkvox/records/{module}")["records"]


def add(sandbox: SandboxProcess, module: str, *several: dict[str, Any], **more: Any) -> list[str]:
    """Create records without a call to wolkvox and return their ids."""
    body = {"module": module, "records": list(several), **more}
    return sandbox.control("POST", "wolkvox/records", body)["wolkvox_ids"]


def generate(sandbox: SandboxProcess, count: int, module: str = "leads", **fields: Any) -> list[str]:
    body = {"module": module, "count": count, "fields": {"code": "l-{n}", "status": "new", **fields}}
    return sandbox.control("POST", "wolkvox/records", body)["wolkvox_ids"]


def codes(answer: dict[str, Any]) -> list[str]:
    return [record["code"] for record in answer["data"]]


# --- every call --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("path", "body"), CALLS.items(), ids=CALLS)
def test_each_call_is_posted_and_costs_one_use(sandbox, path, body):
    assert crm(sandbox, path, body, method="GET").status_code == 405
    assert uses(sandbox) == 1
    assert crm(sandbox, path, body).status_code in (200, 404, 412)
    assert uses(sandbox) == 2


@pytest.mark.parametrize(("path", "body"), CALLS.items(), ids=CALLS)
def test_each_call_needs_the_operation_in_its_body(sandbox, path, body):
    assert crm(sandbox, path, body, operation=None).json()["msg"] == "SOME PARAMETERS ARE REQUIRED"
    assert crm(sandbox, f"{path}?operation=demo_operation", body, operation=None).status_code == 400
    assert crm(sandbox, path, body, operation="other").status_code == 403
    sandbox.switch({"wolkvox.check_operation": False})
    assert crm(sandbox, path, body, operation="other").status_code != 403


@pytest.mark.parametrize("path", CALLS)
def test_each_call_needs_its_fields(sandbox, path):
    add(sandbox, "contacts", CONTACT)
    body = CALLS[path]
    for name in body.keys() - {"form", "attachments"}:
        rest = {key: value for key, value in body.items() if key != name}
        assert refused(sandbox, path, **rest) == (400, "SOME PARAMETERS ARE REQUIRED"), name


@pytest.mark.parametrize(("path", "body"), CALLS.items(), ids=CALLS)
def test_only_an_external_token_lists_notes_and_it_does_nothing_else(sandbox, path, body):
    notes = path == "cases/listHistoryNote.php"
    other = default_token(sandbox) if notes else EXTERNAL
    response = crm(sandbox, path, body, token=other)
    assert (response.status_code, response.json()["msg"]) == (403, "PLEASE VALIDATE TOKEN")
    trait = "internal_refused" if notes else "unknown_token"
    sandbox.switch({f"wolkvox.{trait}_status": 401, f"wolkvox.{trait}_text": "OTHER"})
    response = crm(sandbox, path, body, token=other)
    assert (response.status_code, response.json()["msg"]) == (401, "OTHER")


@pytest.mark.parametrize(("path", "body"), CALLS.items(), ids=CALLS)
def test_an_exhausted_token_calls_nothing(sandbox, path, body):
    sandbox.switch({"wolkvox.limit": 0, "wolkvox.exhausted_fails_reading": False})
    sandbox.token(token=EXTERNAL, type="external", limit=0)
    response = crm(sandbox, path, body)
    assert (response.status_code, response.json()["msg"]) == (403, "TOKEN LIMIT EXCEEDED")
    assert "records" not in sandbox.state()["wolkvox"]


def test_the_quota_of_calls_comes_back_at_midnight(sandbox):
    sandbox.switch({"wolkvox.limit": 2})
    statuses = [crm(sandbox, "custom/insert.php", CALLS["custom/insert.php"]).status_code for _ in range(3)]
    assert statuses == [200, 200, 403]
    assert len(records(sandbox)) == 2
    sandbox.clock(advance=12 * 3600)
    insert(sandbox, a=1)
    assert uses(sandbox) == 1


@pytest.mark.parametrize(("charged", "used"), [(True, 3), (False, 0)])
def test_refused_calls_may_be_charged(sandbox, charged, used):
    sandbox.switch({"wolkvox.charge_failed_calls": charged})
    crm(sandbox, "custom/insert.php", {"module": "contacts"})
    crm(sandbox, "custom/update.php", CALLS["custom/update.php"])
    crm(sandbox, "custom/nothing.php", {})
    crm(sandbox, "custom/insert.php", CALLS["custom/insert.php"], token="wrong")
    assert uses(sandbox) == used


@pytest.mark.parametrize("token", [None, "wrong"])
def test_without_a_known_token_nothing_is_written(sandbox, token):
    response = crm(sandbox, "custom/insert.php", CALLS["custom/insert.php"], token=token)
    assert response.status_code == (401 if token is None else 403)
    assert records(sandbox) == []


def test_maintenance_answers_every_call_and_charges_nothing(sandbox):
    sandbox.switch({"wolkvox.maintenance": True})
    response = crm(sandbox, "custom/insert.php", CALLS["custom/insert.php"])
    assert (response.status_code, uses(sandbox), records(sandbox)) == (403, 0, [])
    assert "BACKUP" in response.json()["msg"]


def test_calls_at_a_time_may_be_limited(sandbox):
    sandbox.switch({"wolkvox.concurrency_limit": 1})
    sandbox.fault(vendor="wolkvox", action="hang")
    token = {"Wolkvox-Token": default_token(sandbox)}
    with HangingRequest(sandbox, "POST", f"{BASE}custom/insert.php", token, b"{}"):
        status, message = refused(sandbox, "custom/insert.php", **CALLS["custom/insert.php"])
        assert status == 403
        assert "SIMULTANEOUS" in message


def test_calls_per_minute_may_be_limited(sandbox):
    sandbox.switch({"wolkvox.rate_limit_per_minute": 1})
    insert(sandbox, a=1)
    assert refused(sandbox, "custom/insert.php", module="contacts", fields={"a": 1})[0] == 429
    sandbox.clock(advance=60)
    insert(sandbox, a=1)


def test_a_refused_insert_may_have_the_shape_that_an_integrator_saw(sandbox):
    sandbox.switch({"wolkvox.error_shape": "object"})
    response = crm(sandbox, "custom/insert.php", {"module": "contacts"})
    assert response.status_code == 400
    assert response.json() == {"error": {"code": 400, "message": "SOME PARAMETERS ARE REQUIRED"}}


def test_refusals_may_come_with_http_200(sandbox):
    sandbox.switch({"wolkvox.http_status_follows_code": False})
    response = crm(sandbox, "custom/update.php", CALLS["custom/update.php"])
    assert (response.status_code, response.json()["code"]) == (200, "404")


def test_a_body_may_be_too_long(sandbox):
    sandbox.switch({"wolkvox.max_body_bytes": 200})
    insert(sandbox, a="x")
    assert refused(sandbox, "custom/insert.php", module="contacts", fields={"a": "x" * 200})[0] == 413
    sandbox.switch({"wolkvox.max_body_bytes": 0})
    insert(sandbox, a="x" * 200)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'"x"', b"\xff", b"operation=demo_operation"])
def test_a_body_that_is_no_object_has_no_operation(sandbox, body):
    response = sandbox.http.post(
        f"{sandbox.url}{BASE}custom/insert.php",
        data=body,
        headers={"Wolkvox-Token": default_token(sandbox)},
        timeout=30,
    )
    assert (response.status_code, response.json()["msg"]) == (400, "SOME PARAMETERS ARE REQUIRED")


def test_the_content_type_may_be_required(sandbox):
    sandbox.switch({"wolkvox.require_content_type": True})
    add(sandbox, "contacts", CONTACT)
    insert(sandbox, a=1)
    assert crm(sandbox, "cases/insert.php", CASE).status_code == 200
    for path in ("custom/insert.php", "cases/insert.php"):
        response = crm(sandbox, path, CALLS[path], **{"Content-Type": "text/plain"})
        assert response.json()["msg"] == "CONTENT-TYPE MUST BE JSON"


@pytest.mark.parametrize("host", ["sv0001.crmvox.com", "crm0001.wolkvox.com:443", "x"])
def test_any_host_is_served(sandbox, host):
    response = crm(sandbox, "custom/insert.php", CALLS["custom/insert.php"], Host=host)
    assert response.status_code == 200


def test_code_is_text_on_reads_and_a_number_on_writes(sandbox):
    add(sandbox, "contacts", CONTACT)
    found = {path: crm(sandbox, path, body).json() for path, body in CALLS.items()}
    kinds = {
        path: type(answer["code"])
        for path, answer in found.items()
        if not isinstance(answer, list) and answer["code"] in (200, "200")
    }
    writes = {path for path, kind in kinds.items() if kind is int}
    assert writes == {
        "custom/insert.php",
        "custom/insertAttach.php",
        "custom/insertMany.php",
        "cases/insert.php",
        "cases/insertAttach.php",
    }
    sandbox.switch({"wolkvox.write_code_as_string": True, "wolkvox.code_as_number": True})
    for path in kinds:
        code = crm(sandbox, path, CALLS[path]).json()["code"]
        assert type(code) is (str if path in writes else int), path


# --- custom ------------------------------------------------------------------------------------------------


def test_a_record_is_created_and_found_again(sandbox):
    telephone = {"type": "telephone", "country": "Colombia", "code": "57", "value": "3000000000"}
    answer = ok(sandbox, "custom/insert.php", module="contacts", fields={**CONTACT, "phone": telephone})
    wolkvox_id = answer["data"]["wolkvox_id"]
    assert re.fullmatch("[0-9a-f]{24}", wolkvox_id)
    assert answer == {
        "code": 200,
        "error": "null",
        "msg": "Succesfully create record",
        "data": {"wolkvox_id": wolkvox_id},
    }
    expected = {"code": "200", "error": "null", **PAGING, "msg": "1 records were are found"}
    for name, value in (
        ("emailcontact", "ada@example.com"),
        ("phone", "3000000000"),
        ("wolkvox-id", wolkvox_id),
    ):
        found = ok(sandbox, "custom/query.php", module="contacts", field=name, value=value)
        [record] = found.pop("data")
        assert found == expected
        assert record.items() >= {**CONTACT, "phone": telephone, "wolkvox_id": wolkvox_id}.items()
    assert record["wolkvox_fecha_creacion"] == "2026-01-01 12:00:00"
    assert set(record["wolkvox_owner"]) == {"user", "nombre", "id", "email"}
    assert {"wolkvox_usuario_creacion", "wolkvox_origen", "wolkvox_ip_address"} <= set(record)
    assert sandbox.state()["wolkvox"]["records"] == {"contacts": 1}


def test_no_rows_are_a_success(sandbox):
    assert ok(sandbox, "custom/query.php", module="contacts", field="a", value="b") == {
        "code": "200",
        "error": "null",
        "page": 1,
        "Total records": 0,
        "Total pages": 0,
        "msg": "0 records were are found",
        "data": [],
    }


def test_what_the_vendor_writes_itself_is_not_the_clients(sandbox):
    made = insert(sandbox, wolkvox_id="mine", wolkvox_fecha_creacion="2000-01-01 00:00:00", wolkvox_owner="x")
    [record] = records(sandbox)
    assert record["wolkvox_id"] == made != "mine"
    assert (record["wolkvox_fecha_creacion"], record["wolkvox_owner"]) == ("2026-01-01 12:00:00", "x")


def test_a_repeated_insert_makes_a_second_record(sandbox):
    assert insert(sandbox, **CONTACT) != insert(sandbox, **CONTACT)
    assert len(records(sandbox)) == 2


def test_duplicates_may_be_refused_or_answered_with_the_existing_record(sandbox):
    first = insert(sandbox, **CONTACT)
    sandbox.switch({"wolkvox.duplicates": "existing"})
    assert insert(sandbox, **CONTACT) == first
    sandbox.switch({"wolkvox.duplicates": "refuse"})
    status, message = refused(sandbox, "custom/insert.php", module="contacts", fields=CONTACT)
    assert (status, message) == (400, "THE RECORD ALREADY EXISTS")
    insert(sandbox, **CONTACT, age=1)
    sandbox.switch({"wolkvox.duplicate_key": "emailcontact"})
    assert refused(sandbox, "custom/insert.php", module="contacts", fields={**CONTACT, "age": 2})[0] == 400
    insert(sandbox, age=3)
    several = [{"emailcontact": "bob@example.com"}, {"emailcontact": "bob@example.com"}]
    assert refused(sandbox, "custom/insertMany.php", module="contacts", fields=several)[0] == 400
    assert len(records(sandbox)) == 3


def test_an_activity_needs_its_type(sandbox):
    body = {"module": "wolkvox_activities", "fields": {"name": "Call Ada"}}
    assert refused(sandbox, "custom/insert.php", **body)[0] == 400
    assert refused(sandbox, "custom/insert.php", **body, type="walk")[0] == 400
    ok(sandbox, "custom/insert.php", **body, type="call")
    [record] = records(sandbox, "wolkvox_activities")
    assert (record["name"], record["type"]) == ("Call Ada", "call")


def test_many_records_are_created_at_once(sandbox):
    several = [{"code": "a", "photo": ["aGk="]}, {"code": "b"}]
    answer = ok(sandbox, "custom/insertMany.php", module="leads", fields=several)
    assert answer == {"code": 200, "error": "null", "msg": "Succesfully create x record", "data": []}
    assert [record["code"] for record in records(sandbox, "leads")] == ["a", "b"]
    assert uses(sandbox) == 1
    sandbox.switch({"wolkvox.most_records": 1})
    assert refused(sandbox, "custom/insertMany.php", module="leads", fields=several)[0] == 400


def test_a_record_is_updated(sandbox):
    made = insert(sandbox, **CONTACT)
    sandbox.clock(advance=60)
    answer = ok(
        sandbox,
        "custom/update.php",
        module="contacts",
        fields={"namecontact": "Eva", "wolkvox_id": "x"},
        attachments=["aGk="],
        **{"wolkvox-id": made},
    )
    assert answer == {
        "code": 200,
        "error": "null",
        "msg": "Succesfully edit record",
        "data": {"wolkvox_id": made},
    }
    [record] = records(sandbox)
    assert record["wolkvox_id"] == made
    assert (record["namecontact"], record["emailcontact"]) == ("Eva", "ada@example.com")
    assert record["attachments"] == ["aGk="]
    assert record["wolkvox_fecha_modificacion"] == "2026-01-01 12:01:00"
    assert record["wolkvox_fecha_creacion"] == "2026-01-01 12:00:00"


@pytest.mark.parametrize(
    "path",
    [
        "custom/update.php",
        "custom/updateMany.php",
        "custom/delete.php",
        "cases/update.php",
        "cases/updateCaseAttachment.php",
        "collections/insertObligation.php",
        "collections/updateObligation.php",
        "collections/insertGestion.php",
    ],
)
def test_an_unknown_id_is_refused(sandbox, path):
    assert refused(sandbox, path, **CALLS[path]) == (404, "THE RECORD DOES NOT EXIST")
    sandbox.switch({"wolkvox.unknown_id_status": 417, "wolkvox.unknown_id_text": "NONE"})
    assert refused(sandbox, path, **CALLS[path]) == (417, "NONE")


def test_many_records_are_updated_at_once(sandbox):
    first, second = add(sandbox, "leads", {"code": "a"}, {"code": "b"})
    fields = [{"wolkvox-id": first, "code": "A"}, {"wolkvox-id": second, "code": "B"}]
    answer = ok(sandbox, "custom/updateMany.php", module="leads", fields=fields)
    assert answer == {"code": 200, "error": "null", "msg": "Succesfully edit record x", "data": []}
    assert [record["code"] for record in records(sandbox, "leads")] == ["A", "B"]
    assert "wolkvox-id" not in records(sandbox, "leads")[0]


def test_one_unknown_id_among_many_refuses_all_or_is_skipped(sandbox):
    first, second = add(sandbox, "leads", {"code": "a"}, {"code": "b"})
    update = {"module": "leads", "fields": [{"wolkvox-id": first, "code": "A"}, {"wolkvox-id": ANY_ID}]}
    delete = {"module": "leads", "multiple": True, "wolkvox-id": [first, ANY_ID]}
    assert refused(sandbox, "custom/updateMany.php", **update)[0] == 404
    assert refused(sandbox, "custom/delete.php", **delete)[0] == 404
    assert [record["code"] for record in records(sandbox, "leads")] == ["a", "b"]
    sandbox.switch({"wolkvox.unknown_id_among_many": "skip"})
    ok(sandbox, "custom/updateMany.php", **update)
    assert [record["code"] for record in records(sandbox, "leads")] == ["A", "b"]
    assert ok(sandbox, "custom/delete.php", **delete)["data"] == {"wolkvox_id": [first]}
    assert [record["wolkvox_id"] for record in records(sandbox, "leads")] == [second]


def test_records_are_deleted_one_at_a_time_or_several(sandbox):
    first, *others = generate(sandbox, 3)
    answer = ok(sandbox, "custom/delete.php", module="leads", multiple=False, **{"wolkvox-id": first})
    assert answer["code"] == 200
    assert answer["msg"] == "Have been succesfully removed"
    assert answer["data"] == {"wolkvox_id": first}
    assert (
        refused(sandbox, "custom/delete.php", module="leads", multiple=False, **{"wolkvox-id": first})[0]
        == 404
    )
    answer = ok(sandbox, "custom/delete.php", module="leads", multiple=True, **{"wolkvox-id": others})
    assert answer["data"] == {"wolkvox_id": others}
    assert records(sandbox, "leads") == []


@pytest.mark.parametrize(
    ("path", "wrong"),
    [
        ("custom/insert.php", {"fields": [CONTACT]}),
        ("custom/insert.php", {"module": 7}),
        ("custom/insertMany.php", {"fields": CONTACT}),
        ("custom/insertMany.php", {"fields": ["x"]}),
        ("custom/updateMany.php", {"fields": [{"wolkvox-id": 7}]}),
        ("custom/update.php", {"fields": "x"}),
        ("custom/delete.php", {"multiple": True}),
        ("custom/delete.php", {"multiple": "false"}),
        ("custom/delete.php", {"wolkvox-id": [ANY_ID]}),
        ("custom/query.php", {"limit": 0}),
        ("custom/query.php", {"limit": True}),
        ("custom/query.php", {"limit": "many"}),
        ("custom/query.php", {"page": -1}),
        ("custom/query.php", {"page": 1.5}),
        ("custom/queryDates.php", {"date": "yes"}),
        ("custom/queryDates.php", {"from": "2026-01-01"}),
        ("custom/queryDates.php", {"to": "2026-1-1 0:00"}),
        ("custom/reports.php", {"dateStart": "2026-01-01 00:00"}),
        ("custom/reports.php", {"dateEnd": "2026-02-30 00:00:00"}),
        ("cases/insert.php", {"form": "{"}),
        ("cases/insertAttach.php", {"form": ["x"]}),
        ("cases/insertAttach.php", {"attachments": "aGk="}),
        ("collections/massiveCollections.php", {"collections": [DEBTOR] * 501}),
        ("collections/massiveCollections.php", {"collections": {"a": DEBTOR}}),
        ("collections/massiveCollections.php", {"collections": [{"Obligations": 7}]}),
        ("collections/massiveCollections.php", {"collections": [{**DEBTOR, "Obligations": ["x"]}]}),
    ],
    ids=lambda value: str(value)[:60],
)
def test_what_does_not_fit_is_refused(sandbox, path, wrong):
    add(sandbox, "contacts", CONTACT)
    before = sandbox.state()["wolkvox"]["records"]
    assert refused(sandbox, path, **{**CALLS[path], **wrong}) == (400, "SOME PARAMETERS ARE NOT VALID")
    assert sandbox.state()["wolkvox"]["records"] == before


def test_modules_may_be_limited_to_known_ones(sandbox):
    sandbox.switch({"wolkvox.modules": "contacts, leads"})
    insert(sandbox, "leads", a=1)
    body = {"module": "ledas", "fields": {"a": 1}}
    assert refused(sandbox, "custom/insert.php", **body) == (400, "THE MODULE DOES NOT EXIST")


def test_each_operation_has_its_own_records(sandbox):
    sandbox.token(token="t-2", operation="shop")
    insert(sandbox, **CONTACT)
    body = {"module": "contacts", "field": "namecontact", "value": "Ada"}
    assert crm(sandbox, "custom/query.php", body, token="t-2", operation="shop").json()["data"] == []
    add(sandbox, "contacts", CONTACT, operation="shop")
    assert len(crm(sandbox, "custom/query.php", body, token="t-2", operation="shop").json()["data"]) == 1
    assert sandbox.state()["wolkvox"]["records"] == {"contacts": 2}


# --- queries and their pages -------------------------------------------------------------------------------


def pages(sandbox: SandboxProcess, **body: Any) -> dict[str, Any]:
    return ok(sandbox, "custom/query.php", module="leads", field="status", value="new", **body)


def test_pages_go_through_all_records(sandbox):
    generate(sandbox, 1000)
    seen = []
    for number in range(1, 6):
        answer = pages(sandbox, limit=250, page=number)
        assert (answer["page"], answer["Total records"], answer["Total pages"]) == (number, 1000, 4)
        assert answer["msg"] == f"{len(answer['data'])} records were are found"
        seen.append(codes(answer))
    assert [len(page) for page in seen] == [250, 250, 250, 250, 0]
    assert [code for page in seen for code in page] == [f"l-{number}" for number in range(1, 1001)]
    assert uses(sandbox) == 5


def test_the_last_page_may_be_partial_and_page_and_limit_may_be_text(sandbox):
    generate(sandbox, 5)
    assert codes(pages(sandbox, limit="2", page="3")) == ["l-5"]
    assert pages(sandbox, limit=2)["Total pages"] == 3


def test_the_page_size_without_limit_is_a_switch(sandbox):
    generate(sandbox, 130)
    assert len(pages(sandbox)["data"]) == 100
    sandbox.switch({"wolkvox.default_limit": 7})
    answer = pages(sandbox, page=19)
    assert (len(answer["data"]), answer["Total pages"]) == (4, 19)


def test_a_limit_above_the_highest_is_cut_or_refused(sandbox):
    generate(sandbox, 300)
    answer = pages(sandbox, limit=1000)
    assert (len(answer["data"]), answer["Total pages"]) == (250, 2)
    sandbox.switch({"wolkvox.limit_above_maximum": "refuse"})
    body = {"module": "leads", "field": "status", "value": "new"}
    assert refused(sandbox, "custom/query.php", **body, limit=251)[0] == 400
    assert len(pages(sandbox, limit=250)["data"]) == 250


def test_beyond_the_last_page_is_a_switch(sandbox):
    generate(sandbox, 3)
    assert codes(pages(sandbox, limit=2, page=3)) == []
    sandbox.switch({"wolkvox.beyond_last_page": "last page"})
    assert codes(pages(sandbox, limit=2, page=9)) == ["l-3"]
    sandbox.switch({"wolkvox.beyond_last_page": "refuse"})
    body = {"module": "leads", "field": "status", "value": "new", "limit": 2}
    assert refused(sandbox, "custom/query.php", **body, page=3) == (416, "REQUESTED RANGE NOT SATISFIABLE")
    assert codes(pages(sandbox, limit=2, page=2)) == ["l-3"]
    assert ok(sandbox, "custom/query.php", module="leads", field="x", value="y", page=1)["data"] == []


def test_totals_may_be_absent_where_they_are_not_documented(sandbox):
    sandbox.switch({"wolkvox.totals": False})
    add(sandbox, "cases", {"status": "Open"})
    assert set(pages(sandbox)) == {"code", "error", "msg", "data"}
    cases = ok(sandbox, "cases/queryCases.php", field="status", value="Open")
    assert cases.items() >= PAGING.items()
    report = ok(sandbox, "collections/reportsCollection.php", **CALLS["collections/reportsCollection.php"])
    assert set(report) == {"code", "page", "Total records", "Total pages", "msg", "data"}


def test_the_newest_may_come_first(sandbox):
    generate(sandbox, 3)
    sandbox.switch({"wolkvox.query_order": "newest first"})
    assert codes(pages(sandbox, limit=2)) == ["l-3", "l-2"]


def test_values_are_compared_as_text(sandbox):
    add(
        sandbox,
        "leads",
        {"code": "a", "x": 7},
        {"code": "b", "x": "7"},
        {"code": "c", "x": None},
        {"code": "D"},
    )

    def found(name, value):
        return codes(ok(sandbox, "custom/query.php", module="leads", field=name, value=value))

    assert found("x", "7") == found("x", 7) == ["a", "b"]
    assert found("x", "") == ["c"]
    assert found("code", "d") == []
    sandbox.switch({"wolkvox.query_match": "ignore case"})
    assert found("code", "d") == ["D"]


def test_records_are_found_by_the_date_of_their_creation(sandbox):
    for minute in range(3):
        sandbox.clock(now=f"2026-01-01T12:0{minute}:30Z")
        insert(sandbox, "leads", code=f"l-{minute}")
    body = {"module": "leads", "date": True, "from": "2026-01-01 12:01", "to": "2026-01-01 12:02"}
    found = ok(sandbox, "custom/queryDates.php", **body)
    assert [record["code"] for record in found] == ["l-1"]
    sandbox.switch({"wolkvox.whole_last_minute": True, "wolkvox.query_dates_answer": "envelope"})
    found = ok(sandbox, "custom/queryDates.php", **body)
    assert (found["code"], found["Total records"], codes(found)) == ("200", 2, ["l-1", "l-2"])
    assert codes(ok(sandbox, "custom/queryDates.php", **body, limit=1, page=2)) == ["l-2"]
    sandbox.switch({"wolkvox.strict_dates": False})
    assert codes(ok(sandbox, "custom/queryDates.php", **{**body, "from": "2026-01-01"})) == [
        "l-0",
        "l-1",
        "l-2",
    ]


def test_no_rows_by_date_are_an_empty_array(sandbox):
    assert ok(sandbox, "custom/queryDates.php", **CALLS["custom/queryDates.php"]) == []


def test_dates_of_records_have_a_time_zone(sandbox):
    sandbox.switch({"wolkvox.records_timezone": "America/Bogota"})
    insert(sandbox, **CONTACT)
    assert records(sandbox)[0]["wolkvox_fecha_creacion"] == "2026-01-01 07:00:00"


@pytest.mark.parametrize(
    ("path", "module"),
    [("custom/reports.php", "contacts"), ("collections/reportsCollection.php", "collections")],
)
def test_a_report_that_exists_gives_its_modules_records(sandbox, path, module):
    old = {"code": "old", "wolkvox_fecha_creacion": "2025-12-31 23:59:59"}
    add(sandbox, module, old, {"code": "new"})
    answer = ok(sandbox, path, **CALLS[path])
    assert (answer["code"], answer["page"], codes(answer)) == ("200", 1, ["new"])
    assert ("error" in answer) is (path == "custom/reports.php")
    body = {**CALLS[path], "name": "other"}
    assert refused(sandbox, path, **body) == (404, "THE REPORT DOES NOT EXIST")
    sandbox.switch({"wolkvox.reports": "other"})
    assert ok(sandbox, path, **body)["data"] == []


# --- cases -------------------------------------------------------------------------------------------------


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


# --- collections -------------------------------------------------------------------------------------------


def massive(sandbox: SandboxProcess, *items: dict[str, Any]) -> dict[str, Any]:
    return ok(sandbox, "collections/massiveCollections.php", collections=list(items))


def without(item: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in item.items() if key != name}


def test_collections_come_in_bulk_with_a_summary(sandbox):
    assert massive(sandbox, DEBTOR, {**DEBTOR, "Identification": 1002}) == {
        "code": "200",
        "success": True,
        "summary": {
            "total_records_received": 2,
            "successful_inserts": 2,
            "failed_count": 0,
            "total_processed": 2,
            "failed_Sumary": [],
        },
    }
    assert [record["Identification"] for record in records(sandbox, "collections")] == ["1001", 1002]
    assert uses(sandbox) == 1


def test_five_hundred_collections_are_taken_at_once(sandbox):
    items = [{**DEBTOR, "Identification": str(number)} for number in range(500)]
    assert massive(sandbox, *items)["summary"]["successful_inserts"] == 500
    assert massive(sandbox, *items)["summary"]["successful_inserts"] == 500
    assert sandbox.state()["wolkvox"]["records"] == {"collections": 500}


def test_known_collections_are_updated(sandbox):
    massive(sandbox, DEBTOR)
    [before] = records(sandbox, "collections")
    obligations = [{"id": "o-1", "name": "Loan", "sum": 5}, {"id": "o-2", "name": "Car"}]
    massive(sandbox, {**DEBTOR, "Name": "Eva", "Obligations": obligations}, without(DEBTOR, "Obligations"))
    [after] = records(sandbox, "collections")
    assert after["wolkvox_id"] == before["wolkvox_id"]
    assert (after["Name"], after["Obligations"]) == ("Ada", obligations)


@pytest.mark.parametrize("name", ["Identification", "Name", "Email", "Telephone", "id", "name"])
@pytest.mark.parametrize("empty", ["", " ", None, [], {"type": "telephone", "value": ""}])
def test_an_empty_mandatory_value_fails_the_whole_request(sandbox, name, empty):
    item = {**DEBTOR, "Identification": "1002", name: empty}
    if name in ("id", "name"):
        item = {**DEBTOR, "Obligations": [{"id": "o-1", "name": "Loan", name: empty}]}
    body = {"collections": [DEBTOR, without(DEBTOR, "Email"), item]}
    path = "collections/massiveCollections.php"
    assert refused(sandbox, path, **body) == (400, "SOME PARAMETERS ARE EMPTY")
    assert records(sandbox, "collections") == []


@pytest.mark.parametrize("name", ["Identification", "Name", "Email", "Telephone"])
def test_a_missing_mandatory_value_skips_its_item(sandbox, name):
    summary = massive(sandbox, without(DEBTOR, name), {**DEBTOR, "Identification": "1002"})["summary"]
    assert summary == {
        "total_records_received": 2,
        "successful_inserts": 1,
        "failed_count": 1,
        "total_processed": 2,
        "failed_Sumary": [
            {
                "index": 0,
                "Identification": None if name == "Identification" else "1001",
                "error": f"{name} is required",
            }
        ],
    }
    assert [record["Identification"] for record in records(sandbox, "collections")] == ["1002"]


@pytest.mark.parametrize("name", ["id", "name"])
def test_a_missing_value_of_an_obligation_skips_its_item(sandbox, name):
    obligation = without({"id": "o-1", "name": "Loan"}, name)
    sandbox.switch({"wolkvox.failed_summary": "texts", "wolkvox.total_processed": "successful"})
    summary = massive(sandbox, {**DEBTOR, "Obligations": [obligation]})["summary"]
    assert (summary["failed_count"], summary["total_processed"]) == (1, 0)
    assert summary["failed_Sumary"] == [f"1001: Obligations.{name} is required"]
    assert records(sandbox, "collections") == []


def test_obligations_are_added_found_and_changed(sandbox):
    massive(sandbox, DEBTOR)
    made = records(sandbox, "collections")[0]["wolkvox_id"]
    answer = ok(sandbox, "collections/insertObligation.php", wolkvox_id=made, fields={"id": 2, "name": "Car"})
    assert (answer["code"], answer["data"]) == (200, {"wolkvox_id": made})
    answer = ok(
        sandbox, "collections/updateObligation.php", wolkvox_id=made, obligation="2", fields={"sum": 9}
    )
    assert (answer["code"], answer["data"]) == (200, {"wolkvox_id": made})
    found = ok(sandbox, "collections/queryObligation.php", wolkvox_id=made, obligation=2)
    assert (found["code"], found["data"]) == ("200", [{"id": 2, "name": "Car", "sum": 9}])
    assert len(records(sandbox, "collections")[0]["Obligations"]) == 2
    body = {"wolkvox_id": made, "obligation": "3"}
    assert ok(sandbox, "collections/queryObligation.php", **body)["data"] == []
    assert refused(sandbox, "collections/updateObligation.php", **body, fields={"sum": 9})[0] == 404


def test_obligations_overwritten_by_other_values_do_no_harm(sandbox):
    massive(sandbox, DEBTOR)
    made = records(sandbox, "collections")[0]["wolkvox_id"]
    fields = {"Obligations": "none"}
    ok(sandbox, "custom/update.php", module="collections", fields=fields, **{"wolkvox-id": made})
    assert ok(sandbox, "collections/queryObligation.php", wolkvox_id=made, obligation="o-1")["data"] == []
    massive(sandbox, DEBTOR)
    assert records(sandbox, "collections")[0]["Obligations"] == DEBTOR["Obligations"]


def test_gestiones_belong_to_a_collection(sandbox):
    massive(sandbox, DEBTOR)
    made = records(sandbox, "collections")[0]["wolkvox_id"]
    fields = {**CALLS["collections/insertGestion.php"]["fields"], "wolkvox_idRecord": made}
    answer = ok(sandbox, "collections/insertGestion.php", fields=fields)
    found = ok(sandbox, "collections/queryGestion.php", field="wolkvox_idRecord", value=made)
    assert found["code"] == "200"
    assert [gestion["wolkvox_id"] for gestion in found["data"]] == [answer["data"]["wolkvox_id"]]
    for name in fields:
        assert refused(sandbox, "collections/insertGestion.php", fields=without(fields, name))[0] == 400
    other = {**fields, "module": "contacts"}
    assert refused(sandbox, "collections/insertGestion.php", fields=other)[0] == 400


# --- faults, and records without calls ---------------------------------------------------------------------


@pytest.mark.parametrize(("after", "count"), [(True, 1), (False, 0)])
def test_an_insert_whose_answer_is_lost_may_have_happened(sandbox, after, count):
    sandbox.fault(vendor="wolkvox", path="custom/insert.php", status=500, after=after)
    assert crm(sandbox, "custom/insert.php", CALLS["custom/insert.php"]).status_code == 500
    assert (len(records(sandbox)), uses(sandbox)) == (count, count)


def test_records_are_added_without_a_use(sandbox):
    created = {"wolkvox_fecha_creacion": "2025-01-01 00:00:00"}
    answer = sandbox.control(
        "POST", "wolkvox/records", {"module": "leads", "records": [{"code": "a", **created}, {}]}
    )
    ids = answer.pop("wolkvox_ids")
    assert answer == {"module": "leads", "created": 2}
    first, second = records(sandbox, "leads")
    assert [first["wolkvox_id"], second["wolkvox_id"]] == ids
    assert first.items() >= {"code": "a", **created}.items()
    assert second["wolkvox_fecha_creacion"] == "2026-01-01 12:00:00"
    assert add(sandbox, "leads", {"wolkvox_id": ids[0], "code": "b"}) == ids[:1]
    assert [record.get("code") for record in records(sandbox, "leads")] == ["b", None]
    assert (uses(sandbox), sandbox.requests("wolkvox")) == (0, [])


def test_records_are_generated_in_any_number(sandbox):
    assert len(set(generate(sandbox, 2000, n=1))) == 2000
    assert sandbox.state()["wolkvox"]["records"] == {"leads": 2000}
    last = records(sandbox, "leads")[-1]
    assert (last["code"], last["status"], last["n"]) == ("l-2000", "new", 1)
    sandbox.control("POST", "wolkvox/records", {"module": "plain", "count": 1})
    assert records(sandbox, "plain")[0]["name"] == "Record 1"


def test_records_are_counted_and_removed(sandbox):
    generate(sandbox, 2)
    generate(sandbox, 1, module="contacts")
    assert sandbox.control("GET", "wolkvox/records") == {"records": {"leads": 2, "contacts": 1}}
    assert sandbox.control("DELETE", "wolkvox/records/leads") == {"records": {"contacts": 1}}
    assert records(sandbox, "leads") == []
    assert sandbox.control("DELETE", "wolkvox/records") == {"records": {}}
    generate(sandbox, 1)
    sandbox.reset()
    assert sandbox.control("GET", "wolkvox/records") == {"records": {}}


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({}, "module"),
        ({"module": "", "count": 1}, "module"),
        ({"module": "m"}, "count"),
        ({"module": "m", "count": 1, "records": []}, "count"),
        ({"module": "m", "count": 0}, "count"),
        ({"module": "m", "count": 100_001}, "count"),
        ({"module": "m", "count": "1"}, "count"),
        ({"module": "m", "count": 1, "fields": []}, "fields"),
        ({"module": "m", "count": 1, "fields": {"wolkvox_id": 1}}, "wolkvox_id"),
        ({"module": "m", "records": {}}, "records"),
        ({"module": "m", "records": [], "fields": {}}, "fields"),
        ({"module": "m", "records": [{}, 1]}, "records"),
        ({"module": "m", "records": [{"wolkvox_id": 1}]}, "wolkvox_id"),
        ({"module": "m", "records": [{"wolkvox_fecha_creacion": "2026"}]}, "wolkvox_fecha_creacion"),
        ({"module": "m", "records": [{"wolkvox_fecha_creacion": 1}]}, "wolkvox_fecha_creacion"),
        ({"module": "m", "count": 1, "rows": 1}, "rows"),
    ],
    ids=str,
)
def test_bad_records_are_refused_and_add_none(sandbox, body, named):
    response = sandbox.post("/_sandbox/wolkvox/records", body)
    assert response.status_code == 400
    assert named in response.json()["error"]
    assert sandbox.control("GET", "wolkvox/records") == {"records": {}}


def test_records_are_served_only_as_documented(sandbox):
    documented = set(re.findall(r"``([A-Z]+) /_sandbox/wolkvox/records(/MODULE)?``", PAGE.read_text()))
    served = set()
    for method in ("GET", "POST", "PUT", "DELETE"):
        for module in ("", "/MODULE"):
            url = f"{sandbox.url}/_sandbox/wolkvox/records{module}"
            if sandbox.http.request(method, url, timeout=10).status_code != 404:
                served.add((method, module))
    assert served == documented


def test_the_documented_bodies_add_records(sandbox):
    text = PAGE.read_text().partition("``POST /_sandbox/wolkvox/records``")[2].partition("``GET")[0]
    bodies = [json.loads(line) for line in text.splitlines() if line.strip().startswith("{")]
    assert [sandbox.control("POST", "wolkvox/records", body)["created"] for body in bodies] == [1, 1000]
