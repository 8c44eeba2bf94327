"""Rows of a file become documents: each once, each row accounted for. The vendor is a server of the test."""

from __future__ import annotations

import json
import os
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from airflow_provider.batch.notifier import FailureReport, VendorFailureReportNotifier
from airflow_provider.exceptions import BatchFailed, InvalidInput
from airflow_provider.mpohoda.operators import (
    MpohodaCreateOperator,
    MpohodaLiquidateOperator,
    MpohodaTransferOrdersOperator,
)
from tests.support.batches import counts, execute, lines
from tests.support.servers import serving

ID = "11111111-2222-4333-8444-{:012d}"


class Vendor:
    def __init__(self) -> None:
        self.requests: list[tuple[str, Any]] = []
        self.warnings: list[dict[str, str]] = []
        self.status = 201

    def __call__(
        self, method: str, path: str, headers: dict[str, str], body: bytes
    ) -> tuple[int, dict[str, str], bytes]:
        self.requests.append((path, json.loads(body, parse_float=Decimal)))
        data = {
            "Id": ID.format(len(self.requests)),
            "DocumentNumber": f"26F{len(self.requests)}",
            "DocumentRecapitulation": {"TotalPrice": 12.5},
            "DocumentCurrencyAmount": 12.5,
        }
        answer = {"Data": data, "Warnings": self.warnings} if self.status == 201 else {"title": "no"}
        return self.status, {"Content-Type": "application/json"}, json.dumps(answer).encode()


@pytest.fixture
def vendor(set_connection, no_waiting):
    made = Vendor()
    with serving(made) as server:
        extra = {"timeout": 10}
        set_connection(
            "mpohoda_default", conn_type="mpohoda", host=server.url, password="key-of-the-test", extra=extra
        )
        yield made


@pytest.mark.parametrize(
    ("record", "told"),
    [
        ({"order": "1", "text": "x", "qty": 1}, ['No record of the list has "price"']),
        ({"order": "1", "Items": [{"qty": 1}]}, []),
        ({"order": "1", "text": "x", "price": 1, "qty": 1}, []),
    ],
)
def test_a_column_of_the_lines_that_no_record_of_a_list_has_is_told(vendor, caplog, record, told):
    fields = {"OrderNumber": "order", "Items.TextItem.Quantity": "qty", "Items.TextItem.UnitPrice": "price"}
    operator = MpohodaCreateOperator(
        task_id="create",
        resource="IssuedInvoices",
        record_key="OrderNumber",
        records=[record],
        fields=fields,
        on_error="continue",
    )
    execute(operator)
    found = [one.partition(", ")[0] for one in caplog.messages if one.startswith("No record of the list has")]
    assert found == told


COLUMNS = "order,due,name,qty,price"
FIELDS = {
    "OrderNumber": "order",
    "DueDate": "due",
    "BusinessPartnerAddress.DocumentAddressWithoutAddressBookLink.Name": "name",
    "Items.TextItem.Quantity": "qty",
    "Items.TextItem.UnitPrice": "price",
}
DEFAULTS = {"Items.TextItem.UnitPriceVatType": "WithVat"}


def create(records: Any, run_id: str = "run-1", **options: Any) -> dict[str, Any]:
    given = {
        "resource": "IssuedInvoices",
        "record_key": "OrderNumber",
        "group_by": "order",
        "fields": FIELDS,
        "defaults": DEFAULTS,
    }
    return execute(MpohodaCreateOperator(task_id="create", records=records, **{**given, **options}), run_id)


def file(path: Path, *rows: str) -> str:
    (path / "in.csv").write_text("\n".join([COLUMNS, *rows]) + "\n")
    return str(path / "in.csv")


