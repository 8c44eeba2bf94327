"""The calls that write: what they send, what the ledger knows them by, and how their answers are read."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from airflow_provider.exceptions import InvalidInput, OutcomeUnknown, VendorProtocolError
from airflow_provider.http.call import Call, Repeat, Response
from airflow_provider.http.retry import RateLimiter, RequestPolicy, exchange
from airflow_provider.mpohoda import operations
from airflow_provider.mpohoda.create_calls import create_record, liquidate, transfer_order
from airflow_provider.mpohoda.tables import ANSWERS, READ
from airflow_provider.secrets import seal_fields

ID = "11111111-2222-4333-8444-555555555555"
BODY = {"Items": [{"TextItem": {"Quantity": "2", "UnitPrice": "9.90", "UnitPriceVatType": "WithVat"}}]}


def answer(data: Any, warnings: Any = (), status: int = 201) -> Response:
    body = json.dumps({"Data": data, "Warnings": list(warnings)}).encode()
    return Response(status, {"content-type": "application/json"}, body)


def sent(call: Call[Any]) -> Any:
    return json.loads(call.content.body)


def outcome(call: Call[Any], response: Response) -> Any:
    steps = exchange(call, policy=RequestPolicy(), timeout=5, rate_limiter=RateLimiter())
    next(steps)
    try:
        steps.send(response)
    except StopIteration as done:
        return done.value
    raise AssertionError("it was sent again")


def test_a_record_is_posted_to_its_resource_under_the_callers_key():
    call = create_record("IssuedInvoices", BODY, key="OBJ-77")
    assert (call.method, call.path, call.repeat) == ("POST", "v1/IssuedInvoices", Repeat.ONCE)
    assert sent(call)["Items"][0]["TextItem"]["UnitPrice"] == 9.9
    assert b'"UnitPrice":9.90' in call.content.body
    assert call.key == ("IssuedInvoices", "OBJ-77")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("OBJ-77", "OBJ\u201177", True),
        ("Caf\u00e9", "Cafe\u0301", True),
        ("OBJ 77", " OBJ\u00a077\u200b", True),
        (77, "77", True),
        (77.0, 77, True),
        ("0077", "77", False),
        ("obj", "OBJ", False),
        (["a", "b"], ["a", "b"], True),
        (["a", "b"], ["b", "a"], False),
    ],
)
def test_a_key_is_the_same_however_it_is_written(one, other, same):
    keys = [create_record("IssuedInvoices", BODY, key=key).key for key in (one, other)]
    assert (keys[0] == keys[1]) is same


@pytest.mark.parametrize("key", [None, "", " ", float("nan"), [], [None], ["a", ""]])
def test_a_record_without_a_key_is_not_sent(key):
    with pytest.raises(InvalidInput, match="key"):
        create_record("IssuedInvoices", BODY, key=key)


def test_the_country_decides_which_values_there_are():
    slovak = {**BODY, "Rounding": "MathFiveCent"}
    assert sent(create_record("IssuedInvoices", slovak, key="1", country="sk"))["Rounding"] == "MathFiveCent"
    with pytest.raises(InvalidInput, match="Rounding"):
        create_record("IssuedInvoices", slovak, key="1")


def test_the_answer_has_the_number_the_exact_total_and_the_warnings():
    data = b"""{"Data": {"Id": "i", "DocumentNumber": "26F1", "VariableSymbol": "0012",
        "DocumentRecapitulation": {"TotalPrice": 12345678901234567890.10}},
        "Warnings": [{"Code": "SellingPriceCodeDoesNotExist", "Message": "m"}, {"Code": "Unspecified"}]}"""
    found = outcome(create_record("IssuedInvoices", BODY, key="1"), Response(201, {}, data))
    assert (found.id, found.number, found.variable_symbol) == ("i", "26F1", "0012")
    assert found.total == Decimal("12345678901234567890.10")
    assert seal_fields(found) == {
        "id": "i",
        "number": "26F1",
        "variable_symbol": "0012",
        "total": "12345678901234567890.10",
        "warnings": [
            {"code": "SellingPriceCodeDoesNotExist", "message": "m"},
            {"code": "Unspecified", "message": ""},
        ],
    }


@pytest.mark.parametrize(
    "data",
    [
        {"Id": "i"},
        {"Id": "i", "DocumentRecapitulation": None},
        {"Id": "i", "DocumentRecapitulation": {"TotalPrice": "?"}},
    ],
)
def test_an_answer_needs_no_more_than_the_id(data):
    found = outcome(create_record("IssuedInvoices", BODY, key="1"), answer(data, ["odd", 7]))
    assert (found.id, found.total) == ("i", None)
    assert [(one.code, one.message) for one in found.warnings] == [
        ("Unspecified", "odd"),
        ("Unspecified", "7"),
    ]


@pytest.mark.parametrize(
    "response",
    [
        answer(None),
        answer({}),
        answer([]),
        answer({"Id": None}),
        Response(201, {}, b"<html>"),
        Response(201, {}, b""),
        Response(201, {}, b"[]"),
        Response(201, {}, b"{}"),
    ],
)
@pytest.mark.parametrize(
    "call",
    [
        create_record("IssuedInvoices", BODY, key="1"),
        transfer_order("ReceivedOrders", ID),
        liquidate("IssuedInvoices", ID),
    ],
    ids=["create", "transfer", "liquidate"],
)
def test_a_201_that_cannot_be_read_may_have_created_the_record(call, response):
    with pytest.raises(OutcomeUnknown):
        outcome(call, response)


def test_a_refusal_is_no_unknown_outcome():
    with pytest.raises(VendorProtocolError):
        outcome(create_record("IssuedInvoices", BODY, key="1"), Response(302, {}, b""))


@pytest.mark.parametrize(
    ("resource", "path"),
    [
        ("IssuedOrders", f"v1/IssuedOrders/{ID}/Transfer/ToReceivedInvoice/Fully"),
        ("ReceivedOrders", f"v1/ReceivedOrders/{ID}/Transfer/ToIssuedInvoice/Fully"),
    ],
)
def test_an_order_is_transferred_with_an_empty_object(resource, path):
    call = transfer_order(resource, ID.upper())
    assert (call.method, call.path, call.content.body, call.repeat) == ("POST", path, b"{}", Repeat.ONCE)
    assert call.key == (resource, ID)
    for wrong in (("IssuedInvoices", ID), (resource, "7"), (resource, f"{ID}/../x")):
        with pytest.raises(InvalidInput):
            transfer_order(*wrong)


@pytest.mark.parametrize("resource", ["IssuedInvoices", "IssuedAdvanceInvoices"])
def test_a_document_is_paid_in_full_once(resource):
    call = liquidate(resource, ID, date="2026-11-10", note="bank", key="T1")
    assert call.path == f"v1/{resource}/{ID}/Liquidate/Standalone/Fully"
    assert sent(call) == {"Date": "2026-11-10", "Note": "bank"}
    # Two transactions cannot both pay all of it.
    assert call.key == liquidate(resource, ID, key="T2").key == (resource, ID, "fully")


def test_a_part_is_paid_once_for_each_key():
    call = liquidate("IssuedInvoices", ID, amount="1000.10", home_amount=25002.5, key="T1", note="n" * 65)
    assert call.path == f"v1/IssuedInvoices/{ID}/Liquidate/Standalone/Partially"
    assert call.content.body.startswith(b'{"DocumentCurrencyAmount":1000.10,"HomeCurrencyAmount":25002.5,')
    assert call.key == ("IssuedInvoices", ID, "partially", "T1")
    assert call.key != liquidate("IssuedInvoices", ID, amount="1000.10", key="T2").key


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"amount": 1}, "record_key"),
        ({"amount": 0, "key": "T"}, "amount"),
        ({"amount": "1,5", "key": "T"}, "amount"),
        ({"amount": 1, "home_amount": 0, "key": "T"}, "home_amount"),
        ({"home_amount": 1}, "home_amount"),
        ({"note": "n" * 65}, "note"),
        ({"date": "1.2.2026"}, "date"),
        ({"amount": 1, "key": "T", "resource": "IssuedAdvanceInvoices"}, "amount"),
        ({"resource": "ReceivedInvoices"}, "resource"),
        ({"id": "7"}, "id"),
    ],
)
def test_a_payment_that_cannot_be_recorded_is_refused_before_it_is_sent(options, field):
    with pytest.raises(InvalidInput) as caught:
        liquidate(**{"resource": "IssuedInvoices", "id": ID, **options})
    assert caught.value.field == field


def test_a_payment_is_read_exactly():
    data = b'{"Data": {"Id": "l", "DocumentCurrencyAmount": 1000.10, "Date": "2026-11-10T00:00:00"}}'
    found = outcome(liquidate("IssuedInvoices", ID), Response(201, {}, data))
    assert (found.id, found.amount, found.date) == ("l", Decimal("1000.10"), "2026-11-10T00:00:00")


def test_the_ledger_knows_the_operations_by_these_names_for_ever():
    everything: list[Any] = [
        *operations.CREATES.values(),
        *operations.TRANSFERS.values(),
        *operations.LIQUIDATES.values(),
    ]
    assert {one.name.removeprefix("mpohoda."): one.result_key for one in everything} == {
        "create_issued_invoice": "issued_invoice",
        "create_received_invoice": "received_invoice",
        "create_issued_advance_invoice": "advance_invoice",
        "create_issued_offer": "offer",
        "create_issued_order": "issued_order",
        "create_received_order": "received_order",
        "create_issue_slip": "issue_slip",
        "create_business_partner": "partner",
        "create_payment_method": "payment_method",
        "transfer_issued_order": "received_invoice",
        "transfer_received_order": "issued_invoice",
        "liquidate_issued_invoice": "liquidation",
        "liquidate_issued_advance_invoice": "liquidation",
    }
    for one in everything:
        assert (one.conn_type, one.scope, one.once) == ("mpohoda", "forever", True)
        assert "warnings" in one.model.model_fields


def kinds(schema: Any, path: str = "") -> dict[str, str]:
    if isinstance(schema, str):
        return {path: schema}
    if isinstance(schema, list):
        assert len(schema) == 1
        return kinds(schema[0], f"{path}[]")
    return {key: kind for name, part in schema.items() for key, kind in kinds(part, f"{path}.{name}").items()}


def test_the_tables_have_all_lists_in_the_agreed_form():
    assert len(READ) == 29
    for schema in (*READ.values(), *ANSWERS.values()):
        assert set(kinds(schema).values()) <= {"text", "boolean", "integer", "number"}
        assert schema["Id"] == "text"
    for name, schema in READ.items():
        modified = kinds(schema["ModificationInfo"])
        assert len(modified) == (1 if name in GLOBAL else 4)
        assert list(schema)[-1] == "ModificationInfo"


GLOBAL = {"Banks", "CityPostCodes", "Countries", "Currencies", "ExchangeRates", "PaymentMethodTypes", "Regions", "VatRates"}  # fmt: skip


def test_whole_numbers_are_those_that_the_contract_names():
    found = {
        f"{name}{path}"
        for name, schema in READ.items()
        for path, kind in kinds(schema).items()
        if kind == "integer"
    }
    documents = [name for name, schema in READ.items() if "ExchangeRateQuantity" in schema]
    assert len(documents) == 8
    assert found == {f"{name}.ExchangeRateQuantity" for name in documents} | {
        "BusinessPartners.BusinessDetails.DuePeriod",
        "PriceListItems.Plu",
        "PaymentMethods.CurrencyQuantity",
        "Countries.NumericCode",
        "ExchangeRates.ExchangeRates[].Quantity",
    }


@pytest.mark.parametrize(
    ("resource", "field", "there"),
    [
        ("IssuedInvoices", "IsReverseCharge", True),
        ("IssuedAdvanceInvoices", "IsReverseCharge", False),
        ("IssuedInvoiceCorrectiveTaxDocuments", "IsReverseCharge", False),
        ("IssuedAdvanceInvoices", "TaxDate", False),
        ("ReceivedOrders", "IsReserved", True),
        ("IssuedInvoices", "Items.ReceivedOrderItemId", True),
        ("ReceivedInvoices", "Items.IssuedOrderItemId", True),
        ("IssuedAdvanceInvoices", "Items.RegistrationNumberId", False),
        ("IssuedOrders", "Items.DeliveredQuantity", True),
        ("IssuedOffers", "Items.TransferredQuantity", True),
        ("ReceivedOrders", "Items.IssuedOfferItemGuid", True),
        ("ReceivedInvoices", "BusinessPartnerAddress.DeliveryAddress", False),
        ("IssuedOrders", "BusinessPartnerAddress.DeliveryAddress", False),
        ("IssueSlips", "BusinessPartnerAddress.DeliveryAddress", True),
    ],
)
def test_a_table_has_what_its_kind_of_document_has(resource, field, there):
    holder: Any = READ[resource]
    *heads, last = field.split(".")
    for head in heads:
        holder = holder[head][0] if isinstance(holder[head], list) else holder[head]
    assert (last in holder) is there
