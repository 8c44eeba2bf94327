"""What the tests of quotas share: a clock to move, a token of the sandbox, Dags that wait, a look at the store."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider.quota.interface import Report
from airflow_provider.quota.readings import Account, Quota

if TYPE_CHECKING:
    from airflow.sdk import DAG

    from airflow_provider.quota.memory import MemoryStore
    from airflow_provider.quota.readings import QuotaState
    from airflow_provider.quota.store import QuotaStore
    from airflow_provider.quota.triggers import QuotaTrigger
    from tests.support.dags import Attempt
    from tests.support.sandbox import SandboxProcess

TOKEN = "5a4db0c0de5a4db0c0de5a4db0c0de42"
HOOK = "airflow_provider.wolkvox.hooks.WolkvoxHook"
TRIGGER = "airflow_provider.quota.triggers.QuotaTrigger"
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
ACCOUNT = Account("wolkvox_default", "wolkvox", "d" * 32)
WAYS: dict[str, dict[str, Any]] = {
    "deferrable": {"deferrable": True},
    "reschedule": {"mode": "reschedule", "deferrable": False},
    "poke": {"mode": "poke", "deferrable": False},
}
FREEING = {name: WAYS[name] for name in ("deferrable", "reschedule")}
"""Ways that free the worker while they wait."""


class MovingClock:
    """
    The clock of the quota room, moved on by hand.

    :param at: where it stands still; by default it goes on
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch, at: datetime | None = None) -> None:
        self.at = at
        self.ahead = timedelta()
        monkeypatch.setattr("airflow_provider.clock.now", self.now)

    def now(self) -> datetime:
        return (self.at or datetime.now(UTC)) + self.ahead

    def advance(self, time: timedelta | float) -> None:
        self.ahead += time if isinstance(time, timedelta) else timedelta(seconds=time)


class Within:
    """A moment that is so long after some time in the block."""

    def __enter__(self) -> Within:
        self.before = datetime.now(UTC)
        return self

    def __exit__(self, *_: object) -> None:
        self.after = datetime.now(UTC)

    def plus(self, wait: timedelta, moment: datetime, *, later: timedelta = timedelta(0)) -> bool:
        """Say whether it is, or at most so much later."""
        return self.before + wait <= moment <= self.after + wait + later


def leave(sandbox: SandboxProcess, remaining: int, **token: Any) -> None:
    """Let the token have so many of 100 requests remaining, three and a half hours before the reset."""
    sandbox.clock(now="2026-01-01T20:30:00Z", freeze=True)
    sandbox.token(
        **{"token": TOKEN, "operation": "demo_operation", "limit": 100, "used": 100 - remaining, **token}
    )


def probes(sandbox: SandboxProcess) -> int:
    """Say how many requests wolkvox has received."""
    return len(sandbox.requests("wolkvox"))


def reading(remaining: int = 50, *, at: datetime, **changes: Any) -> Quota:
    values = {
        "limit": 100,
        "used": 100 - remaining,
        "remaining": remaining,
        "resets_at": at + 3 * HOUR,
        "observed_at": at,
        "source": "probe",
    }
    return Quota(**{**values, **changes})


def gate(**options: Any) -> DAG:
    """A sensor; it wakes on time unless it is told otherwise."""
    from airflow.sdk import DAG

    from airflow_provider.wolkvox.sensors import WolkvoxQuotaSensor

    with DAG("gate") as dag:
        WolkvoxQuotaSensor(task_id="gate", **{"jitter": 0, **options})
    return dag


@contextmanager
def known(conn_id: str = "wolkvox_default") -> Iterator[QuotaStore]:
    """The store of a connection's quota, as tasks find it."""
    from airflow_provider.quota.store import QuotaStore
    from airflow_provider.store.location import configured
    from airflow_provider.wolkvox.hooks import WolkvoxHook

    hook = WolkvoxHook(conn_id)
    store = QuotaStore(configured(), hook.account(hook.options))
    try:
        yield store
    finally:
        store.close()


def state(conn_id: str = "wolkvox_default") -> QuotaState:
    """What the store knows."""
    with known(conn_id) as store:
        return store.look()


def waits_until(attempt: Attempt) -> datetime:
    """Say until when the database keeps the task waiting."""
    from airflow.models.taskreschedule import TaskReschedule
    from airflow.utils.session import create_session
    from sqlalchemy import select

    if attempt.outcome.state == "deferred":
        return datetime.fromisoformat(trigger_values(attempt)["wake_at"])
    assert attempt.outcome.state == "up_for_reschedule"
    with create_session() as session:
        latest = select(TaskReschedule.reschedule_date).where(TaskReschedule.ti_id == attempt.id)
        moment = session.scalars(latest.order_by(TaskReschedule.id.desc())).first()
        assert isinstance(moment, datetime)
        return moment


