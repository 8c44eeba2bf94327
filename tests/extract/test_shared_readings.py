"""One reading of a list for all tasks of a run, in both databases, and how little memory its index takes."""

from __future__ import annotations

import threading
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from airflow_provider.exceptions import InvalidInput, StoreUnavailable
from airflow_provider.extract import shared
from airflow_provider.extract.index import Digests, Entry, ListIndex
from airflow_provider.extract.shared import LEASE, STALE, SharedReading
from airflow_provider.processes import new_owner
from airflow_provider.store.tables import list_index, list_index_part

DIGESTS = Digests(b"k" * 32)


def entry(number: int) -> Entry:
    found = DIGESTS.entry([f"{number:08d}"], {"id": number})
    assert found is not None
    return found


class Vendor:
    def __init__(self, count: int = 7, size: int = 3) -> None:
        self.count = count
        self.size = size
        self.reads = 0
        self.fail_at: int | None = None
        self.waiting: threading.Event | None = None

    def __call__(self) -> Iterator[list[Entry]]:
        self.reads += 1
        if self.waiting is not None:
            self.waiting.wait(10)
        for begin in range(0, self.count, self.size):
            if self.fail_at == begin:
                raise InvalidInput("the vendor is away")
            yield [entry(number) for number in range(begin, min(begin + self.size, self.count))]


def reading(database: Any, run: str = "dag/run", **options: Any) -> SharedReading:
    given = {"conn_id": "c", "listing": "Partners", "terms": ["account", "Number"], **options}
    return SharedReading(database, run=run, **given)


def filled(database: Any, vendor: Vendor, run: str = "dag/run", **options: Any) -> ListIndex:
    index = ListIndex(DIGESTS)
    reading(database, run, **options).fill(index, vendor)
    return index


def test_the_second_task_of_a_run_takes_what_the_first_has_read(database, monkeypatch):
    monkeypatch.setattr(shared, "PART", 2)
    vendor = Vendor()
    for index in (filled(database, vendor), filled(database, vendor)):
        assert len(index) == 7
        assert [index.find([f"{n:08d}"]) for n in (0, 6, 7)] == [[{"id": 0}], [{"id": 6}], []]
    assert vendor.reads == 1


def test_another_run_or_other_terms_or_no_run_read_for_themselves(database):
    vendor = Vendor()
    filled(database, vendor)
    filled(database, vendor, "dag/run-2")
    filled(database, vendor, terms=["other"])
    filled(database, vendor, "")
    filled(database, vendor, "")
    assert vendor.reads == 5


def test_a_reading_that_failed_is_begun_anew_at_once(database):
    vendor = Vendor()
    vendor.fail_at = 6
    with pytest.raises(InvalidInput):
        filled(database, vendor)
    vendor.fail_at = None
    assert len(filled(database, vendor)) == 7
    assert vendor.reads == 2


def test_tasks_that_come_while_one_reads_wait_for_it(database):
    vendor = Vendor()
    vendor.waiting = threading.Event()
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        vendor.waiting.set()
        threading.Event().wait(0.01)

    first = threading.Thread(target=filled, args=[database, vendor])
    first.start()
    while not vendor.reads:
        threading.Event().wait(0.01)
    assert len(filled(database, vendor, pause=pause)) == 7
    first.join()
    assert vendor.reads == 1
    assert pauses


@pytest.mark.parametrize(
    "left",
    [
        {"owner": f"{new_owner().rsplit('/', 3)[0]}/999999/1/x"},
        {"owner": "elsewhere/1/1/x", "lease_until": 0.0},
    ],
)
def test_what_a_dead_task_has_begun_is_read_by_the_next(database, left, monkeypatch):
    vendor = Vendor()
    filled(database, vendor)
    with database.begin() as connection:
        connection.execute(sa.update(list_index).values(state="reading", **left))
    assert len(filled(database, vendor)) == 7
    assert vendor.reads == 2


def test_a_later_try_does_not_take_an_old_reading(database):
    vendor = Vendor()
    filled(database, vendor)
    filled(database, vendor, retry=True)
    with database.begin() as connection:
        connection.execute(
            sa.update(list_index).values(created_at=list_index.c.created_at - shared.RETRY_AGE)
        )
    filled(database, vendor)
    assert vendor.reads == 1
    filled(database, vendor, retry=True)
    filled(database, vendor)
    assert vendor.reads == 2


