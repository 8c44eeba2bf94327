"""Create received invoices that a scanner has read: check all of them first, then create them."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

from airflow.sdk import DAG

from airflow_provider.mpohoda.operators import MpohodaCreateOperator

INVOICES = str(Path(__file__).parent / "data" / "received_invoices.jsonl")
ADDRESS = "BusinessPartnerAddress.DocumentAddressWithoutAddressBookLink"
OUTPUT = Path(os.environ.get("AIRFLOW_HOME", "~/airflow")).expanduser() / "received"

with DAG("example_mpohoda_received_invoices", schedule=None, tags=["mpohoda", "example"]):
    # [START howto_operator_mpohoda_received_invoices]
    invoices: dict[str, Any] = {
        "resource": "ReceivedInvoices",
        "records": INVOICES,
        # Two suppliers may have the same number.
        "record_key": ["BusinessPartnerAddress.IdentificationNumber", "SupplierInfo.DocumentNumber"],
        "fields": {
            f"{ADDRESS}.IdentificationNumber": "supplier.ico",
            f"{ADDRESS}.CompanyName": "supplier.name",
            f"{ADDRESS}.City": "supplier.city",
            "SupplierInfo.DocumentNumber": "number",
            "VariableSymbol": "symbol",
            "IssueDate": "issued",
            "DueDate": "due",
            "Items": "lines",
            "Items.TextItem.Text": "text",
            "Items.TextItem.Quantity": "quantity",
            "Items.TextItem.UnitPrice": "price",
        },
        "defaults": {
            "Items.TextItem.UnitPriceVatType": "WithoutVat",
            "Items.TextItem.VatRateType": "BasicVatRate",
            "PaymentMethodId": "Příkazem",
        },
        "resolve": {"PaymentMethodId": "Name"},
        "required": [f"{ADDRESS}.IdentificationNumber", "SupplierInfo.DocumentNumber", "DueDate"],
    }

    # Sends nothing. It fails where any invoice is wrong, with all that is wrong in the report.
    check = MpohodaCreateOperator(
        task_id="check",
        check_only=True,
        output=f"{OUTPUT}/{{{{ run_id | replace(':', '') }}}}.checked.jsonl",
        **invoices,
    )

    create = MpohodaCreateOperator(
        task_id="create",
        output=f"{OUTPUT}/{{{{ run_id | replace(':', '') }}}}.jsonl",
        reconcile=True,
        retries=4,
        retry_delay=timedelta(minutes=10),
        **invoices,
    )

    check >> create
    # [END howto_operator_mpohoda_received_invoices]
