"""How much of a quota was used on the days before."""

from __future__ import annotations

from datetime import timedelta

from airflow_provider.quota.history import KEPT, history
from airflow_provider.quota.interface import Report
from airflow_provider.quota.store import rows
from tests.support.quota import NOW, reading


def sent(database, clock_now) -> list[int]:
    [row] = rows(database)
    return [day.sent for day in history(database, row, clock_now.date())]


def test_requests_are_counted_on_the_day_on_which_they_are_sent(store, database, stopped_clock):
    store.report(Report(sent=3))
    store.report(Report(sent=4, reading=reading(50, at=NOW)))
    assert sent(database, NOW)[-1] == 7
    stopped_clock.advance(timedelta(days=2))
    later = NOW + timedelta(days=2)
    # Nothing is written on the first of the two days.
    assert sent(database, later)[-3:] == [7, 0, 0]
    store.report(Report(sent=5))
    assert sent(database, later)[-3:] == [7, 0, 5]
    assert len(sent(database, later)) == 30


def test_a_day_keeps_what_remained_at_its_end(store, database, stopped_clock):
    store.report(Report(sent=0, reading=reading(50, at=NOW)))
    store.report(Report(sent=4))
    stopped_clock.advance(timedelta(days=1))
    store.report(Report(sent=1))
    [row] = rows(database)
    yesterday = history(database, row, (NOW + timedelta(days=1)).date())[-2]
    assert (yesterday.sent, yesterday.remaining) == (4, 46)


def test_days_are_kept_for_a_while(store, database, stopped_clock):
    store.report(Report(sent=1))
    stopped_clock.advance(timedelta(days=1))
    store.report(Report(sent=1))
    stopped_clock.advance(KEPT)
    store.report(Report(sent=1))
    with database.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM vendor_apis_quota_day").scalar() == 1
