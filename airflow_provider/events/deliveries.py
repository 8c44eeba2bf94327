"""Look at stored deliveries, and tell one again by hand. For the command line and the API."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from airflow_provider.events.outcome import Outcome
from airflow_provider.events.storing import CHECK_AFTER
from airflow_provider.events.table import Delivery
from airflow_provider.events.telling import Teller
from airflow_provider.store.keyset import distinct, each_of

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy.orm import Session

PAGE = 50

REPLAYED = "vendor_apis.replay"
"""The event in Airflow's audit log."""


def list_deliveries(
    *,
    conn_ids: Collection[str] | None = None,
    limit: int = PAGE,
    before: int | None = None,
    **filters: str,
) -> list[dict[str, Any]]:
    """Return deliveries, the newest first.

    :param conn_ids: only those of these connections; all of them where it is None
    :param limit: how many at most
    :param before: only those with a lower id: the last id of the page before
    :param filters: values of the columns ``family`` and ``outcome``
    :return: ``id, conn_id, received_at, family, outcome, repeats, asset_events, runs`` of each
    """
    from airflow.utils.session import create_session

    # Not the payloads, which may be long.
    query = sa.select(*SHOWN, Delivery.events).order_by(Delivery.id.desc()).limit(limit)
    if before is not None:
        query = query.where(Delivery.id < before)
    query = query.filter_by(**filters)
    with create_session(scoped=False) as session:
        # Each connection by itself: all at once would be read to the last row, and sorted.
        looks = [query] if conn_ids is None else each_of(query, Delivery.conn_id, [*conn_ids])
        rows = [row for one in looks for row in session.execute(one)]
        rows = sorted(rows, key=lambda row: int(row.id), reverse=True)[:limit]
        runs = _runs(session, {event["event"] for row in rows for event in row.events})
    return [_summary(row, runs) for row in rows]


def known_connections() -> list[str]:
    """Return the ids of the connections that have deliveries."""
    from airflow.utils.session import create_session

    with create_session(scoped=False) as session:
        return distinct(session.scalars, Delivery.__table__.c.conn_id)


def show_delivery(delivery_id: int) -> dict[str, Any] | None:
    """Return everything about a delivery; None where there is none of this id.

    :param delivery_id: its id
    :return: what :func:`list_deliveries` has of it, with the lists of asset events and runs instead of their
        numbers, and ``vendor, source, entity, group, thing, payload, payload_truncated, gap, assets,
        repeated_at, retold``
    """
    from airflow.utils.session import create_session

    with create_session(scoped=False) as session:
        row = session.get(Delivery, delivery_id)
        if row is None:
            return None
        runs = _runs(session, {event["event"] for event in row.events})
        return {
            **_summary(row, runs),
            "asset_events": [{"id": event["event"], "asset": event["name"]} for event in row.events],
            "runs": [
                {"dag_id": dag_id, "run_id": run_id}
                for dag_id, run_id in sorted(
                    {run for event in row.events for run in runs.get(event["event"], ())}
                )
            ],
            "vendor": row.vendor,
            "source": row.source,
            "entity": row.entity,
            row.group_key: row.group_name,
            "thing": row.thing,
            "payload": row.payload,
            "payload_truncated": row.payload_truncated,
            "gap": row.gap,
            "assets": row.assets,
            "repeated_at": row.repeated_at and row.repeated_at.isoformat(),
            "retold": row.retold,
        }


def replay_delivery(delivery_id: int, by: str = "") -> int | None:
    """Tell the assets of a delivery again, whether or not runs have got it.

    Airflow's audit log gets an entry in the same transaction.

    :param delivery_id: its id
    :param by: name of the user who wants it
    :return: how many asset events were registered; None where there is no delivery of this id
    """
    from airflow.models.log import Log
    from airflow.utils.session import create_session

    with create_session(scoped=False) as session:
        row = session.get(Delivery, delivery_id, with_for_update=True)
        if row is None:
            return None
        teller = Teller(session, row.assets)
        [events] = teller.tell([(row, row.assets)])
        _add(row, events)
        details = {"delivery": delivery_id, "conn_id": row.conn_id, "asset_events": len(events)}
        session.add(Log(REPLAYED, owner=by or None, extra=json.dumps(details)))
        session.flush()
        teller.finish()
    teller.notify()
    return len(events)


def _add(row: Delivery, events: list[dict[str, Any]]) -> None:
    if not events:
        return
    row.events = [*row.events, *events]
    row.outcome = Outcome.ACCEPTED
    row.check_at = datetime.now(UTC) + CHECK_AFTER


SHOWN = (
    Delivery.id,
    Delivery.conn_id,
    Delivery.received_at,
    Delivery.family,
    Delivery.outcome,
    Delivery.repeats,
)


def _summary(row: Any, runs: dict[int, set[tuple[str, str]]]) -> dict[str, Any]:
    shown = {column.key: getattr(row, column.key) for column in SHOWN}
    reached = {run for event in row.events for run in runs.get(event["event"], ())}
    return {
        **shown,
        "received_at": row.received_at.isoformat(),
        "asset_events": len(row.events),
        "runs": len(reached),
    }


def _runs(session: Session, event_ids: Collection[int]) -> dict[int, set[tuple[str, str]]]:
    from airflow.models.asset import association_table
    from airflow.models.dagrun import DagRun

    found: dict[int, set[tuple[str, str]]] = {}
    query = (
        sa.select(association_table.c.event_id, DagRun.dag_id, DagRun.run_id)
        .join(DagRun, DagRun.id == association_table.c.dag_run_id)
        .where(association_table.c.event_id.in_(event_ids))
    )
    for event_id, dag_id, run_id in session.execute(query):
        found.setdefault(event_id, set()).add((dag_id, run_id))
    return found
