"""Make invoices of the orders of a shop: one of each order, whatever happens.

The file has a row for each line of an order. Who runs this again, with the same file or with one that has
the same orders in it, makes no second invoice.
"""

from __future__ import annotations

import json
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

from airflow.sdk import DAG, Param, task

from airflow_provider.mpohoda.operators import MpohodaCreateOperator

ORDERS = Path(__file__).resolve().parent / "data" / "orders.csv"
OUTPUT = Path(os.environ.get("AIRFLOW_HOME", "~/airflow")).expanduser() / "invoice_orders"

# A folder for each run; a run id has colons, which not every file system takes.
FOLDER = "{{ params.output_folder }}/{{ run_id | replace(':', '') }}"
ADDRESS = "BusinessPartnerAddress.DocumentAddressWithoutAddressBookLink"

# [START invoice_orders]
with DAG(
    dag_id="invoice_orders",
    description="CSV of orders -> mPOHODA invoices, one of each order",
    # By hand only: an example does not start by itself.
    schedule=None,
    catchup=False,
    max_active_runs=1,
    default_args={"retries": 2, "retry_delay": timedelta(minutes=1)},
    tags=["mpohoda", "example"],
    doc_md=__doc__,
    params={
        "orders": Param(
            str(ORDERS),
            type="string",
            title="Orders",
            description="Path or URI of the CSV, JSONL or Parquet file: a row for each line of an order.",
        ),
        "output_folder": Param(
            str(OUTPUT),
            type="string",
            title="Output folder",
            description="Path or URI of a folder that all workers share; each run gets its own folder in it.",
        ),
    },
):
    create_invoices = MpohodaCreateOperator(
        task_id="create_invoices",
        resource="IssuedInvoices",
        records="{{ params.orders }}",
        # The rows of an order are one invoice, and the order makes it the same one in every run.
        group_by="order_number",
        record_key="OrderNumber",
        # mPOHODA's fields, and the columns of the file.
        fields={
            "OrderNumber": "order_number",
            "OrderDate": "order_date",
            "IssueDate": "order_date",
            "TaxDate": "order_date",
            "DueDate": "due_date",
            f"{ADDRESS}.CompanyName": "company",
            f"{ADDRESS}.IdentificationNumber": "ico",
            f"{ADDRESS}.Street": "street",
            f"{ADDRESS}.PostCode": "post_code",
            f"{ADDRESS}.City": "city",
            f"{ADDRESS}.Email": "email",
            "Items.TextItem.Text": "item",
            "Items.TextItem.Quantity": "quantity",
            "Items.TextItem.Unit": "unit",
            "Items.TextItem.UnitPrice": "unit_price",
            "Items.TextItem.DiscountPercentage": "discount",
        },
        defaults={
            "Text": "We invoice what you ordered.",
            "Items.TextItem.UnitPriceVatType": "WithoutVat",
            "Items.TextItem.VatRateType": "BasicVatRate",
        },
        output=f"{FOLDER}/invoices.jsonl",
        on_error="continue",
    )

    @task
    def summarize(folder: str, invoices: dict[str, Any]) -> str:
        """Log what came of the orders and write it to ``summary.json``."""
        from airflow.sdk import ObjectStoragePath

        counts = ("total", "created", "replayed", "failed", "unknown", "requests", "seconds")
        print("invoices: " + ", ".join(f"{invoices[count]:,} {count}" for count in counts))
        if invoices["failures_output"]:
            print(f"  what failed and why: {invoices['failures_output']}")
        path = ObjectStoragePath(f"{folder}/summary.json")
        path.write_text(json.dumps(invoices, indent=2, ensure_ascii=False), encoding="utf-8")
        return str(path)

    summarize(folder=FOLDER, invoices=create_invoices.output)
# [END invoice_orders]
