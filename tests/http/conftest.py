"""Fixtures of the tests of one request."""

from __future__ import annotations

import os
from typing import Any

import pytest

from airflow_provider.http.oauth import forget_tokens
from tests.support.acme import CONN_ID
from tests.support.oauth import Vendor
from tests.support.servers import Answering, serving


@pytest.fixture
def vendor(set_connection):
    forget_tokens()
    vendor = Vendor()
    with serving(vendor) as server:
        vendor.url = server.url
        vendor.seen = server.seen
        set_connection(CONN_ID, conn_type="acme", host=server.url + "/v1", extra={"timeout": 10})
        yield vendor
    forget_tokens()


@pytest.fixture
def masked(monkeypatch):
    """What is given to Airflow's masker."""
    from airflow.sdk import log

    found: list[str] = []

    async def amask_secret(secret: str, *_: Any) -> None:
        found.append(secret)

    monkeypatch.setattr(log, "mask_secret", lambda secret, *_: found.append(secret))
    monkeypatch.setattr(log, "amask_secret", amask_secret, raising=False)
    return found


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)


@pytest.fixture
def connect(set_connection):
    """A function that makes the connection lead to a server."""

    def connect(server: Answering | str, **extra: Any) -> None:
        url = server if isinstance(server, str) else server.url
        set_connection(CONN_ID, conn_type="acme", host=url, extra={"timeout": 10, **extra})

    return connect
