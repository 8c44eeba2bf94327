"""Bodies: each field of the contract with a wrong value, and what stands side by side."""

from __future__ import annotations

import pytest

from tests.sandbox.mpohoda.client import ABSENT, DOCUMENTS, FREE, LINE, document, line

# The contract's fields by kind, written down once more.
BASE = {
    "text": "Text ContractNumber Note InternalNote",
    "date": "IssueDate",
    "guid": "CurrencyId CentreId ActivityId",
    "number": "ExchangeRate",
    "int": "ExchangeRateQuantity",
    "VatRounding": "VatRounding",
    "Rounding": "Rounding",
    "bool": "IsSynchronizationToPhEnabled",
}
INVOICE = {
    "date": "DueDate OrderDate",
    "text": "OrderNumber VariableSymbol",
    "guid": "PaymentMethodId CashRegisterId",
}
OWN = {
    "IssuedInvoices": [INVOICE, {"date": "TaxDate", "guid": "BankAccountId", "text": "SellingPriceCode"}],
    "ReceivedInvoices": [INVOICE, {"date": "TaxDate"}],
    "IssuedAdvanceInvoices": [INVOICE, {"guid": "BankAccountId", "text": "SellingPriceCode"}],
    "IssuedOffers": [
        {
            "date": "ValidTo",
            "OfferStatus": "Status",
            "text": "DetailText DetailTextInEnglish SellingPriceCode",
        }
    ],
    "IssuedOrders": [
        {
            "date": "RequiredDeliveryDate ActualDeliveryDate",
            "OrderStatus": "Status",
            "guid": "PaymentMethodId",
        }
    ],
    "ReceivedOrders": [
        {
            "date": "ExecuteFromDate ExecuteToDate",
            "OrderStatus": "Status",
            "guid": "PaymentMethodId",
            "text": "SellingPriceCode",
        }
    ],
    "IssueSlips": [
        {
            "SlipStatus": "Status",
            "text": "OrderNumber SellingPriceCode",
            "date": "OrderDate",
            "guid": "PaymentMethodId",
        }
    ],
    "BusinessPartners": [
        {
            "text": "IdentificationNumber PostCode TaxIdentificationNumber CompanyName Name Street Division Country "
            "Email PhoneNumber MobilePhoneNumber FaxNumber Web Note InternalNote",
            "guid": "RegionId",
        }
    ],
    "PaymentMethods": [
        {
            "text": "Description AdditionalTextForPrint AdditionalEnglishTextForPrint",
            "guid": "PaymentMethodTypeId CurrencyId",
            "bool": "IsUsedInSaleVoucher IsUsedInOtherAgendas",
            "number": "TicketValue",
        }
    ],
}
CONTACT = "IdentificationNumber TaxIdentificationNumber CompanyName Name Division Street PostCode City Country Email PhoneNumber MobilePhoneNumber FaxNumber"
SHORT = "CompanyName Name Street PostCode Division City Country Email PhoneNumber"
TEXT_ITEM = {
    "text": "Code Text Unit Note",
    "number": "Quantity UnitPrice DiscountPercentage",
    "PriceVatType": "UnitPriceVatType",
    "VatRateType": "VatRateType",
    "guid": "CentreId ActivityId",
}
PRICE_LIST_ITEM = {
    "text": "RegistrationNumberName Note",
    "number": "Quantity UnitPrice DiscountPercentage",
    "PriceVatType": "UnitPriceVatType",
    "VatRateType": "VatRateType",
    "guid": "PriceListItemId RegistrationNumberId CentreId ActivityId",
}
DETAILS = {
    "text": "Number Contract Message",
    "days": "DuePeriod DuePeriodForLiabilities",
    "bool": "IsCustomer IsSupplier",
    "VariableSymbolSource": "DocumentVariableSymbolSource",
    "guid": "PaymentTypeId CentreId ActivityId TextItemVatRateId PriceListItemVatRateId",
}
MINIMAL = {"BusinessPartners": {"City": "Jihlava"}, "PaymentMethods": {"Name": "Voucher"}}
WRONG: dict[str, tuple[object, ...]] = {
    "text": (1, True, {}, []),
    "date": (1, "", "soon", "2026-02-30", "20261101", "1.11.2026"),
    "guid": (1, "", "5", ABSENT[:-1], "{" + ABSENT + "}"),
    "number": ("1", True, {}, []),
    "int": ("1", 1.5, True, 2**31),
    "days": ("1", 1.5, -1, 2001),
    "bool": ("true", 1, {}),
}


