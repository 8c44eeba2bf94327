"""The lists and operations of the contract: each is reachable, and no other is."""

from __future__ import annotations

import pytest

from airflow_provider.exceptions import InvalidInput
from airflow_provider.mpohoda.resources import RESOURCES, guid, resource

ID = "AAAAAAAA-1111-4111-8111-111111111111"
LOWER = ID.lower()

WITH_AFTER = [
    "Activities",
    "BankAccounts",
    "BusinessPartners",
    "CashRegisters",
    "Centres",
    "Establishments",
    "IssuedAdvanceInvoices",
    "IssuedAdvanceInvoices/Unpaid",
    "IssuedInvoiceCorrectiveTaxDocuments",
    "IssuedInvoices",
    "IssuedInvoices/Unpaid",
    "IssuedOffers",
    "IssuedOrders",
    "IssueSlips",
    "PaymentMethods",
    "PriceListItems",
    "PriceListItems/RegistrationNumbers",
    "ReceivedInvoices",
    "ReceivedOrders",
    "RegistrationNumbers",
    "SellingPrices",
]
WITHOUT = [
    "Banks",
    "CityPostCodes",
    "Countries",
    "Currencies",
    "ExchangeRates",
    "PaymentMethodTypes",
    "Regions",
    "VatRates",
]

OPERATIONS = """
GET /v1/IssuedInvoices
POST /v1/IssuedInvoices
GET /v1/IssuedInvoices/{id}
GET /v1/IssuedInvoices/{id}/pdf
GET /v1/IssuedInvoices/{id}/isdoc
GET /v1/IssuedInvoices/{id}/RestToPay
GET /v1/IssuedInvoices/Unpaid
GET /v1/IssuedInvoices/Liquidation/{id}
POST /v1/IssuedInvoices/{DocumentId}/Liquidate/Standalone/Fully
POST /v1/IssuedInvoices/{DocumentId}/Liquidate/Standalone/Partially
GET /v1/IssuedAdvanceInvoices
POST /v1/IssuedAdvanceInvoices
GET /v1/IssuedAdvanceInvoices/{id}
GET /v1/IssuedAdvanceInvoices/{id}/pdf
GET /v1/IssuedAdvanceInvoices/{id}/isdoc
GET /v1/IssuedAdvanceInvoices/{id}/RestToPay
GET /v1/IssuedAdvanceInvoices/Unpaid
GET /v1/IssuedAdvanceInvoices/Liquidation/{id}
POST /v1/IssuedAdvanceInvoices/{DocumentId}/Liquidate/Standalone/Fully
GET /v1/IssuedInvoiceCorrectiveTaxDocuments
GET /v1/IssuedInvoiceCorrectiveTaxDocuments/{id}
GET /v1/IssuedInvoiceCorrectiveTaxDocuments/{id}/pdf
GET /v1/IssuedOffers
POST /v1/IssuedOffers
GET /v1/IssuedOffers/{id}
GET /v1/IssuedOffers/{id}/pdf
GET /v1/IssuedOrders
POST /v1/IssuedOrders
GET /v1/IssuedOrders/{id}
GET /v1/IssuedOrders/{id}/pdf
GET /v1/IssuedOrders/{id}/status
POST /v1/IssuedOrders/{id}/Transfer/ToReceivedInvoice/Fully
GET /v1/ReceivedOrders
POST /v1/ReceivedOrders
GET /v1/ReceivedOrders/{id}
GET /v1/ReceivedOrders/{id}/pdf
GET /v1/ReceivedOrders/{id}/status
POST /v1/ReceivedOrders/{id}/Transfer/ToIssuedInvoice/Fully
GET /v1/ReceivedInvoices
POST /v1/ReceivedInvoices
GET /v1/ReceivedInvoices/{id}
GET /v1/ReceivedInvoices/{id}/pdf
GET /v1/IssueSlips
POST /v1/IssueSlips
GET /v1/IssueSlips/{id}
GET /v1/IssueSlips/{id}/pdf
GET /v1/BusinessPartners
POST /v1/BusinessPartners
GET /v1/BusinessPartners/{id}
GET /v1/PriceListItems
GET /v1/PriceListItems/{id}
GET /v1/PriceListItems/{PriceListItemId}/RegistrationNumbers
POST /v1/PriceListItems/AvailableQuantities
POST /v1/PriceListItems/SellingPrices
GET /v1/RegistrationNumbers
GET /v1/RegistrationNumbers/{id}
GET /v1/SellingPrices
GET /v1/SellingPrices/{id}
GET /v1/Activities
GET /v1/Activities/{id}
GET /v1/BankAccounts
GET /v1/BankAccounts/{id}
GET /v1/CashRegisters
GET /v1/CashRegisters/{id}
GET /v1/Centres
GET /v1/Centres/{id}
GET /v1/Establishments
GET /v1/Establishments/{id}
GET /v1/PaymentMethods
POST /v1/PaymentMethods
GET /v1/PaymentMethods/{id}
GET /v1/Banks
GET /v1/Banks/{id}
GET /v1/CityPostCodes
GET /v1/CityPostCodes/{id}
GET /v1/Countries
GET /v1/Countries/{id}
GET /v1/Currencies
GET /v1/Currencies/{id}
GET /v1/ExchangeRates
GET /v1/ExchangeRates/{id}
GET /v1/PaymentMethodTypes
GET /v1/PaymentMethodTypes/{id}
GET /v1/Regions
GET /v1/Regions/{id}
GET /v1/VatRates
GET /v1/VatRates/{id}
""".strip().splitlines()


