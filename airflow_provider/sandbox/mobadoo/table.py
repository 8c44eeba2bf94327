"""The table of what is known about Mobadoo's API: switches, an endpoint and a page are made from it."""

from __future__ import annotations

from typing import Any

from airflow_provider.sandbox.mobadoo.message_traits import SOCKET_TRAITS, WEBHOOK_TRAITS
from airflow_provider.sandbox.mobadoo.rest_traits import REST_TRAITS
from airflow_provider.sandbox.mobadoo.traits import NOWHERE, SOURCES
from airflow_provider.sandbox.mobadoo.wallet_traits import WALLET_TRAITS
from airflow_provider.sandbox.switches import Switch

PARTS = {
    "REST feed": REST_TRAITS,
    "Webhook": WEBHOOK_TRAITS,
    "Tickets and callbacks": WALLET_TRAITS,
    "WebSocket": SOCKET_TRAITS,
}
MAINTENANCE = (
    Switch(
        "mobadoo.maintenance_status",
        503,
        "Status of the fault action ``maintenance``.",
        f"assumed: {NOWHERE}",
        minimum=200,
        maximum=599,
    ),
    Switch(
        "mobadoo.maintenance_body",
        "<html><body>Service unavailable</body></html>",
        "Body of the fault action ``maintenance``.",
        f"assumed: {NOWHERE}",
    ),
)
SWITCHES = (
    *(one.switch for traits in PARTS.values() for one in traits if one.switch is not None),
    *MAINTENANCE,
)


def shown() -> dict[str, Any]:
    """Return the table for the control API."""
    traits = [{"part": part, **one.as_json()} for part, traits in PARTS.items() for one in traits]
    return {"traits": traits, "sources": SOURCES}
