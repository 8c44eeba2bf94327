"""Numbers inside collections, obligations and gestiones: texts of digits, as the vendor's samples have them."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from enum import IntEnum
from typing import Any

import pytest

from airflow_provider.exceptions import InvalidInput
from airflow_provider.values import native
from airflow_provider.wolkvox import calls
from airflow_provider.wolkvox.fields import currency
from airflow_provider.wolkvox.operators import (
    WolkvoxInsertGestionesOperator,
    WolkvoxInsertObligationsOperator,
    WolkvoxUpdateObligationsOperator,
    WolkvoxUpsertCollectionsOperator,
)
from tests.support.batches import counts
from tests.support.wolkvox import bodies, people, upsert
from tests.support.wolkvox_calls import CRM, GESTION, OBLIGATION, PERSON
from tests.support.wolkvox_collections import (
    collections,
    insert_gestiones,
    insert_obligations,
    update_obligations,
)
from tests.test_texts import INT64, numpy_scalar
from tests.wolkvox.test_collections import summary

pytestmark = pytest.mark.usefixtures("quick")


class Level(IntEnum):
    HIGH = 3


def of_gestion(value: Any, **options: Any) -> Any:
    return calls.insert_gestion(CRM, {**GESTION, "a": value}, **options).json["fields"]["a"]


def of_obligation(value: Any, **options: Any) -> Any:
    return calls.insert_obligation(CRM, "65f0", {**OBLIGATION, "a": value}, **options).json["fields"]["a"]


def of_update(value: Any, **options: Any) -> Any:
    return calls.update_obligation(CRM, "65f0", "L-1", {"a": value}, **options).json["fields"]["a"]


def of_form(value: Any, **options: Any) -> Any:
    call = calls.update_obligation(CRM, "65f0", "L-1", {"form": {"a": value}}, **options)
    return call.json["fields"]["form"][0]["value"]


def of_collection(value: Any, **options: Any) -> Any:
    return calls.upsert_collection(CRM, {**PERSON, "a": value}, **options).json["collections"][0]["a"]


def of_nested(value: Any, **options: Any) -> Any:
    person = {**PERSON, "Obligations": [{**OBLIGATION, "a": value}]}
    return calls.upsert_collection(CRM, person, **options).json["collections"][0]["Obligations"][0]["a"]


def of_flat(value: Any, **options: Any) -> Any:
    person = {**PERSON, "Obligations.id": 1, "Obligations.name": "Loan", "Obligations.a": value}
    return calls.upsert_collection(CRM, person, **options).json["collections"][0]["Obligations"][0]["a"]


each_place = pytest.mark.parametrize(
    "sent", [of_gestion, of_obligation, of_update, of_form, of_collection, of_nested, of_flat]
)


@each_place
@pytest.mark.parametrize(
    ("value", "text"),
    [
        (7, "7"),
        (-7, "-7"),
        (0, "0"),
        (1001.0, "1001"),
        (1e6, "1000000"),
        (1.5, "1.5"),
        (1e-7, "0.0000001"),
        (Decimal("1E+6"), "1000000"),
        (Decimal("1001.00"), "1001"),
        (Decimal("1.50"), "1.50"),
        (10**30, "1" + "0" * 30),
        (INT64, "1001"),
        (Level.HIGH, "3"),
        ("1e+06", "1e+06"),
        ("1001.0", "1001.0"),
        ([7, [1.0, {"b": 2}]], ["7", ["1", {"b": "2"}]]),
    ],
)
def test_a_number_is_a_text_of_digits_at_every_depth(sent: Callable[..., Any], value, text):
    assert sent(value) == text


@each_place
@pytest.mark.parametrize("value", [True, False, numpy_scalar("bool_", True), [True, {"b": False}]])
def test_a_boolean_is_no_number(sent: Callable[..., Any], value):
    assert sent(value) == (value if isinstance(value, list) else bool(native(value)))
    assert type(sent(True)) is bool


@each_place
def test_numbers_may_be_sent_as_numbers(sent: Callable[..., Any]):
    assert [sent(value, numbers_as_text=False) for value in (7, 1001.0, 1.5, [7])] == [7, 1001, 1.5, [7]]
    assert type(sent(1001.0, numbers_as_text=False)) is int


@each_place
@pytest.mark.parametrize("value", [2.0**53, float("inf"), [float("-inf")]])
def test_a_number_that_has_lost_digits_is_refused(sent: Callable[..., Any], value):
    with pytest.raises(InvalidInput, match="must be a text or a number") as raised:
        sent(value)
    assert raised.value.field in ("a", "form", "Obligations")


def test_typed_values_and_mandatory_ones_have_texts_too():
    fee = currency(10, symbol="$", convert=1.0)
    call = calls.upsert_collection(CRM, {**PERSON, "Identification": 1001.0, "fee": fee})
    [item] = call.json["collections"]
    assert item["fee"] == {"type": "currency", "value": "10", "symbol": "$", "convert": "1"}
    assert item["Identification"] == call.key[0] == "1001"


def test_the_digits_of_a_json_text_are_kept():
    person = {**PERSON, "Obligations": '[{"id": 7, "name": "Loan", "total_balance": 1.50, "rate": 1e6}]'}
    call = calls.upsert_collection(CRM, person)
    assert call.json["collections"][0]["Obligations"] == [
        {"id": "7", "name": "Loan", "total_balance": "1.50", "rate": "1000000"}
    ]


def test_a_number_makes_no_second_record_beside_its_text():
    one, other = (calls.insert_gestion(CRM, {**GESTION, "agent_id": value}) for value in (7.0, "7"))
    assert (one.key, one.json) == (other.key, other.json)
    first, second = (calls.upsert_collection(CRM, {**PERSON, "a": value}) for value in (7, Decimal("7.0")))
    assert (first.key, first.json) == (second.key, second.json)


@pytest.mark.parametrize("size", [1, 500])
@pytest.mark.parametrize(("as_text", "sent"), [(True, ["1", "7", "1.5"]), (False, [1, 7, 1.5])])
def test_the_operator_of_collections_has_a_switch(sandbox, size, as_text, sent):
    person = {**people(1)[0], "Identification": 1, "age": 7, "Obligations.rate": 1.5}
    records = [{**person, "Obligations.id": "L-1", "Obligations.name": "Loan"}]
    upsert(records, numbers_as_text=as_text, chunk_size=size)
    [body] = bodies(sandbox, "collections/massiveCollections.php")
    [item] = body["collections"]
    assert [item["Identification"], item["age"], item["Obligations"][0]["rate"]] == sent
    assert [type(one) for one in (item["Identification"], item["age"])] == [type(one) for one in sent[:2]]


@pytest.mark.parametrize("as_text", [True, False])
def test_the_operators_of_obligations_have_a_switch(sandbox, as_text):
    [id_] = collections(sandbox)
    record = {"wolkvox_id": id_, **OBLIGATION, "total_balance": 7.0}
    insert_obligations([record], numbers_as_text=as_text)
    changed = {"wolkvox_id": id_, "obligation": "L-1", "days_delay": 90}
    update_obligations([changed], numbers_as_text=as_text)
    [inserted] = bodies(sandbox, "collections/insertObligation.php")
    [updated] = bodies(sandbox, "collections/updateObligation.php")
    assert inserted["fields"]["total_balance"] == ("7" if as_text else 7)
    assert updated["fields"]["days_delay"] == ("90" if as_text else 90)


@pytest.mark.parametrize("as_text", [True, False])
def test_the_operator_of_gestiones_has_a_switch(sandbox, as_text):
    [id_] = collections(sandbox)
    insert_gestiones([{**GESTION, "wolkvox_idRecord": id_, "agent_id": 7.0}], numbers_as_text=as_text)
    [body] = bodies(sandbox, "collections/insertGestion.php")
    assert body["fields"]["agent_id"] == ("7" if as_text else 7)


@pytest.mark.parametrize("as_text", [True, False])
@pytest.mark.parametrize("named", [2, "2", 2.0])
def test_failures_are_still_told_apart_by_the_identification(sandbox, as_text, named):
    sandbox.fault(vendor="wolkvox", json=summary([{"Identification": named, "reason": "bad mail"}], 1))
    records = [{**one, "Identification": int(one["Identification"])} for one in people(3)]
    result = upsert(records, numbers_as_text=as_text)
    assert counts(result) == {"total": 3, "created": 2, "failed": 1}
    assert result["failures"][0]["row"] == 2


@pytest.mark.parametrize(
    "operator",
    [
        WolkvoxInsertGestionesOperator,
        WolkvoxInsertObligationsOperator,
        WolkvoxUpdateObligationsOperator,
        WolkvoxUpsertCollectionsOperator,
    ],
)
def test_the_switch_is_true_or_false(operator):
    assert operator(task_id="t", records=[]).numbers_as_text is True
    with pytest.raises(ValueError, match="numbers_as_text must be True or False"):
        operator(task_id="t", records=[], numbers_as_text="no")
