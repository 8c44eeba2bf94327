"""Run the vendor sandbox as a real process for tests and demos."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Any

from requests import Response, Session

ROOT = Path(__file__).resolve().parents[2]


class SandboxProcess:
    """
    Start ``python -m airflow_provider.sandbox`` on a free port and stop it again.

    ``get``, ``post``, ``put`` and ``delete`` take any path below the base URL and return the
    :class:`requests.Response` as it is. The named helpers below them raise ``AssertionError`` when the
    control API refuses, and return the decoded JSON.

    :param arguments: more command-line arguments, for example ``"--latency", "0.01"``
    :param deadline: seconds to wait for the process to become ready
    :param root: the folder that has the package
    """

    program = ("-m", "airflow_provider.sandbox")

    def __init__(self, *arguments: str, deadline: float = 60.0, root: Path = ROOT) -> None:
        self.root = root
        self.arguments = arguments
        self.deadline = deadline
        self.url = ""
        self.connections: dict[str, str] = {}
        self.process: subprocess.Popen[bytes] | None = None
        self.http = Session()
        # A proxy of the surrounding environment must not come between the tests and this machine.
        self.http.trust_env = False
        self.last_output = ""
        self._directory: tempfile.TemporaryDirectory[str] | None = None

    def __enter__(self) -> SandboxProcess:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start the process and wait until it listens."""
        self._directory = tempfile.TemporaryDirectory(prefix="sandbox-")
        ready = self._path("ready.json")
        command = [sys.executable, *self.program, "--port", "0"]
        command += ["--ready-file", str(ready), *self.arguments]
        path = os.pathsep.join(filter(None, [str(self.root), os.environ.get("PYTHONPATH")]))
        with self._path("output.txt").open("wb") as output:
            self.process = subprocess.Popen(
                command,
                cwd=self._directory.name,
                env={**os.environ, "PYTHONPATH": path},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        until = time.monotonic() + self.deadline
        while not ready.exists():
            if self.process.poll() is not None:
                self._give_up(f"The sandbox ended with code {self.process.returncode} before it was ready")
            if time.monotonic() > until:
                self._give_up(f"The sandbox was not ready after {self.deadline} seconds")
            time.sleep(0.005)
        announced = json.loads(ready.read_text())
        self.url = announced["url"]
        self.connections = announced["connections"]

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int | None:
        """
        Stop the process and return its exit code.

        :param how: the signal to send
        """
        self.http.close()
        code = None
        if self.process is not None:
            if self.process.poll() is None:
                self.process.send_signal(how)
            try:
                code = self.process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            self.process = None
        if self._directory is not None:
            self.last_output = self.output()
            self._directory.cleanup()
            self._directory = None
        return code

    def output(self) -> str:
        """Return what the process has printed so far."""
        if self._directory is None:
            return self.last_output
        return self._path("output.txt").read_text(errors="replace")

    def get(self, path: str, **options: Any) -> Response:
        """Send GET; ``options`` go to :mod:`requests`."""
        return self._send("GET", path, **options)

    def post(self, path: str, json: Any = None, **options: Any) -> Response:
        """Send POST with a JSON body; ``options`` go to :mod:`requests`."""
        return self._send("POST", path, json=json, **options)

    def put(self, path: str, json: Any = None, **options: Any) -> Response:
        """Send PUT with a JSON body; ``options`` go to :mod:`requests`."""
        return self._send("PUT", path, json=json, **options)

    def delete(self, path: str, **options: Any) -> Response:
        """Send DELETE; ``options`` go to :mod:`requests`."""
        return self._send("DELETE", path, **options)

    def reset(self) -> None:
        """Bring state, faults, switches, clock, latency and the request log back to the start."""
        self.control("POST", "reset")

    def fault(self, **fault: Any) -> int:
        """Add a fault, for example ``fault(vendor="imbee", path="token/new", status=500)``; return its id."""
        return int(self.control("POST", "faults", fault)["id"])

    def faults(self) -> list[dict[str, Any]]:
        """Return the faults with their remaining counts."""
        return list(self.control("GET", "faults")["faults"])

    def switch(self, values: dict[str, Any] | None = None, /, **named: Any) -> dict[str, Any]:
        """Set switches, for example ``switch({"imbee.rotate_credentials": True})``; return all values."""
        return dict(self.control("PUT", "switches", {**(values or {}), **named}))

    def strict(self) -> None:
        """Let wolkvox require everything that its Postman collection requires, in its strictest reading."""
        self.switch({"wolkvox.strict": True})

    def requests(self, vendor: str | None = None, **query: Any) -> list[dict[str, Any]]:
        """Return the requests that the vendors received, oldest first."""
        parameters = {"vendor": vendor, **query}
        return list(self.control("GET", "requests", params=parameters)["requests"])

    def messages(self) -> list[dict[str, Any]]:
        """Return every mail and SMS "sent"."""
        return list(self.control("GET", "messages")["messages"])

    def state(self) -> dict[str, Any]:
        """Return the counts of what the vendors hold."""
        return dict(self.control("GET", "state"))

    def secrets(self) -> list[str]:
        """Return every secret value configured or minted so far."""
        return list(self.control("GET", "secrets")["secrets"])

    def clock(self, **change: Any) -> dict[str, Any]:
        """Change the clock, for example ``clock(advance=3600)``, or only read it."""
        return dict(self.control("POST", "clock", change) if change else self.control("GET", "clock"))

    def latency(self, seconds: float) -> None:
        """Delay every vendor answer by ``seconds``."""
        self.control("PUT", "latency", {"seconds": seconds})

    def token(self, **token: Any) -> None:
        """Add or replace a wolkvox token, for example ``token(token="t2", operation="shop", limit=10)``."""
        self.control("POST", "wolkvox/tokens", token)

    def control(self, method: str, path: str, json: Any = None, **options: Any) -> Any:
        """Call the control API and return the decoded answer."""
        response = self._send(method, f"/_sandbox/{path}", json=json, **options)
        assert response.ok, f"{method} /_sandbox/{path} answered {response.status_code}: {response.text}"
        return response.json()

    def _send(self, method: str, path: str, **options: Any) -> Response:
        options.setdefault("timeout", 30)
        return self.http.request(method, self.url + "/" + path.lstrip("/"), **options)

    def _path(self, name: str) -> Path:
        assert self._directory is not None
        return Path(self._directory.name) / name

    def _give_up(self, reason: str) -> None:
        printed = self.output()
        self.stop(signal.SIGKILL)
        raise RuntimeError(f"{reason}. It printed:\n{printed}")
