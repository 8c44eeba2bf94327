"""Store a group of deliveries and register their asset events, in the one transaction of the caller."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from airflow_provider.events.outcome import Outcome
from airflow_provider.events.repeats import Recognizer
from airflow_provider.events.telling import Teller

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy.orm import Session

    from airflow_provider.events.arrival import Arrival
    from airflow_provider.events.settings import Settings
    from airflow_provider.events.table import Delivery

CHECK_AFTER = timedelta(seconds=10)
"""How long after a delivery a run should have its events."""


@dataclass(frozen=True)
class Stored:
    """What has become of a group.

    :param outcomes: one for each delivery, in their order
    :param notify: tells those who listen to asset events; to be called after the commit
    """

    outcomes: list[Outcome]
    notify: Callable[[], None]


def store(session: Session, arrivals: Sequence[Arrival], settings: Settings) -> Stored:
    """Store deliveries, count those that repeat another, and register the asset events of the rest.

    :param session: the transaction; whoever opened it commits it
    :param arrivals: the deliveries, the first to come first
    :param settings: the configuration
    :raises sqlalchemy.exc.IntegrityError: another process stores one of them in this moment
    """
    recognizer = Recognizer(session, arrivals, settings)
    rows = [recognizer.row_of(arrival) for arrival in arrivals]
    news = [row for row in rows if row is not None]
    _insert(session, news)
    teller = Teller(session, (name for row in news for name in row.assets))
    _tell(teller, news)
    recognizer.write_counts()
    session.flush()
    teller.finish()
    return Stored([Outcome.REPEATED if row is None else Outcome(row.outcome) for row in rows], teller.notify)


def _insert(session: Session, news: list[Delivery]) -> None:
    for row in news:
        row.outcome = Outcome.NO_SUBSCRIBERS
    # Two transactions with the same deliveries wait for each other's rows in one order. What is about the
    # same thing stays in the order in which it came, because the highest id is the latest.
    news = sorted(news, key=lambda row: (row.conn_id, row.thing))
    session.add_all(news)
    session.flush()


def _tell(teller: Teller, news: list[Delivery]) -> None:
    told = teller.tell([(row, row.assets) for row in news])
    # Afterwards, so that all rows are updated by one statement.
    for row, events in zip(news, told, strict=True):
        if events:
            row.events, row.outcome = events, Outcome.ACCEPTED
        if any(event["dags"] for event in events):
            row.check_at = row.received_at + CHECK_AFTER
