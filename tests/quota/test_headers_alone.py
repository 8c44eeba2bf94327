"""The quota of a vendor that tells it in headers alone: nobody can probe it, and nothing is granted by contract."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import pytest

from airflow_provider.quota.decision import Enough, Requirement, Sleep, WaitPolicy
from airflow_provider.quota.hook import MeteredHook
from airflow_provider.quota.interface import Report
from airflow_provider.quota.monitor import QuotaMonitor
from airflow_provider.quota.operators import ReserveQuotaOperator
from airflow_provider.quota.store import QuotaStore
from airflow_provider.store.location import configured
from airflow_provider.wolkvox.hooks import WolkvoxHook
from airflow_provider.wolkvox.sensors import WolkvoxQuotaSensor
from tests.support.batches import execute
from tests.support.quota import HOUR, MINUTE, NOW, reading, reserve, tell
from tests.support.sensor import Waited

POLICY = WaitPolicy(max_age=5 * MINUTE, reset_margin=timedelta(0), recheck_interval=HOUR)
RESET = NOW + 3 * HOUR


class HeadersHook(WolkvoxHook):
    """A hook whose vendor cannot be probed."""

    def quota_call(self) -> None:
        return None

    def quota_headers(self, options: Any) -> Mapping[str, str]:
        return {"remaining": "x-remaining"}


class HeadersReserve(ReserveQuotaOperator):
    def hook(self) -> MeteredHook[Any]:
        return HeadersHook(self.conn_id)


class HeadersSensor(WolkvoxQuotaSensor):
    def hook(self) -> WolkvoxHook:
        return HeadersHook(self.wolkvox_conn_id)


@pytest.fixture
def monitor(sandbox, stopped_clock) -> Iterator[QuotaMonitor]:
    hook = HeadersHook()
    assert hook.options
    monitor = QuotaMonitor(hook, configured())
    yield monitor
    monitor.close()


@pytest.fixture
def store(monitor) -> QuotaStore:
    assert isinstance(monitor.store, QuotaStore)
    return monitor.store


def check(monitor: QuotaMonitor, requirement: Requirement) -> Enough | Sleep:
    return asyncio.run(monitor.check(requirement, POLICY))


def reserving(amount: int, **options: Any) -> HeadersReserve:
    values = {"mode": "poke", "jitter": 0, "margin": 0, "amount": amount, **options}
    return HeadersReserve(task_id="reserve", conn_id="wolkvox_default", **values)


@pytest.mark.parametrize("limit", [100, None], ids=["limit known", "limit unknown"])
@pytest.mark.parametrize("counted", [0, 7])
def test_what_is_enough_after_the_reset_can_be_reserved(monitor, store, stopped_clock, limit, counted):
    tell(store, counted, source="header", limit=limit, used=None)
    store.report(Report(sent=counted, spent=counted))
    found = check(monitor, Requirement(40))
    assert isinstance(found, Sleep)
    assert found.until == RESET
    assert reserve(store, "early", 40) is None
    stopped_clock.at = RESET
    assert isinstance(check(monitor, Requirement(40)), Enough)
    assert reserve(store, "a", 40) == 40


def test_a_reservation_ends_its_waiting_at_the_reset(monitor, store, stopped_clock, slept):
    tell(store, 0, source="header")
    with pytest.raises(Waited):
        execute(reserving(40), "run")
    stopped_clock.at = RESET
    # The margin after the reset holds for a reservation, too.
    with pytest.raises(Waited):
        execute(reserving(40), "run")
    stopped_clock.at = RESET + HOUR
    assert execute(reserving(40), "run")["amount"] == 40
    assert len(slept) == 2


def test_two_runs_do_not_reserve_the_same_remainder_of_a_new_period(monitor, store, stopped_clock):
    tell(store, 0, source="header")
    stopped_clock.at = RESET
    assert reserve(store, "a", 80) == 80
    found = check(monitor, Requirement(40))
    assert isinstance(found, Sleep)
    assert found.cause == "reserved"
    assert reserve(store, "b", 40) is None
    assert reserve(store, "b", 20) == 20


def test_without_a_limit_one_run_at_a_time_finds_out_what_a_new_period_has(monitor, store, stopped_clock):
    tell(store, 0, source="header", limit=None, used=None)
    stopped_clock.at = RESET
    assert reserve(store, "a", 80) == 80
    assert isinstance(check(monitor, Requirement(40)), Sleep)
    assert reserve(store, "b", 40) is None
    tell(store, 500, at=RESET, source="header", limit=None, used=None)
    assert reserve(store, "b", 40) == 40


def test_a_limit_of_a_period_that_is_over_fails_nobody(monitor, store, stopped_clock):
    """It may have been raised, and only a request tells."""
    tell(store, 0, source="header")
    stopped_clock.at = RESET - 1 * MINUTE
    found = check(monitor, Requirement(150))
    assert isinstance(found, Sleep)
    stopped_clock.at = RESET
    assert isinstance(check(monitor, Requirement(150)), Enough)
    assert reserve(store, "a", 150) == 150


def test_a_sensor_goes_on_after_the_reset(monitor, store, stopped_clock, slept):
    tell(store, 0, source="header")
    sensor = HeadersSensor(task_id="gate", min_remaining=40, mode="poke", jitter=0)
    with pytest.raises(Waited):
        execute(sensor, "run")
    stopped_clock.at = RESET + HOUR
    assert execute(sensor, "run")["remaining"] == 100


def test_a_request_of_the_new_period_tells_what_it_has(monitor, store, stopped_clock):
    tell(store, 0, source="header")
    stopped_clock.at = RESET
    store_reading = reading(70, at=RESET, source="header")
    tell(store, 70, at=RESET, source="header")
    found = check(monitor, Requirement(40))
    assert found == Enough(store_reading)
