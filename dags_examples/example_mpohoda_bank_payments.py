"""Mark invoices of mPOHODA as paid with the payments of a bank, matched by their variable symbols."""

from __future__ import annotations

import os
from pathlib import Path

from airflow.sdk import DAG, Param

from airflow_provider.mpohoda.operators import MpohodaLiquidateOperator

PAYMENTS = Path(__file__).resolve().parent / "data" / "bank_payments.csv"
FOLDER = Path(os.environ.get("AIRFLOW_HOME", "~/airflow")).expanduser() / "bank_payments"

with DAG(
    "example_mpohoda_bank_payments",
    schedule=None,
    tags=["mpohoda", "example"],
    params={
        "payments": Param(str(PAYMENTS), type="string", title="Payments of the bank"),
        "invoices": Param(
            str(FOLDER / "invoices.jsonl"),
            type="string",
            title="Invoices",
            description="All issued invoices, as MpohodaListOperator writes them.",
        ),
        "folder": Param(str(FOLDER), type="string", title="Folder of the results"),
    },
):
    # [START howto_operator_mpohoda_bank_payments]
    pay = MpohodaLiquidateOperator(
        task_id="pay",
        resource="IssuedInvoices",
        # Columns: transaction, variable_symbol, amount, date.
        records="{{ params.payments }}",
        match="variable_symbol",
        documents="{{ params.invoices }}",
        # The bank's own number of the payment: it is recorded once, however often the statement comes.
        record_key="transaction",
        defaults={"note": "bank"},
        # One after another, as the bank has them: of two payments of one invoice the later one is too much.
        max_concurrency=1,
        output="{{ params.folder }}/paid-{{ ds }}.jsonl",
        # What fits no invoice, or several, is for a person: it is in paid-….failed.jsonl.
        on_error="continue",
    )
    # [END howto_operator_mpohoda_bank_payments]
