from __future__ import annotations

import asyncio
import json
import os
import stat
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa

from airflow_provider.exceptions import StoreUnavailable
from airflow_provider.ledger import outage
from airflow_provider.ledger import recorder as module
from airflow_provider.ledger.ledger import ClaimStatus, Completion
from airflow_provider.ledger.recorder import Recorder
from airflow_provider.ledger.unrecorded import FOLDER, Unrecorded, record_earlier
from airflow_provider.processes import retire
from airflow_provider.store.engine import Database
from airflow_provider.store.location import home
from airflow_provider.store.tables import ledger as table
from tests.support.ledger import away, ledger_of


@pytest.fixture(autouse=True)
def own_home(tmp_path, monkeypatch):
    """Keep what cannot be recorded apart from other tests."""
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path / "home"))


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch):
    """Let nobody wait longer than it takes to give way to the others."""
    monkeypatch.setattr(module, "BUSY_PAUSE", 0.001)


def states(database: Database) -> dict[str, int]:
    with database.begin() as connection:
        query = sa.select(table.c.state, sa.func.count()).group_by(table.c.state)
        return {state: count for state, count in connection.execute(query)}  # noqa: C416


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
    assert states(database) == {"done": 500}


def test_the_end_writes_what_is_left(database):
    async def work() -> None:
        async with Recorder(database, ledger_of()) as recorder:
            await recorder.claim(("a",))
            recorder.settle(Completion(recorder.ledger.id_of(("a",)), "done", result={}))

    asyncio.run(work())
    assert states(database) == {"done": 1}


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
    assert states(database) == {"sent": 1}


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
    assert states(database) == {}


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
    assert states(database) == {}


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
    assert states(database) == {"done": 1}


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
    assert states(database) == {"sent": 1}


# The database is away for a while


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
    assert states(database) == {"done": 2}
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
    assert states(database) == {"done": 1}


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
    assert states(database) == {"done": 1}


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
    assert states(database) == {}


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
    assert states(database) == {"sent": 4}
    [told] = [record.message for record in caplog.records if record.levelname == "ERROR"]
    assert "2 done, 1 failed" in told
    [name] = os.listdir(os.path.join(home(), FOLDER))
    assert name in told
    assert stat.S_IMODE(os.stat(os.path.join(home(), FOLDER, name)).st_mode) == 0o600
    # Its process is still there, as far as anybody knows.
    assert record_earlier(database, ledger_of(once=True)) == 0
    retire(ledger.owner)
    assert record_earlier(database, ledger_of(once=True)) == 3
    assert states(database) == {"done": 2, "failed": 1, "sent": 1}
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


def test_what_was_kept_of_another_database_stays(database, tmp_path):
    other = Database(sa.URL.create("sqlite", database=str(tmp_path / "other.db")), shared=False)
    ledger = ledger_of(once=True)
    Unrecorded(other, ledger.owner).keep([Completion("1", "done")])
    retire(ledger.owner)
    assert record_earlier(database, ledger_of()) == 0
    assert len(os.listdir(os.path.join(home(), FOLDER))) == 1


def test_an_end_that_was_kept_does_not_undo_what_another_run_has_done_since(database):
    mine, others = ledger_of(once=True), ledger_of(once=True)
    with database.begin() as connection:
        mine.claim(connection, [("a",), ("b",)])
        connection.execute(sa.update(table).values(owner=others.owner))
    kept = [Completion(mine.id_of(("a",)), "failed", error="no"), Completion(mine.id_of(("b",)), "released")]
    Unrecorded(database, mine.owner).keep(kept)
    retire(mine.owner)
    assert record_earlier(database, ledger_of()) == 1
    assert states(database) == {"sent": 2}


