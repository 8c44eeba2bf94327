"""Triggers that wait for quota: they wake together, probe once and go on."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta

import pytest

from airflow_provider.quota.interface import Report
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
    trigger,
)

pytestmark = pytest.mark.usefixtures("fresh_monitors")

NOW = datetime(2026, 1, 1, 20, 30, tzinfo=UTC)


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
def test_two_hundred_triggers_probe_once_across_a_reset(sandbox, quick, spread):
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


def test_a_trigger_that_is_run_again_does_not_probe_again(sandbox, quick):
    leave(sandbox, 100)
    first, again = trigger(NOW), trigger(NOW)
    assert asyncio.run(quick.events([first])) == asyncio.run(quick.events([again]))
    assert probes(sandbox) == 1


def test_a_trigger_probes_nothing_before_its_time(sandbox, quick, clock):
    leave(sandbox, 100)
    asked: list[int] = []
    sleep = quick.sleep

    async def watched(seconds: float) -> None:
        asked.append(probes(sandbox))
        assert seconds <= 3600
        await sleep(seconds)

    quick.sleep = watched
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
    monkeypatch.setattr("airflow_provider.sleeping.trigger.random.random", lambda: 0.5)
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
def test_triggers_without_a_store_probe_once_together(sandbox, quick, ledger_path, damage):
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
    from airflow_provider.sleeping import trigger as triggers

    async def moments() -> list[float]:
        loop = asyncio.get_running_loop()

        async def one() -> float:
            await triggers.next_place()
            return loop.time()

        began = loop.time()
        found = await asyncio.gather(*(one() for _ in range(50)))
        return [moment - began for moment in found]

    # Each event loop counts on from the one before.
    for _ in range(2):
        # One that is held up before it sleeps comes later, and the others do not wait for it.
        found = asyncio.run(moments())
        places = [number * triggers.SPACING for number in range(50)]
        assert all(moment >= place for moment, place in zip(found, places, strict=True))
        assert found[-1] < 5


def test_a_single_trigger_on_the_real_clock(sandbox):
    leave(sandbox, 100)
    payload = asyncio.run(event(trigger(datetime.now(UTC))))
    assert payload["enough"]["remaining"] == 100
