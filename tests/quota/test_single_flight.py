"""Many who wait for the same quota ask once: in one event loop, in threads, in processes."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from airflow_provider.exceptions import StoreUnavailable, VendorAuthError, VendorError
from airflow_provider.quota import monitor as module
from airflow_provider.quota.decision import Enough, Requirement, Sleep, WaitPolicy
from airflow_provider.quota.monitor import QuotaMonitor, open_monitor
from airflow_provider.quota.store import MemoryStore, QuotaStore, Report, Turn
from airflow_provider.wolkvox.hooks import WolkvoxHook
from tests.support.quota import (
    HOUR,
    MINUTE,
    TOKEN,
    MovingClock,
    QuickTriggers,
    event,
    known,
    leave,
    probes,
    reading,
    state,
    trigger,
)
from tests.support.sandbox import ROOT

PATIENCE = WaitPolicy(max_age=5 * MINUTE, reset_margin=HOUR, recheck_interval=HOUR)
NOW = datetime(2026, 1, 1, 20, 30, tzinfo=UTC)


def check(monitor: QuotaMonitor, need: int = 10, patience: WaitPolicy = PATIENCE) -> Enough | Sleep:
    return asyncio.run(monitor.check(Requirement(need), patience))


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


@pytest.fixture(autouse=True)
def fresh_gauges(monkeypatch):
    """Each test has a triggerer of its own."""
    monkeypatch.setattr(module, "_kept", {})


# Threads and processes


@pytest.mark.parametrize("remaining", [100, 5])
def test_gauges_of_many_threads_ask_once(sandbox, short_pause, remaining):
    leave(sandbox, remaining)
    sandbox.latency(0.2)
    monitors = [open_monitor(WolkvoxHook()) for _ in range(8)]
    found = together([lambda one=one: check(one) for one in monitors])
    assert {type(one) for one in found} == {Enough if remaining == 100 else Sleep}
    assert probes(sandbox) == 1


def test_gauges_of_many_threads_share_a_refusal(sandbox, short_pause):
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
def test_many_processes_ask_once(sandbox, fault, answer):
    leave(sandbox, 100)
    sandbox.latency(0.5)
    if fault:
        sandbox.fault(vendor="wolkvox", times=None, **fault)
    # The tables are there, so that all of them come to ask at the same time.
    with known():
        pass
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.quota_crowd", "ask", "6"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == [answer] * 6
    assert probes(sandbox) == 1


def test_who_gets_the_turn_late_finds_the_answer_of_the_one_before(sandbox, monkeypatch):
    """He looked before it came, and takes his turn when it is there: he has to look again."""
    leave(sandbox, 100)
    first, second = open_monitor(WolkvoxHook()), open_monitor(WolkvoxHook())
    take_turn = second.store.take_turn

    def late(*details: Any) -> Any:
        # Meanwhile another process has looked, asked and ended its turn.
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
    """Those who look at the same time share the look; one who has just asked needs a new one."""
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

    def end(asker: str) -> None:
        end_turn(asker)
        threading.Timer(0.2, asked.set).start()

    monkeypatch.setattr(monitor.store, "look", slow_look)
    monkeypatch.setattr(monitor.store, "take_turn", turn)
    monkeypatch.setattr(monitor.store, "end_turn", end)

    async def both() -> list[Any]:
        one = asyncio.create_task(monitor.check(Requirement(10), PATIENCE))
        while not looks or monitor._probing is None:
            await asyncio.sleep(0.001)
        other = asyncio.create_task(monitor.check(Requirement(10), PATIENCE))
        return [await one, await other]

    assert all(isinstance(found, Enough) for found in asyncio.run(both()))
    assert probes(sandbox) == 1


def test_many_in_one_event_loop_ask_once(sandbox):
    leave(sandbox, 100)
    sandbox.latency(0.1)
    monitor = open_monitor(WolkvoxHook())

    async def many() -> list[Any]:
        return await asyncio.gather(*(monitor.check(Requirement(10), PATIENCE) for _ in range(200)))

    assert all(isinstance(found, Enough) for found in asyncio.run(many()))
    assert probes(sandbox) == 1


def test_one_who_gives_up_does_not_take_the_answer_from_the_others(sandbox):
    leave(sandbox, 100)
    sandbox.latency(0.2)
    monitor = open_monitor(WolkvoxHook())

    async def two() -> Any:
        first = asyncio.create_task(monitor.check(Requirement(10), PATIENCE))
        while monitor._probing is None:
            await asyncio.sleep(0.001)
        second = asyncio.create_task(monitor.check(Requirement(10), PATIENCE))
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


def test_a_turn_lasts_as_long_as_a_question_may_take(sandbox, monkeypatch):
    leave(sandbox, 100)
    hook = WolkvoxHook()
    monitor = open_monitor(hook)
    seen: list[float] = []
    take_turn = monitor.store.take_turn

    def timed(asker: str, seconds: float, *details: Any) -> Any:
        seen.append(seconds)
        return take_turn(asker, seconds, *details)

    monkeypatch.setattr(monitor.store, "take_turn", timed)
    check(monitor)
    assert seen == [hook.policy.deadline + hook.options.timeout]
    assert state().asking_until is None


@pytest.mark.parametrize("fault", [{"status": 401}, {"status": 500}, {"action": "garbage"}], ids=str)
def test_a_turn_ends_with_an_error(sandbox, no_waiting, fault):
    sandbox.fault(vendor="wolkvox", times=None, **fault)
    with pytest.raises(VendorError):
        check(open_monitor(WolkvoxHook()))
    assert state().asking_until is None


@pytest.mark.parametrize("fault", [None, {"status": 429, "headers": {"Retry-After": "600"}}], ids=str)
def test_who_asks_outright_has_the_vendor_asked_however_young_the_reading_is(sandbox, fault):
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


def test_who_asks_outright_is_told_of_a_refusal_that_no_waiting_mends(sandbox):
    sandbox.fault(vendor="wolkvox", status=401, times=None)
    with pytest.raises(VendorAuthError):
        asyncio.run(open_monitor(WolkvoxHook()).probe())
    assert probes(sandbox) == 1


@pytest.mark.parametrize("how", ["check", "probe"])
@pytest.mark.parametrize(
    "fault", [None, {"status": 403, "json": {"code": "403", "msg": "TOKEN LIMIT EXCEEDED"}}]
)
def test_of_a_store_that_keeps_no_answer_nobody_asks_for_ever(sandbox, monkeypatch, how, fault):
    """A clock of another worker may be far ahead, or a row may be locked away: each question costs a use."""
    leave(sandbox, 100)
    if fault:
        sandbox.fault(vendor="wolkvox", times=None, **fault)
    monkeypatch.setattr(QuotaStore, "write", lambda *_, **__: None)
    monitor = open_monitor(WolkvoxHook())
    with pytest.raises(StoreUnavailable, match="answers of wolkvox about its quota cannot be kept"):
        check(monitor) if how == "check" else asyncio.run(monitor.probe())
    assert probes(sandbox) == module.PROBES == 2
    assert state().asking_until is None


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
def test_a_gauge_whose_database_cannot_be_opened_goes_on_without(sandbox, monkeypatch, caplog, way, error):
    leave(sandbox, 100)

    def broken() -> None:
        raise error

    async def abroken() -> None:
        raise error

    monkeypatch.setattr(module, "configured", broken)
    monkeypatch.setattr(module, "aconfigured", abroken)

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


@pytest.mark.parametrize("shared", [MINUTE, timedelta(0)], ids=["shares", "asks anew"])
def test_a_refusal_of_a_moment_ago_is_not_shared_by_one_who_is_there_to_ask_again(sandbox, shared):
    sandbox.fault(vendor="wolkvox", status=401, times=1)
    leave(sandbox, 100)
    with pytest.raises(VendorAuthError):
        check(open_monitor(WolkvoxHook()))
    patience = replace(PATIENCE, shared=shared)
    [found] = together([lambda: check(open_monitor(WolkvoxHook()), patience=patience)])
    assert type(found) is (VendorAuthError if shared else Enough)
    assert probes(sandbox) == (1 if shared else 2)


# Triggers


@pytest.fixture
def clock(monkeypatch, sandbox) -> MovingClock:
    sandbox.clock(now=NOW.isoformat(), freeze=True)
    return MovingClock(monkeypatch, NOW)


@pytest.fixture
def quick(monkeypatch, clock, sandbox) -> QuickTriggers:
    return QuickTriggers(monkeypatch, clock, sandbox)


def exhausted(at: datetime) -> None:
    with known() as store:
        store.report(Report(reading=reading(5, at=at, resets_at=at + 3 * HOUR)))


@pytest.mark.parametrize("spread", [0.0, 60.0], ids=["at the same moment", "spread over a minute"])
def test_two_hundred_triggers_ask_once_across_a_reset(sandbox, quick, spread):
    leave(sandbox, 5)
    exhausted(NOW)
    waiting = [trigger(NOW + 4 * HOUR + timedelta(seconds=spread * one / 200)) for one in range(200)]
    events = asyncio.run(quick.events(waiting))
    assert {one["enough"]["remaining"] for one in events} == {100}
    assert probes(sandbox) == 1


@pytest.mark.parametrize("spread", [0.0, 60.0], ids=["at the same moment", "spread over a minute"])
@pytest.mark.parametrize(
    ("status", "sent", "error"), [(401, 1, "VendorAuthError"), (500, 2, "VendorUnavailable")]
)
def test_two_hundred_triggers_share_a_refusal(sandbox, no_waiting, quick, spread, status, sent, error):
    leave(sandbox, 5)
    exhausted(NOW)
    sandbox.fault(vendor="wolkvox", status=status, times=None)
    waiting = [trigger(NOW + 4 * HOUR + timedelta(seconds=spread * one / 200)) for one in range(200)]
    events = asyncio.run(quick.events(waiting))
    assert {one.get("error") for one in events} == {error}
    assert probes(sandbox) == sent


def test_triggers_sleep_on_together_where_the_quota_is_still_used_up(sandbox, quick, clock):
    leave(sandbox, 5)
    exhausted(NOW)
    sandbox.fault(vendor="wolkvox", status=403, json={"code": "403", "msg": "TOKEN LIMIT EXCEEDED"})
    waiting = [trigger(NOW + 4 * HOUR) for _ in range(50)]
    events = asyncio.run(quick.events(waiting))
    assert all("enough" in one for one in events)
    # One that was refused right after the announced reset, and one an hour later: the reset was late.
    assert probes(sandbox) == 2
    assert clock.now() == NOW + 5 * HOUR


def test_a_trigger_that_is_run_again_does_not_ask_again(sandbox, quick):
    leave(sandbox, 100)
    first, again = trigger(NOW), trigger(NOW)
    assert asyncio.run(quick.events([first])) == asyncio.run(quick.events([again]))
    assert probes(sandbox) == 1


def test_a_trigger_asks_nothing_before_its_time(sandbox, quick, clock):
    leave(sandbox, 100)
    asked: list[int] = []
    sleep = quick.sleep

    async def watched(seconds: float) -> None:
        asked.append(probes(sandbox))
        assert seconds <= 3600
        await sleep(seconds)

    quick.sleep = watched  # type: ignore[method-assign]
    asyncio.run(quick.events([trigger(NOW + 5 * HOUR)]))
    # Once an hour it looks at the clock, which may have been set.
    assert asked == [0] * 5
    assert probes(sandbox) == 1


def test_a_trigger_gives_up_at_its_deadline(sandbox, quick):
    leave(sandbox, 5)
    exhausted(NOW)
    [late] = asyncio.run(quick.events([trigger(NOW + HOUR, deadline=(NOW + 2 * HOUR).isoformat())]))
    assert late["wake_at"] == (NOW + 4 * HOUR).isoformat()
    assert "5 of 100" in late["late"]
    assert probes(sandbox) == 0


def test_a_trigger_for_more_than_the_limit_says_so(sandbox, quick):
    exhausted(NOW)
    [payload] = asyncio.run(quick.events([trigger(NOW, amount=100)]))
    assert payload["error"] == "InvalidInput"
    assert "more than the limit of 100" in payload["message"]


@pytest.mark.parametrize(
    ("spread", "left", "later"), [(0, 60, 0), (60, 60, 30), (60, 20, 20), (60, 0, 0)], ids=str
)
def test_a_trigger_wakes_a_little_later_at_random_and_never_after_its_deadline(
    sandbox, monkeypatch, quick, clock, spread, left, later
):
    leave(sandbox, 5)
    exhausted(NOW)
    monkeypatch.setattr("airflow_provider.quota.triggers.random.random", lambda: 0.5)
    awake = NOW + 4 * HOUR
    deadline = (awake + timedelta(seconds=left)).isoformat()
    [payload] = asyncio.run(quick.events([trigger(NOW + HOUR, jitter=float(spread), deadline=deadline)]))
    assert "enough" in payload
    assert clock.now() == awake + timedelta(seconds=later)
    assert probes(sandbox) == 1


def test_jitter_does_not_change_what_a_late_trigger_tells(sandbox, monkeypatch, quick):
    leave(sandbox, 5)
    exhausted(NOW)
    deadline = (NOW + 4 * HOUR - MINUTE / 60).isoformat()
    [late] = asyncio.run(quick.events([trigger(NOW + HOUR, jitter=3600.0, deadline=deadline)]))
    assert late["wake_at"] == (NOW + 4 * HOUR).isoformat()


def test_a_trigger_survives_being_written_down():
    one = trigger(NOW, run="dag/run", jitter=60.0)
    path, values = one.serialize()
    assert path == "airflow_provider.quota.triggers.QuotaTrigger"
    assert json.loads(json.dumps(values)) == values
    assert type(one)(**values).serialize() == one.serialize()
    assert TOKEN not in json.dumps(values)


@pytest.mark.parametrize("host", ["127.0.0.1:1"])
def test_a_trigger_whose_connection_cannot_be_read_says_why(sandbox, quick, set_connection, host):
    set_connection("wolkvox_default", password=None)
    [payload] = asyncio.run(quick.events([trigger(NOW)]))
    assert payload["error"] == "InvalidInput"
    assert "Wolkvox-Token" in payload["message"]


@pytest.mark.parametrize("damage", ["folder", "garbage"])
def test_triggers_without_a_store_ask_once_together(sandbox, quick, ledger_path, damage):
    leave(sandbox, 100)
    ledger_path.mkdir() if damage == "folder" else ledger_path.write_bytes(b"no database " * 500)
    events = asyncio.run(quick.events([trigger(NOW) for _ in range(50)]))
    assert all("enough" in one for one in events)
    assert probes(sandbox) == 1


def test_the_payload_of_an_event_and_the_store_hold_no_secret(sandbox, quick, clock, ledger_path):
    leave(sandbox, 100)
    sandbox.fault(
        vendor="wolkvox", status=403, json={"code": "403", "msg": f"PLEASE VALIDATE TOKEN {TOKEN.upper()}"}
    )
    [payload] = asyncio.run(quick.events([trigger(NOW)]))
    assert payload["error"] == "VendorAuthError"
    clock.advance(HOUR)
    [fine] = asyncio.run(quick.events([trigger(NOW)]))
    assert "enough" in fine
    for text in (
        json.dumps([payload, fine]),
        *(file.read_bytes().decode("latin-1") for file in ledger_path.parent.iterdir()),
    ):
        assert TOKEN[:16].lower() not in text.lower()


def test_triggers_that_wake_together_go_on_one_after_another():
    """A thousand that go on in one turn of the event loop would hold it up."""
    from airflow_provider.quota import triggers

    async def moments() -> list[float]:
        loop = asyncio.get_running_loop()

        async def one() -> float:
            await triggers._turn()
            return loop.time()

        began = loop.time()
        found = await asyncio.gather(*(one() for _ in range(50)))
        return [moment - began for moment in found]

    # Each event loop counts on from the one before.
    for _ in range(2):
        found = asyncio.run(moments())
        assert found == sorted(found)
        places = [number * triggers.SPACING for number in range(50)]
        assert all(moment >= place for moment, place in zip(found, places, strict=True))
        assert found[-1] < 5


def test_a_single_trigger_on_the_real_clock(sandbox):
    leave(sandbox, 100)
    payload = asyncio.run(event(trigger(datetime.now(UTC))))
    assert payload["enough"]["remaining"] == 100
