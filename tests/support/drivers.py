"""Send a call through either of the two drivers."""

from __future__ import annotations

import asyncio
from typing import Any

from airflow_provider.http.call import Call
from airflow_provider.http.hook import VendorHook


def blocking(hook: VendorHook[Any], *calls: Call[Any]) -> list[Any]:
    """Send the calls one after another with ``run``."""
    try:
        return [hook.run(call) for call in calls]
    finally:
        hook.close()


def pooled(hook: VendorHook[Any], *calls: Call[Any]) -> list[Any]:
    """Send the calls one after another through ``session``."""

    async def send() -> list[Any]:
        async with hook.session() as client:
            return [await client.run(call) for call in calls]

    # As the batches do: inside the event loop Airflow allows no blocking question.
    hook.options  # noqa: B018
    return asyncio.run(send())


DRIVERS = [blocking, pooled]
