"""Create chat users from records in the Dag itself."""

from __future__ import annotations

from airflow.sdk import DAG

from airflow_provider.imbee.operators import ImbeeCreateUsersOperator

with DAG("example_imbee_create_users", schedule=None, tags=["imbee", "example"]):
    # [START howto_operator_imbee_create_users]
    create_users = ImbeeCreateUsersOperator(
        task_id="create_users",
        records=[
            {"customer_id": "C-000001", "full_name": "Jana Nováková"},
            {"customer_id": "C-000002", "full_name": "Νίκος Οικονόμου"},
        ],
        fields={"unique_id_sha": "customer_id"},
        defaults={"platform": "airflow"},
    )
    # [END howto_operator_imbee_create_users]
