"""Cut a large file of customers into shards, create users on many workers at once, and sum up."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

from airflow.sdk import DAG, Param, task

from airflow_provider.imbee.operators import ImbeeCreateUsersOperator
from airflow_provider.records.shards import split_records

CUSTOMERS = Path(__file__).resolve().parent / "data" / "customers.csv"
OUTPUT = Path(os.environ.get("AIRFLOW_HOME", "~/airflow")).expanduser() / "sharded_batch"

with DAG(
    "example_sharded_batch",
    schedule=None,
    default_args={"retries": 2, "retry_delay": timedelta(minutes=1)},
    tags=["imbee", "example"],
    params={
        "customers": Param(str(CUSTOMERS), type="string", title="Customers"),
        "shards": Param(4, type="integer", minimum=1, maximum=1000, title="Shards"),
        "folder": Param(
            str(OUTPUT), type="string", title="Folder", description="Path or URI that all workers share."
        ),
    },
    render_template_as_native_obj=True,
):
    # [START howto_sharded_batch]
    # A folder for each run; a run id has colons, which not every file system takes.
    folder = "{{ params.folder }}/{{ run_id | replace(':', '') }}"

    shards = task(split_records)(
        source="{{ params.customers }}", shards="{{ params.shards }}", folder=f"{folder}/shards"
    )

    create_users = ImbeeCreateUsersOperator.partial(
        task_id="create_users",
        fields={"unique_id_sha": "customer_id"},
        on_error="continue",
        # Each task instance writes a file of its own; all of them share the ledger.
        output=f"{folder}/users/{{{{ ti.map_index }}}}.jsonl",
        max_active_tis_per_dagrun=8,
    ).expand(records=shards)

    @task
    def sum_up(results: list[dict[str, Any]]) -> dict[str, int]:
        """Add up what became of the records of all shards."""
        counts = ("total", "created", "existing", "replayed", "failed", "unknown")
        sums = dict.fromkeys(counts, 0)
        for result in results:
            for count in counts:
                sums[count] += result[count]
        return sums

    sum_up(create_users.output)
    # [END howto_sharded_batch]
