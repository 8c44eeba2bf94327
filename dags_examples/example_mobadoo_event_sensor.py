"""Wait until Mobadoo's WebSocket tells of a match, then go on with what it has told."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import DAG, task

from airflow_provider.mobadoo.sensors import MobadooEventSensor

with DAG("example_mobadoo_event_sensor", schedule=None, tags=["mobadoo", "example"]):
    # [START howto_sensor_mobadoo_event]
    changed = MobadooEventSensor(
        task_id="changed",
        where={"videogame": "lol", "entity": "Match", "result.id": 7},
        timeout=timedelta(hours=6),
    )
    # [END howto_sensor_mobadoo_event]

    @task
    def look(told: dict[str, Any]) -> None:
        """Stand for what follows the change."""
        print(f"Match 7 has changed: {told['payload']}")

    look(changed.output)
