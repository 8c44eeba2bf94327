"""The writer: groups, a full queue, a database that cannot be used, and the end of the process."""

from __future__ import annotations

import gc
import sqlite3
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import sqlalchemy as sa

from airflow_provider.events import committing, faults, intake
from airflow_provider.events.intake import Busy, Outcome, Writer
from airflow_provider.exceptions import InvalidInput
from tests.support.airflow_databases import count
from tests.support.deliveries import CONN, message, rows, settings, subscribe

NewWriter = Callable[..., Writer]


@pytest.fixture
def new_writer() -> Iterator[NewWriter]:
    """A function that makes a writer, which is closed at the end."""
    made: list[Writer] = []

    def new(**options: object) -> Writer:
        made.append(Writer(settings(**options), sweeping=False))
        return made[-1]

    yield new
    for writer in made:
        writer.close()


def submit(writer: Writer, thing: object = 1):
    return writer.submit(CONN, "acme", "webhook", message(thing))


class Gate:
    """Holds up every group until it is opened."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.sizes: list[int] = []
        self.held = threading.Event()
        self.opened = threading.Event()
        self._commit = committing.commit
        monkeypatch.setattr(committing, "commit", self)

    def __call__(self, arrivals, settings):
        self.sizes.append(len(arrivals))
        self.held.set()
        assert self.opened.wait(30)
        return self._commit(arrivals, settings)


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    gate = Gate(monkeypatch)
    yield gate
    gate.opened.set()


# --- groups ------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("airflow_database")
def test_a_delivery_is_committed_when_its_future_is_done(new_writer):
    subscribe()
    writer = new_writer()
    assert submit(writer).result(30) is Outcome.ACCEPTED
    assert [count("vendor_apis_delivery"), count("asset_event"), count("asset_dag_run_queue")] == [1, 1, 1]
    assert submit(writer).result(30) is Outcome.REPEATED


def test_what_comes_while_a_group_is_stored_is_the_next_group(airflow_database, new_writer, gate):
    writer = new_writer()
    first = submit(writer, "first")
    assert gate.held.wait(30)
    others = [submit(writer, thing) for thing in range(20)]
    assert writer.waiting == 20
    gate.opened.set()
    assert {future.result(30) for future in (first, *others)} == {Outcome.NO_SUBSCRIBERS}
    assert gate.sizes == [1, 20]
    writer.close()
    assert (writer.counts.deliveries, writer.counts.groups, writer.counts.busy) == (21, 2, 0)
    assert writer.counts.seconds > 0


@pytest.mark.usefixtures("airflow_database")
def test_several_writers_store_the_same_thing_once(new_writer):
    subscribe()
    writer = new_writer(webhook_writers=4)
    futures = [submit(writer, thing) for _ in range(5) for thing in range(20)]
    outcomes = [future.result(60) for future in futures]
    assert outcomes.count(Outcome.ACCEPTED) == 20
    assert outcomes.count(Outcome.REPEATED) == 80
    assert sum(rows("repeats")) == 80
    assert count("asset_event") == 20


def test_a_writer_starts_no_thread_before_it_is_used():
    before = threading.active_count()
    Writer(settings()).close()
    assert threading.active_count() == before


@pytest.mark.parametrize("broken", ["increase", "gauge"])
def test_metrics_that_cannot_be_sent_do_not_end_the_thread(airflow_db, new_writer, monkeypatch, broken):
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("no metrics")

    monkeypatch.setattr(intake, broken, fail)
    writer = new_writer()
    for thing in ("before", "after"):
        assert submit(writer, thing).result(30) in set(Outcome)


def test_a_group_that_fails_in_a_way_nobody_knows_does_not_end_the_thread(
    airflow_db, new_writer, monkeypatch, caplog
):
    store = committing.commit
    failures = iter([RuntimeError("quotes the delivery")])

    def fail_once(arrivals, settings):
        for failure in failures:
            raise failure
        return store(arrivals, settings)

    monkeypatch.setattr(committing, "commit", fail_once)
    writer = new_writer()
    with pytest.raises(Busy):
        submit(writer, "fails").result(30)
    assert submit(writer, "goes on").result(30) in set(Outcome)
    assert "RuntimeError" in caplog.text
    assert "quotes the delivery" not in caplog.text


def test_a_configuration_that_cannot_be_is_told_at_the_first_delivery(monkeypatch):
    monkeypatch.setenv("AIRFLOW__VENDOR_APIS__WEBHOOK_QUEUE", "many")
    with pytest.raises(InvalidInput, match="webhook_queue is no whole number"):
        submit(Writer())


# --- too much ----------------------------------------------------------------------------------------------


def test_a_full_queue_turns_deliveries_away_at_once(airflow_db, new_writer, gate):
    writer = new_writer(webhook_queue=2)
    first = submit(writer, "first")
    assert gate.held.wait(30)
    waiting = [submit(writer, thing) for thing in range(2)]
    with pytest.raises(Busy) as caught:
        submit(writer, "too many")
    assert caught.value.retry_after > 0
    gate.opened.set()
    assert all(future.result(30) for future in (first, *waiting))
    # There is room again.
    assert submit(writer, "too many").result(30)
    assert writer.counts.busy == 1


def test_a_payload_that_is_too_long_takes_no_memory_while_it_waits(airflow_database, new_writer, gate):
    class Payload(dict[str, str]):
        pass

    writer = new_writer(webhook_max_event_bytes=100)
    submit(writer, "holds up the thread")
    assert gate.held.wait(30)
    payload = Payload(text="x" * 101)
    waits = weakref.ref(payload)
    future = writer.submit(CONN, "acme", "webhook", message("waits", payload=payload))
    del payload
    gc.collect()
    assert waits() is None
    gate.opened.set()
    assert future.result(30) is Outcome.NO_SUBSCRIBERS
    assert rows("payload", "payload_truncated")[-1] == (None, True)


def test_a_delivery_that_nobody_waits_for_any_more_is_not_stored(airflow_database, new_writer, gate):
    writer = new_writer()
    first = submit(writer, "first")
    assert gate.held.wait(30)
    second = submit(writer, "second")
    assert second.cancel()
    gate.opened.set()
    assert first.result(30)
    writer.close()
    assert rows("thing") == ["CHANGED/first"]


# --- the end -----------------------------------------------------------------------------------------------


def test_what_is_queued_is_stored_before_the_end_and_later_deliveries_are_turned_away(
    airflow_database, new_writer, gate
):
    writer = new_writer()
    futures = [submit(writer, thing) for thing in range(5)]
    gate.opened.set()
    writer.close()
    assert all(future.done() for future in futures)
    assert count("vendor_apis_delivery") == 5
    with pytest.raises(Busy):
        submit(writer)
    assert not [one for one in threading.enumerate() if one.name.startswith("vendor-apis")]


def test_what_a_database_that_hangs_leaves_in_the_queue_is_turned_away(
    airflow_db, new_writer, gate, monkeypatch
):
    monkeypatch.setattr(intake, "STOP_TIMEOUT", 0.1)
    writer = new_writer()
    submit(writer, "hangs")
    assert gate.held.wait(30)
    waiting = submit(writer, "waits")
    writer.close()
    with pytest.raises(Busy):
        waiting.result(30)


# --- a database that cannot be used ------------------------------------------------------------------------


@contextmanager
def without_table() -> Iterator[None]:
    from airflow import settings as airflow_settings

    with airflow_settings.engine.begin() as connection:
        connection.execute(sa.text("ALTER TABLE vendor_apis_delivery RENAME TO hidden"))
    try:
        yield
    finally:
        with airflow_settings.engine.begin() as connection:
            connection.execute(sa.text("ALTER TABLE hidden RENAME TO vendor_apis_delivery"))


@contextmanager
def locked() -> Iterator[None]:
    from airflow import settings as airflow_settings

    engine = airflow_settings.engine
    if engine.dialect.name == "sqlite":
        other = sqlite3.connect(engine.url.database, isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        try:
            yield
        finally:
            other.execute("ROLLBACK")
            other.close()
    else:
        with engine.connect() as connection, connection.begin():
            connection.execute(sa.text("LOCK TABLE vendor_apis_delivery"))
            yield


def refused(writer: Writer, thing: object) -> Busy:
    with pytest.raises(Busy) as caught:
        submit(writer, thing).result(30)
    assert caught.value.retry_after > 0
    return caught.value


@pytest.mark.usefixtures("airflow_database")
def test_a_database_that_is_not_migrated_turns_deliveries_away_and_says_what_to_do(new_writer):
    writer = new_writer()
    with without_table():
        assert "airflow db migrate" in str(refused(writer, 1))
    assert submit(writer, 1).result(30) is Outcome.NO_SUBSCRIBERS


@pytest.mark.usefixtures("airflow_database")
def test_a_database_that_is_locked_turns_deliveries_away(new_writer, monkeypatch):
    monkeypatch.setattr(committing, "LOCK_TIMEOUT", 1)
    subscribe()
    writer = new_writer()
    with locked():
        refused(writer, 1)
    assert submit(writer, 1).result(30) is Outcome.ACCEPTED
    assert [count("vendor_apis_delivery"), count("asset_event")] == [1, 1]


def test_a_database_that_is_away_turns_deliveries_away_until_it_is_back(
    airflow_database, new_writer, request
):
    if airflow_database == "sqlite":
        pytest.skip("a file is not away")
    server = request.getfixturevalue("postgres_server")
    subscribe()
    writer = new_writer()
    assert submit(writer, 1).result(30) is Outcome.ACCEPTED
    server.stop()
    try:
        error = str(refused(writer, 2))
        assert "Airflow's database cannot be used" in error
    finally:
        server.start()
    assert submit(writer, 2).result(30) is Outcome.ACCEPTED
    assert [count("vendor_apis_delivery"), count("asset_event")] == [2, 2]


@pytest.mark.usefixtures("airflow_database")
def test_a_failure_half_way_leaves_nothing(new_writer, monkeypatch, caplog):
    from airflow_provider.events import telling

    def fail(*_: object) -> None:
        raise RuntimeError(" ".join(["personal", "data"]))

    subscribe()
    writer = new_writer()
    with monkeypatch.context() as patched:
        patched.setattr(telling, "advance_queue", fail)
        error = str(refused(writer, 1))
    assert [count("vendor_apis_delivery"), count("asset_event"), count("asset_dag_run_queue")] == [0, 0, 0]
    # Where it failed is logged; what the error says may be the delivery's.
    assert "could not be stored (RuntimeError)" in caplog.text
    assert "advance_queue" in caplog.text
    assert "personal data" not in caplog.text + error
    assert submit(writer, 1).result(30) is Outcome.ACCEPTED


def test_no_message_of_a_driver_is_passed_on():
    error = sa.exc.OperationalError("INSERT", {"name": "Ann"}, ValueError("Key (name)=(Ann)"))
    assert "Ann" not in faults.describe(error)
