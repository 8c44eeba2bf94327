"""Record in wolkvox CRM what was done with people who owe something, and change what they owe."""

from __future__ import annotations

from airflow.sdk import DAG

from airflow_provider.wolkvox.operators import (
    WolkvoxInsertGestionesOperator,
    WolkvoxInsertObligationsOperator,
    WolkvoxQueryGestionesOperator,
    WolkvoxQueryObligationsOperator,
    WolkvoxQueryOperator,
    WolkvoxUpdateObligationsOperator,
    WolkvoxUpsertCollectionsOperator,
)

with DAG("example_wolkvox_gestiones", schedule=None, tags=["wolkvox", "example"]):
    upsert = WolkvoxUpsertCollectionsOperator(
        task_id="upsert",
        records=[
            {"Identification": "2001", "Name": "Ada Pérez", "Email": "ada@example.com"},
            {"Identification": "2002", "Name": "Eva Soto", "Email": "eva@example.com"},
        ],
        defaults={"Telephone": "3000000000", "campaign": "{{ run_id }}"},
    )

    # [START howto_operator_wolkvox_gestiones]
    # An upsert returns no identifiers, so the people are looked up.
    find = WolkvoxQueryOperator(task_id="find", module="collections", field="campaign", value="{{ run_id }}")

    insert_gestiones = WolkvoxInsertGestionesOperator(
        task_id="insert_gestiones",
        records=find.output,
        # Which person it is about. Without include all that the CRM has of the person would be sent.
        fields={"wolkvox_idRecord": "wolkvox_id", "id_customer": "Identification"},
        include=["wolkvox_idRecord", "id_customer"],
        defaults={
            "tipifycation_code": "7",
            "tipifycation_desc": "Promise to pay",
            "campaign_id": "{{ run_id }}",
        },
    )

    insert_obligations = WolkvoxInsertObligationsOperator(
        task_id="insert_obligations",
        # Each record comes with the wolkvox_id of the person.
        records=find.output,
        include=["id", "name", "total_balance", "form"],
        defaults={
            "id": "FEE-1",
            "name": "Late fee",
            "total_balance": 10000,
            "form": {"branch": "Bogotá"},
        },
    )

    update_obligations = WolkvoxUpdateObligationsOperator(
        task_id="update_obligations",
        # Each record comes with the wolkvox_id of the person and the id of the new obligation.
        records=insert_obligations.output,
        # No field of the record, the constants alone.
        include=[],
        defaults={"total_balance": 7500, "portfolio_type": "Agreed"},
    )

    read_gestiones = WolkvoxQueryGestionesOperator(
        task_id="read_gestiones", field="campaign_id", value="{{ run_id }}"
    )

    read_obligation = WolkvoxQueryObligationsOperator(
        task_id="read_obligation",
        wolkvox_id="{{ ti.xcom_pull(task_ids='find')['records'][0]['wolkvox_id'] }}",
        obligation="FEE-1",
    )

    insert_gestiones >> read_gestiones
    update_obligations >> read_obligation
    # [END howto_operator_wolkvox_gestiones]

    upsert >> find
