"""The vendors simulated. A new vendor is a new module and one more line here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider.sandbox.imbee import Imbee
from airflow_provider.sandbox.wolkvox import Wolkvox

if TYPE_CHECKING:
    from airflow_provider.sandbox.vendor import Vendor

VENDORS: tuple[type[Vendor], ...] = (
    Imbee,
    Wolkvox,
)