def test_readings_of_runs_that_are_over_are_removed(database):
    filled(database, Vendor())
    with database.begin() as connection:
        connection.execute(sa.update(list_index).values(created_at=list_index.c.created_at - STALE - 1))
    filled(database, Vendor(), "dag/run-2")
    with database.read() as connection:
        assert connection.scalars(sa.select(list_index.c.run)).all() == ["dag/run-2"]
        assert len(connection.execute(sa.select(list_index_part)).all()) == 1


def test_parts_that_went_while_they_were_taken_are_not_taken(database):
    vendor = Vendor()
    filled(database, vendor)
    with database.begin() as connection:
        connection.execute(sa.delete(list_index_part))

    def expire(seconds: float) -> None:
        with database.begin() as connection:
            connection.execute(sa.update(list_index).values(created_at=0.0))

    assert len(filled(database, vendor, pause=expire)) == 7
    assert vendor.reads == 2


def test_a_task_that_was_taken_for_dead_keeps_what_it_has_read_to_itself(database, monkeypatch):
    monkeypatch.setattr(shared, "PART", 2)
    slow = Vendor()

    def pages() -> Iterator[list[Entry]]:
        for number, page in enumerate(slow()):
            if number == 1:
                with database.begin() as connection:
                    connection.execute(sa.update(list_index).values(lease_until=0.0))
                assert len(filled(database, Vendor())) == 7
            yield page

    index = ListIndex(DIGESTS)
    reading(database).fill(index, pages)
    assert len(index) == 7
    assert len(filled(database, Vendor(count=0))) == 7


def test_a_database_that_is_away_for_a_moment_at_any_step_costs_no_reading(database, monkeypatch):
    monkeypatch.setattr(shared, "PART", 2)
    steps: list[int] = []

    def wait(work: Any) -> Any:
        """Each step is done twice, as where its first commit is not answered."""
        steps.append(1)
        work()
        return work()

    vendor = Vendor()
    for _ in (1, 2):
        index = filled(database, vendor, wait=wait)
        assert [index.find([f"{n:08d}"]) for n in range(8)] == [[{"id": n}] for n in range(7)] + [[]]
        assert len(index) == 7
    assert vendor.reads == 1
    assert len(steps) == (1 + 4 + 1) + (1 + 1)


def test_what_ended_a_reading_is_told_also_where_the_database_is_away_by_then(database, monkeypatch):
    vendor = Vendor()

    def pages() -> Iterator[list[Entry]]:
        yield from ()
        monkeypatch.setattr(type(database), "run", away)
        raise InvalidInput("the vendor is away")

    def away(*_: Any) -> Any:
        raise StoreUnavailable("it is restarted")

    with monkeypatch.context(), pytest.raises(InvalidInput, match="the vendor is away"):
        reading(database).fill(ListIndex(DIGESTS), pages)
    monkeypatch.undo()
    assert len(filled(database, vendor)) == 7


def test_a_lease_from_the_future_was_written_by_a_wrong_clock(database):
    vendor = Vendor()
    filled(database, vendor)
    with database.begin() as connection:
        connection.execute(
            sa.update(list_index).values(state="reading", owner="elsewhere/1/1/x", lease_until=1e12)
        )
    assert len(filled(database, vendor)) == 7
    assert LEASE < 1e12


def test_a_hundred_thousand_partners_take_little_memory_and_no_name_is_stored(tmp_path):
    from airflow_provider.store.engine import Database

    database = Database(sa.URL.create("sqlite", database=str(tmp_path / "l.db")), shared=False)
    database.prepare()
    vendor = Vendor(count=100_000, size=1000)
    tracemalloc.start()
    try:
        filled(database, vendor).close()
        index = filled(database, vendor)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 30_000_000
    assert index.find(["00099999"]) == [{"id": 99_999}]
    assert vendor.reads == 1
    database.close()


def test_digests_tell_nothing_without_their_key():
    one, other = Digests(b"1" * 32), Digests(b"2" * 32)
    assert one.digests(["12345678"]) != other.digests(["12345678"])
