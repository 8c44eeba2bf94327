"""Provision a file of customers in Imbee: users, chats with the support agent, and web access tokens.

Each customer will be written to the CRM afterwards, so the run first makes sure that the day's quota of
wolkvox suffices. All tokens are sent by mail, SMS or both: **it writes to real people**. Who has a token
already gets no second message, neither by a retry nor by another run.
"""

from __future__ import annotations

import json
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

from airflow.sdk import DAG, Param, task

from airflow_provider.imbee.operators import (
    ImbeeCreateAccessTokensOperator,
    ImbeeCreateChatsOperator,
    ImbeeCreateUsersOperator,
)
from airflow_provider.wolkvox.operators import WolkvoxTokenInformationOperator
from airflow_provider.wolkvox.sensors import WolkvoxQuotaSensor

CUSTOMERS = Path(__file__).resolve().parent / "data" / "customers.csv"
OUTPUT = Path(os.environ.get("AIRFLOW_HOME", "~/airflow")).expanduser() / "provision_customers"

# A folder for each run; a run id has colons, which not every file system takes.
FOLDER = "{{ params.output_folder }}/{{ run_id | replace(':', '') }}"

# [START provision_customers]
with DAG(
    dag_id="provision_customers",
    description="CSV of customers -> Imbee users, chats and access tokens, behind a wolkvox quota gate",
    # By hand only: an example does not start by itself.
    schedule=None,
    catchup=False,
    max_active_runs=1,
    default_args={"retries": 2, "retry_delay": timedelta(minutes=1)},
    tags=["imbee", "wolkvox", "example"],
    doc_md=__doc__,
    params={
        "customers": Param(
            str(CUSTOMERS),
            type="string",
            title="Customers",
            description="Path or URI of the CSV, JSONL or Parquet file, with the columns customer_id, email, "
            "phone and valid_until.",
        ),
        "output_folder": Param(
            str(OUTPUT),
            type="string",
            title="Output folder",
            description="Path or URI of a folder that all workers share; each run gets its own folder in it.",
        ),
        "bot_idsha": Param(
            "welcome-bot",
            type="string",
            minLength=1,
            title="Bot",
            description="Imbee's identifier of the bot.",
        ),
        "min_remaining": Param(
            500,
            type="integer",
            minimum=0,
            title="wolkvox uses needed",
            description="The run waits for this many: writing 5,000 customers in blocks of ten takes 500.",
        ),
    },
):
    gate = WolkvoxQuotaSensor(
        task_id="wait_for_quota",
        min_remaining="{{ params.min_remaining }}",
        timeout=timedelta(days=2).total_seconds(),
        deferrable=True,
    )

    create_users = ImbeeCreateUsersOperator(
        task_id="create_users",
        records="{{ params.customers }}",
        fields={"unique_id_sha": "customer_id"},
        defaults={"platform": "crm-export"},
        output=f"{FOLDER}/users.jsonl",
        on_error="continue",
    )

    create_agent = ImbeeCreateUsersOperator(
        task_id="create_agent",
        records=[{"unique_id_sha": "support-agent"}],
    )

    create_chats = ImbeeCreateChatsOperator(
        task_id="create_chats",
        records=create_users.output,
        defaults={
            "contacts": "{{ ti.xcom_pull(task_ids='create_agent')['records'][0]['user']['virtual_user'] }}",
        },
        output=f"{FOLDER}/chats.jsonl",
        on_error="continue",
    )

    create_tokens = ImbeeCreateAccessTokensOperator(
        task_id="create_access_tokens",
        records=create_chats.output,
        fields={"mail": "email", "cellular": "phone", "date_limit": "valid_until"},
        defaults={"bot_idsha": "{{ params.bot_idsha }}"},
        output=f"{FOLDER}/tokens.jsonl",
        on_error="continue",
    )

    read_quota = WolkvoxTokenInformationOperator(task_id="read_quota")

    @task
    def summarize(
        folder: str, steps: dict[str, dict[str, Any]], before: dict[str, Any], after: dict[str, Any]
    ) -> str:
        """Log what came of each step and write it to ``summary.json``."""
        from airflow.sdk import ObjectStoragePath

        for name, step in steps.items():
            step.pop("records", None)
            counts = ("total", "created", "existing", "replayed", "failed", "unknown", "seconds")
            print(f"{name}: " + ", ".join(f"{step[count]:,} {count}" for count in counts))
            if step["failures_output"]:
                print(f"  what failed and why: {step['failures_output']}")
        print(f"wolkvox: {before['remaining']:,} uses left before, {after['remaining']:,} after")

        summary = {"steps": steps, "quota": {"before": before, "after": after}}
        path = ObjectStoragePath(f"{folder}/summary.json")
        path.write_text(json.dumps(summary, indent=2, ensure_ascii=False), encoding="utf-8")
        return str(path)

    gate >> [create_users, create_agent]
    create_agent >> create_chats
    create_tokens >> read_quota
    summarize(
        folder=FOLDER,
        steps={
            "users": create_users.output,
            "agent": create_agent.output,
            "chats": create_chats.output,
            "tokens": create_tokens.output,
        },
        before=gate.output,
        after=read_quota.output,
    )
# [END provision_customers]
