"""Both drivers carry out one decision: whatever the server and the environment do, they end alike."""

from __future__ import annotations

import gzip
import json
import time
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from airflow_provider.exceptions import OutcomeUnknown, VendorError, VendorUnavailable
from airflow_provider.http.call import Repeat
from airflow_provider.http.retry import RequestPolicy
from tests.support.acme import AcmeHook, thing
from tests.support.drivers import DRIVERS, blocking
from tests.support.parity import (
    ANSWERS,
    BOMB,
    CHUNKED,
    GOOD,
    GZIP,
    End,
    answer,
    chunked,
    driver,
    end_of,
)
from tests.support.servers import answering, handshaking, self_signed, tunnelling, writing


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


LONG_BEFORE = 15.0
"""Seconds. What is waited for takes 19 at least, and a busy machine takes seconds to notice a timeout."""

SLOW = {
    "a body in drips": (
        [answer(b"", b"Content-Length: 900", length=False), *[b" "] * 900],
        0.05,
        b"",
    ),
    "headers in drips": ([b"HTTP/1.1 200 OK\r\n", *[b"X: y\r\n"] * 90], 0.3, b""),
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
        assert time.monotonic() - started < LONG_BEFORE
        assert end == End(error="VendorUnavailable")


@driver
def test_a_call_ends_at_its_deadline_whatever_the_timeout(connect, send):
    pieces, pause, _ = SLOW["a body in drips"]
    with writing(*pieces, pause=pause) as server:
        connect(server, timeout=20)
        started = time.monotonic()
        end = end_of(send, server, thing(), attempts=4, deadline=0.6)
        assert time.monotonic() - started < LONG_BEFORE
        assert end == End(error="VendorUnavailable")


@driver
def test_the_answer_of_a_proxy_in_drips_ends_at_the_timeout_too(connect, send, tmp_path):
    certificate, context = self_signed(tmp_path)
    with answering(200, GOOD, tls=context) as server, tunnelling(pause=0.5) as proxy:
        connect(server, timeout=0.6, verify=str(certificate), proxy=proxy.url)
        started = time.monotonic()
        assert end_of(send, server, thing(), attempts=1).error == "VendorUnavailable"
        assert time.monotonic() - started < LONG_BEFORE
        assert server.seen == []


@driver
def test_the_answer_through_a_proxy_and_tls_ends_at_the_timeout_too(connect, send, tmp_path):
    certificate, context = self_signed(tmp_path)
    pieces, pause, _ = SLOW["a body in drips"]
    with writing(*pieces, pause=pause, tls=context) as server, tunnelling() as proxy:
        connect(server, timeout=0.8, verify=str(certificate), proxy=proxy.url)
        started = time.monotonic()
        assert end_of(send, server, thing(), attempts=1) == End(error="VendorUnavailable")
        assert time.monotonic() - started < LONG_BEFORE


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
        assert time.monotonic() - started < LONG_BEFORE


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


def test_a_call_in_a_thread_ends_at_its_timeout(connect):
    from concurrent.futures import ThreadPoolExecutor

    pieces, pause, _ = SLOW["a body in drips"]
    with writing(*pieces, pause=pause) as server, ThreadPoolExecutor(3) as threads:
        connect(server, timeout=0.6)
        started = time.monotonic()
        ends = list(threads.map(lambda _: end_of(blocking, server, thing(), attempts=1).error, range(3)))
        assert ends == ["VendorUnavailable"] * 3
        assert time.monotonic() - started < LONG_BEFORE


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
