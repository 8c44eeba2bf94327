"""Many tasks that need the same quota probe the vendor once: in one event loop, in threads, in processes."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from airflow_provider.exceptions import StoreUnavailable, VendorAuthError, VendorError
from airflow_provider.quota import monitor as module
from airflow_provider.quota import opening
from airflow_provider.quota.decision import Enough, Requirement, Sleep, WaitPolicy
from airflow_provider.quota.interface import Turn
from airflow_provider.quota.memory import MemoryStore
from airflow_provider.quota.monitor import QuotaMonitor, open_monitor
from airflow_provider.quota.store import QuotaStore
from airflow_provider.wolkvox.hooks import WolkvoxHook
from tests.support.processes import answer_of
from tests.support.quota import HOUR, MINUTE, TOKEN, MovingClock, event, known, leave, probes, state, trigger

pytestmark = pytest.mark.usefixtures("fresh_monitors")


POLICY = WaitPolicy(max_age=5 * MINUTE, reset_margin=HOUR, recheck_interval=HOUR)


def check(monitor: QuotaMonitor, amount: int = 10, policy: WaitPolicy = POLICY) -> Enough | Sleep:
    return asyncio.run(monitor.check(Requirement(amount), policy))


def together(work: list[Any]) -> list[Any]:
    """Do work in threads and return what came of each, errors included."""
    found: list[Any] = [None] * len(work)

    def one(index: int) -> None:
        try:
            found[index] = work[index]()
        except BaseException as error:
            found[index] = error

    threads = [threading.Thread(target=one, args=(index,)) for index in range(len(work))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
    return found


@pytest.fixture
def short_pause(monkeypatch):
    monkeypatch.setattr(module, "PAUSE", 0.01)


@pytest.mark.parametrize("remaining", [100, 5])
def test_monitors_of_many_threads_probe_once(sandbox, short_pause, remaining):
    leave(sandbox, remaining)
    sandbox.latency(0.2)
    monitors = [open_monitor(WolkvoxHook()) for _ in range(8)]
    found = together([lambda one=one: check(one) for one in monitors])
    assert {type(one) for one in found} == {Enough if remaining == 100 else Sleep}
    assert probes(sandbox) == 1


def test_monitors_of_many_threads_share_a_refusal(sandbox, short_pause):
    sandbox.latency(0.2)
    sandbox.fault(vendor="wolkvox", status=401, times=None)
    monitors = [open_monitor(WolkvoxHook()) for _ in range(8)]
    gate = threading.Barrier(8)

    def probe(one: QuotaMonitor) -> Any:
        gate.wait(timeout=30)
        return check(one)

    found = together([lambda one=one: probe(one) for one in monitors])
    assert {type(one) for one in found} == {VendorAuthError}
    assert probes(sandbox) == 1


@pytest.mark.parametrize(
    ("fault", "answer"), [(None, 100), ({"status": 401}, "VendorAuthError")], ids=["enough", "401"]
)
def test_many_processes_probe_once(sandbox, fault, answer):
    leave(sandbox, 100)
    sandbox.latency(0.5)
    if fault:
        sandbox.fault(vendor="wolkvox", times=None, **fault)
    # The tables are there, so that all of them come to probe at the same time.
    with known():
        pass
    found = answer_of("tests.support.quota_crowd", "ask", "6")
    assert found == [answer] * 6
    assert probes(sandbox) == 1


def test_who_gets_the_turn_late_finds_the_answer_of_the_one_before(sandbox, monkeypatch):
    """He looked before it came, and takes his turn when it is there: he has to look again."""
    leave(sandbox, 100)
    first, second = open_monitor(WolkvoxHook()), open_monitor(WolkvoxHook())
    take_turn = second.store.take_turn

    def late(*details: Any) -> Any:
        # Meanwhile another process has looked, probed and ended its turn.
        threads = threading.Thread(target=check, args=(first,))
        threads.start()
        threads.join(timeout=30)
        return take_turn(*details)

    monkeypatch.setattr(second.store, "take_turn", late)
    assert isinstance(check(second), Enough)
    assert probes(sandbox) == 1


@pytest.mark.parametrize(
    "fault",
    [{"status": 401}, {"status": 403, "json": {"code": "403", "msg": "TOKEN LIMIT EXCEEDED"}}],
    ids=["401", "exhausted"],
)
def test_who_gets_the_turn_late_finds_the_refusal_of_the_one_before(sandbox, monkeypatch, fault):
    sandbox.fault(vendor="wolkvox", times=None, **fault)
    first, second = open_monitor(WolkvoxHook()), open_monitor(WolkvoxHook())
    take_turn = second.store.take_turn

    def late(*details: Any) -> Any:
        together([lambda: check(first)])
        return take_turn(*details)

    monkeypatch.setattr(second.store, "take_turn", late)
    [found] = together([lambda: check(second)])
    assert isinstance(found, Sleep if "json" in fault else VendorAuthError)
    assert probes(sandbox) == 1


def test_a_look_that_began_before_the_answer_is_not_taken_for_one_after_it(sandbox, monkeypatch):
    """Those who look at the same time share the look; one that has just probed needs a new one."""
    leave(sandbox, 100)
    monitor = open_monitor(WolkvoxHook())
    look, take_turn = monitor.store.look, monitor.store.take_turn
    slow, asked = threading.Event(), threading.Event()
    looks: list[int] = []

    def slow_look() -> Any:
        looks.append(1)
        seen = look()
        if len(looks) == 2:
            slow.set()
            # It has seen nothing, and is handed over when the answer is there.
            asked.wait(timeout=10)
        return seen

    def turn(*details: Any) -> Any:
        slow.wait(timeout=10)
        return take_turn(*details)

    end_turn = monitor.store.end_turn

    def end(prober: str) -> None:
        end_turn(prober)
        threading.Timer(0.2, asked.set).start()

    monkeypatch.setattr(monitor.store, "look", slow_look)
    monkeypatch.setattr(monitor.store, "take_turn", turn)
    monkeypatch.setattr(monitor.store, "end_turn", end)

    async def both() -> list[Any]:
        one = asyncio.create_task(monitor.check(Requirement(10), POLICY))
        while not looks or monitor._probing is None:
            await asyncio.sleep(0.001)
        other = asyncio.create_task(monitor.check(Requirement(10), POLICY))
        return [await one, await other]

    assert all(isinstance(found, Enough) for found in asyncio.run(both()))
    assert probes(sandbox) == 1


def test_many_in_one_event_loop_probe_once(sandbox):
    leave(sandbox, 100)
    sandbox.latency(0.1)
    monitor = open_monitor(WolkvoxHook())

    async def many() -> list[Any]:
        return await asyncio.gather(*(monitor.check(Requirement(10), POLICY) for _ in range(200)))

    assert all(isinstance(found, Enough) for found in asyncio.run(many()))
    assert probes(sandbox) == 1


def test_one_who_gives_up_does_not_take_the_answer_from_the_others(sandbox):
    leave(sandbox, 100)
    sandbox.latency(0.2)
    monitor = open_monitor(WolkvoxHook())

    async def two() -> Any:
        first = asyncio.create_task(monitor.check(Requirement(10), POLICY))
        while monitor._probing is None:
            await asyncio.sleep(0.001)
        second = asyncio.create_task(monitor.check(Requirement(10), POLICY))
        await asyncio.sleep(0.05)
        first.cancel()
        return await second

    assert isinstance(asyncio.run(two()), Enough)
    assert probes(sandbox) == 1


def test_the_turn_of_one_who_was_killed_goes_to_another(sandbox, monkeypatch, short_pause):
    leave(sandbox, 100)
    clock = MovingClock(monkeypatch)
    with known() as store:
        assert store.take_turn("killed", 60) is Turn.MINE
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)
        assert probes(sandbox) == 0
        clock.advance(20)

    monkeypatch.setattr(module, "asyncio", _Asyncio(sleep))
    assert isinstance(check(open_monitor(WolkvoxHook())), Enough)
    assert len(waits) == 3
    assert probes(sandbox) == 1


class _Asyncio:
    """The module with a sleep of its own."""

    def __init__(self, sleep: Any) -> None:
        self.sleep = sleep

    def __getattr__(self, name: str) -> Any:
        return getattr(asyncio, name)


def test_a_turn_lasts_as_long_as_a_probe_may_take(sandbox, monkeypatch):
    leave(sandbox, 100)
    hook = WolkvoxHook()
    monitor = open_monitor(hook)
    seen: list[float] = []
    take_turn = monitor.store.take_turn

    def timed(prober: str, seconds: float, *details: Any) -> Any:
        seen.append(seconds)
        return take_turn(prober, seconds, *details)

    monkeypatch.setattr(monitor.store, "take_turn", timed)
    check(monitor)
    assert seen == [hook.policy.deadline + hook.options.timeout]
    assert state().probing_until is None


@pytest.mark.parametrize("fault", [{"status": 401}, {"status": 500}, {"action": "garbage"}], ids=str)
def test_a_turn_ends_with_an_error(sandbox, no_waiting, fault):
    sandbox.fault(vendor="wolkvox", times=None, **fault)
    with pytest.raises(VendorError):
        check(open_monitor(WolkvoxHook()))
    assert state().probing_until is None


@pytest.mark.parametrize("fault", [None, {"status": 429, "headers": {"Retry-After": "600"}}], ids=str)
def test_who_probes_outright_reaches_the_vendor_however_young_the_reading_is(sandbox, fault):
    leave(sandbox, 100)
    monitor = open_monitor(WolkvoxHook())
    check(monitor)
    leave(sandbox, 60)
    if fault:
        sandbox.fault(vendor="wolkvox", times=None, **fault)
    asyncio.run(monitor.probe())
    assert probes(sandbox) == 2
    found = state()
    assert found.reading.remaining == (100 if fault else 60)
    assert (found.refusal.kind if found.refusal else None) == ("RateLimited" if fault else None)


def test_who_probes_outright_is_told_of_a_refusal_that_no_waiting_mends(sandbox):
    sandbox.fault(vendor="wolkvox", status=401, times=None)
    with pytest.raises(VendorAuthError):
        asyncio.run(open_monitor(WolkvoxHook()).probe())
    assert probes(sandbox) == 1


@pytest.mark.parametrize("how", ["check", "probe"])
@pytest.mark.parametrize(
    "fault", [None, {"status": 403, "json": {"code": "403", "msg": "TOKEN LIMIT EXCEEDED"}}]
)
def test_of_a_store_that_keeps_no_answer_nobody_probes_for_ever(sandbox, monkeypatch, how, fault):
    """A clock of another worker may be far ahead, or a row may be locked away: each probe costs a request."""
    leave(sandbox, 100)
    if fault:
        sandbox.fault(vendor="wolkvox", times=None, **fault)
    monkeypatch.setattr(QuotaStore, "write", lambda *_, **__: None)
    monitor = open_monitor(WolkvoxHook())
    with pytest.raises(StoreUnavailable, match="answers of wolkvox about its quota cannot be stored"):
        check(monitor) if how == "check" else asyncio.run(monitor.probe())
    assert probes(sandbox) == module.PROBES == 2
    assert state().probing_until is None


@pytest.mark.parametrize(
    "error",
    [StoreUnavailable("the disk is full"), RuntimeError(TOKEN)],
    ids=lambda error: type(error).__name__,
)
@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (None, Enough),
        ({"status": 403, "json": {"code": "403", "msg": "TOKEN LIMIT EXCEEDED"}}, Sleep),
        ({"status": 401}, VendorAuthError),
    ],
    ids=["enough", "used up", "401"],
)
def test_an_answer_that_cannot_be_written_down_is_kept_by_the_task(
    sandbox, monkeypatch, caplog, error, fault, expected
):
    leave(sandbox, 100)
    if fault:
        sandbox.fault(vendor="wolkvox", times=None, **fault)

    def write(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(QuotaStore, "write", write)
    monitor = open_monitor(WolkvoxHook())
    [found] = together([lambda: check(monitor)])
    assert type(found) is expected
    assert probes(sandbox) == 1
    assert isinstance(monitor.store, MemoryStore)
    if expected is not VendorAuthError:
        assert type(check(monitor)) is expected
        assert probes(sandbox) == 1
    assert caplog.text.count("are not counted") == 1
    assert TOKEN not in caplog.text


@pytest.mark.parametrize("way", ["task", "trigger"])
@pytest.mark.parametrize(
    "error", [StoreUnavailable("it is away"), RuntimeError(TOKEN)], ids=lambda error: type(error).__name__
)
def test_a_monitor_whose_database_cannot_be_opened_goes_on_without(sandbox, monkeypatch, caplog, way, error):
    leave(sandbox, 100)

    def broken() -> None:
        raise error

    async def abroken() -> None:
        raise error

    monkeypatch.setattr(opening, "configured", broken)
    monkeypatch.setattr(opening, "aconfigured", abroken)

    async def by_trigger() -> Any:
        found = await asyncio.gather(*(event(trigger(datetime.now(UTC))) for _ in range(3)))
        return [Enough if "enough" in one else one for one in found]

    if way == "task":
        assert isinstance(check(open_monitor(WolkvoxHook())), Enough)
    else:
        assert asyncio.run(by_trigger()) == [Enough] * 3
    assert probes(sandbox) == 1
    assert caplog.text.count("are not counted") == 1
    assert TOKEN not in caplog.text


@pytest.mark.parametrize("shared", [MINUTE, timedelta(0)], ids=["shares", "probes anew"])
def test_a_refusal_of_a_moment_ago_is_not_shared_by_one_that_is_there_to_probe_again(sandbox, shared):
    sandbox.fault(vendor="wolkvox", status=401, times=1)
    leave(sandbox, 100)
    with pytest.raises(VendorAuthError):
        check(open_monitor(WolkvoxHook()))
    policy = replace(POLICY, shared=shared)
    [found] = together([lambda: check(open_monitor(WolkvoxHook()), policy=policy)])
    assert type(found) is (VendorAuthError if shared else Enough)
    assert probes(sandbox) == (1 if shared else 2)
