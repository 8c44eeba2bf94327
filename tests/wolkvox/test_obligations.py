"""Obligations of collections, one by one, over real HTTP against the sandbox."""

from __future__ import annotations

import csv
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from airflow_provider.exceptions import InvalidInput
from airflow_provider.http.call import Repeat
from airflow_provider.wolkvox import calls
from tests.support.batches import counts
from tests.support.wolkvox import bodies, in_crm, insert, people, query, upsert
from tests.support.wolkvox_calls import ALL, CRM, OBLIGATION, answer
from tests.support.wolkvox_collections import (
    collections,
    insert_obligations,
    query_obligations,
    update_obligations,
)

pytestmark = pytest.mark.usefixtures("quick")

INSERT, UPDATE = "collections/insertObligation.php", "collections/updateObligation.php"


def obligations(sandbox: Any) -> list[list[dict[str, Any]]]:
    return [one["Obligations"] for one in in_crm(sandbox, "collections")]


# What is sent


def test_an_obligation_is_inserted_as_the_vendors_collection_sends_it(sandbox):
    [id_] = collections(sandbox)
    record = {
        "wolkvox_id": id_,
        "id": "L-1",
        "name": "Loan",
        "total_balance": "10000",
        "last_pay_date": "06-06-2023",
        "expiring_date": date(2027, 1, 31),
        "portfolio_type": "",
        "form": [{"name": "branch", "value": "7"}],
    }
    result = insert_obligations([record])
    assert counts(result) == {"total": 1, "created": 1}
    [body] = bodies(sandbox, INSERT)
    fields = {
        "id": "L-1",
        "name": "Loan",
        "total_balance": "10000",
        "last_pay_date": "06-06-2023",
        "expiring_date": "2027-01-31",
        "form": [{"name": "branch", "value": "7"}],
    }
    assert body == {"operation": "demo_operation", "wolkvox_id": id_, "fields": fields}
    assert obligations(sandbox) == [[fields]]
    assert result["records"][0]["obligation_insert"] == {"wolkvox_id": id_, "id": "L-1"}


def test_an_obligation_is_changed_as_the_vendors_collection_sends_it(sandbox):
    [id_] = collections(sandbox)
    insert_obligations([{"wolkvox_id": id_, **OBLIGATION}])
    record = {"wolkvox_id": id_, "obligation": "L-1", "total_balance": "90", "note": ""}
    result = update_obligations([record])
    assert counts(result) == {"total": 1, "existing": 1}
    [body] = bodies(sandbox, UPDATE)
    assert body == {
        "operation": "demo_operation",
        "wolkvox_id": id_,
        "obligation": "L-1",
        "fields": {"total_balance": "90"},
    }
    assert obligations(sandbox) == [[{**OBLIGATION, "total_balance": "90"}]]
    assert result["records"][0]["obligation_update"] == {"wolkvox_id": id_, "id": "L-1"}


def test_an_obligation_is_asked_for_as_the_vendors_collection_asks(sandbox):
    [id_] = collections(sandbox)
    insert_obligations([{"wolkvox_id": id_, **OBLIGATION}])
    result = query_obligations(wolkvox_id=id_, obligation="L-1")
    assert (result["total"], result["records"]) == (1, [OBLIGATION])
    [body] = bodies(sandbox, "collections/queryObligation.php")
    assert body == {
        "operation": "demo_operation",
        "obligation": "L-1",
        "wolkvox_id": id_,
        "limit": 250,
        "page": 1,
    }
    assert query_obligations(wolkvox_id=id_, obligation="L-2")["records"] == []


@pytest.mark.parametrize("same", [True, False])
def test_all_obligations_with_the_id_that_is_asked_for_are_read(sandbox, same):
    found = [{**OBLIGATION, "total_balance": "1" if same else str(number)} for number in range(3)]
    person = {"wolkvox_id": "65f0", "Identification": "1", "Obligations": found}
    sandbox.control("POST", "wolkvox/records", {"module": "collections", "records": [person]})
    result = query_obligations(wolkvox_id="65f0", obligation="L-1", page_size=1)
    assert (result["records"], result["complete"]) == (found, True)


@pytest.mark.parametrize(
    ("name", "repeat"),
    [
        ("insert_obligation", Repeat.ONCE),
        ("update_obligation", Repeat.IDEMPOTENT),
        ("query_obligations", Repeat.SAFE),
    ],
)
def test_what_may_be_repeated(name, repeat):
    assert ALL[name].repeat is repeat


# Additional fields


ENTRIES = [{"name": "branch", "value": "7"}, {"name": "agent", "value": "Eva"}]


@pytest.mark.parametrize(
    "form",
    [
        ENTRIES,
        tuple(ENTRIES),
        {"branch": "7", "agent": "Eva"},
        {"branch": 7, "agent": "Eva"},
        '[{"name": "branch", "value": "7"}, {"name": "agent", "value": "Eva"}]',
        '{"branch": 7, "agent": "Eva"}',
    ],
)
def test_a_form_is_sent_as_a_list_however_it_is_given(form):
    for call in (
        calls.insert_obligation(CRM, "65f0", {**OBLIGATION, "form": form}),
        calls.update_obligation(CRM, "65f0", "L-1", {"form": form}),
    ):
        assert call.json["fields"]["form"] == ENTRIES


