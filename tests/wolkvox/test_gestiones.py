"""Gestiones: what was done with a collection, over real HTTP against the sandbox."""

from __future__ import annotations

import csv
from typing import Any

import pytest

from airflow_provider.exceptions import InvalidInput
from airflow_provider.http.call import Repeat
from airflow_provider.wolkvox import calls
from airflow_provider.wolkvox.operators import WolkvoxInsertGestionesOperator
from tests.support.batches import counts, lines
from tests.support.wolkvox import bodies, in_crm, people, query, upsert
from tests.support.wolkvox_calls import ALL, CRM, GESTION, answer
from tests.support.wolkvox_collections import collections, insert_gestiones, query_gestiones

pytestmark = pytest.mark.usefixtures("quick")

PATH = "collections/insertGestion.php"
MANDATORY = ("tipifycation_code", "tipifycation_desc", "wolkvox_idRecord")


def gestiones(sandbox: Any, count: int = 1) -> list[dict[str, Any]]:
    ids = collections(sandbox, count)
    return [{**GESTION, "wolkvox_idRecord": id_, "id_customer": f"{n}"} for n, id_ in enumerate(ids, 1)]


# What is sent


def test_a_gestion_is_sent_as_the_vendors_collection_sends_it(sandbox):
    [record] = gestiones(sandbox)
    result = insert_gestiones([{**record, "wolkvox_CrmPhoneCall": "", "note": None}])
    assert counts(result) == {"total": 1, "created": 1}
    [body] = bodies(sandbox, PATH)
    assert body == {
        "operation": "demo_operation",
        "fields": {
            "tipifycation_code": "7",
            "tipifycation_desc": "Promise",
            "wolkvox_idRecord": record["wolkvox_idRecord"],
            "id_customer": "1",
            "module": "collections",
        },
    }
    [stored] = in_crm(sandbox, "gestion")
    assert result["records"][0]["gestion"] == {"wolkvox_id": stored["wolkvox_id"]}


def test_the_module_is_collections_unless_the_record_has_another():
    assert calls.insert_gestion(CRM, GESTION).json["fields"]["module"] == "collections"
    for empty in ("", None):
        call = calls.insert_gestion(CRM, {**GESTION, "module": empty})
        assert call.json["fields"]["module"] == "collections"
    call = calls.insert_gestion(CRM, {**GESTION, "module": "portfolio"})
    assert call.json["fields"]["module"] == "portfolio"


def test_a_query_of_gestiones_is_sent_as_the_vendors_collection_sends_it():
    call = ALL["query_gestiones"]
    assert (call.method, call.path, call.repeat) == (
        "POST",
        "server/API/v2/collections/queryGestion.php",
        Repeat.SAFE,
    )
    assert call.json == {
        "operation": "mi operación",
        "field": "customer_id",
        "value": "1001",
        "limit": 250,
        "page": 1,
    }


@pytest.mark.parametrize(
    ("value", "sent"), [("1001", "1001"), (1001.0, "1001"), (1001, "1001"), (" a\u200b", " a\u200b")]
)
def test_the_value_that_is_asked_for_is_text(value, sent):
    assert calls.query_gestiones(CRM, "customer_id", value).json["value"] == sent


# What is mandatory


@pytest.mark.parametrize("name", MANDATORY)
@pytest.mark.parametrize("value", ["", "  ", None, ...])
def test_an_empty_or_missing_mandatory_value_fails_its_record_alone(sandbox, name, value):
    records = gestiones(sandbox, 3)
    records[1][name] = value
    if value is ...:
        del records[1][name]
    result = insert_gestiones(records)
    assert counts(result) == {"total": 3, "created": 2, "failed": 1}
    [failure] = result["failures"]
    assert (failure["row"], failure["error"], failure["field"]) == (2, "InvalidInput", name)
    assert len(bodies(sandbox, PATH)) == 2


@pytest.mark.parametrize("name", MANDATORY)
@pytest.mark.parametrize("value", [["a"], {"a": 1}, True])
def test_a_mandatory_value_is_a_text_or_a_number(name, value):
    with pytest.raises(InvalidInput) as raised:
        calls.insert_gestion(CRM, {**GESTION, name: value})
    assert raised.value.field == name


def test_the_code_may_be_left_out_where_the_author_says_so(sandbox):
    [record] = gestiones(sandbox)
    del record["tipifycation_code"]
    accepted = {"code": 200, "error": "null", "msg": "Succesfully create record", "data": {"wolkvox_id": "1"}}
    sandbox.fault(vendor="wolkvox", json=accepted)
    result = insert_gestiones([record], require_code=False)
    assert counts(result) == {"total": 1, "created": 1}
    [body] = bodies(sandbox, PATH)
    assert "tipifycation_code" not in body["fields"]
    with pytest.raises(InvalidInput, match='"tipifycation_code" is empty'):
        calls.insert_gestion(CRM, record)
    with pytest.raises(ValueError, match="require_code must be True or False"):
        WolkvoxInsertGestionesOperator(task_id="t", records=[], require_code=1)  # type: ignore[arg-type]


def test_a_file_without_a_mandatory_column_is_refused_before_anything_is_sent(sandbox, tmp_path):
    path = tmp_path / "in.csv"
    path.write_text("record,what\n65f0,Promise\n")
    fields = {"wolkvox_idRecord": "record", "tipifycation_desc": "what"}
    with pytest.raises(InvalidInput, match='no column "tipifycation_code"'):
        insert_gestiones(str(path), fields=fields)
    with pytest.raises(InvalidInput, match='"include" leaves out "tipifycation_desc"'):
        insert_gestiones(str(path), include=["wolkvox_idRecord"], defaults={"tipifycation_code": "7"})
    assert sandbox.requests("wolkvox") == []


