"""Wait at mPOHODA: for an order to be finished, for invoices to be paid, for something new to extract."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import DAG, task

from airflow_provider.mpohoda.operators import MpohodaListOperator
from airflow_provider.mpohoda.sensors import (
    MpohodaModifiedSensor,
    MpohodaOrderStatusSensor,
    MpohodaPaidSensor,
    MpohodaQuotaSensor,
)

with DAG(
    "example_mpohoda_sensors",
    schedule=None,
    tags=["mpohoda", "example"],
    # What has waited for nothing ends after three days.
    default_args={"deferrable": True, "timeout": timedelta(days=3).total_seconds()},
    params={
        "folder": "/data/mpohoda",
        "order_id": "11111111-1111-4111-8111-111111111111",
        "invoice_ids": ["22222222-2222-4222-8222-222222222222"],
    },
):
    # [START howto_sensor_mpohoda]
    enough_requests = MpohodaQuotaSensor(task_id="enough_requests", min_remaining=200)

    order_is_finished = MpohodaOrderStatusSensor(
        task_id="order_is_finished",
        resource="ReceivedOrders",
        order_id="{{ params.order_id }}",
        statuses=["Finished"],
    )

    invoices_are_paid = MpohodaPaidSensor(
        task_id="invoices_are_paid",
        resource="IssuedInvoices",
        invoice_ids="{{ params.invoice_ids }}",
    )

    something_new = MpohodaModifiedSensor(
        task_id="something_new",
        resource="IssuedInvoices",
        # The state of the extraction that follows.
        state_key="warehouse",
        poke_interval=timedelta(hours=1),
    )

    extract = MpohodaListOperator(
        task_id="extract",
        resource="IssuedInvoices",
        incremental=True,
        state_key="warehouse",
        output="{{ params.folder }}/invoices-{{ dag_run.run_after | ts_nodash }}.jsonl",
    )

    something_new >> extract
    # [END howto_sensor_mpohoda]

    @task
    def pack(order: dict[str, Any]) -> None:
        """Stand for what follows a finished order."""
        print(f"Order {order['id']} is {order['status']}")

    @task
    def thank(paid: dict[str, Any]) -> None:
        """Stand for what follows a payment."""
        for invoice in paid["invoices"]:
            print(f"Invoice {invoice['number']} was paid on {invoice['paid_at']}")

    enough_requests >> [order_is_finished, invoices_are_paid, something_new]
    pack(order_is_finished.output)
    thank(invoices_are_paid.output)
