"""Records that share a request: each is accounted for by itself."""

from __future__ import annotations

import asyncio
import errno
import os
import threading
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa

from airflow_provider.batch import failures, runner, turns
from airflow_provider.batch.chunks import ChunkedBatch
from airflow_provider.batch.mapping import RecordMapping
from airflow_provider.batch.operation import Operation
from airflow_provider.batch.plan import Plan
from airflow_provider.exceptions import (
    InvalidInput,
    OutcomeUnknown,
    StoreUnavailable,
    VendorError,
    VendorRejected,
    VendorUnavailable,
)
from airflow_provider.http.call import Call, idempotent, once
from airflow_provider.http.model import VendorModel
from airflow_provider.ledger.ledger import Completion
from airflow_provider.ledger.recorder import CLAIM_HOLDS, Recorder
from airflow_provider.records.readers import Records
from airflow_provider.records.writers import ListOutput
from airflow_provider.secrets import seal_fields
from airflow_provider.store.engine import Database
from airflow_provider.store.tables import ledger as table
from tests.support.batches import COUNTS
from tests.support.ledger import away, ledger_of


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch):
    monkeypatch.setattr(turns, "BUSY_PAUSE", 0.001)
    monkeypatch.setattr(runner, "STOP_GRACE", 0.01)


class Answer(VendorModel):
    value: Any


class World:
    """A vendor that takes several records at once.

    :param answers: what it does with each request: a function of the numbers in it, or an error
    """

    def __init__(
        self,
        database: Database,
        *answers: Any,
        sent_once: bool = False,
        changes: bool = False,
        **options: Any,
    ) -> None:
        self.database = database
        self.answers = list(answers)
        mark = once if sent_once else idempotent
        self.operation = Operation(
            name="acme.take", call=mark(self.single), result_key="result", changes=changes
        )
        self.ledger = ledger_of(once=sent_once)
        self.options = {
            "chunk_size": 3,
            "max_concurrency": 1,
            "on_error": "continue",
            "ordered": True,
            **options,
        }
        self.sent: list[list[Any]] = []
        self.batch: ChunkedBatch | None = None
        self.setup = SimpleNamespace(
            locate=lambda error, call: error.locate(vendor="acme", path=call.path),
            clean=lambda text, call: text,
        )

    def single(self, n: Any) -> Call[Answer]:
        if n == "bad":
            raise InvalidInput("it is bad", field="n")
        return Call("POST", "one", lambda response: Answer(value=n), json=n, key=tuple(str(n).split("=")))

    def combine(self, calls: Sequence[Call[Any]]) -> Call[list[Any]]:
        return Call("POST", "many", lambda response: [], json=[call.json for call in calls])

    async def run(self, call: Call[Any]) -> Any:
        numbers = call.json
        self.sent.append(numbers)
        await asyncio.sleep(0)
        answer = self.answers.pop(0) if self.answers else list
        if isinstance(answer, BaseException):
            raise answer
        found = answer(numbers)
        values = await found if asyncio.iscoroutine(found) else found
        return [value if isinstance(value, Exception) else Answer(value=value) for value in values]

    def work(self, numbers: Sequence[Any]) -> ChunkedBatch:
        plan = Plan(
            operation=self.operation,
            mapping=RecordMapping(self.operation.call, fields={}, defaults={}, chained={}),
            combine=lambda calls: self.combine(calls),
            **self.options,
        )
        self.results, self.failures = ListOutput(), ListOutput()
        with Records([{"n": n} for n in numbers]) as records:
            self.batch = batch = ChunkedBatch(plan, plan.combine, records, self.results, self.failures)

            async def drive() -> None:
                async with Recorder(self.database, self.ledger) as recorder:
                    await batch.run(self, recorder)  # type: ignore[arg-type]

            asyncio.run(drive())
        assert sum(getattr(batch.counts, name) for name in COUNTS) == batch.counts.total
        return batch

    def states(self) -> dict[str, str]:
        with self.database.begin() as connection:
            rows = connection.execute(sa.select(table.c.key, table.c.state))
            return {key.strip('[]"'): state for key, state in rows}


def counts(batch: ChunkedBatch) -> dict[str, int]:
    return {name: getattr(batch.counts, name) for name in ("total", *COUNTS) if getattr(batch.counts, name)}


@pytest.fixture
def world(database):
    def make(*answers: Any, once: bool = False, **options: Any) -> World:
        return World(database, *answers, sent_once=once, **options)

    return make


