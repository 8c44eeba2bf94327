"""The Dags that run on the workers; a text, because Airflow reads it from a file."""

from __future__ import annotations

SENSORS = 200
INTERVAL = 5
"""Seconds between two looks of a sensor."""

SHARDS = 8

QUEUES = ("default", "doomed", "frozen", "outside")
"""Each has a Dag ``tokens_QUEUE``."""

TOKENS = f"""
from datetime import timedelta

from airflow.sdk import DAG, task

from airflow_provider.http.retry import RequestPolicy
from airflow_provider.imbee.operators import ImbeeCreateAccessTokensOperator
from airflow_provider.records.shards import split_records

OPTIONS = {{
    "retries": 2, "retry_delay": timedelta(0), "max_concurrency": 8, "on_error": "continue",
    "defaults": {{"bot_idsha": "bot"}}, "request_policy": RequestPolicy(deadline=5),
}}

for queue in {QUEUES}:
    with DAG(f"tokens_{{queue}}", schedule=None) as dag:
        ImbeeCreateAccessTokensOperator(
            task_id="tokens",
            records="{{{{ dag_run.conf['source'] }}}}",
            output="{{{{ dag_run.conf['folder'] }}}}/0.jsonl",
            queue=queue,
            **OPTIONS,
        )
    globals()[dag.dag_id] = dag

with DAG("shards", schedule=None):
    parts = task(split_records)(
        source="{{{{ dag_run.conf['source'] }}}}", shards={SHARDS}, folder="{{{{ dag_run.conf['folder'] }}}}/parts"
    )
    ImbeeCreateAccessTokensOperator.partial(
        task_id="tokens", output="{{{{ dag_run.conf['folder'] }}}}/{{{{ ti.map_index }}}}.jsonl", **OPTIONS
    ).expand(records=parts)
"""

SENSING = f"""
from datetime import UTC, datetime

from airflow.triggers.base import StartTriggerArgs

from airflow_provider.mpohoda.sensors import MpohodaOrderStatusSensor

OPTIONS = {{"confirm_interval": 0, "poke_interval": {INTERVAL}, "jitter": 0, "deferrable": True}}


def trigger():
    sensor = MpohodaOrderStatusSensor(task_id="model", order_id="{{order}}", **OPTIONS)
    condition = sensor.condition(datetime.now(UTC))
    path, values = sensor.trigger(
        condition=type(condition).__name__, values=condition.values(), interval=float({INTERVAL}), jitter=0.0,
        wake_at="2026-01-01T00:00:00+00:00", deadline="2126-01-01T00:00:00+00:00",
    ).serialize()
    return StartTriggerArgs(trigger_cls=path, trigger_kwargs=values, next_method="execute_complete")


class Deferred(MpohodaOrderStatusSensor):
    # The scheduler defers it itself: two hundred processes on a worker would take minutes.
    start_from_trigger = True
    start_trigger_args = trigger()


with DAG("sensors", schedule=None):
    Deferred.partial(task_id="orders", **OPTIONS).expand(order_id=["{{order}}"] * {SENSORS})
"""

IDS = ("shards", "sensors", *(f"tokens_{queue}" for queue in QUEUES))


def dags(order: str) -> str:
    """
    Return the text of a Dag file.

    :param order: id of the order that the sensors wait for
    """
    return TOKENS + SENSING.replace("{order}", order)
