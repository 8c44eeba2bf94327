"""A delivery, its asset events and its place in the scheduler's queue."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from airflow_provider.events.arrival import event_extra
from airflow_provider.events.outcome import Outcome
from airflow_provider.events.subscribers import advance_queue
from airflow_provider.events.telling import Teller
from tests.support.airflow_databases import count
from tests.support.deliveries import CONN, Cut, arrival, deliver, events, mark_stale, rows, subscribe

pytestmark = pytest.mark.usefixtures("airflow_database")

ACCEPTED, REPEATED, NO_SUBSCRIBERS = Outcome.ACCEPTED, Outcome.REPEATED, Outcome.NO_SUBSCRIBERS


def test_a_delivery_starts_a_run_that_gets_it():
    subscribe()
    assert deliver(arrival(payload={"odds": 1.5})) == [ACCEPTED]
    [delivery] = rows("id")
    [extra] = events()
    assert extra == {
        "vendor": "acme",
        "conn_id": CONN,
        "source": "webhook",
        "delivery": delivery,
        "family": "CHANGED",
        "entity": "order",
        "region": "north",
        "received_at": extra["received_at"],
        "payload": {"odds": 1.5},
        "payload_truncated": False,
        "gap": None,
    }
    assert datetime.fromisoformat(extra["received_at"]).tzinfo is not None
    assert Cut().runs() == {"reader": [[delivery]]}


def test_an_asset_that_no_dag_mentions_gets_no_event_and_the_delivery_is_kept():
    subscribe()
    assert deliver(arrival(assets=["acme/acme_orders/unheard_of"])) == [NO_SUBSCRIBERS]
    assert rows("outcome", "events", "check_at") == [("no_subscribers", [], None)]
    assert events() == []


def test_only_the_assets_that_a_dag_mentions_get_an_event():
    subscribe()
    assert deliver(arrival(assets=["acme", "acme/acme_orders", "acme/acme_orders/north"])) == [ACCEPTED]
    [[event]] = rows("events")
    assert (event["name"], event["dags"]) == ("acme/acme_orders", ["reader"])
    assert len(events()) == 1


def test_a_paused_dag_is_not_started_and_the_event_is_kept():
    subscribe(paused=True)
    assert deliver(arrival()) == [ACCEPTED]
    assert len(events()) == 1
    assert Cut().runs() == {}
    # There is nothing to look after: unpausing replays nothing in Airflow.
    assert rows("check_at") == [None]


def test_a_dag_that_refers_to_the_asset_is_started():
    from airflow.sdk import Asset

    subscribe("maker")
    subscribe("by_name", [Asset.ref(name="acme/acme_orders")])
    deliver(arrival(1), arrival(2))
    assert set(Cut().runs()) == {"maker", "by_name"}


@pytest.mark.usefixtures("row_for_all_events")
def test_several_deliveries_of_one_group_are_told_in_their_order():
    subscribe()
    assert deliver(*(arrival(thing) for thing in (10, 9, 8))) == [ACCEPTED] * 3
    assert [extra["payload"]["thing"] for extra in events()] == [10, 9, 8]
    assert [sorted(run) for run in Cut().runs()["reader"]] == [sorted(rows("id"))]


def test_assets_are_told_one_after_the_other_so_that_processes_cannot_block_each_other():
    from airflow.sdk import Asset

    names = ["acme/b", "acme/a"]
    subscribe(schedule=Asset(names[0]) | Asset(names[1]))
    assert (
        deliver(*(arrival(thing, assets=names[:: 1 if thing % 2 else -1]) for thing in range(4)))
        == [ACCEPTED] * 4
    )
    told = {
        event["event"]: (event["asset"], place) for place, one in enumerate(rows("events")) for event in one
    }
    assert len(told) == 8
    assert [told[event] for event in sorted(told)] == sorted(told.values())


@pytest.mark.usefixtures("row_for_all_events")
def test_each_group_is_a_handful_of_statements_and_few_more_for_each_event(airflow_database, statements):
    subscribe()
    deliver(*(arrival(f"first {thing}") for thing in range(10)))
    statements.clear()
    deliver(*(arrival(f"second {thing}") for thing in range(10)))
    few = len(statements)
    statements.clear()
    deliver(*(arrival(f"third {thing}") for thing in range(30)))
    on_postgres = airflow_database == "postgresql"
    # Airflow has a savepoint for each row of its queue, except on PostgreSQL; SQLite's rows go one by one.
    assert (len(statements) - few) / 20 <= (1 if on_postgres else 5)
    assert sum("INSERT INTO vendor_apis_delivery" in one for one in statements) == (1 if on_postgres else 30)
    assert sum("UPDATE vendor_apis_delivery" in one for one in statements) == 1


@pytest.mark.usefixtures("row_for_all_events")
def test_events_that_are_registered_while_another_process_commits_are_in_the_next_run(
    airflow_database, monkeypatch
):
    if airflow_database == "sqlite":
        pytest.skip("SQLite has one writer at a time")
    subscribe()
    deliver(arrival("first"))
    finish, runs = Teller.finish, Cut().runs

    def finish_late(teller: Teller) -> None:
        monkeypatch.setattr(Teller, "finish", finish)
        deliver(arrival("another process's"))
        runs()
        finish(teller)

    monkeypatch.setattr(Teller, "finish", finish_late)
    deliver(arrival("second"), arrival("third"))
    found = dict(zip(rows("thing"), rows("id"), strict=True))
    assert runs()["reader"] == [
        [found["CHANGED/first"], found["CHANGED/another process's"]],
        [found["CHANGED/second"], found["CHANGED/third"]],
    ]


# --- what cannot be stored as it is ------------------------------------------------------------------------


def test_of_a_payload_that_is_too_long_the_dag_learns_that_it_came():
    subscribe()
    assert deliver(arrival(1, payload={"text": "x" * 101}), webhook_max_event_bytes=100) == [ACCEPTED]
    assert deliver(arrival(2, payload={"text": "x" * 50}), webhook_max_event_bytes=100) == [ACCEPTED]
    assert [(one["payload"], one["payload_truncated"]) for one in events()] == [
        (None, True),
        ({"text": "x" * 50}, False),
    ]
    assert rows("payload_truncated") == [True, False]


@pytest.mark.parametrize("payload", [{"number": float("nan")}, {"set": {1}}], ids=["nan", "a set"])
def test_a_payload_that_is_no_json_is_left_out(payload):
    subscribe()
    assert deliver(arrival(payload=payload)) == [ACCEPTED]
    assert events()[0]["payload"] is None


def test_a_payload_that_is_nested_too_deeply_is_left_out():
    subscribe()
    deep: dict[str, object] = {}
    for _ in range(100_000):
        deep = {"deep": deep}
    assert deliver(arrival(payload=deep)) == [ACCEPTED]
    assert rows("payload_truncated") == [True]


@pytest.mark.parametrize("text", ["nul \0", "half a pair \ud800", "long " * 200, "ünïcödé 🎮", "'; --"])
def test_any_text_can_be_stored(text):
    subscribe()
    told = arrival(
        text, family=text, entity=text, group=text, payload={text: text}, assets=[text, "acme/acme_orders"]
    )
    assert deliver(told) == [ACCEPTED]
    assert events()[0]["payload"] == {text: text}
    assert deliver(arrival(text, family=text)) == [REPEATED]


def test_long_names_of_things_differ_where_the_things_do():
    start = "x" * 300
    assert deliver(arrival(f"{start}1", digest="d"), arrival(f"{start}2", digest="d")) == [NO_SUBSCRIBERS] * 2


def test_what_the_database_refuses_is_stored_without_its_payload(monkeypatch):
    import sqlalchemy as sa

    subscribe()

    def refuse(delivery):
        if delivery.payload is not None and delivery.payload["thing"] == "bad":
            raise sa.exc.DataError("", {}, ValueError("the payload"))
        return event_extra(delivery)

    monkeypatch.setattr("airflow_provider.events.telling.event_extra", refuse)
    assert deliver(arrival(1), arrival("bad"), arrival(2)) == [ACCEPTED] * 3
    assert [extra["payload"] for extra in events()] == [
        {"thing": 1, "state": "OP"},
        None,
        {"thing": 2, "state": "OP"},
    ]


# --- repeats -----------------------------------------------------------------------------------------------


def test_what_equals_the_latest_about_the_same_thing_is_counted_and_not_told():
    subscribe()
    assert deliver(arrival(1)) == [ACCEPTED]
    assert deliver(arrival(1), arrival(1)) == [REPEATED] * 2
    assert deliver(arrival(1)) == [REPEATED]
    assert rows("repeats") == [3]
    assert rows("repeated_at") != [None]
    assert len(events()) == 1


@pytest.mark.parametrize("groups", [[3], [1, 1, 1], [2, 1]], ids=["one group", "one by one", "two and one"])
def test_a_state_that_comes_back_is_news(groups):
    subscribe()
    states = iter(["OP", "SP", "OP"])
    for size in groups:
        assert deliver(*(arrival(1, next(states)) for _ in range(size))) == [ACCEPTED] * size
    assert deliver(arrival(1, "OP")) == [REPEATED]
    assert rows("epoch", "repeats") == [(0, 0), (0, 0), (1, 1)]
    assert [extra["payload"]["state"] for extra in events()] == ["OP", "SP", "OP"]


def test_repeats_inside_a_group_are_counted_on_the_row_that_the_group_makes():
    assert deliver(arrival(1), arrival(1), arrival(2), arrival(1)) == [
        NO_SUBSCRIBERS,
        REPEATED,
        NO_SUBSCRIBERS,
        REPEATED,
    ]
    assert rows("repeats") == [2, 0]


def test_a_repeat_of_what_found_no_subscriber_is_a_repeat_even_when_there_is_one_by_then():
    assert deliver(arrival(1)) == [NO_SUBSCRIBERS]
    subscribe()
    assert deliver(arrival(1)) == [REPEATED]


def test_what_comes_after_the_window_is_news():
    now = datetime.now(UTC)
    late = now + timedelta(seconds=61)
    assert deliver(arrival(1, received_at=now), webhook_repeat_window=60) == [NO_SUBSCRIBERS]
    assert deliver(arrival(1, received_at=late), webhook_repeat_window=60) == [NO_SUBSCRIBERS]
    assert rows("epoch") == [0, 1]


def test_the_same_about_another_thing_or_by_another_connection_is_news():
    from dataclasses import replace

    assert deliver(arrival(1, digest="d"), arrival(2, digest="d")) == [NO_SUBSCRIBERS] * 2
    assert deliver(replace(arrival(1, digest="d"), conn_id="acme_stock")) == [NO_SUBSCRIBERS]


# --- the scheduler's queue ---------------------------------------------------------------------------------


@pytest.mark.usefixtures("row_for_all_events")
def test_an_event_that_comes_while_a_run_is_queued_is_in_that_run():
    subscribe()
    deliver(arrival(1))
    deliver(arrival(2), arrival(3))
    assert Cut().runs() == {"reader": [rows("id")]}


@pytest.mark.usefixtures("row_for_all_events")
def test_airflow_strands_that_event_where_the_queue_is_not_advanced(monkeypatch):
    monkeypatch.setattr("airflow_provider.events.telling.advance_queue", lambda *arguments: None)
    subscribe()
    deliver(arrival(1))
    deliver(arrival(2))
    first, _ = rows("id")
    # The second event is in no run, and nothing is queued that would bring one.
    assert Cut().runs() == {"reader": [[first]]}
    assert count("asset_dag_run_queue") == 0
    assert Cut().runs() == {"reader": [[first]]}


@pytest.mark.usefixtures("row_for_all_events")
def test_a_slow_transaction_is_in_the_next_run_although_another_one_has_been_in_a_run_meanwhile(
    airflow_database, monkeypatch
):
    if airflow_database == "sqlite":
        pytest.skip("SQLite has one writer at a time")
    subscribe()
    deliver(arrival("before"))

    def others_first(*arguments):
        monkeypatch.undo()
        deliver(arrival("fast"))
        Cut().runs()
        advance_queue(*arguments)

    monkeypatch.setattr("airflow_provider.events.telling.advance_queue", others_first)
    deliver(arrival("slow"))
    ids = dict(rows("thing", "id"))
    before, fast, slow = (ids[f"CHANGED/{thing}"] for thing in ("before", "fast", "slow"))
    assert Cut().runs() == {"reader": [[before, fast], [slow]]}


@pytest.mark.usefixtures("row_for_all_events")
def test_the_queue_is_never_moved_back():
    import sqlalchemy as sa
    from airflow.models.asset import AssetDagRunQueue
    from airflow.utils.session import create_session

    subscribe()
    deliver(arrival(1))
    with create_session(scoped=False) as session:
        [(asset_id, before)] = session.execute(
            sa.select(AssetDagRunQueue.asset_id, AssetDagRunQueue.created_at)
        ).all()
        advance_queue(session, [asset_id], [], lambda: before - timedelta(hours=1))
        assert session.scalars(sa.select(AssetDagRunQueue.created_at)).all() == [before]
        advance_queue(session, [asset_id], [], lambda: before + timedelta(hours=1))
        assert session.scalars(sa.select(AssetDagRunQueue.created_at)).all() == [before + timedelta(hours=1)]


@pytest.mark.usefixtures("row_for_all_events")
def test_a_dag_that_the_scheduler_has_just_taken_from_the_queue_is_put_there_again(monkeypatch):
    def taken(session, asset_ids, event_ids):
        import sqlalchemy as sa

        session.execute(sa.delete(sa.table("asset_dag_run_queue")))
        advance_queue(session, asset_ids, event_ids)

    monkeypatch.setattr("airflow_provider.events.telling.advance_queue", taken)
    subscribe()
    deliver(arrival(1))
    assert Cut().runs() == {"reader": [rows("id")]}


def test_a_paused_dag_and_one_without_a_file_get_nothing():
    subscribe("paused", paused=True)
    subscribe("stale")
    subscribe("reader")
    mark_stale("stale")
    deliver(arrival(1))
    assert rows("events")[0][0]["dags"] == ["reader"]
    assert set(Cut().runs()) <= {"reader", "stale"}


@pytest.mark.usefixtures("row_for_all_events")
def test_a_queue_with_a_row_for_each_event_is_left_alone(monkeypatch, statements):
    from airflow_provider.events import subscribers

    monkeypatch.setattr(subscribers, "QUEUE_KEY", {"asset_event_id", "target_dag_id"})
    subscribe()
    deliver(arrival(1))
    assert not any("DO UPDATE" in one for one in statements)


def test_the_statement_for_mysql_moves_the_row_forward():
    from airflow.models.asset import AssetDagRunQueue
    from sqlalchemy.dialects import mysql

    from airflow_provider.events.subscribers import advance_statement

    text = str(advance_statement(AssetDagRunQueue.__table__, "mysql").compile(dialect=mysql.dialect()))
    assert " ".join(text.split()).endswith(
        "ON DUPLICATE KEY UPDATE created_at = greatest(asset_dag_run_queue.created_at, VALUES(created_at))"
    )


# --- the listeners -----------------------------------------------------------------------------------------


class Listener:
    def __init__(self) -> None:
        self.heard: list[int] = []

    def listen(self, asset: object) -> None:
        self.heard.append(count("asset_event"))


def test_listeners_hear_of_what_is_committed(monkeypatch):
    from airflow.assets.manager import AssetManager

    from airflow_provider.events.telling import _keywords

    if "callback_sink" not in _keywords(AssetManager):
        pytest.skip("Airflow 3.2 tells them at once")
    listener = Listener()
    monkeypatch.setattr(
        AssetManager, "notify_asset_changed", staticmethod(lambda asset: listener.listen(asset))
    )
    subscribe()
    deliver(arrival(1), arrival(2))
    assert listener.heard == [2, 2]
