"""Cancel the tickets of a match that was called off, and resolve those of one that is over."""

from __future__ import annotations

from airflow.sdk import DAG

from airflow_provider.mobadoo.operators import MobadooCancelTicketsOperator, MobadooResolveTicketsOperator

with DAG(
    "example_mobadoo_ticket_ends",
    schedule=None,
    params={"called_off": "TX-1", "over": "TX-2"},
    tags=["mobadoo", "example"],
):
    # [START howto_operator_mobadoo_ticket_ends]
    MobadooCancelTicketsOperator(
        task_id="cancel",
        records=[{"transaction_id": "{{ params.called_off }}"}],
    )

    # Not needed where the account resolves by itself.
    MobadooResolveTicketsOperator(
        task_id="resolve",
        records=[{"transaction_id": "{{ params.over }}"}],
    )
    # [END howto_operator_mobadoo_ticket_ends]
