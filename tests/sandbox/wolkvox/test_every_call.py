"""What all calls of the CRM have in common: method, operation, token, quota and errors."""

from __future__ import annotations

import pytest

from tests.sandbox.clients import HangingRequest, default_token
from tests.sandbox.wolkvox.crm import (
    BASE,
    CALLS,
    CASE,
    CONTACT,
    EXTERNAL,
    add,
    crm,
    insert,
    records,
    refused,
    uses,
)


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
    for name in body:
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
