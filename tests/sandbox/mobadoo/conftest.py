from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.sandbox.mobadoo.client import Customer, Mobadoo, a_customer
from tests.support.sandbox import SandboxProcess

# This vendor and no other, whichever rows there are.
ALONE = """
import sys
from airflow_provider.sandbox import registry
from airflow_provider.sandbox.mobadoo.vendor import VENDOR
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
        assert "secret" not in running.output().partition("Control API")[2]


@pytest.fixture
def sandbox(process: SandboxProcess) -> SandboxProcess:
    process.reset()
    process.clock(now="2026-11-16T12:00:00Z", freeze=True)
    return process


@pytest.fixture
def api(sandbox: SandboxProcess) -> Mobadoo:
    return Mobadoo(sandbox)


@pytest.fixture
def customer(api: Mobadoo) -> Iterator[Customer]:
    """Who gets webhooks and callbacks; webhooks are sent when the test orders it."""
    with a_customer() as found:
        api.switch(
            webhook_url=f"{found.url}/hook",
            callbacks_url=f"{found.url}/call",
            webhook_mode="manual",
            retry_backoff=0,
        )
        yield found
        # Nothing is sent by itself to a customer who has gone.
        api.switch(webhook_url="", callbacks_url="")
