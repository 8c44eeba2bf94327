"""The calls about records, cases and collections: what they send."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from airflow_provider.exceptions import InvalidInput
from airflow_provider.http.call import Repeat
from airflow_provider.wolkvox import calls
from tests.support.wolkvox_calls import ALL, CRM, PERSON, PHONE, each_call

HI = "<a href='data:application/octet-stream;base64,aGk=' download='attachment-1.bin'>attachment-1.bin</a>"


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
            "insert_case with attachments",
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
                "form": {"subject": "late"},
                "attachments": [HI],
            },
        ),
        (
            "update_case with attachments",
            "cases/updateCaseAttachment.php",
            "IDEMPOTENT",
            {"wolkvox-id": "65f0", "responsible": "ana@op", "status": "Open", "attachments": [HI]},
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


def test_a_case_without_files_goes_as_a_form():
    call = ALL["insert_case"]
    assert (call.path, call.json) == ("server/API/v2/cases/insert.php", None)
    assert call.form == {
        "operation": "mi operación",
        "case-type": "Request",
        "responsible": "ana@op",
        "owner": "eva@op",
        "contact": "ada@example.com",
        "description": "what",
        "status": "Open",
        "priority": "high",
    }


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


# Times and values


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
    "value", [{"user": "x"}, {"type": "telephone"}, {"value": "x"}, {"type": 1, "value": "x"}, object()]
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
        (lambda: calls.update_record(CRM, "contacts", ["1"], {"a": 1}), "wolkvox_id"),  # type: ignore[arg-type]
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


# Several calls in one


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
    assert [one["Identification"] for one in joined.json["collections"]] == [str(n) for n in range(500)]
