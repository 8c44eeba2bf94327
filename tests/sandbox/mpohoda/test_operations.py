"""Each of the 87 operations as the contract names it."""

from __future__ import annotations

import pytest

from airflow_provider.sandbox.mpohoda.read_tables import RECORDS
from tests.sandbox.mpohoda.client import ABSENT, DOCUMENTS, LINE, document

AFTER = [
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
    "PriceListItems/{item}/RegistrationNumbers",
    "ReceivedInvoices",
    "ReceivedOrders",
    "RegistrationNumbers",
    "SellingPrices",
]
GLOBAL = [
    "Banks",
    "CityPostCodes",
    "Countries",
    "Currencies",
    "ExchangeRates",
    "PaymentMethodTypes",
    "Regions",
    "VatRates",
]
DETAILS = [name for name in [*AFTER, *GLOBAL] if "/" not in name]
PDF = [*DOCUMENTS, "IssuedInvoiceCorrectiveTaxDocuments"]
PAID = ("IssuedInvoices", "IssuedAdvanceInvoices")


@pytest.fixture
def ids(api):
    """One record of each list."""
    (item,) = api.seed("PriceListItems", {"Name": "Lamp", "UnitPrice": 10})
    found = {"item": item}
    api.seed("RegistrationNumbers", {"Name": "SN-1", "PriceListItemId": item})
    for resource in DETAILS:
        if not api.ids(resource):
            api.seed(resource, {})
        found[resource] = api.ids(resource)[0]
    return found


def test_the_lists_are_29_of_which_21_have_after():
    assert (len(AFTER), len(AFTER) + len(GLOBAL), len(DETAILS)) == (21, 29, 26)


@pytest.mark.parametrize("resource", [*AFTER, *GLOBAL])
def test_a_list_has_its_envelope(api, ids, resource):
    answer = api.page(resource.format(**ids)).json()
    assert list(answer) == ["Items", "TotalItemCount", "Pagination"]
    assert answer["TotalItemCount"] == len(answer["Items"]) > 0
    assert answer["Pagination"] == {"PageNumber": 1, "PageSize": 100, "After": None}
    assert all(item["ModificationInfo"]["ModifiedDate"] for item in answer["Items"])


@pytest.mark.parametrize("resource", AFTER)
def test_a_list_with_after_goes_on_behind_a_record(api, ids, resource):
    path = resource.format(**ids)
    first = api.ids(path)[0]
    rest = api.page(path, After=first).json()
    assert first not in [item["Id"] for item in rest["Items"]]
    assert rest["Pagination"]["PageNumber"] is None


@pytest.mark.parametrize("resource", GLOBAL)
def test_a_global_list_knows_no_after(api, ids, resource):
    answer = api.page(resource, After=ids[resource]).json()
    assert answer["Items"][0]["Id"] == ids[resource]
    assert answer["Pagination"] == {"PageNumber": 1, "PageSize": 100, "After": None}


@pytest.mark.parametrize("resource", DETAILS)
def test_a_detail_is_the_bare_record_of_the_list(api, ids, resource):
    assert api.get(f"{resource}/{ids[resource]}") == api.items(resource)[0]
    assert api.get(f"{resource}/{ids[resource].upper()}")["Id"] == ids[resource]
    missing = api.call("GET", f"{resource}/{ABSENT}")
    assert (missing.status_code, missing.json()["title"]) == (404, "Not Found")
    bad = api.call("GET", f"{resource}/5")
    assert (bad.status_code, list(bad.json()["errors"])) == (422, ["Id"])
    api.switch(bad_id_status=404)
    assert api.call("GET", f"{resource}/5").status_code == 404


@pytest.mark.parametrize("resource", PDF)
def test_a_document_has_a_pdf_in_a_language(api, ids, resource):
    path = f"{resource}/{ids[resource]}/pdf"
    current, english = (api.call("GET", f"{path}?Language={name}") for name in ("Current", "English"))
    assert current.headers["Content-Type"] == "application/pdf"
    assert (current.content[:5], len(current.content)) == (b"%PDF-", 2000)
    assert english.content != current.content == api.call("GET", f"{path}?Language=Current").content
    for query in ("", "?Language=", "?Language=Czech"):
        refused = api.call("GET", path + query)
        assert (refused.status_code, list(refused.json()["errors"])) == (422, ["Language"])
    assert api.call("GET", f"{resource}/{ABSENT}/pdf?Language=Current").status_code == 404


@pytest.mark.parametrize("resource", PAID)
def test_an_invoice_has_an_isdoc_file(api, ids, resource):
    response = api.call("GET", f"{resource}/{ids[resource]}/isdoc")
    assert response.headers["Content-Type"] == "application/pdf"
    assert b"<Invoice" in response.content
    api.switch(isdoc_content_type="application/xml")
    assert api.call("GET", f"{resource}/{ids[resource]}/isdoc").headers["Content-Type"] == "application/xml"


