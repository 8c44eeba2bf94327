"""What a batch reserves by itself before it sends its first request."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from airflow_provider import clock
from airflow_provider.exceptions import InvalidInput, QuotaExhausted, RateLimited, StoreUnavailable
from airflow_provider.quota.decision import Enough, Requirement, Sleep, WaitPolicy
from airflow_provider.quota.monitor import QuotaMonitor
from airflow_provider.quota.reservations import LEASE, reservation_id
from airflow_provider.store.waiting import at_once

if TYPE_CHECKING:
    from airflow_provider.quota.hook import MeteredHook
    from airflow_provider.quota.interface import Store
    from airflow_provider.quota.readings import QuotaState
    from airflow_provider.store.engine import Database
    from airflow_provider.store.waiting import Wait

log = logging.getLogger(__name__)

WAIT_POLICY = WaitPolicy(timedelta(minutes=5), timedelta(0), timedelta(hours=1), shared=timedelta(0))

HELD = timedelta(minutes=15)
"""How long a batch waits at most while others have the requests reserved."""

SPARE = 50
"""One request in so many, and one, is reserved for repeats of failed ones, where there are as many."""


@dataclass(frozen=True, slots=True)
class BatchReservation:
    """Requests that a batch has reserved.

    :param id: id of the reservation
    :param amount: how many requests the batch may send
    """

    id: str
    amount: int


def reserve_for_batch(
    hook: MeteredHook[Any],
    database: Database,
    amount: int,
    *,
    run: str,
    task: str,
    what: str = "batch",
    wait: Wait = at_once,
) -> BatchReservation:
    """Reserve the requests of a batch, or of a list that is read.

    :param hook: the hook, its connection read
    :param database: the database of the quotas
    :param amount: how many requests it is going to send
    :param run: the run of a Dag that it belongs to; what the run has reserved already is used first
    :param task: the task
    :param what: what it is, for the log and the errors
    :param wait: waits for a database that is away
    :raises StoreUnavailable: nothing can be reserved in the database
    :raises InvalidInput: it is more than the limit
    :raises QuotaExhausted: too little remains
    :raises RateLimited: others have reserved it, or the vendor does not answer for a while
    """
    monitor = QuotaMonitor(hook, database, wait=wait)
    id_ = reservation_id(hook.conn_id, task)
    # What an earlier try of this task has reserved would stand in its way. If there is something, it was
    # killed, and the last requests that it sent may not have been counted: only the vendor knows.
    killed = wait(partial(monitor.store.release, id_=id_))
    wait_policy = replace(WAIT_POLICY, max_age=timedelta(0)) if killed else WAIT_POLICY
    requirement = Requirement(amount, margin=1, run=run)

    def reserve(at_most: int | None = None) -> int | None:
        return wait(
            partial(
                monitor.store.reserve,
                id_,
                amount,
                margin=requirement.margin,
                at_most=at_most,
                run=run,
                task=task,
                lasts=LEASE,
            )
        )

    granted: int | None = None
    state = wait(monitor.store.look)
    answered = state.refusal is None or (state.reading and state.reading.observed_at > state.refusal.at)
    if answered and state.shared_by(run) >= amount:
        granted = reserve()
    if granted is None:
        found = _check(monitor, requirement, wait_policy, what)
        if isinstance(found, Enough):
            granted = reserve(amount + amount // SPARE + 1)
            found = Sleep(clock.now() + timedelta(minutes=1), "Another task has just reserved it", "reserved")
        if granted is None:
            raise _too_little(wait(monitor.store.look), amount, found, what)
        log.info("%d requests of %s are reserved; the %s needs %d.", granted, hook.conn_id, what, amount)
    return BatchReservation(id_, granted)


def release_for_batch(store: Store, id_: str) -> None:
    """Release what a batch has not spent.

    :param store: the store
    :param id_: id of the reservation
    """
    try:
        store.release(id_=id_)
    except StoreUnavailable as error:
        log.warning("A reservation could not be released, and expires by itself: %s", error)


def _check(
    monitor: QuotaMonitor, requirement: Requirement, wait_policy: WaitPolicy, what: str
) -> Enough | Sleep:
    """Find out whether there is enough for the batch."""
    try:
        found = asyncio.run(monitor.check(requirement, wait_policy))
        if isinstance(found, Sleep) and found.cause == "remaining":
            # Our own count may say so. The vendor is probed before a batch waits for the reset.
            at_once = replace(wait_policy, max_age=timedelta(0))
            found = asyncio.run(monitor.check(requirement, at_once))
    except InvalidInput as error:
        if error.field != requirement.field:
            raise
        raise InvalidInput(
            f"the {what} needs {requirement.amount:,} requests, more than the vendor grants per period.",
            field="reserve",
            remedy='Split it over several days, send more records per request, or leave out "reserve".',
        ) from None
    return found


def _too_little(state: QuotaState, amount: int, found: Sleep, what: str) -> QuotaExhausted | RateLimited:
    """Return the error that says why nothing was sent, and when to try again."""
    sent = ", and has sent none" if what == "batch" else ""
    reason = f"{found.reason}. The {what} needs {amount:,} requests{sent}"
    if found.cause == "remaining":
        return QuotaExhausted(reason, resets_at=found.until)
    until, now = found.until, clock.now()
    if found.cause == "reserved":
        # They are released when the others are done, at a time that is not known.
        until = min(max(state.frees_at or until, until), now + HELD)
    return RateLimited(reason, retry_after=max(0.0, (until - now).total_seconds()))
