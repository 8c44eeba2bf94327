"""Open a case in wolkvox CRM with a file, close it, find it, and read the history of its notes.

The history needs a token of the type External, and so a connection of its own: ``wolkvox_external``.
"""

from __future__ import annotations

from airflow.sdk import DAG

from airflow_provider.wolkvox.fields import attachment
from airflow_provider.wolkvox.operators import (
    WolkvoxInsertCasesOperator,
    WolkvoxInsertRecordsOperator,
    WolkvoxQueryCaseNotesOperator,
    WolkvoxQueryCasesOperator,
    WolkvoxUpdateCasesOperator,
)

with DAG("example_wolkvox_cases", schedule=None, tags=["wolkvox", "example"]):
    # The contact of a case has to be there before.
    insert_contact = WolkvoxInsertRecordsOperator(
        task_id="insert_contact", module="contacts", records=[{"emailcontact": "ada@example.com"}]
    )

    # [START howto_operator_wolkvox_cases]
    insert = WolkvoxInsertCasesOperator(
        task_id="insert",
        records=[
            {
                "contact": "ada@example.com",
                "description": "The invoice of May is missing. {{ run_id }}",
                # wolkvox requires the form beside files.
                "form": {"subject": "Invoice"},
                # A file elsewhere: attachment(path="/data/invoices/2026-05.pdf").
                "attachments": [attachment("reminder.txt", content=b"Please send it again.")],
            }
        ],
        # What all of them have in common.
        defaults={
            "case_type": "Request",
            "responsible": "ana@demo_operation",
            "owner": "ana@demo_operation",
            "status": "Open",
            "priority": "high",
        },
    )

    update = WolkvoxUpdateCasesOperator(
        task_id="update",
        # Each record comes with the wolkvox_id of its case. Its files are not sent again, and these values
        # win over those that it was inserted with.
        records=insert.output,
        defaults={"responsible": "ana@demo_operation", "status": "Closed", "solution": "It was sent again."},
    )

    find = WolkvoxQueryCasesOperator(task_id="find", field="status", value="Closed")

    read_notes = WolkvoxQueryCaseNotesOperator(
        task_id="read_notes", field="status", value="Closed", wolkvox_conn_id="wolkvox_external"
    )

    update >> [find, read_notes]
    # [END howto_operator_wolkvox_cases]

    insert_contact >> insert
