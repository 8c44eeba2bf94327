"""What clients tell the store of quotas while they send, and Airflow's metrics."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from airflow_provider.exceptions import QuotaExhausted, StoreUnavailable, VendorAuthError, VendorError
from airflow_provider.http.call import Call, Repeat
from airflow_provider.imbee import calls as imbee
from airflow_provider.imbee.hooks import ImbeeHook
from airflow_provider.quota import meter as module
from airflow_provider.quota.interface import Report
from airflow_provider.quota.memory import MemoryStore
from airflow_provider.quota.meter import AWAY_PAUSE, Meter
from airflow_provider.quota.readings import Refusal
from airflow_provider.quota.store import QuotaStore
from airflow_provider.run_identity import current_run
from airflow_provider.wolkvox.hooks import WolkvoxHook
from tests.support.quota import (
    ACCOUNT,
    HOUR,
    TOKEN,
    MovingClock,
    known,
    leave,
    probes,
    reading,
    state,
)

EXHAUSTED = {"status": 403, "json": {"code": "403", "msg": "TOKEN LIMIT EXCEEDED"}}
NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def no_run(monkeypatch):
    """What another test ran in this process is over."""
    for name in ("ID", "RUN_ID"):
        monkeypatch.delenv(f"AIRFLOW_CTX_DAG_{name}", raising=False)


@pytest.fixture
def hook(sandbox):
    one = WolkvoxHook()
    yield one
    one.close()


@pytest.fixture
def stats(monkeypatch) -> dict[str, Counter[str]]:
    """What Airflow's metrics are told: counters and monitors by name."""
    from airflow.sdk.observability.stats import Stats

    seen: dict[str, Counter[str]] = {"incr": Counter(), "gauge": Counter()}

    def incr(name: str, count: int = 1, *_: Any, **__: Any) -> None:
        seen["incr"][name] += count

    def gauge(name: str, value: float, *_: Any, **__: Any) -> None:
        seen["gauge"][name] = int(value)

    monkeypatch.setattr(Stats, "incr", incr)
    monkeypatch.setattr(Stats, "gauge", gauge)
    return seen


def ours(counter: Counter[str]) -> dict[str, int]:
    return {name: count for name, count in counter.items() if name.startswith("vendor_apis.")}


def other_call(hook: WolkvoxHook) -> Any:
    """A call that costs a use and tells nothing of the quota."""
    from dataclasses import replace

    return replace(hook.token_information_call(), reading=None)


# Readings and counts


def test_an_answer_about_the_quota_is_kept_without_another_request(sandbox, hook):
    leave(sandbox, 40)
    hook.token_reading()
    found = state()
    assert found.reading is not None
    assert (found.reading.remaining, found.reading.source, found.counted) == (40, "probe", 0)
    assert probes(sandbox) == 1


def test_a_blocking_client_counts_before_it_sends(sandbox, hook, monkeypatch):
    leave(sandbox, 40)
    hook.token_reading()
    before: list[int] = []
    session = hook.get_conn()
    request = session.request

    def watched(*args: Any, **kwargs: Any) -> Any:
        before.append(state().counted)
        return request(*args, **kwargs)

    monkeypatch.setattr(session, "request", watched)
    for _ in range(3):
        hook.run(other_call(hook))
    assert before == [1, 2, 3]
    assert state().counted == 3
    assert probes(sandbox) == 4


@pytest.mark.parametrize("status", [401, 404, 500])
def test_failed_and_repeated_requests_are_counted(sandbox, hook, no_waiting, status):
    sandbox.fault(vendor="wolkvox", status=status, times=None)
    with pytest.raises(VendorError):
        hook.run(other_call(hook))
    assert state().counted == probes(sandbox) == (2 if status == 500 else 1)


def test_a_session_tells_at_its_end_what_it_has_sent(sandbox, hook, monkeypatch):
    monkeypatch.setattr(module, "REPORT_INTERVAL", 3600.0)
    leave(sandbox, 90)
    looks: list[int] = []

    async def send() -> None:
        async with hook.session() as client:
            for _ in range(5):
                await client.run(other_call(hook))
            looks.append(await asyncio.to_thread(lambda: state().counted))

    asyncio.run(send())
    assert looks == [0]
    assert state().counted == 5


