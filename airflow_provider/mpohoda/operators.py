"""The mPOHODA operators."""

from __future__ import annotations

from airflow_provider.mpohoda.batch_operators import MpohodaBatchOperator, MpohodaCreateOperator
from airflow_provider.mpohoda.download_operators import MpohodaDownloadOperator
from airflow_provider.mpohoda.list_operators import MpohodaListOperator
from airflow_provider.mpohoda.payment_operators import MpohodaLiquidateOperator, MpohodaTransferOrdersOperator
from airflow_provider.mpohoda.record_operators import MpohodaGetOperator, MpohodaStockOperator

__all__ = [
    "MpohodaBatchOperator",
    "MpohodaCreateOperator",
    "MpohodaDownloadOperator",
    "MpohodaGetOperator",
    "MpohodaLiquidateOperator",
    "MpohodaListOperator",
    "MpohodaStockOperator",
    "MpohodaTransferOrdersOperator",
]
