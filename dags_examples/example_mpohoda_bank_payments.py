"""Mark invoices of mPOHODA as paid with the payments of a bank, matched by their variable symbols.

The list of invoices costs a request for each 100 of them, and a payment one.
"""

from __future__ import annotations

import os
from pathlib import Path

from airflow.sdk import DAG, Param

from airflow_provider.mpohoda.operators import MpohodaLiquidateOperator, MpohodaListOperator

PAYMENTS = Path(__file__).resolve().parent / "data" / "bank_payments.csv"
FOLDER = Path(os.environ.get("AIRFLOW_HOME", "~/airflow")).expanduser() / "bank_payments"

with DAG(
    "example_mpohoda_bank_payments",
    schedule=None,
    tags=["mpohoda", "example"],
    params={
        "payments": Param(str(PAYMENTS), type="string", title="Payments of the bank"),
        "folder": Param(str(FOLDER), type="string", title="Folder of the results"),
    },
):
    # [START howto_operator_mpohoda_bank_payments]
    # All of them: of what has changed since yesterday, a symbol might seem to be one invoice's alone.
    invoices = MpohodaListOperator(
        task_id="invoices",
        resource="IssuedInvoices",
        output="{{ params.folder }}/invoices-{{ dag_run.run_after | ts_nodash }}.jsonl",
    )

    pay = MpohodaLiquidateOperator(
        task_id="pay",
        resource="IssuedInvoices",
        # Columns: transaction, variable_symbol, amount, date.
        records="{{ params.payments }}",
        match="variable_symbol",
        documents="{{ ti.xcom_pull('invoices')['output'] }}",
        # The bank's own number of the payment: it is recorded once, however often the statement comes.
        record_key="transaction",
        defaults={"note": "bank"},
        # One after another, as the bank has them: of two payments of one invoice the later one is too much.
        max_concurrency=1,
        output="{{ params.folder }}/paid-{{ dag_run.run_after | ds }}.jsonl",
        # What fits no invoice, or several, is for a person: it is in paid-….failed.jsonl.
        on_error="continue",
    )

    invoices >> pay
    # [END howto_operator_mpohoda_bank_payments]
