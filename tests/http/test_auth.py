"""How requests are authenticated, with either driver."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import os
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest
import requests
from pydantic import SecretStr

from airflow_provider.exceptions import (
    OutcomeUnknown,
    RateLimited,
    VendorAuthError,
    VendorError,
    VendorProtocolError,
    VendorRejected,
    VendorUnavailable,
)
from airflow_provider.http.auth import HeaderAuth, QueryAuth, Terms
from airflow_provider.http.call import Call, Repeat, Response
from airflow_provider.http.oauth import ClientCredentials, forget_tokens
from airflow_provider.http.retry import RateLimiter, RequestPolicy, exchange
from airflow_provider.http.steps import Mask, Send, WaitFor
from tests.support.acme import CONN_ID, AcmeHook, read, thing
from tests.support.drivers import DRIVERS, blocking
from tests.support.servers import serving

driver = pytest.mark.parametrize("send", DRIVERS, ids=lambda send: send.__name__)

CLIENT, SECRET = "client/1", "s3cr3t +&/value"


class Vendor:
    """A token endpoint and an API that takes its newest token alone."""

    def __init__(self) -> None:
        self.url = ""
        self.seen: list[Any] = []
        self.minted: list[str] = []
        self.forms: list[dict[str, str]] = []
        self.headers: list[dict[str, str]] = []
        self.lifetime: Any = 3600
        self.things = 0
        self.refuse_all = False
        self.before_token = lambda: None
        self.token_answer: tuple[int, dict[str, str], bytes] | None = None
        self.lock = threading.Lock()

    def __call__(
        self, method: str, path: str, headers: dict[str, str], body: bytes
    ) -> tuple[int, dict[str, str], bytes]:
        if path == "/connect/token":
            with self.lock:
                self.forms.append(dict(parse_qsl(body.decode())))
                self.headers.append(headers)
            self.before_token()
            if self.token_answer is not None:
                return self.token_answer
            with self.lock:
                self.minted.append(f"token-{len(self.minted) + 1}-of-acme")
                document = {"access_token": self.minted[-1], "token_type": "Bearer"}
                if self.lifetime is not None:
                    document["expires_in"] = self.lifetime
            return 200, {}, json.dumps(document).encode()
        with self.lock:
            self.things += 1
            good = self.minted and headers.get("authorization") == f"Bearer {self.minted[-1]}"
        if self.refuse_all or not good:
            return 401, {}, b'{"status": 401}'
        return 200, {}, b'{"a": 1}'


@pytest.fixture
def vendor(set_connection):
    forget_tokens()
    vendor = Vendor()
    with serving(vendor) as server:
        vendor.url = server.url
        vendor.seen = server.seen
        set_connection(CONN_ID, conn_type="acme", host=server.url + "/v1", extra={"timeout": 10})
        yield vendor
    forget_tokens()


@pytest.fixture
def masked(monkeypatch):
    """What is given to Airflow's masker."""
    from airflow.sdk import log

    found: list[str] = []

    async def amask_secret(secret: str, *_: Any) -> None:
        found.append(secret)

    monkeypatch.setattr(log, "mask_secret", lambda secret, *_: found.append(secret))
    monkeypatch.setattr(log, "amask_secret", amask_secret, raising=False)
    return found


def oauth(vendor: Vendor, **more: Any) -> ClientCredentials:
    return ClientCredentials(
        f"{vendor.url}/connect/token", CLIENT, SecretStr(SECRET), **{"scope": "Acme.Read", **more}
    )


def hook(vendor: Vendor, **more: Any) -> AcmeHook:
    return AcmeHook(oauth(vendor, **more), policy=RequestPolicy(backoff=0.0))


# The token


@driver
@pytest.mark.parametrize("send_in", ["body", "basic"])
def test_a_token_is_asked_for_once_and_used_for_all_calls(vendor, send, send_in):
    assert send(hook(vendor, send_in=send_in), thing(), thing()) == [{"a": 1}] * 2
    assert send(hook(vendor, send_in=send_in), thing()) == [{"a": 1}]
    assert (len(vendor.minted), vendor.things) == (1, 3)
    [form], [headers] = vendor.forms, vendor.headers
    assert headers["content-type"] == "application/x-www-form-urlencoded"
    assert (form.pop("grant_type"), form.pop("scope")) == ("client_credentials", "Acme.Read")
    if send_in == "body":
        assert form == {"client_id": CLIENT, "client_secret": SECRET}
        assert "authorization" not in headers
    else:
        assert form == {}
        pair = base64.b64decode(headers["authorization"].removeprefix("Basic ")).decode()
        assert pair == "client%2F1:s3cr3t+%2B%26%2Fvalue"


def test_both_drivers_share_the_token_of_the_process(vendor):
    for send in DRIVERS:
        send(hook(vendor), thing())
    assert len(vendor.minted) == 1


@driver
def test_clients_with_another_secret_scope_or_field_have_tokens_of_their_own(vendor, send):
    send(hook(vendor), thing())
    send(hook(vendor, scope="Acme.Write"), thing())
    send(hook(vendor, extra={"audience": "acme"}), thing())
    assert len(vendor.forms) == 3
    assert vendor.forms[2]["audience"] == "acme"


