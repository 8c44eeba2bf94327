"""Wait until a match of Mobadoo is finished, then go on with what was seen of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import DAG, task

from airflow_provider.mobadoo.sensors import MobadooMatchSensor

with DAG(
    "example_mobadoo_match_sensor",
    schedule=None,
    params={"videogame": "lol", "match_id": "1001"},
    tags=["mobadoo", "example"],
):
    # [START howto_sensor_mobadoo_match]
    finished = MobadooMatchSensor(
        task_id="finished",
        videogame="{{ params.videogame }}",
        match_id="{{ params.match_id }}",
        states=["FI"],
        # A look reads the matches from yesterday on, and not all that there ever were.
        after="{{ (dag_run.run_after - macros.timedelta(days=1)).date() }}",
        deferrable=True,
        timeout=timedelta(days=2).total_seconds(),
    )
    # [END howto_sensor_mobadoo_match]

    @task
    def settle(found: dict[str, Any]) -> None:
        """Stand for what follows a finished match."""
        print(f"Match {found['match_id']} of {found['videogame']} is {found['state']}")

    settle(finished.output)
