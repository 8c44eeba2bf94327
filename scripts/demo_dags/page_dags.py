"""What fills the operations page in ``make up``: batches that end well, partly, early, or not for an hour."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any

from airflow.sdk import DAG, task

from airflow_provider.imbee.operators import ImbeeCreateAccessTokensOperator, ImbeeCreateUsersOperator
from airflow_provider.mobadoo.assets import mobadoo_asset
from airflow_provider.quota.operators import ReserveQuotaOperator
from airflow_provider.wolkvox.operators import WolkvoxTokenInformationOperator

HOME = os.environ.get("AIRFLOW_HOME", "/tmp")
TAGS = ["demo"]
# On a busy machine Airflow may give up on a task before it has begun.
RETRIES: dict[str, Any] = {"retries": 2, "retry_delay": timedelta(seconds=1)}
MANUAL: dict[str, Any] = {"schedule": None, "catchup": False, "tags": TAGS, "default_args": RETRIES}


def people(count: int) -> list[dict[str, Any]]:
    return [{"unique_id_sha": f"customer-{number}"} for number in range(1, count + 1)]


with DAG("nightly_tokens", **MANUAL):
    ImbeeCreateUsersOperator(task_id="users", records=people(400)) >> ImbeeCreateAccessTokensOperator(
        task_id="tokens",
        records=[
            {"virtual_user": f"customer-{number}", "mail": f"customer-{number}@example.com"}
            for number in range(1, 401)
        ],
        defaults={"bot_idsha": "welcome-bot"},
        on_error="continue",
    )

with DAG("slow_import", **MANUAL):
    ImbeeCreateUsersOperator(
        task_id="users",
        imbee_conn_id="imbee_slow",
        records=people(12_000),
        output=f"{HOME}/slow_import.jsonl",
    )

with DAG("refused_import", **MANUAL):
    ImbeeCreateUsersOperator(task_id="users", imbee_conn_id="imbee_expired", records=people(50), retries=0)

with DAG("campaign", **MANUAL):
    WolkvoxTokenInformationOperator(
        task_id="quota", wolkvox_conn_id="wolkvox_campaign"
    ) >> ReserveQuotaOperator(
        task_id="reserve", conn_id="wolkvox_campaign", amount=40, expires_in=timedelta(hours=12)
    )

with DAG(
    "match_changes", schedule=mobadoo_asset("mobadoo_default", "lol", "Match"), catchup=False, tags=TAGS
):

    @task
    def look(triggering_asset_events: Any = None) -> int:
        """Count what has come."""
        return sum(len(events) for events in (triggering_asset_events or {}).values())

    look()
