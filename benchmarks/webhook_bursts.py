"""Bursts of deliveries while a scheduler runs, and what has become of each of them."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from webhook_airflow import OURS, Airflow, order_of, send

if TYPE_CHECKING:
    from collections.abc import Callable

BURST, SENDERS, WORKERS = 1000, 128, 2
PAUSE = 0.5
"""Seconds between two bursts, in which the scheduler makes runs of what has come."""

PATIENCE = 300.0
"""Seconds in which runs must have got the last events: the sweep comes every 30, and only for older ones."""


@dataclass
class Found:
    """What has become of the deliveries.

    :param seconds: that sending took, pauses included
    :param statuses: how many requests were answered with which status
    :param lost: deliveries that were answered with success, and are not stored or have no event
    :param unanswered: deliveries that were never answered with success
    :param stranded: deliveries of which no run has an event
    :param retold: how often the sweep registered the events of a delivery again
    :param runs: that got events
    :param waited: seconds after the last answer until every event was in a run
    """

    seconds: float = 0.0
    statuses: Counter[str] = field(default_factory=Counter)
    lost: int = 0
    unanswered: int = 0
    stranded: int = 0
    retold: int = 0
    runs: int = 0
    waited: float = 0.0

    def table(self) -> list[tuple[str, str]]:
        """Return it for the table."""
        statuses = ", ".join(f"{status}: {number:,}" for status, number in sorted(self.statuses.items()))
        return [
            ("seconds", f"{self.seconds:,.0f}"),
            ("requests by status", statuses),
            ("never answered with success", f"{self.unanswered:,}"),
            ("lost", f"{self.lost:,}"),
            ("stranded: in no run", f"{self.stranded:,}"),
            ("told again by the sweep", f"{self.retold:,}"),
            ("runs", f"{self.runs:,}"),
            ("all in a run after, seconds", f"{self.waited:.0f}"),
        ]


def run(airflow: Airflow, events: int, say: Callable[[str], None]) -> Found:
    """Send bursts to our receiver in processes of its own, and look at the database."""
    server = airflow.receiver(WORKERS)
    found, missing, began = Found(), set[int](), time.monotonic()
    for first in range(1, events + 1, BURST):
        say(f"bursts: {first - 1:,} of {events:,} after {time.monotonic() - began:,.0f} s")
        count = min(BURST, events + 1 - first)
        tally = send(order_of("ours", airflow, server, senders=SENDERS, first=first, count=count, again=True))
        found.statuses.update(tally.statuses)
        missing.update(tally.missing)
        time.sleep(PAUSE)
    found.seconds = time.monotonic() - began
    found.unanswered = len(missing)
    engine = sa.create_engine(airflow.database)
    try:
        _wait(engine, found, say)
        _look(engine, found, set(range(1, events + 1)) - missing)
    finally:
        engine.dispose()
    return found


def _wait(engine: sa.Engine, found: Found, say: Callable[[str], None]) -> None:
    began = time.monotonic()
    while True:
        found.stranded = len(_stranded(engine))
        found.waited = time.monotonic() - began
        if not found.stranded or found.waited > PATIENCE:
            return
        say(f"bursts: {found.stranded:,} are in no run yet")
        time.sleep(1)


def _stranded(engine: sa.Engine) -> set[int]:
    """Return the deliveries of which no run has an event."""
    told = "SELECT e.id, e.extra FROM asset_event e JOIN asset a ON a.id = e.asset_id WHERE a.name = :name"
    query = sa.text(told).columns(id=sa.Integer, extra=sa.JSON)
    with engine.connect() as connection:
        got = {row[0] for row in connection.execute(sa.text("SELECT event_id FROM dagrun_asset_event"))}
        rows: list[Any] = connection.execute(query, {"name": OURS}).all()
    return {row.extra["delivery"] for row in rows} - {row.extra["delivery"] for row in rows if row.id in got}


def _look(engine: sa.Engine, found: Found, sent: set[int]) -> None:
    query = sa.text("SELECT payload, events, retold FROM vendor_apis_delivery").columns(
        payload=sa.JSON, events=sa.JSON, retold=sa.Integer
    )
    with engine.connect() as connection:
        rows = connection.execute(query).all()
        runs = "SELECT count(DISTINCT dag_run_id) FROM dagrun_asset_event"
        found.runs = int(connection.scalar(sa.text(runs)) or 0)
    found.lost = len(sent - {row.payload["result"]["id"] for row in rows if row.events})
    found.retold = sum(row.retold for row in rows)
