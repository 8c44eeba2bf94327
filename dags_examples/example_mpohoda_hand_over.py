"""Put the PDF and the ISDOC file of each invoice of last month into the accountant's folder.

What is there already is not fetched again, so the Dag may run as often as one likes. It costs a request for
each page of the list, and one for each new file.
"""

from __future__ import annotations

from airflow.sdk import DAG, task

from airflow_provider.mpohoda.operators import MpohodaDownloadOperator

with DAG(
    "example_mpohoda_hand_over",
    # In production early in each month, like "0 6 2 * *".
    schedule=None,
    params={"folder": "/data/accountant", "month": ""},
    tags=["mpohoda", "example"],
):
    # [START howto_operator_mpohoda_download]
    month = "{{ params.month or dag_run.run_after.subtract(months=1).strftime('%Y-%m') }}"

    @task
    def issued_in(month: str) -> list[dict[str, str]]:
        from airflow_provider.mpohoda.hooks import MpohodaHook

        # Nothing asks by date of issue: what was issued in the month was also changed since it began.
        pages = MpohodaHook().pages("IssuedInvoices", modified_since=f"{month}-01T00:00:00Z")
        return [
            {"id": invoice["Id"], "number": invoice["DocumentNumber"]}
            for page in pages
            for invoice in page.items
            if invoice["IssueDate"].startswith(month)
        ]

    invoices = issued_in(month)

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
