"""Tell what sockets have noted for assets that no watcher tells: each becomes a delivery."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from airflow_provider.events import notices
from airflow_provider.events.arrival import Arrival
from airflow_provider.events.committing import commit
from airflow_provider.events.outcome import Busy
from airflow_provider.exceptions import StoreUnavailable

if TYPE_CHECKING:
    from airflow_provider.events.notices import Notice
    from airflow_provider.events.settings import Settings
    from airflow_provider.store.engine import Database


def tell_notices(database: Database, settings: Settings) -> int:
    """Store notices as deliveries, which tells their assets.

    One that was stored before a crash is recognised as a repeat, and not told again.

    :param database: the provider's database
    :param settings: the configuration
    :return: how many were told
    :raises StoreUnavailable: one of the databases cannot be used; what is not told is told later
    """
    told = 0
    while taken := notices.take(database):
        results = commit([_arrival(one, settings) for one in taken], settings)
        done = [one.id for one, result in zip(taken, results, strict=True) if not isinstance(result, Busy)]
        if done:
            notices.remove(database, done)
        told += len(done)
        if busy := next((result for result in results if isinstance(result, Busy)), None):
            raise StoreUnavailable(f"{len(taken) - len(done)} notices of WebSockets wait: {busy}")
    return told


def _arrival(one: Notice, settings: Settings) -> Arrival:
    return Arrival(
        conn_id=one.conn_id,
        vendor=one.vendor,
        source="websocket",
        message=one.message,
        received_at=datetime.fromtimestamp(one.received_at, UTC),
    ).fitted(settings.webhook_max_event_bytes)
