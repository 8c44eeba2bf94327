from __future__ import annotations

from typing import Any

import pytest

from airflow_provider.exceptions import (
    OutcomeUnknown,
    QuotaExhausted,
    RateLimited,
    VendorAuthError,
    VendorError,
    VendorProtocolError,
    VendorRejected,
    VendorUnavailable,
)
from airflow_provider.http.call import Call
from airflow_provider.imbee import calls
from airflow_provider.imbee.hooks import ImbeeHook
from airflow_provider.wolkvox.hooks import WolkvoxHook
from tests.support.drivers import DRIVERS
from tests.support.ports import free_port

pytestmark = pytest.mark.parametrize("send", DRIVERS, ids=lambda send: send.__name__)

BREAKS = [
    pytest.param({"action": "reset"}, id="reset"),
    pytest.param({"action": "reset", "after": True}, id="reset after the effect"),
    pytest.param({"action": "close"}, id="close"),
    pytest.param({"action": "truncate"}, id="truncate"),
    pytest.param({"action": "hang"}, id="hang"),
    pytest.param({"status": 500, "body": "<html>broken</html>"}, id="500 HTML"),
    pytest.param({"status": 502}, id="502 empty"),
    pytest.param({"status": 503, "headers": {"Retry-After": "3"}}, id="503 with Retry-After"),
    pytest.param({"action": "maintenance"}, id="maintenance"),
]


@pytest.fixture(autouse=True)
def quick(sandbox, set_connection, no_waiting):
    for conn_id in ("imbee_default", "wolkvox_default"):
        set_connection(conn_id, extra={"timeout": 0.3})


def user() -> Call[Any]:
    return calls.create_user("ada")


def token() -> Call[Any]:
    return calls.create_access_token("ada", "bot", mail="ada@example.com")


@pytest.mark.parametrize("fault", BREAKS)
def test_an_idempotent_call_is_repeated_until_it_gets_through(sandbox, send, fault):
    sandbox.fault(vendor="imbee", times=3, **fault)
    assert send(ImbeeHook(), user())[0].unique_id_sha == "ada"
    assert len(sandbox.requests("imbee")) == 4


@pytest.mark.parametrize("fault", BREAKS)
def test_an_idempotent_call_gives_up_after_its_attempts(sandbox, send, fault):
    sandbox.fault(vendor="imbee", times=None, **fault)
    with pytest.raises(VendorUnavailable):
        send(ImbeeHook(), user())
    assert len(sandbox.requests("imbee")) == 4


@pytest.mark.parametrize("fault", BREAKS)
def test_a_once_call_is_sent_exactly_once_and_its_outcome_is_unknown(sandbox, send, fault):
    sandbox.fault(vendor="imbee", times=None, **fault)
    with pytest.raises(OutcomeUnknown, match="may have taken effect") as raised:
        send(ImbeeHook(), token())
    assert "imbee (imbee_default) POST token/new" in str(raised.value)
    assert len(sandbox.requests("imbee")) == 1


def test_a_message_that_went_out_before_the_connection_broke_goes_out_once(sandbox, send):
    sandbox.fault(vendor="imbee", action="reset", after=True)
    with pytest.raises(OutcomeUnknown):
        send(ImbeeHook(), token())
    assert len(sandbox.messages()) == 1


def test_garbage_with_status_200_is_not_asked_for_again(sandbox, send):
    sandbox.fault(vendor="imbee", times=None, action="garbage")
    with pytest.raises(VendorProtocolError, match="not JSON"):
        send(ImbeeHook(), user())
    with pytest.raises(OutcomeUnknown, match="not JSON"):
        send(ImbeeHook(), token())
    assert len(sandbox.requests("imbee")) == 2


@pytest.mark.parametrize("make", [user, token])
def test_throttling_is_waited_for_whatever_the_call(sandbox, send, no_waiting, make):
    sandbox.fault(vendor="imbee", status=429, headers={"Retry-After": "7"}, times=2)
    send(ImbeeHook(), make())
    assert len(sandbox.requests("imbee")) == 3
    assert no_waiting == pytest.approx([7.0, 7.0], abs=0.5)


@pytest.mark.parametrize("make", [user, token])
def test_throttling_for_long_is_raised_and_not_waited_for(sandbox, send, no_waiting, make):
    sandbox.fault(vendor="imbee", status=429, headers={"Retry-After": "3600"}, times=None)
    with pytest.raises(RateLimited) as raised:
        send(ImbeeHook(), make())
    assert raised.value.retry_after == 3600
    assert (len(sandbox.requests("imbee")), no_waiting) == (1, [])


