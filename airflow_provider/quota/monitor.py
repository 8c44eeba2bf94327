"""Finding out about a quota: the store first, and one probe for all that wait."""

from __future__ import annotations

import asyncio
import logging
import uuid
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from airflow_provider import clock
from airflow_provider.exceptions import InvalidInput, StoreUnavailable, VendorError
from airflow_provider.quota.decision import WAITABLE, Enough, Sleep, decide, failure
from airflow_provider.quota.hook import load_hook
from airflow_provider.quota.interface import Turn
from airflow_provider.quota.memory import MemoryStore
from airflow_provider.quota.meter import Meter
from airflow_provider.quota.opening import aopen_database, open_database
from airflow_provider.quota.readings import QuotaState, Refusal
from airflow_provider.sleeping.shared import SharedByLoop

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from airflow_provider.quota.decision import Requirement, WaitPolicy
    from airflow_provider.quota.hook import MeteredHook
    from airflow_provider.quota.interface import Store
    from airflow_provider.store.engine import Database
    from airflow_provider.store.waiting import Wait

log = logging.getLogger(__name__)

T = TypeVar("T")

SHORTEST_SLEEP = timedelta(minutes=1)
"""No task looks again sooner, whatever a vendor says of its reset: probing costs."""

PAUSE = 0.5
"""Seconds between two looks at whether another prober has the vendor's answer."""

PROBES = 2
"""How often one check probes the vendor: a second time if the first answer was of no use."""


