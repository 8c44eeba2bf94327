"""Read code lists of several companies of mPOHODA: a connection for each company, a task for each list.

Credentials belong to one company, so several companies are several connections.
"""

from __future__ import annotations

from airflow.sdk import DAG

from airflow_provider.mpohoda.operators import MpohodaListOperator

COMPANIES = ["mpohoda_default", "mpohoda_oauth"]
LISTS = ["PaymentMethods", "Centres", "VatRates"]

with DAG(
    "example_mpohoda_code_lists",
    # In production "@weekly", for example: a code list hardly ever changes.
    schedule=None,
    params={"folder": "/data/mpohoda"},
    tags=["mpohoda", "example"],
):
    # [START howto_mpohoda_code_lists]
    MpohodaListOperator.partial(task_id="code_lists").expand_kwargs(
        [
            {
                "mpohoda_conn_id": company,
                "resource": name,
                "output": f"{{{{ params.folder }}}}/{company}/{name}.parquet",
            }
            for company in COMPANIES
            for name in LISTS
        ]
    )
    # [END howto_mpohoda_code_lists]
