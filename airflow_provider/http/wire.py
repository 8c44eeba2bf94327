"""What the blocking driver's connections do beyond those of ``urllib3``.

``requests`` knows a timeout for the pause between two bytes only, and quotes URLs in its errors and logs.
Here one time limit holds for all of a request: connecting, TLS, a proxy's tunnel, sending, headers and body.
Only looking up the host's address is left to the system. And the secret part of a query joins the URL where
nothing quotes it any more.
"""

from __future__ import annotations

import http.client
import io
import re
import socket
import time
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

if TYPE_CHECKING:
    from collections.abc import Iterator

PIECE = 16 * 1024
"""Bytes that are sent before the clock is looked at again; a record of TLS has as many at most."""

TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""The name of a header."""

_deadline: ContextVar[float | None] = ContextVar("deadline", default=None)
_secret_query: ContextVar[str] = ContextVar("secret_query", default="")


@dataclass(slots=True)
class Progress:
    """How far a request has come."""

    sent: bool = False
    """Whether it has begun to leave: then there was a connection, with a tunnel and TLS if need be."""


_progress: ContextVar[Progress | None] = ContextVar("progress", default=None)


@contextmanager
def within(seconds: float, progress: Progress) -> Iterator[None]:
    """End what this thread sends and receives inside, whatever it is at, after so many seconds.

    :param seconds: seconds
    :param progress: is told how far the request has come
    """
    deadline, told = _deadline.set(time.monotonic() + seconds), _progress.set(progress)
    try:
        yield
    finally:
        _deadline.reset(deadline)
        _progress.reset(told)


@contextmanager
def secret_query(query: str) -> Iterator[None]:
    """Add to the query of the request that is sent inside.

    :param query: the parameters, encoded
    """
    token = _secret_query.set(query)
    try:
        yield
    finally:
        _secret_query.reset(token)


def _remaining(deadline: float) -> float:
    seconds = deadline - time.monotonic()
    if seconds <= 0:
        raise TimeoutError("timed out")
    return seconds


class _TimedReader(io.RawIOBase):
    """Reads from a socket until a moment in time."""

    def __init__(self, raw: Any, sock: Any, deadline: float) -> None:
        self._raw = raw
        self._sock = sock
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._sock.settimeout(_remaining(self._deadline))
        count: int | None = self._raw.readinto(buffer)
        return count

    def close(self) -> None:
        if not self.closed:
            self._raw.close()
        super().close()


class _Reader(io.BufferedReader):
    """Refuses a head that was cut off, which ``http.client`` takes for a whole one."""

    in_head = True
    begun = False

    def readline(self, size: int | None = -1, /) -> bytes:
        line = super().readline(size)
        if self.in_head and self.begun and not line:
            raise ConnectionResetError("the head of the response was cut off")
        self.begun = True
        return line


class _Answer(http.client.HTTPResponse):
    """A response that is read within the request's time; interim responses before it are skipped."""

    def __init__(self, sock: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        raw, deadline = self.fp.detach(), _deadline.get()
        self._reader = _Reader(raw if deadline is None else _TimedReader(raw, sock, deadline))
        self.fp = self._reader
        self._timed = deadline is not None

    def begin(self) -> None:
        super().begin()
        self._reader.in_head = False
        # A session for direct use takes what requests takes.
        if self._timed and _is_ambiguous(self.headers):
            raise http.client.HTTPException("the head of the response is ambiguous")

    def _read_status(self) -> Any:
        while True:
            found = super()._read_status()  # type: ignore[misc]  # typeshed does not have it
            # 102 and 103 come ahead of the response; http.client passes over 100 alone.
            if not 102 <= found[1] < 200:
                return found
            http.client.parse_headers(self.fp)


def _is_ambiguous(headers: http.client.HTTPMessage) -> bool:
    """Say whether it would be a guess where a response ends or what its headers are (RFC 9112, 5.1 and 6.3).

    The other driver's parser refuses these; what one driver takes for an answer must be one for both.
    """
    lengths = headers.get_all("content-length", [])
    return (
        bool(headers.defects)
        or len(lengths) > 1
        or any(not length.isascii() or not length.strip().isdigit() for length in lengths)
        or (bool(lengths) and "transfer-encoding" in headers)
        or any(not TOKEN.fullmatch(name) or "\0" in value for name, value in headers.items())
    )


class _Timed(HTTPConnection):
    """A connection of which every step counts against the request's time."""

    response_class = _Answer
    _connecting = False

    def connect(self) -> None:
        self._connecting = True
        try:
            super().connect()
        finally:
            self._connecting = False

    def _new_conn(self) -> socket.socket:
        deadline = _deadline.get()
        if deadline is None:
            return super()._new_conn()
        end = min(deadline, time.monotonic() + self.timeout) if self.timeout else deadline
        sock = self._first_that_answers(end)
        sock.settimeout(_remaining(deadline))
        return sock

    def _first_that_answers(self, end: float) -> socket.socket:
        """Try each address of the host, all of them together within the time."""
        host, timeout = self._dns_host, self.timeout
        try:
            found = socket.getaddrinfo(host, self.port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            # It says so in urllib3's words.
            return super()._new_conn()
        try:
            for number, address in enumerate(found, 1):
                self._dns_host = str(address[4][0])
                self.timeout = max(end - time.monotonic(), 0.001)
                try:
                    return super()._new_conn()
                except (ConnectTimeoutError, NewConnectionError):
                    if number == len(found) or time.monotonic() >= end:
                        raise
        finally:
            self._dns_host, self.timeout = host, timeout
        raise AssertionError("getaddrinfo returns at least one address")

    def putrequest(self, method: str, url: str, *args: Any, **kwargs: Any) -> None:
        if query := _secret_query.get():
            url = f"{url}{'&' if '?' in url else '?'}{query}"
        super().putrequest(method, url, *args, **kwargs)

    def send(self, data: Any) -> None:
        if self.sock is None:
            self.connect()
        progress = _progress.get()
        # While it connects, it speaks to a proxy.
        if progress is not None and not self._connecting:
            progress.sent = True
        deadline = _deadline.get()
        if deadline is None or not isinstance(data, bytes | bytearray):
            super().send(data)
            return
        for start in range(0, len(data), PIECE):
            if self.sock is not None:
                self.sock.settimeout(_remaining(deadline))
            super().send(data[start : start + PIECE])


class _TimedTls(_Timed, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Timed


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TimedTls


POOLS = {"http": _Pool, "https": _TlsPool}
"""The pools of ``urllib3`` with these connections."""
