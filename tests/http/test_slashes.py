"""A redirect that only adds or drops the final slash is followed once; every other one is an error."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from airflow_provider.exceptions import VendorProtocolError, VendorUnavailable
from airflow_provider.http.auth import QueryAuth
from airflow_provider.http.call import Call, Repeat
from airflow_provider.http.retry import RequestPolicy
from airflow_provider.http.urls import turned_slash
from tests.support.acme import CONN_ID, AcmeHook, read
from tests.support.drivers import DRIVERS
from tests.support.servers import answering, serving

driver = pytest.mark.parametrize("send", DRIVERS, ids=lambda send: send.__name__)
TOKEN = "t0ken/of+acme"


def get(path: str = "v1/things", **more: Any) -> Call[Any]:
    return Call(more.pop("method", "GET"), path, read, Repeat.SAFE, turns_slash=True, **more)


def hook(**policy: Any) -> AcmeHook:
    return AcmeHook(QueryAuth({"token": TOKEN}), policy=RequestPolicy(**{"backoff": 0.0, **policy}))


@pytest.fixture
def served(set_connection):
    """Serve paths by a function from path and query to a place to redirect to, or None for a document."""
    seen: list[tuple[str, str]] = []
    rules: dict[str, Any] = {"status": 301, "place": lambda path, query: None}

    def handle(method: str, target: str, headers: dict[str, str], body: bytes) -> Any:
        parts = urlsplit(target)
        seen.append((parts.path, parts.query))
        place = rules["place"](parts.path, parts.query)
        if place is None:
            return 200, {}, b'{"a": 1}'
        return rules["status"], {"Location": place}, b""

    with serving(handle) as server:
        set_connection(CONN_ID, conn_type="acme", host=server.url, extra={"timeout": 10})
        rules.update(seen=seen, url=server.url)
        yield rules


def adds(path: str, query: str) -> str | None:
    return None if path.endswith("/") else f"{path}/?{query}"


def drops(path: str, query: str) -> str | None:
    return path[:-1] if path.endswith("/") else None


@driver
@pytest.mark.parametrize("status", [301, 307, 308])
@pytest.mark.parametrize(
    ("place", "path", "then"), [(adds, "v1/things", "/v1/things/"), (drops, "v1/things/", "/v1/things")]
)
def test_a_slash_that_is_added_or_dropped_is_followed_with_the_same_query(
    served, send, status, place, path, then
):
    served.update(status=status, place=place)
    assert send(hook(attempts=1), get(path, query={"limit": "5"})) == [{"a": 1}]
    assert [path for path, _ in served["seen"]] == [f"/{path}", then]
    assert [parse_qsl(query) for _, query in served["seen"]] == [[("limit", "5"), ("token", TOKEN)]] * 2


@driver
@pytest.mark.parametrize("status", [302, 303, 300, 304])
def test_another_kind_of_redirect_is_an_error(served, send, status):
    served.update(status=status, place=adds)
    with pytest.raises(VendorProtocolError):
        send(hook(), get())
    assert len(served["seen"]) == 1


@driver
@pytest.mark.parametrize(
    "call", [get(method="POST"), get(method="HEAD"), Call("GET", "v1/things", read, Repeat.SAFE)]
)
def test_only_a_get_that_asks_for_it_is_followed(served, send, call):
    served["place"] = adds
    with pytest.raises(VendorProtocolError, match="redirects, which is not followed"):
        send(hook(), call)
    assert len(served["seen"]) == 1


@driver
def test_a_second_one_is_a_circle_and_the_error_says_between_which_paths(served, send):
    served["place"] = lambda path, query: f"{path[:-1]}?{query}" if path.endswith("/") else f"{path}/?{query}"
    with pytest.raises(VendorProtocolError) as raised:
        send(hook(), get(query={"limit": "5"}))
    said = str(raised.value)
    assert 'redirects in a circle: "v1/things" leads to "v1/things/"' in said
    assert raised.value.status == 301
    assert "limit" not in said
    assert "t0ken" not in f"{said} {raised.value.__dict__}"
    assert len(served["seen"]) == 2


@driver
def test_a_redirect_to_another_host_gets_nothing(served, send):
    with answering(200, b"{}") as other:
        served["place"] = lambda path, query: f"{other.url}{path}/"
        with pytest.raises(VendorProtocolError):
            send(hook(), get())
        assert other.seen == []


@driver
def test_it_counts_in_the_deadline_and_not_as_an_attempt(served, send, no_waiting):
    answers = iter([lambda path, query: f"{path}/", lambda path, query: None])
    served["place"] = lambda path, query: next(answers)(path, query)
    assert send(hook(attempts=1), get()) == [{"a": 1}]
    served["status"] = 503
    served["place"] = lambda path, query: "x"
    with pytest.raises(VendorUnavailable):
        send(hook(attempts=1), get())


@driver
def test_what_fails_after_it_is_repeated_at_the_new_path(served, send, no_waiting):
    states = iter([301, 503, 200])

    def place(path: str, query: str) -> str | None:
        served["status"] = next(states)
        return None if served["status"] == 200 else f"{path}/"

    served["place"] = place
    assert send(hook(), get()) == [{"a": 1}]
    assert [path for path, _ in served["seen"]] == ["/v1/things", "/v1/things/", "/v1/things/"]


@pytest.mark.parametrize(
    ("location", "followed"),
    [
        ("/v1/a/", True),
        ("a/", True),
        ("http://Host:80/v1/a/", True),
        ("http://host/v1/a/?q=1&token=t", True),
        ("http://host/v1/a/?token=t&q=1#part", True),
        ("/v1/a/?q=2", False),
        ("/v1/a/?q=1&more=1", False),
        ("https://host/v1/a/", False),
        ("http://host:81/v1/a/", False),
        ("http://other/v1/a/", False),
        ("//other/v1/a/", False),
        ("http://user@host/v1/a/", False),
        ("http://host@other/v1/a/", False),
        ("/v1/a", False),
        ("/v1/a//", False),
        ("/v1/A/", False),
        ("/v1/a/../b/", False),
        ("/v1/", False),
        ("http://host:x/v1/a/", False),
        ("http://[/v1/a/", False),
        ("javascript:alert(1)", False),
        ("", False),
    ],
)
def test_nothing_but_the_slash_may_differ(location, followed):
    assert turned_slash("http://host/v1/a", {"q": "1", "token": "t"}, location) is followed
