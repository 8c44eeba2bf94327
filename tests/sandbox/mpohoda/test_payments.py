"""What is to be paid, liquidations, and the list of what is unpaid."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.sandbox.mpohoda.client import ABSENT, document, line
from tests.sandbox.mpohoda.test_documents import by_code

KINDS = ("IssuedInvoices", "IssuedAdvanceInvoices")
PARTLY = "IssuedInvoices/{}/Liquidate/Standalone/Partially"


@pytest.fixture
def invoice(api):
    return api.create("IssuedInvoices", document())["Id"]


def rest(api, id_, resource="IssuedInvoices"):
    return api.get(f"{resource}/{id_}/RestToPay")["RestToPay"]


@pytest.mark.parametrize("resource", KINDS)
def test_a_document_is_paid_fully(api, resource):
    made = api.create(resource, document())
    assert rest(api, made["Id"], resource) == 2420
    sent = {"Date": "2026-11-10", "Note": "bank"}
    paid = api.create(f"{resource}/{made['Id']}/Liquidate/Standalone/Fully", sent)
    assert paid.pop("ModificationInfo")["CreatedDate"] == "2026-11-16T12:00:00Z"
    assert paid == {
        "Id": paid["Id"],
        "IssuedInvoiceId": made["Id"],
        "HomeCurrencyAmount": 2420,
        "DocumentCurrencyAmount": 2420,
        "Date": "2026-11-10T00:00:00",
        "Note": "bank",
    }
    assert api.get(f"{resource}/Liquidation/{paid['Id']}").items() >= paid.items()
    assert rest(api, made["Id"], resource) == 0
    assert api.ids(f"{resource}/Unpaid") == []


def test_parts_lower_the_rest_until_nothing_is_left(api, invoice):
    path = PARTLY.format(invoice)
    first = api.create(path, {"DocumentCurrencyAmount": 1000.5})
    assert first["Date"] == "2026-11-16T00:00:00"
    (state,) = api.items("IssuedInvoices/Unpaid")
    assert state == api.get(f"IssuedInvoices/{invoice}/RestToPay")
    assert list(state) == ["Id", "Number", "RestToPay", "LiquidationInfos", "ModificationInfo"]
    assert (state["Id"], state["RestToPay"]) == (invoice, Decimal("1419.50"))
    assert state["LiquidationInfos"] == [
        {"Id": first["Id"], "Date": "2026-11-16T00:00:00", "DocumentCurrencyAmount": Decimal("1000.5")}
    ]
    api.create(path, {"DocumentCurrencyAmount": 1419.5})
    assert api.ids("IssuedInvoices/Unpaid") == []


@pytest.mark.parametrize(("how", "status", "left"), [("refuse", 400, 2420), ("accept", 201, -80)])
def test_paying_too_much_is_a_switch(api, invoice, how, status, left):
    api.switch(over_payment=how)
    assert api.post(PARTLY.format(invoice), {"DocumentCurrencyAmount": 2500}).status_code == status
    assert rest(api, invoice) == left


@pytest.mark.parametrize(("how", "status"), [("refuse", 400), ("accept", 201)])
def test_paying_again_is_a_switch(api, invoice, how, status):
    api.switch(paid_again=how)
    path = f"IssuedInvoices/{invoice}/Liquidate/Standalone/Fully"
    assert [api.post(path, {}).status_code for _ in range(2)] == [201, status]


def test_the_status_of_a_refused_payment_is_a_switch(api, invoice):
    api.switch(refused_payment_status=422)
    assert api.post(PARTLY.format(invoice), {"DocumentCurrencyAmount": 2500}).status_code == 422


@pytest.mark.parametrize(
    ("body", "key"),
    [
        ({}, "DocumentCurrencyAmount"),
        ({"DocumentCurrencyAmount": 0}, "DocumentCurrencyAmount"),
        ({"DocumentCurrencyAmount": None}, "DocumentCurrencyAmount"),
        ({"DocumentCurrencyAmount": "1"}, "DocumentCurrencyAmount"),
        ({"DocumentCurrencyAmount": 1, "HomeCurrencyAmount": "1"}, "HomeCurrencyAmount"),
        ({"DocumentCurrencyAmount": 1, "Date": "x"}, "Date"),
        ({"DocumentCurrencyAmount": 1, "Note": 1}, "Note"),
        ({"DocumentCurrencyAmount": 1, "BankAccountId": ABSENT}, "BankAccountId"),
    ],
    ids=str,
)
def test_a_part_is_checked(api, invoice, body, key):
    assert list(api.errors(PARTLY.format(invoice), body)) == [key]


@pytest.mark.parametrize("resource", KINDS)
def test_the_note_of_a_full_payment_has_a_length(api, resource):
    id_ = api.create(resource, document())["Id"]
    path = f"{resource}/{id_}/Liquidate/Standalone/Fully"
    assert list(api.errors(path, {"Note": "x" * 65})) == ["Note"]
    assert api.post(path, {"Note": "x" * 64, "Date": None}).status_code == 201


def test_the_note_of_a_part_has_none(api, invoice):
    body = {"DocumentCurrencyAmount": 1, "Note": "x" * 65, "HomeCurrencyAmount": None}
    assert api.post(PARTLY.format(invoice), body).status_code == 201


@pytest.mark.parametrize(("needed", "status"), [(True, 400), (False, 201)])
def test_a_foreign_part_may_need_the_home_amount(api, needed, status):
    api.switch(foreign_payment_needs_home_amount=needed)
    euro = by_code(api, "Currencies", "EUR")
    id_ = api.create("IssuedInvoices", document(CurrencyId=euro, ExchangeRate=25))["Id"]
    assert rest(api, id_) == 2420
    assert api.post(PARTLY.format(id_), {"DocumentCurrencyAmount": 10}).status_code == status
    paid = api.create(PARTLY.format(id_), {"DocumentCurrencyAmount": 10, "HomeCurrencyAmount": 251})
    assert paid["HomeCurrencyAmount"] == 251
    whole = api.create(f"IssuedInvoices/{id_}/Liquidate/Standalone/Fully", {})
    assert whole["HomeCurrencyAmount"] == whole["DocumentCurrencyAmount"] * 25


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", f"IssuedInvoices/{ABSENT}/RestToPay"),
        ("GET", f"IssuedInvoices/Liquidation/{ABSENT}"),
        ("POST", f"IssuedInvoices/{ABSENT}/Liquidate/Standalone/Fully"),
        ("POST", f"IssuedInvoices/{ABSENT}/Liquidate/Standalone/Partially"),
    ],
)
def test_a_document_that_is_not_there_cannot_be_paid(api, method, path):
    assert api.call(method, path).status_code == 404
    assert api.call(method, path.replace(ABSENT, "5")).status_code == 422


def test_a_liquidation_belongs_to_its_kind(api, invoice):
    paid = api.create(f"IssuedInvoices/{invoice}/Liquidate/Standalone/Fully")
    assert api.call("GET", f"IssuedAdvanceInvoices/Liquidation/{paid['Id']}").status_code == 404


def test_the_list_of_what_is_unpaid_has_pages(api):
    ids = [api.create("IssuedInvoices", document())["Id"] for _ in range(3)]
    api.create("IssuedInvoices", document("", line(UnitPrice=0)))
    assert api.ids("IssuedInvoices/Unpaid", 2) == ids[:2]
    assert api.ids("IssuedInvoices/Unpaid", 2, 2) == ids[2:]
    assert api.ids("IssuedInvoices/Unpaid", 2, After=ids[0]) == ids[1:]
    api.create(f"IssuedInvoices/{ids[1]}/Liquidate/Standalone/Fully")
    # The cursor's record is paid by now, and its place still known.
    assert api.ids("IssuedInvoices/Unpaid", 2, After=ids[1]) == ids[2:]
    assert api.page("IssuedInvoices/Unpaid").json()["TotalItemCount"] == 2


def test_people_pay_in_the_application_too(api, invoice):
    def pay(**fields):
        body = {"resource": "IssuedInvoices", "id": invoice, **fields}
        return api.sandbox.post("/_sandbox/mpohoda/payments", body)

    assert pay(amount=420.25, note="cash").json()["rest_to_pay"] == "1999.75"
    assert rest(api, invoice) == Decimal("1999.75")
    assert pay(amount=5000).status_code == 400
    assert pay().json()["rest_to_pay"] == "0.00"
    assert pay(resource="IssuedOffers").status_code == 400
    assert pay(id=ABSENT).status_code == 400
    assert pay(amount="1").status_code == 400
    assert api.quota()["used"] == 2
