"""Put the PDF and the ISDOC file of each invoice of last month into the accountant's folder.

What is there already is not fetched again, so the Dag may run as often as one likes. It costs a request for
each page of the list, and one for each new file.
"""

from __future__ import annotations

import json
from typing import Any

from airflow.sdk import DAG, task

from airflow_provider.mpohoda.operators import MpohodaDownloadOperator, MpohodaListOperator

with DAG(
    "example_mpohoda_hand_over",
    # In production early in each month, like "0 6 2 * *".
    schedule=None,
    params={"folder": "/data/accountant", "month": ""},
    tags=["mpohoda", "example"],
):
    # [START howto_operator_mpohoda_download]
    last_month = "(dag_run.run_after.replace(day=1) - macros.timedelta(days=1)).strftime('%Y-%m')"
    month = f"{{{{ params.month or {last_month} }}}}"

    # Nothing asks by date of issue. What was issued in the month was also changed since it began in Prague,
    # unless it was made in advance.
    changed = MpohodaListOperator(
        task_id="changed",
        resource="IssuedInvoices",
        modified_since=month + "-01T00:00:00+02:00",
        output=f"{{{{ params.folder }}}}/{month}-{{{{ dag_run.run_after | ts_nodash }}}}.jsonl",
    )

    @task
    def issued_in(month: str, changed: dict[str, Any]) -> list[dict[str, str]]:
        with open(changed["output"], encoding="utf-8") as file:
            invoices = [json.loads(line) for line in file]
        return [
            {"id": invoice["Id"], "number": invoice["DocumentNumber"]}
            for invoice in invoices
            if invoice["IssueDate"].startswith(month)
        ]

    invoices = issued_in(month, changed.output)

    for format in ("pdf", "isdoc"):
        MpohodaDownloadOperator(
            task_id=format,
            resource="IssuedInvoices",
            records=invoices,
            folder=f"{{{{ params.folder }}}}/{month}",
            format=format,
            name="{number}",
            on_error="continue",
        )
    # [END howto_operator_mpohoda_download]
