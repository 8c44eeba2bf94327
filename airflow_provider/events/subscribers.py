"""Which Dags wait for an asset, and the scheduler's queue of them."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from sqlalchemy.orm import Session

QUEUE_KEY = {"asset_id", "target_dag_id"}
"""The key of the queue in Airflow 3.2 and 3.3: one row for all events of an asset that a Dag has not had."""


def subscribers(session: Session, asset_ids: Collection[int]) -> dict[int, list[str]]:
    """Return the Dags that are scheduled on assets themselves, by the ids of the assets.

    Their runs get the events. Dags that only refer to an asset (``Asset.ref``) are not among them: they are
    started, and Airflow gives their runs no events.

    :param session: Airflow's database
    :param asset_ids: the assets
    """
    from airflow.models.asset import DagScheduleAssetReference

    found: dict[int, list[str]] = defaultdict(list)
    query = _of_dags(DagScheduleAssetReference, DagScheduleAssetReference.asset_id).where(
        DagScheduleAssetReference.asset_id.in_(asset_ids)
    )
    for asset_id, dag_id in _told(session, session.execute(query)):
        found[asset_id].append(dag_id)
    return {asset_id: sorted(dag_ids) for asset_id, dag_ids in found.items()}


def advance_queue(
    session: Session,
    asset_ids: Iterable[int],
    event_ids: Collection[int],
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> None:
    """Make the scheduler's queue include the events that this transaction has registered.

    The scheduler of Airflow 3.2 and 3.3 gives a run the events up to the ``created_at`` of a queue row, and
    Airflow writes that when the row is made: an event that comes while the row waits is in no run until
    another one comes, which may be never (apache/airflow #56050). So the row is moved to the latest event
    here. It comes last in a transaction, because the scheduler passes over the rows that are locked.

    The next run begins where the last one ended. An event with an earlier time that is committed later would
    be in neither, so the events get their time here, too, while the row is locked: whoever has the row next
    has a later time.

    A queue with a row for each event, as in Airflow 3.4, is left alone.

    :param session: the transaction that has registered the events
    :param asset_ids: the assets that have events
    :param event_ids: the events
    :param now: the clock
    """
    from airflow.models.asset import AssetDagRunQueue, AssetEvent

    if not has_row_for_all_events():
        return
    queue: Any = AssetDagRunQueue.__table__
    # In one order everywhere, so that two transactions cannot wait for each other.
    waiting = sorted(_waiting_dags(session, sorted(set(asset_ids))))
    if not waiting:
        return
    advance = advance_statement(queue, session.get_bind().dialect.name)
    _advance(session, advance, waiting, now())
    at = now()
    session.execute(
        sa.update(AssetEvent)
        .where(AssetEvent.id.in_(event_ids))
        .values(timestamp=at)
        .execution_options(synchronize_session=False)
    )
    _advance(session, advance, waiting, at)


def _advance(session: Session, statement: Any, waiting: list[tuple[int, str]], at: datetime) -> None:
    rows = [{"asset_id": asset_id, "target_dag_id": dag_id, "created_at": at} for asset_id, dag_id in waiting]
    session.execute(statement, rows)


def has_row_for_all_events() -> bool:
    """Say whether the scheduler's queue is that of Airflow 3.2 and 3.3: a row for each asset and Dag."""
    from airflow.models.asset import AssetDagRunQueue

    queue: Any = AssetDagRunQueue.__table__
    return {column.name for column in queue.primary_key} == QUEUE_KEY and "created_at" in queue.columns


def advance_statement(queue: Any, dialect: str) -> Any:
    """Make the statement that puts a Dag into the queue, or moves its row there to a later time.

    :param queue: the table
    :param dialect: SQLAlchemy's name of the database
    """
    if dialect == "mysql":
        from sqlalchemy.dialects import mysql

        insert = mysql.insert(queue)
        later = sa.func.greatest(queue.c.created_at, insert.inserted.created_at)
        return insert.on_duplicate_key_update(created_at=later)
    from sqlalchemy.dialects import postgresql, sqlite

    upsert = postgresql.insert(queue) if dialect == "postgresql" else sqlite.insert(queue)
    greatest = sa.func.greatest if dialect == "postgresql" else sa.func.max
    return upsert.on_conflict_do_update(
        index_elements=[queue.c.asset_id, queue.c.target_dag_id],
        set_={"created_at": greatest(queue.c.created_at, upsert.excluded.created_at)},
    )


def _waiting_dags(session: Session, asset_ids: list[int]) -> set[tuple[int, str]]:
    """Return every asset and Dag that Airflow has put into the queue for an event."""
    from airflow.models.asset import (
        AssetModel,
        DagScheduleAssetNameReference,
        DagScheduleAssetReference,
        DagScheduleAssetUriReference,
    )

    direct, by_name, by_uri = (
        DagScheduleAssetReference,
        DagScheduleAssetNameReference,
        DagScheduleAssetUriReference,
    )
    asset_id = AssetModel.id
    queries = (
        _of_dags(direct, direct.asset_id).where(direct.asset_id.in_(asset_ids)),
        _of_dags(by_name, asset_id)
        .join(AssetModel, AssetModel.name == by_name.name)
        .where(asset_id.in_(asset_ids)),
        _of_dags(by_uri, asset_id)
        .join(AssetModel, AssetModel.uri == by_uri.uri)
        .where(asset_id.in_(asset_ids)),
    )
    return set(_told(session, session.execute(sa.union(*queries))))


def _of_dags(reference: Any, asset_id: Any) -> Any:
    from airflow.models.dag import DagModel

    query = (
        sa.select(asset_id, reference.dag_id)
        .select_from(reference)
        .join(DagModel, DagModel.dag_id == reference.dag_id)
        .where(DagModel.is_paused.is_(False), DagModel.is_stale.is_(False))
    )
    # An event without a key of a partition starts no run of such a Dag.
    partitioned = getattr(DagModel, "timetable_partitioned", None)
    return query if partitioned is None else query.where(partitioned.is_(False))


def _told(session: Session, rows: Iterable[Any]) -> list[tuple[int, str]]:
    """Leave out the Dags of teams, where there are teams: what comes from outside of Airflow is no team's."""
    from airflow.configuration import conf

    pairs = [(asset_id, dag_id) for asset_id, dag_id in rows]
    if not pairs or not conf.getboolean("core", "multi_team", fallback=False):
        return pairs
    from airflow.models.dag import DagModel

    teams = DagModel.get_dag_id_to_team_name_mapping([dag_id for _, dag_id in pairs], session=session)
    return [(asset_id, dag_id) for asset_id, dag_id in pairs if not teams.get(dag_id)]
