"""The vendors simulated. A new vendor is a new module and one more line here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider.sandbox.imbee.vendor import Imbee
from airflow_provider.sandbox.wolkvox.vendor import Wolkvox

if TYPE_CHECKING:
    from airflow_provider.sandbox.vendor import Vendor

VENDORS: tuple[type[Vendor], ...] = (
    Imbee,
    Wolkvox,
)