def test_the_87_operations_of_the_contract_are_reachable_and_no_other():
    reachable = [f"{method} {path}" for one in RESOURCES.values() for method, path in one.operations()]
    assert len(OPERATIONS) == 87
    assert sorted(reachable) == sorted(OPERATIONS)


def test_of_the_29_lists_21_can_be_read_on_from_a_record():
    assert {name for name, one in RESOURCES.items() if one.after} == set(WITH_AFTER)
    assert {name for name, one in RESOURCES.items() if not one.after} == set(WITHOUT)
    assert len(RESOURCES) == 29


@pytest.mark.parametrize(
    ("name", "part", "path"),
    [
        ("IssuedInvoices", "list", "v1/IssuedInvoices"),
        ("IssuedInvoices/Unpaid", "list", "v1/IssuedInvoices/Unpaid"),
        ("IssuedInvoices", "detail", f"v1/IssuedInvoices/{LOWER}"),
        ("IssuedInvoices", "payment", f"v1/IssuedInvoices/{LOWER}/RestToPay"),
        ("IssuedInvoices", "liquidation", f"v1/IssuedInvoices/Liquidation/{LOWER}"),
        ("IssuedInvoices", "liquidates", f"v1/IssuedInvoices/{LOWER}/Liquidate/Standalone/Fully"),
        ("IssuedOrders", "status", f"v1/IssuedOrders/{LOWER}/status"),
    ],
)
def test_a_path_has_the_id_where_the_vendor_has_it(name, part, path):
    assert resource(name).path(part, ID) == path


def test_the_list_of_a_parent_has_the_parents_id():
    path = resource("PriceListItems/RegistrationNumbers").path(parent_id=ID)
    assert path == f"v1/PriceListItems/{LOWER}/RegistrationNumbers"


@pytest.mark.parametrize(("name", "parent"), [("PriceListItems/RegistrationNumbers", None), ("Centres", ID)])
def test_a_parent_is_given_where_there_is_one_and_nowhere_else(name, parent):
    with pytest.raises(InvalidInput) as raised:
        resource(name).path(parent_id=parent)
    assert raised.value.field == "parent_id"


def test_what_a_resource_has_can_be_asked():
    orders, invoices = resource("ReceivedOrders"), resource("issuedinvoices")
    assert (orders.status, orders.transfers, orders.payment) == (True, "transfers_to_issued_invoice", False)
    assert (invoices.name, invoices.isdoc, invoices.liquidates, invoices.transfers) == (
        "IssuedInvoices",
        True,
        True,
        None,
    )
    assert [name for name, one in RESOURCES.items() if one.parent] == ["PriceListItems/RegistrationNumbers"]


def test_a_part_that_is_not_there_is_refused_with_those_that_have_it():
    with pytest.raises(
        InvalidInput, match=r'"Centres" has no isdoc\..*IssuedInvoices, IssuedAdvanceInvoices'
    ):
        resource("Centres").path("isdoc", ID)


@pytest.mark.parametrize("name", ["Invoices", "", None, 5])
def test_an_unknown_list_is_refused_with_all_that_there_are(name):
    with pytest.raises(InvalidInput, match="IssuedInvoices/Unpaid") as raised:
        resource(name)
    assert raised.value.field == "resource"


@pytest.mark.parametrize("id", ["", "5", None, "../Banks", f"{ID}/pdf", f"{ID}?a=1", "1" * 36, 5])
def test_what_is_no_id_never_becomes_a_part_of_a_path(id):
    with pytest.raises(InvalidInput, match="must be an id like"):
        resource("Centres").path("detail", id)


def test_an_id_may_be_in_capitals_and_have_blanks_around_it():
    assert guid("id", f" {ID}\n") == LOWER
