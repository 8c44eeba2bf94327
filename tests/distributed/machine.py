"""Run a command under a host name of its own: ``python -m tests.distributed.machine NAME COMMAND…``."""

from __future__ import annotations

import ctypes
import os
import socket
import sys

CLONE_NEWUTS = 0x04000000


def main() -> None:
    name, *command = sys.argv[1:]
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWUTS):
        number = ctypes.get_errno()
        raise OSError(number, f"unshare: {os.strerror(number)}")
    socket.sethostname(name)
    os.execvp(command[0], command)


if __name__ == "__main__":
    main()
