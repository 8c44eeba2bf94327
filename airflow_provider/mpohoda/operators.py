"""The mPOHODA operators."""

from __future__ import annotations

from airflow_provider.mpohoda.batch_operators import MpohodaBatchOperator, MpohodaCreateOperator
from airflow_provider.mpohoda.payment_operators import MpohodaLiquidateOperator, MpohodaTransferOrdersOperator

__all__ = [
    "MpohodaBatchOperator",
    "MpohodaCreateOperator",
    "MpohodaLiquidateOperator",
    "MpohodaTransferOrdersOperator",
]
