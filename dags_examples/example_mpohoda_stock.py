"""Bring quantities and prices of mPOHODA's price list to a shop: a request for each hundred items.

5,000 items cost 51 requests for the list, 50 for the quantities and 50 for the prices. The docs say how often
that fits into the 8,000 requests of a month.
"""

from __future__ import annotations

import json
from typing import Any

from airflow.sdk import DAG, task

from airflow_provider.mpohoda.operators import MpohodaListOperator, MpohodaStockOperator

with DAG(
    "example_mpohoda_stock",
    # In production "0 */12 * * *", for example.
    schedule=None,
    params={"folder": "/data/mpohoda"},
    tags=["mpohoda", "example"],
):
    # [START howto_operator_mpohoda_stock]
    items = MpohodaListOperator(
        task_id="items",
        resource="PriceListItems",
        output="{{ params.folder }}/items-{{ dag_run.run_after | ts_nodash }}.jsonl",
    )

    quantities = MpohodaStockOperator(
        task_id="quantities",
        part="AvailableQuantities",
        records=items.output,
        fields={"id": "Id"},
        output="{{ params.folder }}/quantities-{{ dag_run.run_after | ts_nodash }}.jsonl",
        # An item that has gone since the list was read is reported.
        on_error="continue",
        reserve="auto",
    )

    prices = MpohodaStockOperator(
        task_id="prices",
        part="SellingPrices",
        # Each record has its quantities already.
        records=quantities.output,
        fields={"id": "Id"},
        output="{{ params.folder }}/prices-{{ dag_run.run_after | ts_nodash }}.jsonl",
        on_error="continue",
        reserve="auto",
    )

    @task
    def to_shop(prices: dict[str, Any], params: Any = None) -> str:
        """Write what the shop takes, in place of sending it there."""
        path = f"{params['folder']}/shop.jsonl"
        with open(prices["output"], encoding="utf-8") as file, open(path, "w", encoding="utf-8") as shop:
            for line in file:
                item = json.loads(line)
                offer = {
                    "code": item["Code"],
                    "quantity": item["available_quantities"]["EffectiveAvailableQuantity"],
                    "prices": {
                        one["SellingPriceName"]: one["Price"]
                        for one in item["selling_prices"]["SellingPrices"]
                    },
                }
                shop.write(json.dumps(offer) + "\n")
        return path

    to_shop(prices.output)
    # [END howto_operator_mpohoda_stock]
