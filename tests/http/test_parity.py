"""Both drivers carry out one decision: whatever the server and the environment do, they end alike."""

from __future__ import annotations

import gzip
import json
import os
import time
import zlib
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from airflow_provider.exceptions import InvalidInput, OutcomeUnknown, VendorError, VendorUnavailable
from airflow_provider.http.call import Call, Repeat
from airflow_provider.http.retry import RequestPolicy
from tests.support.acme import CONN_ID, AcmeHook, thing
from tests.support.drivers import DRIVERS, blocking
from tests.support.servers import Answering, answering, handshaking, self_signed, serving, tunnelling, writing

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


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)


@pytest.fixture
def connect(set_connection):
    """A function that makes the connection lead to a server."""

    def connect(server: Answering | str, **extra: Any) -> None:
        url = server if isinstance(server, str) else server.url
        set_connection(CONN_ID, conn_type="acme", host=url, extra={"timeout": 10, **extra})

    return connect


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


@driver
@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_means_the_same_to_both_drivers(connect, send, name):
    written, expected = ANSWERS[name]
    with writing(written) as server:
        connect(server)
        assert end_of(send, server, thing(), max_response_bytes=1_000_000) == expected


@driver
@pytest.mark.parametrize("name", [name for name, (_, end) in ANSWERS.items() if end.error])
def test_what_cannot_be_read_leaves_the_outcome_of_a_once_call_unknown(connect, send, name):
    written, expected = ANSWERS[name]
    with writing(written) as server:
        connect(server)
        end = end_of(send, server, thing(Repeat.ONCE), max_response_bytes=1_000_000)
    known = expected.status in (302, 401, 429)
    assert end.error == (expected.error if known else "OutcomeUnknown")
    assert end.requests == 1


# Whether anything was sent


@driver
def test_a_once_call_that_a_proxy_took_and_never_answered_is_sent_once_and_unknown(connect, send):
    with writing() as proxy:
        connect("http://acme.invalid", proxy=proxy.url)
        end = end_of(send, proxy, thing(Repeat.ONCE))
    assert (end.error, end.requests) == ("OutcomeUnknown", 1)


@driver
@pytest.mark.parametrize("case", ["silent", "closing", "plain", "proxy silent", "proxy closing"])
def test_a_once_call_that_never_left_is_known_not_to_have_been_processed(connect, send, case):
    pieces = {
        "silent": [],
        "proxy silent": [],
        "closing": [b""],
        "proxy closing": [b""],
        "plain": [b"HTTP/1.1 400 Speak plainly\r\n\r\n"],
    }[case]
    # To all of these TLS is spoken, or a proxy's tunnel asked for, before the request.
    with handshaking(*pieces) as server:
        url = server.url.replace("http://", "https://")
        if case.startswith("proxy"):
            connect("https://acme.invalid", timeout=0.5, proxy=server.url)
        else:
            connect(url, timeout=0.5)
        with pytest.raises(VendorUnavailable) as raised:
            send(AcmeHook(policy=RequestPolicy(attempts=1)), thing(Repeat.ONCE))
    assert raised.value.processed is False


# What is sent


@driver
def test_a_content_type_is_sent_with_a_body_alone(connect, send):
    with answering(200, GOOD) as server:
        connect(server)
        send(AcmeHook(), thing(json=None), thing(), thing(json=None, form={"a": "1"}))
        kinds = [headers.get("content-type") for _, _, headers in server.seen]
        assert kinds[:2] == [None, "application/json"]
        assert kinds[2].startswith("multipart/form-data; boundary=")


def test_both_drivers_send_the_same_headers_and_query(connect):
    with answering(200, GOOD) as server:
        connect(server)
        call = thing(query={"a b": "ü&=", "c": "d/e"}, headers={"X-Own": "1"})
        for send in DRIVERS:
            send(AcmeHook(), call)
        one, other = server.seen
        assert one[0] == other[0]
        assert [parse_qsl(urlsplit(path).query) for _, path, _ in server.seen] == [
            [("a b", "ü&="), ("c", "d/e")]
        ] * 2
        for headers in (one[2], other[2]):
            headers.pop("connection", None)
        assert one[2] == other[2]
        assert one[2]["accept-encoding"] == "gzip, deflate"


