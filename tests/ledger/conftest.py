from __future__ import annotations

from pathlib import Path

import pytest

from airflow_provider.ledger import recorder as module


@pytest.fixture
def ledger(tmp_path, monkeypatch) -> Path:
    path = tmp_path / "ledger.db"
    monkeypatch.setenv("AIRFLOW__VENDOR_APIS__LEDGER_PATH", str(path))
    return path


@pytest.fixture
def quick(sandbox, ledger, set_connection):
    set_connection("imbee_default", extra={"timeout": 5})


@pytest.fixture
def own_home(tmp_path, monkeypatch):
    """Keep what cannot be recorded apart from other tests."""
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path / "home"))


@pytest.fixture
def no_pauses(monkeypatch):
    """Let nobody wait longer than it takes to give way to the others."""
    monkeypatch.setattr(module, "BUSY_PAUSE", 0.001)
