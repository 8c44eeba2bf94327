"""The quota of a vendor that tells it in headers alone: nobody can probe it, and nothing is granted by contract."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from airflow_provider.quota.decision import Enough, Requirement, Sleep, WaitPolicy
from airflow_provider.quota.hook import MeteredHook
from airflow_provider.quota.interface import Report
from airflow_provider.quota.monitor import QuotaMonitor
from airflow_provider.quota.operators import ReserveQuotaOperator
from airflow_provider.quota.readings import Grant, Refusal
from airflow_provider.quota.store import QuotaStore
from airflow_provider.store.location import configured
from airflow_provider.wolkvox.hooks import WolkvoxHook
from airflow_provider.wolkvox.sensors import WolkvoxQuotaSensor
from tests.support.batches import execute
from tests.support.quota import ACCOUNT, HOUR, MINUTE, NOW, reading, reserve, tell
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


# Without a reset


@pytest.mark.parametrize("limit", [100, None], ids=["limit known", "limit unknown"])
def test_without_a_reset_somebody_finds_out_each_interval(monitor, store, stopped_clock, limit):
    """Nobody can probe: the next request tells, so one must be sent, and no more than one at a time."""
    for number in range(3):
        told = stopped_clock.at
        tell(store, 3, at=told, source="header", limit=limit, used=None, resets_at=None)
        found = check(monitor, Requirement(40))
        assert isinstance(found, Sleep)
        assert found.until == told + HOUR
        stopped_clock.at = told + HOUR - timedelta(seconds=1)
        assert isinstance(check(monitor, Requirement(40)), Sleep)
        assert reserve(store, f"early {number}", 40) is None
        stopped_clock.at = told + HOUR
        assert isinstance(check(monitor, Requirement(40)), Enough)
        assert reserve(store, f"one {number}", 40) == 40
        held = check(monitor, Requirement(40))
        assert isinstance(held, Sleep)
        assert held.cause == "reserved"
        assert reserve(store, f"another {number}", 40) is None
        store.release(id_=f"one {number}")
    tell(store, 500, at=stopped_clock.at, source="header", limit=limit, used=None, resets_at=None)
    assert isinstance(check(monitor, Requirement(40)), Enough)


def test_without_a_reset_a_refusal_is_waited_for_by_the_interval(monitor, store, stopped_clock):
    tell(store, 3, source="header", resets_at=None)
    stopped_clock.at = NOW + HOUR
    assert isinstance(check(monitor, Requirement(40)), Enough)
    # It went on, and the vendor refused.
    store.report(Report(sent=1, spent=1, refusal=Refusal("QuotaExhausted", "no more", NOW + HOUR)))
    found = check(monitor, Requirement(40))
    assert isinstance(found, Sleep)
    assert found.until == NOW + 2 * HOUR
    stopped_clock.at = NOW + 2 * HOUR
    assert isinstance(check(monitor, Requirement(40)), Enough)
    assert reserve(store, "a", 40) == 40


def test_without_a_reset_what_is_enough_stays_enough_less_what_is_counted(monitor, store, stopped_clock):
    tell(store, 50, source="header", resets_at=None)
    store.report(Report(sent=5, spent=5))
    stopped_clock.at = NOW + 20 * HOUR
    found = check(monitor, Requirement(40))
    assert isinstance(found, Enough)
    assert found.quota.remaining == 45


def test_a_reservation_says_how_long_it_believes_too_little(monitor, store, stopped_clock, slept):
    tell(store, 3, source="header", resets_at=None)
    for ahead in (timedelta(0), 2 * HOUR, 4 * HOUR):
        stopped_clock.at = NOW + ahead
        with pytest.raises(Waited):
            execute(reserving(40, recheck_interval=5 * HOUR), "run")
    stopped_clock.at = NOW + 5 * HOUR
    assert execute(reserving(40, recheck_interval=5 * HOUR), "run")["amount"] == 40


def test_a_grant_says_when_a_period_ends_that_headers_do_not(database, stopped_clock):
    store = QuotaStore(database, ACCOUNT, Grant(8000), can_probe=False)
    tell(store, 0, source="header", resets_at=None)
    stopped_clock.at = NOW + 20 * HOUR
    assert store.look().reading.resets_at == datetime(2026, 4, 1, tzinfo=UTC)
    assert reserve(store, "a", 1) is None
    stopped_clock.at = datetime(2026, 4, 1, tzinfo=UTC)
    assert reserve(store, "a", 8000) == 8000
