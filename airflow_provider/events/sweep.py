"""Find asset events that no run has got, and register them again.

Airflow 3.2 and 3.3 leave an event behind whose time is before the cut of the last run, and which is committed
after it. So every delivery is looked after until runs have its events: the Dags are told at least once.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from airflow_provider.events.missed import Missed, Told, missed
from airflow_provider.events.storing import CHECK_AFTER
from airflow_provider.events.table import Delivery
from airflow_provider.events.telling import Teller

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy.orm import Session

log = logging.getLogger(__name__)

GROUP = 200
"""Deliveries of one transaction."""

WAIT = timedelta(seconds=30)
"""Until the next look at what is in the scheduler's queue."""

MOST_RETOLD = 5
"""How often an event is registered again. Runs that never keep it would otherwise be started for ever."""


def sweep(now: datetime | None = None) -> int:
    """Register again the asset events of deliveries that no run has got.

    Several processes may do it at once: each takes deliveries that no other one has.

    :param now: the time; a test has its own
    :return: how many deliveries were told again
    """
    from airflow.utils.session import create_session

    now = now or datetime.now(UTC)
    retold = 0
    while True:
        with create_session(scoped=False) as session:
            due = _due(session, now)
            teller, again = _sweep(session, due, now)
        teller.notify()
        retold += again
        if len(due) < GROUP:
            return retold


def _due(session: Session, now: datetime) -> list[Delivery]:
    # SQLite has no locks of rows: whoever writes first has the file until the commit. This writes nothing.
    session.execute(
        sa.update(Delivery)
        .where(Delivery.id == -1)
        .values(retold=0)
        .execution_options(synchronize_session=False)
    )
    query = sa.select(Delivery).where(Delivery.check_at <= now).order_by(Delivery.check_at).limit(GROUP)
    return list(session.scalars(query.with_for_update(skip_locked=True)))


def _sweep(session: Session, due: list[Delivery], now: datetime) -> tuple[Teller, int]:
    found = missed(session, [one for delivery in due for one in _told(delivery)])
    again = [delivery for delivery in due if _is_to_be_told(delivery, found)]
    names = [_lost_assets(delivery, found) for delivery in again]
    teller = Teller(session, set().union(*names))
    for delivery, events in zip(again, teller.tell([*zip(again, names, strict=True)]), strict=True):
        _look_after(delivery, events, found, now)
    for delivery in set(due).difference(again):
        delivery.check_at = now + WAIT if found.queued.intersection(_told(delivery)) else None
    session.flush()
    teller.finish()
    return teller, len(again)


def _is_to_be_told(delivery: Delivery, found: Missed) -> bool:
    if found.lost.isdisjoint(_told(delivery)):
        return False
    if delivery.retold < MOST_RETOLD:
        return True
    log.error("Delivery %d is in no run although it was told %d times more", delivery.id, delivery.retold)
    return False


def _told(delivery: Delivery) -> list[Told]:
    return [
        Told(event["event"], event["asset"], dag_id) for event in delivery.events for dag_id in event["dags"]
    ]


def _lost_assets(delivery: Delivery, found: Missed) -> set[str]:
    lost = {one.asset_id for one in found.lost.intersection(_told(delivery))}
    return {event["name"] for event in delivery.events if event["asset"] in lost}


def _look_after(delivery: Delivery, again: list[dict[str, Any]], found: Missed, now: datetime) -> None:
    """Note that a delivery was told again, and which Dags have yet to get which event."""
    told = set(_told(delivery))
    # Each Dag is looked after by the last event that it was told; those that have got theirs, by none.
    before = [{**event, "dags": _dags(event, told & found.queued)} for event in delivery.events]
    after = [
        {**event, "dags": sorted({one.dag_id for one in told & found.lost if one.asset_id == event["asset"]})}
        for event in again
    ]
    delivery.events = [*before, *after]
    delivery.retold += 1
    delivery.check_at = now + CHECK_AFTER * 2**delivery.retold


def _dags(event: dict[str, Any], told: Iterable[Told]) -> list[str]:
    return sorted({one.dag_id for one in told if one.event_id == event["event"]})