def test_rows_become_documents_and_both_are_counted(vendor, tmp_path):
    records = file(
        tmp_path, "0077,2026-11-15,Ada,1,9.90", "78,2026-11-15,Bob,2,1", "0077,2026-11-15,Ada,2.5000,4"
    )
    result = create(records, max_concurrency=1)
    assert counts(result) == {"total": 2, "created": 2}
    assert counts(result["rows"]) == {"total": 3, "created": 3}
    path, body = vendor.requests[0]
    assert path == "/v1/IssuedInvoices"
    assert body == {
        "OrderNumber": "0077",
        "DueDate": "2026-11-15",
        "BusinessPartnerAddress": {"DocumentAddressWithoutAddressBookLink": {"Name": "Ada"}},
        "Items": [
            {"TextItem": {"Quantity": 1, "UnitPrice": Decimal("9.90"), "UnitPriceVatType": "WithVat"}},
            {"TextItem": {"Quantity": Decimal("2.5000"), "UnitPrice": 4, "UnitPriceVatType": "WithVat"}},
        ],
    }
    [first, second] = result["records"]
    assert first["issued_invoice"]["number"] == "26F1"
    assert first["issued_invoice"]["total"] == "12.5"
    assert first["Items"] == [{"qty": "1", "price": "9.90"}, {"qty": "2.5000", "price": "4"}]
    assert (first["name"], second["name"]) == ("Ada", "Bob")


def test_the_folder_of_the_output_need_not_exist(vendor, tmp_path):
    output = tmp_path / "new" / "folder" / "out.jsonl"
    result = create(file(tmp_path, "77,2026-11-15,Ada,1,9.90"), output=str(output))
    assert counts(result) == {"total": 1, "created": 1}
    assert len(lines(output)) == 1


def test_a_folder_that_cannot_be_made_is_an_error_that_names_the_output(vendor, tmp_path):
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(InvalidInput, match="taken") as caught:
        create(file(tmp_path, "77,2026-11-15,Ada,1,9.90"), output=str(tmp_path / "taken" / "out.jsonl"))
    assert caught.value.field == "output"
    assert vendor.requests == []


def test_a_key_may_be_inside_one_of_two_kinds_of_address(vendor):
    address = {"DocumentAddressWithoutAddressBookLink": {"IdentificationNumber": "123", "Name": "Ada"}}
    line = {"TextItem": {"Quantity": 1, "UnitPrice": 1, "UnitPriceVatType": "WithVat"}}
    options: dict[str, Any] = {
        "record_key": ["BusinessPartnerAddress.IdentificationNumber", "VariableSymbol"],
        "group_by": None,
    }
    record = {"VariableSymbol": "7", "BusinessPartnerAddress": address, "Items": [line]}
    assert counts(create([record], fields={}, **options)) == {"total": 1, "created": 1}
    assert counts(create([record], "run-2", fields={}, **options)) == {"total": 1, "replayed": 1}
    other = {"DocumentAddressWithoutAddressBookLink": {"IdentificationNumber": "124", "Name": "Bob"}}
    result = create([{**record, "BusinessPartnerAddress": other}], "run-3", fields={}, **options)
    assert counts(result) == {"total": 1, "created": 1}


def test_a_second_run_creates_none(vendor, tmp_path):
    records = file(tmp_path, "77,2026-11-15,Ada,1,9.90", "77,2026-11-15,Ada,2,4")
    create(records)
    again = create(records, "run-2", output=str(tmp_path / "out.csv"))
    assert counts(again) == {"total": 1, "replayed": 1}
    assert counts(again["rows"]) == {"total": 2, "replayed": 2}
    assert len(vendor.requests) == 1
    [header, row] = (tmp_path / "out.csv").read_text().splitlines()
    assert header.startswith("order,due,name,Items,issued_invoice.id")
    assert ID.format(1) in row


