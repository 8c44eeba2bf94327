"""Insert contacts into wolkvox CRM, change them, find them again, and delete them."""

from __future__ import annotations

from airflow.sdk import DAG

from airflow_provider.wolkvox.fields import column, telephone
from airflow_provider.wolkvox.operators import (
    WolkvoxDeleteRecordsOperator,
    WolkvoxInsertRecordsOperator,
    WolkvoxQueryOperator,
    WolkvoxUpdateRecordsOperator,
)

with DAG("example_wolkvox_records", schedule=None, tags=["wolkvox", "example"]):
    # [START howto_operator_wolkvox_records]
    insert = WolkvoxInsertRecordsOperator(
        task_id="insert",
        module="contacts",
        # Or the path of a CSV, JSONL or Parquet file.
        records=[
            {
                "id": "C-000001",
                "name": "Ada Pérez",
                "phone": "3000000001",
                "country": "Colombia",
                "code": "57",
            },
            {"id": "C-000002", "name": "Eva Soto", "phone": "900000002", "country": "Chile", "code": "56"},
        ],
        # The CRM's fields, and where the records have them under other names.
        fields={"idcontact": "id", "namecontact": "name", "telephonecontact": "phone"},
        types={"telephonecontact": telephone(country=column("country"), code=column("code"))},
        record_key=["idcontact"],
    )

    update = WolkvoxUpdateRecordsOperator(
        task_id="update",
        module="contacts",
        # Each record comes with its wolkvox_id.
        records=insert.output,
        # No field of the record, the constant alone.
        include=[],
        defaults={"campaign": "{{ run_id }}"},
        chunk_size=100,
    )

    find = WolkvoxQueryOperator(task_id="find", module="contacts", field="campaign", value="{{ run_id }}")

    delete = WolkvoxDeleteRecordsOperator(task_id="delete", module="contacts", records=find.output)

    update >> find
    # [END howto_operator_wolkvox_records]
