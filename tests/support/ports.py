"""Ports for servers that are started later, or again, and for hosts at which nobody listens."""

from __future__ import annotations

import socket

LOWEST, HIGHEST = 10_000, 65_535
"""What is tried, in this order. What systems give to whoever asks for none begins at 32,768 or above."""

_kept: list[socket.socket] = []


def free_port() -> int:
    """
    Return a TCP port of this machine that is free and stays so.

    The system gives it to nobody by itself, as it may with one that was asked for and let go. Another process of tests
    does not get it while this one lives: it is marked as taken by a UDP socket with the same number.
    """
    for port in range(_kept[-1].getsockname()[1] + 1 if _kept else LOWEST, HIGHEST + 1):
        mark = socket.socket(type=socket.SOCK_DGRAM)
        try:
            mark.bind(("127.0.0.1", port))
            with socket.socket() as probe:
                probe.bind(("", port))
        except OSError:
            mark.close()
            continue
        _kept.append(mark)
        return port
    raise OSError(f"No port from {LOWEST} to {HIGHEST} is free.")
