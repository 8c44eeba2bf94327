"""Errors, events and logs of hooks, tasks and triggers with distinctive secrets: none shows one."""

from __future__ import annotations

import asyncio
import json
import logging
from datetime import UTC, datetime
from typing import Any

import airflow.sdk.log
import pytest
from airflow.sdk import DAG

from airflow_provider.exceptions import VendorError
from airflow_provider.http.call import Call
from airflow_provider.imbee import calls as imbee
from airflow_provider.imbee.hooks import ImbeeHook
from airflow_provider.imbee.operators import (
    ImbeeCreateAccessTokensOperator,
    ImbeeCreateChatsOperator,
    ImbeeCreateUsersOperator,
)
from airflow_provider.secrets import seal
from airflow_provider.wolkvox.hooks import WolkvoxHook
from airflow_provider.wolkvox.operators import WolkvoxTokenInformationOperator
from airflow_provider.wolkvox.sensors import WolkvoxQuotaSensor
from tests.support import canary
from tests.support.canary_secrets import (
    AUTHORIZATION,
    CONFIGURED,
    CORPORATE,
    PROXY_PASSWORD,
    WOLKVOX,
    all_secrets,
    apikey,
)
from tests.support.dags import Attempt
from tests.support.quota import event, trigger
from tests.support.sandbox import SandboxProcess

ECHO = {
    # What Imbee quotes, and what wolkvox; each knows its own credentials only, and a user's key in a chat only.
    "credentials": (f"{AUTHORIZATION} {CORPORATE}", WOLKVOX),
    "one credential in another": (f"x{CORPORATE}y {AUTHORIZATION}{CORPORATE}", f"x{WOLKVOX}{WOLKVOX}y"),
    "the end of a long text": ("z" * 280 + AUTHORIZATION, "z" * 190 + WOLKVOX),
}
ANSWERS: dict[str, dict[str, Any]] = {
    "code": {"status": 200, "json": {"code": "{}", "message": "", "msg": "{}"}},
    "body": {"status": 200, "json": {"code": 0, "body": {"x": "{}"}, "data": "{}"}},
    "values": {
        "status": 200,
        "json": {
            "code": 0,
            "body": {"virtualUser": ["{}"], "pass": {"{}": 1}, "apikey": 1, "url": ["{}"]},
            "data": {"token_limit": "{}", "hours_to_restart_count": "{}"},
        },
    },
    "content type": {"status": 500, "headers": {"Content-Type": "{}"}, "body": "{}"},
    "redirect": {"status": 302, "headers": {"Location": "http://127.0.0.1:1/?{}"}},
    "cookie": {"status": 401, "headers": {"Set-Cookie": "a={}"}},
    "retry after": {"status": 429, "headers": {"Retry-After": "{}"}},
    "text": {"status": 403, "body": "token {}"},
    **{
        str(status): {
            "status": status,
            "json": {"code": code, "message": "not {}", "msg": "not {}", "error": {"message": "{}"}},
        }
        for status, code in ((200, 1), (401, 1), (403, 403), (429, 429), (500, 500))
    },
}
FAULTS: dict[str, tuple[dict[str, Any], tuple[str, str]]] = {
    **{f"{name} with {echo}": (answer, ECHO[echo]) for name, answer in ANSWERS.items() for echo in ECHO},
    **{
        action: ({"action": action}, ("", ""))
        for action in ("truncate", "garbage", "reset", "close", "hang", "maintenance")
    },
}


def calls_of(sandbox: SandboxProcess) -> list[tuple[Any, Any]]:
    key = apikey(sandbox)
    return [
        (ImbeeHook, lambda _: imbee.create_user("ada")),
        (ImbeeHook, lambda _: imbee.create_chat(key, "bob")),
        (ImbeeHook, lambda _: imbee.create_access_token("ada", "bot", mail="ada@example.com")),
        (WolkvoxHook, lambda hook: hook.token_information_call()),
    ]