class QuotaMonitor:
    """Finds out about the quota of one connection, for one task or for all the triggers of a process.

    :param hook: the hook, its connection read
    :param database: where quotas are kept; None where it cannot be used
    :param wait: waits for a database that is away, where nothing can be done without it. None where the
        monitor goes on with what it knows itself
    """

    def __init__(
        self, hook: MeteredHook[Any], database: Database | None, *, wait: Wait | None = None
    ) -> None:
        self.store: Store
        if database is None:
            self.store = MemoryStore(hook.account(hook.options))
        else:
            self.store = hook.quota_store(database)
        self._wait = wait
        self._hook = hook
        self._call = hook.quota_call()
        self._me = uuid.uuid4().hex
        self._looking: asyncio.Task[QuotaState] | None = None
        self._probing: asyncio.Task[None] | None = None
        self._failure: tuple[datetime, VendorError] | None = None
        self._probes = 0

    def close(self) -> None:
        """Close the store's database."""
        self.store.close()

    async def check(self, requirement: Requirement, wait_policy: WaitPolicy) -> Enough | Sleep:
        """Find out whether there is enough, or until when to sleep.

        :param requirement: what is required
        :param wait_policy: how long to believe and to wait
        :raises InvalidInput: more is required than the limit
        :raises VendorError: the vendor's answer is an error that waiting does not end
        """
        probed_at, probes = None, self._probes
        while True:
            began = clock.now()
            state = await self._look()
            now = clock.now()
            decision = decide(
                state,
                requirement,
                wait_policy,
                now=now,
                probed_at=probed_at,
                can_probe=self._call is not None,
                period=self._hook.period,
            )
            if isinstance(decision, Sleep):
                return replace(decision, until=max(decision.until, now + SHORTEST_SLEEP))
            if isinstance(decision, Enough):
                return decision
            # An answer that came during the look is an answer to it, too.
            probed_at = probed_at or began
            await self._probe_together(state, probed_at, probes)

    async def probe(self) -> None:
        """Probe the vendor now, or wait for the answer that another prober is getting.

        :raises VendorError: the vendor refuses, or does not answer
        """
        probed_at, probes = clock.now(), self._probes
        while True:
            await self._probe_together(await self._look(), probed_at, probes)
            state = await self._look()
            if state.reading is not None and state.reading.observed_at >= probed_at:
                return
            if state.refusal is not None and state.refusal.at >= probed_at:
                return

    async def _look(self) -> QuotaState:
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._use(lambda: self.store.look()))
        return await asyncio.shield(self._looking)

    async def _probe_together(self, known: QuotaState, probed_at: datetime, probes: int) -> None:
        """Probe, or wait for the answer that another prober is getting.

        :param known: what is known so far
        :param probed_at: since when an answer is being waited for
        :param probes: how many probes had been sent then
        """
        if self._probes - probes >= PROBES:
            raise StoreUnavailable(
                f"the answers of {self.store.account.vendor} about its quota cannot be stored",
                remedy="Check the database of the quotas, and the clocks of the workers.",
            )
        if self._probing is None or self._probing.done():
            self._probing = asyncio.create_task(self._probe_in_turn(known))
        await asyncio.shield(self._probing)
        if self._failure is not None and self._failure[0] >= probed_at:
            raise self._failure[1]

    async def _probe_in_turn(self, known: QuotaState) -> None:
        """Probe, unless there is an answer already; give another one that probes a little time."""
        longest = self._hook.policy.deadline + self._hook.options.timeout
        turn = await self._use(lambda: self.store.take_turn(self._me, longest, known))
        try:
            if turn is Turn.MINE:
                try:
                    await self._probe()
                finally:
                    await self._use(lambda: self.store.end_turn(self._me))
            elif turn is Turn.ANOTHERS:
                await asyncio.sleep(PAUSE)
        finally:
            # A look that began before the answer does not have it.
            self._looking = None

    async def _probe(self) -> None:
        hook = self._hook
        if self._call is None:
            raise InvalidInput("the vendor cannot be asked about its quota.", field="conn_id")
        self._probes += 1
        meter = Meter(self.store, prober=self._me, names=hook.quota_headers(hook.options))
        async with hook.session(meter) as client:
            try:
                await client.run(self._call)
            except VendorError as error:
                kind, seconds = failure(error)
                until = clock.now() + timedelta(seconds=seconds) if seconds is not None else None
                if kind == "QuotaExhausted":
                    until = getattr(error, "resets_at", None)
                meter.keep(Refusal(kind, str(error), clock.now(), until))
                if kind not in WAITABLE:
                    self._failure = (clock.now(), error)
        if not meter.failed:
            return
        if self._wait is not None:
            report = meter.take()
            await self._use(lambda: self.store.report(report, prober=self._me))
        else:
            # The answer has cost a request: without the store this task keeps it itself.
            self.store = MemoryStore(self.store.account)
            self.store.report(meter.take())

    async def _use(self, work: Callable[[], T]) -> T:
        """Use the store; without it, go on with what this task knows itself, unless it is waited for."""
        if not self.store.blocking:
            return work()
        if self._wait is not None:
            return await asyncio.to_thread(self._wait, work)
        try:
            return await asyncio.to_thread(work)
        except StoreUnavailable as error:
            log.warning("%s. Going on without it: this task probes the vendor itself.", error)
            self.store = MemoryStore(self.store.account)
            return work()


def open_monitor(hook: MeteredHook[Any]) -> QuotaMonitor:
    """Make the monitor of one task.

    :param hook: the hook
    """
    # Outside of an event loop: inside it Airflow allows no blocking request to its supervisor.
    conn_id = hook.options.conn_id
    return QuotaMonitor(hook, open_database(conn_id))


async def _make_monitor(path: str, conn_id: str) -> QuotaMonitor:
    # In a thread: imports take long enough to stall an event loop.
    hook = await asyncio.to_thread(load_hook, path, conn_id)
    await hook.load()
    return QuotaMonitor(hook, await aopen_database(conn_id))


_shared = SharedByLoop(_make_monitor)


async def shared_monitor(path: str, conn_id: str) -> QuotaMonitor:
    """Return the monitor that the triggers of this process share.

    :param path: path of the hook's class
    :param conn_id: id of the connection
    """
    return await _shared.get(path, conn_id)
