"""The vendors simulated: one for each row of ``vendors.py``, from the folder of its name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider.vendors import VENDORS as ROWS

if TYPE_CHECKING:
    from airflow_provider.sandbox.vendor import Vendor

VENDORS: tuple[type[Vendor], ...] = tuple(row.simulation() for row in ROWS)