def test_a_document_with_one_wrong_row_fails_as_a_whole_and_all_its_rows_are_named(vendor, tmp_path):
    records = file(tmp_path, "77,2026-11-15,Ada,1,9.90", "78,2026-11-15,Bob,1,1", '77,2026-11-15,Ada,"1,5",4')
    output = tmp_path / "out.jsonl"
    result = create(records, on_error="continue", output=str(output))
    assert counts(result) == {"total": 2, "created": 1, "failed": 1}
    assert counts(result["rows"]) == {"total": 3, "created": 1, "failed": 2}
    [report] = lines(result["failures_output"])
    assert (report["rows"], report["field"]) == ([1, 3], "Items[1].TextItem.Quantity")
    assert report["reason"].startswith('row 3: "Items[1].TextItem.Quantity" (row 3): must be a number')
    assert "1,5" not in report["reason"]
    assert [body["OrderNumber"] for _, body in vendor.requests] == ["78"]
    # The report can be corrected and sent as it is.
    record = report["record"]
    record["Items"][1]["qty"] = "1.5"
    repaired = create([record], group_by=None, fields={**FIELDS})
    assert counts(repaired) == {"total": 1, "created": 1}
    assert len(vendor.requests[-1][1]["Items"]) == 2


def test_rows_that_disagree_are_not_sent(vendor, tmp_path):
    records = file(tmp_path, "77,2026-11-15,Ada,1,9.90", "77,2026-11-16,Ada,1,1")
    with pytest.raises(InvalidInput, match=r'"due" \(rows 1 and 2\)'):
        create(records)
    assert vendor.requests == []


def test_rows_of_one_order_without_group_by_are_not_taken_for_repeats(vendor, tmp_path):
    records = file(tmp_path, "77,2026-11-15,Ada,1,9.90", "77,2026-11-15,Ada,1,1")
    result = create(records, group_by=None, on_error="continue")
    assert counts(result) == {"total": 2, "created": 1, "failed": 1}
    assert "group_by" in result["failures"][0]["reason"]


def test_rows_whose_keys_differ_in_what_looks_alike_are_one_document(vendor, tmp_path):
    """The ledger takes the keys for one: of two documents the second would never be sent."""
    rows = [("Caf\u00e9-1", 1), ("Cafe\u0301\u20131", 2)]
    records = [
        {
            "OrderNumber": key,
            "Items.TextItem.Quantity": quantity,
            "Items.TextItem.UnitPrice": 5,
            "Items.TextItem.UnitPriceVatType": "WithVat",
        }
        for key, quantity in rows
    ]
    result = create(records, group_by="OrderNumber", fields={}, defaults={})
    assert result["rows"]["created"] == 2
    [(_, body)] = vendor.requests
    assert [line["TextItem"]["Quantity"] for line in body["Items"]] == [1, 2]


LINE = {"TextItem": {"Quantity": 1, "UnitPrice": 1, "UnitPriceVatType": "WithVat"}}
COLUMN = {"Items.TextItem.Quantity": 2, "Items.TextItem.UnitPrice": 3}
ADDRESS = "DocumentAddressWithoutAddressBookLink"


@pytest.mark.parametrize("group_by", [None, "OrderNumber"])
def test_lines_that_a_record_has_in_two_ways_are_not_dropped(vendor, group_by):
    records = [{"OrderNumber": "1", "Items": [LINE], **COLUMN}]
    result = create(records, group_by=group_by, fields={}, on_error="continue")
    assert counts(result) == {"total": 1, "failed": 1}
    assert '"Items"' in result["failures"][0]["reason"]
    assert vendor.requests == []


def test_a_field_that_a_record_has_in_two_ways_is_not_guessed(vendor):
    record = {
        "OrderNumber": "1",
        "Items": [LINE],
        "BusinessPartnerAddress": {ADDRESS: {"City": "Brno"}},
        f"BusinessPartnerAddress.{ADDRESS}.City": "Zlín",
        "town": "Jihlava",
    }
    result = create([record], group_by=None, fields={}, on_error="continue")
    assert counts(result) == {"total": 1, "failed": 1}
    assert result["failures"][0]["field"] == f"BusinessPartnerAddress.{ADDRESS}.City"
    assert "Zlín" not in result["failures"][0]["reason"]
    # What the Dag author names comes first.
    del record[f"BusinessPartnerAddress.{ADDRESS}.City"]
    fields = {f"BusinessPartnerAddress.{ADDRESS}.City": "town"}
    create([record], group_by=None, fields=fields, exclude=["town"])
    [(_, body)] = vendor.requests
    assert body["BusinessPartnerAddress"] == {ADDRESS: {"City": "Jihlava"}}


