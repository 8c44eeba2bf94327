"""Each call about records, cases and collections, and answers to them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from airflow_provider.exceptions import VendorError
from airflow_provider.http.call import Call, Response
from airflow_provider.wolkvox import calls
from airflow_provider.wolkvox.calls import Crm
from airflow_provider.wolkvox.connection import WolkvoxOptions
from airflow_provider.wolkvox.fields import telephone
from airflow_provider.wolkvox.refusals import ForbiddenTexts

FORMS: dict[str, Any] = WolkvoxOptions.__dataclass_fields__
TEXTS = ForbiddenTexts(
    concurrency=FORMS["concurrency_message"].default,
    maintenance=FORMS["maintenance_message"].default,
    quota=FORMS["quota_message"].default,
    token=FORMS["refusal_message"].default,
)
CRM = Crm("mi operación", TEXTS)
PHONE = telephone("300", country="Colombia", code="57")
CASE = ("Request", "ana@op", "eva@op", "ada@example.com", "what", "Open", "high")
GESTION = {"tipifycation_code": "7", "tipifycation_desc": "Promise", "wolkvox_idRecord": "65f0"}
OBLIGATION = {"id": "L-1", "name": "Loan"}
PERSON = {"Identification": "1", "Name": "Ada", "Email": "a@example.com", "Telephone": "300"}


def answer(status: int = 200, **document: Any) -> Response:
    return Response(status, {}, json.dumps({"code": 200, "error": "null", "msg": "x", **document}).encode())


def error_of(call: Call[Any], response: Response) -> VendorError:
    with pytest.raises(VendorError) as raised:
        call.decode(response)
    return raised.value


ALL: dict[str, Call[Any]] = {
    "insert_record": calls.insert_record(CRM, "contacts", {"a": 1}),
    "insert_records": calls.insert_records(CRM, "contacts", [{"a": 1}, {"a": 2}]),
    "update_record": calls.update_record(CRM, "contacts", "65f0", {"a": 1}),
    "update_records": calls.update_records(CRM, "contacts", [("65f0", {"a": 1}), ("65f1", {"a": 2})]),
    "delete_record": calls.delete_record(CRM, "contacts", "65f0"),
    "delete_records": calls.delete_records(CRM, "contacts", ["65f0", "65f1"]),
    "query_records": calls.query_records(CRM, "contacts", "a", 1, page=3, limit=10),
    "query_dates": calls.query_dates(CRM, "contacts", "2026-01-01", "2026-01-02 10:30", page=3, limit=10),
    "insert_case": calls.insert_case(CRM, *CASE),
    "insert_case with attachments": calls.insert_case(
        CRM, *CASE, form={"subject": "late"}, attachments=["aGk="]
    ),
    "update_case": calls.update_case(CRM, "65f0", "ana@op", "Open"),
    "update_case with attachments": calls.update_case(CRM, "65f0", "ana@op", "Open", attachments="aGk="),
    "query_cases": calls.query_cases(CRM, "status", "Open"),
    "query_case_notes": calls.query_case_notes(CRM, "status", "Open"),
    "insert_gestion": calls.insert_gestion(CRM, GESTION),
    "query_gestiones": calls.query_gestiones(CRM, "customer_id", "1001"),
    "insert_obligation": calls.insert_obligation(CRM, "65f0", OBLIGATION),
    "update_obligation": calls.update_obligation(CRM, "65f0", "L-1", {"total_balance": "90"}),
    "query_obligations": calls.query_obligations(CRM, "65f0", "L-1"),
    "query_report": calls.query_report(CRM, "calls", "2026-01-01", "2026-01-02 10:30:59", page=3, limit=10),
    "query_collections_report": calls.query_collections_report(
        CRM, "calls", "2026-01-01", "2026-01-02 10:30:59"
    ),
    "upsert_collection": calls.upsert_collection(CRM, PERSON),
    "upsert_collections": calls.upsert_collections(CRM, [PERSON, {**PERSON, "Identification": 2}]),
}
each_call = pytest.mark.parametrize("call", ALL.values(), ids=ALL)
