"""Looking at deliveries, telling one again by hand, and deleting old ones."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from airflow_provider.events import retention
from airflow_provider.events.deliveries import list_deliveries, replay_delivery, show_delivery
from airflow_provider.events.retention import delete_before, delete_old
from airflow_provider.events.sweep import MOST_RETOLD, sweep
from tests.support.airflow_databases import count
from tests.support.deliveries import ASSET, CONN, Cut, arrival, consumed, deliver, rows, strand, subscribe

pytestmark = pytest.mark.usefixtures("airflow_database")


def test_a_delivery_is_listed_with_what_became_of_it():
    subscribe("first")
    subscribe("second")
    deliver(arrival(1), arrival(1))
    assert list_deliveries()[0]["runs"] == 0
    Cut().runs()
    [listed] = list_deliveries()
    [(delivery, received_at)] = rows("id", "received_at")
    assert listed == {
        "id": delivery,
        "conn_id": CONN,
        "received_at": received_at.isoformat(),
        "family": "CHANGED",
        "outcome": "accepted",
        "repeats": 1,
        "asset_events": 1,
        "runs": 2,
    }


def test_the_newest_come_first_and_in_pages():
    from dataclasses import replace

    deliver(*(arrival(thing) for thing in range(5)), replace(arrival(5), conn_id="acme_stock"))
    ids = [one["id"] for one in list_deliveries()]
    assert ids == sorted(rows("id"), reverse=True)
    page = list_deliveries(limit=2)
    assert [one["id"] for one in page] == ids[:2]
    assert [one["id"] for one in list_deliveries(limit=2, before=page[-1]["id"])] == ids[2:4]
    assert [one["conn_id"] for one in list_deliveries(conn_ids=["acme_stock"])] == ["acme_stock"]
    assert list_deliveries(conn_ids=[]) == []


def test_a_list_reads_no_payloads(statements):
    deliver(arrival(1))
    statements.clear()
    list_deliveries()
    assert statements
    assert not [one for one in statements if "payload" in one]


def test_one_is_shown_with_its_payload_and_its_runs():
    subscribe()
    deliver(arrival(1, gap={"since": "2026-01-01T00:00:00Z"}))
    Cut().runs()
    [delivery] = rows("id")
    shown = show_delivery(delivery)
    assert shown is not None
    assert shown["payload"] == {"thing": 1, "state": "OP"}
    assert shown["region"] == "north"
    assert shown["gap"] == {"since": "2026-01-01T00:00:00Z"}
    assert [event["asset"] for event in shown["asset_events"]] == [ASSET]
    [run] = shown["runs"]
    assert run["dag_id"] == "reader"
    assert run["run_id"].startswith("asset_triggered__")
    assert show_delivery(delivery + 1) is None


def test_a_delivery_can_be_told_again_by_hand():
    subscribe()
    deliver(arrival(1))
    Cut().runs()
    [delivery] = rows("id")
    assert replay_delivery(delivery) == 1
    assert consumed() == {"reader": [[delivery]]}
    assert Cut().runs() == {"reader": [[delivery], [delivery]]}
    [listed] = list_deliveries()
    assert (listed["asset_events"], listed["runs"]) == (2, 2)
    assert sweep(datetime.now(UTC) + timedelta(minutes=1)) == 0
    assert replay_delivery(delivery + 1) is None


def test_what_was_replayed_often_is_still_told_again_when_no_run_gets_it():
    subscribe()
    deliver(arrival(1))
    [delivery] = rows("id")
    for _ in range(MOST_RETOLD):
        replay_delivery(delivery)
    assert rows("retold") == [0]
    Cut().runs()
    replay_delivery(delivery)
    strand()
    assert sweep(datetime.now(UTC) + timedelta(minutes=1)) == 1
    assert rows("retold") == [1]


def test_what_found_no_subscriber_can_be_told_once_there_is_one():
    deliver(arrival(1))
    [delivery] = rows("id")
    assert replay_delivery(delivery) == 0
    assert rows("outcome") == ["no_subscribers"]
    subscribe()
    assert replay_delivery(delivery) == 1
    assert rows("outcome") == ["accepted"]
    assert Cut().runs() == {"reader": [[delivery]]}


# --- retention ---------------------------------------------------------------------------------------------


def days_old(thing: int, days: float):
    return arrival(thing, received_at=datetime.now(UTC) - timedelta(days=days))


def test_deliveries_are_deleted_by_age(monkeypatch):
    monkeypatch.setattr(retention, "GROUP", 2)
    deliver(*(days_old(thing, 31) for thing in range(5)), *(days_old(thing, 29) for thing in range(5, 8)))
    assert delete_old(30) == 5
    assert rows("thing") == [f"CHANGED/{thing}" for thing in range(5, 8)]
    assert delete_old(30) == 0
    assert delete_old(0) == 0
    assert delete_before(datetime.now(UTC) - timedelta(days=28)) == 3
    assert count("vendor_apis_delivery") == 0


def test_an_id_is_not_given_twice():
    deliver(days_old(1, 31))
    [gone] = rows("id")
    delete_old(30)
    deliver(arrival(2))
    assert rows("id") > [gone]


def test_events_and_runs_stay_when_a_delivery_is_deleted():
    subscribe()
    deliver(days_old(1, 31))
    Cut().runs()
    delete_old(30)
    assert count("asset_event") == 1
    assert count("dagrun_asset_event") == 1
