"""The Mobadoo operators."""

from __future__ import annotations

from airflow_provider.mobadoo.launch_operators import MobadooLaunchUrlsOperator

__all__ = ["MobadooLaunchUrlsOperator"]