def test_a_refused_document_fails_with_all_its_rows(vendor, tmp_path):
    vendor.status = 422
    result = create(file(tmp_path, "77,,Ada,1,9.90", "77,,Ada,1,1"), on_error="continue")
    assert counts(result["rows"]) == {"total": 2, "failed": 2}
    assert result["failures"][0]["rows"] == [1, 2]


def test_a_check_looks_at_the_whole_file_and_leaves_no_trace(vendor, tmp_path, ledger_path):
    records = file(tmp_path, "77,x,Ada,1,9.90", "78,,Bob,1,1", "79,,Cyd,,1", "78,,Bob,1,1")
    output = str(tmp_path / "out.jsonl")
    result = create(records, check_only=True, on_error="continue", output=output)
    assert (result["total"], result["valid"], result["failed"], result["requests"]) == (3, 1, 2, 0)
    assert [one["field"] for one in result["failures"]] == ["DueDate", "Items[0].TextItem.Quantity"]
    assert [one["rows"] for one in lines(result["failures_output"])] == [[1], [3]]
    with pytest.raises(BatchFailed, match="2 of 3 records are wrong") as caught:
        create(records, check_only=True, output=output)
    assert "row 1" in str(caught.value)
    assert len(lines(tmp_path / "out.failed.jsonl")) == 2
    assert vendor.requests == []
    assert not os.path.exists(ledger_path)
    assert not os.path.exists(output)


def test_a_check_tells_of_no_output_and_nothing_that_was_sent(vendor, tmp_path):
    records = file(tmp_path, "77,x,Ada,1,9.90", "78,,Bob,1,1")
    told: list[FailureReport] = []
    task = MpohodaCreateOperator(
        task_id="check",
        resource="IssuedInvoices",
        records=records,
        record_key="OrderNumber",
        group_by="order",
        fields=FIELDS,
        defaults=DEFAULTS,
        output=str(tmp_path / "out.jsonl"),
        check_only=True,
        on_error="continue",
        on_partial_failure="fail",
    )
    # Else every check would start the Dags that follow the output.
    assert task.outlets == []
    with pytest.raises(BatchFailed, match=r"1 of 2 records did not succeed.* Nothing was sent\."):
        execute(task)
    assert (task.outcome.direction, task.outcome.output) == ("none", None)
    instance = SimpleNamespace(dag_id="dag", run_id="run", task_id="check", map_index=-1)
    VendorFailureReportNotifier(told.append)({"ti": instance, "task": task})
    assert told[0].counts["total"] == 2
    assert told[0].subject == "dag.check: 1 of 2 records failed, 0 unknown"
    assert told[0].url.endswith("/xcom")


def test_a_check_of_a_good_file_leaves_no_report(vendor, tmp_path):
    result = create(file(tmp_path, "77,,Ada,1,9.90"), check_only=True, output=str(tmp_path / "out.jsonl"))
    assert (result["valid"], result["failed"], result["failures_output"]) == (1, 0, None)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.csv"]


def test_warnings_are_kept_and_may_fail_the_task_after_all_is_created(vendor, tmp_path):
    vendor.warnings = [{"Code": "SellingPriceCodeDoesNotExist", "Message": "m"}]
    records = file(tmp_path, "77,,Ada,1,9.90", "78,,Bob,1,1")
    output = str(tmp_path / "out.jsonl")
    with pytest.raises(BatchFailed, match="2 records with warnings; the first, of row 1: SellingPriceCode"):
        create(records, fail_on_warning=True, output=output, max_concurrency=1)
    assert [one["issued_invoice"]["warnings"][0]["code"] for one in lines(output)] == [
        "SellingPriceCodeDoesNotExist"
    ] * 2
    again = create(records, "run-2", max_concurrency=1)
    assert counts(again) == {"total": 2, "replayed": 2}
    assert again["warnings"][1] == {"row": 2, "code": "SellingPriceCodeDoesNotExist", "message": "m"}


