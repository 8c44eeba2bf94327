"""The recorder while its database is away, or hangs: nothing is sent, and no end is lost."""

from __future__ import annotations

import asyncio
import os
import stat
import threading
import time
from pathlib import Path

import pytest

from airflow_provider.exceptions import StoreUnavailable
from airflow_provider.ledger import outage
from airflow_provider.ledger import recorder as module
from airflow_provider.ledger.ledger import ClaimStatus, Completion
from airflow_provider.ledger.recorder import Recorder
from airflow_provider.ledger.unrecorded import FOLDER, record_earlier
from airflow_provider.processes import retire
from airflow_provider.store.location import home
from tests.support.ledger import away, ledger_of, states_in

pytestmark = pytest.mark.usefixtures("own_home", "no_pauses")


@pytest.fixture
def patience(monkeypatch):
    """Let the recorder wait a moment where it waits for minutes."""

    def set_limit(seconds: float) -> None:
        monkeypatch.setattr(outage, "LONGEST", seconds)
        monkeypatch.setattr(outage, "FIRST_PAUSE", 0.01)
        monkeypatch.setattr(outage, "LONGEST_PAUSE", 0.01)

    return set_limit


def done(recorder: Recorder, *key: str) -> Completion:
    return Completion(recorder.ledger.id_of(key), "done", result={})


@pytest.mark.parametrize("once", [False, True])
def test_a_database_that_comes_back_costs_nobody_a_try(database, patience, once, caplog):
    patience(30)

    async def work() -> None:
        async with Recorder(database, ledger_of(once=once)) as recorder:
            await recorder.claim(("a",))
            with away(database, times=8, temporary=True) as failed:
                recorder.settle(done(recorder, "a"))
                assert (await recorder.claim(("b",))).status is ClaimStatus.TAKEN
            assert len(failed) == 8
            assert not recorder.is_away
            assert recorder.failure is None
            recorder.settle(done(recorder, "b"))

    asyncio.run(work())
    assert states_in(database) == {"done": 2}
    told = [record.message for record in caplog.records if record.name == outage.__name__]
    assert len(told) == 2
    assert "it is away" in told[0]
    assert "can be written again" in told[1]
    assert not os.path.exists(os.path.join(home(), FOLDER)) or not os.listdir(os.path.join(home(), FOLDER))


def test_while_the_database_is_away_nothing_is_to_be_sent(database, patience):
    patience(30)

    async def work() -> None:
        async with Recorder(database, ledger_of(once=True)) as recorder:
            assert not recorder.is_away
            with away(database, temporary=True) as failed:
                waiting = asyncio.create_task(recorder.claim(("a",)))
                while not failed:
                    await asyncio.sleep(0.001)
                await asyncio.sleep(0.05)
                assert recorder.is_away
                assert not waiting.done()
            assert (await waiting).status is ClaimStatus.TAKEN

    asyncio.run(work())


def test_a_claim_whose_commit_arrived_without_an_answer_is_given_once(database, patience, monkeypatch):
    patience(30)

    async def work() -> list[ClaimStatus]:
        async with Recorder(database, ledger_of(once=True)) as recorder:
            transact, lost = recorder._transact, iter([True, True, False])

            def commit_and_lose_the_answer(keys, ends):
                results = transact(keys, ends)
                if keys and next(lost, False):
                    error = StoreUnavailable("the connection broke")
                    error.temporary = True
                    raise error
                return results

            monkeypatch.setattr(recorder, "_transact", commit_and_lose_the_answer)
            first = await recorder.claim(("a",))
            # This one has the row, and the next must wait for it as ever.
            second = asyncio.create_task(recorder.claim(("a",)))
            await asyncio.sleep(0.02)
            assert not second.done()
            recorder.settle(done(recorder, "a"))
            return [first.status, (await second).status]

    assert asyncio.run(work()) == [ClaimStatus.TAKEN, ClaimStatus.DONE]
    assert states_in(database) == {"done": 1}


def test_an_end_whose_commit_arrived_without_an_answer_stays(database, patience, monkeypatch):
    patience(30)

    async def work() -> ClaimStatus:
        async with Recorder(database, ledger_of(once=True)) as recorder:
            await recorder.claim(("a",))
            transact, lost = recorder._transact, iter([True])

            def commit_and_lose_the_answer(keys, ends):
                results = transact(keys, ends)
                if next(lost, False):
                    error = StoreUnavailable("the connection broke")
                    error.temporary = True
                    raise error
                return results

            monkeypatch.setattr(recorder, "_transact", commit_and_lose_the_answer)
            # Both are in one group.
            recorder.settle(done(recorder, "a"))
            return (await recorder.claim(("a",))).status

    assert asyncio.run(work()) is ClaimStatus.DONE
    assert states_in(database) == {"done": 1}


