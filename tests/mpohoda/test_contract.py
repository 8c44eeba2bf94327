"""The checker of requests: what the contract's own examples are, and what each mistake is told as."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from tests.mpohoda.contract import CREATES, LISTS, OF_ONE, PDF, POSTS, faults, faults_of_ours

ID = "11111111-1111-4111-8111-111111111111"
KEY = {"Api-Key": "k"}
INVOICE: dict[str, Any] = {
    "Text": "Služby za říjen",
    "IssueDate": "2026-11-01",
    "DueDate": "2026-11-15T00:00:00+01:00",
    "OrderNumber": "OBJ-77",
    "PaymentMethodId": ID,
    "BusinessPartnerAddress": {"DocumentAddressWithAddressBookLink": {"Id": ID}},
    "Items": [
        {
            "TextItem": {
                "Text": "Konzultace",
                "Quantity": 2,
                "UnitPrice": 1000,
                "UnitPriceVatType": "WithoutVat",
                "VatRateType": "BasicVatRate",
                "DiscountPercentage": 0,
            }
        },
        {"PriceListItem": {"PriceListItemId": ID, "Quantity": 3}},
    ],
}
PARTNER: dict[str, Any] = {
    "CompanyName": "Ukázka s.r.o.",
    "City": "Jihlava",
    "BusinessDetails": {
        "DuePeriod": 14,
        "IsCustomer": True,
        "DocumentVariableSymbolSource": "DocumentNumber",
    },
    "DeliveryAddresses": [{"Name": "Sklad", "IsDefault": True}],
}


def request(
    method: str, path: str, json: Any = None, query: Any = None, headers: Any = None
) -> dict[str, Any]:
    path = f"v1/{path}"
    return {"method": method, "path": path, "json": json, "query": query or {}, "headers": headers or KEY}


def test_there_are_87_operations():
    assert len(LISTS) + len(OF_ONE) + len(PDF) + len(POSTS) == 87


@pytest.mark.parametrize(
    "good",
    [
        request("POST", "IssuedInvoices", INVOICE),
        request("POST", "BusinessPartners", PARTNER),
        request(
            "POST", f"IssuedInvoices/{ID}/Liquidate/Standalone/Partially", {"DocumentCurrencyAmount": 0.5}
        ),
        request("POST", f"ReceivedOrders/{ID}/Transfer/ToIssuedInvoice/Fully", {}),
        request("POST", "PriceListItems/SellingPrices", {"Ids": [ID]}),
        request("GET", "IssuedInvoices", query={"PageSize": "100", "PageNumber": "1", "After": ID}),
        request(
            "GET",
            f"IssuedInvoices/{ID}/pdf",
            query={"Language": "Current"},
            headers={"authorization": "Bearer t"},
        ),
        request(
            "GET", f"PriceListItems/{ID}/RegistrationNumbers", query={"PageSize": "1", "PageNumber": "1"}
        ),
    ],
)
def test_what_the_contract_shows_is_right(good):
    assert faults(good) == []


def changed(path: str, value: Any) -> dict[str, Any]:
    body = copy.deepcopy(INVOICE)
    *heads, last = path.split(".")
    holder: Any = body
    for head in heads:
        holder = holder[int(head)] if head.isdigit() else holder[head]
    if value is ...:
        del holder[last]
    else:
        holder[int(last) if last.isdigit() else last] = value
    return body


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        ("Items", [], "no list with elements"),
        ("Items", ..., "is missing"),
        ("Number", "1", "is unknown"),
        ("Items.0.TextItem.UnitPriceType", "WithVat", "is unknown"),
        ("Items.0.TextItem.UnitPriceVatType", ..., "is missing"),
        ("Items.0.TextItem.UnitPriceVatType", "withvat", "none of its members"),
        ("Items.0.TextItem.Quantity", "2", "is no number"),
        ("Items.0.TextItem.Quantity", None, "is null"),
        ("Items.0.TextItem.Quantity", True, "is no number"),
        ("Items.0.PriceListItem", {"PriceListItemId": ID}, "exactly one of"),
        ("Items.0", {}, "exactly one of"),
        ("BusinessPartnerAddress", None, "is null"),
        ("BusinessPartnerAddress", {}, "exactly one of"),
        ("PaymentMethodId", "Hotově", "is no guid"),
        ("IssueDate", "1. 11. 2026", "is no date"),
        ("IssueDate", "2026-11-01T08:00:00", "is no date"),
        ("Rounding", "MathFiveCent", "none of its members"),
        ("ExchangeRateQuantity", 1.5, "is no whole"),
    ],
)
def test_each_mistake_in_a_body_is_told(path, value, told):
    [fault] = faults(request("POST", "IssuedInvoices", changed(path, value)))
    assert told in fault


@pytest.mark.parametrize(
    ("bad", "told"),
    [
        (request("PUT", "IssuedInvoices", {}), "no method"),
        (request("GET", "Invoices"), "no operation"),
        (request("GET", "Currencies", query={"PageSize": "1", "PageNumber": "1", "After": ID}), "After"),
        (request("GET", "Centres", query={"PageSize": "1"}), "PageNumber"),
        (request("GET", "Centres", query={"PageSize": "0", "PageNumber": "1"}), "PageSize"),
        (
            request(
                "GET",
                "Centres",
                query={"PageSize": "1", "PageNumber": "1", "ModifiedSince": "2026-01-01T00:00:00"},
            ),
            "zone",
        ),
        (request("GET", f"IssuedInvoices/{ID}/pdf"), "Language"),
        (request("POST", "Centres", {}), "no operation"),
        (request("POST", "PriceListItems/SellingPrices", {"Ids": [ID, ID]}), "twice"),
        (request("POST", "PriceListItems/SellingPrices", {"Ids": []}), "elements"),
        (
            request(
                "POST", f"IssuedInvoices/{ID}/Liquidate/Standalone/Partially", {"DocumentCurrencyAmount": 0}
            ),
            "is 0",
        ),
        (request("POST", f"IssuedInvoices/{ID}/Liquidate/Standalone/Fully", {"Note": "x" * 65}), "length"),
        (request("POST", "BusinessPartners", {**PARTNER, "City": ""}), "length"),
        (request("POST", "BusinessPartners", {**PARTNER, "PostCode": "1" * 16}), "length"),
        (request("POST", "PaymentMethods", {"Name": "x", "TicketValue": 0}), "range"),
        (request("GET", f"Centres/{ID}", headers={"x": "y"}), "exactly one"),
        (request("GET", f"Centres/{ID}", headers={**KEY, "Authorization": "Bearer t"}), "exactly one"),
        (request("POST", "IssuedOrders", {"Items": INVOICE["Items"]}), "BusinessPartnerAddress is missing"),
    ],
)
def test_each_mistake_of_a_request_is_told(bad, told):
    found = faults(bad)
    assert len(found) == 1
    assert told in found[0]


def test_what_the_package_sends_is_checked_in_every_test_with_the_sandbox(sandbox):
    from airflow_provider.http.call import Call
    from airflow_provider.http.hook import VendorHook
    from airflow_provider.mpohoda.hooks import MpohodaHook

    hook: VendorHook[Any] = MpohodaHook()
    query = {"PageSize": "1", "PageNumber": "1", "Search": "x"}
    hook.run(Call("GET", "v1/Centres", lambda response: None, query=query))
    hook.close()
    sent = sandbox.requests("mpohoda")
    assert faults_of_ours(sent) == ["GET Centres has the parameters ['Search']"]
    sandbox.control("DELETE", "requests")


def test_all_that_can_be_created_is_checked():
    assert len(CREATES) == 9
    assert faults(request("POST", "IssuedInvoices", {**INVOICE, "Rounding": "MathFiveCent"}), "sk") == []