def test_retry_after_of_a_busy_server_is_waited_for(sandbox, send, no_waiting):
    sandbox.fault(vendor="imbee", status=503, headers={"Retry-After": "5"})
    send(ImbeeHook(), user())
    assert no_waiting == pytest.approx([5.0], abs=0.5)


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, VendorRejected),
        (401, VendorAuthError),
        (403, VendorAuthError),
        (404, VendorRejected),
        (302, VendorProtocolError),
    ],
)
@pytest.mark.parametrize("make", [user, token])
def test_a_refusal_is_final(sandbox, send, make, status, error):
    sandbox.fault(vendor="imbee", times=None, status=status, json={"code": 1, "message": "no"})
    with pytest.raises(VendorError) as raised:
        send(ImbeeHook(), make())
    assert type(raised.value) is error
    assert len(sandbox.requests("imbee")) == 1


@pytest.mark.parametrize("make", [user, token])
def test_a_host_that_refuses_connections_is_tried_again_and_nothing_was_sent(
    sandbox, send, set_connection, no_waiting, make
):
    set_connection("imbee_default", host=f"http://127.0.0.1:{free_port()}")
    with pytest.raises(VendorUnavailable, match="the host is unknown or refuses") as raised:
        send(ImbeeHook(), make())
    assert type(raised.value) is VendorUnavailable
    assert raised.value.processed is False
    assert len(no_waiting) == 3


@pytest.mark.parametrize("fault", BREAKS)
def test_the_quota_is_asked_for_at_most_twice(sandbox, send, fault):
    sandbox.fault(vendor="wolkvox", times=None, **fault)
    hook = WolkvoxHook()
    with pytest.raises(VendorUnavailable):
        send(hook, hook.token_information_call())
    # Maintenance of wolkvox asks for a longer wait than is granted.
    assert len(sandbox.requests("wolkvox")) == (1 if fault.get("action") == "maintenance" else 2)


@pytest.mark.parametrize(
    ("switches", "error"),
    [
        ({"wolkvox.limit": 0}, QuotaExhausted),
        ({"wolkvox.limit": 0, "wolkvox.exhausted_text": "Límite diario excedido"}, QuotaExhausted),
        ({"wolkvox.limit": 0, "wolkvox.http_status_follows_code": False}, QuotaExhausted),
        ({"wolkvox.limit": 0, "wolkvox.error_shape": "object"}, QuotaExhausted),
        ({"wolkvox.limit": 0, "wolkvox.error_shape": "html"}, QuotaExhausted),
        ({"wolkvox.token": "another-token"}, VendorAuthError),
        ({"wolkvox.operation": "another"}, VendorAuthError),
        ({"wolkvox.maintenance": True}, VendorUnavailable),
        ({"wolkvox.accept_get": False}, VendorRejected),
    ],
)
def test_a_refusal_of_wolkvox_is_told_apart_and_asked_once(sandbox, send, switches, error):
    sandbox.switch(switches)
    hook = WolkvoxHook()
    with pytest.raises(VendorError) as raised:
        send(hook, hook.token_information_call())
    assert type(raised.value) is error
    assert len(sandbox.requests("wolkvox")) == 1


@pytest.mark.parametrize(
    "switches",
    [
        {"wolkvox.code_as_number": True},
        {"wolkvox.numbers_as_strings": True},
        {"wolkvox.correct_spelling": True},
        {"wolkvox.charge_before_reading": True},
        {"wolkvox.require_content_type": True},
        {"wolkvox.hours_rounding": "ceil"},
    ],
)
def test_every_way_in_which_wolkvox_may_answer_is_understood(sandbox, send, switches):
    sandbox.switch(switches)
    hook = WolkvoxHook()
    [found] = send(hook, hook.token_information_call())
    assert (found.limit, found.remaining) == (
        4800,
        4799 if "wolkvox.charge_before_reading" in switches else 4800,
    )


@pytest.mark.parametrize(
    "switches",
    [
        {"imbee.errors_as_http_200": True},
        {"imbee.error_body": "absent"},
        {"imbee.error_body": "null"},
        {"imbee.error_body": "[]"},
        {"imbee.validation_status": 422},
        {"imbee.error_code": 4711},
    ],
)
def test_every_way_in_which_imbee_may_refuse_is_understood(sandbox, send, switches):
    sandbox.switch({"imbee.platforms": "ios", **switches})
    with pytest.raises(VendorRejected, match="platform is not valid") as raised:
        send(ImbeeHook(), user())
    assert raised.value.code == switches.get("imbee.error_code", 1)
    assert len(sandbox.requests("imbee")) == 1


@pytest.mark.parametrize(
    "answer", [{"body": "a page, no JSON"}, {"json": {"code": 0, "body": {"apikey": ["a page"]}}}]
)
def test_an_error_does_not_carry_the_response_along(sandbox, send, answer):
    sandbox.fault(status=200, times=None, **answer)
    with pytest.raises(VendorProtocolError) as raised:
        send(ImbeeHook(), user())
    # The error of a parser has the whole document, and is shown by what walks through all that is behind.
    assert raised.value.__context__ is None
    assert raised.value.__cause__ is None
