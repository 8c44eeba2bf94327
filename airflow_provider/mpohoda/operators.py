"""The mPOHODA operators."""

from __future__ import annotations

from airflow_provider.mpohoda.batch_operators import (
    MpohodaBatchOperator,
    MpohodaCreateOperator,
    MpohodaLiquidateOperator,
    MpohodaTransferOrdersOperator,
)
from airflow_provider.mpohoda.download_operators import MpohodaDownloadOperator

__all__ = [
    "MpohodaBatchOperator",
    "MpohodaCreateOperator",
    "MpohodaDownloadOperator",
    "MpohodaLiquidateOperator",
    "MpohodaTransferOrdersOperator",
]
