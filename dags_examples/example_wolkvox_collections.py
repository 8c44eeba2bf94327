"""Insert or update people with their obligations in wolkvox CRM, 500 in one request."""

from __future__ import annotations

from airflow.sdk import DAG

from airflow_provider.wolkvox.operators import WolkvoxUpsertCollectionsOperator

with DAG("example_wolkvox_collections", schedule=None, tags=["wolkvox", "example"]):
    # [START howto_operator_wolkvox_collections]
    upsert = WolkvoxUpsertCollectionsOperator(
        task_id="upsert",
        # Or the path of a CSV, JSONL or Parquet file.
        records=[
            {
                "nit": "1001",
                "name": "Ada Pérez",
                "mail": "ada@example.com",
                "phone": "3000000001",
                "loan": "L-1",
            },
            {
                "nit": "1002",
                "name": "Eva Soto",
                "mail": "eva@example.com",
                "phone": "3000000002",
                "loan": "L-2",
            },
        ],
        fields={
            "Identification": "nit",
            "Name": "name",
            "Email": "mail",
            "Telephone": "phone",
            # One obligation a row. A list of objects would be the field "Obligations".
            "Obligations.id": "loan",
            "Obligations.name": "product",
        },
        defaults={"Obligations.name": "Consumer loan"},
        # A record that lacks a mandatory value is reported, the others are sent.
        on_error="continue",
    )
    # [END howto_operator_wolkvox_collections]