def kinds(*tables):
    return [(name, kind) for table in tables for kind, names in table.items() for name in names.split()]


def wrong(kind):
    return WRONG.get(kind, ("", 0, "Nonsense", "none"))


def minimal(resource):
    return MINIMAL.get(resource, {"Items": [LINE], "BusinessPartnerAddress": FREE})


def fields(resource):
    return kinds(*([BASE] if resource in DOCUMENTS else []), *OWN[resource])


def rounds(table):
    """Give bodies in which each field has a wrong value, until each has had all."""
    for number in range(6):
        yield {name: wrong(kind)[number % len(wrong(kind))] for name, kind in table}


@pytest.mark.parametrize("resource", OWN)
def test_each_wrong_value_is_named(api, resource):
    for bad in rounds(fields(resource)):
        assert set(api.errors(resource, {**minimal(resource), **bad})) == set(bad)
    assert resource not in api.sandbox.state()["mpohoda"]["records"] or resource == "PaymentMethods"


@pytest.mark.parametrize("resource", OWN)
def test_each_nullable_field_may_be_null_or_missing(api, resource):
    table = fields(resource)
    not_null = {"IsUsedInSaleVoucher", "IsUsedInOtherAgendas"}
    body = {**minimal(resource), **{name: None for name, _ in table if name not in not_null}}
    assert api.post(resource, body).status_code == 201
    assert api.post(resource, minimal(resource)).status_code == 201


@pytest.mark.parametrize("resource", DOCUMENTS)
@pytest.mark.parametrize(("item", "table"), [("TextItem", TEXT_ITEM), ("PriceListItem", PRICE_LIST_ITEM)])
def test_each_wrong_value_of_a_line_is_named_by_its_place(api, resource, item, table):
    for bad in rounds(kinds(table)):
        errors = api.errors(resource, document(resource, LINE, {item: bad}))
        assert set(errors) == {f"Items[1].{item}.{name}" for name in bad}


@pytest.mark.parametrize("resource", DOCUMENTS)
def test_each_wrong_value_of_an_address_is_named(api, resource):
    where = "DocumentAddressWithoutAddressBookLink"
    bad = dict.fromkeys(CONTACT.split(), 1)
    errors = api.errors(resource, {"Items": [LINE], "BusinessPartnerAddress": {where: bad}})
    assert set(errors) == {f"BusinessPartnerAddress.{where}.{name}" for name in bad}
    link = "DocumentAddressWithAddressBookLink"
    body = {"Items": [LINE], "BusinessPartnerAddress": {link: {"Id": "x"}}}
    assert list(api.errors(resource, body)) == [f"BusinessPartnerAddress.{link}.Id"]


@pytest.mark.parametrize("resource", DOCUMENTS)
def test_only_some_documents_have_a_delivery_address(api, resource):
    where = "DeliveryAddressWithoutAddressBookLink"
    bad = {"DeliveryAddress": {where: dict.fromkeys(SHORT.split(), 1)}}
    errors = set(api.errors(resource, {"Items": [LINE], "BusinessPartnerAddress": {**FREE, **bad}}))
    if resource in ("ReceivedInvoices", "IssuedOrders"):
        assert errors == {"BusinessPartnerAddress.DeliveryAddress"}
    else:
        assert errors == {f"BusinessPartnerAddress.DeliveryAddress.{where}.{name}" for name in SHORT.split()}
        null = {"DeliveryAddress": None}
        body = {"Items": [LINE], "BusinessPartnerAddress": {**FREE, **null}}
        assert api.post(resource, body).status_code == 201


