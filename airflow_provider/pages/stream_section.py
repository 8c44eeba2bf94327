"""The streams: who listens, how much waits to be told, and from when until when messages may be missing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from airflow_provider.events.left import list_streams
from airflow_provider.events.table import Delivery

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.orm import Session

    from airflow_provider.pages.access import Viewer
    from airflow_provider.store.engine import Database

MANY = 1000

LOOKED_AT = 500
"""Events of each asset in which gaps are looked for, the newest first."""

DAYS = 7


def streams(database: Database, view: Viewer) -> list[dict[str, Any]]:
    """Return the sockets that are listened to, or were.

    :param database: the provider's database
    :param view: who looks
    """
    found = list_streams(database)
    seen = set(view.sees(sorted({row["conn_id"] for row in found})))
    return [row for row in found if row["conn_id"] in seen]


def gaps(view: Viewer) -> list[dict[str, Any]]:
    """Return the gaps of the last days, the latest first.

    Each is a delivery, or the event of an asset that a stream tells: these are looked for among the newest
    events of each asset.

    :param view: who looks
    """
    from airflow.utils.session import create_session

    since = datetime.now(UTC) - timedelta(days=DAYS)
    with create_session(scoped=False) as session:
        found = {(gap["conn_id"], gap["until"]): gap for gap in _told(session, since)}
    seen = set(view.sees(sorted({conn_id for conn_id, _ in found})))
    mine = [gap for gap in found.values() if gap["conn_id"] in seen]
    return sorted(mine, key=lambda gap: str(gap["until"]), reverse=True)[:MANY]


def _told(session: Session, since: datetime) -> Iterator[dict[str, Any]]:
    from airflow.models.asset import AssetEvent, AssetWatcherModel

    stored = sa.select(Delivery.conn_id, Delivery.gap).where(
        Delivery.received_at > since, Delivery.source == "websocket", Delivery.gap.is_not(None)
    )
    for conn_id, gap in session.execute(stored.order_by(Delivery.received_at.desc()).limit(MANY)):
        if read := _gap({"payload": {"conn_id": conn_id, "gap": gap}}):
            yield read
    for asset_id in session.scalars(sa.select(AssetWatcherModel.asset_id).distinct()).all():
        events = sa.select(AssetEvent.extra).where(
            AssetEvent.asset_id == asset_id, AssetEvent.timestamp > since
        )
        newest = events.order_by(AssetEvent.timestamp.desc()).limit(LOOKED_AT)
        yield from filter(None, map(_gap, session.scalars(newest)))


def _gap(extra: Any) -> dict[str, Any] | None:
    """Read a gap from the extra of an event; None where it is none, or not of ours."""
    told = extra.get("payload") if isinstance(extra, dict) else None
    gap = told.get("gap") if isinstance(told, dict) else None
    if not isinstance(told, dict) or not isinstance(gap, dict):
        return None
    since, until, conn_id = gap.get("since"), gap.get("until"), told.get("conn_id")
    if not isinstance(until, str) or not isinstance(conn_id, str):
        return None
    try:
        end = datetime.fromisoformat(until)
        seconds = (end - datetime.fromisoformat(since)).total_seconds() if isinstance(since, str) else None
    except (ValueError, TypeError):
        # No time, or one without its zone: another provider's, or given by hand.
        return None
    return {"conn_id": conn_id, "since": since, "until": until, "seconds": seconds}
