"""What the tests of the example Dags share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.sandbox import SandboxProcess


@pytest.fixture(autouse=True)
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A ledger for each test: what one has sent another may send."""
    monkeypatch.setenv("AIRFLOW__VENDOR_APIS__LEDGER_PATH", str(tmp_path / "vendor_apis.db"))


@pytest.fixture
def sandbox(sandbox: SandboxProcess) -> SandboxProcess:
    """The vendors, wolkvox as strict as its collection can be read."""
    sandbox.strict()
    return sandbox