def test_the_supplier_of_a_received_invoice_is_checked(api):
    bad = dict.fromkeys(["BankAccountNumber", "BankCode", "MessageForRecipient", "DocumentNumber"], 1)
    errors = api.errors("ReceivedInvoices", document(SupplierInfo=bad))
    assert set(errors) == {f"SupplierInfo.{name}" for name in bad}
    assert api.errors("IssuedInvoices", document(SupplierInfo={}))["SupplierInfo"]
    assert api.create("ReceivedInvoices", document(SupplierInfo={"BankCode": "0100"}))["SupplierInfo"] == {
        "BankAccountNumber": None,
        "BankCode": "0100",
        "MessageForRecipient": None,
        "DocumentNumber": None,
    }


def test_the_details_of_a_partner_are_checked(api):
    for bad in rounds(kinds(DETAILS)):
        errors = api.errors("BusinessPartners", {"City": "Jihlava", "BusinessDetails": bad})
        assert set(errors) == {f"BusinessDetails.{name}" for name in bad}
    bad = {**dict.fromkeys(SHORT.split(), 1), "IsDefault": "yes"}
    errors = api.errors("BusinessPartners", {"City": "Jihlava", "DeliveryAddresses": [{}, bad]})
    assert set(errors) == {f"DeliveryAddresses[1].{name}" for name in bad}


@pytest.mark.parametrize(
    ("resource", "field", "most"),
    [
        ("BusinessPartners", "IdentificationNumber", 15),
        ("BusinessPartners", "PostCode", 15),
        ("PaymentMethods", "Name", 32),
        ("PaymentMethods", "Description", 255),
        ("PaymentMethods", "AdditionalTextForPrint", 60),
        ("PaymentMethods", "AdditionalEnglishTextForPrint", 60),
    ],
)
def test_a_text_has_a_length(api, resource, field, most):
    body = minimal(resource)
    assert api.post(resource, {**body, field: "ž" * most}).status_code == 201
    (text,) = api.errors(resource, {**body, field: "ž" * (most + 1)})[field]
    assert text == (
        f"The length of '{field}' must be {most} characters or fewer. You entered {most + 1} characters."
    )


@pytest.mark.parametrize(
    ("resource", "body", "good", "bad"),
    [
        ("PaymentMethods", lambda value: {"Name": "a", "TicketValue": value}, (0.01, 1000), (0, -1, 1000.01)),
        (
            "BusinessPartners",
            lambda value: {"City": "a", "BusinessDetails": {"DuePeriod": value}},
            (0, 2000),
            (-1, 2001),
        ),
    ],
)
def test_a_number_has_a_range(api, resource, body, good, bad):
    assert [api.post(resource, body(value)).status_code for value in good] == [201] * len(good)
    assert [api.post(resource, body(value)).status_code for value in bad] == [422] * len(bad)


@pytest.mark.parametrize(
    ("resource", "body", "key"),
    [
        *[(name, {"BusinessPartnerAddress": FREE}, "Items") for name in DOCUMENTS],
        *[(name, {"BusinessPartnerAddress": FREE, "Items": []}, "Items") for name in DOCUMENTS],
        ("IssuedInvoices", {"Items": None}, "Items"),
        ("IssuedInvoices", {"Items": LINE}, "Items"),
        ("IssuedInvoices", {"Items": [1]}, "Items[0]"),
        ("IssuedOrders", {"Items": [LINE]}, "BusinessPartnerAddress"),
        ("ReceivedOrders", {"Items": [LINE]}, "BusinessPartnerAddress"),
        ("BusinessPartners", {}, "City"),
        ("BusinessPartners", {"City": ""}, "City"),
        ("BusinessPartners", {"City": " "}, "City"),
        ("BusinessPartners", {"City": None}, "City"),
        ("PaymentMethods", {}, "Name"),
    ],
    ids=str,
)
def test_what_is_required_is_named(api, resource, body, key):
    assert list(api.errors(resource, body)) == [key]
    if key in ("Items", "City", "Name") and body.get("Items") != LINE:
        assert api.errors(resource, body)[key] == [f"'{key}' must not be empty."]


