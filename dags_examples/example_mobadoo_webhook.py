"""Keep every change of a League of Legends match that Mobadoo's webhook tells, each of them once."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import Any

from airflow.sdk import DAG, task

from airflow_provider.mobadoo.assets import mobadoo_asset

with DAG(
    "example_mobadoo_webhook",
    # A run starts when the webhook of the connection tells that a match has changed.
    schedule=mobadoo_asset("mobadoo_default", "lol", "Match"),
    catchup=False,
    max_active_runs=1,
    tags=["mobadoo", "example"],
    params={"database": "/data/mobadoo.db"},
):

    @task
    def keep_changes(triggering_asset_events: Any = None, params: dict[str, Any] | None = None) -> int:
        """Write the changes into a table, each of them once, whatever this task has to go through."""
        kept = 0
        # [START howto_mobadoo_webhook]
        with closing(sqlite3.connect((params or {})["database"])) as database, database:
            database.execute("CREATE TABLE IF NOT EXISTS seen (delivery INTEGER PRIMARY KEY)")
            database.execute("CREATE TABLE IF NOT EXISTS changes (delivery INTEGER, payload TEXT)")
            for events in (triggering_asset_events or {}).values():
                for event in events:
                    told = event.extra
                    # A delivery is told at least once, so it may come twice. Its id and what follows from it
                    # are written in one transaction: either both are there or neither is.
                    seen = database.execute("INSERT OR IGNORE INTO seen VALUES (?)", [told["delivery"]])
                    if seen.rowcount == 0:
                        continue
                    payload = json.dumps(told["payload"])
                    database.execute("INSERT INTO changes VALUES (?, ?)", [told["delivery"], payload])
                    print(f"Delivery {told['delivery']}: {payload}")
                    kept += 1
        # [END howto_mobadoo_webhook]
        return kept

    keep_changes()
