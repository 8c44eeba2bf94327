"""Find the issued invoices that are overdue in mPOHODA, and look once more before anybody is reminded.

The list of unpaid invoices has no customer and no due date, so it is joined with the invoices by ``Id``.
"""

from __future__ import annotations

import json
from typing import Any

from airflow.sdk import DAG, task

from airflow_provider.mpohoda.operators import MpohodaGetOperator, MpohodaListOperator

with DAG(
    "example_mpohoda_receivables",
    # In production "0 6 * * MON", for example.
    schedule=None,
    params={"folder": "/data/mpohoda", "today": "2026-11-26"},
    tags=["mpohoda", "example"],
):
    # [START howto_operator_mpohoda_get]
    unpaid = MpohodaListOperator(
        task_id="unpaid",
        resource="IssuedInvoices/Unpaid",
        output="{{ params.folder }}/unpaid-{{ dag_run.run_after | ts_nodash }}.jsonl",
    )

    invoices = MpohodaListOperator(
        task_id="invoices",
        resource="IssuedInvoices",
        output="{{ params.folder }}/invoices-{{ dag_run.run_after | ts_nodash }}.jsonl",
    )

    @task
    def overdue(unpaid: dict[str, Any], invoices: dict[str, Any], params: Any = None) -> list[dict[str, Any]]:
        """Return the unpaid invoices that should have been paid."""
        with open(unpaid["output"], encoding="utf-8") as file:
            open_ids = {json.loads(line)["Id"] for line in file}
        found = []
        with open(invoices["output"], encoding="utf-8") as file:
            for line in file:
                invoice = json.loads(line)
                # Texts of dates are in the order of the dates.
                if invoice["Id"] in open_ids and (invoice["DueDate"] or "9999")[:10] < params["today"]:
                    names = ("Id", "DocumentNumber", "VariableSymbol", "DueDate")
                    found.append({name: invoice[name] for name in names})
        return found

    # A request for each of them, and not for each unpaid invoice.
    payments = MpohodaGetOperator(
        task_id="payments",
        resource="IssuedInvoices",
        part="payment",
        records=overdue(unpaid.output, invoices.output),
        fields={"id": "Id"},
        # One that was deleted meanwhile is reported, and the others are read.
        on_error="continue",
    )

    @task
    def remind(payments: dict[str, Any]) -> list[str]:
        """Return the numbers of the invoices to remind of, in place of sending a mail."""
        found = payments["records"]
        return [one["DocumentNumber"] for one in found if float(one["payment"]["RestToPay"]) > 0]

    remind(payments.output)
    # [END howto_operator_mpohoda_get]