def test_the_name_of_a_payment_method_may_be_empty(api):
    assert api.post("PaymentMethods", {"Name": ""}).status_code == 201


@pytest.mark.parametrize("resource", [name for name in DOCUMENTS if "Order" not in name])
def test_only_an_order_needs_an_address(api, resource):
    assert api.post(resource, {"Items": [LINE]}).status_code == 201


@pytest.mark.parametrize(("country", "reverse", "half"), [("cz", 201, 422), ("sk", 422, 201)])
def test_members_of_one_country_are_refused_in_the_other(api, country, reverse, half):
    api.switch(country=country)
    assert (
        api.post("IssuedInvoices", document("", line(UnitPriceVatType="ReverseCharge"))).status_code
        == reverse
    )
    for member in [
        "MathToHalf",
        "MathToTenth",
        "UpToHalf",
        "UpToTenth",
        "DownToHalf",
        "DownToTenth",
        "MathFiveCent",
    ]:
        assert api.post("IssuedInvoices", document(Rounding=member)).status_code == half
    for member in ["None", "MathToOne", "UpToOne", "DownToOne"]:
        assert api.post("IssuedInvoices", document(Rounding=member)).status_code == 201


@pytest.mark.parametrize(("how", "status"), [("refuse", 422), ("ignore", 201)])
def test_an_unknown_name_is_refused_or_ignored(api, how, status):
    api.switch(unknown_names=how)
    assert api.post("IssuedInvoices", document(DocumentNumber="1")).status_code == status
    response = api.post("IssuedInvoices", document("", line(UnitPriceType="WithVat")))
    assert response.status_code == status
    if status == 422:
        assert list(response.json()["errors"]) == ["Items[0].TextItem.UnitPriceType"]
    else:
        assert response.json()["Data"]["Items"][0]["UnitPriceVatType"] == "WithoutVat"
    assert api.post("BusinessPartners", {"City": "Jihlava", "IsReserved": True}).status_code == status


NOT_NULL = [
    *[
        (name, {"Items": [LINE], "BusinessPartnerAddress": None})
        for name in ("IssuedInvoices", "IssuedOffers")
    ],
    ("IssuedInvoices", document("", {**LINE, "PriceListItem": None})),
    *[
        ("IssuedInvoices", document("", line(**{name: None})))
        for name in ("Quantity", "UnitPrice", "UnitPriceVatType", "DiscountPercentage")
    ],
    ("IssuedInvoices", document("", {"PriceListItem": {"PriceListItemId": None}})),
    ("BusinessPartners", {"City": "a", "DeliveryAddresses": None}),
    ("BusinessPartners", {"City": "a", "DeliveryAddresses": [{"IsDefault": None}]}),
    *[
        ("BusinessPartners", {"City": "a", "BusinessDetails": {name: None}})
        for name in ("IsCustomer", "IsSupplier", "DocumentVariableSymbolSource")
    ],
    *[
        ("PaymentMethods", {"Name": "a", name: None})
        for name in ("IsUsedInSaleVoucher", "IsUsedInOtherAgendas")
    ],
]


@pytest.mark.parametrize(("resource", "body"), NOT_NULL, ids=str)
def test_null_is_refused_where_a_field_may_only_be_left_out(api, resource, body):
    (text,) = api.errors(resource, body).values()
    assert text[0].endswith("must not be null.")
    api.switch(null_of_not_nullable="accept")
    assert api.post(resource, body).status_code == 201


