from __future__ import annotations

import pytest

from airflow_provider.quota.store import (
    QuotaStore,
)
from tests.support.quota import ACCOUNT, NOW, MovingClock


@pytest.fixture
def stopped_clock(monkeypatch) -> MovingClock:
    return MovingClock(monkeypatch, NOW)


@pytest.fixture
def store(database, stopped_clock) -> QuotaStore:
    return QuotaStore(database, ACCOUNT)