# Once


@pytest.mark.parametrize("fault", [{"action": "reset", "after": True}, {"status": 502, "after": True}])
def test_an_insert_whose_answer_is_lost_is_unknown_and_not_repeated(sandbox, fault):
    records = gestiones(sandbox, 3)
    sandbox.fault(vendor="wolkvox", skip=1, **fault)
    result = insert_gestiones(records)
    assert counts(result) == {"total": 3, "created": 2, "unknown": 1}
    assert (result["failures"][0]["error"], result["failures"][0]["row"]) == ("OutcomeUnknown", 2)
    again = insert_gestiones(records)
    assert (counts(again), again["requests"]) == ({"total": 3, "replayed": 2, "unknown": 1}, 0)
    assert len(in_crm(sandbox, "gestion")) == 3


@pytest.mark.parametrize("data", [[], None, {}, {"wolkvox_id": ""}, {"wolkvox_id": None}])
def test_a_success_without_an_identifier_is_unknown(sandbox, data):
    [record] = gestiones(sandbox)
    sandbox.fault(vendor="wolkvox", json={"code": 200, "error": "null", "msg": "ok", "data": data})
    assert counts(insert_gestiones([record])) == {"total": 1, "unknown": 1}


def test_the_same_record_twice_is_sent_once(sandbox):
    [record] = gestiones(sandbox)
    same = {**record, "wolkvox_idRecord": f"{record['wolkvox_idRecord']}\u200b", "tipifycation_code": 7}
    result = insert_gestiones([record, same, {**record, "agent_id": "9"}])
    assert counts(result) == {"total": 3, "created": 2, "replayed": 1}
    assert len(bodies(sandbox, PATH)) == 2


def test_some_fields_may_make_two_records_the_same(sandbox):
    [record] = gestiones(sandbox)
    first = {**record, "wolkvox_idCall": "c-1", "agent_id": "1"}
    options: dict[str, Any] = {"record_key": ["wolkvox_idCall"], "ledger_scope": "forever"}
    assert counts(insert_gestiones([first], **options)) == {"total": 1, "created": 1}
    result = insert_gestiones([{**first, "agent_id": "2"}, record], run_id="run-2", **options)
    assert counts(result) == {"total": 2, "replayed": 1, "failed": 1}
    assert result["failures"][0]["field"] == "wolkvox_idCall"


def test_a_refusal_is_a_failure(sandbox):
    collections(sandbox)
    result = insert_gestiones([GESTION])
    assert counts(result) == {"total": 1, "failed": 1}
    assert "THE RECORD DOES NOT EXIST" in result["failures"][0]["reason"]


# One after another


def test_what_a_query_of_collections_found_is_what_gestiones_are_inserted_for(sandbox, tmp_path):
    upsert([{**one, "campaign": "may"} for one in people(3)])
    found = query(module="collections", field="campaign", value="may", output=str(tmp_path / "found.jsonl"))
    result = insert_gestiones(
        found,
        fields={"wolkvox_idRecord": "wolkvox_id", "id_customer": "Identification"},
        include=["wolkvox_idRecord", "id_customer"],
        defaults={"tipifycation_code": "7", "tipifycation_desc": "Called"},
    )
    assert counts(result) == {"total": 3, "created": 3}
    ids = [one["wolkvox_id"] for one in in_crm(sandbox, "collections")]
    assert [body["fields"] for body in bodies(sandbox, PATH)] == [
        {
            "wolkvox_idRecord": id_,
            "id_customer": str(number),
            "tipifycation_code": "7",
            "tipifycation_desc": "Called",
            "module": "collections",
        }
        for number, id_ in enumerate(ids, 1)
    ]


def test_gestiones_are_read_page_after_page(sandbox, tmp_path):
    records = [{**one, "campaign_id": "may"} for one in gestiones(sandbox, 5)]
    insert_gestiones(records)
    result = query_gestiones(
        field="campaign_id", value="may", page_size=2, output=str(tmp_path / "found.jsonl")
    )
    assert (result["total"], result["pages"], result["complete"]) == (5, 3, True)
    found = lines(result["output"])
    assert [one["wolkvox_id"] for one in found] == [one["wolkvox_id"] for one in in_crm(sandbox, "gestion")]
    assert [body["page"] for body in bodies(sandbox, "collections/queryGestion.php")] == [1, 2, 3]


@pytest.mark.parametrize(("field", "value", "wrong"), [("", "1", "field"), ("a", "", "value")])
def test_a_question_that_makes_no_sense_is_not_asked(sandbox, field, value, wrong):
    with pytest.raises(InvalidInput) as raised:
        query_gestiones(field=field, value=value)
    assert raised.value.field == wrong
    assert sandbox.requests("wolkvox") == []


def test_gestiones_of_a_csv_file(sandbox, tmp_path):
    with (tmp_path / "in.csv").open("w", newline="") as file:
        csv.DictWriter(file, GESTION).writeheader()
        csv.DictWriter(file, GESTION).writerows([{**GESTION, "wolkvox_idRecord": collections(sandbox)[0]}])
    assert counts(insert_gestiones(str(tmp_path / "in.csv"))) == {"total": 1, "created": 1}


def test_an_answer_is_read():
    assert ALL["insert_gestion"].decode(answer(data={"wolkvox_id": "65f1"})).wolkvox_id == "65f1"
