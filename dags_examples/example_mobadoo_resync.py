"""Resynchronise with Mobadoo: read games, markets and matches, then send the reset."""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import DAG

from airflow_provider.mobadoo.assets import mobadoo_desync
from airflow_provider.mobadoo.operators import MobadooResyncOperator

with DAG(
    "example_mobadoo_resync",
    # A run starts when the webhook of the connection tells that something was missed, and after each gap of
    # its WebSocket, if an asset has a watcher with a `MobadooEventTrigger`.
    # `AssetOrTimeSchedule` adds a time to that: a notice that nobody saw does harm for a day at most.
    schedule=mobadoo_desync("mobadoo_default"),
    catchup=False,
    params={"folder": "/data/mobadoo"},
    # Two at once would send the reset of the one while the other reads.
    max_active_runs=1,
    tags=["mobadoo", "example"],
):
    # [START howto_operator_mobadoo_resync]
    resync = MobadooResyncOperator(
        task_id="resync",
        output="{{ params.folder }}/matches-{{ dag_run.run_after | ts_nodash }}.parquet",
        markets_output="{{ params.folder }}/markets-{{ dag_run.run_after | ts_nodash }}.parquet",
        # A list that changed while it was read is read again.
        retries=3,
        retry_delay=timedelta(minutes=1),
    )
    # [END howto_operator_mobadoo_resync]
