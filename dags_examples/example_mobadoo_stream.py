"""Look at changes of matches that Mobadoo's WebSocket tells, and notice when some may have been missed."""

from __future__ import annotations

from typing import Any

from airflow.sdk import DAG, Asset, AssetWatcher, task

from airflow_provider.mobadoo.triggers import MobadooEventTrigger

# [START howto_mobadoo_stream]
matches = Asset(
    "mobadoo-stream/matches",
    watchers=[
        AssetWatcher(
            name="matches",
            trigger=MobadooEventTrigger(
                "mobadoo_default",
                where={"videogame": ["lol", "cs-go"], "entity": "Match"},
            ),
        )
    ],
)
# [END howto_mobadoo_stream]

with DAG("example_mobadoo_stream", schedule=matches, catchup=False, tags=["mobadoo", "example"]):

    @task
    def look(triggering_asset_events: Any = None) -> None:
        """Stand for what is to be done with changes. One may come twice, with the same ``delivery``."""
        for events in (triggering_asset_events or {}).values():
            for event in events:
                told = event.extra["payload"]
                if told["family"] == "DESYNC":
                    print(f"Changes may be missing: {told['gap']}")
                else:
                    print(f"{told['delivery']}: {told['payload']}")

    look()