def test_a_chunk_is_full_before_it_is_sent_and_the_last_may_be_smaller(world):
    acme = world()
    batch = acme.work(range(1, 9))
    assert acme.sent == [[1, 2, 3], [4, 5, 6], [7, 8]]
    assert counts(batch) == {"total": 8, "created": 8}
    assert [record["result"]["value"] for record in acme.results.records] == list(range(1, 9))
    assert set(acme.states().values()) == {"done"}


def test_no_records_are_no_request(world):
    acme = world()
    assert counts(acme.work([])) == {}
    assert acme.sent == []


def test_a_record_that_cannot_be_sent_takes_no_place(world):
    acme = world()
    batch = acme.work([1, "bad", 2, 3, "bad", "bad", 4, 5])
    assert acme.sent == [[1, 2, 3], [4, 5]]
    assert counts(batch) == {"total": 8, "created": 5, "failed": 3}
    assert [failure["row"] for failure in acme.failures.records] == [2, 5, 6]


def test_many_that_cannot_be_sent_do_not_keep_those_before_them(world):
    acme = world()
    batch = acme.work([1, *["bad"] * 3000, 2])
    assert counts(batch) == {"total": 3002, "created": 2, "failed": 3000}
    assert acme.sent == [[1], [2]]


def test_each_record_may_have_an_end_of_its_own(world):
    acme = world(lambda numbers: [1, VendorRejected("not this one"), 3])
    batch = acme.work([1, 2, 3])
    assert counts(batch) == {"total": 3, "created": 2, "failed": 1}
    [failure] = acme.failures.records
    assert (failure["row"], failure["reason"]) == (2, "row 2: acme: not this one")
    assert acme.states() == {"1": "done", "2": "failed", "3": "done"}


@pytest.mark.parametrize(
    ("error", "count", "state"),
    [
        (VendorRejected("no"), "unknown", {"1": "unknown", "2": "unknown"}),
        (VendorUnavailable("away"), "failed", {}),
        (OutcomeUnknown("who knows"), "unknown", {"1": "unknown", "2": "unknown"}),
    ],
)
def test_an_error_of_the_request_is_that_of_each_record(world, error, count, state):
    acme = world(error, once=True)
    batch = acme.work([1, 2])
    assert counts(batch) == {"total": 2, count: 2}
    assert [failure["row"] for failure in acme.failures.records] == [1, 2]
    assert [failure["reason"][:6] for failure in acme.failures.records] == ["row 1:", "row 2:"]
    assert acme.states() == state


@pytest.mark.parametrize(("once", "numbers"), [(True, [1]), (False, [1, 2])])
def test_a_refusal_is_a_failure_where_it_left_nothing_or_may_be_sent_again(world, once, numbers):
    acme = world(VendorRejected("no"), once=once)
    assert counts(acme.work(numbers)) == {"total": len(numbers), "failed": len(numbers)}
    assert set(acme.states().values()) == {"failed"}
    assert counts(world(once=once).work(numbers)) == {"total": len(numbers), "created": len(numbers)}


def test_a_refused_chunk_of_what_is_sent_once_is_not_sent_again_by_itself(world):
    first = world(VendorRejected("no such field"), once=True)
    batch = first.work([1, 2, 2])
    assert counts(batch) == {"total": 3, "unknown": 3}
    assert "may have left some of them behind" in first.failures.records[0]["reason"]
    assert "no such field" in first.failures.records[0]["reason"]
    again = world(once=True)
    assert counts(again.work([1, 2, 3])) == {"total": 3, "created": 1, "unknown": 2}
    assert again.sent == [[3]]


@pytest.fixture
def full_disk(monkeypatch):
    """The results cannot be written any more."""

    def fail(output: ListOutput, record: dict[str, Any]) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def fill() -> None:
        monkeypatch.setattr(ListOutput, "write", fail)

    yield fill
    monkeypatch.undo()


@pytest.mark.parametrize("ends", [list, lambda numbers: [VendorRejected("not this one"), 2, 3]])
def test_the_answer_of_a_request_counts_for_all_its_records_when_the_disk_is_full(world, full_disk, ends):
    acme = world(ends, once=True)
    full_disk()
    assert isinstance(acme.work([1, 2, 3, 4]).error, OSError)
    assert acme.sent == [[1, 2, 3]]
    assert acme.states() == {"1": "done" if ends is list else "failed", "2": "done", "3": "done"}


def test_a_stored_result_that_cannot_be_written_leaves_nothing_as_sent(world, full_disk):
    world(once=True).work([1])
    again = world(once=True)
    full_disk()
    assert isinstance(again.work([1, 2, 3]).error, OSError)
    assert again.sent == []
    assert again.states() == {"1": "done"}