def test_what_another_machine_has_kept_is_recorded_when_nobody_can_be_waiting(database):
    ledger = ledger_of(once=True, owner="elsewhere/1/2/3")
    with database.begin() as connection:
        ledger.claim(connection, [("a",), ("b",)])
    kept = Unrecorded(database, ledger.owner)
    kept.keep([Completion(ledger.id_of(("a",)), "done"), Completion(ledger.id_of(("b",)), "released")])
    assert record_earlier(database, ledger_of()) == 0
    old = time.time() - 1000
    os.utime(kept.path, (old, old))
    assert record_earlier(database, ledger_of()) == 1
    # Its process may be there all the same, and have claimed it again.
    assert states(database) == {"done": 1, "sent": 1}
    assert not os.path.exists(kept.path)


def test_a_folder_that_cannot_be_written_is_told_once(database, patience, caplog, monkeypatch, tmp_path):
    (tmp_path / FOLDER).write_text("a file")
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path))
    kept = Unrecorded(database, "me")
    kept.keep([Completion("1", "done")])
    kept.keep([Completion("2", "done")])
    assert len(caplog.records) == 1
    assert not kept.is_kept


def test_a_mistake_in_the_ledger_leaves_nobody_waiting(database, monkeypatch):
    def break_down(*args: object) -> None:
        raise RuntimeError("a mistake")

    monkeypatch.setattr(module.Recorder, "_transact", break_down)

    async def work() -> None:
        async with Recorder(database, ledger_of()) as recorder:
            with pytest.raises(StoreUnavailable, match="RuntimeError"):
                await asyncio.wait_for(recorder.claim(("a",)), timeout=30)

    asyncio.run(work())


# What is kept in files, and what may go wrong with them


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


OWNER = json.dumps("elsewhere/1/2/3")

DAMAGES = {
    "empty": "",
    "no JSON": OWNER + "\n[",
    "an owner that is none": '{"a": 1}\n["1", "done", null, null, null]',
    "an end that is a text": OWNER + '\n"done!"',
    "a state that is none": OWNER + '\n["1", "gone", null, null, null]',
    "an id that is none": OWNER + '\n[1, "done", null, null, null]',
    "an error that is no text": OWNER + '\n["1", "failed", null, {"a": 1}, null]',
    "an end that was cut": OWNER + '\n["1"]',
}


@pytest.mark.parametrize("text", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_file_is_left_and_told_and_holds_up_nothing(database, caplog, text):
    damaged, good = Unrecorded(database, "elsewhere/1/2/3"), ledger_of(once=True)
    with database.begin() as connection:
        good.claim(connection, [("a",)])
    for kept, owner in [(damaged, None), (Unrecorded(database, good.owner), good)]:
        kept.keep([Completion(good.id_of(("a",)), "done")])
        if owner is None:
            with open(kept.path, "w") as file:
                file.write(text)
            os.utime(kept.path, (1, 1))
    retire(good.owner)
    assert record_earlier(database, ledger_of()) == 1
    assert states(database) == {"done": 1}
    assert os.path.exists(damaged.path)
    assert any(damaged.path in record.message for record in caplog.records)
    assert "elsewhere" not in caplog.text


def test_a_file_that_the_database_refuses_holds_up_nothing(database, caplog, monkeypatch):
    ledger = ledger_of(once=True)
    with database.begin() as connection:
        ledger.claim(connection, [("a",)])
    kept = Unrecorded(database, ledger.owner)
    kept.keep([Completion(ledger.id_of(("a",)), "done")])
    retire(ledger.owner)
    with away(database):
        assert record_earlier(database, ledger_of()) == 0
    assert kept.path in caplog.text
    with away(database, temporary=True), pytest.raises(StoreUnavailable):
        record_earlier(database, ledger_of())
    assert record_earlier(database, ledger_of()) == 1


def test_a_disk_that_is_full_leaves_no_half_of_a_file(database, monkeypatch):
    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    kept = Unrecorded(database, "me")
    kept.keep([Completion("1", "done")])
    monkeypatch.setattr(os, "fsync", full)
    kept.keep([Completion("1", "done"), Completion("2", "done")])
    assert os.listdir(os.path.dirname(kept.path)) == [os.path.basename(kept.path)]
    # What was kept before is still true.
    assert kept.is_kept


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
    assert states(database) == {"done": 2}
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