# Time


SLOW = {
    "a body in drips": (
        [answer(b"", b"Content-Length: 900", length=False), *[b" "] * 900],
        0.05,
        b"",
    ),
    "headers in drips": ([b"HTTP/1.1 200 OK\r\n", *[b"X: y\r\n"] * 90], 0.05, b""),
    "early hints without end": ([b""], 0.05, b"HTTP/1.1 103 Early Hints\r\n\r\n"),
    "silence": ([b""], 30.0, b""),
}


@driver
@pytest.mark.parametrize("secure", [False, True], ids=["plain", "TLS"])
@pytest.mark.parametrize("name", SLOW)
def test_a_request_ends_at_its_timeout_however_slowly_it_is_answered(connect, send, tmp_path, name, secure):
    pieces, pause, early = SLOW[name]
    certificate, context = self_signed(tmp_path)
    with writing(*pieces, pause=pause, early=early, tls=context if secure else None) as server:
        connect(server, timeout=0.6, verify=str(certificate))
        started = time.monotonic()
        end = end_of(send, server, thing(), attempts=1)
        assert time.monotonic() - started < 2.5
        assert end == End(error="VendorUnavailable")


@driver
def test_a_call_ends_at_its_deadline_whatever_the_timeout(connect, send):
    pieces, pause, _ = SLOW["a body in drips"]
    with writing(*pieces, pause=pause) as server:
        connect(server, timeout=20)
        started = time.monotonic()
        end = end_of(send, server, thing(), attempts=4, deadline=0.6)
        assert time.monotonic() - started < 2.5
        assert end == End(error="VendorUnavailable")


@driver
def test_the_answer_of_a_proxy_in_drips_ends_at_the_timeout_too(connect, send, tmp_path):
    certificate, context = self_signed(tmp_path)
    with answering(200, GOOD, tls=context) as server, tunnelling(pause=0.1) as proxy:
        connect(server, timeout=0.6, verify=str(certificate), proxy=proxy.url)
        started = time.monotonic()
        assert end_of(send, server, thing(), attempts=1).error == "VendorUnavailable"
        assert time.monotonic() - started < 2.5
        assert server.seen == []


@driver
def test_the_answer_through_a_proxy_and_tls_ends_at_the_timeout_too(connect, send, tmp_path):
    certificate, context = self_signed(tmp_path)
    pieces, pause, _ = SLOW["a body in drips"]
    with writing(*pieces, pause=pause, tls=context) as server, tunnelling() as proxy:
        connect(server, timeout=0.8, verify=str(certificate), proxy=proxy.url)
        started = time.monotonic()
        assert end_of(send, server, thing(), attempts=1) == End(error="VendorUnavailable")
        assert time.monotonic() - started < 2.5


@driver
def test_a_body_that_nobody_reads_ends_at_the_timeout(connect, send):
    def never(*_: Any) -> Any:
        raise AssertionError

    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent:
        connect(f"http://127.0.0.1:{silent.getsockname()[1]}", timeout=0.6)
        started = time.monotonic()
        with pytest.raises(OutcomeUnknown):
            send(AcmeHook(), thing(Repeat.ONCE, json={"a": "x" * 30_000_000}))
        assert time.monotonic() - started < 3.5


def test_the_session_for_direct_use_keeps_a_timeout_for_each_pause(connect):
    pieces = [answer(b"", b"Content-Length: 12", length=False), *[b"x"] * 12]
    with writing(*pieces, pause=0.1) as server:
        connect(server, timeout=0.8)
        hook = AcmeHook()
        assert hook.get_conn().get(f"{server.url}/x").text == "x" * 12
        hook.close()


# Size


@driver
def test_an_error_about_the_size_says_the_limit_and_where_to_raise_it(connect, send):
    with writing(answer(BOMB, GZIP)) as server:
        connect(server)
        for repeat in (Repeat.SAFE, Repeat.ONCE):
            with pytest.raises(VendorError, match="larger than 2 MiB") as raised:
                send(AcmeHook(policy=RequestPolicy(max_response_bytes=2 * 2**20)), thing(repeat))
            assert "max_response_bytes" in raised.value.remedy


