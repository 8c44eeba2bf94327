"""What the API server logs of an address that was to be a vendor's, and is not quite right."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from airflow_provider.events.unlogged import StraysUnlogged


def logged(path: str, query: str = "", root: str = "") -> tuple[str, str, dict[str, Any]]:
    """Return path and query as the server logs them, and what the app behind has got."""
    got: dict[str, Any] = {}

    async def app(scope: Any, receive: Any, send: Any) -> None:
        got.update(scope)

    scope: dict[str, Any] = {
        "type": "http",
        "root_path": root,
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
    }
    asyncio.run(StraysUnlogged(app)(scope, None, None))
    assert scope["raw_path"].decode() == scope["path"]
    return scope["path"], scope["query_string"].decode(), got


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("//vendor-apis/callbacks/c/5ecret/credit", "//vendor-apis/***"),
        ("/Vendor-APIs/webhooks/5ecret", "/Vendor-APIs/***"),
        ("/airflow/vendor-apis/webhooks/5ecret", "/airflow/vendor-apis/***"),
        ("/vendor_apis/callbacks/c/5ecret/credit", "/vendor_apis/***"),
        ("/vendorapi/callbacks/c/5ecret/credit", "/vendorapi/***"),
        ("/callbacks/c/5ecret/credit", "/callbacks/***"),
        ("/webhooks/mobadoo_default", "/webhooks/***"),
        ("/webhook/mobadoo_default", "/webhook/mobadoo_default"),
        ("/", "/"),
    ],
)
@pytest.mark.parametrize("query", ["secret=5ecret", "a=1&Secret=5ecret", "hash=5ecret&a=1"])
def test_a_secret_is_not_logged_and_the_app_gets_the_address_as_it_is(path, shown, query):
    told, told_query, got = logged(path, query)
    assert (told, told_query) == (shown, "***")
    assert (got["path"], got["query_string"]) == (path, query.encode())


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/api/v2/dags/secret=1/dagRuns", "limit=5"),
        ("/api/v2/assets", "name_pattern=my_secret"),
        ("/vendor-apis/webhooks/mobadoo_default", "page=1"),
        ("/slack/webhooks/1", "page=1"),
        # It is the app's own to hide.
        ("/vendor-apis/webhooks/mobadoo_default", "secret=1"),
    ],
)
def test_other_addresses_are_logged_as_they_are(path, query):
    assert logged(path, query)[:2] == (path, query)
