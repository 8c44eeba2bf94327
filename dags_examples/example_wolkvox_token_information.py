"""Read how much of a wolkvox token's daily quota is left."""

from __future__ import annotations

from airflow.sdk import DAG

from airflow_provider.wolkvox.operators import WolkvoxTokenInformationOperator

with DAG("example_wolkvox_token_information", schedule=None, tags=["wolkvox", "example"]):
    # [START howto_operator_wolkvox_token_information]
    read_quota = WolkvoxTokenInformationOperator(task_id="read_quota", wolkvox_conn_id="wolkvox_default")
    # [END howto_operator_wolkvox_token_information]
