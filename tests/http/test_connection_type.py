"""A connection of another type is refused by name: its secrets are for somebody else."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from airflow_provider.exceptions import InvalidInput
from airflow_provider.http.call import Call, Repeat
from airflow_provider.vendors import VENDORS
from airflow_provider.wolkvox.operators import WolkvoxQueryCasesOperator, WolkvoxTokenInformationOperator
from airflow_provider.wolkvox.sensors import WolkvoxQuotaSensor
from tests.support.batches import execute
from tests.support.imbee_runs import people, users
from tests.support.servers import answering

CANARY = "s3cr3t-of-another-system"
CALL = Call("GET", "x", lambda response: response.status, Repeat.SAFE)

every_vendor = pytest.mark.parametrize("row", VENDORS, ids=lambda row: row.conn_type)
others = pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("http", 'has type "http"'),
        ("generic", 'has type "generic"'),
        ("postgres", 'has type "postgres"'),
        ("other_vendor", 'has type "other_vendor"'),
        ("{own}_", 'has type "{own}_"'),
        ("{OWN}", 'has type "{OWN}"'),
        ("", "has no usable type"),
        (None, "has no usable type"),
        (f"https://{CANARY}", "has no usable type"),
    ],
)


@pytest.fixture
def elsewhere():
    """Another system, which would take any request for one of its own."""
    with answering(200, b"{}") as server:
        yield server


@pytest.fixture
def hook(row, kind, elsewhere, monkeypatch):
    names = {"own": row.conn_type, "OWN": row.conn_type.upper()}
    fields = {
        "host": elsewhere.url,
        "login": "operation",
        "password": CANARY,
        "extra": {"corporate_token": CANARY, "timeout": "no number"},
    }
    if kind is not None:
        fields["conn_type"] = kind.format(**names)
    monkeypatch.setenv("AIRFLOW_CONN_STRANGER", json.dumps(fields))
    return row.hook_type()("stranger")


async def session(hook: Any) -> None:
    async with hook.session() as vendor:
        await vendor.run(CALL)


@every_vendor
@others
@pytest.mark.parametrize(
    "use",
    [
        pytest.param(lambda hook: hook.options, id="options"),
        pytest.param(lambda hook: hook.run(CALL), id="run"),
        pytest.param(lambda hook: hook.get_conn(), id="get_conn"),
        pytest.param(lambda hook: hook.check(), id="check"),
        pytest.param(lambda hook: hook.reach(), id="reach"),
        pytest.param(lambda hook: asyncio.run(hook.load()), id="load"),
        pytest.param(lambda hook: asyncio.run(session(hook)), id="session"),
        pytest.param(lambda hook: hook.use(hook.get_connection("stranger")), id="use"),
    ],
)
def test_no_way_to_use_a_hook_takes_it(hook, row, kind, said, use, elsewhere):
    with pytest.raises(InvalidInput) as raised:
        use(hook)
    names = {"own": row.conn_type, "OWN": row.conn_type.upper()}
    assert f'connection "stranger" {said.format(**names)}, not "{row.conn_type}"' in str(raised.value)
    assert (raised.value.vendor, raised.value.conn_id) == (row.conn_type, "stranger")
    assert raised.value.field == "Connection Type"
    assert f'"{row.conn_type}"' in raised.value.remedy
    assert CANARY not in f"{raised.value!r} {raised.value} {raised.value.__dict__}"
    assert elsewhere.seen == []


@every_vendor
@pytest.mark.parametrize("kind", ["http"])
def test_the_test_button_says_so(hook, elsewhere):
    ok, message = hook.test_connection()
    assert not ok
    assert 'has type "http"' in message
    assert elsewhere.seen == []


@pytest.mark.parametrize("uri", ["http://{0}:{0}@127.0.0.1:1/", "https://:{0}@127.0.0.1:1/", "{0}"])
def test_a_uri_of_another_type_is_refused(monkeypatch, uri):
    monkeypatch.setenv("AIRFLOW_CONN_IMBEE_DEFAULT", uri.format("s3cr3t"))
    with pytest.raises(InvalidInput, match='not "imbee"') as raised:
        users(people(1))
    assert "s3cr3t" not in str(raised.value)


def test_the_operators_and_sensors_of_a_vendor_refuse_the_connection_of_another(sandbox, tmp_path):
    with pytest.raises(InvalidInput, match='"wolkvox_default" has type "wolkvox", not "imbee"'):
        users(people(2), imbee_conn_id="wolkvox_default", output=f"{tmp_path}/out.jsonl")
    for task in (
        WolkvoxTokenInformationOperator(task_id="t", wolkvox_conn_id="imbee_default"),
        WolkvoxQueryCasesOperator(task_id="t", field="a", value=1, wolkvox_conn_id="imbee_default"),
        WolkvoxQuotaSensor(task_id="t", min_remaining=1, wolkvox_conn_id="imbee_default", deferrable=False),
    ):
        with pytest.raises(InvalidInput, match='"imbee_default" has type "imbee", not "wolkvox"'):
            execute(task)
    assert sandbox.requests() == []
    assert list(tmp_path.iterdir()) == []


def test_a_trigger_refuses_it_too(sandbox):
    from airflow_provider.quota.hook import load_hook

    hook = load_hook("airflow_provider.wolkvox.hooks.WolkvoxHook", "imbee_default")
    with pytest.raises(InvalidInput, match='"imbee_default" has type "imbee", not "wolkvox"'):
        asyncio.run(hook.load())
