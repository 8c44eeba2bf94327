"""Records by the thousand, and what the control requests take."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.sandbox.mpohoda.client import ABSENT, DOCUMENTS, document, exact
from tests.sandbox.mpohoda.test_lists import LIST, walk
from tests.sandbox.mpohoda.test_operations import DETAILS
from tests.sandbox.switch_table import PAGES

CONTROL = "/_sandbox/mpohoda/"


def test_a_hundred_thousand_invoices_are_there_in_one_request(api):
    made = api.generate(100_000, first="2026-01-01T00:00:00Z", step=60)
    assert made["created"] == 100_000
    assert api.sandbox.state()["mpohoda"]["records"][LIST] == 100_000
    assert api.ids(LIST, 1) == [made["first"]]
    assert api.ids(LIST, 1, 100_000) == [made["last"]]
    page = api.items(LIST, 100, 1000)
    assert len({one["Id"] for one in page}) == len({one["Items"][0]["Id"] for one in page}) == 100


def test_a_generated_record_is_the_same_in_a_list_and_alone(api):
    made = api.generate(
        3, fields={"Text": "Bill {n}", "OrderNumber": "100 % {n}"}, first="2026-11-01T10:00:00Z", step=3600
    )
    second = api.items(LIST)[1]
    assert (second["Text"], second["OrderNumber"]) == ("Bill 2", "100 % 2")
    assert second["IssueDate"] == "2026-11-01T00:00:00"
    assert second["ModificationInfo"]["ModifiedDate"] == "2026-11-01T11:00:00Z"
    assert second["DocumentRecapitulation"]["TotalPrice"] == 2420
    assert api.get(f"{LIST}/{second['Id']}") == second
    # Paying it makes a record of its own of it.
    api.create(f"{LIST}/{second['Id']}/Liquidate/Standalone/Partially", {"DocumentCurrencyAmount": 20})
    again = api.items(LIST)[1]
    changed = {**second["ModificationInfo"], "ModifiedDate": "2026-11-16T12:00:00Z"}
    assert again == {**second, "ModificationInfo": changed}
    assert [one["RestToPay"] for one in api.items(f"{LIST}/Unpaid")] == [2420, 2400, 2420]
    assert api.ids(LIST, ModifiedSince="2026-11-02") == [second["Id"]]
    assert made["first"] in walk(api)


@pytest.mark.parametrize("resource", DETAILS)
def test_every_list_can_be_filled(api, resource):
    before = len(api.ids(resource, 1000))
    api.generate(150, resource)
    page = api.items(resource, 100)
    assert all(one["ModificationInfo"]["ModifiedDate"] for one in page)
    last = api.ids(resource, 1000)[before + 149]
    assert api.get(f"{resource}/{last}")["Id"] == last
    (seeded,) = api.seed(resource, {})
    assert set(api.get(f"{resource}/{seeded}")) == set(page[-1])


@pytest.mark.parametrize("resource", DOCUMENTS)
def test_a_seeded_document_has_the_fields_of_a_created_one(api, resource):
    def names(value):
        if isinstance(value, dict):
            return {name: names(one) for name, one in value.items()}
        return [names(one) for one in value] if isinstance(value, list) else None

    (seeded,) = api.seed(resource, {})
    made = names(api.create(resource, document()))
    known = names(api.get(f"{resource}/{seeded}"))
    assert set(known) == set(made)
    for name in ("Items", "DocumentRecapitulation", "ModificationInfo"):
        assert known[name] == made[name]


def test_a_seeded_record_keeps_its_own_id_and_times(api):
    times = {"CreatedDate": "2025-01-01T00:00:00Z", "ModifiedDate": "2025-06-01T00:00:00Z"}
    id_ = "ABCDEF00-aaaa-4aaa-8aaa-000000000000"
    assert api.seed(LIST, {"Id": id_, "ModificationInfo": times}, first="2025-01-01") == [id_.lower()]
    record = api.get(f"{LIST}/{id_}")
    assert record["ModificationInfo"].items() >= times.items()
    assert api.ids(LIST, ModifiedSince="2025-06-01") == [id_.lower()]
    assert api.ids(LIST, ModifiedSince="2025-06-01T00:00:01") == []
    api.seed(LIST, {"Id": id_, "Text": "new"})
    assert [one["Text"] for one in api.items(LIST)] == ["new"]


def test_records_are_shown_and_removed_without_a_request(api):
    ids = api.seed(LIST, {"Text": "a"}, {"Text": "b"})
    shown = api.sandbox.control("GET", f"mpohoda/records/{LIST}")["records"]
    assert [one["Text"] for one in shown] == ["a", "b"]
    (one,) = api.sandbox.control("GET", f"mpohoda/records/{LIST}/{ids[0]}")["records"]
    assert one["Id"] == ids[0]
    assert api.sandbox.control("DELETE", f"mpohoda/records/{LIST}/{ids[0]}")["records"][LIST] == 1
    assert LIST not in api.sandbox.control("DELETE", f"mpohoda/records/{LIST}")["records"]
    assert api.sandbox.control("DELETE", "mpohoda/records") == {"records": {}}
    assert api.quota()["used"] == 0


def test_a_reset_leaves_the_code_lists(api):
    before = api.sandbox.control("GET", "mpohoda/records")
    api.create(LIST, document())
    api.sandbox.control("DELETE", "mpohoda/records/Currencies")
    api.sandbox.reset()
    assert api.sandbox.control("GET", "mpohoda/records") == before
    assert before["records"]["Currencies"] > 1
    assert api.sandbox.state()["mpohoda"] == {
        "records": before["records"],
        "quota": api.quota(),
        "tokens": 0,
        "calls": {},
    }


def test_the_code_lists_are_sensible(api):
    assert {one["Code"] for one in api.items("Currencies")} > {"CZK", "EUR"}
    assert {one["Code"]: one["NumericCode"] for one in api.items("Countries")}.items() >= {
        ("CZ", 203),
        ("SK", 703),
    }
    rates = [one for one in api.items("VatRates") if one["VatRateType"] == "FirstReducedVatRate"]
    assert [(one["VatPercent"], one["ValidTo"]) for one in rates] == [(15, "2023-12-31T00:00:00"), (12, None)]
    types = {one["Id"] for one in api.items("PaymentMethodTypes")}
    assert {one["PaymentMethodTypeId"] for one in api.items("PaymentMethods")} <= types
    (exchange,) = exact(api.page("ExchangeRates"))["Items"]
    assert str(exchange["ExchangeRates"][0]["Rate"]) == "24.525"
    currencies = {one["Id"] for one in api.items("Currencies")}
    assert {one["CurrencyId"] for one in exchange["ExchangeRates"]} < currencies
    assert {one["CountryId"] for one in api.items("Banks")} < {one["Id"] for one in api.items("Countries")}


@pytest.mark.parametrize(
    ("path", "body", "named"),
    [
        ("records", {}, "resource"),
        ("records", {"resource": "Invoices", "count": 1}, "IssuedInvoices"),
        ("records", {"resource": LIST}, "count"),
        ("records", {"resource": LIST, "count": 1, "records": []}, "count"),
        ("records", {"resource": LIST, "count": 0}, "count"),
        ("records", {"resource": LIST, "count": 1_000_001}, "count"),
        ("records", {"resource": LIST, "count": 1, "fields": []}, "fields"),
        ("records", {"resource": LIST, "count": 1, "fields": {"Id": ABSENT}}, "Id"),
        ("records", {"resource": LIST, "count": 1, "fields": {"Items": 1}}, "fields"),
        ("records", {"resource": LIST, "count": 1, "step": -1}, "step"),
        ("records", {"resource": LIST, "count": 1, "first": "soon"}, "first"),
        ("records", {"resource": LIST, "records": {}}, "records"),
        ("records", {"resource": LIST, "records": [1]}, "records"),
        ("records", {"resource": LIST, "records": [{}, {"Items": [1]}]}, "records"),
        (
            "records",
            {"resource": LIST, "records": [{}, {"ModificationInfo": {"ModifiedDate": "x"}}]},
            "records",
        ),
        ("records", {"resource": LIST, "records": [], "fields": {}}, "fields"),
        ("records", {"resource": LIST, "rows": []}, "rows"),
        ("tokens/revoke", {"token": 1}, "token"),
        ("tokens/revoke", {"all": True}, "all"),
        ("orders", {}, "resource"),
        ("orders", {"resource": "ReceivedOrders", "id": ABSENT, "status": "Finished"}, "id"),
        ("payments", {"resource": LIST}, "id"),
        ("stock", {"id": ABSENT}, "PriceListItems"),
        ("stock", {"quantity": 1}, "quantity"),
    ],
    ids=str,
)
def test_a_bad_control_request_is_refused_and_adds_nothing(api, path, body, named):
    response = api.sandbox.post(CONTROL + path, body)
    assert response.status_code == 400
    assert named in response.json()["error"]
    assert LIST not in api.sandbox.state()["mpohoda"]["records"]


@pytest.mark.parametrize(
    ("resource", "status"),
    [("ReceivedOrders", "Rejected"), ("IssueSlips", "PermanentDocument"), ("Centres", "Finished")],
)
def test_a_status_is_one_of_its_kind(api, resource, status):
    (id_,) = api.seed(resource, {})
    body = {"resource": resource, "id": id_, "status": status}
    assert api.sandbox.post(CONTROL + "orders", body).status_code == 400


def test_an_offer_is_rejected_by_hand(api):
    (id_,) = api.seed("IssuedOffers", {})
    api.sandbox.control(
        "POST", "mpohoda/orders", {"resource": "IssuedOffers", "id": id_, "status": "Rejected"}
    )
    assert api.get(f"IssuedOffers/{id_}")["Status"] == "Rejected"


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "orders"), ("POST", "nothing"), ("PUT", "records"), ("GET", "tokens/revoke")]
)
def test_no_other_control_path_is_served(api, method, path):
    assert api.sandbox.http.request(method, api.sandbox.url + CONTROL + path, timeout=10).status_code == 404


def test_the_control_requests_are_those_of_the_page(api):
    text = PAGES["mpohoda"].read_text().partition("mPOHODA's records\n")[2].partition("Faults\n")[0]
    documented = set(re.findall(r"``([A-Z]+) /_sandbox/mpohoda/(\S+)``", text))
    (id_,) = api.seed(LIST, {})
    served = set()
    for path in {path for _, path in documented}:
        for method in ("GET", "POST", "PUT", "DELETE"):
            url = api.sandbox.url + CONTROL + path.replace("/ID", f"/{id_}").replace("LIST", LIST)
            if api.sandbox.http.request(method, url, timeout=10).status_code != 404:
                served.add((method, path))
    assert served == documented


def test_the_bodies_of_the_page_add_records(api):
    text = (
        PAGES["mpohoda"].read_text().partition("``POST /_sandbox/mpohoda/records``")[2].partition("``GET")[0]
    )
    bodies = [json.loads(line) for line in text.splitlines() if line.strip().startswith('{"resource')]
    assert [api.sandbox.control("POST", "mpohoda/records", body)["created"] for body in bodies] == [1, 1000]
    assert api.items("BusinessPartners")[0]["IdentificationNumber"] == "00012345"


def test_every_switch_is_tried_in_each_of_its_positions(sandbox):
    tests = "".join(path.read_text() for path in Path(__file__).parent.glob("*.py"))
    for switch in sandbox.control("GET", "switches?describe=1")["switches"]:
        name = switch["name"].removeprefix("mpohoda.")
        if switch["name"].startswith("sandbox."):
            continue
        assert re.search(rf"\b{name}=|\"{name}\"", tests), name
        # The default is what every other test has.
        for choice in {*switch.get("choices", ())} - {switch["default"]}:
            assert f'"{choice}"' in tests, (name, choice)
