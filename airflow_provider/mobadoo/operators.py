"""The Mobadoo operators."""

from __future__ import annotations

from airflow_provider.mobadoo.list_operators import MobadooListMatchesOperator
from airflow_provider.mobadoo.resync_operators import MobadooResyncOperator

__all__ = ["MobadooListMatchesOperator", "MobadooResyncOperator"]
