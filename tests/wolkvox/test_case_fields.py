"""The fields by which cases are found, and what is no spelling of theirs."""

from __future__ import annotations

import inspect

import pytest

from airflow_provider.exceptions import InvalidInput
from airflow_provider.wolkvox import calls
from airflow_provider.wolkvox.case_fields import CASE_FIELDS
from airflow_provider.wolkvox.operators import WolkvoxQueryCaseNotesOperator, WolkvoxQueryCasesOperator
from tests.support.batches import execute
from tests.support.sandbox import ROOT
from tests.support.wolkvox import bodies
from tests.support.wolkvox_calls import CRM


def test_each_field_of_the_list_is_asked_for_as_it_is():
    assert len(set(CASE_FIELDS)) == 26
    for field in CASE_FIELDS:
        assert calls.query_cases(CRM, field, "x").json["field"] == field


@pytest.mark.parametrize("field", ["severity", "email", "contact", "case", "company", "Nivel 2", "id"])
def test_a_field_that_is_like_none_of_the_list_is_asked_for(field):
    assert calls.query_cases(CRM, field, "x").json["field"] == field


@pytest.mark.parametrize(
    ("field", "meant"),
    [
        ("email_contact", "email contact"),
        ("Email Contact", "email contact"),
        ("contact-email", "email contact"),
        ("emailContact", "email contact"),
        ("case-type", "type case"),
        ("case_type", "type case"),
        ("wolkvox_id", "wolkvox-id"),
        ("wolkvoxid", "wolkvox-id"),
        ("idcase", "idCase"),
        ("id_case", "idCase"),
        ("STATUS", "status"),
        ("contact_wolkvox_id", "contact wolkvox id"),
        ("company_name", 'companyName" or "company name'),
    ],
)
def test_another_spelling_of_a_field_costs_no_use_of_the_token(field, meant):
    with pytest.raises(InvalidInput, match="not as wolkvox spells it") as raised:
        calls.query_cases(CRM, field, "x")
    assert raised.value.field == "field"
    assert f'Write "{meant}":' in raised.value.remedy
    with pytest.raises(InvalidInput, match="not as wolkvox spells it"):
        WolkvoxQueryCasesOperator(task_id="t", field=field, value="x")


@pytest.mark.usefixtures("quick")
def test_a_template_is_looked_at_when_it_is_there(sandbox):
    task = WolkvoxQueryCasesOperator(task_id="t", field="{{ status }}", value="x")
    task.field = "Status"
    with pytest.raises(InvalidInput, match="not as wolkvox spells it"):
        execute(task)
    assert sandbox.requests("wolkvox") == []
    task.field = "status"
    execute(task)
    assert bodies(sandbox, "cases/queryCases.php")[0]["field"] == "status"


def test_the_history_of_notes_takes_any_field():
    assert calls.query_case_notes(CRM, "case-type", "x").json["field"] == "case-type"
    WolkvoxQueryCaseNotesOperator(task_id="t", field="case-type", value="x")


def test_the_docs_and_the_operator_name_each_field():
    docs = (ROOT / "docs" / "wolkvox_cases.rst").read_text(encoding="utf-8")
    for text in (docs, inspect.getdoc(WolkvoxQueryCasesOperator)):
        assert [field for field in CASE_FIELDS if f"``{field}``" not in text] == []