@pytest.mark.parametrize(
    ("how", "header"),
    [
        ("plain", 'attachment; filename="F?-1.pdf"'),
        ("encoded", "attachment; filename=\"F?-1.pdf\"; filename*=UTF-8''F%C5%BD-1.pdf"),
        ("none", None),
    ],
)
def test_a_file_may_have_a_name(api, how, header):
    api.switch(content_disposition=how)
    (id_,) = api.seed("IssuedInvoices", {"DocumentNumber": "FŽ-1"})
    response = api.call("GET", f"IssuedInvoices/{id_}/pdf?Language=Current")
    assert response.headers.get("Content-Disposition") == header


def test_a_file_may_be_large_or_missing(api, ids):
    path = f"IssuedInvoices/{ids['IssuedInvoices']}"
    api.switch(file_size=1_000_000)
    content = api.call("GET", f"{path}/pdf?Language=Current").content
    assert (len(content), content[-6:]) == (1_000_000, b"%%EOF\n")
    api.switch(files=False)
    for file in ("pdf?Language=Current", "isdoc"):
        response = api.call("GET", f"{path}/{file}")
        assert (response.status_code, response.content) == (204, b"")


@pytest.mark.parametrize("resource", ["IssuedOrders", "ReceivedOrders"])
def test_the_status_of_an_order_is_a_bare_string(api, resource):
    id_ = api.create(resource, document())["Id"]
    assert api.call("GET", f"{resource}/{id_}/status").text == '"Unfinished"'
    changed = {"resource": resource, "id": id_, "status": "PermanentDocument"}
    api.sandbox.control("POST", "mpohoda/orders", changed)
    assert api.get(f"{resource}/{id_}/status") == "PermanentDocument"
    assert api.call("GET", f"{resource}/{ABSENT}/status").status_code == 404


@pytest.mark.parametrize("resource", [*DOCUMENTS, "BusinessPartners", "PaymentMethods"])
def test_nine_lists_take_new_records(api, resource):
    body = {
        "BusinessPartners": {"City": "Jihlava"},
        "PaymentMethods": {"Name": "Voucher"},
    }.get(resource, document())
    answer = api.created(resource, body)
    assert list(answer) == ["Data", "Warnings"]
    assert answer["Warnings"] == []
    assert answer["Data"] == api.get(f"{resource}/{answer['Data']['Id']}")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "Currencies", 405),
        ("POST", "PriceListItems", 405),
        ("POST", "IssuedInvoiceCorrectiveTaxDocuments", 405),
        ("PUT", f"IssuedInvoices/{ABSENT}", 405),
        ("PATCH", f"IssuedInvoices/{ABSENT}", 405),
        ("DELETE", f"IssuedInvoices/{ABSENT}", 405),
        ("POST", f"IssuedInvoices/{ABSENT}", 405),
        ("GET", f"IssuedInvoices/{ABSENT}/Liquidate/Standalone/Fully", 405),
        ("GET", f"IssuedOffers/{ABSENT}/status", 404),
        ("GET", f"ReceivedInvoices/{ABSENT}/RestToPay", 404),
        ("GET", f"ReceivedInvoices/{ABSENT}/isdoc", 404),
        ("POST", f"IssuedAdvanceInvoices/{ABSENT}/Liquidate/Standalone/Partially", 404),
        ("POST", f"IssuedOrders/{ABSENT}/Transfer/ToIssuedInvoice/Fully", 404),
        ("GET", "Invoices", 404),
        ("GET", "", 404),
    ],
)
def test_nothing_else_is_served(api, method, path, status):
    response = api.call(method, path)
    assert response.status_code == status
    assert response.headers["Content-Type"] == "application/problem+json"


def test_registration_numbers_are_those_of_the_item(api):
    lamp, desk = api.seed("PriceListItems", {"Name": "Lamp"}, {"Name": "Desk"})
    api.seed("RegistrationNumbers", {"Name": "1", "PriceListItemId": lamp}, {"PriceListItemId": desk})
    assert [one["Name"] for one in api.items(f"PriceListItems/{lamp}/RegistrationNumbers")] == ["1"]
    assert len(api.items("RegistrationNumbers")) == 2
    path = f"PriceListItems/{ABSENT}/RegistrationNumbers"
    assert api.items(path) == []
    api.switch(registration_numbers_status=404)
    assert api.page(path).status_code == 404
    assert api.page("PriceListItems/5/RegistrationNumbers").status_code == 422


def misfits(value, table, path=""):
    """Name what a record has too much or too little, and each null where there may be none."""
    found = [path + name for name in set(value) ^ set(table)]
    for name, field in table.items():
        inner = value.get(name)
        if inner is None:
            found += [] if field.nullable else [path + name]
        elif field.fields is not None:
            for one in inner if field.many else [inner]:
                found += misfits(one, field.fields, f"{path}{name}.")
    return found


