"""What a WebSocket has told an asset and no run has got is registered again, and nothing else is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from airflow.sdk import Asset, AssetWatcher

from airflow_provider.events import watched as module
from airflow_provider.events.triggers import WebSocketEventTrigger
from airflow_provider.events.watched import MOST_RETOLD, sweep_watched
from tests.support.deliveries import events, pause, subscribe

pytestmark = pytest.mark.usefixtures("airflow_database")

FEED = Asset("feed/watched", watchers=[AssetWatcher(name="feed", trigger=WebSocketEventTrigger("feed"))])


def after(**time: float) -> datetime:
    return datetime.now(UTC) + timedelta(**time)


def watch() -> None:
    """Put a Dag into the database that waits for the asset, and the asset's watcher."""
    from airflow.models.asset import AssetModel, AssetWatcherModel
    from airflow.models.trigger import Trigger
    from airflow.utils.session import create_session

    subscribe(schedule=[FEED])
    with create_session(scoped=False) as session:
        trigger = Trigger(classpath="airflow_provider.events.triggers.WebSocketEventTrigger", kwargs={})
        session.add(trigger)
        session.flush()
        asset_id = session.scalar(sa.select(AssetModel.id).where(AssetModel.name == FEED.name))
        if not session.scalar(sa.select(sa.func.count()).select_from(AssetWatcherModel)):
            session.add(AssetWatcherModel(name="feed", asset_id=asset_id, trigger_id=trigger.id))


def tell(number: int, **fields: Any) -> None:
    """Register an event as Airflow's triggerer does."""
    from airflow.assets.manager import AssetManager
    from airflow.models.asset import AssetModel
    from airflow.utils.session import create_session

    payload = {"source": "websocket", "delivery": str(number), "payload": {"number": number}, **fields}
    with create_session(scoped=False) as session:
        model = session.scalars(sa.select(AssetModel).where(AssetModel.name == FEED.name)).one()
        AssetManager.register_asset_change(
            asset=model.to_serialized(), extra={"from_trigger": True, "payload": payload}, session=session
        )


def strand() -> None:
    """Take from the queue what waits there, as a run does whose cut is before the events."""
    from airflow import settings

    with settings.engine.begin() as connection:
        connection.execute(sa.delete(sa.table("asset_dag_run_queue")))


def test_what_waits_in_the_queue_is_left_alone():
    watch()
    tell(1)
    assert sweep_watched(after(seconds=11)) == 0
    assert len(events()) == 1


def test_what_is_in_no_run_is_told_again_with_its_id():
    watch()
    tell(1)
    strand()
    assert sweep_watched(after(seconds=5)) == 0
    assert sweep_watched(after(seconds=11)) == 1
    first, second = events()
    assert second["payload"] == first["payload"]
    assert second["retold"]["times"] == 1
    # It is in the queue now.
    assert sweep_watched(after(seconds=60)) == 0


def test_it_is_told_a_number_of_times_and_not_for_ever(monkeypatch):
    monkeypatch.setattr(module, "LOOKED_AT", timedelta(days=1))
    watch()
    tell(1)
    for number in range(MOST_RETOLD):
        strand()
        assert sweep_watched(after(hours=1)) == 1, number
    strand()
    assert sweep_watched(after(hours=1)) == 0
    assert len(events()) == 1 + MOST_RETOLD


def test_a_paused_dag_misses_nothing():
    watch()
    tell(1)
    strand()
    pause("reader", True)
    assert sweep_watched(after(seconds=11)) == 0


def test_what_was_before_a_dag_waited_for_the_asset_is_not_for_it():
    from airflow import settings

    watch()
    tell(1)
    strand()
    with settings.engine.begin() as connection:
        connection.execute(
            sa.update(
                sa.table("dag_schedule_asset_reference", sa.column("created_at", sa.DateTime(True)))
            ).values(created_at=after(seconds=5))
        )
    assert sweep_watched(after(seconds=11)) == 0


def test_events_of_other_triggers_are_left_alone():
    watch()
    tell(1, source="elsewhere")
    strand()
    assert sweep_watched(after(seconds=11)) == 0


def test_without_watched_assets_nothing_is_looked_for(statements):
    assert sweep_watched() == 0
    assert len([one for one in statements if "asset" in one]) == 1