@driver
@pytest.mark.parametrize("lifetime", [3600, "3600", None, "soon"])
def test_a_token_is_kept_for_as_long_as_is_said_and_else_until_it_is_refused(vendor, send, lifetime):
    vendor.lifetime = lifetime
    send(hook(vendor), thing(), thing())
    assert len(vendor.minted) == 1


@driver
@pytest.mark.parametrize("lifetime", [0, -5])
def test_a_token_that_is_over_at_once_serves_the_call_that_asked_for_it(vendor, send, lifetime):
    vendor.lifetime = lifetime
    assert send(hook(vendor), thing(), thing()) == [{"a": 1}] * 2
    assert len(vendor.minted) == 2


@pytest.mark.parametrize(
    ("lifetime", "margin", "renewed_at"), [(3600, 60.0, 3540), (100, 60.0, 50), (3600, 0.0, 3600)]
)
def test_a_token_is_renewed_ahead_of_its_end_by_half_its_lifetime_at_most(lifetime, margin, renewed_at):
    forget_tokens()
    auth = ClientCredentials("http://t/token", CLIENT, SecretStr(SECRET), margin=margin)
    mint(auth, now=1000.0, lifetime=lifetime)
    assert auth.current(1000.0 + renewed_at - 1) is not None
    assert auth.current(1000.0 + renewed_at) is None


def terms(now: float) -> Terms:
    return Terms(RequestPolicy(), 30.0, now + 120.0, lambda: now, lambda: 0.0)


def mint(auth: ClientCredentials, *, now: float, lifetime: float = 3600, token: str = "t") -> Any:
    """Carry out the flow without a network."""
    steps = auth.obtain(terms(now))
    sent = next(steps)
    assert isinstance(sent, Send)
    document = {"access_token": token, "token_type": "bearer", "expires_in": lifetime}
    assert steps.send(Response(200, {}, json.dumps(document).encode())) == Mask(token)
    with pytest.raises(StopIteration) as done:
        next(steps)
    return done.value.value


def test_while_one_renews_the_token_the_others_use_the_old_one_until_its_end():
    forget_tokens()
    auth = ClientCredentials("http://t/token", CLIENT, SecretStr(SECRET))
    old = mint(auth, now=1000.0, lifetime=100)
    renewing = auth.obtain(terms(1060.0))
    assert isinstance(next(renewing), Send)
    assert auth.current(1061.0) is old
    waiting = auth.obtain(terms(1101.0))
    assert isinstance(next(waiting), WaitFor)


# Renewal on 401


@driver
@pytest.mark.parametrize("repeat", list(Repeat))
def test_a_refused_token_is_renewed_once_and_the_call_sent_again(vendor, send, repeat):
    send(hook(vendor), thing())
    vendor.minted.append("of-another-process")
    assert send(hook(vendor), thing(repeat, attempts=1)) == [{"a": 1}]
    assert (len(vendor.forms), vendor.things) == (2, 3)


@driver
@pytest.mark.parametrize("repeat", list(Repeat))
def test_a_new_token_that_is_refused_too_is_an_error_of_the_credentials(vendor, send, repeat):
    vendor.refuse_all = True
    with pytest.raises(VendorAuthError) as raised:
        send(hook(vendor), thing(repeat))
    assert raised.value.where == "acme (acme_default) POST thing"
    assert (len(vendor.forms), vendor.things) == (2, 2)


@driver
def test_other_credentials_are_not_tried_again(vendor, send):
    for auth in (HeaderAuth({"Api-Key": "k"}), QueryAuth({"token": "t"})):
        with pytest.raises(VendorAuthError):
            send(AcmeHook(auth), thing())
    assert vendor.things == 2


@driver
def test_a_call_that_brings_its_own_authorization_does_not_renew_the_connections(vendor, send):
    with pytest.raises(VendorAuthError):
        send(hook(vendor), thing(headers={"authorization": "Bearer mine"}))
    assert vendor.things == 1


@driver
def test_an_anonymous_call_asks_for_no_token(vendor, send):
    with pytest.raises(VendorAuthError):
        send(hook(vendor), thing(anonymous=True))
    assert (vendor.forms, vendor.things) == ([], 1)


def test_a_repeat_after_a_renewal_that_breaks_leaves_the_outcome_unknown(vendor):
    forget_tokens()
    auth = oauth(vendor)
    mint(auth, now=1000.0, token="old")
    steps = exchange(
        thing(Repeat.ONCE), policy=RequestPolicy(), timeout=30.0, rate_limiter=RateLimiter(), auth=auth,
        clock=lambda: 1000.0, draw=lambda: 0.0,
    )  # fmt: skip
    assert isinstance(next(steps), Send)
    token = steps.send(Response(401, {}, b"{}"))
    assert isinstance(token, Send)
    assert token.url is not None
    assert isinstance(steps.send(Response(200, {}, b'{"access_token": "new"}')), Mask)
    again = steps.send(None)
    assert isinstance(again, Send)
    assert again.credentials.headers == {"Authorization": "Bearer new"}
    with pytest.raises(OutcomeUnknown):
        steps.send(Response(502, {}, b""))