@pytest.mark.parametrize("resource", DETAILS)
def test_every_record_has_the_fields_of_its_table(api, resource):
    api.seed(resource, {})
    api.generate(1, resource)
    body = {"BusinessPartners": {"City": "a", "DeliveryAddresses": [{}]}, "PaymentMethods": {"Name": "a"}}
    if resource in (*DOCUMENTS, *body):
        api.create(resource, body.get(resource, {**document(), "Items": [{"TextItem": {}}, LINE]}))
        api.create(resource, body.get(resource, document()))
    assert [
        misfits(one, RECORDS[resource]) for one in api.items(resource) if misfits(one, RECORDS[resource])
    ] == []


@pytest.mark.parametrize("resource", ["ReceivedOrders", "IssuedOrders"])
def test_an_invoice_made_of_an_order_has_the_fields_of_its_table(api, resource):
    way, target = (
        ("ToIssuedInvoice", "IssuedInvoices")
        if resource[0] == "R"
        else ("ToReceivedInvoice", "ReceivedInvoices")
    )
    for order in (*api.seed(resource, {}), api.create(resource, document())["Id"]):
        made = api.create(f"{resource}/{order}/Transfer/{way}/Fully", {})
        assert misfits(made, RECORDS[target]) == []


# --- by ids ------------------------------------------------------------------------------------------------

BY_IDS = ("PriceListItems/AvailableQuantities", "PriceListItems/SellingPrices")


def test_quantities_say_what_is_effectively_there(api):
    (lamp,) = api.seed("PriceListItems", {"Name": "Lamp"})
    known = {"AvailableQuantity": 10.5, "ReservedQuantity": 3, "ComplaintQuantity": 1.25}
    api.sandbox.control("POST", "mpohoda/stock", {"id": lamp, **known})
    response = api.post(BY_IDS[0], {"Ids": [lamp]})
    assert response.status_code == 200
    assert response.json() == [
        {"Id": lamp, "EffectiveAvailableQuantity": 6.25, **known, "ReceivedOrderQuantity": 0}
    ]


def test_selling_prices_name_each_price(api):
    (lamp,) = api.seed("PriceListItems", {"Name": "Lamp", "UnitPrice": 99.5})
    (told,) = api.post(BY_IDS[1], {"Ids": [lamp]}).json()
    assert told["Id"] == lamp
    assert [(one["SellingPriceName"], one["Price"]) for one in told["SellingPrices"]] == [
        ("Základní cena", 99.5),
        ("Partnerská", 99.5),
    ]


@pytest.mark.parametrize("path", BY_IDS)
@pytest.mark.parametrize(
    ("shape", "one", "two"), [("array", list, list), ("object for one", dict, list), ("object", dict, dict)]
)
def test_the_shape_of_an_answer_by_ids_is_a_switch(api, path, shape, one, two):
    ids = api.seed("PriceListItems", {}, {})
    api.switch(by_ids_answer=shape)
    assert type(api.post(path, {"Ids": ids[:1]}).json()) is one
    assert type(api.post(path, {"Ids": ids}).json()) is two


@pytest.mark.parametrize("path", BY_IDS)
def test_an_id_sent_twice_is_answered_once(api, path):
    (lamp,) = api.seed("PriceListItems", {})
    assert [one["Id"] for one in api.post(path, {"Ids": [lamp, lamp.upper()]}).json()] == [lamp]


@pytest.mark.parametrize("path", BY_IDS)
@pytest.mark.parametrize(
    ("how", "status", "found"), [("omit", 200, 1), ("zero", 200, 2), ("404", 404, 0), ("422", 422, 0)]
)
def test_an_unknown_id_is_a_switch(api, path, how, status, found):
    (lamp,) = api.seed("PriceListItems", {})
    api.switch(by_ids_unknown=how)
    response = api.post(path, {"Ids": [lamp, ABSENT]})
    assert response.status_code == status
    assert status != 200 or len(response.json()) == found


@pytest.mark.parametrize("path", BY_IDS)
def test_ids_may_be_limited_and_a_parent_told(api, path):
    ids = api.seed("PriceListItems", {}, {}, {})
    api.switch(by_ids_parent=True)
    assert {one["Id"] for one in api.post(path, {"Ids": ids}).json()} > set(ids)
    api.switch(by_ids_maximum=2)
    assert "2 or fewer" in api.errors(path, {"Ids": ids})["Ids"][0]
    assert api.post(path, {"Ids": ids[:2]}).status_code == 200


@pytest.mark.parametrize("path", BY_IDS)
@pytest.mark.parametrize(
    ("body", "key"),
    [
        ({}, "Ids"),
        ({"Ids": []}, "Ids"),
        ({"Ids": None}, "Ids"),
        ({"Ids": ["x"]}, "Ids[0]"),
        ({"Ids": [1]}, "Ids[0]"),
    ],
    ids=str,
)
def test_ids_must_be_guids(api, path, body, key):
    assert list(api.errors(path, body)) == [key]
