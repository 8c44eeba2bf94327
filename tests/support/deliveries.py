"""Messages, Dags that wait for them, and a scheduler that is driven by hand."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from airflow_provider.events import settings as configuration
from airflow_provider.events.arrival import Arrival
from airflow_provider.events.committing import commit
from airflow_provider.events.message import Message
from airflow_provider.events.outcome import Outcome
from airflow_provider.events.settings import Settings

CONN = "acme_orders"
ASSET = "acme/acme_orders"


def settings(**values: Any) -> Settings:
    """Return the configuration with its defaults, but for what is given."""
    return configuration.read({name: str(value) for name, value in values.items()})


def message(thing: object = 1, state: str = "OP", assets: Iterable[str] = (ASSET,), **fields: Any) -> Message:
    """Return a message that a thing is in a state."""
    payload = fields.pop("payload", {"thing": thing, "state": state})
    body = json.dumps([thing, state], sort_keys=True)
    return Message(
        **{
            "family": "CHANGED",
            "entity": "order",
            "group": "north",
            "group_key": "region",
            "thing": f"CHANGED/{thing}",
            "assets": tuple(assets),
            "payload": payload,
            "digest": hashlib.sha256(body.encode()).hexdigest(),
            **fields,
        }
    )


def arrival(*args: Any, received_at: datetime | None = None, **fields: Any) -> Arrival:
    """Return a delivery of a message, see :func:`message`."""
    return Arrival(
        conn_id=CONN,
        vendor="acme",
        source="webhook",
        message=message(*args, **fields),
        received_at=received_at or datetime.now(UTC),
    )


def deliver(*arrivals: Arrival, **options: Any) -> list[Outcome]:
    """Store deliveries in one group and return what has become of them."""
    outcomes = []
    given = settings(**options)
    fitted = [one.fitted(given.webhook_max_event_bytes) for one in arrivals]
    for result in commit(fitted, given):
        if isinstance(result, Exception):
            raise result
        outcomes.append(result)
    return outcomes


def rows(*columns: str) -> list[Any]:
    """Return columns of the stored deliveries, the oldest first."""
    import sqlalchemy as sa
    from airflow.utils.session import create_session

    from airflow_provider.events.table import Delivery

    with create_session(scoped=False) as session:
        query = sa.select(*(getattr(Delivery, column) for column in columns)).order_by(Delivery.id)
        found = session.execute(query).all()
    return [row[0] if len(columns) == 1 else tuple(row) for row in found]


def events() -> list[dict[str, Any]]:
    """Return the extras of all asset events, the oldest first."""
    import sqlalchemy as sa
    from airflow.models.asset import AssetEvent
    from airflow.utils.session import create_session

    with create_session(scoped=False) as session:
        return list(session.scalars(sa.select(AssetEvent.extra).order_by(AssetEvent.id)))


def subscribe(dag_id: str = "reader", schedule: Any = None, *, paused: bool = False) -> None:
    """Put a Dag that is scheduled on an asset into Airflow's database."""
    from airflow.sdk import DAG, Asset

    from tests.support.dags import register

    dag = DAG(dag_id, schedule=schedule or [Asset(ASSET)], max_active_runs=1000)
    with dag:
        from airflow.providers.standard.operators.empty import EmptyOperator

        EmptyOperator(task_id="read")
    register(dag)
    pause(dag_id, paused)


def pause(dag_id: str, paused: bool) -> None:
    """Pause a Dag, or let it run."""
    import sqlalchemy as sa
    from airflow.models.dag import DagModel
    from airflow.utils.session import create_session

    with create_session(scoped=False) as session:
        session.execute(sa.update(DagModel).where(DagModel.dag_id == dag_id).values(is_paused=paused))


def mark_stale(dag_id: str) -> None:
    """Do what Airflow does with a Dag that is in no file any more."""
    import sqlalchemy as sa
    from airflow.models.dag import DagModel
    from airflow.utils.session import create_session

    with create_session(scoped=False) as session:
        session.execute(sa.update(DagModel).where(DagModel.dag_id == dag_id).values(is_stale=True))


def strand() -> None:
    """Take from the queue what waits there, as a run does whose cut is before the events."""
    import sqlalchemy as sa
    from airflow import settings as airflow_settings

    with airflow_settings.engine.begin() as connection:
        connection.execute(sa.delete(sa.table("asset_dag_run_queue")))


class Cut:
    """
    The scheduler, at the moment in which it makes the runs of assets.

    ``start`` is the part before it makes a run: which Dags are due, and the row of the queue. ``runs`` does the
    whole.
    """

    def __init__(self) -> None:
        from airflow.jobs.job import Job
        from airflow.jobs.scheduler_job_runner import SchedulerJobRunner

        self._scheduler = SchedulerJobRunner(job=Job(), executors=[])

    def runs(self) -> dict[str, list[list[int]]]:
        """Make the runs that are due; return the ids of the deliveries in each run, by Dag."""
        import sqlalchemy as sa
        from airflow.models.dag import DagModel
        from airflow.utils.session import create_session

        with create_session(scoped=False) as session:
            _, due = DagModel.dags_needing_dagruns(session)
            models = session.scalars(sa.select(DagModel).where(DagModel.dag_id.in_(due))).all()
            self._scheduler._create_dag_runs_asset_triggered(
                **_accepted(
                    self._scheduler._create_dag_runs_asset_triggered,
                    dag_models=[model for model in models if not model.is_paused],
                    triggered_date_by_dag=due,
                    session=session,
                )
            )
        return consumed()


def _accepted(function: Any, **arguments: Any) -> dict[str, Any]:
    import inspect

    names = inspect.signature(function).parameters
    return {name: value for name, value in arguments.items() if name in names}


def consumed() -> dict[str, list[list[int]]]:
    """Return the ids of the deliveries of each run, by Dag, the oldest run first."""
    import sqlalchemy as sa
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session

    found: dict[str, list[list[int]]] = {}
    with create_session(scoped=False) as session:
        for run in session.scalars(sa.select(DagRun).order_by(DagRun.id)):
            deliveries = sorted(event.extra["delivery"] for event in run.consumed_asset_events)
            found.setdefault(run.dag_id, []).append(deliveries)
    return found