# One for all


def crowd(vendor: Vendor, tasks: int, threads: int) -> None:
    """Send calls from tasks of event loops and from threads, all at once."""

    async def many() -> None:
        async with hook(vendor).session() as client:
            await asyncio.gather(*(client.run(thing()) for _ in range(tasks)))

    with ThreadPoolExecutor(threads + 2) as pool:
        work = [pool.submit(blocking, hook(vendor), thing()) for _ in range(threads)]
        work += [pool.submit(asyncio.run, many()) for _ in range(2)]
        for done in work:
            done.result()


def test_threads_and_tasks_of_two_event_loops_ask_for_one_token(vendor):
    crowd(vendor, 10, 6)
    assert (len(vendor.forms), vendor.things) == (1, 26)


def test_many_that_are_refused_with_the_same_token_renew_it_once(vendor):
    blocking(hook(vendor), thing())
    vendor.minted.append("of-another-process")
    vendor.things = 0
    crowd(vendor, 10, 6)
    assert len(vendor.forms) == 2
    # Some came when the new token was there.
    assert 27 <= vendor.things <= 52


@driver
def test_a_failed_question_fails_those_who_wait_for_it_and_no_later_call(vendor, send):
    waiting = threading.Barrier(2)

    def hold() -> None:
        waiting.wait(20)

    vendor.before_token = hold
    vendor.token_answer = (400, {}, b'{"error": "invalid_client"}')
    auth = oauth(vendor)
    entry: Any = auth._entry
    with ThreadPoolExecutor(4) as pool:
        calls = [pool.submit(send, AcmeHook(auth), thing()) for _ in range(4)]
        # All wait for the first, or come after it: then each asks for itself.
        while not (entry.flight and len(entry.flight._done_callbacks) + len(entry.flight._waiters) >= 3):
            if all(call.done() for call in calls):
                break
        waiting.wait(20)
        errors = [call.exception() for call in calls]
    assert {type(error) for error in errors} == {VendorAuthError}
    assert len({id(error) for error in errors}) == 4
    assert len(vendor.forms) == 1
    vendor.before_token = lambda: None
    vendor.token_answer = None
    assert send(AcmeHook(auth), thing()) == [{"a": 1}]


def test_a_task_that_is_cancelled_while_it_asks_leaves_nobody_waiting(vendor):
    asked, go_on = threading.Event(), threading.Event()

    def hold() -> None:
        if not asked.is_set():
            asked.set()
            go_on.wait(20)

    vendor.before_token = hold

    async def main() -> list[Any]:
        async with hook(vendor).session() as client:
            first = asyncio.create_task(client.run(thing()))
            await asyncio.to_thread(asked.wait, 20)
            others = [asyncio.create_task(client.run(thing())) for _ in range(3)]
            await asyncio.sleep(0)
            first.cancel()
            found = await asyncio.gather(*others)
            with pytest.raises(asyncio.CancelledError):
                await first
            return found

    assert asyncio.run(asyncio.wait_for(main(), 30)) == [{"a": 1}] * 3
    go_on.set()


def test_a_thread_that_dies_while_it_asks_leaves_nobody_waiting(vendor, monkeypatch):
    from airflow_provider.http import sync_client

    class Killed(BaseException):
        pass

    def killed(*_: Any) -> None:
        raise Killed

    auth = oauth(vendor)
    monkeypatch.setattr(sync_client, "mask", killed)
    with pytest.raises(Killed):
        blocking(AcmeHook(auth), thing())
    monkeypatch.undo()
    os.environ["AIRFLOW_CONN_ACME_DEFAULT"] = json.dumps({"conn_type": "acme", "host": vendor.url})
    try:
        assert blocking(AcmeHook(auth), thing()) == [{"a": 1}]
    finally:
        del os.environ["AIRFLOW_CONN_ACME_DEFAULT"]


def test_who_waits_gives_up_at_its_own_deadline():
    forget_tokens()
    auth = ClientCredentials("http://t/token", CLIENT, SecretStr(SECRET))
    asking = auth.obtain(terms(1000.0))
    next(asking)
    now = 1000.0
    waiting = auth.obtain(Terms(RequestPolicy(), 30.0, 1005.0, lambda: now, lambda: 0.0))
    step = next(waiting)
    assert isinstance(step, WaitFor)
    assert step.seconds == 5.0
    now = 1005.0
    with pytest.raises(VendorUnavailable, match="no access token within the deadline") as raised:
        next(waiting)
    assert raised.value.processed is False


def test_a_forked_process_waits_for_nobody_and_asks_for_a_token_of_its_own(vendor):
    auth = oauth(vendor)
    asking = auth.obtain(terms(1000.0))
    next(asking)
    with auth._entry.lock:
        child = os.fork()
        if child == 0:
            ok = False
            try:
                ok = isinstance(next(auth.obtain(terms(1000.0))), Send)
            finally:
                os._exit(0 if ok else 1)
    assert os.waitpid(child, 0)[1] == 0
    asking.close()


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