def test_a_session_tells_now_and_then_what_it_has_sent(sandbox, hook, monkeypatch):
    monkeypatch.setattr(module, "REPORT_INTERVAL", 3600.0)
    leave(sandbox, 90)
    looks: list[int] = []

    async def send() -> None:
        async with hook.session() as client:
            for _ in range(module.PENDING + 5):
                await client.run(other_call(hook))
            looks.append(await asyncio.to_thread(lambda: state().counted))

    asyncio.run(send())
    assert looks == [module.PENDING]
    assert state().counted == module.PENDING + 5


def test_a_session_tells_at_once_what_the_vendor_says(sandbox, hook):
    leave(sandbox, 90)
    looks: list[Any] = []

    async def send() -> None:
        async with hook.session() as client:
            await client.run(other_call(hook))
            await client.run(hook.token_information_call())
            looks.append(await asyncio.to_thread(state))

    asyncio.run(send())
    [found] = looks
    assert (found.reading.remaining, found.counted) == (89, 0)


def test_a_session_that_ends_with_an_error_tells_what_it_has_sent(sandbox, hook):
    async def send() -> None:
        async with hook.session() as client:
            await client.run(other_call(hook))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        asyncio.run(send())
    assert state().counted == 1


@pytest.mark.parametrize("way", ["run", "session"])
def test_a_used_up_quota_is_kept_whoever_finds_out(sandbox, hook, way):
    leave(sandbox, 40)
    hook.token_reading()
    sandbox.fault(vendor="wolkvox", times=None, **EXHAUSTED)

    async def send() -> None:
        async with hook.session() as client:
            await client.run(other_call(hook))

    with pytest.raises(QuotaExhausted) as raised:
        hook.run(other_call(hook)) if way == "run" else asyncio.run(send())
    found = state()
    assert found.refusal is not None
    assert (found.refusal.kind, found.counted) == ("QuotaExhausted", 1)
    assert found.reading is not None
    # Airflow can wait until the reset that an earlier answer has told.
    assert raised.value.resets_at == found.reading.resets_at


@pytest.mark.parametrize("status", [401, 404, 429, 500])
def test_other_refusals_say_nothing_of_the_quota(sandbox, hook, no_waiting, status):
    sandbox.fault(vendor="wolkvox", status=status, times=None)
    with pytest.raises(VendorError):
        hook.run(other_call(hook))
    assert state().refusal is None


def test_a_run_spends_what_it_has_reserved(sandbox, monkeypatch):
    leave(sandbox, 90)
    monkeypatch.setenv("AIRFLOW_CTX_DAG_ID", "dag")
    monkeypatch.setenv("AIRFLOW_CTX_DAG_RUN_ID", "run")
    assert current_run() == "dag/run"
    hook = WolkvoxHook()
    hook.token_reading()
    with known() as store:
        store.reserve("r", 10, run="dag/run", task="t", lasts=HOUR, shared=True)
        store.reserve("o", 10, run="dag/other", task="t", lasts=HOUR, shared=True)
    hook.run(other_call(hook))
    hook.token_reading()
    hook.close()
    assert state().reserved == {"dag/run": 8, "dag/other": 10}


def test_a_vendor_without_a_quota_keeps_no_count(sandbox, ledger_path):
    with ImbeeHook().get_conn():
        pass
    hook = ImbeeHook()
    hook.run(imbee.create_user("ada"))
    hook.close()
    assert not ledger_path.exists()


# Without a store


@pytest.mark.parametrize("damage", ["folder", "garbage"])
@pytest.mark.parametrize("way", ["run", "session"])
def test_without_a_store_requests_are_sent_all_the_same(sandbox, hook, caplog, ledger_path, damage, way):
    leave(sandbox, 90)
    ledger_path.mkdir() if damage == "folder" else ledger_path.write_bytes(b"no database " * 500)

    async def send() -> None:
        async with hook.session() as client:
            for _ in range(3):
                assert (await client.run(hook.token_information_call())).limit == 100

    with caplog.at_level(logging.WARNING, logger="airflow_provider"):
        if way == "session":
            asyncio.run(send())
        else:
            for _ in range(3):
                assert hook.token_reading()[0].limit == 100
    warnings = [record for record in caplog.records if record.name.startswith("airflow_provider")]
    assert len(warnings) == 1
    assert "not counted" in warnings[0].getMessage()
    assert TOKEN not in caplog.text
    assert probes(sandbox) == 3


