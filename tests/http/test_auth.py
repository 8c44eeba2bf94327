"""How requests are authenticated, with either driver."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from pydantic import SecretStr

from airflow_provider.exceptions import (
    OutcomeUnknown,
    VendorAuthError,
    VendorUnavailable,
)
from airflow_provider.http.auth import HeaderAuth, QueryAuth, Terms
from airflow_provider.http.call import Repeat, Response
from airflow_provider.http.oauth import ClientCredentials, forget_tokens
from airflow_provider.http.retry import RateLimiter, RequestPolicy, exchange
from airflow_provider.http.steps import Mask, Send, WaitFor
from tests.support.acme import AcmeHook, thing
from tests.support.drivers import DRIVERS, blocking
from tests.support.oauth import CLIENT, SECRET, Vendor, driver, hook, oauth

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
