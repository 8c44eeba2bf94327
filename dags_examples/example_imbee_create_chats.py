"""Create chats: users first, then a chat of each with the support agent."""

from __future__ import annotations

from airflow.sdk import DAG

from airflow_provider.imbee.operators import ImbeeCreateChatsOperator, ImbeeCreateUsersOperator

with DAG("example_imbee_create_chats", schedule=None, tags=["imbee", "example"]):
    # [START howto_operator_imbee_create_chats]
    create_agent = ImbeeCreateUsersOperator(
        task_id="create_agent",
        records=[{"unique_id_sha": "support-agent"}],
    )

    create_users = ImbeeCreateUsersOperator(
        task_id="create_users",
        records=[{"unique_id_sha": "C-000001"}, {"unique_id_sha": "C-000002"}],
    )

    create_chats = ImbeeCreateChatsOperator(
        task_id="create_chats",
        # The key that acts for each user comes with the records.
        records=create_users.output,
        defaults={
            "contacts": "{{ ti.xcom_pull(task_ids='create_agent')['records'][0]['user']['virtual_user'] }}",
        },
    )

    create_agent >> create_chats
    # [END howto_operator_imbee_create_chats]
