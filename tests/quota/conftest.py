from __future__ import annotations

from types import SimpleNamespace

import pytest

from airflow_provider.quota.store import QuotaStore
from tests.support.quota import ACCOUNT, NOW, MovingClock
from tests.support.sensor import Waited


@pytest.fixture
def clock(monkeypatch) -> MovingClock:
    """The quota room's clock: it goes on, and a test may move it."""
    return MovingClock(monkeypatch)


@pytest.fixture
def stopped_clock(monkeypatch) -> MovingClock:
    """The quota room's clock: it stands still until a test moves it."""
    return MovingClock(monkeypatch, NOW)


@pytest.fixture
def store(database, stopped_clock) -> QuotaStore:
    return QuotaStore(database, ACCOUNT)


@pytest.fixture
def slept(monkeypatch) -> list[float]:
    """Let a blocking sensor end at its first sleep; the list has its seconds."""
    waits: list[float] = []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        raise Waited

    monkeypatch.setattr("airflow_provider.sleeping.sensor.time", SimpleNamespace(sleep=sleep))
    return waits


@pytest.fixture
def fresh_monitors(monkeypatch) -> None:
    """Each test has a triggerer of its own."""
    monkeypatch.setattr("airflow_provider.quota.monitor._shared._kept", {})