@pytest.mark.parametrize("form", [None, "", "  "])
def test_an_empty_form_is_not_sent(form):
    assert "form" not in calls.insert_obligation(CRM, "65f0", {**OBLIGATION, "form": form}).json["fields"]


@pytest.mark.parametrize("form", [[], {}, "[]", "{}"])
def test_a_form_without_entries_is_sent_as_such(form):
    call = calls.update_obligation(CRM, "65f0", "L-1", {"form": form})
    assert call.json["fields"]["form"] == []


@pytest.mark.parametrize(
    ("form", "told"),
    [
        ("a text", "must be a list, an object, or either as JSON text"),
        ("7", "must be a list"),
        ("[" * 100_000, "must be a list"),
        (7, "must be a list"),
        ([1], "entry 1 is no object"),
        ([{"name": "a"}], "entry 1 is no object"),
        ([ENTRIES[0], {"name": "a", "value": "b", "more": "c"}], "entry 2 is no object"),
        ([{"name": "", "value": "b"}], "name of entry 1 of form"),
        ({"name": "branch", "value": "7"}, "may be an entry or two fields"),
        ('{"name": "branch", "value": "7"}', "may be an entry or two fields"),
    ],
)
def test_a_form_of_another_shape_fails_its_record_and_is_not_shown(form, told):
    with pytest.raises(InvalidInput, match=told) as raised:
        calls.insert_obligation(CRM, "65f0", {**OBLIGATION, "form": form})
    assert "a text" not in str(raised.value)


