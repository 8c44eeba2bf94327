"""Looks of many processes, and of one that is killed."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from airflow_provider.mpohoda.conditions import Paid
from airflow_provider.mpohoda.hooks import MpohodaHook
from airflow_provider.sleeping.pause import Pause
from airflow_provider.store.location import configured
from airflow_provider.store.tables import look as table
from airflow_provider.waiting.condition import check
from airflow_provider.waiting.looks import open_looks
from tests.support.patience import wait_until
from tests.support.processes import answer_of, environment
from tests.support.quota import MovingClock

LIST = "IssuedInvoices"
HALF_HOUR = timedelta(minutes=30)


def unpaid(sandbox) -> str:
    made = sandbox.control("POST", "mpohoda/records", {"resource": LIST, "records": [{}]})
    return str(made["ids"][0])


def test_ten_processes_look_once(sandbox):
    id_ = unpaid(sandbox)
    found = answer_of("tests.support.look_crowd", "10", id_)
    assert found == ["Unpaid: 1 of 1 invoices"] * 10
    assert [one["path"] for one in sandbox.requests("mpohoda")] == [f"v1/{LIST}/Unpaid"]


def test_ten_processes_share_a_refusal(sandbox):
    id_ = unpaid(sandbox)
    sandbox.fault(vendor="mpohoda", status=401, times=None)
    assert answer_of("tests.support.look_crowd", "10", id_) == ["VendorAuthError"] * 10
    assert len(sandbox.requests("mpohoda")) == 1


def test_what_a_killed_process_was_asking_is_asked_by_another_when_its_turn_is_over(sandbox, monkeypatch):
    id_ = unpaid(sandbox)
    sandbox.fault(vendor="mpohoda", action="hang", times=1)
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.support.look_crowd", "1", id_],
        env=environment(),
        start_new_session=True,
    )
    wait_until(lambda: sandbox.requests("mpohoda") or taken())
    # Its own child does the work: the whole group goes.
    os.killpg(child.pid, signal.SIGKILL)
    child.wait()
    clock = MovingClock(monkeypatch)
    looks = open_looks(MpohodaHook())
    paid = Paid(LIST, (id_,), True, datetime.now(UTC).isoformat())

    async def wait() -> Pause:
        task = asyncio.create_task(check(paid, looks, HALF_HOUR))
        await asyncio.sleep(0.3)
        assert not task.done()
        clock.advance(3600)
        found = await task
        assert isinstance(found, Pause)
        return found

    assert asyncio.run(wait()).reason == "Unpaid: 1 of 1 invoices"
    looks.close()


def taken() -> bool:
    """Say whether somebody has the turn."""
    database = configured()
    with database.read() as connection:
        found = connection.scalar(sa.select(sa.func.count()).where(table.c.looker.is_not(None)))
    database.close()
    return bool(found)
