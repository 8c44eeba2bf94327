"""Events that no run has got are registered again, and nothing else is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from airflow_provider.events import sweep as module
from airflow_provider.events.missed import Missed, Told, missed
from airflow_provider.events.storing import CHECK_AFTER
from airflow_provider.events.subscribers import has_row_for_all_events
from airflow_provider.events.sweep import MOST_RETOLD, sweep
from tests.support.airflow_databases import count
from tests.support.deliveries import (
    ASSET,
    Cut,
    arrival,
    consumed,
    deliver,
    events,
    pause,
    rows,
    strand,
    subscribe,
)

pytestmark = pytest.mark.usefixtures("airflow_database")


def after(**time: float) -> datetime:
    return datetime.now(UTC) + timedelta(**time)


def backdate() -> None:
    """Give all events the time of the first one, so that they are before the cut of its run."""
    from airflow import settings

    with settings.engine.begin() as connection:
        connection.execute(
            sa.text("UPDATE asset_event SET timestamp = (SELECT min(timestamp) FROM asset_event)")
        )


def test_what_is_in_a_run_is_left_alone():
    subscribe()
    deliver(arrival(1))
    Cut().runs()
    assert sweep(after(seconds=11)) == 0
    assert rows("check_at", "retold") == [(None, 0)]
    assert len(events()) == 1


def test_what_is_in_no_run_is_told_again_and_counted():
    subscribe()
    deliver(arrival(1))
    strand()
    assert Cut().runs() == {}
    assert sweep(after(seconds=11)) == 1
    [(delivery, retold)] = rows("id", "retold")
    assert retold == 1
    assert [extra["delivery"] for extra in events()] == [delivery] * 2
    assert set(Cut().runs()["reader"][0]) == {delivery}
    assert sweep(after(minutes=2)) == 0
    assert rows("check_at") == [None]


def test_a_younger_one_is_given_time():
    subscribe()
    received = datetime.now(UTC)
    deliver(arrival(1, received_at=received))
    strand()
    assert sweep(received + CHECK_AFTER - timedelta(seconds=1)) == 0
    assert sweep(received + CHECK_AFTER) == 1


@pytest.mark.usefixtures("row_for_all_events")
def test_an_event_that_is_committed_after_the_cut_of_a_run_with_a_later_time_is_told_again():
    subscribe()
    deliver(arrival(1))
    Cut().runs()
    # Its time is from before that run was made, and the scheduler did not see it then.
    deliver(arrival(2))
    backdate()
    old, late = rows("id")
    assert Cut().runs() == {"reader": [[old], []]}
    assert sweep(after(seconds=11)) == 1
    assert Cut().runs() == {"reader": [[old], [], [late]]}


@pytest.mark.usefixtures("row_for_all_events")
def test_an_event_that_the_next_run_will_not_get_is_told_again_although_the_dag_is_queued():
    subscribe()
    deliver(arrival(1))
    Cut().runs()
    deliver(arrival(2))
    backdate()
    old, late = rows("id")
    # Where deliveries never stop, there is always something in the queue.
    assert count("asset_dag_run_queue") == 1
    assert sweep(after(seconds=11)) == 1
    assert Cut().runs() == {"reader": [[old], [late]]}


def test_an_event_with_a_row_of_its_own_in_the_queue_is_not_told_again():
    if has_row_for_all_events():
        pytest.skip("the scheduler's queue of this Airflow has a row for all events")
    subscribe()
    deliver(arrival(1))
    Cut().runs()
    deliver(arrival(2))
    backdate()
    assert sweep(after(seconds=11)) == 0
    assert sorted(Cut().runs()["reader"]) == [[number] for number in sorted(rows("id"))]


def test_what_waits_in_the_queue_is_left_there_and_looked_at_later():
    from airflow.sdk import Asset

    # A run comes when the other asset has an event, too.
    subscribe("both", [Asset(ASSET), Asset("acme/other")])
    deliver(arrival(1))
    now = after(seconds=11)
    assert sweep(now) == 0
    [check_at] = rows("check_at")
    assert check_at > now
    assert Cut().runs() == {}
    strand()
    assert sweep(after(minutes=2)) == 1


def test_only_the_dag_that_missed_it_is_waited_for_again():
    subscribe("first")
    subscribe("second")
    deliver(arrival(1))
    from airflow import settings

    with settings.engine.begin() as connection:
        connection.execute(sa.text("DELETE FROM asset_dag_run_queue WHERE target_dag_id = 'second'"))
    assert set(Cut().runs()) == {"first"}
    assert sweep(after(seconds=11)) == 1
    [[before, again]] = rows("events")
    assert (before["dags"], again["dags"]) == ([], ["second"])
    assert consumed().keys() == {"first"}
    assert set(Cut().runs()) == {"first", "second"}


@pytest.mark.parametrize("paused", ["at the time", "since then"])
def test_a_dag_that_is_paused_is_not_told_even_when_it_runs_again(paused):
    subscribe(paused=paused == "at the time")
    deliver(arrival(1))
    strand()
    pause("reader", True)
    assert sweep(after(seconds=11)) == 0
    pause("reader", False)
    assert sweep(after(hours=1)) == 0
    assert len(events()) == 1


def test_a_dag_that_is_scheduled_on_the_asset_later_gets_no_old_deliveries():
    subscribe("first")
    deliver(arrival(1))
    Cut().runs()
    subscribe("second")
    assert sweep(after(seconds=11)) == 0


def test_a_dag_that_only_refers_to_the_asset_is_not_started_again_and_again():
    from airflow.sdk import Asset

    subscribe("maker", paused=True)
    subscribe("by_name", [Asset.ref(name=ASSET)])
    deliver(arrival(1))
    assert set(Cut().runs()) == {"by_name"}
    assert sweep(after(seconds=11)) == 0


def test_what_no_run_ever_keeps_is_told_a_limited_number_of_times(caplog):
    subscribe()
    deliver(arrival(1))
    now = after(seconds=11)
    for expected in range(1, MOST_RETOLD + 1):
        strand()
        assert sweep(now) == 1
        assert rows("retold") == [expected]
        # Each time it is given longer.
        assert sweep(now + CHECK_AFTER * 2**expected - timedelta(seconds=1)) == 0
        now += CHECK_AFTER * 2**expected + timedelta(seconds=1)
    strand()
    assert sweep(now) == 0
    assert rows("check_at") == [None]
    assert "is in no run" in caplog.text


@pytest.mark.usefixtures("row_for_all_events")
def test_many_deliveries_are_swept_in_groups(monkeypatch):
    monkeypatch.setattr(module, "GROUP", 3)
    subscribe()
    deliver(arrival(0))
    Cut().runs()
    deliver(*(arrival(thing) for thing in range(1, 8)))
    backdate()
    now = after(seconds=11)
    assert sweep(now) == 7
    assert sweep(now) == 0
    first, *others = rows("id")
    assert Cut().runs() == {"reader": [[first], others]}


@pytest.mark.usefixtures("row_for_all_events")
def test_what_the_queued_run_will_get_anyway_is_told_once_at_most(monkeypatch):
    monkeypatch.setattr(module, "GROUP", 1)
    subscribe()
    deliver(arrival(1), arrival(2))
    strand()
    # To tell the first again queues the Dag, and its run then gets the second as well.
    assert sweep(after(seconds=11)) == 1
    assert len(events()) == 3


def test_two_processes_do_not_tell_the_same_delivery_again(airflow_database):
    from airflow.utils.session import create_session

    if airflow_database == "sqlite":
        pytest.skip("SQLite has one writer at a time")
    subscribe()
    deliver(*(arrival(thing) for thing in range(4)))
    strand()
    now = after(seconds=11)
    with create_session(scoped=False) as session:
        assert len(module._due(session, now)) == 4
        assert sweep(now) == 0
    assert sweep(now) == 4


def test_two_sweeps_of_a_file_take_turns(airflow_database):
    from airflow.utils.session import create_session

    if airflow_database != "sqlite":
        pytest.skip("others have locks of rows")
    with create_session(scoped=False) as session:
        module._due(session, after(seconds=11))
        with pytest.raises(sa.exc.OperationalError, match="locked"):
            sweep(after(seconds=11))


def test_events_that_have_no_delivery_can_be_asked_about_too():
    from airflow.models.asset import AssetEvent
    from airflow.utils.session import create_session

    subscribe()
    deliver(arrival(1), arrival(2), arrival(3))
    with create_session(scoped=False) as session:
        [first, *others] = session.scalars(sa.select(AssetEvent).order_by(AssetEvent.id)).all()
        told = {Told(event.id, event.asset_id, "reader") for event in (first, *others)}
        gone = {Told(first.id, first.asset_id, "no such Dag")}
        assert missed(session, told | gone) == Missed(queued=told, lost=set())
    Cut().runs()
    with create_session(scoped=False) as session:
        assert missed(session, told) == Missed(set(), set())
        assert missed(session, []) == Missed(set(), set())
        lost = {Told(10**6, first.asset_id, "reader")}
        assert missed(session, lost) == Missed(set(), lost)