def misbehave(sandbox: SandboxProcess, set_connection: Any, fault: str) -> None:
    answer, (from_imbee, from_wolkvox) = FAULTS[fault]

    def add(text: str, **where: str) -> None:
        filled = json.loads(json.dumps(answer).replace("{}", text))
        sandbox.fault(times=None, **where, **filled)

    add(f"{apikey(sandbox)} {from_imbee}", vendor="imbee", path="chat/create")
    add(from_imbee, vendor="imbee")
    add(from_wolkvox, vendor="wolkvox")
    if fault == "hang":
        for conn_id in ("imbee_default", "wolkvox_default"):
            set_connection(conn_id, extra={"timeout": 0.1})


@pytest.mark.usefixtures("no_waiting")
@pytest.mark.parametrize("fault", FAULTS)
def test_no_error_of_a_hook_shows_a_secret(secretive, set_connection, caplog, fault):
    async def send(hook: Any, call: Call[Any]) -> None:
        async with hook.session() as client:
            await client.run(call)

    caplog.set_level(logging.DEBUG)
    calls = calls_of(secretive)
    misbehave(secretive, set_connection, fault)
    errors: list[BaseException] = []
    said = []
    for hook_type, make in calls:
        hook = hook_type()
        call = make(hook)
        for attempt in (lambda: hook.run(call), lambda: asyncio.run(send(hook, call))):  # noqa: B023
            with pytest.raises(VendorError) as caught:
                attempt()
            errors.append(caught.value)
        said.append(hook.test_connection()[1])
    texts = [text for error in errors for text in canary.texts_of(error)] + said + [caplog.text]
    assert canary.in_text("\n".join(texts), all_secrets(secretive)) == []


@pytest.mark.usefixtures("no_waiting", "airflow_db")
@pytest.mark.parametrize("fault", FAULTS)
def test_no_error_of_a_task_shows_a_secret(secretive, set_connection, fault):
    records: list[dict[str, Any]] = [{"unique_id_sha": "ada", "user": {"apikey": seal(apikey(secretive))}}]
    recipient = {"virtual_user": "ada", "bot_idsha": "bot", "mail": "ada@example.com"}
    tasks: dict[str, tuple[Any, dict[str, Any]]] = {
        "users": (ImbeeCreateUsersOperator, {"records": records}),
        "chats": (ImbeeCreateChatsOperator, {"records": records, "defaults": {"contacts": "bob"}}),
        "tokens": (ImbeeCreateAccessTokensOperator, {"records": [recipient]}),
        "information": (WolkvoxTokenInformationOperator, {}),
        "gate": (WolkvoxQuotaSensor, {"timeout": 1}),
    }
    misbehave(secretive, set_connection, fault)
    texts = []
    for task_id, (operator, options) in tasks.items():
        with DAG(f"canary_{task_id}") as dag:
            operator(task_id=task_id, **options)
        outcome = Attempt(dag).outcome
        assert outcome.error is not None
        texts += [*canary.texts_of(outcome.error), repr(outcome.msg)]
    assert canary.in_text("\n".join(texts), all_secrets(secretive)) == []


@pytest.mark.usefixtures("no_waiting")
@pytest.mark.parametrize("fault", FAULTS)
def test_neither_a_trigger_nor_its_event_nor_the_store_shows_a_secret(
    secretive, set_connection, monkeypatch, caplog, ledger_path, fault
):
    caplog.set_level(logging.DEBUG)
    monkeypatch.setattr("airflow_provider.quota.monitor._shared._kept", {})
    misbehave(secretive, set_connection, fault)
    now = datetime.now(UTC)
    waiting = trigger(now, deadline=now.isoformat())
    payload = asyncio.run(event(waiting))
    assert payload.keys() & {"error", "late"}
    shown = [json.dumps(payload), json.dumps(waiting.serialize()), repr(waiting), caplog.text]
    stored = list(canary.values(ledger_path))
    assert any(column == "vendor_apis_quota.refusal_text" for column, _ in stored)
    secrets = all_secrets(secretive)
    assert canary.in_text("\n".join([*shown, *(str(value) for _, value in stored)]), secrets) == []
    assert canary.in_files(ledger_path.parent, secrets) == []


