"""Set quota aside before the work begins, and give back what was not spent, whatever becomes of the work."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import DAG, task

from airflow_provider.http.retry_policy import VendorRetryPolicy
from airflow_provider.quota.operators import ReleaseQuotaOperator, ReserveQuotaOperator
from airflow_provider.wolkvox.operators import WolkvoxTokenInformationOperator

with DAG("example_quota_reservation", schedule=None, tags=["wolkvox", "quota", "example"]):
    # [START howto_operator_quota_reservation]
    reserve = ReserveQuotaOperator(
        task_id="reserve",
        conn_id="wolkvox_default",
        amount=500,
        expires_in=timedelta(hours=6),
        deferrable=True,
        timeout=timedelta(days=2).total_seconds(),
    )
    work = WolkvoxTokenInformationOperator(
        task_id="work",
        retries=3,
        # A used-up quota is tried again at its reset, and what no retry can mend not at all.
        retry_policy=VendorRetryPolicy(),
    )
    release = ReleaseQuotaOperator(task_id="release", conn_id="wolkvox_default")

    reserve.as_setup() >> work >> release.as_teardown(setups=reserve)
    # [END howto_operator_quota_reservation]

    @task
    def report(released: dict[str, Any]) -> None:
        """Say what became of the reservation."""
        print(
            f"{released['spent']} of {released['reserved']} requests spent, {released['released']} released"
        )

    report(release.output)
