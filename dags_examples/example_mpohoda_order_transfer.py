"""Give mPOHODA the orders of a shop, wait until nobody works on them by hand, and turn them into invoices."""

from __future__ import annotations

import json
import os
from datetime import timedelta
from pathlib import Path

from airflow.sdk import DAG, Param, task

from airflow_provider.mpohoda.operators import MpohodaCreateOperator, MpohodaTransferOrdersOperator
from airflow_provider.mpohoda.sensors import MpohodaOrderStatusSensor

ORDERS = Path(__file__).resolve().parent / "data" / "shop_orders.csv"
FOLDER = Path(os.environ.get("AIRFLOW_HOME", "~/airflow")).expanduser() / "order_transfer"
ADDRESS = "BusinessPartnerAddress.DocumentAddressWithoutAddressBookLink"

with DAG(
    "example_mpohoda_order_transfer",
    schedule=None,
    tags=["mpohoda", "example"],
    params={
        "orders": Param(str(ORDERS), type="string", title="Orders of the shop"),
        "folder": Param(str(FOLDER), type="string", title="Folder of the results"),
    },
):
    # [START howto_operator_mpohoda_order_transfer]
    create_orders = MpohodaCreateOperator(
        task_id="create_orders",
        resource="ReceivedOrders",
        # A row for each line of an order.
        records="{{ params.orders }}",
        group_by="order",
        record_key="order",
        fields={
            f"{ADDRESS}.Name": "name",
            f"{ADDRESS}.Street": "street",
            f"{ADDRESS}.City": "city",
            "Items.TextItem.Text": "item",
            "Items.TextItem.Quantity": "quantity",
            "Items.TextItem.UnitPrice": "price",
        },
        defaults={"Items.TextItem.UnitPriceVatType": "WithVat"},
        output="{{ params.folder }}/orders-{{ dag_run.run_after | ds }}.jsonl",
    )

    @task
    def ids(orders: dict[str, str]) -> list[str]:
        """Return the ids of the orders that were created."""
        with open(orders["output"], encoding="utf-8") as file:
            return [json.loads(line)["received_order"]["id"] for line in file]

    # One sensor for each order, and one look for all of them: one that is partly delivered is waited for.
    wait = MpohodaOrderStatusSensor.partial(
        task_id="wait",
        resource="ReceivedOrders",
        statuses=("Unfinished", "Finished"),
        deferrable=True,
        timeout=timedelta(days=1).total_seconds(),
    ).expand(order_id=ids(create_orders.output))

    transfer_orders = MpohodaTransferOrdersOperator(
        task_id="transfer_orders",
        resource="ReceivedOrders",
        # Each record has the id of the order that was created.
        records=create_orders.output,
        output="{{ params.folder }}/invoices-{{ dag_run.run_after | ds }}.jsonl",
        # What somebody has finished by hand is refused, and reported.
        on_error="continue",
    )

    wait >> transfer_orders
    # [END howto_operator_mpohoda_order_transfer]
