"""Compare the wallet with Mobadoo's tickets each night: a difference fails the run, and names the tickets."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import DAG, task

from airflow_provider.http.retry_policy import VendorRetryPolicy
from airflow_provider.mobadoo.operators import MobadooListTicketsOperator, MobadooReconcileTicketsOperator

with DAG(
    "example_mobadoo_reconciliation",
    # In production "0 4 * * *", for example.
    schedule=None,
    params={"folder": "/data/mobadoo"},
    default_args={"retry_policy": VendorRetryPolicy()},
    tags=["mobadoo", "example"],
):
    # [START howto_operator_mobadoo_reconcile_tickets]
    listed = MobadooListTicketsOperator(
        task_id="listed",
        output="{{ params.folder }}/tickets-{{ dag_run.run_after | ts_nodash }}.jsonl",
        retries=3,
    )

    compared = MobadooReconcileTicketsOperator(
        task_id="compared",
        records=listed.output,
        # A ticket of the last hour may be younger than the list.
        grace=timedelta(hours=1),
        output="{{ params.folder }}/differences-{{ dag_run.run_after | ts_nodash }}.jsonl",
    )

    @task
    def settle(compared: dict[str, Any]) -> None:
        """Close the night. This is reached where both sides are the same."""
        for currency, sums in compared["sums"].items():
            bets, wins, refunds = (sums[name]["wallet"] for name in ("bets", "wins", "refunds"))
            print(f"{currency}: {bets} bet, {wins} won, {refunds} given back")

    settle(compared.output)
    # [END howto_operator_mobadoo_reconcile_tickets]
