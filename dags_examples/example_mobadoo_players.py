"""Load the players of the night's export into the wallet: new ones with their balance, the others' names."""

from __future__ import annotations

from airflow.sdk import DAG

from airflow_provider.mobadoo.operators import MobadooLoadPlayersOperator

with DAG(
    "example_mobadoo_players",
    # In production "0 3 * * *", for example.
    schedule=None,
    params={"players": "/data/mobadoo/players.csv", "folder": "/data/mobadoo"},
    tags=["mobadoo", "example"],
):
    # [START howto_operator_mobadoo_load_players]
    players = MobadooLoadPlayersOperator(
        task_id="players",
        records="{{ params.players }}",
        fields={"balance": "credit", "display_name": "name"},
        defaults={"currency": "EUR"},
        # A balance that tickets have moved is reported, and stays.
        differences="report",
        output="{{ params.folder }}/loaded-{{ run_id }}.csv",
        on_error="continue",
    )
    # [END howto_operator_mobadoo_load_players]
