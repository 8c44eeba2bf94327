"""Bring what has changed in mPOHODA's issued invoices into a folder each night: documents, and their lines.

The first run reads all invoices, each later one what has changed since. Load the files into a table by
merging on ``Id``: what lies in the overlap comes twice.
"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import DAG

from airflow_provider.http.retry_policy import VendorRetryPolicy
from airflow_provider.mpohoda.operators import MpohodaListOperator

with DAG(
    "example_mpohoda_extract",
    # In production "0 2 * * *", for example.
    schedule=None,
    params={"folder": "/data/mpohoda"},
    # If the month's requests are used up, the next try waits for the reset and goes on at its page.
    default_args={"retries": 3, "retry_policy": VendorRetryPolicy()},
    # Two runs at once would read the same changes.
    max_active_runs=1,
    tags=["mpohoda", "example"],
):
    # [START howto_operator_mpohoda_list]
    invoices = MpohodaListOperator(
        task_id="invoices",
        resource="IssuedInvoices",
        incremental=True,
        overlap=timedelta(minutes=15),
        output="{{ params.folder }}/invoices-{{ dag_run.run_after | ts_nodash }}.parquet",
        lines_output="{{ params.folder }}/invoice-lines-{{ dag_run.run_after | ts_nodash }}.parquet",
    )

    partners = MpohodaListOperator(
        task_id="partners",
        resource="BusinessPartners",
        incremental=True,
        output="{{ params.folder }}/partners-{{ dag_run.run_after | ts_nodash }}.jsonl",
    )
    # [END howto_operator_mpohoda_list]