@pytest.mark.parametrize("found", [None, "unknown"])
def test_what_was_claimed_before_its_process_was_frozen_is_claimed_again(world, monkeypatch, found):
    """Another try may have taken its place, and a person may have decided about what that has found."""
    acme, holds = world(once=True), Recorder.holds
    frozen: list[dict[str, str]] = []

    def thaw(recorder: Recorder, claimed: float) -> bool:
        if frozen:
            return holds(recorder, claimed)
        frozen.append(acme.states())
        if found:
            with acme.database.begin() as connection:
                connection.execute(sa.update(table).values(state=found, error="it was interrupted"))
        return holds(recorder, claimed - CLAIM_HOLDS)

    monkeypatch.setattr(Recorder, "holds", thaw)
    batch = acme.work([1, 2])
    assert frozen == [{"1": "sent", "2": "sent"}]
    assert counts(batch) == {"total": 2, found or "created": 2}
    assert acme.sent == ([] if found else [[1, 2]])
    assert set(acme.states().values()) == {found or "done"}


def test_the_error_that_ends_a_batch_is_of_the_first_record(world):
    acme = world(list, VendorRejected("no"), on_error="fail")
    batch = acme.work(range(1, 20))
    assert isinstance(batch.error, VendorRejected)
    assert batch.error.row == 4
    assert counts(batch) == {"total": 6, "created": 3, "failed": 3}
    assert len(acme.sent) == 2


def test_a_record_that_cannot_be_sent_ends_a_batch_before_its_chunk_is_sent(world):
    acme = world(on_error="fail")
    batch = acme.work([1, 2, 3, 4, "bad", 5, 6])
    assert batch.error.row == 5
    assert acme.sent == [[1, 2, 3]]
    assert set(acme.states()) == {"1", "2", "3"}


def test_twenty_failed_requests_in_a_row_are_an_outage(world):
    acme = world(*[VendorUnavailable("away")] * 100)
    batch = acme.work(range(1000))
    assert isinstance(batch.error, VendorUnavailable)
    assert len(acme.sent) == failures.OUTAGE


def test_more_failures_than_allowed_end_a_batch(world):
    acme = world(*[VendorRejected("no")] * 9, max_failures=4)
    batch = acme.work(range(1, 28))
    assert len(acme.sent) == 2
    assert "6 of 6 records failed" in str(batch.error) or "5 of 5 records failed" in str(batch.error)


def test_the_same_record_is_sent_once(world):
    acme = world()
    batch = acme.work([1, 2, 1, 1, 3, 2])
    assert sorted(number for numbers in acme.sent for number in numbers) == [1, 2, 3]
    assert counts(batch) == {"total": 6, "created": 3, "replayed": 3}
    assert [record["result"]["value"] for record in acme.results.records] == [1, 2, 1, 1, 3, 2]


@pytest.mark.parametrize("size", [1, 2, 3, 10])
def test_what_is_changed_back_is_sent_again_in_its_order(world, size):
    acme = world(chunk_size=size, changes=True)
    batch = acme.work(["a=x", "b=x", "a=y", "a=x", "a=x", "b=x"])
    assert [change for sent in acme.sent for change in sent] == ["a=x", "b=x", "a=y", "a=x"]
    assert counts(batch) == {"total": 6, "created": 4, "replayed": 2}
    again = world(changes=True)
    assert counts(again.work(["a=x", "b=x", "a=y", "a=x", "a=x", "b=x"])) == {"total": 6, "replayed": 6}
    assert again.sent == []


def test_chunks_that_share_records_do_not_wait_for_each_other(world):
    acme = world(max_concurrency=4, chunk_size=10)
    numbers = [*range(50), *reversed(range(50)), *range(25, 75)]
    batch = acme.work(numbers)
    assert counts(batch) == {"total": 150, "created": 75, "replayed": 75}
    assert sorted(number for sent in acme.sent for number in sent) == list(range(75))


def test_records_that_another_run_holds_keep_no_chunk_waiting(world, database):
    other = ledger_of(owner="elsewhere/1/1/1")
    database.run(lambda connection: other.claim(connection, [("1",), ("2",)]))

    def let_go(numbers: list[int]) -> list[int]:
        ends = [Completion(other.id_of((number,)), "released") for number in "12"]
        database.run(lambda connection: other.settle(connection, ends))
        return numbers

    acme = world(list, list, let_go)
    batch = acme.work(range(1, 10))
    assert acme.sent == [[3], [4, 5, 6], [7, 8, 9], [1, 2]]
    assert counts(batch) == {"total": 9, "created": 9}
    assert [record["result"]["value"] for record in acme.results.records] == list(range(1, 10))