@pytest.mark.parametrize(
    "error",
    [StoreUnavailable("the disk is full"), OverflowError(f"too large: {TOKEN}"), KeyError(TOKEN)],
    ids=lambda error: type(error).__name__,
)
def test_a_store_that_breaks_down_takes_no_result_away(sandbox, hook, monkeypatch, caplog, error):
    leave(sandbox, 90)

    def report(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(QuotaStore, "report", report)
    with caplog.at_level(logging.WARNING, logger="airflow_provider"):
        for _ in range(3):
            assert hook.token_reading()[0].limit == 100
    assert len([record for record in caplog.records if "not counted" in record.getMessage()]) == 1
    # An error that is not ours may quote anything.
    assert TOKEN not in caplog.text


@pytest.mark.parametrize("error", [StoreUnavailable("the disk is full"), KeyError("x")], ids=repr)
def test_a_meter_that_has_failed_keeps_what_it_has_and_tries_no_more(error):
    tries: list[Report] = []

    class Broken(MemoryStore):
        def report(self, report: Report, **details: Any) -> None:
            tries.append(report)
            raise error

    meter = Meter(Broken(ACCOUNT), run="")
    meter.flush()
    assert (meter.failed, tries) == (False, [])
    meter.before_request()
    meter.read(reading(50, at=NOW))
    meter.after_request(Call("GET", "", lambda response: None, Repeat.SAFE), None, None)
    meter.before_request()
    meter.flush()
    meter.flush()
    assert meter.failed
    assert tries == [meter.take()] == [Report(1, 1, reading(50, at=NOW), None)]


def test_a_meter_counts_on_when_a_database_that_was_away_is_back(monkeypatch, caplog):
    """Nobody else counts the requests of a vendor that does not tell how many remain."""
    now, stored = [1000.0], []
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    away = StoreUnavailable("it is restarted")
    away.temporary = True
    faults = [away, away]

    class Restarted(MemoryStore):
        def report(self, report: Report, **details: Any) -> None:
            if faults:
                raise faults.pop()
            stored.append(report.sent)

    meter = Meter(Restarted(ACCOUNT), run="")
    for seconds in (0.0, 1.0, AWAY_PAUSE, AWAY_PAUSE):
        now[0] += seconds
        meter.before_request()
        meter.flush()
        assert meter.failed == (not stored)
    assert stored == [4]
    assert len([record for record in caplog.records if "not counted" in record.getMessage()]) == 1


def test_a_store_that_breaks_down_hides_no_error(sandbox, hook, monkeypatch):
    def report(*_: Any, **__: Any) -> None:
        raise StoreUnavailable("the disk is full")

    monkeypatch.setattr(QuotaStore, "report", report)
    sandbox.fault(vendor="wolkvox", status=401)
    with pytest.raises(VendorAuthError):
        hook.token_reading()


def test_nothing_of_the_token_is_written_down(sandbox, hook, caplog, ledger_path):
    leave(sandbox, 40)
    hook.token_reading()
    sandbox.fault(
        vendor="wolkvox", status=403, json={"code": "403", "msg": f"TOKEN LIMIT EXCEEDED for {TOKEN.upper()}"}
    )
    with caplog.at_level(logging.DEBUG), pytest.raises(QuotaExhausted):
        hook.token_reading()
    found = state()
    assert found.refusal is not None
    assert "LIMIT EXCEEDED" in found.refusal.message
    for file in ledger_path.parent.iterdir():
        assert TOKEN[:16].lower() not in file.read_bytes().decode("latin-1").lower()
    assert not [record for record in caplog.records if TOKEN[:16] in record.getMessage().lower()]


# The meter itself


def test_what_was_sent_before_an_answer_is_in_it(monkeypatch):
    MovingClock(monkeypatch, NOW)
    store = MemoryStore(ACCOUNT)
    meter = Meter(store, run="")
    for _ in range(3):
        meter.before_request()
    meter.read(reading(50, at=NOW))
    meter.before_request()
    meter.flush()
    assert (store.look().reading, store.look().counted) == (reading(50, at=NOW), 1)


def stop_the_clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Let the meter see the one moment that is in the list."""
    moments = [0.0]
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: moments[0]))
    return moments


def test_it_is_due_when_there_is_something_to_tell(monkeypatch):
    stop_the_clock(monkeypatch)
    meter = Meter(MemoryStore(ACCOUNT), run="")
    assert not meter.due
    for _ in range(module.PENDING - 1):
        meter.before_request()
    assert not meter.due
    meter.before_request()
    assert meter.due
    meter.flush()
    assert not meter.due
    meter.keep(Refusal("QuotaExhausted", "x", NOW))
    assert meter.due


def test_it_is_due_after_some_time(monkeypatch):
    moments = stop_the_clock(monkeypatch)
    meter = Meter(MemoryStore(ACCOUNT), run="")
    moments[0] = 100.0
    assert not meter.due
    meter.flush()
    meter.before_request()
    moments[0] += module.REPORT_INTERVAL + 1
    assert meter.due


def test_what_was_written_in_vain_is_written_again(monkeypatch):
    MovingClock(monkeypatch, NOW)
    store = MemoryStore(ACCOUNT)
    meter = Meter(store, run="")
    meter.before_request()
    meter.before_request()
    lost = meter.take()
    assert lost == Report(sent=2)
    meter.before_request()
    meter.restore(lost)
    meter.flush()
    assert store.look().counted == 3
    meter.before_request()
    meter.read(reading(50, at=NOW))
    lost = meter.take()
    meter.before_request()
    meter.restore(lost)
    meter.flush()
    assert (store.look().reading, store.look().counted) == (reading(50, at=NOW), 1)


# Metrics


@pytest.mark.parametrize("way", ["run", "session"])
def test_requests_are_counted_by_vendor_and_outcome(sandbox, hook, no_waiting, stats, way):
    sandbox.fault(vendor="wolkvox", status=500, times=1)
    sandbox.fault(vendor="wolkvox", status=401, times=1)

    async def send() -> None:
        async with hook.session() as client:
            with pytest.raises(VendorAuthError):
                await client.run(hook.token_information_call())
            await client.run(hook.token_information_call())

    if way == "session":
        asyncio.run(send())
    else:
        with pytest.raises(VendorAuthError):
            hook.token_reading()
        hook.token_reading()
    assert ours(stats["incr"]) == {
        "vendor_apis.requests.wolkvox.vendor_unavailable": 1,
        "vendor_apis.requests.wolkvox.vendor_auth_error": 1,
        "vendor_apis.requests.wolkvox.success": 1,
    }


def test_a_vendor_without_a_quota_counts_its_requests_too(sandbox, stats):
    hook = ImbeeHook()
    hook.run(imbee.create_user("ada"))
    hook.close()
    assert ours(stats["incr"]) == {"vendor_apis.requests.imbee.success": 1}
    assert ours(stats["gauge"]) == {}


def test_what_remains_and_used_is_shown(sandbox, hook, stats):
    leave(sandbox, 40)
    hook.token_reading()
    assert ours(stats["gauge"]) == {
        "vendor_apis.quota.remaining.wolkvox_default": 40,
        "vendor_apis.quota.used.wolkvox_default": 60,
    }


def test_names_of_metrics_are_plain(sandbox, set_connection, stats, monkeypatch):
    from airflow_provider.http.metrics import increase

    increase("quota.waits.my conn/ñ:1")
    assert ours(stats["incr"]) == {"vendor_apis.quota.waits.my_conn___1": 1}


def test_waits_are_counted(sandbox, airflow_db, stats):
    from tests.support.dags import Attempt
    from tests.support.quota import WAYS, gate

    leave(sandbox, 5)
    attempt = Attempt(gate(min_remaining=10, **WAYS["reschedule"]))
    attempt.again()
    assert ours(stats["incr"])["vendor_apis.quota.waits.wolkvox_default"] == 2
    leave(sandbox, 5)
    Attempt(gate(min_remaining=10, timeout=timedelta(0), **WAYS["reschedule"]))
    assert ours(stats["incr"])["vendor_apis.quota.waits.wolkvox_default"] == 2
