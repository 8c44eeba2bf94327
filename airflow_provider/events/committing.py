"""Commit groups of deliveries; what to do where the database refuses one of them, or all."""

from __future__ import annotations

import logging
import traceback
from typing import TYPE_CHECKING

import sqlalchemy as sa

from airflow_provider.events import faults
from airflow_provider.events.outcome import Busy, Outcome
from airflow_provider.events.storing import store

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.orm import Session

    from airflow_provider.events.arrival import Arrival
    from airflow_provider.events.settings import Settings

log = logging.getLogger(__name__)

ATTEMPTS = 5
"""How often one delivery is tried by itself, where other transactions get in its way."""

LOCK_TIMEOUT = 10
"""Seconds that a transaction waits for another one on PostgreSQL."""

RETRY_AFTER = 10
"""Seconds after which a vendor is asked to send again what the database did not take."""


def commit(arrivals: Sequence[Arrival], settings: Settings) -> list[Outcome | Busy]:
    """Store deliveries in one transaction, and if that cannot be done, each in one of its own.

    :param arrivals: the deliveries, the first to come first
    :param settings: the configuration
    :return: what has become of each, in their order; all that has an outcome is committed
    """
    try:
        return [*_commit(arrivals, settings)]
    except Exception as error:
        if faults.is_outage(error):
            return [_outage(error)] * len(arrivals)
        # Another process stores one of them in this moment, or one of them cannot be stored at all.
        log.debug("%d deliveries are stored one by one (%s)", len(arrivals), type(error).__name__)
    return [_commit_one(arrival, settings) for arrival in arrivals]


def _commit_one(arrival: Arrival, settings: Settings) -> Outcome | Busy:
    error: Exception | None = None
    for _ in range(ATTEMPTS):
        try:
            [outcome] = _commit([arrival], settings)
            return outcome
        except Exception as caught:
            error = caught
            if faults.is_outage(error):
                return _outage(error)
        if not faults.is_conflict(error):
            if arrival.bare:
                break
            # What a delivery is about was made fit for a database; its payload is as the vendor wrote it.
            arrival = arrival.without_payload()
    return _refusal(error)


def _commit(arrivals: Sequence[Arrival], settings: Settings) -> list[Outcome]:
    from airflow.utils.session import create_session

    with create_session(scoped=False) as session:
        _limit_waits(session)
        stored = store(session, arrivals, settings)
    stored.notify()
    return stored.outcomes


def _limit_waits(session: Session) -> None:
    # SQLite waits for 5 seconds and MySQL for 50, unless it is configured; PostgreSQL waits for ever.
    if session.get_bind().dialect.name == "postgresql":
        session.execute(sa.text(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}s'"))


def _outage(error: Exception) -> Busy:
    reason = faults.describe(error)
    log.warning("Deliveries are turned away: %s", reason)
    return Busy(reason, retry_after=RETRY_AFTER)


def _refusal(error: Exception | None) -> Busy:
    # Without the message, which may quote the delivery.
    where = "".join(traceback.format_tb(error.__traceback__)) if error is not None else ""
    log.error("A delivery could not be stored (%s):\n%s", type(error).__name__, where)
    return Busy(f"the delivery could not be stored ({type(error).__name__})", retry_after=RETRY_AFTER)