@driver
@pytest.mark.parametrize("framing", ["length", "chunked", "gzip"])
def test_a_call_may_say_itself_how_large_its_answer_is(connect, send, framing):
    document = json.dumps("x" * 5000).encode()
    written = {
        "length": answer(document),
        "chunked": answer(chunked(document), CHUNKED, length=False),
        "gzip": answer(gzip.compress(document), GZIP),
    }[framing]
    with writing(written) as server:
        connect(server)
        exact = len(document)
        for limit, error in ((exact, None), (exact - 1, "VendorProtocolError")):
            assert end_of(send, server, thing(max_response_bytes=limit)).error == error
        assert end_of(send, server, thing(max_response_bytes=exact), max_response_bytes=10).error is None


# Retry-After


@driver
def test_a_date_to_retry_after_is_held_against_the_date_of_the_answer(connect, send, no_waiting):
    dates = {"Date": "Wed, 21 Oct 2015 07:28:00 GMT", "Retry-After": "Wed, 21 Oct 2015 07:28:09 GMT"}

    # http.server adds its own date, so this one writes all of it.
    lines = [f"{name}: {value}".encode() for name, value in dates.items()]
    with writing(answer(b"", *lines, status=b"503 Busy")) as server:
        connect(server)
        end_of(send, server, thing())
    assert no_waiting == pytest.approx([9.0], abs=0.5)


@driver
@pytest.mark.parametrize("order", [(b"5", b"8"), (b"8", b"5")])
def test_of_two_times_to_retry_after_the_longer_counts(connect, send, no_waiting, order):
    lines = [b"Retry-After: " + value for value in order]
    with writing(answer(b"", *lines, status=b"429 Slow")) as server:
        connect(server)
        end_of(send, server, thing())
    assert no_waiting == pytest.approx([8.0], abs=0.5)


# Proxies


ENVIRONMENTS: dict[str, tuple[dict[str, str], bool]] = {
    "none": ({}, False),
    "http_proxy": ({"http_proxy": "{proxy}"}, True),
    "HTTP_PROXY": ({"HTTP_PROXY": "{proxy}"}, True),
    "https_proxy is another's": ({"https_proxy": "{proxy}"}, False),
    "all_proxy": ({"all_proxy": "{proxy}"}, True),
    "ALL_PROXY": ({"ALL_PROXY": "{proxy}"}, True),
    "lower case first": ({"http_proxy": "{proxy}", "HTTP_PROXY": "http://127.0.0.1:9"}, True),
    "without a scheme": ({"http_proxy": "{bare}"}, True),
    "NO_PROXY": ({"http_proxy": "{proxy}", "NO_PROXY": "127.0.0.1"}, False),
    "no_proxy": ({"http_proxy": "{proxy}", "no_proxy": "127.0.0.1"}, False),
    "NO_PROXY of another": ({"http_proxy": "{proxy}", "NO_PROXY": "127.0.0.2,example.com"}, True),
    "NO_PROXY for all": ({"http_proxy": "{proxy}", "NO_PROXY": "*"}, False),
    "a range": ({"http_proxy": "{proxy}", "NO_PROXY": "10.0.0.0/8, 127.0.0.0/8"}, False),
    "another range": ({"http_proxy": "{proxy}", "NO_PROXY": "10.0.0.0/8"}, True),
    "an empty no_proxy beside NO_PROXY": (
        {"http_proxy": "{proxy}", "no_proxy": "", "NO_PROXY": "127.0.0.1"},
        False,
    ),
}


@driver
@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_the_way_to_a_host_is_the_same_for_both_drivers(connect, send, monkeypatch, name):
    variables, through = ENVIRONMENTS[name]
    with answering(200, GOOD) as proxy, answering(200, GOOD) as server:
        connect(server)
        for variable, value in variables.items():
            monkeypatch.setenv(
                variable, value.format(proxy=proxy.url, bare=proxy.url.removeprefix("http://"))
            )
        send(AcmeHook(), thing())
        assert (len(proxy.seen), len(server.seen)) == ((1, 0) if through else (0, 1))


