"""What Airflow mounts: the receiver of webhooks, and the pages and interfaces beside it.

Every process of Airflow imports this module, and only the API server asks for the apps: they are made then,
and what runs in the background starts when the API server does.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from airflow.sdk.plugins_manager import AirflowPlugin

if TYPE_CHECKING:
    from collections.abc import Callable


class _MadeWhenRead:
    """An attribute that is made when it is read for the first time.

    :param make: makes it
    """

    def __init__(self, make: Callable[[], list[dict[str, Any]]]) -> None:
        self._make = make

    def __get__(self, instance: object, owner: type | None = None) -> list[dict[str, Any]]:
        return self._make()


@cache
def _apps() -> list[dict[str, Any]]:
    from airflow_provider.events.mounted import api_server_app
    from airflow_provider.pages import actions, router

    app = api_server_app(router.router, actions.router)
    return [{"app": app, "url_prefix": "/vendor-apis", "name": "Vendor APIs"}]


@cache
def _middlewares() -> list[dict[str, Any]]:
    from airflow_provider.events.unlogged import StraysUnlogged

    return [{"middleware": StraysUnlogged, "name": "Vendor APIs: addresses that are not quite right"}]


@cache
def _views() -> list[dict[str, Any]]:
    from urllib.parse import urlsplit

    from airflow.sdk import conf

    base = urlsplit(conf.get("api", "base_url", fallback="") or "").path.rstrip("/")
    return [
        {
            "name": "Vendor APIs",
            "href": f"{base}/vendor-apis/",
            "destination": "nav",
            "category": "browse",
            "url_route": "vendor-apis",
        }
    ]


class VendorApisPlugin(AirflowPlugin):
    """The plugin."""

    name = "vendor_apis"
    fastapi_apps = _MadeWhenRead(_apps)
    fastapi_root_middlewares = _MadeWhenRead(_middlewares)
    external_views = _MadeWhenRead(_views)
