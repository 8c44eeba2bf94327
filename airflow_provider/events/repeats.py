"""Which deliveries repeat another one, and are only counted."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa

from airflow_provider.events.table import Delivery

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy.orm import Session

    from airflow_provider.events.arrival import Arrival
    from airflow_provider.events.settings import Settings


@dataclass
class _Latest:
    """The latest delivery about a thing: stored already (``id``), or made by this transaction (``row``)."""

    digest: str
    received_at: datetime
    id: int | None = None
    row: Delivery | None = None


class Recognizer:
    """Tells news from repeats.

    A vendor that sends neither an id nor a time repeats a delivery if it is equal to the **latest** one about
    the same thing. The same body is news when something else was in between: odds that open, stop and open.

    :param session: the transaction
    :param arrivals: the deliveries that are to be told apart
    :param settings: the configuration
    """

    def __init__(self, session: Session, arrivals: Collection[Arrival], settings: Settings) -> None:
        self._session = session
        self._window = timedelta(seconds=settings.webhook_repeat_window)
        self._latest = _latest(session, {arrival.about for arrival in arrivals})
        self._epochs = _next_epochs(session, {arrival.body for arrival in arrivals})
        self._repeats: dict[int, list[datetime]] = defaultdict(list)

    def row_of(self, arrival: Arrival) -> Delivery | None:
        """Return a new row; None for a repeat, which is counted.

        :param arrival: the delivery; those that came first go first
        """
        latest = self._latest.get(arrival.about)
        if latest is not None and self._is_repeat(arrival, latest):
            self._count(arrival, latest)
            return None
        epoch = self._epochs.get(arrival.body, 0)
        self._epochs[arrival.body] = epoch + 1
        row = arrival.row(epoch=epoch)
        self._latest[arrival.about] = _Latest(row.digest, row.received_at, row=row)
        return row

    def write_counts(self) -> None:
        """Write how often the stored deliveries were repeated."""
        # In one order everywhere, so that two transactions cannot wait for each other.
        for delivery_id, times in sorted(self._repeats.items()):
            self._session.execute(
                sa.update(Delivery)
                .where(Delivery.id == delivery_id)
                .values(repeats=Delivery.repeats + len(times), repeated_at=max(times))
                .execution_options(synchronize_session=False)
            )

    def _is_repeat(self, arrival: Arrival, latest: _Latest) -> bool:
        # Two processes may have clocks that differ a little, so one may seem to come before the other.
        return latest.digest == arrival.message.digest and (
            arrival.received_at - latest.received_at <= self._window
        )

    def _count(self, arrival: Arrival, latest: _Latest) -> None:
        if latest.row is not None:
            latest.row.repeats += 1
            latest.row.repeated_at = arrival.received_at
        elif latest.id is not None:
            self._repeats[latest.id].append(arrival.received_at)


def _latest(session: Session, things: Collection[tuple[str, str]]) -> dict[tuple[str, str], _Latest]:
    newest = (
        sa.select(sa.func.max(Delivery.id))
        .where(sa.tuple_(Delivery.conn_id, Delivery.thing).in_(things))
        .group_by(Delivery.conn_id, Delivery.thing)
    )
    columns = (Delivery.conn_id, Delivery.thing, Delivery.digest, Delivery.received_at, Delivery.id)
    rows = session.execute(sa.select(*columns).where(Delivery.id.in_(newest)))
    return {
        (conn_id, thing): _Latest(digest, received_at, row_id)
        for conn_id, thing, digest, received_at, row_id in rows
    }


def _next_epochs(session: Session, bodies: Collection[tuple[str, str]]) -> dict[tuple[str, str], int]:
    rows = session.execute(
        sa.select(Delivery.conn_id, Delivery.digest, sa.func.max(Delivery.epoch) + 1)
        .where(sa.tuple_(Delivery.conn_id, Delivery.digest).in_(bodies))
        .group_by(Delivery.conn_id, Delivery.digest)
    )
    return {(conn_id, digest): epoch for conn_id, digest, epoch in rows}
