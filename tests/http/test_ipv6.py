"""Hosts that are IPv6 addresses, through both drivers, against a server on the loopback address."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import quote

import pytest

from airflow_provider.http.call import Call, Repeat
from airflow_provider.imbee.hooks import ImbeeHook
from tests.support.drivers import DRIVERS

REACH = Call("GET", "users", lambda response: response.status, Repeat.SAFE)


def _loopback() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as one:
            one.bind(("::1", 0))
    except OSError:
        return False
    return True


pytestmark = pytest.mark.skipif(not _loopback(), reason="this machine has no IPv6 loopback address")


class Server(ThreadingHTTPServer):
    address_family = socket.AF_INET6


@pytest.fixture
def server() -> Iterator[tuple[int, list[tuple[str, str]]]]:
    """A port of ``::1``, and the path and host header of each request that has come."""
    seen: list[tuple[str, str]] = []

    class Requests(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append((self.path, self.headers["Host"]))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: object) -> None:
            pass

    listening = Server(("::1", 0), Requests)
    thread = threading.Thread(target=listening.serve_forever)
    thread.start()
    try:
        yield listening.server_address[1], seen
    finally:
        listening.shutdown()
        listening.server_close()
        thread.join()


@pytest.mark.parametrize("send", DRIVERS)
@pytest.mark.parametrize(
    "uri",
    [
        "imbee://:pw@[::1]:{port}/http?corporate_token=x",
        "imbee://:pw@" + quote("http://[::1]:", safe="") + "{port}/?corporate_token=x",
        "imbee://:pw@" + quote("HTTP://[0:0:0::1]:", safe="") + "{port}/?corporate_token=x",
        '{{"conn_type": "imbee", "host": "::1", "schema": "HTTP", "port": {port}, "password": "pw", "extra": {extra}}}',
    ],
)
def test_a_request_reaches_an_ipv6_address(server, monkeypatch, send, uri):
    port, seen = server
    monkeypatch.setenv("AIRFLOW_CONN_SIX", uri.format(port=port, extra='{"corporate_token": "x"}'))
    assert send(ImbeeHook("six"), REACH) == [200]
    assert seen == [("/users", f"[::1]:{port}")]


@pytest.mark.parametrize("send", DRIVERS)
def test_no_proxy_names_an_ipv6_address(server, monkeypatch, send):
    port, seen = server
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "::1")
    monkeypatch.setenv("AIRFLOW_CONN_SIX", f"imbee://:pw@[::1]:{port}/http?corporate_token=x")
    send(ImbeeHook("six"), REACH)
    assert len(seen) == 1
