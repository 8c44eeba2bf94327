"""A secret that somebody replaces in the connection is taken up by what is running, with either driver."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

import pytest

from airflow_provider.exceptions import VendorAuthError, VendorError, VendorUnavailable
from airflow_provider.http.auth import Auth, HeaderAuth, QueryAuth, Reloaded, ReloadingAuth, Terms
from airflow_provider.http.call import Repeat
from airflow_provider.http.retry import RequestPolicy
from airflow_provider.http.steps import Credentials, Reload, WaitFor
from tests.support.acme import CONN_ID, AcmeHook, AcmeOptions, thing
from tests.support.drivers import DRIVERS, blocking
from tests.support.servers import answering, serving

driver = pytest.mark.parametrize("send", DRIVERS, ids=lambda send: send.__name__)
OLD, NEW = "0ld-key-of-acme", "n3w-key-of-acme"


class KeyHook(AcmeHook):
    """Sends the key of the connection, and counts how often the connection is read."""

    reloads: ClassVar[bool] = True
    style = "header"
    reads = 0

    def auth(self, options: AcmeOptions) -> Auth:
        key = options.key.get_secret_value()
        return HeaderAuth({"X-Key": key}) if self.style == "header" else QueryAuth({"key": key})

    def get_connection(self, conn_id: str) -> Any:  # type: ignore[override]  # it counts for one hook
        self.reads += 1
        return super().get_connection(conn_id)

    async def aget_connection(self, conn_id: str) -> Any:  # type: ignore[override]
        self.reads += 1
        return await super().aget_connection(conn_id)


class Vendor:
    """Takes one key, and refuses every other with its own words."""

    def __init__(self) -> None:
        self.key = OLD
        self.status = 401
        self.came: list[str] = []
        self.refused = lambda: None

    def __call__(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Any:
        key = headers.get("x-key") or parse_qs(urlsplit(path).query).get("key", [""])[0]
        self.came.append(key)
        if key == self.key:
            return 200, {}, b'{"a": 1}'
        self.refused()
        return self.status, {}, json.dumps({"message": f"not {key}"}).encode()


@pytest.fixture
def vendor(set_connection):
    vendor = Vendor()
    with serving(vendor) as server:
        set_connection(CONN_ID, conn_type="acme", host=server.url, password=OLD, extra={"timeout": 10})
        yield vendor


@pytest.fixture
def rotate(vendor, set_connection):
    """A function that replaces the key at the vendor, and in the connection."""

    def rotate(key: str = NEW, *, entered: str | None = NEW) -> None:
        vendor.key = key
        set_connection(CONN_ID, password=entered)

    return rotate


def loaded(**more: Any) -> KeyHook:
    """A hook that has read the connection before the key was replaced."""
    hook = KeyHook(**more)
    hook.options  # noqa: B018
    return hook


# One call


@driver
@pytest.mark.parametrize("style", ["header", "query"])
@pytest.mark.parametrize("repeat", list(Repeat))
def test_a_new_key_is_taken_up_and_the_call_sent_again(vendor, rotate, send, repeat, style):
    hook = loaded()
    hook.style = style
    rotate()
    assert send(hook, thing(repeat, attempts=1), thing()) == [{"a": 1}] * 2
    assert vendor.came == [OLD, NEW, NEW]
    assert hook.reads == 2
    assert hook.options.key.get_secret_value() == NEW


@driver
def test_an_unchanged_key_is_not_sent_again(vendor, rotate, send):
    hook = loaded()
    rotate(entered=OLD)
    with pytest.raises(VendorAuthError):
        send(hook, thing())
    assert (vendor.came, hook.reads) == ([OLD], 2)


@driver
def test_a_new_key_that_is_refused_too_is_an_error_after_two_requests(vendor, rotate, send):
    hook = loaded()
    rotate("another")
    with pytest.raises(VendorAuthError) as raised:
        send(hook, thing())
    assert (vendor.came, hook.reads) == ([OLD, NEW], 2)
    assert OLD not in str(raised.value)
    assert NEW not in str(raised.value)


@driver
def test_a_second_change_is_taken_up_by_the_next_call(vendor, rotate, send):
    hook = loaded()
    rotate()
    send(hook, thing())
    rotate("third-key", entered="third-key")
    assert send(hook, thing()) == [{"a": 1}]
    assert vendor.came == [OLD, NEW, NEW, "third-key"]


@driver
def test_the_new_key_is_masked_before_it_is_sent(vendor, rotate, send, masked):
    hook = loaded()
    rotate()
    seen: list[bool] = []
    vendor.refused = lambda: seen.append(NEW in masked)
    send(hook, thing())
    assert seen == [False]
    assert NEW in masked


@driver
def test_a_hook_that_does_not_ask_for_it_reads_its_connection_once(vendor, rotate, send):
    hook = loaded()
    hook.__class__ = type("Plain", (KeyHook,), {"reloads": False})
    rotate()
    with pytest.raises(VendorAuthError):
        send(hook, thing())
    assert (vendor.came, hook.reads) == ([OLD], 1)


@driver
@pytest.mark.parametrize("call", [thing(anonymous=True), thing(headers={"Authorization": "mine"})])
def test_a_refusal_that_is_not_of_the_connections_key_does_not_read_it(vendor, rotate, send, call):
    hook = loaded()
    rotate()
    with pytest.raises(VendorAuthError):
        send(hook, call)
    assert hook.reads == 1


@driver
@pytest.mark.parametrize(("status", "requests"), [(403, [OLD, NEW]), (400, [OLD]), (407, [OLD])])
def test_a_403_may_be_a_refused_key_too(vendor, rotate, send, status, requests):
    hook = loaded()
    vendor.status = status
    rotate()
    if status == 403:
        assert send(hook, thing(Repeat.ONCE)) == [{"a": 1}]
    else:
        with pytest.raises(VendorError):
            send(hook, thing(Repeat.ONCE))
    assert vendor.came == requests


# What the connection has become


@driver
def test_a_connection_that_cannot_be_read_leaves_the_refusal(vendor, rotate, send, set_connection, caplog):
    hook = loaded()
    rotate()
    set_connection(CONN_ID, extra={"timeout": "s3cr3t-nonsense"})
    with caplog.at_level(logging.WARNING), pytest.raises(VendorAuthError):
        send(hook, thing())
    assert "could not be read again (InvalidInput)" in caplog.text
    assert "s3cr3t-nonsense" not in caplog.text
    assert vendor.came == [OLD]


@driver
def test_a_connection_of_another_type_or_none_leaves_the_refusal(
    vendor, rotate, send, set_connection, monkeypatch
):
    for change in ({"conn_type": "http"}, None):
        hook = loaded()
        rotate()
        set_connection(CONN_ID, **change) if change else monkeypatch.delenv("AIRFLOW_CONN_ACME_DEFAULT")
        with pytest.raises(VendorAuthError):
            send(hook, thing())
        if change:
            set_connection(CONN_ID, conn_type="acme", password=OLD)
    assert vendor.came == [OLD, OLD]


@driver
def test_a_new_key_for_another_host_goes_neither_there_nor_to_the_old_one(
    vendor, rotate, send, set_connection, caplog
):
    hook = loaded()
    rotate()
    with answering(200, b"{}") as other:
        set_connection(CONN_ID, host=other.url)
        with caplog.at_level(logging.WARNING), pytest.raises(VendorAuthError):
            send(hook, thing())
        assert other.seen == []
    assert vendor.came == [OLD]
    assert "leads to another place by now" in caplog.text


# Many calls


def test_of_many_that_are_refused_at_once_one_reads_the_connection(vendor, rotate):
    hook = loaded()
    rotate()
    together = threading.Barrier(8)
    vendor.refused = lambda: together.wait(20)

    async def many() -> Any:
        async with hook.session() as client:
            return await asyncio.gather(*(client.run(thing()) for _ in range(8)))

    assert asyncio.run(many()) == [{"a": 1}] * 8
    assert sorted(vendor.came) == sorted([OLD] * 8 + [NEW] * 8)
    assert hook.reads == 2


def test_threads_and_tasks_take_up_the_new_key(vendor, rotate):
    hooks = [loaded() for _ in range(4)]
    rotate()
    with ThreadPoolExecutor(4) as pool:
        ends = [pool.submit(send, hook, thing()) for hook, send in zip(hooks, DRIVERS * 2, strict=True)]
        assert [end.result() for end in ends] == [[{"a": 1}]] * 4


def test_a_session_for_direct_use_takes_it_up_with_its_next_request(vendor, rotate):
    hook = loaded()
    session = hook.get_conn()
    rotate()
    url = f"{hook.options.base_url}/thing"
    assert [session.get(url).status_code for _ in range(2)] == [401, 200]
    hook.close()


# The flow


def flow(now: list[float]) -> tuple[ReloadingAuth, Credentials, Terms]:
    async def never() -> None:
        raise AssertionError

    auth = ReloadingAuth(HeaderAuth({"X-Key": OLD}), lambda: None, never)
    terms = Terms(RequestPolicy(), 30.0, 10.0, lambda: now[0], lambda: 0.0)
    return auth, auth.credentials, terms


def end(steps: Any, answer: Any) -> Any:
    with pytest.raises(StopIteration) as done:
        steps.send(answer)
    return done.value.value


def test_who_comes_while_it_is_read_waits_and_gets_the_same():
    auth, old, terms = flow([0.0])
    first, second = auth.renew(old, terms), auth.renew(old, terms)
    assert isinstance(next(first), Reload)
    step = next(second)
    assert isinstance(step, WaitFor)
    assert auth.current(0.0) is None
    new = Credentials(headers={"X-Key": NEW})
    assert end(first, Reloaded(new, [NEW])) is True
    assert step.future.done()
    assert end(second, None) is True
    assert auth.current(0.0) is new
    assert {OLD, NEW} <= set(auth.secrets())


def test_a_reading_that_is_given_up_is_made_by_the_next():
    auth, old, terms = flow([0.0])
    first, second = auth.renew(old, terms), auth.renew(old, terms)
    next(first)
    assert isinstance(next(second), WaitFor)
    first.close()
    assert isinstance(second.send(None), Reload)
    assert end(second, None) is False
    assert auth.current(0.0) is old


def test_a_late_refusal_of_the_old_key_does_not_distrust_the_new_one():
    auth, old, terms = flow([0.0])
    first = auth.renew(old, terms)
    next(first)
    end(first, Reloaded(Credentials(headers={"X-Key": NEW}), [NEW]))
    late = auth.renew(old, terms)
    with pytest.raises(StopIteration) as done:
        next(late)
    assert done.value.value is True


def test_who_waits_too_long_gives_up():
    now = [0.0]
    auth, old, terms = flow(now)
    first, second = auth.renew(old, terms), auth.renew(old, terms)
    next(first)
    next(second)
    now[0] = 11.0
    with pytest.raises(VendorUnavailable, match="within the deadline"):
        second.send(None)


def test_the_error_of_a_call_hides_the_new_key_too(vendor, rotate):
    hook = loaded()
    rotate()
    assert blocking(hook, thing()) == [{"a": 1}]
    vendor.key = "nobody-knows"
    with pytest.raises(VendorError) as raised:
        blocking(hook, thing())
    assert "not ***" in str(raised.value) or NEW not in str(raised.value)
    assert NEW not in repr(raised.value.__dict__)
