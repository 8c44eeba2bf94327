"""Orders become invoices in the sandbox: once, and who is told what went wrong."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider.exceptions import VendorRejected
from airflow_provider.mpohoda.operators import MpohodaCreateOperator, MpohodaTransferOrdersOperator
from tests.support.batches import counts, execute, lines
from tests.support.creates import pay
from tests.support.sandbox import SandboxProcess


def orders(sandbox: SandboxProcess, **options: Any) -> dict[str, Any]:
    rows = [
        {
            "order": str(number),
            "BusinessPartnerAddress.DocumentAddressWithoutAddressBookLink.Name": "Ada",
            "Items.TextItem.Text": "Chair",
            "Items.TextItem.Quantity": 2,
            "Items.TextItem.UnitPrice": "10.50",
            "Items.TextItem.UnitPriceVatType": "WithVat",
        }
        for number in (1, 1, 2, 3)
    ]
    task = MpohodaCreateOperator(
        task_id="orders",
        resource="ReceivedOrders",
        records=rows,
        record_key="order",
        group_by="order",
        max_concurrency=1,
        **options,
    )
    return execute(task)


def transfer(records: Any, run_id: str = "run-1", **options: Any) -> dict[str, Any]:
    given = {"resource": "ReceivedOrders", "on_error": "continue", "max_concurrency": 1}
    return execute(
        MpohodaTransferOrdersOperator(task_id="transfer", records=records, **{**given, **options}), run_id
    )


def test_created_orders_become_invoices_once(sandbox, tmp_path):
    made = orders(sandbox, output=str(tmp_path / "orders.csv"))
    result = transfer(made, output=str(tmp_path / "invoices.jsonl"))
    assert counts(result) == {"total": 3, "created": 3}
    numbers = [line["issued_invoice"]["number"] for line in lines(tmp_path / "invoices.jsonl")]
    invoices = sandbox.control("GET", "mpohoda/records/IssuedInvoices")["records"]
    assert [one["DocumentNumber"] for one in invoices] == numbers
    assert [len(one["Items"]) for one in invoices] == [2, 1, 1]
    assert counts(transfer(made, "run-2")) == {"total": 3, "replayed": 3}
    assert len(sandbox.control("GET", "mpohoda/records/IssuedInvoices")["records"]) == 3


def test_the_invoices_of_orders_are_paid_in_the_next_step(sandbox):
    invoices = transfer(orders(sandbox))
    result = pay(invoices, match="id", record_key=None)
    assert counts(result) == {"total": 3, "created": 3}
    assert [one["liquidation"]["document_id"] for one in result["records"]] == [
        one["issued_invoice"]["id"] for one in invoices["records"]
    ]


def test_an_order_that_is_finished_is_refused_alone_and_the_error_says_what_to_do(sandbox):
    made = orders(sandbox)
    finished = made["records"][1]["received_order"]["id"]
    status = {"resource": "ReceivedOrders", "id": finished, "status": "Finished"}
    sandbox.control("POST", "mpohoda/orders", status)
    result = transfer(made)
    assert counts(result) == {"total": 3, "created": 2, "failed": 1}
    [failure] = result["failures"]
    assert (failure["row"], failure["error"]) == (3, "VendorRejected")
    assert "HTTP 400" in failure["reason"]
    assert "Only an order with the status Unfinished becomes an invoice" in failure["reason"]
    # Somebody has set it back.
    sandbox.control("POST", "mpohoda/orders", {**status, "status": "Unfinished"})
    assert counts(transfer(made, "run-2")) == {"total": 3, "created": 1, "replayed": 2}


def test_an_order_that_was_transferred_by_hand_is_not_transferred_again(sandbox):
    made = orders(sandbox)
    order = made["records"][0]["received_order"]["id"]
    key = {"Api-Key": "sandbox-api-key"}
    path = f"mpohoda/v1/ReceivedOrders/{order}/Transfer/ToIssuedInvoice/Fully"
    assert sandbox.post(path, {}, headers=key).status_code == 201
    with pytest.raises(VendorRejected, match="if it has its invoice, take the record out"):
        transfer(made, on_error="fail")
    assert len(sandbox.control("GET", "mpohoda/records/IssuedInvoices")["records"]) == 1


def test_a_transfer_whose_answer_is_lost_is_unknown_and_not_sent_again(sandbox, no_waiting):
    made = orders(sandbox)
    sandbox.fault(vendor="mpohoda", path="Transfer/ToIssuedInvoice/Fully", action="reset", after=True)
    assert counts(transfer(made)) == {"total": 3, "created": 2, "unknown": 1}
    again = transfer(made, "run-2")
    assert counts(again) == {"total": 3, "replayed": 2, "unknown": 1}
    assert again["requests"] == 0
    assert len(sandbox.control("GET", "mpohoda/records/IssuedInvoices")["records"]) == 3
