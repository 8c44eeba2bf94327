"""Distinctive secrets everywhere; afterwards none of them anywhere."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import airflow.sdk.log
import pytest
from airflow.sdk import DAG

from airflow_provider.exceptions import VendorError
from airflow_provider.http.call import Call, Response
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
from tests.support.dags import Attempt
from tests.support.environment import isolate
from tests.support.quota import event, trigger
from tests.support.sandbox import ROOT, SandboxProcess

# Only their beginnings are looked for, so these differ from one another from the first letter on.
AUTHORIZATION = "Basic QXV0aENhbmFyeS1kb250LXNob3ctbWU6c2VjcmV0"
CORPORATE = "CorporateCanary-3f1c0b77e2a9"
WOLKVOX = "WolkvoxCanary-91d2c4f06ab7e35d"
PROXY_PASSWORD = "ProxyPasswordCanary-5f20"
CONFIGURED = [
    AUTHORIZATION,
    AUTHORIZATION.partition(" ")[2],
    CORPORATE,
    WOLKVOX,
    PROXY_PASSWORD,
    f"proxyuser:{PROXY_PASSWORD}",
]
SWITCHES = {
    "imbee.authorization": AUTHORIZATION,
    "imbee.corporate_token": CORPORATE,
    "imbee.self_chat": True,
    "wolkvox.token": WOLKVOX,
}
AIRFLOWS_OWN = re.compile(r"\[debug +\] Sending request .*msg=MaskSecret\(")


def connections(sandbox: SandboxProcess) -> dict[str, str]:
    """Return connections with the secrets, directly and through proxies: one that answers, one that is dead."""
    found = dict(sandbox.get("/_sandbox/connections").json())
    port = urlsplit(sandbox.url).port
    for vendor, proxy_port in (("IMBEE", port), ("WOLKVOX", 1)):
        connection = json.loads(found[f"AIRFLOW_CONN_{vendor}_DEFAULT"])
        proxy = f"http://proxyuser:{PROXY_PASSWORD}@127.0.0.1:{proxy_port}"
        connection["extra"] = {**connection.get("extra", {}), "proxy": proxy}
        if vendor == "WOLKVOX":
            # With the same user it would have the same quota, and a sensor would find what is known of that.
            connection["login"] = "proxy_operation"
        found[f"AIRFLOW_CONN_{vendor}_PROXY"] = json.dumps(connection)
    for number in (1, 2, 3):
        connection = json.loads(found["AIRFLOW_CONN_WOLKVOX_DEFAULT"])
        connection["login"] = f"operation_{number}"
        found[f"AIRFLOW_CONN_WOLKVOX_REFUSED_{number}"] = json.dumps(connection)
    return found


def apikey(sandbox: SandboxProcess) -> str:
    """Return the apikey that Imbee gives the user "ada", whoever asks."""
    body = {"uniqueIdSha": "ada", "platform": "a", "deviceName": "b", "hardwareId": "c", "osVersion": "d"}
    headers = {"Authorization": AUTHORIZATION, "X-WOOS-KEY": CORPORATE}
    return str(sandbox.post("/imbee/third_parties/user/new", body, headers=headers).json()["body"]["apikey"])


@pytest.fixture
def secretive(sandbox: SandboxProcess, monkeypatch: pytest.MonkeyPatch) -> SandboxProcess:
    """The sandbox with the secrets."""
    sandbox.switch(SWITCHES)
    for name, value in connections(sandbox).items():
        monkeypatch.setenv(name, value)
    return sandbox


def all_secrets(sandbox: SandboxProcess) -> list[str]:
    # The sandbox also lists its defaults, which were replaced.
    return sorted({*CONFIGURED, *sandbox.secrets()})


# --- whole Dags --------------------------------------------------------------------------------------------


class Run:
    """What a worker left behind, and what it must not have left."""

    def __init__(self, home: Path, secrets: list[str], states: list[dict[str, str]], fernet_key: str) -> None:
        self.home, self.secrets, self.states, self.fernet_key = home, secrets, states, fernet_key


@pytest.fixture(scope="module")
def run(sandbox_process: SandboxProcess, tmp_path_factory: pytest.TempPathFactory) -> Run:
    sandbox = sandbox_process
    sandbox.reset()
    sandbox.switch(SWITCHES)
    sandbox.clock(now="2026-01-01T20:30:00Z", freeze=True)
    sandbox.token(token=WOLKVOX, operation="demo_operation", limit=4800, used=4000)
    home = tmp_path_factory.mktemp("canary")
    environment = dict(os.environ)
    isolate(environment, home)
    (home / "temporary").mkdir()
    shutil.copy(ROOT / "tests/support/canary_dags.py", home / "dags")
    environment |= connections(sandbox)
    environment |= {
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "DEBUG",
        "AIRFLOW__LOGGING__CELERY_LOGGING_LEVEL": "DEBUG",
        "CANARY_OUTPUT": str(home / "output"),
        "CANARY_SANDBOX": sandbox.url,
        "TMPDIR": str(home / "temporary"),
    }

    def quoting(*secrets: str, status: int = 200) -> dict[str, Any]:
        return {
            "status": status,
            "times": None,
            "json": {"code": 1, "message": f"not {' or '.join(secrets)}"},
        }

    def step(dag_id: str, *faults: dict[str, Any], **options: Any) -> dict[str, Any]:
        return {"dag_id": dag_id, "faults": faults, **options}

    key = apikey(sandbox)
    token_refused = {"code": "403", "msg": f"TOKEN {WOLKVOX} IS NOT VALID", "data": None}
    plan = [
        step("imbee_files"),
        step("imbee_xcom", in_process=True),
        step("wolkvox"),
        step("imbee_xcom", {"path": "user/new", **quoting(AUTHORIZATION, CORPORATE, status=401)}),
        step("imbee_continue", {"path": "user/new", **quoting(AUTHORIZATION, CORPORATE)}),
        step("imbee_continue", {"path": "chat/create", **quoting(AUTHORIZATION, key)}),
        step("imbee_xcom", {"path": "chat/create", **quoting(key, status=401)}, in_process=True),
        step("imbee_files", {"path": "token/new", **quoting(AUTHORIZATION, CORPORATE)}),
        step("imbee_files", {"path": "user/new", "action": "truncate", "times": None}),
        step("imbee_continue", {"path": "token/new", "action": "truncate", "times": None}),
        step("imbee_xcom", {"path": "user/new", **quoting(AUTHORIZATION, CORPORATE, status=503)}),
        step("imbee_proxy"),
        step("wolkvox_proxy"),
        step("wolkvox_refused_1", {"status": 403, "json": token_refused, "times": None}),
        step("wolkvox_refused_2", {"status": 200, "json": token_refused, "times": None}, in_process=True),
        step("wolkvox_refused_3", {"status": 403, "body": f"<p>{WOLKVOX}: token refused", "times": None}),
    ]
    with (home / "stdout.txt").open("wb") as out, (home / "stderr.txt").open("wb") as err:
        command = [sys.executable, "-m", "tests.support.canary_worker", json.dumps(plan)]
        done = subprocess.run(command, cwd=ROOT, env=environment, stdout=out, stderr=err, timeout=300)
    assert done.returncode == 0, (home / "stderr.txt").read_text()[-4000:]
    # Where a task runs in the process of dag.test(), Airflow at DEBUG prints what it is asked to mask, the
    # fields of every connection that it reads among them. On a worker it does not.
    printed = (home / "stdout.txt").read_text()
    lines = [line for line in printed.splitlines() if not AIRFLOWS_OWN.search(line)]
    (home / "stdout.txt").write_text("\n".join(lines))
    states = json.loads(next(line for line in reversed(lines) if line.startswith("[{")))
    return Run(home, all_secrets(sandbox), states, environment["AIRFLOW__CORE__FERNET_KEY"])


def test_the_dags_met_success_and_each_failure(run: Run) -> None:
    refused = {"users": "failed"}
    good = {"users": "success", "chats": "success"}
    assert [
        {task: state for task, state in states.items() if state != "upstream_failed"} for states in run.states
    ] == [
        {**good, "tokens": "success"},
        {**good, "tokens": "success"},
        {
            "information": "success",
            "poke": "success",
            "deferred": "deferred",
            "rescheduled": "up_for_reschedule",
        },
        refused,
        {"users": "success", "chats": "success", "tokens": "success"},
        {**good, "tokens": "success"},
        {"users": "success", "chats": "failed"},
        {**good, "tokens": "success"},
        refused,
        {**good, "tokens": "success"},
        refused,
        {**good, "tokens": "success"},
        dict.fromkeys(["information", "poke", "deferred", "rescheduled"], "failed"),
        dict.fromkeys(["information", "poke", "deferred", "rescheduled"], "failed"),
        dict.fromkeys(["information", "poke", "deferred", "rescheduled"], "failed"),
        dict.fromkeys(["information", "poke", "deferred", "rescheduled"], "failed"),
    ]


def test_the_search_has_logs_results_and_debug_lines_to_look_at(run: Run) -> None:
    logs = sorted(run.home.glob("logs/**/attempt=*.log"))
    assert any(path.name == "attempt=2.log" for path in logs)
    assert any('"level":"debug"' in path.read_text() for path in logs)
    assert list(run.home.glob("output/*.failed.jsonl"))
    assert list(run.home.glob("output/*-tokens.jsonl"))
    columns = {column for column, _ in canary.values(run.home / "airflow.db")}
    assert {"xcom.value", "rendered_task_instance_fields.rendered_fields", "trigger.kwargs"} <= columns
    rows = dict(canary.values(run.home / "vendor_apis.db"))
    assert "sealed:v2:" in rows["vendor_apis_ledger.result"]
    assert rows["vendor_apis_ledger.error"]
    told = [
        text for column, text in canary.values(run.home / "vendor_apis.db") if column.endswith("refusal_text")
    ]
    # Of the quota of each connection that was refused, and of the dead proxy's.
    assert len(told) == 4
    assert sum("IS NOT VALID" in text for text in told) == 2
    assert len(run.secrets) > len(CONFIGURED) + 3


def test_the_search_finds_what_is_planted(run: Run, tmp_path: Path) -> None:
    from cryptography.fernet import Fernet

    home = tmp_path / "home"
    shutil.copytree(run.home, home)
    for number, secret in enumerate(run.secrets):
        planted = home / f"planted-{number}.bin"
        planted.write_bytes(b"\xff\x00 " + secret.encode() + b" \xfe")
        assert {name for name, _ in canary.in_files(home, [secret])} >= {planted.name}
        planted.unlink()
    sealed = Fernet(run.fernet_key).encrypt(CORPORATE.encode()).decode()
    for value in (json.dumps({"a": CORPORATE}), sealed):
        with sqlite3.connect(home / "airflow.db") as database:
            database.execute("INSERT INTO variable (key, val, is_encrypted) VALUES (?, ?, 0)", (value, value))
        database.close()
        found = canary.in_database(home / "airflow.db", [CORPORATE], run.fernet_key)
        assert ("variable.val", CORPORATE[: canary.LENGTH]) in found
        with sqlite3.connect(home / "airflow.db") as database:
            database.execute("DELETE FROM variable")
        database.close()


def test_no_file_shows_a_secret(run: Run) -> None:
    assert canary.in_files(run.home, run.secrets) == []


@pytest.mark.parametrize("name", ["airflow.db", "vendor_apis.db"])
def test_no_row_of_the_database_shows_a_secret(run: Run, name: str) -> None:
    assert canary.in_database(run.home / name, run.secrets, run.fernet_key) == []


# --- exceptions --------------------------------------------------------------------------------------------

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
    tasks = {
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
    monkeypatch.setattr("airflow_provider.quota.monitor._kept", {})
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


# --- objects -----------------------------------------------------------------------------------------------


def objects(sandbox: SandboxProcess) -> Iterator[tuple[str, Any]]:
    """Yield everything that a Dag author may print."""
    key = apikey(sandbox)
    for hook in (ImbeeHook("imbee_proxy"), WolkvoxHook("wolkvox_proxy")):
        name = type(hook).__name__
        yield f"{name}.options", hook.options
        yield f"{name}.session", hook.get_conn()
        yield f"{name}.client", hook._client
        yield name, hook
    hook = ImbeeHook()
    chat = imbee.create_chat(key, "bob")
    yield "call", chat
    yield "response", Response(200, {"x": key}, key.encode())
    user = hook.run(imbee.create_user("ada"))
    yield "user", user
    yield "chat", hook.run(imbee.create_chat(user.apikey, user.virtual_user))
    yield "token", hook.run(imbee.create_access_token("ada", "bot", mail="ada@example.com"))
    yield (
        "unknown keys",
        imbee.ImbeeUser.model_validate(
            {"unique_id_sha": "a", "virtualUser": "b", "pass": key, "apikey": key, "api_key": key}
        ),
    )
    yield "sealed", seal(user.apikey)


NAMES = [
    *(
        f"{hook}{part}"
        for hook in ("ImbeeHook", "WolkvoxHook")
        for part in ("", ".options", ".client", ".session")
    ),
    *("call", "response", "user", "chat", "token", "unknown keys", "sealed"),
]


@pytest.mark.parametrize("name", NAMES)
def test_no_object_shows_a_secret(secretive, name):
    found = dict(objects(secretive))
    assert set(found) == set(NAMES)
    shown = [repr(found[name]), str(found[name]), f"{found[name]}"]
    # A session keeps its proxies in public, as requests does; it is for those who ask for it.
    if hasattr(found[name], "__dict__") and not name.endswith(".session"):
        shown.append(repr(vars(found[name])))
    assert canary.in_text("\n".join(shown), all_secrets(secretive)) == []


def test_the_asynchronous_client_shows_no_secret(secretive):
    async def look() -> list[str]:
        async with ImbeeHook("imbee_proxy").session() as client:
            return [repr(client), str(client), repr(vars(client)), repr(client.setup)]

    assert canary.in_text("\n".join(asyncio.run(look())), all_secrets(secretive)) == []