def trigger_values(attempt: Attempt) -> dict[str, Any]:
    """The parameters of the trigger that a task waits for, from the database."""
    from airflow.models.trigger import Trigger
    from airflow.utils.session import create_session

    with create_session() as session:
        row = session.get(Trigger, attempt.instance.trigger_id)
        assert row is not None
        assert row.classpath == TRIGGER
        return dict(row.kwargs)


def trigger(wake_at: datetime, **changes: Any) -> QuotaTrigger:
    from airflow_provider.quota.triggers import QuotaTrigger

    values = {
        "hook": HOOK,
        "conn_id": "wolkvox_default",
        "amount": 10,
        "margin": 1,
        "run": "",
        "field": "min_remaining",
        "max_age": 300.0,
        "reset_margin": 3600.0,
        "recheck_interval": 3600.0,
        "jitter": 0.0,
        "wake_at": wake_at.isoformat(),
        "deadline": (wake_at + timedelta(days=7)).isoformat(),
    }
    return QuotaTrigger(**{**values, **changes})


async def event(waiting: QuotaTrigger) -> dict[str, Any]:
    """Run a trigger as the triggerer does and return the payload of its event."""
    async for one in waiting.run():
        payload: dict[str, Any] = one.payload
        return payload
    raise AssertionError("the trigger ended without an event")


def quick_sleep(monkeypatch: pytest.MonkeyPatch, sleep: Callable[[float], Awaitable[None]]) -> None:
    """Let triggers wait for a moment with another sleep; they go on without a distance between them."""

    async def instead(seconds: float) -> None:
        # One whose turn it is does not wait.
        await (sleep(seconds) if seconds > 0 else asyncio.sleep(0))

    module = "airflow_provider.sleeping.trigger"
    monkeypatch.setattr(f"{module}.SPACING", 0)
    monkeypatch.setattr(f"{module}._next_turn", 0.0)
    namespace = SimpleNamespace(sleep=instead, get_running_loop=asyncio.get_running_loop)
    monkeypatch.setattr(f"{module}.asyncio", namespace)


class QuickTriggers:
    """
    Let triggers of one event loop sleep on the quota room's clock, which jumps to the next who wakes.

    :param clock: the clock
    :param sandbox: a sandbox whose clock goes along, stopped
    """

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, clock: MovingClock, sandbox: SandboxProcess | None = None
    ) -> None:
        self.clock = clock
        self.sandbox = sandbox
        self.sleeping: list[tuple[datetime, asyncio.Event]] = []
        quick_sleep(monkeypatch, lambda seconds: self.sleep(seconds))

    async def sleep(self, seconds: float) -> None:
        woken = asyncio.Event()
        self.sleeping.append((self.clock.now() + timedelta(seconds=seconds), woken))
        await woken.wait()

    async def events(self, triggers: list[QuotaTrigger]) -> list[dict[str, Any]]:
        """Run triggers to their events."""
        waiting = [asyncio.create_task(event(one)) for one in triggers]
        while not all(task.done() for task in waiting):
            # Everybody who is awake goes to sleep, or ends, before the time moves.
            while sum(not task.done() for task in waiting) > len(self.sleeping):
                await asyncio.sleep(0.001)
            if not self.sleeping:
                continue
            moment = min(at for at, _ in self.sleeping)
            step = max(timedelta(0), moment - self.clock.now())
            self.clock.advance(step)
            if self.sandbox is not None and step:
                self.sandbox.clock(advance=step.total_seconds())
            now = self.clock.now()
            awake = [one for at, one in self.sleeping if at <= now]
            self.sleeping = [(at, one) for at, one in self.sleeping if at > now]
            for one in awake:
                one.set()
        return [task.result() for task in waiting]


def tell(store: QuotaStore | MemoryStore, remaining: int, *, at: datetime = NOW, **changes: Any) -> None:
    """Report a reading of so many remaining requests to a store."""
    store.report(Report(reading=reading(remaining, at=at, **changes)))


def reserve(store: QuotaStore, id_: str, amount: int, run: str = "", **options: Any) -> int | None:
    """Reserve requests for an hour; without a run, the reservation is a run of its own."""
    return store.reserve(
        id_, amount, **{"run": run or id_, "task": f"{run or id_}/t", "lasts": HOUR, **options}
    )
