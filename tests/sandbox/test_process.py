from __future__ import annotations

import asyncio
import re
import signal
import socket
import subprocess
import sys
import threading

import pytest

from tests.sandbox.clients import HangingRequest, new_user
from tests.support.sandbox import ROOT, SandboxProcess


def test_without_uvicorn_it_says_what_to_install():
    script = (
        "import sys; sys.modules['uvicorn'] = None; "
        "from airflow_provider.sandbox.__main__ import main; sys.exit(main(['--port', '0']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == ("The sandbox needs uvicorn: pip install 'airflow-provider-vendor-apis[sandbox]'\n")


def test_it_prints_connections_that_a_shell_can_read(tmp_path):
    with SandboxProcess() as sandbox:
        exports = [line for line in sandbox.output().splitlines() if line.startswith("export ")]
        script = "\n".join([*exports, *(f'printf "%s\\n" "${name}"' for name in sandbox.connections)])
        shown = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True)
        assert shown.stdout.splitlines() == list(sandbox.connections.values())
        assert sandbox.url in sandbox.output()


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_it_stops_cleanly(how):
    sandbox = SandboxProcess("--quiet")
    sandbox.start()
    new_user(sandbox)
    assert sandbox.stop(how) == 0
    assert sandbox.output() == ""


def test_it_stops_at_once_with_requests_that_hang():
    sandbox = SandboxProcess("--quiet")
    sandbox.start()
    sandbox.fault(vendor="imbee", action="hang")
    with HangingRequest(sandbox, "POST", "/imbee/token/new", {}):
        # The request would hang for a minute, and what does not stop in ten seconds is killed.
        assert sandbox.stop() == 0
    assert sandbox.output() == ""


def test_latency_can_be_set_at_the_start_and_survives_a_reset():
    with SandboxProcess("--latency", "0.05") as sandbox:
        sandbox.reset()
        assert sandbox.get("/_sandbox/latency").json() == {"seconds": 0.05}


def test_secrets_differ_from_run_to_run_and_ids_do_not():
    users = []
    for _ in range(2):
        with SandboxProcess() as sandbox:
            users.append(new_user(sandbox)["body"])
    assert users[0]["virtualUser"] == users[1]["virtualUser"]
    assert users[0]["pass"] != users[1]["pass"]
    assert users[0]["apikey"] != users[1]["apikey"]


def test_a_taken_port_is_named():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        ended = run("--port", port)
    assert ended.returncode == 1
    assert port in ended.stderr
    assert "--port" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    "arguments", [("--port", "x"), ("--latency", "-1"), ("--latency", "x"), ("--unknown",)]
)
def test_a_bad_argument_is_explained(arguments):
    ended = run(*arguments)
    assert ended.returncode == 2
    assert arguments[0] in ended.stderr


def test_answers_do_not_wait_for_delayed_acknowledgements():
    from airflow_provider.sandbox.server import _listen

    async def accepted() -> bool:
        answered = asyncio.get_running_loop().create_future()

        def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            sock = writer.get_extra_info("socket")
            answered.set_result(sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            writer.close()

        listener = _listen("127.0.0.1", 0)
        async with await asyncio.start_server(connected, sock=listener):
            _, writer = await asyncio.open_connection(*listener.getsockname())
            writer.close()
            return bool(await answered)

    assert asyncio.run(accepted())


def test_many_clients_at_once_are_all_served():
    with SandboxProcess() as sandbox:

        def work(number: int) -> None:
            for index in range(20):
                new_user(sandbox, f"{number}-{index}")

        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sandbox.state()["imbee"]["users"] == 160


def test_it_shares_no_code_with_the_client():
    for path in (ROOT / "airflow_provider" / "sandbox").rglob("*.py"):
        for module in re.findall(r"^\s*(?:from|import) (\S+)", path.read_text(), re.MULTILINE):
            if module.startswith("airflow"):
                known = module.startswith("airflow_provider.sandbox") or module == "airflow_provider.vendors"
                assert known, f"{path.name} imports {module}"


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "airflow_provider.sandbox", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=20, check=False)
