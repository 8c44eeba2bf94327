from __future__ import annotations

import pytest

from airflow_provider.store.engine import Database
from tests.support import new_files


@pytest.fixture(autouse=True)
def migrations(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let new files be migrated, revision by revision."""
    monkeypatch.setattr(Database, "prepare", new_files.MIGRATE)
