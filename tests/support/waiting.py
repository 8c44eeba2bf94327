"""Waits that pass at once: the rules decide as ever, only the time is not spent."""

from __future__ import annotations

import asyncio
import time
from functools import partial
from typing import Any

import pytest


def skip_waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """
    Let the waits of both clients pass at once, on a clock that moves along, and without jitter.

    :return: the seconds of each wait, as they come
    """
    from airflow_provider.http import async_client, client, retry, sync_client

    waits: list[float] = []

    def clock() -> float:
        return time.monotonic() + sum(waits)

    async def sleep(seconds: float) -> None:
        waits.append(seconds)
        await asyncio.sleep(0)

    exchange = partial(retry.exchange, clock=clock, draw=lambda: 0.0)
    monkeypatch.setattr(client, "exchange", exchange)
    monkeypatch.setattr(sync_client, "time", _Module(time, sleep=waits.append))
    monkeypatch.setattr(async_client, "asyncio", _Module(asyncio, sleep=sleep))
    return waits


class _Module:
    """A module with some of its names replaced."""

    def __init__(self, module: Any, **names: Any) -> None:
        self._module = module
        self.__dict__.update(names)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._module, name)
