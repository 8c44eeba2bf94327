"""The Dags of the canary test: every operator and the sensor, with files and without."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any

from airflow.sdk import DAG, task

from airflow_provider.imbee.operators import (
    ImbeeCreateAccessTokensOperator,
    ImbeeCreateChatsOperator,
    ImbeeCreateUsersOperator,
)
from airflow_provider.mobadoo.operators import MobadooLaunchUrlsOperator
from airflow_provider.mpohoda.operators import (
    MpohodaCreateOperator,
    MpohodaLiquidateOperator,
    MpohodaTransferOrdersOperator,
)
from airflow_provider.wolkvox.operators import (
    WolkvoxInsertRecordsOperator,
    WolkvoxTokenInformationOperator,
)
from airflow_provider.wolkvox.sensors import WolkvoxQuotaSensor

OUTPUT = os.environ.get("CANARY_OUTPUT", "")
RETRIES = {"retries": 1, "retry_delay": timedelta(0)}


def imbee_dag(dag_id: str, *, files: bool, imbee_conn_id: str = "imbee_default", **options: Any) -> None:
    def common(task: str) -> dict[str, Any]:
        output: dict[str, Any] = {"output": f"{OUTPUT}/{dag_id}-{task}.jsonl"} if files else {}
        return {"task_id": task, "imbee_conn_id": imbee_conn_id, **output, **options, **RETRIES}

    with DAG(dag_id):
        # One record: what a vendor quotes of another record's key, nobody could recognise.
        people = [{"unique_id_sha": "ada", "email": "ada@example.com"}]
        users = ImbeeCreateUsersOperator(records=people, **common("users"))
        chats = ImbeeCreateChatsOperator(
            records=users.output, fields={"contacts": "user.virtual_user"}, **common("chats")
        )
        ImbeeCreateAccessTokensOperator(
            records=chats.output,
            fields={"mail": "email"},
            defaults={"bot_idsha": "bot-1"},
            **common("tokens"),
        )


def personal_dag(dag_id: str) -> None:
    """Records from a file, so that Airflow's own logs and tables have none of them."""
    common: dict[str, Any] = {"records": f"{OUTPUT}.people.csv", "on_error": "continue", **RETRIES}
    with DAG(dag_id):
        users = ImbeeCreateUsersOperator(task_id="users", output=f"{OUTPUT}/people-users.jsonl", **common)
        tokens = ImbeeCreateAccessTokensOperator(
            task_id="tokens",
            output=f"{OUTPUT}/people-tokens.jsonl",
            defaults={"bot_idsha": "bot-1"},
            fields={"virtual_user": "unique_id_sha"},
            **common,
        )
        first = ImbeeCreateAccessTokensOperator(
            task_id="first",
            output=f"{OUTPUT}/people-first.jsonl",
            defaults={"bot_idsha": "bot-2"},
            fields={"virtual_user": "unique_id_sha"},
            **{**common, "on_error": "fail"},
        )
        inserts = WolkvoxInsertRecordsOperator(
            task_id="inserts", module="contacts", output=f"{OUTPUT}/people-inserts.jsonl", **common
        )
        users >> tokens >> inserts >> first


def wolkvox_dag(dag_id: str, *, wolkvox_conn_id: str = "wolkvox_default") -> None:
    with DAG(dag_id):
        common: dict[str, Any] = {"wolkvox_conn_id": wolkvox_conn_id, **RETRIES}
        WolkvoxTokenInformationOperator(task_id="information", **common)
        WolkvoxQuotaSensor(task_id="poke", **common)
        WolkvoxQuotaSensor(task_id="deferred", min_remaining=4000, deferrable=True, **common)
        WolkvoxQuotaSensor(task_id="rescheduled", min_remaining=4000, mode="reschedule", **common)


def launch_dag(dag_id: str, *, files: bool) -> None:
    """URLs for the players of a file, which the next task opens and does not show."""

    @task
    def send(result: Any) -> int:
        from airflow_provider.records.readers import Records
        from airflow_provider.secrets import unseal

        with Records(result) as records:
            urls = [unseal(row.record["launch"]["url"]) for row in records]
        # It is masked from here on.
        print(*urls)
        return len(urls)

    with DAG(dag_id):
        options: dict[str, Any] = {"output": f"{OUTPUT}/{dag_id}.jsonl", **RETRIES} if files else RETRIES
        urls = MobadooLaunchUrlsOperator(
            task_id="launch",
            records=os.environ.get("CANARY_PLAYERS", ""),
            mobadoo_conn_id="mobadoo_launch",
            on_error="continue",
            **options,
        )
        send(urls.output)


def mpohoda_dag(dag_id: str, *, mpohoda_conn_id: str = "mpohoda_default", **options: Any) -> None:
    """A document of a person from a file; the key of a run is that of its document."""
    common: dict[str, Any] = {"mpohoda_conn_id": mpohoda_conn_id, "max_concurrency": 1, **options, **RETRIES}

    def create(task_id: str, resource: str) -> Any:
        return MpohodaCreateOperator(
            task_id=task_id,
            resource=resource,
            records=f"{OUTPUT}.invoices.csv",
            record_key="InternalNote",
            group_by="row",
            defaults={"Items.TextItem.UnitPriceVatType": "WithVat", "InternalNote": "{{ run_id }}"},
            output=f"{OUTPUT}/{dag_id}-{task_id}.jsonl",
            **common,
        )

    with DAG(dag_id):
        invoices, orders = create("invoices", "IssuedInvoices"), create("orders", "ReceivedOrders")
        transfers = MpohodaTransferOrdersOperator(
            task_id="transfers",
            resource="ReceivedOrders",
            records=orders.output,
            output=f"{OUTPUT}/{dag_id}-transfers.jsonl",
            **common,
        )
        payments = MpohodaLiquidateOperator(
            task_id="payments",
            resource="IssuedInvoices",
            match="number",
            fields={"number": "issued_invoice.number"},
            records=transfers.output,
            documents=f"{OUTPUT}.documents.csv",
            output=f"{OUTPUT}/{dag_id}-payments.jsonl",
            **{**common, "on_error": "continue"},
        )
        invoices >> orders >> transfers >> payments


imbee_dag("imbee_xcom", files=False)
imbee_dag("imbee_files", files=True)
imbee_dag("imbee_continue", files=True, on_error="continue")
imbee_dag("imbee_proxy", files=False, imbee_conn_id="imbee_proxy")
personal_dag("people")
wolkvox_dag("wolkvox")
wolkvox_dag("wolkvox_proxy", wolkvox_conn_id="wolkvox_proxy")
for number in (1, 2, 3):
    # Nothing is known of the quotas of these, so that a sensor asks.
    wolkvox_dag(f"wolkvox_refused_{number}", wolkvox_conn_id=f"wolkvox_refused_{number}")
mpohoda_dag("mpohoda_key")
mpohoda_dag("mpohoda_oauth", mpohoda_conn_id="mpohoda_oauth")
mpohoda_dag("mpohoda_basic", mpohoda_conn_id="mpohoda_basic")
mpohoda_dag("mpohoda_people", on_error="continue")
launch_dag("launch_xcom", files=False)
launch_dag("launch_files", files=True)
