"""The calls about records, cases and collections: what they send, and what they make of the answers."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from airflow_provider.exceptions import (
    InvalidInput,
    OutcomeUnknown,
    QuotaExhausted,
    VendorError,
    VendorProtocolError,
    VendorRejected,
    VendorUnavailable,
)
from airflow_provider.http.call import Call, Repeat, Response
from airflow_provider.wolkvox import calls
from airflow_provider.wolkvox.calls import Crm
from airflow_provider.wolkvox.fields import telephone
from tests.wolkvox.test_calls import TEXTS

CRM = Crm("mi operación", TEXTS)
PHONE = telephone("300", country="Colombia", code="57")
CASE = ("Request", "ana@op", "eva@op", "ada@example.com", "what", "Open", "high")
PERSON = {"Identification": "1", "Name": "Ada", "Email": "a@example.com", "Telephone": "300"}


def answer(status: int = 200, **document: Any) -> Response:
    return Response(status, {}, json.dumps({"code": 200, "error": "null", "msg": "x", **document}).encode())


def error_of(call: Call[Any], response: Response) -> VendorError:
    with pytest.raises(VendorError) as raised:
        call.decode(response)
    return raised.value


ALL = {
    "insert_record": calls.insert_record(CRM, "contacts", {"a": 1}),
    "insert_records": calls.insert_records(CRM, "contacts", [{"a": 1}, {"a": 2}]),
    "update_record": calls.update_record(CRM, "contacts", "65f0", {"a": 1}),
    "update_records": calls.update_records(CRM, "contacts", [("65f0", {"a": 1}), ("65f1", {"a": 2})]),
    "delete_record": calls.delete_record(CRM, "contacts", "65f0"),
    "delete_records": calls.delete_records(CRM, "contacts", ["65f0", "65f1"]),
    "query_records": calls.query_records(CRM, "contacts", "a", 1, page=3, limit=10),
    "query_dates": calls.query_dates(CRM, "contacts", "2026-01-01", "2026-01-02 10:30", page=3, limit=10),
    "insert_case": calls.insert_case(CRM, *CASE),
    "update_case": calls.update_case(CRM, "65f0", "ana@op", "Open"),
    "update_case with attachments": calls.update_case(CRM, "65f0", "ana@op", "Open", attachments="aGk="),
    "query_cases": calls.query_cases(CRM, "status", "Open"),
    "query_case_notes": calls.query_case_notes(CRM, "status", "Open"),
    "upsert_collection": calls.upsert_collection(CRM, PERSON),
    "upsert_collections": calls.upsert_collections(CRM, [PERSON, {**PERSON, "Identification": 2}]),
}
each_call = pytest.mark.parametrize("call", ALL.values(), ids=ALL)


@pytest.mark.parametrize(
    ("name", "path", "repeat", "body"),
    [
        ("insert_record", "custom/insert.php", "ONCE", {"module": "contacts", "fields": {"a": 1}}),
        (
            "insert_records",
            "custom/insertMany.php",
            "ONCE",
            {"module": "contacts", "fields": [{"a": 1}, {"a": 2}]},
        ),
        (
            "update_record",
            "custom/update.php",
            "IDEMPOTENT",
            {"module": "contacts", "wolkvox-id": "65f0", "fields": {"a": 1}},
        ),
        (
            "update_records",
            "custom/updateMany.php",
            "IDEMPOTENT",
            {
                "module": "contacts",
                "fields": [{"a": 1, "wolkvox-id": "65f0"}, {"a": 2, "wolkvox-id": "65f1"}],
            },
        ),
        (
            "delete_record",
            "custom/delete.php",
            "IDEMPOTENT",
            {"module": "contacts", "multiple": False, "wolkvox-id": "65f0"},
        ),
        (
            "delete_records",
            "custom/delete.php",
            "IDEMPOTENT",
            {"module": "contacts", "multiple": True, "wolkvox-id": ["65f0", "65f1"]},
        ),
        (
            "query_records",
            "custom/query.php",
            "SAFE",
            {"module": "contacts", "field": "a", "value": 1, "limit": 10, "page": 3},
        ),
        (
            "query_dates",
            "custom/queryDates.php",
            "SAFE",
            {
                "module": "contacts",
                "date": True,
                "from": "2026-01-01 00:00",
                "to": "2026-01-02 10:30",
                "limit": 10,
                "page": 3,
            },
        ),
        (
            "insert_case",
            "cases/insertAttach.php",
            "ONCE",
            {
                "case-type": "Request",
                "responsible": "ana@op",
                "owner": "eva@op",
                "contact": "ada@example.com",
                "description": "what",
                "status": "Open",
                "priority": "high",
                "attachments": [],
            },
        ),
        (
            "update_case with attachments",
            "cases/updateCaseAttachment.php",
            "IDEMPOTENT",
            {"wolkvox-id": "65f0", "responsible": "ana@op", "status": "Open", "attachments": ["aGk="]},
        ),
        (
            "query_cases",
            "cases/queryCases.php",
            "SAFE",
            {"field": "status", "value": "Open", "limit": 250, "page": 1},
        ),
        (
            "query_case_notes",
            "cases/listHistoryNote.php",
            "SAFE",
            {"field": "status", "value": "Open", "limit": 250, "page": 1},
        ),
        (
            "upsert_collection",
            "collections/massiveCollections.php",
            "IDEMPOTENT",
            {"collections": [PERSON]},
        ),
    ],
)
def test_what_is_sent(name, path, repeat, body):
    call = ALL[name]
    assert (call.method, call.path, call.repeat) == ("POST", f"server/API/v2/{path}", Repeat[repeat])
    assert call.json == {"operation": "mi operación", **body}
    assert (call.form, call.query, call.headers) == (None, {}, {})


def test_an_update_of_a_case_goes_as_a_form():
    call = calls.update_case(
        CRM, "65f0", "ana@op", "Closed", case_type="Claims", priority="low", solution="s", form={"ñ": [1]}
    )
    assert (call.path, call.json) == ("server/API/v2/cases/update.php", None)
    assert call.form == {
        "operation": "mi operación",
        "wolkvox-id": "65f0",
        "responsible": "ana@op",
        "status": "Closed",
        "case-type": "Claims",
        "priority": "low",
        "solution": "s",
        "form": '{"ñ": [1]}',
    }


@each_call
def test_few_repeats_because_each_costs_a_use(call):
    assert call.attempts == (2 if call.repeat is Repeat.SAFE else 3)


@each_call
@pytest.mark.parametrize("code", ["403", 403])
def test_refusals_are_told_apart_as_ever(call, code):
    refusal = answer(403, code=code, error="FORBIDDEN", msg="TOKEN LIMIT EXCEEDED", data=None)
    assert type(error_of(call, refusal)) is QuotaExhausted
    assert type(error_of(call, answer(200, code=code, msg="TOKEN LIMIT EXCEEDED"))) is QuotaExhausted
    assert type(error_of(call, answer(400, code="400", msg="SOME PARAMETERS ARE REQUIRED"))) is VendorRejected
    assert type(error_of(call, Response(502, {}, b"<html>"))) is VendorUnavailable
    assert (
        type(error_of(call, Response(200, {}, b'{"error": {"code": 400, "message": "no"}}')))
        is VendorRejected
    )


@each_call
@pytest.mark.parametrize("body", [b"", b"<html>", b"null", b"7", b'"text"', b"[1]", b"[["])
def test_what_is_not_the_envelope_is_a_protocol_error(call, body):
    assert type(error_of(call, Response(200, {}, body))) is VendorProtocolError


@pytest.mark.parametrize("name", [name for name, call in ALL.items() if call.repeat is not Repeat.SAFE])
@pytest.mark.parametrize(
    "body", [b"{}", b"[]", b'{"data": {"wolkvox_id": "1"}}', b'{"code": null, "msg": "ok"}']
)
def test_a_write_has_to_say_itself_that_it_went_well(name, body):
    assert type(error_of(ALL[name], Response(200, {}, body))) is VendorProtocolError


@pytest.mark.parametrize("code", [200, "200", 201])
@pytest.mark.parametrize("error", ["null", None, ""])
def test_successes_of_writes(code, error):
    given = {"code": code, "error": error}
    data = {"wolkvox_id": "65f0", "idPrefijo": "R-1"}
    assert ALL["insert_record"].decode(answer(**given, data=data)).wolkvox_id == "65f0"
    assert [r.wolkvox_id for r in ALL["insert_records"].decode(answer(**given, data=[]))] == [None, None]
    assert ALL["update_record"].decode(answer(**given, data=[])).wolkvox_id == "65f0"
    assert [r.wolkvox_id for r in ALL["update_records"].decode(answer(**given, data=[]))] == ["65f0", "65f1"]
    assert ALL["delete_record"].decode(answer(**given, data=data)).wolkvox_id == "65f0"
    deleted = answer(**given, data={"wolkvox_id": ["65f0", "65f1"]})
    assert [record.wolkvox_id for record in ALL["delete_records"].decode(deleted)] == ["65f0", "65f1"]
    case = ALL["insert_case"].decode(answer(**given, data=data))
    assert (case.wolkvox_id, case.number) == ("65f0", "R-1")
    assert ALL["update_case"].decode(answer(**given)).wolkvox_id == "65f0"
    assert ALL["upsert_collection"].decode(answer(**given, success=True)).identification == "1"
    found = ALL["upsert_collections"].decode(answer(**given))
    assert [one.identification for one in found] == ["1", "2"]


@pytest.mark.parametrize("data", [[], None, {}, {"wolkvox_id": None}, {"wolkvox_id": ""}, "65f0"])
def test_an_insert_without_identifier_is_a_protocol_error(data):
    for name in ("insert_record", "insert_case"):
        assert type(error_of(ALL[name], answer(data=data))) is VendorProtocolError


@pytest.mark.parametrize("data", [None, [], {}, {"wolkvox_id": []}, {"wolkvox_id": "65f0"}])
def test_a_deletion_that_names_nothing_speaks_of_all(data):
    found = ALL["delete_records"].decode(answer(data=data))
    assert [record.wolkvox_id for record in found] == ["65f0", "65f1"]


def test_a_deletion_tells_what_it_leaves_out():
    first, second = ALL["delete_records"].decode(answer(data={"wolkvox_id": ["65f1"]}))
    assert isinstance(first, VendorRejected)
    assert second.wolkvox_id == "65f1"


@pytest.mark.parametrize("name", ["delete_record", "delete_records"])
def test_a_refused_deletion_says_what_may_have_been(name):
    assert "may have deleted the record already" in str(error_of(ALL[name], answer(404, code=404)))
    assert "may have deleted" not in str(error_of(ALL["update_record"], answer(404, code=404)))


# Pages


@pytest.mark.parametrize("name", [name for name, call in ALL.items() if call.repeat is Repeat.SAFE])
def test_pages_may_come_in_an_envelope_or_bare(name):
    records = [{"a": 1}, {"a": 2}]
    page = ALL[name].decode(answer(code="200", data=records, **{"Total records": 7, "Total pages": "4"}))
    assert (page.records, page.total_records, page.total_pages) == (records, 7, 4)
    page = ALL[name].decode(Response(200, {}, b" " + json.dumps(records).encode()))
    assert (page.records, page.total_records, page.total_pages) == (records, None, None)


@pytest.mark.parametrize("data", [[], {}, None, "", ...])
def test_nothing_found_is_a_success(data):
    more = {} if data is ... else {"data": data}
    page = ALL["query_records"].decode(answer(code="200", msg="0 records were are found", **more))
    assert page.records == []


@pytest.mark.parametrize("total", ["many", -1, 2.5, None, [], True])
def test_a_total_that_is_no_number_is_none(total):
    page = ALL["query_records"].decode(answer(data=[], **{"Total pages": total}))
    assert page.total_pages is None


@pytest.mark.parametrize("data", [{"a": 1}, "text", [1], [[]], [{"a": 1}, None]])
def test_other_data_is_a_protocol_error(data):
    assert type(error_of(ALL["query_records"], answer(data=data))) is VendorProtocolError


@pytest.mark.parametrize(
    ("given", "written"),
    [
        ("2026-01-02 10:30", "2026-01-02 10:30"),
        ("2026-01-02T10:30:59+00:00", "2026-01-02 10:30"),
        (" 2026-01-02 ", "2026-01-02 00:00"),
        (date(2026, 1, 2), "2026-01-02 00:00"),
        (datetime(2026, 1, 2, 10, 30, 59, tzinfo=UTC), "2026-01-02 10:30"),
    ],
)
def test_times_are_written_to_the_minute_as_they_stand(given, written):
    assert calls.query_dates(CRM, "leads", given, "2027-01-01").json["from"] == written


@pytest.mark.parametrize("given", ["", "yesterday", None, 7])
def test_a_time_that_is_none_is_refused(given):
    with pytest.raises(InvalidInput, match='"date_to" must be a time') as raised:
        calls.query_dates(CRM, "leads", "2026-01-01", given)
    assert raised.value.field == "date_to"


# Values


def test_values_are_turned_into_what_json_has():
    fields = {
        "text": "á",
        "yes": True,
        "day": date(2026, 1, 2),
        "moment": datetime(2026, 1, 2, 3, 4, 5, 678),
        "price": Decimal("1.50"),
        "phone": {**PHONE, "since": date(2026, 1, 2)},
        "list": ["a", {"b": date(2026, 1, 2)}],
    }
    assert calls.insert_record(CRM, "contacts", fields).json["fields"] == {
        "text": "á",
        "yes": True,
        "day": "2026-01-02",
        "moment": "2026-01-02 03:04:05",
        "price": "1.50",
        "phone": {**PHONE, "since": "2026-01-02"},
        "list": ["a", {"b": "2026-01-02"}],
    }


@pytest.mark.parametrize(
    "value", [{"user": "x"}, {"type": "telephone"}, {"value": "x"}, {"type": 1, "value": "x"}, b"x", object()]
)
def test_a_value_without_a_form_is_named(value):
    with pytest.raises(InvalidInput, match=r'^"owner" is ') as raised:
        calls.update_record(CRM, "contacts", "65f0", {"a": 1, "owner": value})
    assert raised.value.field == "owner"


@pytest.mark.parametrize(
    ("make", "field"),
    [
        (lambda: calls.insert_record(CRM, "", {"a": 1}), "module"),
        (lambda: calls.insert_record(CRM, "contacts", {}), "fields"),
        (lambda: calls.insert_record(CRM, "contacts", {"a": 1}, record_key=["b"]), "b"),
        (lambda: calls.update_record(CRM, "contacts", " ", {"a": 1}), "wolkvox_id"),
        (lambda: calls.update_record(CRM, "contacts", ["1"], {"a": 1}), "wolkvox_id"),
        (lambda: calls.delete_record(CRM, "contacts", None), "wolkvox_id"),
        (lambda: calls.query_records(CRM, "contacts", "a", ""), "value"),
        (lambda: calls.query_records(CRM, "contacts", "a", {}), "value"),
        (lambda: calls.query_cases(CRM, "", "x"), "field"),
        (lambda: calls.upsert_collections(CRM, []), "collections"),
        (lambda: calls.upsert_collections(CRM, [PERSON] * 501), "collections"),
    ],
)
def test_what_is_missing_is_named(make, field):
    with pytest.raises(InvalidInput) as raised:
        make()
    assert raised.value.field == field


# What makes two records the same


def test_by_default_the_whole_content_makes_a_record():
    def key(**fields: Any) -> tuple[str, ...]:
        return calls.insert_record(CRM, "contacts", fields).key

    assert key(a=1, b="x") == key(b="x", a=1)
    assert len({key(a=1), key(a="1"), key(a=1, b=1), key(b=1)}) == 4
    assert key(a=1)[0] == "contacts"
    assert calls.insert_record(CRM, "leads", {"a": 1}).key != key(a=1)


def test_some_fields_may_make_a_record():
    def key(**fields: Any) -> tuple[str, ...]:
        return calls.insert_record(CRM, "contacts", fields, record_key=["a", "p"]).key

    assert key(a=1, p=PHONE, note="x") == key(a=1, p=dict(reversed(PHONE.items())))
    assert key(a="1", p="x") == ("contacts", "a=1", "p=x")


def test_an_update_is_the_same_with_the_same_values_alone():
    first = calls.update_record(CRM, "contacts", "65f0", {"a": 1}).key
    assert first[:2] == ("contacts", "65f0")
    assert calls.update_record(CRM, "contacts", "65f0", {"a": 1}).key == first
    assert calls.update_record(CRM, "contacts", "65f0", {"a": 2}).key != first


# Joins


@pytest.mark.parametrize(
    ("join", "singles", "same"),
    [
        (
            calls.combine_inserts,
            [calls.insert_record(CRM, "contacts", {"a": n}) for n in (1, 2)],
            ALL["insert_records"],
        ),
        (
            calls.combine_updates,
            [calls.update_record(CRM, "contacts", f"65f{n}", {"a": n + 1}) for n in (0, 1)],
            ALL["update_records"],
        ),
        (
            calls.combine_deletions,
            [calls.delete_record(CRM, "contacts", f"65f{n}") for n in (0, 1)],
            ALL["delete_records"],
        ),
    ],
)
def test_calls_of_single_records_make_one(join, singles, same):
    joined = join(CRM, "contacts", singles)
    assert (joined.path, joined.repeat, joined.json) == (same.path, same.repeat, same.json)
    assert {single.repeat for single in singles} == {joined.repeat}


def test_calls_of_single_collections_make_one():
    singles = [calls.upsert_collection(CRM, {**PERSON, "Identification": n}) for n in range(500)]
    joined = calls.combine_upserts(CRM, singles)
    assert [one["Identification"] for one in joined.json["collections"]] == list(range(500))


def test_a_single_collection_that_failed_is_an_error():
    failed = {"failed_count": "1", "failed_Sumary": [{"Identification": "1", "reason": "bad"}]}
    error = error_of(ALL["upsert_collection"], answer(success=True, summary=failed))
    assert type(error) is VendorRejected
    assert "bad" in str(error)


@pytest.mark.parametrize(
    "summary", [None, [], {}, {"failed_count": 0}, {"failed_count": "0", "failed_Sumary": []}]
)
def test_no_failures_are_a_success(summary):
    found = ALL["upsert_collections"].decode(answer(code="200", summary=summary))
    assert [one.identification for one in found] == ["1", "2"]


@pytest.mark.parametrize(
    "summary",
    [
        {"total_processed": 2, "successful_inserts": 0},
        {"total_processed": 1, "successful_inserts": 2},
        {"total_processed": 2, "total_records_received": 1},
        {"total_records_received": "2"},
        {"total_processed": "x", "successful_inserts": 0},
        {"successful_inserts": 1},
    ],
)
def test_a_report_that_may_speak_of_all_is_a_success(summary):
    found = ALL["upsert_collections"].decode(answer(code="200", summary=summary))
    assert [one.identification for one in found] == ["1", "2"]


@pytest.mark.parametrize("total", [1, 2])
def test_failures_may_be_among_those_processed_or_not(total):
    failed = {"failed_count": 1, "failed_Sumary": [{"Identification": "1", "reason": "bad"}]}
    [bad, good] = ALL["upsert_collections"].decode(answer(summary={**failed, "total_processed": total}))
    assert isinstance(bad, VendorRejected)
    assert good.identification == "2"


@pytest.mark.parametrize(
    "summary",
    [
        {"total_processed": 1, "failed_count": 0},
        {"total_processed": "1", "successful_inserts": "1"},
        {"total_records_received": 1},
        {"total_processed": 0, "failed_count": 1, "failed_Sumary": [{"Identification": "1"}]},
    ],
)
def test_a_report_that_does_not_speak_of_all_is_not_a_success(summary):
    error = error_of(ALL["upsert_collections"], answer(summary=summary))
    assert type(error) is VendorRejected
    assert "2 collections were sent and wolkvox speaks of " in str(error)
    assert "does not say clearly which" in str(error)


@pytest.mark.parametrize(
    ("name", "expected"), [("insert_records", OutcomeUnknown), ("update_records", VendorRejected)]
)
@pytest.mark.parametrize("msg", ["Succesfully create 1 record", "3 of 2 records", "0"])
def test_an_answer_that_counts_other_than_was_sent_is_no_success(name, expected, msg):
    error = error_of(ALL[name], answer(msg=msg))
    assert type(error) is expected
    assert "2 records were sent, and wolkvox speaks of " in str(error)


@pytest.mark.parametrize("name", ["insert_records", "update_records"])
@pytest.mark.parametrize(
    "msg", ["Succesfully create 2 record", "Succesfully create x record", "", None, 7, "v1x"]
)
def test_a_text_without_another_count_decides_nothing(name, msg):
    assert len(ALL[name].decode(answer(msg=msg))) == 2


@pytest.mark.parametrize("success", [False, "false", 0])
def test_an_answer_that_says_it_failed_has(success):
    error = error_of(ALL["upsert_collections"], answer(success=success))
    assert type(error) is VendorRejected
    assert "does not say clearly which" in str(error)
