"""What Airflow mounts: the receiver of webhooks, and the pages and interfaces beside it.

Every process of Airflow imports this module, and only the API server asks for the apps: they are made then,
and what runs in the background starts when the API server does.
"""

from __future__ import annotations

import logging
from functools import cache
from typing import Any

from airflow.sdk.plugins_manager import AirflowPlugin

log = logging.getLogger(__name__)


class _MadeWhenRead:
    """An attribute that is made when it is read for the first time."""

    def __get__(self, instance: object, owner: type | None = None) -> list[dict[str, Any]]:
        return _apps()


@cache
def _apps() -> list[dict[str, Any]]:
    from airflow_provider.events.mounted import api_server_app
    from airflow_provider.exceptions import InvalidInput

    try:
        app = api_server_app()
    except InvalidInput as error:
        # The API server has to start all the same.
        log.error("Webhooks are not received: %s", error)
        return []
    return [] if app is None else [{"app": app, "url_prefix": "/vendor-apis", "name": "Vendor APIs"}]


class VendorApisPlugin(AirflowPlugin):
    """The plugin."""

    name = "vendor_apis"
    fastapi_apps = _MadeWhenRead()
