"""Which asset events have not reached the runs that they are for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sa

from airflow_provider.events.subscribers import has_row_for_all_events, subscribers

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from sqlalchemy.orm import Session


class Told(NamedTuple):
    """A Dag that is to get an asset event in a run.

    :param event_id: the event
    :param asset_id: its asset
    :param dag_id: the Dag
    """

    event_id: int
    asset_id: int
    dag_id: str


class Missed(NamedTuple):
    """What of some :class:`Told` no run has got, but should.

    :param queued: whose Dag is in the scheduler's queue, so that a run is about to come
    :param lost: of which nothing is to be expected any more
    """

    queued: set[Told]
    lost: set[Told]


def missed(session: Session, told: Collection[Told]) -> Missed:
    """Find out which events have not reached the runs that they are for.

    A Dag that is paused by now, or no longer scheduled on the asset, misses nothing.

    :param session: Airflow's database
    :param told: the events and the Dags
    """
    if not told:
        return Missed(set(), set())
    event_ids, asset_ids = {one.event_id for one in told}, {one.asset_id for one in told}
    # In this order: a run that is committed between two of the questions is found by the last one.
    by_asset = has_row_for_all_events()
    queue = _queue(session, asset_ids) if by_asset else _queued_events(session, event_ids)
    last_cut = _last_cuts(session, {one.dag_id for one in told})
    times = _times(session, event_ids)
    got = _got(session, event_ids)
    wanted = subscribers(session, asset_ids)

    def is_missed(one: Told) -> bool:
        return (one.event_id, one.dag_id) not in got and one.dag_id in wanted.get(one.asset_id, ())

    def is_coming(one: Told) -> bool:
        if not by_asset:
            return (one.event_id, one.dag_id) in queue
        # A run gets the events since the run before.
        cut, time = last_cut.get(one.dag_id), times.get(one.event_id)
        return (one.asset_id, one.dag_id) in queue and not (cut and time and time <= cut)

    open_ = set(filter(is_missed, told))
    queued = set(filter(is_coming, open_))
    return Missed(queued, open_ - queued)


def _queue(session: Session, asset_ids: Collection[int]) -> set[tuple[int, str]]:
    from airflow.models.asset import AssetDagRunQueue

    columns = AssetDagRunQueue.asset_id, AssetDagRunQueue.target_dag_id
    rows = session.execute(sa.select(*columns).where(AssetDagRunQueue.asset_id.in_(asset_ids)))
    return {(asset_id, dag_id) for asset_id, dag_id in rows}


def _queued_events(session: Session, event_ids: Collection[int]) -> set[tuple[int, str]]:
    """Return the events that are in the queue themselves, as in Airflow 3.4, and for which Dag."""
    from airflow.models.asset import AssetDagRunQueue

    queue: Any = AssetDagRunQueue.__table__
    columns = queue.c.asset_event_id, queue.c.target_dag_id
    rows = session.execute(sa.select(*columns).where(queue.c.asset_event_id.in_(event_ids)))
    return {(event_id, dag_id) for event_id, dag_id in rows}


def _last_cuts(session: Session, dag_ids: Collection[str]) -> dict[str, datetime]:
    """Return up to when the last run of each Dag had the events of its assets."""
    from airflow.models.dagrun import DagRun
    from airflow.utils.types import DagRunType

    rows = session.execute(
        sa.select(DagRun.dag_id, sa.func.max(DagRun.run_after))
        .where(DagRun.dag_id.in_(dag_ids), DagRun.run_type == DagRunType.ASSET_TRIGGERED)
        .group_by(DagRun.dag_id)
    )
    return {row[0]: row[1] for row in rows}


def _times(session: Session, event_ids: Collection[int]) -> dict[int, datetime]:
    from airflow.models.asset import AssetEvent

    rows = session.execute(sa.select(AssetEvent.id, AssetEvent.timestamp).where(AssetEvent.id.in_(event_ids)))
    return {row[0]: row[1] for row in rows}


def _got(session: Session, event_ids: Collection[int]) -> set[tuple[int, str]]:
    from airflow.models.asset import association_table
    from airflow.models.dagrun import DagRun

    rows = session.execute(
        sa.select(association_table.c.event_id, DagRun.dag_id)
        .join(DagRun, DagRun.id == association_table.c.dag_run_id)
        .where(association_table.c.event_id.in_(event_ids))
    )
    return {(event_id, dag_id) for event_id, dag_id in rows}
