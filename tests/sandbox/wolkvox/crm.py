"""Calls of the simulated CRM as a person would type them, and a look at its records."""

from __future__ import annotations

from typing import Any

from requests import Response

from tests.sandbox.clients import default_token
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
    "Obligations": [{"id": "o-1", "name": "Loan", "sum": "10"}],
}
ANCHOR = "<a href='data:text/plain;base64,aGk=' download='hi.txt'>hi.txt</a>"
ANY_ID = "0" * 24
EXTERNAL = "external-token"

# Each call with a body that a new sandbox accepts, or refuses for want of a record alone.
CALLS: dict[str, dict[str, Any]] = {
    "custom/insert.php": {"module": "contacts", "fields": CONTACT},
    "custom/insertAttach.php": {"module": "contacts", "fields": {**CONTACT, "photo": [ANCHOR]}},
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
    "cases/insertAttach.php": {**CASE, "form": {"a": 1}, "attachments": [ANCHOR]},
    "cases/update.php": {"wolkvox-id": ANY_ID, "responsible": "bob@demo_operation", "status": "Open"},
    "cases/updateCaseAttachment.php": {
        "wolkvox-id": ANY_ID,
        "responsible": "bob@demo_operation",
        "status": "Open",
        "attachments": [ANCHOR],
    },
    "cases/queryCases.php": {"field": "status", "value": "Open"},
    "cases/listHistoryNote.php": {"field": "status", "value": "Open"},
    "collections/massiveCollections.php": {"collections": [DEBTOR]},
    "collections/insertObligation.php": {"wolkvox_id": ANY_ID, "fields": {"id": "o-2", "name": "Car"}},
    "collections/queryObligation.php": {"wolkvox_id": ANY_ID, "obligation": "o-1"},
    "collections/updateObligation.php": {"wolkvox_id": ANY_ID, "obligation": "o-1", "fields": {"sum": "9"}},
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
ACTIVITY = {
    "status": "Open",
    "name": "Call Ada",
    "priority": "high",
    "name_module": "contacts",
    "completion_date": "2026-01-02 09:00:00",
    "remember": False,
    "reminder_date": "2026-01-02 08:00:00",
    "description": "About the lamp",
    "id_record": ANY_ID,
    "wolkvox_owner": "bob@demo_operation",
}
PHONE = {"type": "telephone", "country": "Colombia", "code": "57", "value": "3000000000"}
ACTIVITIES: dict[str, dict[str, Any]] = {
    "call": {**ACTIVITY, "location": "Office", "phone": PHONE},
    "meet": {
        **ACTIVITY,
        "location": "Office",
        "start_date": "2026-01-02 09:00:00",
        "participants": {"type": "participant", "value": ["bob@demo_operation"]},
    },
    "task": ACTIVITY,
}
FORMS = ("cases/insert.php", "cases/update.php")


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
        data=whole if path in FORMS else None,
        json=None if path in FORMS else whole,
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
    """Return how many requests all tokens have spent."""
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
