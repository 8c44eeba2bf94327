"""Bring the matches of the next week into a Parquet file each night, of all video games of the account."""

from __future__ import annotations

from airflow.sdk import DAG

from airflow_provider.http.retry_policy import VendorRetryPolicy
from airflow_provider.mobadoo.operators import MobadooListMatchesOperator

with DAG(
    "example_mobadoo_matches",
    # In production "0 2 * * *", for example.
    schedule=None,
    params={"folder": "/data/mobadoo"},
    # A retry continues at the page where the try before stopped.
    default_args={"retries": 3, "retry_policy": VendorRetryPolicy()},
    tags=["mobadoo", "example"],
):
    # [START howto_operator_mobadoo_list_matches]
    matches = MobadooListMatchesOperator(
        task_id="matches",
        after="{{ dag_run.run_after }}",
        before="{{ dag_run.run_after + macros.timedelta(days=7) }}",
        output="{{ params.folder }}/matches-{{ dag_run.run_after | ts_nodash }}.parquet",
    )
    # [END howto_operator_mobadoo_list_matches]
