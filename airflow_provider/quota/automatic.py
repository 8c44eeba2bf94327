"""What a batch sets aside by itself before it sends its first request."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider.exceptions import InvalidInput, QuotaExhausted, RateLimited, StoreUnavailable
from airflow_provider.quota import clock
from airflow_provider.quota.decision import Enough, Requirement, Sleep, WaitPolicy
from airflow_provider.quota.monitor import QuotaMonitor
from airflow_provider.quota.store import LEASE, MemoryStore, QuotaStore, reservation_id

if TYPE_CHECKING:
    from airflow_provider.quota.hook import MeteredHook
    from airflow_provider.store.engine import Database

log = logging.getLogger(__name__)

PATIENCE = WaitPolicy(timedelta(minutes=5), timedelta(0), timedelta(hours=1), shared=timedelta(0))

HELD = timedelta(minutes=15)
"""How long a batch stays away at most while others have the uses reserved."""

SPARE = 50
"""One request in so many, and one, is set aside for repeats of failed ones, where there are as many."""


@dataclass(frozen=True, slots=True)
class BatchReservation:
    """Uses that a batch has set aside.

    :param id: id of the reservation
    :param amount: how many requests the batch may send
    """

    id: str
    amount: int


def reserve_for_batch(
    hook: MeteredHook[Any], database: Database, amount: int, *, run: str, task: str
) -> BatchReservation:
    """Set uses aside for a batch.

    :param hook: the hook, its connection read
    :param database: the database of the quotas
    :param amount: how many requests the batch is going to send
    :param run: the run of a Dag that it belongs to; what that has set aside already is used first
    :param task: the task
    :raises InvalidInput: it is more than the limit
    :raises QuotaExhausted: too little is left
    :raises RateLimited: others have reserved it, or the vendor does not answer for a while
    """
    monitor = QuotaMonitor(hook, database)
    store = monitor.store
    if isinstance(store, MemoryStore):
        raise TypeError("a database has a store")
    id_ = reservation_id(hook.conn_id, task)
    # What an earlier try of this task has set aside would stand in its way. If there is something, it was
    # killed, and the last requests that it sent may not have been counted: only the vendor knows.
    patience = replace(PATIENCE, max_age=timedelta(0)) if store.release(id_=id_) else PATIENCE
    most = amount + amount // SPARE + 1
    held = sum(one.left for one in store.reservations() if one.is_for(run, clock.now()))
    if held >= amount:
        granted = store.reserve(id_, amount, margin=1, run=run, task=task, lasts=LEASE)
        if granted is not None:
            return BatchReservation(id_, granted)
        held = 0
    need = Requirement(amount - held, margin=1)
    try:
        found = asyncio.run(monitor.check(need, patience))
        if isinstance(found, Sleep) and found.cause == "left":
            # Our own count may say so. The vendor is asked before a batch waits for the reset.
            at_once = replace(patience, max_age=timedelta(0))
            found = asyncio.run(monitor.check(need, at_once))
    except InvalidInput:
        raise InvalidInput(
            f"the batch needs {amount:,} requests, more than the vendor grants per period.",
            field="reserve",
            remedy='Split it over several days, send more records per request, or leave out reserve="auto".',
        ) from None
    if isinstance(found, Enough):
        if isinstance(monitor.store, MemoryStore):
            raise StoreUnavailable(f"uses of {hook.conn_id} cannot be set aside without the store")
        granted = monitor.store.reserve(
            id_, amount, margin=need.margin, at_most=most, run=run, task=task, lasts=LEASE
        )
        if granted is not None:
            log.info("%d uses of %s are set aside for %d requests.", granted, hook.conn_id, amount)
            return BatchReservation(id_, granted)
        found = Sleep(clock.now() + timedelta(minutes=1), "Others were faster", "reserved")
    if found.cause == "reserved":
        # They are given back when the others are done; when that is nobody knows.
        frees_at = monitor.store.look().frees_at or found.until
        soonest, latest = found.until, clock.now() + HELD
        found = replace(found, until=min(max(frees_at, soonest), latest))
    reason = f"{found.reason}. The batch needs {amount:,} requests, and has sent none"
    if found.cause == "left":
        raise QuotaExhausted(reason, resets_at=found.until)
    raise RateLimited(reason, retry_after=max(0.0, (found.until - clock.now()).total_seconds()))


def release_for_batch(store: QuotaStore | MemoryStore, id_: str) -> None:
    """Give back what a batch has not spent.

    :param store: the store
    :param id_: id of the reservation
    """
    if isinstance(store, MemoryStore):
        return
    try:
        store.release(id_=id_)
    except StoreUnavailable as error:
        log.warning("A reservation could not be given back, and ends by itself: %s", error)
