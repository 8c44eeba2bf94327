"""Plan a call, a meeting and a task for a contact of wolkvox CRM."""

from __future__ import annotations

from airflow.sdk import DAG

from airflow_provider.wolkvox.fields import column, moment, telephone
from airflow_provider.wolkvox.operators import WolkvoxInsertActivitiesOperator, WolkvoxInsertRecordsOperator

with DAG("example_wolkvox_activities", schedule=None, tags=["wolkvox", "example"]):
    insert_contact = WolkvoxInsertRecordsOperator(
        task_id="insert_contact", module="contacts", records=[{"emailcontact": "ada@example.com"}]
    )

    # [START howto_operator_wolkvox_activities]
    insert = WolkvoxInsertActivitiesOperator(
        task_id="insert",
        records=[
            {
                "type": "call",
                "name": "Ask about the offer",
                "location": "Bogotá",
                "phone": "3000000000",
                "country": "Colombia",
            },
            {
                "type": "meet",
                "name": "Sign the contract",
                "location": "Calle 1",
                "start_date": "01.12.2026 09:00",
                "participants": "ana@demo_operation; eva@demo_operation",
            },
            {"name": "Send the invoice"},
        ],
        # For records without a type of their own.
        activity_type="task",
        # What all of them have in common.
        defaults={
            "status": "Pending",
            "priority": "normal",
            "description": "{{ run_id }}",
            "name_module": "contacts",
            "id_record": "{{ ti.xcom_pull('insert_contact')['records'][0]['record']['wolkvox_id'] }}",
            "wolkvox_owner": "ana@demo_operation",
            "completion_date": "01.12.2026 10:00",
            "remember": "yes",
            "reminder_date": "30.11.2026 10:00",
        },
        types={
            **dict.fromkeys(
                ("start_date", "completion_date", "reminder_date"), moment(date_format="%d.%m.%Y %H:%M")
            ),
            "phone": telephone(country=column("country"), code="57"),
        },
    )
    # [END howto_operator_wolkvox_activities]

    insert_contact >> insert