@driver
@pytest.mark.parametrize(("port", "through"), [("own", False), ("9", True)])
def test_a_host_with_its_port_needs_no_proxy(connect, send, monkeypatch, port, through):
    with answering(200, GOOD) as proxy, answering(200, GOOD) as server:
        own = server.url.rpartition(":")[2]
        connect(server.url.replace("127.0.0.1", "localhost"))
        monkeypatch.setenv("http_proxy", proxy.url)
        monkeypatch.setenv("no_proxy", f"localhost:{own if port == 'own' else port}")
        send(AcmeHook(), thing())
        assert (len(proxy.seen), len(server.seen)) == ((1, 0) if through else (0, 1))


@driver
@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("socks5://somebody:proxy-password@127.0.0.1:9", 'has the scheme "socks5", which is not supported'),
        ("http://", "is not a URL"),
        ("proxy-password://127.0.0.1:9", "is not a URL"),
    ],
)
def test_a_proxy_that_cannot_be_used_is_named_without_its_password(connect, send, monkeypatch, value, said):
    connect("http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", value)
    with pytest.raises(InvalidInput, match=said) as raised:
        send(AcmeHook(), thing())
    assert "acme (acme_default)" in str(raised.value)
    assert "NO_PROXY" in raised.value.remedy
    assert "proxy-password" not in str(raised.value)


@driver
def test_the_password_of_the_environments_proxy_is_cleared_from_errors(connect, send, monkeypatch):
    with serving(lambda *_: (400, {}, b'{"echo": "proxy-password"}')) as proxy:
        connect("http://acme.invalid")
        monkeypatch.setenv("http_proxy", proxy.url.replace("http://", "http://user:proxy-password@"))

        def refuse(response: Any) -> Any:
            from airflow_provider.exceptions import VendorRejected

            raise VendorRejected(f"no: {response.body.decode()}")

        call = Call("GET", "x", refuse, Repeat.SAFE)
        with pytest.raises(VendorError, match=r"no: .*\*\*\*") as raised:
            send(AcmeHook(), call)
        assert proxy.seen[0][2]["proxy-authorization"].startswith("Basic ")
        assert "proxy-password" not in repr(raised.value)


def test_the_session_for_direct_use_takes_the_same_way(connect, monkeypatch):
    with answering(200, GOOD) as proxy, answering(200, GOOD) as server, ExitStack() as stack:
        connect(server)
        monkeypatch.setenv("http_proxy", proxy.url.removeprefix("http://"))
        hook = AcmeHook()
        stack.callback(hook.close)
        hook.get_conn().get(f"{server.url}/x")
        monkeypatch.setenv("no_proxy", "127.0.0.0/8")
        hook.get_conn().get(f"{server.url}/x")
        assert (len(proxy.seen), len(server.seen)) == (1, 1)


def test_a_call_in_a_thread_ends_at_its_timeout(connect):
    from concurrent.futures import ThreadPoolExecutor

    pieces, pause, _ = SLOW["a body in drips"]
    with writing(*pieces, pause=pause) as server, ThreadPoolExecutor(3) as threads:
        connect(server, timeout=0.6)
        started = time.monotonic()
        ends = list(threads.map(lambda _: end_of(blocking, server, thing(), attempts=1).error, range(3)))
        assert ends == ["VendorUnavailable"] * 3
        assert time.monotonic() - started < 3.0


def test_each_address_of_a_host_is_tried_within_the_one_timeout(connect, monkeypatch):
    import socket

    def addresses(host: str, port: int, **_: Any) -> list[Any]:
        return [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (found, port)) for found in ("127.0.0.2", "127.0.0.1")
        ]

    with answering(200, GOOD) as server:
        connect(server.url.replace("127.0.0.1", "acme.invalid"))
        monkeypatch.setattr(socket, "getaddrinfo", addresses_for(socket.getaddrinfo, addresses))
        assert blocking(AcmeHook(), thing()) == [{"a": 1}]
        assert server.seen[0][2]["host"].startswith("acme.invalid:")


def addresses_for(real: Any, ours: Any) -> Any:
    """Return a look-up that knows the test's host, and all others as ever."""

    def look_up(host: Any, port: Any, *args: Any, **more: Any) -> Any:
        return ours(host, port) if host == "acme.invalid" else real(host, port, *args, **more)

    return look_up
