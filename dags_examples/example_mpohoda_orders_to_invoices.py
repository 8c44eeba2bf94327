"""Make an invoice of each order of an e-shop: one row of the file is one line of an order."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

from airflow.sdk import DAG

from airflow_provider.mpohoda.operators import MpohodaCreateOperator

ORDERS = str(Path(__file__).parent / "data" / "web_orders.csv")
ADDRESS = "BusinessPartnerAddress.DocumentAddressWithoutAddressBookLink"
OUTPUT = Path(os.environ.get("AIRFLOW_HOME", "~/airflow")).expanduser() / "invoices"

with DAG("example_mpohoda_orders_to_invoices", schedule=None, tags=["mpohoda", "example"]):
    # [START howto_operator_mpohoda_orders_to_invoices]
    create_invoices = MpohodaCreateOperator(
        task_id="create_invoices",
        resource="IssuedInvoices",
        records=ORDERS,
        output=f"{OUTPUT}/{{{{ run_id | replace(':', '') }}}}.jsonl",
        # The rows of one order are one invoice, and an order is invoiced once for ever.
        group_by="order",
        record_key="OrderNumber",
        fields={
            "OrderNumber": "order",
            "PaymentMethodId": "paid_by",
            "CurrencyId": "currency",
            f"{ADDRESS}.CompanyName": "partner",
            f"{ADDRESS}.Street": "street",
            f"{ADDRESS}.City": "city",
            f"{ADDRESS}.PostCode": "post_code",
            "Items.TextItem.Text": "item",
            "Items.TextItem.Quantity": "quantity",
            "Items.TextItem.UnitPrice": "price",
        },
        defaults={
            "Items.TextItem.UnitPriceVatType": "WithoutVat",
            "Items.TextItem.VatRateType": "BasicVatRate",
        },
        # The file has names, mPOHODA wants ids: both lists are read once a run.
        resolve={"PaymentMethodId": "Name", "CurrencyId": "Code"},
        required=[f"{ADDRESS}.CompanyName"],
        # Somebody may have typed an invoice in already.
        existing="skip",
        # An answer that was lost is looked for before anything is sent again.
        reconcile=True,
        on_error="continue",
        max_failures=10,
        retries=4,
        retry_delay=timedelta(minutes=10),
    )
    # [END howto_operator_mpohoda_orders_to_invoices]
