"""``airflow vendor-apis quota``."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.support.sandbox import SandboxProcess


@pytest.fixture
def known(airflow_db: None, path: Path, sandbox: SandboxProcess):
    """A wolkvox token of which a reading is stored, and 30 requests are reserved."""
    from airflow_provider.quota.store import QuotaStore
    from airflow_provider.store.location import configured
    from airflow_provider.wolkvox.hooks import WolkvoxHook

    hook = WolkvoxHook()
    hook.token_reading()
    store = QuotaStore(configured(), hook.account(hook.options))
    assert store.reserve("id", 30, run="dag/run", task="t", lasts=timedelta(hours=1)) == 30
    hook.close()
    store.close()
    return sandbox


def test_the_quota_is_one_line_for_each_connection_and_probes_nobody(cli, known):
    status, out, _ = cli("quota", "-o", "json")
    assert status == 0
    [row] = json.loads(out)
    resets_at, observed_at = (datetime.fromisoformat(row.pop(name)) for name in ("resets_at", "observed_at"))
    assert timedelta(0) < resets_at - observed_at <= timedelta(hours=24)
    assert row == {
        "conn_id": "wolkvox_default",
        "vendor": "wolkvox",
        "limit": 4800,
        "used": 0,
        "remaining": 4800,
        "reserved": 30,
        "source": "probe",
        "sent_since": 0,
        "note": "",
    }
    assert len(known.requests("wolkvox")) == 1
    status, out, _ = cli("quota")
    assert (status, out.count("wolkvox_default")) == (0, 1)
    assert "s ago" in out


def test_a_probe_probes_and_shows_the_answer(cli, known):
    status, out, _ = cli("quota", "--probe", "-o", "json")
    assert status == 0
    assert [row["used"] for row in json.loads(out)] == [1]
    assert len(known.requests("wolkvox")) == 2


def test_a_refused_probe_is_an_error_and_shows_what_is_known(cli, known):
    known.fault(vendor="wolkvox", status=401)
    status, out, error = cli("quota", "--probe", "-o", "json")
    assert status == 1
    assert [row["remaining"] for row in json.loads(out)] == [4799], "a refused call may cost a use as well"
    assert "HTTP 401" in error


def test_a_used_up_quota_is_noted(cli, known):
    known.switch({"wolkvox.limit": 1})
    status, out, _ = cli("quota", "--probe", "-o", "json")
    [row] = json.loads(out)
    assert status == 0
    assert "used up" in row["note"]


def test_a_connection_that_nothing_is_known_of_is_listed_too(cli, known, set_connection):
    set_connection("wolkvox_default", password="another")
    status, out, _ = cli("quota", "--conn-id", "wolkvox_default", "-o", "json")
    assert status == 0
    [row] = json.loads(out)
    assert (row["remaining"], row["note"]) == (None, "nothing is known yet")


@pytest.mark.parametrize(
    ("conn_id", "message"),
    [("imbee_default", "of which no quota is known"), ("nowhere", "nowhere")],
)
def test_a_connection_without_a_quota_is_an_error(cli, known, conn_id, message):
    status, out, error = cli("quota", "--conn-id", conn_id)
    assert (status, out) == (1, "")
    assert message in error


def test_without_a_database_nothing_is_known_and_none_is_made(cli, airflow_db, path):
    status, out, _ = cli("quota", "-o", "json")
    assert (status, out.strip()) == (0, "[]")
    assert not path.exists()


def test_no_token_is_shown_or_stored(cli, known, path):
    _, out, error = cli("quota", "--probe")
    token = json.loads(known.connections["AIRFLOW_CONN_WOLKVOX_DEFAULT"])["password"]
    assert token not in out + error
    assert token.encode() not in path.read_bytes()
