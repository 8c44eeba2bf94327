"""Values of records as wolkvox gets them: the same conversion as for every vendor, and what the CRM knows besides."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from airflow_provider.exceptions import InvalidInput
from airflow_provider.wolkvox import calls
from airflow_provider.wolkvox.fields import (
    address,
    check_types,
    currency,
    day,
    filled,
    moment,
    search,
    telephone,
)
from airflow_provider.wolkvox.operators import WolkvoxQueryOperator
from tests.support.batches import counts
from tests.support.wolkvox import bodies, contacts, in_crm, insert, people, query, upsert
from tests.support.wolkvox_calls import CASE, CRM, PERSON

INVISIBLE = ["\u200b", "\ufeff", "\u00ad"]


def insertion(**fields: Any) -> Any:
    return calls.insert_record(CRM, "contacts", fields)


@pytest.mark.parametrize(
    ("value", "sent"),
    [
        (b"C-001", "C-001"),
        (1001.0, 1001),
        (1.5, 1.5),
        (Decimal("1001.00"), "1001"),
        (Decimal("1E+3"), "1000"),
        (UUID(int=7), str(UUID(int=7))),
        (True, True),
        (["a", 1.0, {"b": b"c"}], ["a", 1, {"b": "c"}]),
        ({"type": "participant", "value": ["a", 2.0]}, {"type": "participant", "value": ["a", 2]}),
    ],
)
def test_a_value_of_a_field_is_what_people_mean(value, sent):
    call = insertion(a=value)
    assert call.json["fields"] == {"a": sent}
    assert type(call.json["fields"]["a"]) is type(sent)


def test_a_whole_number_is_the_same_record_whatever_it_came_as():
    assert insertion(a=1001.0).key == insertion(a=1001).key
    assert insertion(a=Decimal("1001.00")).key == insertion(a="1001").key == insertion(a=b"1001").key


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (b"\xff", "bytes that are not UTF-8"),
        (2.0**53, "a float of 16 digits"),
        (10**30, "more than 64 bits"),
        (float("inf"), "not finite"),
        ([float("nan")], "not finite"),
    ],
)
def test_a_value_that_cannot_be_sent_is_named(value, told):
    with pytest.raises(InvalidInput, match=r'^"a" must be a text or a number') as raised:
        insertion(a=value)
    assert told in str(raised.value)
    assert raised.value.field == "a"


@pytest.mark.parametrize("character", INVISIBLE)
def test_what_nobody_sees_makes_no_second_record(character):
    marked = f"10{character}01"
    assert insertion(a=marked).key == insertion(a="1001").key
    assert insertion(a=marked).json["fields"]["a"] == marked, "what a field is for is not known"
    known = calls.insert_record(CRM, "contacts", {"a": marked, "n": marked}, record_key=["a"])
    assert known.key == calls.insert_record(CRM, "contacts", {"a": "1001"}, record_key=["a"]).key
    assert known.json["fields"] == {"a": "1001", "n": marked}
    one, other = (calls.update_record(CRM, "contacts", id_, {"a": "b"}) for id_ in (f"6{character}5", "65"))
    assert (one.key, one.json) == (other.key, other.json)


def test_new_content_is_compared_to_the_character():
    one, other = (calls.update_record(CRM, "contacts", "65", {"a": text}) for text in ("a\u200bb", "ab"))
    assert one.key != other.key


def test_a_case_is_the_same_without_what_nobody_sees_and_its_text_is_sent_as_it_is():
    family = "👨\u200d👩\u200d👧"
    case_type, responsible, owner, contact, _, status, priority = CASE
    given = (case_type, f"{responsible}\u200b", owner, f"\ufeff{contact}", family, status, priority)
    call = calls.insert_case(CRM, *given, solution=family)
    assert (call.form["responsible"], call.form["contact"]) == (responsible, contact)
    assert (call.form["description"], call.form["solution"]) == (family, family)
    plain = (case_type, responsible, owner, contact, family.replace("\u200d", ""), status, priority)
    assert call.key == calls.insert_case(CRM, *plain, solution=family).key


@pytest.mark.parametrize("value", [True, ["a"], {"a": 1}, date(2027, 1, 31)])
@pytest.mark.parametrize("number", range(len(CASE)))
def test_a_field_of_a_case_is_a_text_or_a_number(value, number):
    given: list[Any] = list(CASE)
    given[number] = value
    with pytest.raises(InvalidInput, match=" must be a text or a number"):
        calls.insert_case(CRM, *given)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("Identification", ["1"]),
        ("Identification", {"type": "x", "value": "1"}),
        ("Identification", True),
        ("Name", ["Ada"]),
        ("Email", False),
        ("Telephone", [300]),
        ("Obligations", [{"id": ["1"], "name": "Loan"}]),
        ("Obligations", [{"id": "1", "name": {"a": 1}}]),
    ],
)
def test_a_mandatory_value_of_a_collection_is_a_text_or_a_number(field, value):
    with pytest.raises(InvalidInput) as raised:
        calls.upsert_collection(CRM, {**PERSON, field: value})
    assert raised.value.field.startswith(field)


def test_a_collection_has_no_invisible_characters_where_it_is_known_what_its_values_are():
    given = {
        "Identification": "1\u200b",
        "Name": "A\u00adda",
        "Email": "\ufeffa@example.com",
        "Telephone": "300\u20111\u202c",
        "Obligations": [{"id": "7\u200b", "name": "Loan"}],
    }
    call = calls.upsert_collection(CRM, given)
    assert call.json["collections"] == [
        {
            "Identification": "1",
            "Name": "A\u00adda",
            "Email": "a@example.com",
            "Telephone": "300-1",
            "Obligations": [{"id": "7", "name": "Loan"}],
        }
    ]
    assert call.key[0] == "1"


# Typed values


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (telephone(b"300", country="Colombia", code=57.0), ("300", "57")),
        (telephone("300\u2011000", country="Colombia", code="57"), ("300-000", "57")),
        (telephone("300\u200b", country="Colombia", code="57"), ("300", "57")),
    ],
)
def test_a_telephone_is_text(made, expected):
    assert (made["value"], made["code"]) == expected


@pytest.mark.parametrize(
    "make",
    [
        lambda: telephone(["300"], country="Colombia", code="57"),
        lambda: telephone(True, country="Colombia", code="57"),
        lambda: telephone("300", country=None, code="57"),
        lambda: telephone("300", country="Colombia", code=["57"]),
        lambda: address(["Calle 1"]),
        lambda: search("ACME", value_id={"id": 1}, module="companies"),
        lambda: currency([1], symbol="$", convert="COP"),
        lambda: currency(1e20, symbol="$", convert="COP"),
    ],
)
def test_a_part_of_a_typed_value_is_no_list_and_no_object(make):
    with pytest.raises(InvalidInput) as raised:
        make()
    assert raised.value.field


# Dates


def test_a_date_is_written_as_the_crm_shows_it():
    assert (
        day("31.01.2027", date_format="%d.%m.%Y")
        == day(date(2027, 1, 31))
        == day("2027-01-31")
        == "2027-01-31"
    )
    assert moment("31.01.2027 15:20", date_format="%d.%m.%Y %H:%M") == "2027-01-31 15:20:00"
    assert moment(datetime(2027, 1, 31, 15, 20, 5, tzinfo=UTC)) == "2027-01-31 15:20:05"


def test_a_date_in_another_format_is_named_with_its_field():
    declared = day(date_format="%d.%m.%Y")
    check_types({"birthday": declared})
    assert filled("birthday", declared, "31.01.2027", {}.get) == "2027-01-31"
    with pytest.raises(InvalidInput, match=r'^"birthday" must be an existing day as %d.%m.%Y') as raised:
        filled("birthday", declared, "2027-01-31", {}.get)
    assert raised.value.field == "birthday"
    with pytest.raises(InvalidInput, match="date_format must be a format"):
        day(date_format="d.m.Y")


def test_a_query_of_dates_takes_a_format():
    call = calls.query_dates(CRM, "leads", "31.01.2027", "01.02.2027", date_format="%d.%m.%Y")
    assert (call.json["from"], call.json["to"]) == ("2027-01-31 00:00", "2027-02-01 00:00")
    with pytest.raises(InvalidInput, match="must be a time as %d.%m.%Y"):  # noqa: RUF043
        calls.query_dates(CRM, "leads", "2027-01-31", "01.02.2027", date_format="%d.%m.%Y")
    with pytest.raises(InvalidInput, match="date_format must be a format"):
        WolkvoxQueryOperator(
            task_id="q", module="leads", date_from="31.01.2027", date_to="01.02.2027", date_format="d.m.Y"
        )


# Batches


@pytest.mark.usefixtures("quick")
def test_a_batch_of_dates_and_odd_values(sandbox):
    records = [
        {**contacts(1)[0], "birthday": "31.01.2027", "score": 7.0},
        {**contacts(1, 2)[0], "birthday": "2027-01-31"},
        {**contacts(1, 3)[0], "note": b"\xff"},
    ]
    result = insert(records, types={"birthday": day(date_format="%d.%m.%Y")})
    assert counts(result) == {"total": 3, "created": 1, "failed": 2}
    assert [one["field"] for one in result["failures"]] == ["birthday", "note"]
    [sent] = bodies(sandbox, "custom/insert.php")
    assert (sent["fields"]["birthday"], sent["fields"]["score"]) == ("2027-01-31", 7)
    assert len(in_crm(sandbox)) == 1


@pytest.mark.usefixtures("quick")
def test_a_collection_with_a_list_fails_alone(sandbox):
    given = people(2)
    given[0]["Email"] = ["a@example.com", "b@example.com"]
    result = upsert(given)
    assert counts(result) == {"total": 2, "created": 1, "failed": 1}
    assert result["failures"][0]["field"] == "Email"


@pytest.mark.usefixtures("quick")
def test_the_operator_of_a_query_takes_a_format(sandbox):
    query(date_from="01.01.2026", date_to="31.12.2026", date_format="%d.%m.%Y")
    [asked] = bodies(sandbox, "custom/queryDates.php")
    assert (asked["from"], asked["to"]) == ("2026-01-01 00:00", "2026-12-31 00:00")
