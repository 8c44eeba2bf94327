"""Machines of their own: a host name and a network for each, joined to this machine by a bridge."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from contextlib import ExitStack
from typing import Self

HERE = "127.0.0.1"


class Network:
    """
    A bridge, and a network namespace for each machine.

    That needs root and ``ip``. Without them all processes share this machine's name and network: see ``reason``.
    """

    def __init__(self) -> None:
        self.address = HERE
        """Where the machines reach this one."""
        self.reason = ""
        """Why there are no machines; empty where there are."""
        self._bridge = f"dist{os.getpid()}"
        # For tests of networks (RFC 2544): nobody's own network is there.
        self._subnet = f"198.18.{os.getpid() % 256}"
        self._machines: list[str] = []
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self.reason = self._missing()
        if self.reason:
            return self
        try:
            _ip("link", "add", self._bridge, "type", "bridge")
            self._stack.callback(_ip, "link", "del", self._bridge)
            _ip("addr", "add", f"{self._subnet}.1/24", "dev", self._bridge)
            _ip("link", "set", self._bridge, "up")
            self.address = f"{self._subnet}.1"
            for name in ("probe",):
                subprocess.run([*self.machine(name), "true"], check=True, capture_output=True, timeout=60)
        except (OSError, subprocess.SubprocessError) as error:
            self._stack.close()
            self._machines.clear()
            self.address, self.reason = HERE, f"namespaces are refused here ({_last_line(error)})"
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def machine(self, name: str) -> list[str]:
        """
        Return what a command begins with that runs on a machine.

        :param name: the machine's host name
        """
        if self.reason:
            return []
        space = f"{self._bridge}-{name}"
        if name not in self._machines:
            self._machines.append(name)
            number = len(self._machines) + 1
            port, inner = f"d{os.getpid()}h{number}", f"d{os.getpid()}m{number}"
            _ip("netns", "add", space)
            # Its end of the cable goes with it.
            self._stack.callback(_ip, "netns", "del", space)
            _ip("link", "add", port, "type", "veth", "peer", "name", inner, "netns", space)
            _ip("link", "set", port, "master", self._bridge, "up")
            for command in (
                ("link", "set", "lo", "up"),
                ("addr", "add", f"{self._subnet}.{number}/24", "dev", inner),
                ("link", "set", inner, "up"),
            ):
                _ip("-n", space, *command)
        return ["ip", "netns", "exec", space, sys.executable, "-m", "tests.distributed.machine", name]

    def _missing(self) -> str:
        if os.geteuid() != 0:
            return "namespaces need root"
        return "" if shutil.which("ip") else "there is no ip (iproute2)"


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True, timeout=30)


def _last_line(error: Exception) -> str:
    said = getattr(error, "stderr", None) or str(error)
    return (said if isinstance(said, str) else said.decode(errors="replace")).strip().rpartition("\n")[2]
