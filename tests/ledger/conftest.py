from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def ledger(tmp_path, monkeypatch) -> Path:
    path = tmp_path / "ledger.db"
    monkeypatch.setenv("AIRFLOW__VENDOR_APIS__LEDGER_PATH", str(path))
    return path


@pytest.fixture
def quick(sandbox, ledger, set_connection):
    set_connection("imbee_default", extra={"timeout": 5})
