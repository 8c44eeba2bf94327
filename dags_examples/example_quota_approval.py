"""Ask a person before the day's quota is spent to the last: one approval in Airflow's own web UI."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk import DAG, Param, task

from airflow_provider.wolkvox.operators import WolkvoxTokenInformationOperator

with DAG(
    "example_quota_approval",
    schedule=None,
    tags=["wolkvox", "quota", "example"],
    params={
        "planned": Param(200, type="integer", minimum=1, description="Uses that the work takes"),
        "keep": Param(1000, type="integer", minimum=0, description="Uses that others should find left"),
    },
):
    # [START howto_quota_approval]
    read_quota = WolkvoxTokenInformationOperator(task_id="read_quota")

    @task.branch
    def check(quota: dict[str, Any], *, params: dict[str, Any]) -> str:
        """Go on where enough stays for others; otherwise a person decides."""
        return "work" if quota["remaining"] - params["planned"] >= params["keep"] else "ask_a_person"

    ask_a_person = ApprovalOperator(
        task_id="ask_a_person",
        subject="Spend what remains of today's wolkvox quota?",
        body=(
            "{{ ti.xcom_pull(task_ids='read_quota')['remaining'] }} requests remain until "
            "{{ ti.xcom_pull(task_ids='read_quota')['resets_at'] }}, and the work takes {{ params.planned }}."
        ),
        # Nobody answers at night: then it is not spent.
        defaults=ApprovalOperator.REJECT,
        response_timeout=timedelta(hours=8),
    )

    @task(trigger_rule="none_failed_min_one_success")
    def work() -> None:
        """Stand for the work that spends the quota."""
        print("approved, or enough left anyway")

    branch = check(read_quota.output)
    branch >> ask_a_person >> (done := work())
    branch >> done
    # [END howto_quota_approval]