@pytest.mark.parametrize("size", [1, 3])
def test_a_change_waits_for_an_earlier_one_that_another_run_holds(world, database, size):
    """Otherwise the vendor would end with the earlier one."""
    other = ledger_of(owner="elsewhere/1/1/1")
    database.run(lambda connection: other.claim(connection, [("a", "x")]))
    ends = [Completion(other.id_of(("a", "x")), "released")]
    timer = threading.Timer(0.3, database.run, [lambda connection: other.settle(connection, ends)])
    timer.start()
    acme = world(chunk_size=size, changes=True)
    acme.work(["a=x", "b=x", "c=x", "a=y", "d=x"])
    timer.join()
    sent = [change for sent in acme.sent for change in sent]
    assert sent.index("a=x") < sent.index("a=y")


def test_what_is_done_is_not_in_the_next_request(world):
    world(lambda numbers: [1, VendorRejected("no"), 3]).work([1, 2, 3])
    acme = world(chunk_size=5)
    assert counts(acme.work([3, 2, 1, 4])) == {"total": 4, "created": 2, "replayed": 2}
    assert acme.sent == [[2, 4]]


def test_what_cannot_be_recorded_is_not_sent(world, database):
    acme = world()
    with away(database):
        batch = acme.work([1, 2, 3, 4])
    assert isinstance(batch.error, StoreUnavailable)
    assert (acme.sent, counts(batch)) == ([], {})


def test_an_error_of_ours_leaves_nothing_claimed(world, monkeypatch):
    acme = world()

    def broken(calls: Any) -> Any:
        raise RuntimeError("a mistake in the code")

    monkeypatch.setattr(acme, "combine", broken)
    batch = acme.work([1, 2])
    assert isinstance(batch.error, RuntimeError)
    assert (acme.sent, acme.states()) == ([], {})


def test_an_error_of_the_combining_is_that_of_each_record(world, monkeypatch):
    acme = world()

    def refuse(calls: Any) -> Any:
        raise InvalidInput("too many", field="n")

    monkeypatch.setattr(acme, "combine", refuse)
    assert counts(acme.work([1, 2])) == {"total": 2, "failed": 2}
    assert acme.states() == {}


@pytest.mark.parametrize(
    ("once", "count", "state"), [(True, {"unknown": 2, "total": 2}, "unknown"), (False, {}, None)]
)
def test_a_chunk_under_way_when_the_task_is_told_to_end_is_what_it_is(world, once, count, state):
    async def for_ever(numbers: Any) -> Any:
        acme.batch.stop(VendorError("told to end"))
        await asyncio.Event().wait()

    acme = world(for_ever, once=once, chunk_size=2)
    batch = acme.work(range(10))
    assert str(batch.error) == "told to end"
    assert counts(batch) == count
    assert acme.sent == [[0, 1]]
    assert acme.states() == ({"0": state, "1": state} if state else {})


def test_a_chunk_under_way_may_finish_when_the_task_is_told_to_end(world, monkeypatch):
    monkeypatch.setattr(runner, "STOP_GRACE", 10)

    async def slow(numbers: Any) -> Any:
        acme.batch.stop(VendorError("told to end"))
        await asyncio.sleep(0.001)
        return numbers

    acme = world(slow, once=True)
    batch = acme.work(range(30))
    assert counts(batch) == {"total": 3, "created": 3}
    assert acme.sent == [[0, 1, 2]]
    assert set(acme.states().values()) == {"done"}


@pytest.mark.parametrize("concurrency", [1, 3])
def test_a_chunk_that_waits_for_its_turn_when_the_batch_ends_is_given_back(world, concurrency):
    acme = world(VendorRejected("no"), on_error="fail", max_concurrency=concurrency)
    batch = acme.work(range(1, 40))
    assert isinstance(batch.error, VendorRejected)
    assert len(acme.sent) <= concurrency
    assert "sent" not in acme.states().values()


def test_a_result_that_cannot_be_kept_is_unknown_for_its_record(world, monkeypatch):
    def finish(answer: Any) -> Any:
        if answer.value == 2:
            raise ValueError("cannot be sealed")
        return seal_fields(answer)

    acme = world(once=True)
    monkeypatch.setattr(runner, "seal_fields", finish)
    batch = acme.work([1, 2, 3])
    assert counts(batch) == {"total": 3, "created": 2, "unknown": 1}
    assert acme.states() == {"1": "done", "2": "unknown", "3": "done"}
