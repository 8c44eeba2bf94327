"""Create web access tokens, which Imbee sends by mail or SMS."""

from __future__ import annotations

from airflow.sdk import DAG

from airflow_provider.imbee.operators import ImbeeCreateAccessTokensOperator, ImbeeCreateUsersOperator

with DAG("example_imbee_create_access_tokens", schedule=None, tags=["imbee", "example"]):
    # [START howto_operator_imbee_create_access_tokens]
    create_users = ImbeeCreateUsersOperator(
        task_id="create_users",
        records=[
            {"unique_id_sha": "C-000001", "mail": "jana@example.com", "date_limit": "2030-01-31"},
            {"unique_id_sha": "C-000002", "cellular": "+44 7700 900123"},
        ],
    )

    create_tokens = ImbeeCreateAccessTokensOperator(
        task_id="create_tokens",
        # Fields of the users' records are passed on, so mail, cellular and date_limit are there.
        records=create_users.output,
        defaults={"bot_idsha": "welcome-bot", "max_retries": 5},
        on_error="continue",
        # A retry sends nothing to those who have their message.
        retries=2,
    )
    # [END howto_operator_imbee_create_access_tokens]