def test_who_stops_waiting_for_a_database_that_is_away_leaves_no_row(database, patience):
    patience(30)

    async def work() -> None:
        async with Recorder(database, ledger_of(once=True)) as recorder:
            with away(database, temporary=True) as failed:
                waiting = asyncio.create_task(recorder.claim(("a",)))
                while not failed:
                    await asyncio.sleep(0.001)
                waiting.cancel()
                await asyncio.wait([waiting])

    asyncio.run(work())
    assert states_in(database) == {}


def test_a_database_that_stays_away_ends_the_batch_and_its_answers_are_kept(database, patience, caplog):
    patience(0.1)
    ledger = ledger_of(once=True)

    async def work() -> None:
        recorder = Recorder(database, ledger)
        async with recorder:
            await asyncio.gather(*(recorder.claim((name,)) for name in "abcd"))
            hook = away(database, temporary=True)
            hook.__enter__()
            recorder.settle(done(recorder, "a"))
            recorder.settle(Completion(ledger.id_of(("b",)), "failed", error="no"))
            with pytest.raises(StoreUnavailable):
                await recorder.claim(("late",))
            # What ends after that is not lost, either.
            recorder.settle(done(recorder, "c"))
        hook.__exit__(None, None, None)
        assert isinstance(recorder.failure, StoreUnavailable)

    asyncio.run(work())
    assert states_in(database) == {"sent": 4}
    [told] = [record.message for record in caplog.records if record.levelname == "ERROR"]
    assert "2 done, 1 failed" in told
    [name] = os.listdir(os.path.join(home(), FOLDER))
    assert name in told
    assert stat.S_IMODE(os.stat(os.path.join(home(), FOLDER, name)).st_mode) == 0o600
    # Its process is still there, as far as anybody knows.
    assert record_earlier(database, ledger_of(once=True)) == 0
    retire(ledger.owner)
    assert record_earlier(database, ledger_of(once=True)) == 3
    assert states_in(database) == {"done": 2, "failed": 1, "sent": 1}
    assert os.listdir(os.path.join(home(), FOLDER)) == []


def test_what_is_kept_is_there_before_the_process_is_killed(database, patience):
    patience(30)
    ledger = ledger_of(once=True)

    async def work() -> None:
        async with Recorder(database, ledger) as recorder:
            await recorder.claim(("a",))
            with away(database, temporary=True) as failed:
                recorder.settle(done(recorder, "a"))
                while len(failed) < 3:
                    await asyncio.sleep(0.001)
                [name] = os.listdir(os.path.join(home(), FOLDER))
                with open(os.path.join(home(), FOLDER, name)) as file:
                    assert ledger.id_of(("a",)) in file.read()

    asyncio.run(work())
    assert os.listdir(os.path.join(home(), FOLDER)) == []


def test_what_is_claimed_after_an_outage_is_not_released_by_what_was_kept(database, patience):
    """A process that is killed then has it on its way: no other may take it for not sent."""
    patience(30)
    ledger = ledger_of(once=True)

    async def work() -> int:
        async with Recorder(database, ledger) as recorder:
            await recorder.claim(("under way",))
            with away(database, temporary=True) as failed:
                waiting = recorder.ask(("a",))
                while len(failed) < 2:
                    await asyncio.sleep(0.001)
                # A request that was under way ends, and is recorded with the next group.
                recorder.settle(done(recorder, "under way"))
            assert (await waiting).status is ClaimStatus.TAKEN
            return len(os.listdir(os.path.join(home(), FOLDER)))

    assert asyncio.run(work()) == 0


def test_a_result_that_no_file_takes_leaves_nobody_waiting(database, patience):
    patience(0.05)

    async def work() -> None:
        async with Recorder(database, ledger_of(once=True)) as recorder:
            await recorder.claim(("a",))
            recorder.settle(Completion(recorder.ledger.id_of(("a",)), "done", result={"no": object()}))
            with pytest.raises(StoreUnavailable):
                await asyncio.wait_for(recorder.claim(("b",)), timeout=30)

    asyncio.run(work())


