"""Answers as servers write them, and how a call ends with each."""

from __future__ import annotations

import gzip
import zlib
from dataclasses import dataclass
from typing import Any

import pytest

from airflow_provider.exceptions import VendorError
from airflow_provider.http.call import Call
from airflow_provider.http.retry import RequestPolicy
from tests.support.acme import AcmeHook
from tests.support.drivers import DRIVERS
from tests.support.servers import Answering

driver = pytest.mark.parametrize("send", DRIVERS, ids=lambda send: send.__name__)

JSON = b"Content-Type: application/json\r\n"
GOOD = b'{"a": 1}'


def answer(body: bytes = GOOD, *headers: bytes, status: bytes = b"200 OK", length: bool = True) -> bytes:
    """Return an answer as bytes on the wire, the last of its connection."""
    lines = [b"HTTP/1.1 " + status, b"Content-Type: application/json", b"Connection: close", *headers]
    if length:
        lines.append(b"Content-Length: %d" % len(body))
    return b"\r\n".join([*lines, b"", body])


def chunked(*pieces: bytes) -> bytes:
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in (*pieces, b""))


def raw_deflate(data: bytes) -> bytes:
    squeezer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return squeezer.compress(data) + squeezer.flush()


GZIP, DEFLATE = b"Content-Encoding: gzip", b"Content-Encoding: deflate"
CHUNKED = b"Transfer-Encoding: chunked"
OPERACION = '{"message": "Operación"}'
SPELT = {"message": "Operación"}
BOMB = gzip.compress(b" " * 20_000_000)


@dataclass
class End:
    """How a call ended: a value, or an error, its status and whether something had been sent."""

    value: Any = None
    error: str | None = None
    status: int | None = None
    processed: bool | None = None
    requests: int = 1


def end_of(send: Any, server: Answering, call: Call[Any], **policy: Any) -> End:
    server.seen.clear()
    try:
        [value] = send(AcmeHook(policy=RequestPolicy(**{"attempts": 2, "backoff": 0.0, **policy})), call)
    except VendorError as error:
        processed = getattr(error, "processed", None)
        return End(None, type(error).__name__, error.status, processed, len(server.seen))
    return End(value, requests=len(server.seen))


BROKEN = End(error="VendorUnavailable", requests=2)

ANSWERS = {
    "plain": (answer(), End({"a": 1})),
    "no length": (answer(length=False), End({"a": 1})),
    "chunked": (answer(chunked(GOOD[:3], GOOD[3:]), CHUNKED, length=False), End({"a": 1})),
    "gzip": (answer(gzip.compress(GOOD), GZIP), End({"a": 1})),
    "gzip, chunked": (answer(chunked(gzip.compress(GOOD)), GZIP, CHUNKED, length=False), End({"a": 1})),
    "gzip followed by zero bytes": (answer(gzip.compress(GOOD) + b"\0" * 9, GZIP), End({"a": 1})),
    "gzip in two members": (
        answer(gzip.compress(GOOD[:4]) + gzip.compress(GOOD[4:]), GZIP),
        End({"a": 1}),
    ),
    "gzip in capitals": (answer(gzip.compress(GOOD), b"content-encoding: GZIP"), End({"a": 1})),
    "gzip cut off": (answer(gzip.compress(GOOD)[:-9], GZIP), BROKEN),
    "gzip that is none": (answer(GOOD, GZIP), BROKEN),
    "deflate": (answer(zlib.compress(GOOD), DEFLATE), End({"a": 1})),
    "deflate without its header": (answer(raw_deflate(GOOD), DEFLATE), End({"a": 1})),
    "an encoding that nobody asked for": (
        answer(GOOD, b"Content-Encoding: compress"),
        End(error="VendorProtocolError", status=200),
    ),
    "a large Set-Cookie": (answer(GOOD, b"Set-Cookie: a=" + b"x" * 12_000), End({"a": 1})),
    "latin-1": (
        answer(OPERACION.encode("latin-1"), b"Content-Type: application/json; charset=ISO-8859-1"),
        End(SPELT),
    ),
    "latin-1 that is UTF-8": (
        answer(OPERACION.encode(), b"Content-Type: application/json; charset=ISO-8859-1"),
        End(SPELT),
    ),
    "UTF-16": (answer(OPERACION.encode("utf-16")), End(SPELT)),
    "a byte order mark": (answer(b"\xef\xbb\xbf" + GOOD), End({"a": 1})),
    "latin-1 that nobody declares": (
        answer(OPERACION.encode("latin-1")),
        End(error="VendorProtocolError", status=200),
    ),
    "103 first": (b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + answer(), End({"a": 1})),
    "102 first": (b"HTTP/1.1 102 Processing\r\n\r\n" + answer(), End({"a": 1})),
    "100 first": (b"HTTP/1.1 100 Continue\r\n\r\n" + answer(), End({"a": 1})),
    "two lengths that differ": (answer(GOOD, b"Content-Length: 3"), BROKEN),
    "two lengths that agree": (answer(GOOD, b"Content-Length: 8"), BROKEN),
    "a list of lengths": (answer(GOOD, b"Content-Length: 8, 8", length=False), BROKEN),
    "a length with a sign": (answer(GOOD, b"Content-Length: +8", length=False), BROKEN),
    "a length beside chunks": (answer(chunked(GOOD), CHUNKED, b"Content-Length: 8", length=False), BROKEN),
    "a blank before the colon": (answer(GOOD, b"X-Y : z"), BROKEN),
    "a line without a colon": (answer(GOOD, b"garbage"), BROKEN),
    "a name with a blank": (answer(GOOD, b"A B: c"), BROKEN),
    "no name": (answer(GOOD, b": c"), BROKEN),
    "bare line feeds": (answer().replace(b"\r\n", b"\n"), End({"a": 1})),
    "a folded header": (answer(GOOD, b"X: a\r\n b"), End({"a": 1})),
    "a header in latin-1": (answer(GOOD, "X: ñ".encode("latin-1")), End({"a": 1})),
    "HTTP/1.0": (answer().replace(b"HTTP/1.1", b"HTTP/1.0"), End({"a": 1})),
    "no reason": (answer(status=b"200"), End({"a": 1})),
    "a trailer": (
        answer(b"8;x=y\r\n" + GOOD + b"\r\n0\r\nT: v\r\n\r\n", CHUNKED, length=False),
        End({"a": 1}),
    ),
    "cut off": (answer(GOOD, b"Content-Length: 99", length=False), BROKEN),
    "chunks cut off": (answer(chunked(GOOD)[:-5], CHUNKED, length=False), BROKEN),
    "nothing": (b"", BROKEN),
    "no HTTP": (b"SSH-2.0-OpenSSH\r\n", BROKEN),
    "half a head": (b"HTTP/1.1 200 OK\r\nContent-Le", BROKEN),
    "a head without its end": (b"HTTP/1.1 200 OK\r\nX: y\r\n", BROKEN),
    "a bomb": (answer(BOMB, GZIP), End(error="VendorProtocolError", status=200)),
    "a redirect": (
        answer(b"", b"Location: http://127.0.0.1:9/", status=b"302 Found"),
        End(error="VendorProtocolError", status=302),
    ),
    "401": (answer(status=b"401 Unauthorized"), End(error="VendorAuthError", status=401)),
    "503": (answer(status=b"503 Busy"), End(error="VendorUnavailable", status=503, requests=2)),
    "429 for a long time": (
        answer(GOOD, b"Retry-After: 600", status=b"429 Slow"),
        End(error="RateLimited", status=429),
    ),
}
