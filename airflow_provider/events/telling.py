"""Register asset events through Airflow's own manager, inside the caller's transaction."""

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from airflow_provider.events.arrival import event_extra
from airflow_provider.events.reads import read_once
from airflow_provider.events.subscribers import (
    advance_queue,
    subscribers,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from sqlalchemy.orm import Session

    from airflow_provider.events.table import Delivery


class Teller:
    """Registers the asset events of deliveries, and tells who listens once they are committed.

    :param session: the transaction
    :param names: the assets that may have to be told
    """

    def __init__(self, session: Session, names: Iterable[str]) -> None:
        self._session = session
        self._models = _active_assets(session, sorted(set(names)))
        self._subscribers = subscribers(session, [model.id for model in self._models.values()])
        self._told: dict[int, int] = {}
        self._notifications: list[Callable[[], None]] = []

    def tell(self, told: Sequence[tuple[Delivery, Iterable[str]]]) -> list[list[dict[str, Any]]]:
        """Register an event for each of the assets that a Dag mentions.

        :param told: rows of deliveries, which have their ids already, and the names of the assets to tell
        :return: the events of each, as :attr:`Delivery.events` has them
        """
        # One asset after the other: Airflow inserts into its queue with each event, and two transactions that
        # did so in different orders would wait for each other. The events of one asset stay in order.
        pairs = sorted(
            (self._models[name].id, position, name)
            for position, (_, names) in enumerate(told)
            for name in set(names)
            if name in self._models
        )
        extras = [event_extra(delivery) for delivery, _ in told]
        events: list[list[dict[str, Any]]] = [[] for _ in told]
        with read_once(self._session):
            for _, position, name in pairs:
                if event := self._register(self._models[name], extras[position]):
                    events[position].append(event)
        return events

    def finish(self) -> None:
        """Have the runs that wait in the scheduler's queue get the events, too. The last of a transaction."""
        if self._told:
            advance_queue(self._session, self._told.values(), self._told.keys())

    def notify(self) -> None:
        """Call those who listen to asset events. To be called after the commit."""
        notifications, self._notifications = self._notifications, []
        for call in notifications:
            call()

    def _register(self, model: Any, extra: dict[str, Any]) -> dict[str, Any] | None:
        event = register(self._session, model, extra, self._notifications)
        if event is None:
            return None
        self._told[event.id] = model.id
        dags = self._subscribers.get(model.id, [])
        return {"event": event.id, "asset": model.id, "name": model.name, "dags": dags}


def register(
    session: Session, model: Any, extra: dict[str, Any], notifications: list[Callable[[], None]]
) -> Any | None:
    """Register an event of an asset through Airflow's own manager.

    :param session: the transaction
    :param model: the asset's row
    :param extra: what a Dag finds in the event
    :param notifications: gets what is to be called after the commit
    :return: the event, which has its id; None where Airflow has made none
    """
    from airflow.assets.manager import asset_manager

    given: dict[str, Any] = {
        "callback_sink": notifications,
        "source_is_api": True,
        "api_user_teams": set(),
    }
    manager: Any = type(asset_manager)
    names = _keywords(manager)
    event = asset_manager.register_asset_change(
        asset=model,
        extra=extra,
        session=session,
        **{name: value for name, value in given.items() if name in names},
    )
    if event is not None:
        session.flush()
    return event


def _active_assets(session: Session, names: list[str]) -> dict[str, Any]:
    from airflow.models.asset import AssetModel

    query = sa.select(AssetModel).where(
        AssetModel.name.in_(names), AssetModel.uri == AssetModel.name, AssetModel.active.has()
    )
    return {model.name: model for model in session.scalars(query)} if names else {}


@functools.cache
def _keywords(manager: type[Any]) -> frozenset[str]:
    # The method drops keywords that it does not know, so it would not say that it is an older one.
    return frozenset(inspect.signature(manager.register_asset_change).parameters)
