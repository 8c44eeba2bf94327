from __future__ import annotations

import pytest

from tests.support.canary_secrets import SWITCHES, connections
from tests.support.sandbox import SandboxProcess


@pytest.fixture
def secretive(sandbox: SandboxProcess, monkeypatch: pytest.MonkeyPatch) -> SandboxProcess:
    """The sandbox with the secrets."""
    sandbox.switch(SWITCHES)
    for name, value in connections(sandbox).items():
        monkeypatch.setenv(name, value)
    return sandbox
