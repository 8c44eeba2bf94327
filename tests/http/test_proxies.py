"""Both drivers take the same way to a host."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

import pytest

from airflow_provider.exceptions import InvalidInput, VendorError
from airflow_provider.http.call import Call, Repeat
from tests.support.acme import AcmeHook, thing
from tests.support.parity import (
    GOOD,
    driver,
)
from tests.support.servers import answering, serving

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
        ("http://user:12#proxy-password@127.0.0.1:9", "is not a URL"),
        ("http://user:[proxy-password]@127.0.0.1:9", "is not a URL"),
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
