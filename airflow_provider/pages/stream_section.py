"""The streams: who listens, how much waits to be told, and from when until when messages may be missing."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from airflow_provider.store import keyset
from airflow_provider.store.tables import listener, spool

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider.pages.access import Viewer
    from airflow_provider.store.engine import Database

MANY = 1000
"""How far messages that wait are counted."""

LOOKED_AT = 500
"""Events of each asset in which gaps are looked for, the newest first."""

DAYS = 7


def listeners(database: Database, view: Viewer) -> list[dict[str, Any]]:
    """Return who listens to streams now, or has left messages.

    :param database: the provider's database
    :param view: who looks
    """
    with database.read() as connection:
        query = sa.select(listener).order_by(listener.c.heard_at.desc()).limit(MANY)
        found = connection.execute(query).mappings().all()
        seen = set(view.sees(sorted({row["conn_id"] for row in found})))
        rows = [
            {**row, "waiting": _waiting(connection, row["owner"])} for row in found if row["conn_id"] in seen
        ]
    now = time.time()
    for row in rows:
        row["listens"] = not row["closed"] and row["lease_until"] > now
    return [row for row in rows if row["listens"] or row["waiting"] or not row["closed"]]


def _waiting(connection: sa.Connection, owner: str) -> int:
    return keyset.count_up_to(connection, sa.select(spool.c.id), spool.c.owner, [owner], MANY)


def gaps(view: Viewer) -> list[dict[str, Any]]:
    """Return the gaps of the last days, the latest first.

    Each is an event of an asset that a stream tells: gaps are looked for among the newest events of each.

    :param view: who looks
    """
    from airflow.models.asset import AssetEvent, AssetModel, AssetWatcherModel
    from airflow.utils.session import create_session

    since = datetime.now(UTC) - timedelta(days=DAYS)
    found: dict[tuple[str, str], dict[str, Any]] = {}
    with create_session(scoped=False) as session:
        watched = sa.select(AssetModel.id).where(AssetModel.id.in_(sa.select(AssetWatcherModel.asset_id)))
        for asset_id in session.scalars(watched).all():
            query = (
                sa.select(AssetEvent.extra)
                .where(AssetEvent.asset_id == asset_id, AssetEvent.timestamp > since)
                .order_by(AssetEvent.timestamp.desc())
                .limit(LOOKED_AT)
            )
            for gap in filter(None, map(_gap, session.scalars(query))):
                found[gap["conn_id"], gap["until"]] = gap
    seen = set(view.sees(sorted({gap["conn_id"] for gap in found.values()})))
    mine = [gap for gap in found.values() if gap["conn_id"] in seen]
    return sorted(mine, key=lambda gap: gap["until"], reverse=True)[:MANY]


def _gap(extra: Any) -> dict[str, Any] | None:
    """Read a gap from the extra of an event; None where it is none, or not of ours."""
    told = extra.get("payload") if isinstance(extra, dict) else None
    gap = told.get("gap") if isinstance(told, dict) else None
    if not isinstance(told, dict) or not isinstance(gap, dict):
        return None
    since, until, conn_id = gap.get("since"), gap.get("until"), told.get("conn_id")
    if not isinstance(until, str) or not isinstance(conn_id, str):
        return None
    seconds = None
    if isinstance(since, str):
        seconds = (datetime.fromisoformat(until) - datetime.fromisoformat(since)).total_seconds()
    return {"conn_id": conn_id, "since": since, "until": until, "seconds": seconds}


def summary(rows: Sequence[dict[str, Any]]) -> dict[str, int]:
    """Count who listens, and what waits.

    :param rows: what :func:`listeners` returned
    """
    return {
        "listening": sum(1 for row in rows if row["listens"]),
        "waiting": sum(row["waiting"] for row in rows),
    }
