"""Bodies as they are sent, and what is refused: read from the contract's tables, not from the models."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from airflow_provider.exceptions import InvalidInput, InvalidRecord
from airflow_provider.http.content import encode
from airflow_provider.mpohoda.documents import checked, is_field
from airflow_provider.values import SinglePrecision
from tests.support.sandbox import ROOT

ID = "11111111-2222-4333-8444-555555555555"
TEXT = {"Quantity": 1, "UnitPrice": 10, "UnitPriceVatType": "WithoutVat"}
LINK = {"DocumentAddressWithAddressBookLink": {"Id": ID}}
DATED = {"DueDate", "OrderDate"}

# Contract 6.3, "Create": the shared base, and what each type adds.
SHARED = {
    "Text": "t", "IssueDate": "2026-11-01", "CurrencyId": ID, "ExchangeRate": 25.5, "ExchangeRateQuantity": 1,
    "ContractNumber": "c", "CentreId": ID, "ActivityId": ID, "Note": "n", "InternalNote": "i",
    "VatRounding": "NoneEveryRate", "Rounding": "UpToOne", "IsSynchronizationToPhEnabled": False,
    "BusinessPartnerAddress": LINK,
}  # fmt: skip
ORDERED = {"OrderNumber": "o", "OrderDate": "2026-11-01", "PaymentMethodId": ID}
PAID = {"DueDate": "2026-11-15", "VariableSymbol": "0012", "CashRegisterId": ID, **ORDERED}
OWN: dict[str, dict[str, Any]] = {
    "IssuedInvoices": {**PAID, "TaxDate": "2026-11-01", "BankAccountId": ID, "SellingPriceCode": "S"},
    "ReceivedInvoices": {
        **PAID,
        "TaxDate": "2026-11-01",
        "SupplierInfo": {
            "BankAccountNumber": "1", "BankCode": "0100", "MessageForRecipient": "m", "DocumentNumber": "FV1",
        },
    },
    "IssuedAdvanceInvoices": {**PAID, "BankAccountId": ID, "SellingPriceCode": "S"},
    "IssuedOffers": {
        "ValidTo": "2026-12-01", "Status": "SentForApproval", "DetailText": "d",
        "DetailTextInEnglish": "e", "SellingPriceCode": "S",
    },
    "IssuedOrders": {
        "RequiredDeliveryDate": "2026-11-02", "ActualDeliveryDate": "2026-11-03",
        "Status": "PermanentDocument", "PaymentMethodId": ID,
    },
    "ReceivedOrders": {
        "ExecuteFromDate": "2026-11-02", "ExecuteToDate": "2026-11-03", "SellingPriceCode": "S",
        "Status": "PartiallyFinished", "PaymentMethodId": ID,
    },
    "IssueSlips": {**ORDERED, "Status": "Finished", "SellingPriceCode": "S"},
}  # fmt: skip
ALL_OWN = {name for own in OWN.values() for name in own}
SERVER_MADE = ("DocumentNumber", "IsReverseCharge", "DocumentRecapitulation", "Id", "ModificationInfo")


def body(resource: str = "IssuedInvoices", **fields: Any) -> dict[str, Any]:
    address = {"BusinessPartnerAddress": LINK} if "Orders" in resource else {}
    return {"Items": [{"TextItem": dict(TEXT)}], **address, **fields}


def sent(resource: str = "IssuedInvoices", *, country: str = "cz", **fields: Any) -> dict[str, Any]:
    return json.loads(encode(checked(resource, body(resource, **fields), country=country)))


def mistakes(resource: str = "IssuedInvoices", *, country: str = "cz", **fields: Any) -> dict[str, str]:
    with pytest.raises(InvalidRecord) as caught:
        checked(resource, body(resource, **fields), country=country)
    return {one.place: f"{one.fault}. {one.remedy}" for one in caught.value.mistakes}


def line(**item: Any) -> list[dict[str, Any]]:
    return [{"TextItem": {**TEXT, **item}}]


@pytest.mark.parametrize("resource", OWN)
def test_a_document_takes_every_field_of_its_table_and_no_other_types(resource):
    given = body(resource, **SHARED, **OWN[resource])
    assert json.loads(encode(checked(resource, given))) == json.loads(encode(given))
    for name in {*ALL_OWN, *SERVER_MADE} - set(OWN[resource]) - set(SHARED):
        assert not is_field(resource, name)
        assert name in mistakes(resource, **{name: "x"})


PARTNER = {
    "City": "c", "IdentificationNumber": "1" * 15, "TaxIdentificationNumber": "t", "CompanyName": "c",
    "Name": "n", "Street": "s", "PostCode": "2" * 15, "Division": "d", "Country": "c", "Email": "e",
    "PhoneNumber": "p", "MobilePhoneNumber": "m", "FaxNumber": "f", "Web": "w", "Note": "n",
    "InternalNote": "i", "RegionId": ID,
    "BusinessDetails": {
        "Number": "n", "Contract": "c", "DuePeriod": 0, "DuePeriodForLiabilities": 2000, "IsCustomer": True,
        "IsSupplier": False, "DocumentVariableSymbolSource": "BusinessPartnerNumber", "PaymentTypeId": ID,
        "Message": "m", "CentreId": ID, "ActivityId": ID, "TextItemVatRateId": ID, "PriceListItemVatRateId": ID,
    },
    "DeliveryAddresses": [
        {
            "CompanyName": "c", "Name": "n", "Street": "s", "PostCode": "1" * 20, "Division": "d", "City": "c",
            "Country": "c", "Email": "e", "PhoneNumber": "p", "IsDefault": True,
        }
    ],
}  # fmt: skip
METHOD = {
    "Name": "n" * 32, "Description": "d" * 255, "PaymentMethodTypeId": ID, "IsUsedInSaleVoucher": True,
    "IsUsedInOtherAgendas": False, "CurrencyId": ID, "TicketValue": 1000,
    "AdditionalTextForPrint": "a" * 60, "AdditionalEnglishTextForPrint": "e" * 60,
}  # fmt: skip


@pytest.mark.parametrize(("resource", "given"), [("BusinessPartners", PARTNER), ("PaymentMethods", METHOD)])
def test_partners_and_payment_methods_take_every_field_of_their_tables(resource, given):
    assert json.loads(encode(checked(resource, given))) == given


PRICED = {
    "PriceListItemId": ID, "Quantity": 3, "UnitPrice": 1, "UnitPriceVatType": "WithVat",
    "VatRateType": "BasicVatRate", "DiscountPercentage": 5, "RegistrationNumberId": ID,
    "RegistrationNumberName": "r", "Note": "n", "CentreId": ID, "ActivityId": ID,
}  # fmt: skip
WHOLE_TEXT = {
    **TEXT, "Code": "c", "Text": "t", "Unit": "ks", "VatRateType": "SecondReducedVatRate",
    "DiscountPercentage": 5, "Note": "n", "CentreId": ID, "ActivityId": ID,
}  # fmt: skip
PLACE = {
    "CompanyName": "c", "Name": "n", "Street": "s", "PostCode": "p", "Division": "d", "City": "c",
    "Country": "c", "Email": "e", "PhoneNumber": "p",
}  # fmt: skip
FREE: dict[str, Any] = {
    "DocumentAddressWithoutAddressBookLink": {
        **PLACE, "IdentificationNumber": "1", "TaxIdentificationNumber": "t", "MobilePhoneNumber": "m",
        "FaxNumber": "f",
    }
}  # fmt: skip


@pytest.mark.parametrize(
    "item", [{"TextItem": WHOLE_TEXT}, {"PriceListItem": PRICED}, {"PriceListItem": {"PriceListItemId": ID}}]
)
def test_a_line_takes_every_field_of_its_table(item):
    assert sent(Items=[item])["Items"] == [item]


@pytest.mark.parametrize("resource", OWN)
def test_an_address_has_one_for_the_delivery_where_the_document_has_it(resource):
    for address in (LINK, FREE):
        assert sent(resource, BusinessPartnerAddress=address)["BusinessPartnerAddress"] == address
    deliveries: list[dict[str, Any]] = [
        {"DeliveryAddressWithAddressBookLink": {"Id": ID}},
        {"DeliveryAddressWithoutAddressBookLink": PLACE},
    ]
    for delivery in deliveries:
        address = {**LINK, "DeliveryAddress": delivery}
        if resource in ("ReceivedInvoices", "IssuedOrders"):
            assert "BusinessPartnerAddress.DeliveryAddress" in mistakes(
                resource, BusinessPartnerAddress=address
            )
        else:
            assert sent(resource, BusinessPartnerAddress=address)["BusinessPartnerAddress"] == address


WRONG: list[tuple[str, dict[str, Any], str, str]] = [
    # what, the fields, where, and what is said of it
    ("IssuedInvoices", {"Items": []}, "Items", "has no element"),
    ("IssuedInvoices", {"Items": None}, "Items", "missing or empty"),
    ("IssuedInvoices", {"Items": "x"}, "Items", "must be a list"),
    ("IssuedInvoices", {"Items": [None]}, "Items[0]", "must be an object"),
    ("IssuedInvoices", {"Items": [{}]}, "Items[0]", "neither"),
    ("IssuedInvoices", {"Items": [{"TextItem": TEXT, "PriceListItem": {"PriceListItemId": ID}}]}, "Items[0]", "both"),
    ("IssuedInvoices", {"Items": [{"PriceListItem": {"Quantity": 1}}]}, "Items[0].PriceListItem.PriceListItemId", "missing"),
    ("IssuedInvoices", {"Items": line(Quantity="")}, "Items[0].TextItem.Quantity", "a quantity of 0"),
    ("IssuedInvoices", {"Items": line(UnitPrice=None)}, "Items[0].TextItem.UnitPrice", "a price of 0"),
    ("IssuedInvoices", {"Items": line(UnitPriceVatType=None)}, "Items[0].TextItem.UnitPriceVatType", "without VAT"),
    ("IssuedInvoices", {"Items": line(UnitPriceType="WithVat")}, "Items[0].TextItem.UnitPriceType", '"UnitPriceVatType" is meant'),
    ("IssuedInvoices", {"Items": [{"Quantity": 1}]}, "Items[0].Quantity", '"TextItem.Quantity"'),
    ("IssuedInvoices", {"Items": line(UnitPriceVatType="withvat")}, "Items[0].TextItem.UnitPriceVatType", "Perhaps WithVat"),
    ("IssuedInvoices", {"Items": line(UnitPriceVatType=1)}, "Items[0].TextItem.UnitPriceVatType", "WithoutVat, WithVat"),
    ("IssuedInvoices", {"Items": line(VatRateType="High")}, "Items[0].TextItem.VatRateType", "must be one of"),
    ("IssuedInvoices", {"Items": line(CentreId="7")}, "Items[0].TextItem.CentreId", "must be an id"),
    ("IssuedInvoices", {"Items": line(Quantity="1,5")}, "Items[0].TextItem.Quantity", "with a point"),
    ("IssuedInvoices", {"Items": line(Quantity="1 000")}, "Items[0].TextItem.Quantity", "must be a number"),
    ("IssuedInvoices", {"Items": line(Quantity=True)}, "Items[0].TextItem.Quantity", "must be a number"),
    ("IssuedInvoices", {"Items": line(Quantity=float("inf"))}, "Items[0].TextItem.Quantity", "not finite"),
    ("IssuedInvoices", {"Items": line(Quantity=float(2**60))}, "Items[0].TextItem.Quantity", "digits"),
    ("IssuedInvoices", {"Items": line(Quantity="1" * 29)}, "Items[0].TextItem.Quantity", "more than 28 digits"),
    ("IssuedInvoices", {"Items": line(Code="a\nb")}, "Items[0].TextItem.Code", "line break"),
    ("IssuedInvoices", {"Items": line(Code=["a"])}, "Items[0].TextItem.Code", "a list"),
    ("IssuedInvoices", {"Tex": "x"}, "Tex", '"Text" is meant'),
    ("IssuedInvoices", {"DocumentNumber": "1"}, "DocumentNumber", "made by mPOHODA"),
    ("IssuedInvoices", {"IssueDate": "1.11.2026"}, "IssueDate", "YYYY-MM-DD"),
    ("IssuedInvoices", {"IssueDate": "2026-02-30"}, "IssueDate", "exists"),
    ("IssuedInvoices", {"IssueDate": "2026-02-20T25:00:00Z"}, "IssueDate", "exists"),
    ("IssuedInvoices", {"IssueDate": "2026-02-20T08:00:00"}, "IssueDate", "without an offset"),
    ("IssuedInvoices", {"IssueDate": datetime(2026, 2, 20, 8)}, "IssueDate", "without an offset"),
    ("IssuedInvoices", {"IssueDate": 20261101}, "IssueDate", "YYYY-MM-DD"),
    ("IssuedInvoices", {"ExchangeRateQuantity": 1.5}, "ExchangeRateQuantity", "a fraction"),
    ("IssuedInvoices", {"ExchangeRateQuantity": 2**31}, "ExchangeRateQuantity", "whole number from"),
    ("IssuedInvoices", {"IsSynchronizationToPhEnabled": "maybe"}, "IsSynchronizationToPhEnabled", "true or false"),
    ("IssuedInvoices", {"Rounding": "MathToHalf"}, "Rounding", '"sk" alone'),
    ("IssuedInvoices", {"BusinessPartnerAddress": {**LINK, **FREE}}, "BusinessPartnerAddress", "both"),
    ("IssuedInvoices", {"BusinessPartnerAddress": {"Id": ID}}, "BusinessPartnerAddress.Id", "DocumentAddressWithAddressBookLink.Id"),
    ("IssuedInvoices", {"BusinessPartnerAddress": {**LINK, "DeliveryAddress": {"City": "x"}}}, "BusinessPartnerAddress.DeliveryAddress", "neither"),
    ("IssuedInvoices", {"BusinessPartnerAddress": {"DocumentAddressWithAddressBookLink": {"Id": "x"}}}, "BusinessPartnerAddress.DocumentAddressWithAddressBookLink.Id", "must be an id"),
    ("IssuedOrders", {"BusinessPartnerAddress": None}, "BusinessPartnerAddress", "missing"),
    ("ReceivedOrders", {"BusinessPartnerAddress": None}, "BusinessPartnerAddress", "missing"),
    ("ReceivedOrders", {"IsReserved": True}, "IsReserved", "made by mPOHODA"),
    ("ReceivedOrders", {"Status": "Rejected"}, "Status", "must be one of"),
    ("IssueSlips", {"Status": "PermanentDocument"}, "Status", "must be one of"),
    ("IssuedAdvanceInvoices", {"Items": line(UnitPrice=0)}, "Items", "no positive amount"),
    ("IssuedAdvanceInvoices", {"Items": line(UnitPrice=-1)}, "Items", "no positive amount"),
    ("IssuedAdvanceInvoices", {"Items": line(DiscountPercentage=100)}, "Items", "no positive amount"),
]  # fmt: skip


@pytest.mark.parametrize(("resource", "fields", "place", "told"), WRONG)
def test_each_kind_of_mistake_is_named_by_its_path(resource, fields, place, told):
    assert told in mistakes(resource, **fields)[place]


FLAT: list[tuple[str, dict[str, Any], str, str]] = [
    ("BusinessPartners", {"City": ""}, "City", "missing or empty"),
    ("BusinessPartners", {"City": "c", "IdentificationNumber": "1" * 16}, "IdentificationNumber", "may have 15"),
    ("BusinessPartners", {"City": "c", "PostCode": "1" * 16}, "PostCode", "may have 15"),
    ("BusinessPartners", {"City": "c", "BusinessDetails": {"DuePeriod": 2001}}, "BusinessDetails.DuePeriod", "0 to 2000"),
    ("BusinessPartners", {"City": "c", "BusinessDetails": {"DuePeriodForLiabilities": -1}}, "BusinessDetails.DuePeriodForLiabilities", "0 to 2000"),
    ("BusinessPartners", {"City": "c", "BusinessDetails": {"SellingPrice": "S"}}, "BusinessDetails.SellingPrice", "not a field"),
    ("BusinessPartners", {"City": "c", "DeliveryAddresses": [{"Id": ID}]}, "DeliveryAddresses[0].Id", "not a field"),
    ("PaymentMethods", {}, "Name", "missing"),
    ("PaymentMethods", {"Name": "n" * 33}, "Name", "may have 32"),
    ("PaymentMethods", {"Name": "n", "Description": "n" * 256}, "Description", "may have 255"),
    ("PaymentMethods", {"Name": "n", "AdditionalTextForPrint": "n" * 61}, "AdditionalTextForPrint", "may have 60"),
    ("PaymentMethods", {"Name": "n", "TicketValue": 0}, "TicketValue", "more than 0"),
    ("PaymentMethods", {"Name": "n", "TicketValue": "1000.01"}, "TicketValue", "at most 1000"),
    ("PaymentMethods", {"Name": "n", "IsIncludedInEet": True}, "IsIncludedInEet", "made by mPOHODA"),
]  # fmt: skip


@pytest.mark.parametrize(("resource", "given", "place", "told"), FLAT)
def test_mistakes_in_partners_and_payment_methods_are_named(resource, given, place, told):
    with pytest.raises(InvalidRecord) as caught:
        checked(resource, given)
    assert told in {one.place: f"{one.fault}. {one.remedy}" for one in caught.value.mistakes}[place]


def test_one_error_names_all_mistakes_and_no_value():
    secret = "Ada Lovelace 4.21E+11"
    with pytest.raises(InvalidRecord) as caught:
        checked(
            "IssuedInvoices",
            {
                "IssueDate": secret,
                "Rounding": secret,
                "Items": [{"TextItem": {"Quantity": secret}}, {"TextItem": {**TEXT, "CentreId": secret}}],
                "ada@lovelace.example": secret,
            },
        )
    told = str(caught.value)
    assert "Ada" not in told
    assert "ada@" not in told
    for place in (
        "IssueDate",
        "Rounding",
        "Items[0].TextItem.Quantity",
        "Items[0].TextItem.UnitPrice",
        "Items[1].TextItem.CentreId",
    ):
        assert f'"{place}"' in told


def test_the_same_mistake_in_many_lines_is_told_once():
    with pytest.raises(InvalidRecord) as caught:
        checked("IssuedInvoices", {"Items": [{"TextItem": {**TEXT, "UnitPrice": ""}}] * 3})
    assert str(caught.value).count("is missing") == 1
    assert '"Items[2].TextItem.UnitPrice"' in str(caught.value)


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("2.5000", b"2.5000"), (Decimal("2420.00"), b"2420.00"), ("-0.10", b"-0.10"), (1e-7, b"1E-7"),
        ("1e-7", b"1E-7"), (0.1, b"0.1"), (12.0, b"12"), (7, b"7"), ("+7", b"7"),
        (SinglePrecision(0.1), b"0.1"), ("12345678901234567890.12345678", b"12345678901234567890.12345678"),
    ],
)  # fmt: skip
def test_a_number_is_sent_with_all_its_digits(value, written):
    assert b'"UnitPrice":' + written + b"," in encode(
        checked("IssuedInvoices", body(Items=line(UnitPrice=value)))
    )


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (date(2026, 11, 1), "2026-11-01"),
        ("2026-11-01", "2026-11-01"),
        (datetime(2026, 11, 1), "2026-11-01"),
        ("2026-11-01T00:00:00", "2026-11-01"),
        ("2026-11-01T00:00:00.0000000", "2026-11-01"),
        (datetime(2026, 11, 1, 8, tzinfo=UTC), "2026-11-01T08:00:00+00:00"),
        (datetime(2026, 11, 1, 8, 30, tzinfo=timezone(timedelta(hours=1))), "2026-11-01T08:30:00+01:00"),
        ("2026-11-01T08:00:00.1234567Z", "2026-11-01T08:00:00.1234567Z"),
        ("2026-11-01 08:00+01:00", "2026-11-01T08:00+01:00"),
    ],
)
def test_a_date_is_sent_as_a_day_or_a_time_with_its_offset(value, written):
    assert sent(IssueDate=value)["IssueDate"] == written


@pytest.mark.parametrize(
    ("value", "written"),
    [(True, True), ("TRUE", True), ("1", True), (1, True), ("false", False), ("0", False), ("no", False)],
)
def test_a_boolean_may_be_the_text_of_a_csv_file(value, written):
    assert sent(IsSynchronizationToPhEnabled=value)["IsSynchronizationToPhEnabled"] is written


def test_texts_keep_zeros_in_front_and_ids_are_plain():
    found = sent(VariableSymbol="0012", OrderNumber=77.0, CentreId=UUID(ID), CurrencyId=ID.upper())
    assert (found["VariableSymbol"], found["OrderNumber"]) == ("0012", "77")
    assert found["CentreId"] == found["CurrencyId"] == ID


def test_what_has_no_value_is_left_out_and_never_null():
    found = checked(
        "IssuedInvoices",
        body(
            Text=None,
            Note="",
            ExchangeRate=float("nan"),
            BusinessPartnerAddress={"DocumentAddressWithAddressBookLink": {"Id": None}},
            Items=[
                {"TextItem": {**TEXT, "DiscountPercentage": None}, "PriceListItem": {"PriceListItemId": ""}}
            ],
        ),
    )
    assert found == {
        "Items": [{"TextItem": {"Quantity": 1, "UnitPrice": 10, "UnitPriceVatType": "WithoutVat"}}]
    }


SLOVAK = [f"{way}To{unit}" for way in ("Math", "Up", "Down") for unit in ("Half", "Tenth")] + ["MathFiveCent"]


def test_each_country_has_its_members_alone():
    for rounding in SLOVAK:
        assert sent(country="sk", Rounding=rounding)["Rounding"] == rounding
        assert "Rounding" in mistakes(country="cz", Rounding=rounding)
    for rounding in ("None", "MathToOne", "UpToOne", "DownToOne"):
        assert sent(country="sk", Rounding=rounding) == sent(country="cz", Rounding=rounding)
    reverse = line(UnitPriceVatType="ReverseCharge")
    assert sent(country="cz", Items=reverse)["Items"] == reverse
    assert "Items[0].TextItem.UnitPriceVatType" in mistakes(country="sk", Items=reverse)


def test_an_advance_invoice_of_the_price_list_is_not_judged_by_what_is_not_known():
    items = [{"PriceListItem": {"PriceListItemId": ID}}, *line(UnitPrice=-1)]
    assert sent("IssuedAdvanceInvoices", Items=items)["Items"] == items


def test_what_cannot_be_created_is_refused_by_name():
    other: Any
    for other in ("Centres", None, 7):
        with pytest.raises(InvalidInput, match="IssuedInvoices"):
            checked(other, {})
    other = []
    with pytest.raises(InvalidInput, match="an object"):
        checked("IssuedInvoices", other)


def test_a_dag_file_does_not_make_the_models():
    script = (
        "import airflow.sdk, sys, airflow_provider.mpohoda.operators;"
        "print([one for one in sys.modules if one.startswith('airflow_provider.mpohoda.')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "mpohoda.operators" in done.stdout
    assert "documents" not in done.stdout
    assert "bodies" not in done.stdout
