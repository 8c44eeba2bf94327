"""How much of a quota was used on the days before: one row for each day that requests were sent on.

The day of the latest write is in the quota's own row, which every write changes anyway. A row of its own is
written when the first request of another day is counted, so that it costs the requests nothing.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sa

from airflow_provider.store.engine import insert_if_absent
from airflow_provider.store.tables import quota_day as table

if TYPE_CHECKING:
    from airflow_provider.store.engine import Database

KEPT = timedelta(days=90)

SHOWN = 30
"""Days of a history."""


class Day(NamedTuple):
    """A day of a quota.

    :param day: the day (UTC)
    :param sent: requests that were sent on it
    :param granted: what was granted, as far as it was known
    :param remaining: what remained at its end, as far as it was known
    """

    day: date
    sent: int
    granted: int | None = None
    remaining: int | None = None


def turn_day(connection: sa.Connection, row: Any, sent: int, now: float) -> dict[str, Any]:
    """Count requests on their day; where it is another one than before, keep the one before.

    :param connection: a transaction that has locked the quota's row
    :param row: the quota's row, as it was
    :param sent: how many requests
    :param now: the time, in seconds since 1970
    :return: the columns of the quota's row
    """
    moment = datetime.fromtimestamp(now, UTC)
    day = moment.date().isoformat()
    if row.day == day:
        return {"day_sent": row.day_sent + sent}
    if row.day is not None:
        values = _columns(row)
        if connection.scalar(sa.select(table.c.day).where(_is_day(row.account, row.day))) is None:
            connection.execute(insert_if_absent(table, connection.dialect.name), values)
        oldest = (moment - KEPT).date().isoformat()
        connection.execute(sa.delete(table).where(table.c.account == row.account, table.c.day < oldest))
    return {"day": day, "day_sent": sent}


def history(database: Database, row: Any, today: date) -> list[Day]:
    """Return the latest days, the oldest first. A day on which nothing was sent has zero.

    :param database: the provider's database
    :param row: the quota's row
    :param today: the day that is the last
    :raises StoreUnavailable: the database cannot be used
    """
    days = [today - timedelta(days=SHOWN - 1 - number) for number in range(SHOWN)]
    with database.read() as connection:
        query = sa.select(table).where(table.c.account == row.account, table.c.day >= days[0].isoformat())
        found: dict[str, Any] = {one["day"]: one for one in connection.execute(query).mappings()}
    if row.day is not None:
        found[row.day] = _columns(row)
    return [_day(day, found.get(day.isoformat())) for day in days]


def _day(day: date, found: Any) -> Day:
    return Day(day, found["sent"], found["granted"], found["remaining"]) if found else Day(day, 0)


def _is_day(account: str, day: str) -> sa.ColumnElement[bool]:
    return sa.and_(table.c.account == account, table.c.day == day)


def _columns(row: Any) -> dict[str, Any]:
    remaining = None if row.remaining is None else max(0, row.remaining - row.counted)
    known = {"granted": row.granted, "remaining": remaining}
    return {"account": row.account, "day": row.day, "sent": row.day_sent or 0, **known}