def test_a_batch_that_was_told_to_end_does_not_wait_for_its_database_for_long(
    database, patience, monkeypatch
):
    patience(300)
    monkeypatch.setattr(outage, "STOPPED", 0.05)
    ledger = ledger_of(once=True)

    async def work() -> None:
        async with Recorder(database, ledger) as recorder:
            await recorder.claim(("a",))
            hook = away(database, temporary=True)
            hook.__enter__()
            recorder.settle(done(recorder, "a"))
            recorder.hurry()
        hook.__exit__(None, None, None)

    began = time.monotonic()
    asyncio.run(work())
    assert time.monotonic() - began < 30
    retire(ledger.owner)
    assert record_earlier(database, ledger_of()) == 1


def test_who_waits_gets_an_answer_when_the_time_is_over_in_that_moment(database, patience, monkeypatch):
    patience(30)
    answers = iter([False, True, False])
    monkeypatch.setattr(outage.Outage, "is_over", lambda *_: next(answers, True))

    async def work() -> None:
        async with Recorder(database, ledger_of(once=True)) as recorder:
            with away(database, temporary=True), pytest.raises(StoreUnavailable):
                await asyncio.wait_for(recorder.claim(("a",)), timeout=5)

    asyncio.run(work())


def test_what_waits_for_a_database_that_hangs_is_kept_before_it_fails(database, monkeypatch):
    """After a failover a statement hangs for half a minute: a killed task has five seconds."""
    monkeypatch.setattr(module, "HANGING", 0.01)
    ledger, going = ledger_of(once=True), threading.Event()
    folder = os.path.join(home(), FOLDER)

    def kept() -> str:
        return "".join(path.read_text() for path in Path(folder).glob("*.jsonl"))

    async def work() -> None:
        async with Recorder(database, ledger) as recorder:
            await asyncio.gather(recorder.claim(("a",)), recorder.claim(("b",)))
            hang_until(going, recorder, monkeypatch)
            recorder.settle(done(recorder, "a"))
            while ledger.id_of(("a",)) not in kept():
                await asyncio.sleep(0.01)
            # It ends while the other one hangs.
            recorder.settle(done(recorder, "b"))
            while ledger.id_of(("b",)) not in kept():
                await asyncio.sleep(0.01)
            going.set()

    asyncio.run(asyncio.wait_for(work(), timeout=20))
    assert states_in(database) == {"done": 2}
    assert os.listdir(folder) == []


def test_a_batch_that_was_told_to_end_does_not_wait_for_a_database_that_hangs(database, monkeypatch):
    """A session that others have forgotten holds the rows, or the server is frozen."""
    monkeypatch.setattr(module, "HANGING", 0.01)
    monkeypatch.setattr(outage, "STOPPED", 0.05)
    ledger, going = ledger_of(once=True), threading.Event()

    async def work() -> None:
        async with Recorder(database, ledger) as recorder:
            await recorder.claim(("a",))
            hang_until(going, recorder, monkeypatch)
            recorder.settle(done(recorder, "a"))
            waiting = recorder.ask(("b",))
            recorder.hurry()
            with pytest.raises(StoreUnavailable, match="does not answer"):
                await waiting
            # Neither does what comes later wait behind it.
            recorder.settle(done(recorder, "c"))
        assert recorder.failure is not None

    try:
        asyncio.run(asyncio.wait_for(work(), timeout=20))
    finally:
        going.set()
    retire(ledger.owner)
    assert record_earlier(database, ledger_of()) == 2


def test_a_batch_does_not_wait_for_ever_for_a_database_that_hangs(database, patience, monkeypatch, caplog):
    monkeypatch.setattr(module, "HANGING", 0.01)
    patience(0.05)
    going = threading.Event()

    async def work() -> None:
        async with Recorder(database, ledger_of(once=True)) as recorder:
            hang_until(going, recorder, monkeypatch)
            with pytest.raises(StoreUnavailable, match="does not answer"):
                await recorder.claim(("a",))

    try:
        asyncio.run(asyncio.wait_for(work(), timeout=20))
    finally:
        going.set()
    assert "Nothing is sent until" in caplog.text


def hang_until(going: threading.Event, recorder: Recorder, monkeypatch) -> None:
    transact = recorder._transact

    def hang(keys, ends):
        going.wait(30)
        return transact(keys, ends)

    monkeypatch.setattr(recorder, "_transact", hang)