def test_a_form_in_a_csv_file(sandbox, tmp_path):
    [id_] = collections(sandbox)
    with (tmp_path / "in.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["wolkvox_id", "id", "name", "form"])
        writer.writerow([id_, "L-1", "Loan", '{"branch": 7, "rate": 1.50}'])
        writer.writerow([id_, "L-2", "Loan", '[{"name": "branch", "value": "8"}]'])
        writer.writerow([id_, "L-3", "Loan", ""])
        writer.writerow([id_, "L-4", "Loan", "branch=7"])
    result = insert_obligations(str(tmp_path / "in.csv"))
    assert counts(result) == {"total": 4, "created": 3, "failed": 1}
    assert (result["failures"][0]["row"], result["failures"][0]["field"]) == (4, "form")
    assert [one.get("form") for one in obligations(sandbox)[0]] == [
        [{"name": "branch", "value": "7"}, {"name": "rate", "value": "1.50"}],
        [{"name": "branch", "value": "8"}],
        None,
    ]


# What is mandatory


@pytest.mark.parametrize("name", ["wolkvox_id", "id", "name"])
@pytest.mark.parametrize("value", ["", "  ", None, ...])
def test_an_empty_or_missing_mandatory_value_fails_its_record_alone(sandbox, name, value):
    [id_] = collections(sandbox)
    records: list[dict[str, Any]] = [{"wolkvox_id": id_, "id": f"L-{n}", "name": "Loan"} for n in range(3)]
    records[1][name] = value
    if value is ...:
        del records[1][name]
    result = insert_obligations(records)
    assert counts(result) == {"total": 3, "created": 2, "failed": 1}
    [failure] = result["failures"]
    assert (failure["row"], failure["error"], failure["field"]) == (2, "InvalidInput", name)
    assert len(bodies(sandbox, INSERT)) == 2


@pytest.mark.parametrize(
    ("record", "field"),
    [
        ({"obligation": "L-1", "total_balance": "1"}, "wolkvox_id"),
        ({"wolkvox_id": "65f0", "total_balance": "1"}, "obligation"),
        ({"wolkvox_id": "65f0", "obligation": "L-1", "total_balance": ""}, "fields"),
    ],
)
def test_an_update_that_lacks_something_fails_before_it_is_sent(sandbox, record, field):
    result = update_obligations([record])
    assert counts(result) == {"total": 1, "failed": 1}
    assert result["failures"][0]["field"] == field
    assert sandbox.requests("wolkvox") == []


# Once, or again


def test_an_insert_whose_answer_is_lost_is_unknown_and_not_repeated(sandbox):
    [id_] = collections(sandbox)
    records = [{"wolkvox_id": id_, "id": f"L-{n}", "name": "Loan"} for n in range(3)]
    sandbox.fault(vendor="wolkvox", action="reset", after=True, skip=1)
    result = insert_obligations(records)
    assert counts(result) == {"total": 3, "created": 2, "unknown": 1}
    again = insert_obligations(records)
    assert (counts(again), again["requests"]) == ({"total": 3, "replayed": 2, "unknown": 1}, 0)
    assert [one["id"] for one in obligations(sandbox)[0]] == ["L-0", "L-1", "L-2"]


@pytest.mark.parametrize("data", [[], None, {}, {"wolkvox_id": ""}])
def test_a_success_without_an_identifier_is_unknown(sandbox, data):
    [id_] = collections(sandbox)
    sandbox.fault(vendor="wolkvox", json={"code": 200, "error": "null", "msg": "ok", "data": data})
    assert counts(insert_obligations([{"wolkvox_id": id_, **OBLIGATION}])) == {"total": 1, "unknown": 1}


def test_the_same_record_twice_is_sent_once(sandbox):
    first, second = collections(sandbox, 2)
    records = [{"wolkvox_id": id_, **OBLIGATION} for id_ in (first, second, first)]
    assert counts(insert_obligations(records)) == {"total": 3, "created": 2, "replayed": 1}
    changed = [{**one, "total_balance": "7"} for one in records]
    assert counts(insert_obligations(changed, record_key=["id"], run_id="run-2")) == {
        "total": 3,
        "created": 2,
        "replayed": 1,
    }


def test_an_update_is_repeated_where_its_outcome_is_not_known(sandbox):
    [id_] = collections(sandbox)
    inserted = insert_obligations([{"wolkvox_id": id_, **OBLIGATION}])
    sandbox.fault(vendor="wolkvox", action="reset", after=True)
    result = update_obligations(inserted, include=[], defaults={"total_balance": "7"})
    assert (counts(result), result["requests"]) == ({"total": 1, "existing": 1}, 2)


def test_what_is_changed_back_is_written_again(sandbox):
    [id_] = collections(sandbox)
    insert_obligations([{"wolkvox_id": id_, **OBLIGATION}])
    changes = [{"wolkvox_id": id_, "obligation": "L-1", "total_balance": n} for n in ("1", "2", "1")]
    assert counts(update_obligations(changes)) == {"total": 3, "existing": 3}
    assert obligations(sandbox)[0][0]["total_balance"] == "1"
    assert counts(update_obligations(changes)) == {"total": 3, "replayed": 3}


def test_a_refused_update_is_a_failure(sandbox):
    [id_] = collections(sandbox)
    result = update_obligations([{"wolkvox_id": id_, "obligation": "L-9", "total_balance": "7"}])
    assert counts(result) == {"total": 1, "failed": 1}
    assert "THE RECORD DOES NOT EXIST" in result["failures"][0]["reason"]


# One after another


def test_an_update_finds_the_collection_and_the_obligation_in_an_insert(sandbox, tmp_path):
    upsert([{**one, "campaign": "may"} for one in people(2)])
    found = query(module="collections", field="campaign", value="may")
    inserted = insert_obligations(
        found,
        include=["id", "name"],
        fields={"id": "Identification"},
        defaults={"name": "Loan"},
        output=str(tmp_path / "inserted.jsonl"),
    )
    assert counts(inserted) == {"total": 2, "created": 2}
    result = update_obligations(inserted, include=[], defaults={"total_balance": "90"})
    assert counts(result) == {"total": 2, "existing": 2}
    assert obligations(sandbox) == [[{"id": str(n), "name": "Loan", "total_balance": "90"}] for n in (1, 2)]


def test_an_obligation_may_go_into_a_record_that_an_earlier_batch_inserted(sandbox):
    inserted = insert([{"idcontact": "1"}], module="collections")
    result = insert_obligations(inserted, include=["id", "name"], defaults=OBLIGATION)
    assert counts(result) == {"total": 1, "created": 1}
    assert bodies(sandbox, INSERT)[0]["fields"] == OBLIGATION


def test_a_column_may_name_the_obligation_of_an_update(sandbox):
    [id_] = collections(sandbox)
    insert_obligations([{"wolkvox_id": id_, **OBLIGATION}])
    row = {"person": id_, "id": "L-1", "days_delay": 90}
    update_obligations([row], fields={"wolkvox_id": "person", "obligation": "id"})
    assert bodies(sandbox, UPDATE)[0]["fields"] == {"days_delay": "90"}


def test_identifiers_have_no_invisible_characters():
    call = calls.insert_obligation(CRM, "65f0\u200b", {"id": "L-1\ufeff", "name": "Lo\u00adan"})
    assert (call.json["wolkvox_id"], call.json["fields"]) == ("65f0", {"id": "L-1", "name": "Lo\u00adan"})
    assert call.decode(answer(data={"wolkvox_id": "9"})).id == "L-1"
    update = calls.update_obligation(CRM, "65f0\u200b", "L-1\ufeff", {"a": Decimal("1.50")})
    assert (update.json["wolkvox_id"], update.json["obligation"]) == ("65f0", "L-1")


def test_the_collection_in_a_result_is_the_one_that_was_sent():
    made = ALL["insert_obligation"].decode(answer(data={"wolkvox_id": "the obligation's own, perhaps"}))
    assert (made.wolkvox_id, made.id) == ("65f0", "L-1")
