"""Start work on the CRM only when the day's quota suffices."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import DAG, task

from airflow_provider.wolkvox.sensors import WolkvoxQuotaSensor

with DAG("example_wolkvox_quota_sensor", schedule=None, tags=["wolkvox", "example"]):
    # [START howto_sensor_wolkvox_quota]
    wait_for_quota = WolkvoxQuotaSensor(
        task_id="wait_for_quota",
        min_remaining=500,
        # With too little left it sleeps until the reset, once a day: two days leave room for a second look.
        timeout=timedelta(days=2).total_seconds(),
        deferrable=True,
    )
    # [END howto_sensor_wolkvox_quota]

    @task
    def write_to_crm(quota: dict[str, Any]) -> None:
        """Stand for the work that spends the quota."""
        print(f"{quota['remaining']:,} uses left until {quota['resets_at']}")

    write_to_crm(wait_for_quota.output)
