"""Make launch URLs and mail each player its own. It is shown nowhere: it lets in whoever has it."""

from __future__ import annotations

import smtplib
from email.message import EmailMessage
from typing import Any

from airflow.sdk import DAG, task

from airflow_provider.mobadoo.operators import MobadooLaunchUrlsOperator
from airflow_provider.secrets import unseal

with DAG(
    "example_mobadoo_launch_urls",
    schedule=None,
    params={"mail_server": "localhost:25"},
    tags=["mobadoo", "example"],
):
    # [START howto_operator_mobadoo_launch_urls]
    launch_urls = MobadooLaunchUrlsOperator(
        task_id="launch_urls",
        records=[
            {"player": "P-000001", "mail": "jana@example.com"},
            {"player": "P-000002", "mail": "petr@example.com"},
        ],
        on_error="continue",
    )

    @task
    def mail(launches: dict[str, Any], params: dict[str, Any]) -> int:
        """Mail each player its URL, which is in clear for no longer than that takes."""
        host, _, port = params["mail_server"].partition(":")
        with smtplib.SMTP(host, int(port or 25)) as server:
            for record in launches["records"]:
                message = EmailMessage()
                message["From"] = "games@example.com"
                message["To"] = record["mail"]
                message["Subject"] = "Your games"
                message.set_content(unseal(record["launch"]["url"]))
                server.send_message(message)
        return len(launches["records"])

    mail(launch_urls.output)
    # [END howto_operator_mobadoo_launch_urls]
