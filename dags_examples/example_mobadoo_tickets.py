"""Create tickets at Mobadoo from a file, and confirm them. Each is a bet, so each is sent once."""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import DAG

from airflow_provider.mobadoo.operators import MobadooConfirmTicketsOperator, MobadooCreateTicketsOperator

with DAG(
    "example_mobadoo_tickets",
    schedule=None,
    params={"tickets": "/data/mobadoo/tickets.jsonl", "folder": "/data/mobadoo"},
    tags=["mobadoo", "example"],
):
    # [START howto_operator_mobadoo_tickets]
    created = MobadooCreateTicketsOperator(
        task_id="create",
        records="{{ params.tickets }}",
        output="{{ params.folder }}/created-{{ run_id }}.jsonl",
        on_error="continue",
        # A request whose answer was lost is looked up before anything is sent again.
        reconcile=True,
        retries=4,
        retry_delay=timedelta(minutes=5),
    )

    # Not needed where the account confirms by itself.
    MobadooConfirmTicketsOperator(
        task_id="confirm",
        records=created.output,
        output="{{ params.folder }}/confirmed-{{ run_id }}.jsonl",
        on_error="continue",
    )
    # [END howto_operator_mobadoo_tickets]
