"""What a created document holds: defaults, lines, sums, numbers, links, warnings, transfers."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.sandbox.mpohoda.client import ABSENT, DOCUMENTS, FREE, LINE, document, exact, line


def by_code(api, resource, code):
    return next(one["Id"] for one in api.items(resource) if one["Code"] == code)


def sums(answer):
    (found,) = answer["Items"]
    return tuple(str(found[name]) for name in ("PriceWithoutVat", "Vat", "PriceWithVat"))


# --- defaults ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("resource", DOCUMENTS)
def test_a_document_gets_its_number_dates_and_currency(api, resource):
    made = api.create(resource, document())
    assert made["DocumentNumber"][:2] == "26"
    assert made["DocumentNumber"] != api.create(resource, document())["DocumentNumber"]
    assert made["IssueDate"] == "2026-11-16T00:00:00"
    assert made["CurrencyId"] == by_code(api, "Currencies", "CZK")
    assert made["IsSynchronizationToPhEnabled"] is True
    assert made["BusinessPartnerAddress"]["CompanyName"] == "Ada s.r.o."
    assert made["ModificationInfo"]["CreatedDate"] == "2026-11-16T12:00:00Z"
    if "VariableSymbol" in made:
        assert made["VariableSymbol"] == "".join(filter(str.isdigit, made["DocumentNumber"]))
        assert made["DueDate"] == "2026-11-30T00:00:00"
        assert made["PaymentMethodId"] == api.ids("PaymentMethods")[0]
    if "TaxDate" in made:
        assert made["TaxDate"] == made["IssueDate"]
    if "Status" in made:
        assert made["Status"] == "Unfinished"


def test_what_is_sent_is_kept(api):
    sent = {
        "Text": "Služby",
        "IssueDate": "2026-11-01",
        "DueDate": "2026-11-15T08:00:00",
        "TaxDate": "2026-10-31T00:00:00+02:00",
        "OrderNumber": "OBJ-77",
        "OrderDate": "2026-10-01T00:00:00Z",
        "VariableSymbol": "0000123",
        "IsSynchronizationToPhEnabled": False,
        "CentreId": by_code(api, "Centres", "ESHOP"),
        "PaymentMethodId": api.ids("PaymentMethods")[1],
    }
    made = api.create("IssuedInvoices", document(**sent))
    dates = {
        "IssueDate": "2026-11-01T00:00:00",
        "DueDate": "2026-11-15T08:00:00",
        "TaxDate": "2026-10-31T00:00:00",
        "OrderDate": "2026-10-01T00:00:00",
    }
    assert made.items() >= {**sent, **dates}.items()


def test_the_days_until_due_are_a_switch(api):
    api.switch(default_due_days=0)
    assert api.create("IssuedInvoices", document())["DueDate"] == "2026-11-16T00:00:00"
    api.switch(default_due_days=2000)
    last = "9999-12-31T00:00:00"
    assert api.create("IssuedInvoices", document(IssueDate=last))["DueDate"] == last


def test_an_empty_text_item_has_the_zeros_of_its_kind(api):
    (made,) = api.create("IssuedInvoices", document("", {"TextItem": {}}))["Items"]
    assert [made[name] for name in ("Quantity", "UnitPrice", "DiscountPercentage")] == [0, 0, 0]
    assert made["UnitPriceVatType"] == "WithoutVat"


@pytest.mark.parametrize(("kind", "vat"), [("ZeroVatRate", "0.00"), ("BasicVatRate", "420.00")])
def test_the_vat_of_a_text_item_without_one_is_a_switch(api, kind, vat):
    api.switch(default_vat_rate=kind)
    made = api.create("IssuedInvoices", document("", line(VatRateType=None)))
    assert (made["Items"][0]["VatRateType"], str(made["Items"][0]["Vat"])) == (kind, vat)


# --- sums --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, ("2000.00", "420.00", "2420.00")),
        ({"UnitPriceVatType": "WithVat"}, ("1652.89", "347.11", "2000.00")),
        ({"UnitPriceVatType": "ReverseCharge"}, ("2000.00", "0.00", "2000.00")),
        ({"DiscountPercentage": 12.5}, ("1750.00", "367.50", "2117.50")),
        ({"VatRateType": "FirstReducedVatRate"}, ("2000.00", "240.00", "2240.00")),
        ({"VatRateType": "ZeroVatRate"}, ("2000.00", "0.00", "2000.00")),
        ({"VatRateType": "SecondReducedVatRate"}, ("2000.00", "0.00", "2000.00")),
        ({"Quantity": 1.2345, "UnitPrice": 0.1}, ("0.12", "0.03", "0.15")),
        ({"Quantity": 1, "UnitPrice": 0.125, "VatRateType": "ZeroVatRate"}, ("0.13", "0.00", "0.13")),
        ({"Quantity": -1, "UnitPrice": 0.125, "VatRateType": "ZeroVatRate"}, ("-0.13", "0.00", "-0.13")),
        ({"Quantity": 1e-7}, ("0.00", "0.00", "0.00")),
    ],
    ids=str,
)
def test_a_line_is_summed_up_exactly(api, fields, expected):
    assert sums(api.create("IssuedInvoices", document("", line(**fields)))) == expected


@pytest.mark.parametrize(("how", "net"), [("up", "0.13"), ("even", "0.12")])
def test_the_rounding_of_half_a_cent_is_a_switch(api, how, net):
    api.switch(half_cents=how)
    made = api.create("IssuedInvoices", document("", line(Quantity=1, UnitPrice=0.125)))
    assert sums(made)[0] == net


def test_the_vat_rate_is_that_of_the_tax_date(api):
    fields = {"VatRateType": "FirstReducedVatRate"}
    made = api.create("IssuedInvoices", document("", line(**fields), TaxDate="2023-12-31"))
    assert sums(made) == ("2000.00", "300.00", "2300.00")
    rate = api.get(f"VatRates/{made['Items'][0]['VatRateId']}")
    assert (rate["VatPercent"], rate["ValidTo"]) == (15, "2023-12-31T00:00:00")


def test_the_country_has_its_own_rates_and_currency(api):
    api.switch(country="sk")
    made = api.create("IssuedInvoices", document())
    assert sums(made) == ("2000.00", "460.00", "2460.00")
    assert made["CurrencyId"] == by_code(api, "Currencies", "EUR")


def test_a_document_adds_up_its_lines_by_rate(api):
    body = document("", LINE, line(VatRateType="ZeroVatRate", UnitPrice=0.005), line(Quantity=1))
    recapitulation = api.create("IssuedInvoices", body)["DocumentRecapitulation"]
    assert recapitulation == {
        "TotalPrice": Decimal("3630.01"),
        "ForeignCurrencyTotalPriceWithoutRounding": None,
        "ForeignCurrencyTotalPrice": None,
        "ForeignCurrencyRoundingAmount": None,
        "VatRounding": "None",
        "Rounding": "None",
        "VatRateSums": [
            {"VatRateType": "BasicVatRate", "PriceWithoutVat": 3000, "Vat": 630, "TotalPrice": 3630},
            {
                "VatRateType": "ZeroVatRate",
                "PriceWithoutVat": Decimal("0.01"),
                "Vat": 0,
                "TotalPrice": Decimal("0.01"),
            },
        ],
    }


def test_reverse_charge_is_told_by_the_document(api):
    made = api.create("IssuedInvoices", document("", LINE, line(UnitPriceVatType="ReverseCharge")))
    assert made["IsReverseCharge"] is True
    assert api.create("IssuedInvoices", document())["IsReverseCharge"] is False
    assert "IsReverseCharge" not in api.create("IssuedAdvanceInvoices", document())


@pytest.mark.parametrize("price", [0, -1])
def test_an_advance_invoice_is_positive(api, price):
    body = document("", line(UnitPrice=price))
    assert api.post("IssuedAdvanceInvoices", body).status_code == 400
    api.switch(not_positive_advance_status=422)
    assert api.post("IssuedAdvanceInvoices", body).status_code == 422
    assert api.ids("IssuedAdvanceInvoices") == []
    assert api.post("IssuedInvoices", body).status_code == 201


def test_a_foreign_currency_is_counted_in_both(api):
    euro = by_code(api, "Currencies", "EUR")
    made = api.create("IssuedInvoices", document(CurrencyId=euro, ExchangeRate=25, ExchangeRateQuantity=1))
    (found,) = made["Items"]
    assert (found["ForeignCurrencyUnitPrice"], found["UnitPrice"]) == (1000, 25_000)
    assert (found["ForeignCurrencyWithoutVat"], found["ForeignCurrencyVat"]) == (2000, 420)
    assert sums(made) == ("50000.00", "10500.00", "60500.00")
    assert made["DocumentRecapitulation"]["ForeignCurrencyTotalPrice"] == 2420
    assert made["DocumentRecapitulation"]["TotalPrice"] == 60_500
    listed = api.create("IssuedInvoices", document(CurrencyId=by_code(api, "Currencies", "HUF")))
    assert (str(listed["ExchangeRate"]), listed["ExchangeRateQuantity"]) == ("6.142", 100)


def test_a_price_list_item_brings_what_is_left_out(api):
    fields = {"Name": "Lamp", "Code": "L1", "Unit": "ks", "UnitPrice": 99.5, "VatRate": "BasicVatRate"}
    lamp, suite = api.seed("PriceListItems", fields, {**fields, "Type": "Suite", "DiscountPercentage": 5})
    made = api.create(
        "IssuedInvoices", document("", {"PriceListItem": {"PriceListItemId": lamp, "Quantity": 3}})
    )
    (found,) = made["Items"]
    assert (found["PriceListItemId"], found["Code"], found["Text"], found["Unit"]) == (
        lamp,
        "L1",
        "Lamp",
        "ks",
    )
    assert sums(made) == ("298.50", "62.69", "361.19")
    for item, discount in ((lamp, 10), (suite, 5)):
        sent = {"PriceListItem": {"PriceListItemId": item, "DiscountPercentage": 10}}
        assert api.create("IssuedInvoices", document("", sent))["Items"][0]["DiscountPercentage"] == discount


# --- addresses, links and warnings -------------------------------------------------------------------------


def test_a_linked_partner_gives_the_address(api):
    body = {
        "CompanyName": "Ada",
        "City": "Brno",
        "DeliveryAddresses": [{"Name": "Depot", "City": "Třebíč", "IsDefault": True}],
    }
    partner = api.create("BusinessPartners", body)
    link = {
        "DocumentAddressWithAddressBookLink": {"Id": partner["Id"]},
        "DeliveryAddress": {
            "DeliveryAddressWithAddressBookLink": {"Id": partner["DeliveryAddresses"][0]["Id"]}
        },
    }
    address = api.create("IssuedInvoices", document(BusinessPartnerAddress=link))["BusinessPartnerAddress"]
    assert (address["BusinessPartnerId"], address["CompanyName"], address["City"]) == (
        partner["Id"],
        "Ada",
        "Brno",
    )
    assert address["DeliveryAddress"]["DeliveryAddressId"] == partner["DeliveryAddresses"][0]["Id"]
    assert address["DeliveryAddress"]["City"] == "Třebíč"
    free = {**FREE, "DeliveryAddress": {"DeliveryAddressWithoutAddressBookLink": {"City": "Telč"}}}
    address = api.create("IssuedInvoices", document(BusinessPartnerAddress=free))["BusinessPartnerAddress"]
    assert (address["BusinessPartnerId"], address["DeliveryAddress"]["City"]) == (None, "Telč")


LINKS = [
    *[
        ("IssuedInvoices", {name: ABSENT}, name, "Unspecified")
        for name in [
            "CurrencyId",
            "CentreId",
            "ActivityId",
            "PaymentMethodId",
            "BankAccountId",
            "CashRegisterId",
        ]
    ],
    ("IssuedInvoices", {"Items": [line(CentreId=ABSENT)]}, "Items[0].TextItem.CentreId", "Unspecified"),
    (
        "IssuedInvoices",
        {"Items": [{"PriceListItem": {"PriceListItemId": ABSENT}}]},
        "Items[0].PriceListItem.PriceListItemId",
        "Unspecified",
    ),
    (
        "ReceivedOrders",
        {"BusinessPartnerAddress": {"DocumentAddressWithAddressBookLink": {"Id": ABSENT}}},
        "BusinessPartnerAddress.DocumentAddressWithAddressBookLink.Id",
        "BusinessPartnerDoesNotExistAnyMore",
    ),
    (
        "ReceivedOrders",
        {
            "BusinessPartnerAddress": {
                **FREE,
                "DeliveryAddress": {"DeliveryAddressWithAddressBookLink": {"Id": ABSENT}},
            }
        },
        "BusinessPartnerAddress.DeliveryAddress.DeliveryAddressWithAddressBookLink.Id",
        "BusinessPartnerDeliveryAddressDoesNotExistAnyMore",
    ),
    ("BusinessPartners", {"City": "a", "RegionId": ABSENT}, "RegionId", "Unspecified"),
    (
        "BusinessPartners",
        {"City": "a", "BusinessDetails": {"PaymentTypeId": ABSENT}},
        "BusinessDetails.PaymentTypeId",
        "Unspecified",
    ),
    ("PaymentMethods", {"Name": "a", "PaymentMethodTypeId": ABSENT}, "PaymentMethodTypeId", "Unspecified"),
]


@pytest.mark.parametrize(("resource", "fields", "path", "code"), LINKS, ids=lambda value: str(value)[:40])
def test_a_link_to_nothing_is_a_switch(api, resource, fields, path, code):
    body = fields if resource in ("BusinessPartners", "PaymentMethods") else document(**fields)
    before = len(api.ids(resource))
    for how in ("404", "400"):
        api.switch(unknown_link=how)
        response = api.post(resource, body)
        assert response.status_code == int(how)
        assert path in response.json()["detail"]
    api.switch(unknown_link="422")
    assert list(api.errors(resource, body)) == [path]
    assert len(api.ids(resource)) == before
    api.switch(unknown_link="warning")
    assert [one["Code"] for one in api.created(resource, body)["Warnings"]] == [code]
    api.switch(unknown_link="accept")
    assert api.created(resource, body)["Warnings"] == []


def test_a_document_may_be_created_with_warnings(api):
    euro = by_code(api, "Currencies", "EUR")
    for fields, code in (
        ({"ExchangeRate": 25}, "DocumentInHomeCurrencyCanNotHaveFilledExchangeRate"),
        ({"ExchangeRateQuantity": 1}, "DocumentInHomeCurrencyCanNotHaveFilledExchangeRate"),
        ({"CurrencyId": euro, "Rounding": "MathToOne"}, "DocumentInForeignCurrencyCanNotHaveRounding"),
        ({"SellingPriceCode": "NONE"}, "SellingPriceCodeDoesNotExist"),
    ):
        answer = api.created("IssuedInvoices", document(**fields))
        assert [one["Code"] for one in answer["Warnings"]] == [code]
        assert answer["Warnings"][0]["Message"]
        assert api.get(f"IssuedInvoices/{answer['Data']['Id']}")
    assert api.created("IssuedInvoices", document(SellingPriceCode="PARTNER"))["Warnings"] == []
    assert api.created("IssuedInvoices", document(CurrencyId=euro, Rounding="None"))["Warnings"] == []


@pytest.mark.parametrize(
    ("how", "text"),
    [("empty", ""), ("html", "<html><body>OK</body></html>"), ("null", '{"Data":null,"Warnings":[]}')],
)
def test_a_201_may_be_unreadable_although_the_record_is_there(api, how, text):
    api.switch(created_answer=how)
    response = api.post("IssuedInvoices", document())
    assert (response.status_code, response.text) == (201, text)
    assert len(api.ids("IssuedInvoices")) == 1


def test_a_201_may_be_cut(api):
    api.switch(created_answer="cut")
    response = api.post("IssuedInvoices", document())
    assert response.status_code == 201
    with pytest.raises(ValueError, match=r"Unterminated|Expecting"):
        exact(response)
    assert len(api.ids("IssuedInvoices")) == 1


@pytest.mark.parametrize("location", [True, False])
def test_a_201_may_have_a_location(api, location):
    api.switch(created_location=location)
    response = api.post("IssuedInvoices", document())
    path = f"/v1/IssuedInvoices/{response.json()['Data']['Id']}"
    assert response.headers.get("Location") == (path if location else None)


@pytest.mark.parametrize(("how", "value"), [("list", []), ("null", None)])
def test_no_warnings_are_a_list_or_null(api, how, value):
    api.switch(warnings=how)
    assert api.created("IssuedInvoices", document())["Warnings"] == value


@pytest.mark.parametrize(("after", "count"), [(True, 1), (False, 0)])
def test_a_create_whose_answer_is_lost_may_have_happened(api, after, count):
    api.sandbox.fault(vendor="mpohoda", path="v1/IssuedInvoices", method="POST", status=500, after=after)
    assert api.ids("IssuedInvoices") == []
    assert api.post("IssuedInvoices", document()).status_code == 500
    assert len(api.ids("IssuedInvoices")) == count


# --- partners and payment methods --------------------------------------------------------------------------


def test_a_partner_keeps_its_details(api):
    details = {"DuePeriod": 14, "IsCustomer": True, "Message": "hello", "Number": "AD1"}
    made = api.create("BusinessPartners", {"City": "Brno", "PostCode": "60200", "BusinessDetails": details})
    assert (made["City"], made["PostCode"], made["CompanyName"]) == ("Brno", "60200", None)
    assert made["BusinessDetails"]["DuePeriod"] == 14
    assert made["BusinessDetails"]["DocumentVariableSymbolSource"] == "DocumentNumber"
    assert "IsCustomer" not in made["BusinessDetails"]
    assert made["AdditionalDetails"] == {"Groups": None, "Keys": None, "Message": "hello"}
    assert made["DeliveryAddresses"] == []


@pytest.mark.parametrize(("how", "status"), [("accept", 201), ("refuse", 400)])
def test_a_partner_may_exist_twice(api, how, status):
    api.switch(duplicate_partners=how)
    body = {"City": "Brno", "IdentificationNumber": "00012345"}
    assert [api.post("BusinessPartners", body).status_code for _ in range(2)] == [201, status]
    assert api.post("BusinessPartners", {"City": "Brno"}).status_code == 201
    assert api.post("BusinessPartners", {"City": "Brno"}).status_code == 201


def test_a_payment_method_without_a_type_is_cash(api):
    made = api.create("PaymentMethods", {"Name": "Voucher", "TicketValue": 0.5})
    assert api.get(f"PaymentMethodTypes/{made['PaymentMethodTypeId']}")["Code"] == "CASH"
    assert (made["IsUsedInSaleVoucher"], made["TicketValue"]) == (False, Decimal("0.5"))


# --- transfers ---------------------------------------------------------------------------------------------

TRANSFERS = [
    ("ReceivedOrders", "ToIssuedInvoice", "IssuedInvoices", "ReceivedOrderItemId"),
    ("IssuedOrders", "ToReceivedInvoice", "ReceivedInvoices", "IssuedOrderItemId"),
]


@pytest.mark.parametrize(("resource", "way", "target", "link"), TRANSFERS)
def test_a_whole_order_becomes_an_invoice(api, resource, way, target, link):
    order = api.create(resource, document("", LINE, line(Text="More"), Text="Goods"))
    path = f"{resource}/{order['Id']}/Transfer/{way}/Fully"
    made = api.create(path, {})
    assert made == api.get(f"{target}/{made['Id']}")
    assert (made["Text"], made["OrderNumber"]) == ("Goods", order["DocumentNumber"])
    assert [one[link] for one in made["Items"]] == [one["Id"] for one in order["Items"]]
    assert made["DocumentRecapitulation"] == order["DocumentRecapitulation"]
    assert made["BusinessPartnerAddress"]["CompanyName"] == "Ada s.r.o."
    after = api.get(f"{resource}/{order['Id']}")
    assert (after["Status"], after["Items"][0]["DeliveredQuantity"]) == ("Finished", 2)
    assert api.post(path, {}).status_code == 400
    api.switch(refused_transfer_status=409)
    assert api.post(path, {}).status_code == 409
    assert len(api.ids(target)) == 1


@pytest.mark.parametrize(("resource", "way", "target", "link"), TRANSFERS)
@pytest.mark.parametrize("status", ["PartiallyFinished", "Finished", "PermanentDocument"])
def test_only_an_unfinished_order_is_transferred(api, resource, way, target, link, status):
    order = api.create(resource, document(Status=status))["Id"]
    assert api.post(f"{resource}/{order}/Transfer/{way}/Fully", {}).status_code == 400
    assert api.ids(target) == []


@pytest.mark.parametrize(("resource", "way", "target", "link"), TRANSFERS)
def test_a_transfer_needs_no_body_and_takes_no_fields(api, resource, way, target, link):
    order = api.create(resource, document())["Id"]
    path = f"{resource}/{order}/Transfer/{way}/Fully"
    assert list(api.errors(path, {"Date": "2026-11-01"})) == ["Date"]
    assert api.call("POST", path).status_code == 201
    assert api.post(path.replace(order, ABSENT), {}).status_code == 404
    assert api.post(path.replace(order, "5"), {}).status_code == 422
