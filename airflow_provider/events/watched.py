"""Find what WebSockets have told assets and no run has got, and register it again.

Airflow registers the events of triggers itself, and may leave one behind as it does with those of deliveries;
see ``events/sweep.py``. There is no row of ours for them, so the events of the last half hour are looked at.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from airflow_provider.events.missed import Told, missed
from airflow_provider.events.storing import CHECK_AFTER
from airflow_provider.events.subscribers import advance_queue, subscribers
from airflow_provider.events.telling import register

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from sqlalchemy.orm import Session

log = logging.getLogger(__name__)

LOOKED_AT = timedelta(minutes=30)
"""How old an event may be: older ones were looked at when they were young."""

MOST_RETOLD = 5

RETOLD = "retold"
"""What the extra of an event that was registered again has: of which event, and how often."""


def sweep_watched(now: datetime | None = None) -> int:
    """Register again the events of WebSockets that no run has got.

    Several processes may do it at once: each takes assets that no other one has.

    :param now: the time; a test has its own
    :return: how many events were registered again
    """
    from airflow.utils.session import create_session

    now = now or datetime.now(UTC)
    notifications: list[Callable[[], None]] = []
    with create_session(scoped=False) as session:
        assets = _watched_assets(session)
        if not assets:
            return 0
        events = _events(session, assets, now)
        lost = _lost(session, events)
        made = [register(session, assets[event.asset_id], _again(event), notifications) for event in lost]
        told = [event for event in made if event is not None]
        if told:
            advance_queue(session, [event.asset_id for event in told], [event.id for event in told])
    for notify in notifications:
        notify()
    return len(lost)


def _watched_assets(session: Session) -> dict[int, Any]:
    from airflow.models.asset import AssetModel, AssetWatcherModel

    if not session.scalar(sa.select(sa.func.count()).select_from(AssetWatcherModel)):
        return {}
    # SQLite has no locks of rows: whoever writes first has the file until the commit. This writes nothing.
    session.execute(
        sa.update(AssetModel)
        .where(AssetModel.id == -1)
        .values(group="")
        .execution_options(synchronize_session=False)
    )
    watched = sa.select(AssetWatcherModel.asset_id)
    query = sa.select(AssetModel).where(AssetModel.id.in_(watched), AssetModel.active.has())
    # Not a lock that holds up those who register events of the asset meanwhile.
    query = query.order_by(AssetModel.id).with_for_update(skip_locked=True, key_share=True)
    return {model.id: model for model in session.scalars(query).unique()}


def _events(session: Session, asset_ids: Collection[int], now: datetime) -> list[Any]:
    from airflow.models.asset import AssetEvent

    query = sa.select(AssetEvent).where(
        AssetEvent.asset_id.in_(asset_ids), AssetEvent.timestamp >= now - LOOKED_AT
    )
    events = [event for event in session.scalars(query.order_by(AssetEvent.id)) if _is_ours(event)]
    followed = {event.extra[RETOLD]["event"] for event in events if RETOLD in event.extra}
    return [
        event for event in events if event.id not in followed and event.timestamp <= now - _check_after(event)
    ]


def _lost(session: Session, events: Iterable[Any]) -> list[Any]:
    by_id = {event.id: event for event in events}
    waiting = subscribers(session, {event.asset_id for event in by_id.values()})
    since = _since(session, waiting)
    told = [
        Told(event.id, event.asset_id, dag_id)
        for event in by_id.values()
        for dag_id in waiting.get(event.asset_id, ())
        # What was before a Dag waited for the asset is not for it.
        if since[event.asset_id, dag_id] <= event.timestamp
    ]
    lost = {one.event_id for one in missed(session, told).lost}
    for event_id in sorted(lost):
        if _times(by_id[event_id]) >= MOST_RETOLD:
            log.error("The asset event %d is in no run although it was told %d times", event_id, MOST_RETOLD)
            lost.discard(event_id)
    return [by_id[event_id] for event_id in sorted(lost, key=lambda one: (by_id[one].asset_id, one))]


def _since(session: Session, asset_ids: Iterable[int]) -> dict[tuple[int, str], datetime]:
    from airflow.models.asset import DagScheduleAssetReference as Reference

    columns = Reference.asset_id, Reference.dag_id, Reference.created_at
    rows = session.execute(sa.select(*columns).where(Reference.asset_id.in_(list(asset_ids))))
    return {(asset_id, dag_id): created for asset_id, dag_id, created in rows}


def _is_ours(event: Any) -> bool:
    extra = event.extra or {}
    payload = extra.get("payload")
    return bool(
        extra.get("from_trigger") and isinstance(payload, dict) and payload.get("source") == "websocket"
    )


def _again(event: Any) -> dict[str, Any]:
    return {**event.extra, RETOLD: {"event": event.id, "times": _times(event) + 1}}


def _times(event: Any) -> int:
    return int(event.extra.get(RETOLD, {}).get("times", 0))


def _check_after(event: Any) -> timedelta:
    factor: int = 2 ** min(_times(event), MOST_RETOLD)
    return CHECK_AFTER * factor
