from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.sandbox.mpohoda.client import Mpohoda
from tests.support.sandbox import SandboxProcess

# This vendor and no other, whichever rows there are.
ALONE = """
import sys
from airflow_provider.sandbox import registry
from airflow_provider.sandbox.mpohoda.vendor import VENDOR
registry.VENDORS = (VENDOR,)
from airflow_provider.sandbox.__main__ import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture(scope="module")
def process() -> Iterator[SandboxProcess]:
    running = SandboxProcess()
    running.program = ("-c", ALONE)
    with running:
        yield running
        # An error inside the sandbox answers 500 and prints a traceback; neither may pass unnoticed.
        assert "Traceback" not in running.output()


@pytest.fixture
def sandbox(process: SandboxProcess) -> SandboxProcess:
    process.reset()
    process.clock(now="2026-11-16T12:00:00Z", freeze=True)
    return process


@pytest.fixture
def api(sandbox: SandboxProcess) -> Mpohoda:
    return Mpohoda(sandbox)
