"""Look at each price that a WebSocket tells, and notice when some may have been missed."""

from __future__ import annotations

from typing import Any

from airflow.sdk import DAG, Asset, AssetWatcher, task

from airflow_provider.events.triggers import WebSocketEventTrigger

# [START howto_websocket]
prices = Asset(
    "feed/prices",
    watchers=[
        AssetWatcher(
            name="prices",
            trigger=WebSocketEventTrigger(
                "prices",
                on_connect=[{"subscribe": "prices"}],
                where={"type": "price"},
            ),
        )
    ],
)
# [END howto_websocket]

with DAG("example_websocket", schedule=prices, catchup=False, tags=["websocket", "example"]):

    @task
    def look(triggering_asset_events: Any = None) -> None:
        """Stand for what is to be done with prices. One may come twice, with the same ``delivery``."""
        for events in (triggering_asset_events or {}).values():
            for event in events:
                told = event.extra["payload"]
                if told["gap"] is not None:
                    print(f"Prices may be missing, read them again: {told['gap']}")
                else:
                    print(f"{told['delivery']}: {told['payload']}")

    look()