def test_what_may_be_null_is_taken(api):
    address = {**FREE, "DocumentAddressWithAddressBookLink": None}
    assert api.post("IssuedInvoices", document(BusinessPartnerAddress=address)).status_code == 201
    assert api.post("BusinessPartners", {"City": "a", "BusinessDetails": None}).status_code == 201


def test_a_line_is_one_of_two(api):
    assert list(api.errors("IssuedInvoices", document("", {}))) == ["Items[0].TextItem"]
    both = document("", {**LINE, "PriceListItem": {}})
    assert list(api.errors("IssuedInvoices", both)) == ["Items[0].TextItem"]
    api.switch(both_items="accept")
    assert api.create("IssuedInvoices", both)["Items"][0]["Text"] == "Work"


def test_an_address_is_one_of_two(api):
    partner = api.create("BusinessPartners", {"City": "Brno"})["Id"]
    link = {"DocumentAddressWithAddressBookLink": {"Id": partner}}
    both = document(BusinessPartnerAddress={**FREE, **link})
    assert list(api.errors("IssuedInvoices", both)) == [
        "BusinessPartnerAddress.DocumentAddressWithAddressBookLink"
    ]
    api.switch(both_addresses="accept")
    assert api.create("IssuedInvoices", both)["BusinessPartnerAddress"]["City"] == "Brno"


def test_an_address_may_be_neither(api):
    body = document(BusinessPartnerAddress={})
    assert api.post("ReceivedOrders", body).status_code == 422
    api.switch(empty_address="accept")
    assert api.post("ReceivedOrders", body).status_code == 201


@pytest.mark.parametrize(
    ("form", "key"),
    [("path", "Items[0].TextItem.Quantity"), ("name", "Quantity"), ("placeholder", "propertyName")],
)
def test_the_keys_of_nested_errors_are_a_switch(api, form, key):
    api.switch(nested_error_keys=form)
    assert list(api.errors("IssuedInvoices", document("", line(Quantity="2")))) == [key]
    assert list(api.errors("IssuedInvoices", {})) == ["Items"]


@pytest.mark.parametrize("number", ["1e-7", "0.0000001", "12345678901234567890.12345678", "-1"])
def test_a_number_keeps_its_digits(api, number):
    text = f'{{"Items": [{{"TextItem": {{"Quantity": {number}, "UnitPrice": 1, "UnitPriceVatType": "WithoutVat"}}}}]}}'
    headers = {"Api-Key": "sandbox-api-key", "Content-Type": "application/json"}
    response = api.call("POST", "IssuedInvoices", data=text, headers=headers)
    assert response.status_code == 201, response.text
    assert f'"Quantity":{number.replace("1e-7", "0.0000001")},' in response.text


@pytest.mark.parametrize("number", ["1e400", "1" * 30, "1e-29", "NaN"])
def test_a_number_that_no_decimal_holds_is_refused(api, number):
    text = f'{{"Items": [{{"TextItem": {{"Quantity": {number}}}}}]}}'
    headers = {"Api-Key": "sandbox-api-key", "Content-Type": "application/json"}
    assert api.call("POST", "IssuedInvoices", data=text, headers=headers).status_code in (400, 422)


@pytest.mark.parametrize("body", ["", "{", "[]", '"x"', "\x00", '{"Text": "\\ud800"}', "[" * 100_000])
def test_a_body_that_is_no_object_is_malformed(api, body):
    headers = {"Api-Key": "sandbox-api-key", "Content-Type": "application/json; charset=utf-8"}
    assert api.call("POST", "IssuedInvoices", data=body, headers=headers).status_code == 400
    api.switch(malformed_status=422)
    assert api.call("POST", "IssuedInvoices", data=body, headers=headers).status_code == 422


def test_a_body_is_announced_as_json(api):
    assert api.call("POST", "IssuedInvoices", data={"a": 1}).status_code == 415
    api.switch(content_type_status=400)
    assert api.call("POST", "IssuedInvoices", data=b"{}").status_code == 400
