"""What the token endpoint refuses, and that no credential is shown."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from airflow_provider.exceptions import (
    RateLimited,
    VendorAuthError,
    VendorError,
    VendorProtocolError,
    VendorRejected,
    VendorUnavailable,
)
from airflow_provider.http.auth import QueryAuth
from airflow_provider.http.call import Call, Repeat, Response
from airflow_provider.http.oauth import ClientCredentials
from airflow_provider.http.retry import RequestPolicy
from airflow_provider.http.steps import Mask, Send
from tests.support.acme import CONN_ID, AcmeHook, read, thing
from tests.support.drivers import blocking
from tests.support.oauth import SECRET, driver, hook, oauth
from tests.support.servers import serving

# Errors of the token endpoint


@driver
@pytest.mark.parametrize(
    ("answer", "error", "said", "asked"),
    [
        ((400, {}, b'{"error": "invalid_client"}'), VendorAuthError, "refuses the client: invalid_client", 1),
        (
            (401, {}, b'{"error": "invalid_scope", "error_description": "not for s3cr3t +&/value"}'),
            VendorAuthError,
            r"invalid_scope: not for \*\*\*",
            1,
        ),
        ((401, {}, b"<html>"), VendorAuthError, "without a readable message", 1),
        ((404, {}, b"<html>"), VendorAuthError, "without a readable message", 1),
        ((200, {}, b"<html>login</html>"), VendorProtocolError, "not JSON", 1),
        ((200, {}, b"{}"), VendorProtocolError, "no access token", 1),
        ((200, {}, b'["x"]'), VendorProtocolError, "no access token", 1),
        ((200, {}, b'{"access_token": "a\\nb"}'), VendorProtocolError, "no header can carry", 1),
        ((200, {}, b'{"access_token": "a", "token_type": "mac"}'), VendorProtocolError, "another type", 1),
        ((302, {"Location": "http://127.0.0.1:9/"}, b""), VendorProtocolError, "redirects", 1),
        ((500, {}, b""), VendorUnavailable, "without a readable message", 4),
        ((429, {}, b""), RateLimited, "without a readable message", 4),
        ((429, {"Retry-After": "3600"}, b""), RateLimited, "without a readable message", 1),
    ],
)
@pytest.mark.parametrize("repeat", [Repeat.SAFE, Repeat.ONCE])
def test_a_problem_of_the_token_endpoint_is_typed_and_names_its_host(
    vendor, send, answer, error, said, asked, repeat
):
    vendor.token_answer = answer
    with pytest.raises(VendorError, match=said) as raised:
        send(hook(vendor), thing(repeat))
    assert type(raised.value) is error
    host = urlsplit(vendor.url).netloc
    assert raised.value.where == f"acme (acme_default) POST {vendor.url}/connect/token"
    assert f"token endpoint at {host}" in raised.value.message
    assert (len(vendor.forms), vendor.things) == (asked, 0)
    shown = str(raised.value) + repr(raised.value)
    assert not any(part in shown for part in (SECRET, "s3cr3t"))
    if error is VendorAuthError:
        assert '"Client Id" and "Client Secret"' in raised.value.remedy


@driver
def test_a_token_endpoint_that_is_silent_ends_at_the_timeout(vendor, send, set_connection):
    go_on = threading.Event()
    vendor.before_token = lambda: go_on.wait(20)
    set_connection(CONN_ID, extra={"timeout": 0.4})
    acme = hook(vendor)
    acme.policy = RequestPolicy(attempts=1)
    with pytest.raises(VendorUnavailable, match="no answer within the timeout") as raised:
        send(acme, thing(Repeat.ONCE))
    assert raised.value.processed is False
    assert vendor.things == 0
    go_on.set()


@driver
def test_requests_for_tokens_are_not_reported_to_the_observer(vendor, send):
    seen: Counter[str] = Counter()

    class Observer:
        due = False

        def before_request(self) -> None:
            seen["sent"] += 1

        def after_request(self, call: Call[Any], response: Any, result: Any) -> None:
            seen[type(result).__name__] += 1

        def flush(self) -> None: ...

        def complete(self, error: Any) -> None: ...

        def close(self) -> None: ...

    class Observed(AcmeHook):
        def open_observer(self, options: Any) -> Any:
            return Observer()

        async def aopen_observer(self, options: Any) -> Any:
            return Observer()

    send(hook(vendor), thing())
    vendor.minted.append("of-another-process")
    send(Observed(oauth(vendor)), thing())
    assert len(vendor.forms) == 2
    assert seen == {"sent": 2, "VendorAuthError": 1, "dict": 1}


# Secrets


@driver
def test_a_token_is_masked_once_and_cleared_from_errors(vendor, send, masked):
    send(hook(vendor), thing(), thing())
    assert masked.count("token-1-of-acme") == 1
    assert SECRET in masked

    def refuse(response: Response) -> Any:
        raise VendorRejected("no: token-1-of-acme, s3cr3t+%2B%26%2Fvalue")

    with pytest.raises(VendorRejected) as raised:
        send(hook(vendor), Call("GET", "x", refuse, Repeat.SAFE))
    assert raised.value.message == "no: ***, ***"


def test_no_repr_shows_a_secret(vendor):
    acme = hook(vendor)
    blocking(acme, thing())
    auth = acme.auth(acme.options)
    assert isinstance(auth, ClientCredentials)
    shown = (
        repr(auth)
        + repr(vars(auth))
        + repr(auth._entry)
        + repr(auth.current(0.0))
        + repr(acme._setup(acme.options, None))
    )
    step = Send(thing(), 1.0, 1, auth.current(0.0))
    for value in (SECRET, "token-1-of-acme"):
        assert value not in shown + repr(step) + repr(Mask(value))


KEY = "query key+&=/value"
FORMS = [KEY, "query+key%2B%26%3D%2Fvalue", "query%20key%2B%26%3D%2Fvalue", "query key"]


@driver
def test_a_credential_in_the_query_reaches_the_vendor_beside_the_calls_own(send, set_connection):
    with serving(lambda *_: (200, {}, b"{}")) as server:
        set_connection(CONN_ID, conn_type="acme", host=server.url)
        acme = AcmeHook(QueryAuth({"token": KEY}))
        send(acme, thing(query={"a": "b c"}), thing(), thing(anonymous=True))
        found = [parse_qs(urlsplit(path).query) for _, path, _ in server.seen]
    assert found == [{"a": ["b c"], "token": [KEY]}, {"token": [KEY]}, {}]


@driver
@pytest.mark.parametrize("case", ["refused", "no host", "broken", "redirect"])
def test_a_credential_in_the_query_is_shown_nowhere(send, set_connection, caplog, case, masked):
    def echo(method: str, path: str, headers: Any, body: bytes) -> Any:
        if case == "redirect":
            return 302, {"Location": f"http://127.0.0.1:9{path}"}, b""
        return 400, {}, path.encode()

    def refuse(response: Response) -> Any:
        if response.status == 302:
            return read(response)
        raise VendorRejected(f"bad request: {response.body.decode()}", status=400)

    caplog.set_level(logging.DEBUG)
    call = Call("GET", "x y", refuse, Repeat.SAFE)
    with serving(echo) as server:
        url = server.url if case in ("refused", "redirect") else "http://127.0.0.1:9"
        set_connection(
            CONN_ID,
            conn_type="acme",
            host=url,
            extra={"proxy": "http://127.0.0.1:9"} if case == "broken" else {},
        )
        acme = AcmeHook(QueryAuth({"token": KEY}), policy=RequestPolicy(attempts=1))
        with pytest.raises(VendorError) as raised:
            send(acme, call)
        shown = str(raised.value) + repr(raised.value) + repr(call)
        chain: BaseException | None = raised.value
        while chain is not None:
            shown += repr(chain) + str(chain)
            chain = chain.__cause__ or chain.__context__
    for form in FORMS:
        assert form not in shown
        assert form not in caplog.text
    assert all(form in masked for form in FORMS[:3])


def test_the_session_for_direct_use_shows_no_credential_of_the_query(set_connection, caplog):
    caplog.set_level(logging.DEBUG)
    with serving(lambda *_: (500, {}, b"{}")) as server, serving(lambda *_: (200, {}, b"{}")) as other:
        set_connection(CONN_ID, conn_type="acme", host=server.url)
        acme = AcmeHook(QueryAuth({"token": KEY}))
        session = acme.get_conn()
        response = session.get(f"{server.url}/x", params={"a": "b"})
        session.get(f"{other.url}/x")
        with pytest.raises(requests.HTTPError) as refused:
            response.raise_for_status()
        assert parse_qs(urlsplit(server.seen[0][1]).query) == {"a": ["b"], "token": [KEY]}
        assert other.seen[0][1] == "/x"
    set_connection(CONN_ID, conn_type="acme", host="http://127.0.0.1:9")
    away = AcmeHook(QueryAuth({"token": KEY}))
    with pytest.raises(requests.ConnectionError) as broken:
        away.get_conn().get("http://127.0.0.1:9/x")
    shown = (
        str(refused.value)
        + repr(broken.value)
        + str(broken.value)
        + response.url
        + repr(response.request.url)
    )
    for form in FORMS:
        assert form not in shown + caplog.text
    for one in (acme, away):
        one.close()


def test_the_session_for_direct_use_brings_a_token_and_another_after_a_refusal(vendor):
    acme = hook(vendor)
    url = f"{vendor.url}/v1/x"
    session = acme.get_conn()
    assert session.get(url).status_code == 200
    vendor.minted.append("of-another-process")
    assert [session.get(url).status_code for _ in range(2)] == [401, 200]
    assert len(vendor.forms) == 2
    acme.close()
