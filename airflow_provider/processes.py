"""Who holds a row of the ledger or writes a file, and whether that process is still there."""

from __future__ import annotations

import getpass
import os
import socket
import uuid
from pathlib import Path

_retired: set[str] = set()


def new_owner() -> str:
    """Name this run of a batch: host, process, start of the process, and a random number."""
    return f"{_machine()}/{os.getpid()}/{_started(os.getpid())}/{uuid.uuid4().hex}"


def retire(owner: str) -> None:
    """Note that a run of this process has ended, though the process goes on.

    :param owner: what :func:`new_owner` returned
    """
    _retired.add(owner)


def is_gone(owner: str) -> bool:
    """Say whether the run that holds a row is known to have ended.

    Only for processes of this host; of others nothing is known, and their leases have to run out.

    :param owner: what :func:`new_owner` returned there
    """
    if owner in _retired:
        return True
    try:
        host, name, started, _ = owner.rsplit("/", 3)
        pid = int(name)
    except ValueError:
        return False
    if host != _machine() or not started:
        return False
    return _started(pid) != started


def _machine() -> str:
    """Name this host, its boot and its process namespace: containers may share the host's name."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text()[:8]
        space = os.readlink("/proc/self/ns/pid").strip("pid:[]")
    except OSError:
        boot = space = ""
    return f"{socket.gethostname()[:100]}-{boot}-{space}"


def _started(pid: int) -> str:
    """Return when a process started, in the kernel's ticks; empty where it is gone or this is not Linux."""
    try:
        # The name of the program, in parentheses, may itself have blanks and parentheses.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in "ZX" else fields[19]


def user_of_process() -> str:
    """Return the name of the operating system's user who runs this process."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        # In a container it may have a number alone.
        return str(os.getuid())
