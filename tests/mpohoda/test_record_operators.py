"""The operators that read single records, and stock and prices, against the simulated mPOHODA."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from airflow_provider.exceptions import InvalidInput, VendorForbidden, VendorRejected
from airflow_provider.mpohoda.operators import MpohodaGetOperator, MpohodaStockOperator
from tests.mpohoda.reading import QUICK, Company, lines, read
from tests.sandbox.mpohoda.client import ABSENT, document
from tests.support.batches import counts, execute


@pytest.fixture
def company(sandbox):
    return Company(sandbox)


def get(records: Any, run_id: str = "run-1", **options: Any) -> dict[str, Any]:
    settings: dict[str, Any] = {"resource": "IssuedInvoices", "request_policy": QUICK, **options}
    return execute(MpohodaGetOperator(task_id="get", records=records, **settings), run_id)


def stock(records: Any, run_id: str = "run-1", **options: Any) -> dict[str, Any]:
    settings: dict[str, Any] = {"part": "AvailableQuantities", "request_policy": QUICK, **options}
    return execute(MpohodaStockOperator(task_id="stock", records=records, **settings), run_id)


def asked(company: Company, part: str = "AvailableQuantities") -> list[list[str]]:
    return [one["json"]["Ids"] for one in company.sandbox.requests("mpohoda", path=part)]


# --- one record --------------------------------------------------------------------------------------------


def test_a_record_is_read_with_all_its_digits(company, tmp_path):
    company.api.seed_text(
        '{"resource": "IssuedInvoices", "records": [{"ExchangeRate": 1e-7, "ExchangeRateQuantity": 100, '
        '"Items": [{"Text": "nail", "Quantity": 3, "UnitPrice": 1234567890123456.789012345678}]}]}'
    )
    [row] = read()["records"]
    result = get([row], fields={"id": "Id"}, output=f"{tmp_path}/out.jsonl")
    assert counts(result) == {"total": 1, "existing": 1}
    [found] = lines(result["output"])
    detail = found["detail"]
    assert detail["Items"][0]["UnitPrice"] == "1234567890123456.789012345678"
    assert detail["Items"][0]["Quantity"] == "3"
    assert detail["ExchangeRate"] == "0.0000001"
    assert detail["ExchangeRateQuantity"] == 100
    assert detail == {**row, "ExchangeRate": "0.0000001"}, "as the rows of the list come through XCom"


def test_a_record_takes_its_id_from_the_batch_that_created_it(company):
    invoice = company.api.create("IssuedInvoices", document())
    order = company.api.create("ReceivedOrders", document())
    [paid] = get([{"issued_invoice": {"id": invoice["Id"]}}], part="payment")["records"]
    assert Decimal(paid["payment"]["RestToPay"]) == invoice["DocumentRecapitulation"]["TotalPrice"]
    records = [{"received_order": {"id": order["Id"]}, "note": "kept"}]
    [status] = get(records, resource="receivedorders", part="status")["records"]
    assert status == {**records[0], "status": "Unfinished"}


def test_a_payment_is_read_by_its_own_id(company):
    [invoice] = company.seed("IssuedInvoices", {})
    made = company.sandbox.control("POST", "mpohoda/payments", {"resource": "IssuedInvoices", "id": invoice})
    [found] = get([{"liquidation": {"id": made["liquidation"]}}], part="liquidation")["records"]
    assert found["liquidation"]["Id"] == made["liquidation"]
    assert isinstance(found["liquidation"]["DocumentCurrencyAmount"], str)


def test_a_record_that_is_not_there_fails_alone(company):
    known = company.seed("IssuedInvoices", {}, {})
    records = [{"id": known[0]}, {"id": ABSENT}, {"id": "no id"}, {"id": known[1]}]
    result = get(records, on_error="continue")
    assert counts(result) == {"total": 4, "existing": 2, "failed": 2}
    assert {one["row"] for one in result["failures"]} == {2, 3}
    assert len(company.sandbox.requests("mpohoda")) == 3


def test_a_missing_right_ends_the_batch_and_not_each_of_its_records(company):
    known = company.seed("IssuedInvoices", *({} for _ in range(30)))
    company.switch(forbidden_resources="IssuedInvoices")
    with pytest.raises(VendorForbidden, match="Other resources may still be used"):
        get([{"id": one} for one in known], on_error="continue", max_concurrency=1)
    assert len(company.sandbox.requests("mpohoda")) == 1


def test_what_was_read_is_not_asked_for_again_within_the_run(company):
    records = [{"id": one} for one in company.seed("IssuedInvoices", {}, {})]
    get(records)
    assert counts(get(records)) == {"total": 2, "replayed": 2}
    assert counts(get(records, redo="all")) == {"total": 2, "existing": 2}
    assert counts(get(records, run_id="run-2")) == {"total": 2, "existing": 2}
    assert len(company.sandbox.requests("mpohoda")) == 6


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"resource": "Centres", "part": "status"}, "resource"),
        ({"resource": "IssuedInvoices/Unpaid"}, "resource"),
        ({"resource": "Bills"}, "resource"),
        ({"part": "pdf"}, "part"),
    ],
)
def test_a_part_that_there_is_not_is_refused_when_the_dag_is_parsed(options, field):
    with pytest.raises(InvalidInput) as raised:
        MpohodaGetOperator(task_id="get", records=[], **{"resource": "IssuedInvoices", **options})
    assert raised.value.field == field


# --- many items with one request ---------------------------------------------------------------------------


def test_items_share_requests_and_each_id_is_asked_for_once(company):
    items = company.seed("PriceListItems", *({"Code": f"C{n}"} for n in range(250)))
    company.sandbox.control("POST", "mpohoda/stock", {"id": items[0], "AvailableQuantity": 7})
    records = [{"id": one} for one in [*items, items[0], items[0].upper(), items[249]]]
    result = stock(records)
    assert counts(result) == {"total": 253, "existing": 250, "replayed": 3}
    assert result["requests"] == 3
    sent = asked(company)
    assert sorted(map(len, sent)) == [50, 100, 100]
    assert {one for ids in sent for one in ids} == set(items)
    quantities = [one["available_quantities"] for one in result["records"]]
    assert [one["Id"] for one in quantities[:250]] == items
    assert quantities[0]["AvailableQuantity"] == quantities[250]["AvailableQuantity"] == "7"


def test_prices_are_read_with_all_their_digits(company):
    [item] = company.seed("PriceListItems", {"UnitPrice": 10.1})
    company.seed("SellingPrices", {"Code": "A", "Name": "Retail"})
    [found] = stock([{"id": item}], part="SellingPrices")["records"]
    prices = found["selling_prices"]["SellingPrices"]
    assert prices
    assert all(isinstance(one["Price"], str) for one in prices)


@pytest.mark.parametrize("parent", [True, False])
@pytest.mark.parametrize("shape", ["array", "object for one"])
@pytest.mark.parametrize("chunk_size", [1, 2, 100])
def test_an_item_without_an_answer_fails_alone(company, shape, chunk_size, parent):
    company.switch(by_ids_answer=shape, by_ids_parent=parent)
    known = company.seed("PriceListItems", {}, {})
    records = [{"id": known[0]}, {"id": ABSENT}, {"id": known[1]}]
    result = stock(records, chunk_size=chunk_size, on_error="continue")
    assert counts(result) == {"total": 3, "existing": 2, "failed": 1}
    [failure] = result["failures"]
    assert (failure["row"], failure["error"]) == (2, "VendorRejected")
    assert "has nothing about this id" in failure["reason"]


def test_an_answer_about_one_item_alone_names_the_way_out(company):
    company.switch(by_ids_answer="object")
    records = [{"id": one} for one in company.seed("PriceListItems", {}, {}, {})]
    result = stock(records, on_error="continue")
    assert counts(result) == {"total": 3, "existing": 1, "failed": 2}
    assert all("chunk_size=1" in one["reason"] for one in result["failures"])
    assert counts(stock(records, chunk_size=1)) == {"total": 3, "existing": 2, "replayed": 1}


@pytest.mark.parametrize("how", [{"by_ids_unknown": "404"}, {"by_ids_unknown": "422"}, {"by_ids_maximum": 2}])
def test_a_request_that_is_refused_as_a_whole_names_the_size(company, how):
    company.switch(**how)
    known = company.seed("PriceListItems", {}, {})
    records = [{"id": one} for one in (*known, ABSENT)]
    with pytest.raises(VendorRejected, match="Try a smaller chunk_size"):
        stock(records)
    result = stock(records, chunk_size=1, on_error="continue")
    assert counts(result) == {"total": 3, "existing": 2, "failed": 1}


def test_the_requests_of_a_batch_can_be_reserved(company):
    items = company.seed("PriceListItems", *({} for _ in range(5)))
    assert stock([{"id": one} for one in items], chunk_size=2, reserve="auto")["requests"] == 3
