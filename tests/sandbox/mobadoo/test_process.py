from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.sandbox.mobadoo.client import TOKEN, Mobadoo, a_customer
from tests.support.sandbox import ROOT, SandboxProcess


@pytest.fixture
def quiet() -> Iterator[SandboxProcess]:
    sandbox = SandboxProcess("--quiet")
    sandbox.start()
    yield sandbox
    sandbox.stop()


def stopped_at_once(sandbox: SandboxProcess) -> None:
    # What does not stop in ten seconds is killed.
    assert sandbox.stop() == 0
    assert sandbox.output() == ""


def test_it_stops_at_once_with_open_sockets(quiet):
    api = Mobadoo(quiet)
    with api.socket():
        api.switch(ws_pong=False)
        with api.socket():
            assert api.control("ws", "GET")["open"] == 2
            stopped_at_once(quiet)


def test_it_stops_at_once_while_a_delivery_hangs(quiet):
    api = Mobadoo(quiet)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(10)
        api.switch(webhook_url=f"http://127.0.0.1:{silent.getsockname()[1]}/", webhook_timeout=600)
        api.price(9001, "SP")
        connection, _ = silent.accept()
        with connection:
            stopped_at_once(quiet)


def test_it_stops_at_once_while_a_retry_waits(quiet):
    api = Mobadoo(quiet)
    with a_customer() as customer:
        customer.statuses = [500]
        api.switch(webhook_url=customer.url, retry_backoff=3600)
        api.price(9001, "SP")
        customer.wait_for(1)
        stopped_at_once(quiet)


def test_it_prints_no_secret_but_in_the_connections():
    with SandboxProcess() as sandbox, a_customer() as customer:
        api = Mobadoo(sandbox)
        api.switch(webhook_url=f"{customer.url}/?secret=in-the-url", webhook_secret="sent-along")
        api.price(9001, "SP")
        customer.wait_for(1)
        with api.socket():
            pass
        printed = sandbox.output()
    assert "Traceback" not in printed
    for secret in ("in-the-url", "sent-along"):
        assert secret not in printed
    assert printed.count(TOKEN) == 1


def test_without_websockets_the_rest_works_and_the_socket_says_what_is_missing():
    sandbox = SandboxProcess()
    script = "import sys; sys.modules['websockets'] = None; "
    script += "from airflow_provider.sandbox.__main__ import main; sys.exit(main(sys.argv[1:]))"
    sandbox.program = ("-c", script)
    with sandbox:
        assert Mobadoo(sandbox).get("videgames").status_code == 200
        upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
        answer = sandbox.get(
            "/mobadoo/", headers={**upgrade, "Sec-WebSocket-Key": "MDEyMzQ1Njc4OWFiY2RlZg=="}
        )
        assert (answer.status_code, "websockets" in answer.text) == (426, True)


def test_the_switches_are_printed_with_their_defaults(process):
    command = [sys.executable, "-m", "airflow_provider.sandbox", "--switches"]
    printed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60).stdout
    for switch in process.control("GET", "switches?describe=1")["switches"]:
        assert f"{switch['name']} = {json.dumps(switch['default'])}: {switch['description']}\n" in printed
