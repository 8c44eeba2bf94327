from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import sqlalchemy as sa

from airflow_provider.exceptions import StoreUnavailable
from airflow_provider.ledger import outage
from airflow_provider.ledger import recorder as module
from airflow_provider.ledger.ledger import ClaimStatus, Completion
from airflow_provider.ledger.recorder import Recorder
from airflow_provider.store.engine import Database
from tests.support.ledger import away, ledger_of, states_in

pytestmark = pytest.mark.usefixtures("own_home", "no_pauses")


@contextmanager
def counted(database: Database) -> Iterator[list[str]]:
    """Count the transactions that are committed."""
    commits: list[str] = []

    def count(connection: sa.Connection) -> None:
        commits.append("commit")

    sa.event.listen(database.engine, "commit", count)
    yield commits
    sa.event.remove(database.engine, "commit", count)


@pytest.mark.parametrize("once", [False, True])
def test_what_is_asked_at_once_is_committed_together(database, once):
    async def work() -> None:
        async with Recorder(database, ledger_of(once=once)) as recorder:
            claims = await asyncio.gather(*(recorder.claim((str(number),)) for number in range(500)))
            assert {claim.status for claim in claims} == {ClaimStatus.TAKEN}
            for number in range(500):
                id_ = recorder.ledger.id_of((str(number),))
                recorder.settle(Completion(id_, "done", result={}))

    with counted(database) as commits:
        asyncio.run(work())
    assert len(commits) <= 10
    assert states_in(database) == {"done": 500}


def test_the_end_writes_what_is_left(database):
    async def work() -> None:
        async with Recorder(database, ledger_of()) as recorder:
            await recorder.claim(("a",))
            recorder.settle(Completion(recorder.ledger.id_of(("a",)), "done", result={}))

    asyncio.run(work())
    assert states_in(database) == {"done": 1}


def test_a_key_asked_for_twice_waits_for_its_first_end(database):
    async def work() -> list[ClaimStatus]:
        async with Recorder(database, ledger_of(once=True)) as recorder:
            assert (await recorder.claim(("a",))).status is ClaimStatus.TAKEN
            twice = asyncio.create_task(recorder.claim(("a",)))
            busy = await recorder.ask(("a",))
            recorder.settle(Completion(recorder.ledger.id_of(("a",)), "done", result={"b": 1}))
            return [busy.status, (await twice).status]

    assert asyncio.run(work()) == [ClaimStatus.BUSY, ClaimStatus.DONE]


def test_a_key_asked_for_twice_in_one_group_is_taken_once(database):
    async def work() -> list[ClaimStatus]:
        async with Recorder(database, ledger_of(once=True)) as recorder:
            return [claim.status for claim in await asyncio.gather(*(recorder.ask(("a",)) for _ in range(3)))]

    assert asyncio.run(work()) == [ClaimStatus.TAKEN, ClaimStatus.BUSY, ClaimStatus.BUSY]


def test_what_is_released_goes_to_the_next_who_asks(database):
    async def work() -> None:
        async with Recorder(database, ledger_of(once=True)) as recorder:
            await recorder.claim(("a",))
            next_ = asyncio.create_task(recorder.claim(("a",)))
            recorder.settle(Completion(recorder.ledger.id_of(("a",)), "released"))
            assert (await next_).status is ClaimStatus.TAKEN

    asyncio.run(work())
    assert states_in(database) == {"sent": 1}


def test_what_was_claimed_for_somebody_who_has_gone_is_released(database, monkeypatch):
    async def work() -> None:
        loop, begun, gone = asyncio.get_running_loop(), asyncio.Event(), threading.Event()
        async with Recorder(database, ledger_of(once=True)) as recorder:
            transact = recorder._transact
            claimed: list[ClaimStatus] = []

            def while_nobody_waits(keys, ends):
                if keys:
                    loop.call_soon_threadsafe(begun.set)
                    assert gone.wait(timeout=30)
                claims = transact(keys, ends)
                claimed.extend(claim.status for claim in claims.values())
                return claims

            monkeypatch.setattr(recorder, "_transact", while_nobody_waits)
            asker = asyncio.create_task(recorder.claim(("a",)))
            await begun.wait()
            asker.cancel()
            await asyncio.wait([asker])
            gone.set()
        assert asker.cancelled()
        assert claimed == [ClaimStatus.TAKEN]

    asyncio.run(work())
    assert states_in(database) == {}


def test_what_another_run_holds_is_waited_for(database):
    async def work() -> None:
        async with (
            Recorder(database, ledger_of(once=True)) as one,
            Recorder(database, ledger_of(once=True)) as two,
        ):
            await one.claim(("a",))
            waiting = asyncio.create_task(two.claim(("a",)))
            assert (await two.ask(("a",))).status is ClaimStatus.BUSY
            one.settle(Completion(one.ledger.id_of(("a",)), "failed", error="no"))
            # "failed" is to be done again by whoever comes.
            assert (await waiting).status is ClaimStatus.TAKEN

    asyncio.run(work())


def test_nobody_gets_a_verdict_from_a_database_that_is_away(database):
    async def work() -> None:
        async with Recorder(database, ledger_of()) as recorder:
            with away(database):
                asked = [recorder.ask((str(number),)) for number in range(3)]
                answers = await asyncio.gather(*asked, return_exceptions=True)
                assert {type(answer) for answer in answers} == {StoreUnavailable}
                assert "it is away" in str(answers[0])
            assert recorder.failure is answers[0]
            # The batch ends: what could not be recorded once is not tried again by everybody.
            with pytest.raises(StoreUnavailable):
                await recorder.claim(("later",))

    asyncio.run(work())
    assert states_in(database) == {}


def test_an_end_is_offered_until_the_database_is_back(database):
    async def work() -> None:
        async with Recorder(database, ledger_of(once=True)) as recorder:
            await recorder.claim(("a",))
            with away(database, times=2) as failed:
                recorder.settle(Completion(recorder.ledger.id_of(("a",)), "done", result={}))
                recorder._closing = True
                recorder._wake.set()
                await recorder._task
            assert len(failed) == 2
            assert isinstance(recorder.failure, StoreUnavailable)

    asyncio.run(work())
    assert states_in(database) == {"done": 1}


def test_an_end_that_cannot_be_recorded_stays_as_sent(database, monkeypatch):
    monkeypatch.setattr(outage, "BROKEN", 0.15)

    async def work() -> None:
        recorder = Recorder(database, ledger_of(once=True))
        async with recorder:
            await recorder.claim(("a",))
            hook = away(database)
            failed = hook.__enter__()
            recorder.settle(Completion(recorder.ledger.id_of(("a",)), "done", result={}))
        hook.__exit__(None, None, None)
        assert len(failed) == 2
        assert isinstance(recorder.failure, StoreUnavailable)

    asyncio.run(work())
    assert states_in(database) == {"sent": 1}


def test_a_mistake_in_the_ledger_leaves_nobody_waiting(database, monkeypatch):
    def break_down(*args: object) -> None:
        raise RuntimeError("a mistake")

    monkeypatch.setattr(module.Recorder, "_transact", break_down)

    async def work() -> None:
        async with Recorder(database, ledger_of()) as recorder:
            with pytest.raises(StoreUnavailable, match="RuntimeError"):
                await asyncio.wait_for(recorder.claim(("a",)), timeout=30)

    asyncio.run(work())