def test_a_warning_that_quotes_the_key_of_the_connection_does_not_show_it(vendor, tmp_path):
    vendor.warnings = [{"Code": "C", "Message": "a2V5LW9mLXRoZS10ZXN0 is key-of-the-test"}]
    output = str(tmp_path / "out.jsonl")
    create(file(tmp_path, "77,,Ada,1,9.90"), output=output)
    assert lines(output)[0]["issued_invoice"]["warnings"][0]["message"] == "*** is ***"


def test_the_next_step_takes_the_id_of_what_was_created(vendor):
    invoice = {"order": "1", "due": "", "name": "", "qty": 1, "price": 1}
    created = create([invoice])
    paid = execute(MpohodaLiquidateOperator(task_id="pay", resource="IssuedInvoices", records=created))
    assert vendor.requests[-1] == (f"/v1/IssuedInvoices/{ID.format(1)}/Liquidate/Standalone/Fully", {})
    assert paid["records"][0]["liquidation"]["amount"] == "12.5"
    order = [{"received_order": {"id": ID.format(7)}}]
    done = execute(
        MpohodaTransferOrdersOperator(task_id="transfer", resource="ReceivedOrders", records=order)
    )
    assert "issued_invoice" in done["records"][0]


def test_a_payment_in_part_is_known_by_the_field_that_record_key_names(vendor):
    records = [
        {"id": ID.format(1), "amount": "10", "transaction": "T1", "key": "x"},
        {"id": ID.format(1), "amount": "10", "transaction": "T2", "key": "x"},
        {"id": ID.format(1), "amount": "10", "transaction": "T1", "key": "y"},
    ]
    options: dict[str, Any] = {"task_id": "pay", "resource": "IssuedInvoices", "records": records}
    result = execute(MpohodaLiquidateOperator(**options, record_key="transaction"))
    assert counts(result) == {"total": 3, "created": 2, "replayed": 1}
    with pytest.raises(InvalidInput, match="key of its own"):
        execute(MpohodaLiquidateOperator(**options))


@pytest.mark.parametrize("depth", [700, 900])
def test_rows_of_a_record_that_is_nested_too_deep_are_all_counted(vendor, depth):
    deep: Any = "x"
    for _ in range(depth):
        deep = [deep]
    row = {"due": "2026-11-15", "name": "Ada", "qty": 1, "price": 1}
    rows = [{**row, "order": "1", "due": deep}, {**row, "order": "1", "due": deep}, {**row, "order": "2"}]
    result = create(rows, on_error="continue")
    assert counts(result) == {"total": 2, "created": 1, "failed": 1}
    assert counts(result["rows"]) == {"total": 3, "created": 1, "failed": 2}
    assert result["failures"][0]["rows"] == [1, 2]


@pytest.mark.parametrize(
    ("kind", "options", "told"),
    [
        (MpohodaCreateOperator, {"resource": "Centres"}, "resource"),
        (MpohodaCreateOperator, {"resource": "IssuedInvoices"}, "record_key"),
        (MpohodaCreateOperator, {"resource": "BusinessPartners", "group_by": "x"}, "group_by"),
        (MpohodaCreateOperator, {"resource": "IssuedInvoices", "record_key": [""]}, "record_key"),
        (MpohodaCreateOperator, {"resource": "PaymentMethods", "check_only": "yes"}, "check_only"),
        (MpohodaTransferOrdersOperator, {"resource": "IssuedInvoices"}, "resource"),
        (MpohodaLiquidateOperator, {"resource": "ReceivedInvoices"}, "resource"),
    ],
)
def test_a_parameter_that_cannot_be_right_is_refused_when_the_dag_is_parsed(kind, options, told):
    with pytest.raises(InvalidInput, match=told):
        kind(task_id="t", records=[], **options)
