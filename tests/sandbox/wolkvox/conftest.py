from __future__ import annotations

import pytest

from tests.sandbox.wolkvox.crm import EXTERNAL
from tests.support.sandbox import SandboxProcess


@pytest.fixture
def sandbox(process: SandboxProcess) -> SandboxProcess:
    process.reset()
    process.clock(now="2026-01-01T12:00:00Z", freeze=True)
    process.token(token=EXTERNAL, type="external")
    return process