@pytest.mark.parametrize(
    ("hook_type", "quoted"),
    [
        (ImbeeHook, AUTHORIZATION.partition(" ")[2]),
        (ImbeeHook, CORPORATE.upper()),
        # wolkvox answers in capitals.
        (WolkvoxHook, WOLKVOX.upper()),
    ],
    ids=["without its scheme", "in capitals", "in wolkvox's capitals"],
)
def test_a_credential_that_is_quoted_otherwise_is_not_shown_either(secretive, hook_type, quoted):
    message = f"token {quoted} is not valid"
    secretive.fault(status=401, times=None, json={"code": 401, "message": message, "msg": message})
    hook = hook_type()
    call = imbee.create_user("ada") if hook_type is ImbeeHook else hook.token_information_call()
    with pytest.raises(VendorError) as caught:
        hook.run(call)
    assert quoted not in "\n".join(canary.texts_of(caught.value))


@pytest.mark.usefixtures("no_waiting")
@pytest.mark.parametrize("hook_type", [ImbeeHook, WolkvoxHook])
def test_no_error_of_a_proxy_shows_its_password(secretive, caplog, hook_type):
    async def send() -> None:
        async with hook.session() as client:
            await client.run(call)

    caplog.set_level(logging.DEBUG)
    secretive.fault(status=407, times=None, json={"code": 407, "message": f"not proxyuser:{PROXY_PASSWORD}"})
    hook = hook_type(f"{hook_type.conn_type}_proxy")
    call = imbee.create_user("ada") if hook_type is ImbeeHook else hook.token_information_call()
    texts = []
    for attempt in (lambda: hook.run(call), lambda: asyncio.run(send())):
        with pytest.raises(VendorError) as caught:
            attempt()
        texts += canary.texts_of(caught.value)
    texts += [hook.test_connection()[1], caplog.text]
    assert canary.in_text("\n".join(texts), CONFIGURED) == []


@pytest.mark.parametrize("field", ["password", "corporate_token", "proxy"])
def test_no_error_about_a_connection_shows_the_field_that_is_wrong(secretive, set_connection, field):
    wrong = f"{CORPORATE}\n{WOLKVOX} {PROXY_PASSWORD}"
    if field == "password":
        set_connection("imbee_default", password=wrong)
    else:
        set_connection("imbee_default", extra={field: wrong})
    with pytest.raises(VendorError) as caught:
        ImbeeHook().run(imbee.create_user("ada"))
    texts = [*canary.texts_of(caught.value), ImbeeHook().test_connection()[1]]
    assert canary.in_text("\n".join(texts), CONFIGURED) == []


def test_an_unknown_extra_is_named_and_its_value_is_not(secretive, set_connection, caplog):
    set_connection("imbee_default", extra={"corporate": CORPORATE, "authorization": AUTHORIZATION})
    ImbeeHook().run(imbee.create_user("ada"))
    assert '"corporate"' in caplog.text
    assert canary.in_text(caplog.text, CONFIGURED) == []


@pytest.mark.parametrize("conn_id", ["imbee_proxy", "wolkvox_proxy"])
def test_a_hook_has_every_secret_of_its_connection_masked_in_all_logs(secretive, monkeypatch, conn_id):
    masked: list[Any] = []

    async def amask(secret: Any) -> None:
        masked.append(secret)

    monkeypatch.setattr("airflow.sdk.log.mask_secret", masked.append)
    if hasattr(airflow.sdk.log, "amask_secret"):  # Not before Airflow 3.3.
        monkeypatch.setattr("airflow.sdk.log.amask_secret", amask)
    hook_type = ImbeeHook if conn_id.startswith("imbee") else WolkvoxHook
    secrets = hook_type(conn_id).options.secrets()
    assert len(secrets) >= (3 if hook_type is ImbeeHook else 2)
    # Airflow itself masks the password, and of the extras those that sound secret.
    assert all(secret in masked for secret in secrets)
    masked.clear()
    asyncio.run(hook_type(conn_id).load())
    assert all(secret in masked for secret in secrets)
