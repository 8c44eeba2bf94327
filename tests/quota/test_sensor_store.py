"""The quota sensor without a usable store, and many sensors at once."""

from __future__ import annotations

import asyncio
import json
import logging
from datetime import UTC, datetime
from typing import Any

import pytest

from airflow_provider.exceptions import StoreUnavailable
from airflow_provider.wolkvox.sensors import WolkvoxQuotaSensor
from tests.support.dags import Attempt
from tests.support.quota import (
    HOUR,
    TOKEN,
    WAYS,
    MovingClock,
    QuickTriggers,
    Within,
    gate,
    leave,
    probes,
    state,
    trigger_values,
    waits_until,
)
from tests.support.sensor import every_freeing_way, go_on

pytestmark = pytest.mark.usefixtures("airflow_db")


# The store


@pytest.mark.parametrize("damage", ["folder", "garbage", "postgres"])
@every_freeing_way
def test_without_a_store_each_sensor_probes_once_per_wait(
    sandbox, monkeypatch, caplog, ledger_path, way, damage
):
    leave(sandbox, 5)
    if damage == "postgres":
        pytest.importorskip("psycopg")
        monkeypatch.setenv("AIRFLOW__VENDOR_APIS__LEDGER_CONN_ID", "ledger")
        connection = {
            "conn_type": "postgres",
            "host": "127.0.0.1",
            "port": 1,
            "login": "u",
            "password": "s3cr3t",
            "schema": "s",
        }
        monkeypatch.setenv("AIRFLOW_CONN_LEDGER", json.dumps(connection))
    else:
        ledger_path.mkdir() if damage == "folder" else ledger_path.write_bytes(b"no database " * 500)
    with caplog.at_level(logging.WARNING, logger="airflow_provider"), Within() as now:
        attempt = Attempt(gate(min_remaining=10, **way))
    assert now.plus(4 * HOUR, waits_until(attempt))
    assert probes(sandbox) == 1
    warnings = [record for record in caplog.records if record.name.startswith("airflow_provider")]
    assert len(warnings) == 1
    assert "s3cr3t" not in caplog.text
    assert TOKEN not in caplog.text
    sandbox.clock(advance=4 * 3600)
    assert go_on(attempt).state == "success"
    assert probes(sandbox) == 2


@pytest.mark.parametrize("error", [StoreUnavailable("the disk is full"), KeyError("x")], ids=repr)
def test_a_store_that_breaks_down_in_between_does_not_make_the_sensor_probe_twice(
    sandbox, monkeypatch, error
):
    from airflow_provider.quota.store import QuotaStore

    leave(sandbox, 100)

    reports: list[int] = []

    def report(*_: Any, **__: Any) -> None:
        reports.append(1)
        if len(reports) > 5:
            raise SystemExit("it probes again and again")
        raise error

    monkeypatch.setattr(QuotaStore, "report", report)
    assert Attempt(gate(**WAYS["reschedule"])).outcome.state == "success"
    assert probes(sandbox) == 1


def test_nothing_of_the_token_is_left_anywhere(sandbox, clock, caplog, ledger_path):
    leave(sandbox, 5)
    message = {"code": "403", "msg": f"PLEASE VALIDATE TOKEN {TOKEN}"}
    sandbox.fault(vendor="wolkvox", status=403, json=message)
    with caplog.at_level(logging.DEBUG):
        refused = Attempt(gate(min_remaining=10, deferrable=True))
        assert state().refusal is not None
        clock.advance(HOUR)
        attempt = Attempt(gate(min_remaining=10, deferrable=True))
    assert refused.outcome.state == "failed"
    assert attempt.outcome.state == "deferred"
    texts = [
        json.dumps(trigger_values(attempt)),
        str(attempt.outcome),
        str(refused.outcome),
        *(file.read_bytes().decode("latin-1") for file in ledger_path.parent.iterdir()),
        *(record.getMessage() for record in caplog.records if record.name.startswith("airflow_provider")),
    ]
    assert not [text for text in texts if TOKEN[:16] in text]


# Many at once


def test_many_deferred_sensors_go_on_after_one_probe(sandbox, monkeypatch):
    leave(sandbox, 5)
    clock = MovingClock(monkeypatch, datetime.now(UTC))
    attempts = [Attempt(gate(min_remaining=10, deferrable=True)) for _ in range(5)]
    assert probes(sandbox) == 1
    from airflow_provider.quota.triggers import QuotaTrigger

    triggers = [QuotaTrigger(**trigger_values(attempt)) for attempt in attempts]
    quick = QuickTriggers(monkeypatch, clock, sandbox)
    events = asyncio.run(quick.events(triggers))
    for attempt, event in zip(attempts, events, strict=True):
        assert attempt.wake(event).state == "success"
    assert probes(sandbox) == 2


def test_outside_of_a_task_it_runs_too(sandbox):
    leave(sandbox, 90)
    assert WolkvoxQuotaSensor(task_id="gate", min_remaining=10).execute({})["remaining"] == 90
