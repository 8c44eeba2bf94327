"""Run the operator for launch URLs, and read what it gives back."""

from __future__ import annotations

from typing import Any

from airflow_provider.mobadoo.operators import MobadooLaunchUrlsOperator
from airflow_provider.secrets import is_sealed, open_sealed
from tests.support import batches

CONN = "mobadoo_default"
HASH = "h4sh-of-ada_0123456789~abcdef"
TOKEN = "TokenOfMobadooCanary-77aa01"


def connect(set_connection: Any) -> None:
    set_connection(
        CONN, conn_type="mobadoo", password=TOKEN, extra={"client_id": "client-1", "profile": "house"}
    )


def execute(records: Any, **options: Any) -> dict[str, Any]:
    return batches.execute(MobadooLaunchUrlsOperator(task_id="launch", records=records, **options))


def opened(value: str) -> str:
    assert is_sealed(value)
    return open_sealed(value).get_secret_value()


def urls(result: dict[str, Any]) -> list[str]:
    """Return the URLs of a result in clear."""
    return [opened(record["launch"]["url"]) for record in result["records"]]
