from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import sqlalchemy as sa

from airflow_provider.ledger.ledger import (
    INTERRUPTED,
    REFUSED_IN_DOUBT,
    ClaimResult,
    ClaimStatus,
    Completion,
    Ledger,
)
from airflow_provider.processes import new_owner
from airflow_provider.store.tables import ledger as table
from tests.support.ledger import ledger_of, owner_that_is_gone

BUSY, DONE, FAILED, TAKEN, UNKNOWN = (
    ClaimStatus.BUSY,
    ClaimStatus.DONE,
    ClaimStatus.FAILED,
    ClaimStatus.TAKEN,
    ClaimStatus.UNKNOWN,
)
KEY = ("ada", "bot")


HOLDERS = {"live": new_owner, "dead": owner_that_is_gone, "elsewhere": lambda: "elsewhere/1/1/0"}


@pytest.fixture
def claim(database):
    def probe(ledger: Ledger, *keys: tuple[str, ...]) -> list[ClaimResult]:
        with database.begin() as connection:
            claims = ledger.claim(connection, keys or [KEY])
        return [claims[ledger.id_of(key)] for key in keys or [KEY]]

    return probe


@pytest.fixture
def settle(database):
    def tell(ledger: Ledger, state: Any, key: tuple[str, ...] = KEY, **more: Any) -> None:
        with database.begin() as connection:
            ledger.settle(connection, [Completion(ledger.id_of(key), state, **more)])

    return tell


@pytest.fixture
def rows(database):
    def look(**only: Any) -> list[Any]:
        with database.begin() as connection:
            found = connection.execute(sa.select(table).order_by(table.c.key)).all()
        return [row for row in found if all(getattr(row, name) == value for name, value in only.items())]

    return look


@pytest.fixture
def put(database):
    """A function that puts a row into the ledger, as somebody left it."""

    def write(state: Any, owner: str, *, lease: float = 60.0, **more: Any) -> None:
        left = ledger_of(owner=owner, lease=lease, task="theirs")
        with database.begin() as connection:
            left.claim(connection, [KEY])
            if state != "sent":
                left.settle(connection, [Completion(left.id_of(KEY), state, **more)])

    return write


def test_a_key_that_is_not_there_is_taken_and_recorded_as_sent(claim, rows):
    ledger = ledger_of(once=True)
    before = time.time()
    assert claim(ledger) == [ClaimResult(TAKEN)]
    [row] = rows()
    assert (row.state, row.owner, row.attempts, row.task) == ("sent", ledger.owner, 1, "d/r/t")
    assert (row.conn_id, row.operation, row.scope, row.key) == ("c", "o", "", '["ada", "bot"]')
    assert row.lease_until >= before + 60
    assert (row.result, row.error) == (None, None)


@pytest.mark.parametrize(
    ("holder", "lease", "options", "status"),
    [
        ("mine", 60, {}, BUSY),
        ("mine", 60, {"once": True}, BUSY),
        # The record is in the batch twice, and the first has waited long.
        ("mine", -1, {}, BUSY),
        ("mine", -1, {"once": True, "resend_unknown": True}, BUSY),
        ("live", 60, {}, BUSY),
        ("live", 60, {"once": True, "resend_unknown": True}, BUSY),
        ("live", 60, {"redo": "all"}, BUSY),
        ("live", -1, {}, TAKEN),
        ("live", -1, {"once": True}, UNKNOWN),
        ("live", -1, {"once": True, "resend_unknown": True}, TAKEN),
        ("dead", 60, {}, TAKEN),
        ("dead", 60, {"redo": "never"}, TAKEN),
        ("dead", 60, {"once": True}, UNKNOWN),
        ("dead", 60, {"once": True, "redo": "all"}, UNKNOWN),
        ("dead", 60, {"once": True, "resend_unknown": True}, TAKEN),
        # Nothing is known of the processes of another machine but the lease.
        ("elsewhere", 60, {}, BUSY),
        ("elsewhere", 60, {"once": True}, BUSY),
        ("elsewhere", -1, {}, TAKEN),
        ("elsewhere", -1, {"once": True}, UNKNOWN),
    ],
)
def test_what_is_sent_and_not_ended(put, claim, rows, holder, lease, options, status):
    ledger = ledger_of(**options)
    put("sent", ledger.owner if holder == "mine" else HOLDERS[holder](), lease=lease)
    [before] = rows()
    [claim] = claim(ledger)
    [after] = rows()
    assert claim.status is status
    if status is BUSY:
        assert after == before
    elif status is TAKEN:
        assert (after.state, after.owner, after.attempts, after.task) == ("sent", ledger.owner, 2, "d/r/t")
        assert after.lease_until > time.time()
    else:
        # It is written down, so that the next run need not find out again.
        assert (after.state, after.error, after.owner) == ("unknown", INTERRUPTED, before.owner)
        assert claim.error == INTERRUPTED


@pytest.mark.parametrize(
    ("state", "mine", "options", "status"),
    [
        *[("done", False, {"redo": redo}, DONE) for redo in ("never", "failed")],
        ("done", False, {"redo": "all"}, TAKEN),
        ("done", False, {"redo": "all", "once": True}, TAKEN),
        ("done", False, {"once": True, "resend_unknown": True}, DONE),
        ("failed", False, {"redo": "never"}, FAILED),
        *[("failed", False, {"redo": redo}, TAKEN) for redo in ("failed", "all")],
        *[("failed", False, {"redo": redo, "once": True}, TAKEN) for redo in ("failed", "all")],
        *[("unknown", False, {"redo": redo, "once": True}, UNKNOWN) for redo in ("never", "failed", "all")],
        ("unknown", False, {"once": True, "resend_unknown": True}, TAKEN),
        # What this very run finished it does not do again: the batch has the record twice.
        ("done", True, {"redo": "all"}, DONE),
        ("failed", True, {"redo": "all"}, FAILED),
        ("unknown", True, {"redo": "all", "resend_unknown": True}, UNKNOWN),
    ],
)
def test_what_has_ended(put, claim, rows, state, mine, options, status):
    ledger = ledger_of(**options)
    more = {"result": {"a": "ö'\""}} if state == "done" else {"error": "no"}
    put(state, ledger.owner if mine else owner_that_is_gone(), **more)
    [before] = rows()
    [claim] = claim(ledger)
    [after] = rows()
    assert claim.status is status
    if status is TAKEN:
        assert (after.state, after.owner, after.attempts) == ("sent", ledger.owner, 2)
    else:
        assert after == before
        assert claim.result == (more["result"] if state == "done" else None)
        assert claim.error == (None if state == "done" else "no")


def test_what_is_unknown_stays_so_for_the_next_runs_too(put, claim):
    put("sent", owner_that_is_gone())
    for _ in range(3):
        assert claim(ledger_of(once=True))[0].status is UNKNOWN


def test_a_row_without_a_result_that_a_person_marked_as_done(put, claim, database):
    put("done", owner_that_is_gone())
    assert claim(ledger_of()) == [ClaimResult(DONE)]


def test_keys_are_apart_by_connection_operation_and_scope(claim):
    for other in ({}, {"conn_id": "d"}, {"operation": "p"}, {"scope": "run"}):
        assert claim(ledger_of(**other)) == [ClaimResult(TAKEN)]
    assert claim(ledger_of()) == [ClaimResult(BUSY)]


def test_many_keys_at_once(claim, settle, rows):
    keys = [(f"user-{number}", "quote \" and ' and ü") for number in range(2500)]
    first = ledger_of()
    assert {claim.status for claim in claim(first, *keys)} == {TAKEN}
    settle(first, "done", keys[0], result={})
    settle(first, "failed", keys[1], error="no")
    standings = [claim.status for claim in claim(ledger_of(redo="never"), *keys, KEY)]
    assert standings == [DONE, FAILED, *[BUSY] * 2498, TAKEN]
    assert len(rows()) == 2501


# Settlements


@pytest.mark.parametrize("state", ["done", "failed", "unknown"])
def test_an_end_is_recorded(claim, settle, rows, state):
    ledger = ledger_of()
    claim(ledger)
    settle(ledger, state, result={"url": "sealed"} if state == "done" else None, error="why")
    [row] = rows()
    assert (row.state, row.error) == (state, "why")
    assert row.result == ('{"url": "sealed"}' if state == "done" else None)


def test_a_late_end_is_the_truth(claim, settle, rows):
    late, other = ledger_of(once=True, lease=-1.0), ledger_of(once=True)
    claim(late)
    assert claim(other)[0].status is UNKNOWN
    settle(late, "done", result={})
    assert claim(other) == [ClaimResult(DONE, result={})]


@pytest.mark.parametrize("state", ["failed", "unknown"])
def test_a_late_failure_does_not_touch_a_row_that_another_run_has_taken_over(claim, settle, rows, state):
    late, other = ledger_of(lease=-1.0), ledger_of()
    claim(late)
    assert claim(other) == [ClaimResult(TAKEN)]
    [before] = rows()
    settle(late, state, error="late")
    assert rows() == [before]
    # That it was done is the truth all the same.
    settle(late, "done", result={"a": 1})
    [row] = rows()
    assert (row.state, row.result, row.owner) == ("done", '{"a": 1}', other.owner)


@pytest.mark.parametrize("state", ["failed", "unknown", "released"])
def test_what_is_done_stays_done(claim, settle, rows, state):
    ledger = ledger_of()
    claim(ledger)
    settle(ledger, "done", result={"a": 1})
    [before] = rows()
    settle(ledger, state, error="late")
    assert rows() == [before]


def test_what_is_released_is_as_if_it_had_never_been(claim, settle, rows):
    ledger = ledger_of(once=True)
    claim(ledger)
    settle(ledger, "released")
    assert rows() == []
    assert claim(ledger_of(once=True)) == [ClaimResult(TAKEN)]


def test_what_was_done_before_it_was_released_is_done(claim, settle, rows):
    first, again = ledger_of(once=True), ledger_of(once=True, redo="all")
    claim(first)
    settle(first, "done", result={"a": 1})
    assert claim(again) == [ClaimResult(TAKEN)]
    settle(again, "released")
    [row] = rows()
    assert (row.state, row.result) == ("done", '{"a": 1}')
    # The same record once more in the batch is sent, as the first would have been.
    assert claim(again) == [ClaimResult(TAKEN)]
    settle(again, "released")
    assert [found.status for found in claim(ledger_of(once=True))] == [ClaimStatus.DONE]


@pytest.mark.parametrize("result", [{"a": 1}, None])
def test_what_was_done_before_it_was_refused_is_done(claim, settle, rows, result):
    """A later run would send it a second time, if the ledger said that it never was."""
    first, again = ledger_of(once=True), ledger_of(once=True, redo="all")
    claim(first)
    settle(first, "done", result=result, content="first")
    assert claim(again) == [ClaimResult(TAKEN)]
    settle(again, "failed", error="422: Text is too long")
    [row] = rows()
    assert (row.state, row.error) == ("done", "422: Text is too long")
    assert claim(ledger_of(once=True, redo="failed")) == [
        ClaimResult(ClaimStatus.DONE, result=result, content="first")
    ]
    # The same record once more in the batch is sent, as the first was.
    assert claim(again) == [ClaimResult(TAKEN)]
    settle(again, "done", result={"a": 2}, content=None)
    [row] = rows()
    assert (row.state, row.result, row.content, row.error) == ("done", '{"a": 2}', None, None)


def test_what_was_done_before_its_repeat_became_unknown_is_not_forgotten(claim, settle, rows):
    """A person lets it be sent a third time, and that is refused: it was done all the same."""
    first, again = ledger_of(once=True), ledger_of(once=True, redo="all")
    claim(first)
    settle(first, "done", result={"a": 1})
    claim(again)
    settle(again, "unknown", error="the connection broke")
    assert [row.state for row in rows()] == ["unknown"]
    assert [found.status for found in claim(ledger_of(once=True))] == [ClaimStatus.UNKNOWN]
    third = ledger_of(once=True, resend_unknown=True)
    assert claim(third) == [ClaimResult(TAKEN)]
    settle(third, "failed", error="422")
    assert claim(ledger_of(once=True)) == [ClaimResult(ClaimStatus.DONE, result={"a": 1})]


def claimed_in_doubt(claim: Any, settle: Any, *, interrupted: bool) -> Ledger:
    """Let a record be of unknown outcome, and claim it to be sent again; return the ledger that has it."""
    first = ledger_of(once=True, lease=-1.0 if interrupted else 60.0)
    again = ledger_of(once=True, resend_unknown=True)
    claim(first)
    if not interrupted:
        settle(first, "unknown", error="the connection broke")
    assert claim(again) == [ClaimResult(TAKEN)]
    return again


@pytest.mark.parametrize("interrupted", [True, False])
def test_what_was_unknown_before_it_was_released_is_unknown(claim, settle, rows, interrupted):
    """It was to be sent again, and was not: what was sent before may have taken effect all the same."""
    again = claimed_in_doubt(claim, settle, interrupted=interrupted)
    settle(again, "released")
    [row] = rows()
    assert (row.state, row.error) == ("unknown", INTERRUPTED if interrupted else "the connection broke")
    # The same record once more in the batch is sent, as the first would have been.
    assert claim(again) == [ClaimResult(TAKEN)]
    settle(again, "released")
    assert [found.status for found in claim(ledger_of(once=True))] == [UNKNOWN]


@pytest.mark.parametrize("interrupted", [True, False])
def test_what_was_unknown_before_it_was_refused_is_unknown(claim, settle, rows, interrupted):
    """The vendor may refuse it because it has it: a later run must not send it by itself."""
    again = claimed_in_doubt(claim, settle, interrupted=interrupted)
    for _ in range(2):
        # The second is that of a commit whose answer was lost.
        settle(again, "failed", error="422: Number is taken")
    [row] = rows()
    assert row.state == "unknown"
    assert row.error == f"{REFUSED_IN_DOUBT}422: Number is taken"
    assert [found.status for found in claim(ledger_of(once=True))] == [UNKNOWN]
    third = ledger_of(once=True, resend_unknown=True)
    assert claim(third) == [ClaimResult(TAKEN)]
    settle(third, "done", result={"a": 1})
    assert [(row.state, row.error) for row in rows()] == [("done", None)]


def test_what_was_refused_before_it_was_released_is_as_if_it_had_never_been(claim, settle, rows):
    for state in ("failed", "released"):
        ledger = ledger_of(once=True)
        claim(ledger)
        settle(ledger, state, error="422")
    assert rows() == []


def test_what_was_refused_twice_is_sent_again(claim, settle):
    for _ in range(2):
        ledger = ledger_of(once=True)
        assert claim(ledger) == [ClaimResult(TAKEN)]
        for _ in range(2):
            settle(ledger, "failed", error="422")
    assert claim(ledger_of(once=True)) == [ClaimResult(TAKEN)]


def test_nobody_releases_what_another_holds(claim, settle, rows):
    slow, other = ledger_of(lease=-1.0), ledger_of()
    claim(slow)
    assert claim(other) == [ClaimResult(TAKEN)]
    settle(slow, "released")
    assert [row.owner for row in rows()] == [other.owner]


def test_what_became_unknown_meanwhile_is_not_released(claim, settle, rows):
    slow = ledger_of(once=True, lease=-1.0)
    claim(slow)
    claim(ledger_of(once=True))
    settle(slow, "released")
    assert [row.state for row in rows()] == ["unknown"]


def test_ends_of_all_kinds_in_one_go(database, claim, rows):
    ledger = ledger_of()
    keys = [(str(number),) for number in range(8)]
    claim(ledger, *keys)
    states: list[Any] = ["done", "released", "failed", "unknown"] * 2
    ends = [Completion(ledger.id_of(key), state) for key, state in zip(keys, states, strict=True)]
    with database.begin() as connection:
        ledger.settle(connection, ends)
    assert [row.state for row in rows()] == ["done", "failed", "unknown"] * 2


# Several at once


def test_a_key_is_taken_by_one_of_many(database):
    keys = [(str(number),) for number in range(40)]

    def grab(number: int) -> list[tuple[str, ...]]:
        ledger = ledger_of(once=True)
        own = keys[number:] + keys[:number]
        claims = database.run(lambda connection: ledger.claim(connection, own))
        return [key for key in own if claims[ledger.id_of(key)].status is TAKEN]

    with ThreadPoolExecutor(4) as threads:
        taken = [key for part in threads.map(grab, range(20)) for key in part]
    assert sorted(taken) == sorted(keys)


@pytest.mark.parametrize("database", ["postgres"], indirect=True)
def test_a_row_that_is_gone_again_after_its_insertion_is_not_taken(claim, rows, monkeypatch):
    """Another run had inserted the same, and has released it since."""
    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "_insert", lambda *arguments: None)
        assert claim(ledger_of(once=True)) == [ClaimResult(BUSY)]
    assert rows() == []
    assert claim(ledger_of(once=True)) == [ClaimResult(TAKEN)]


def test_runs_that_settle_and_claim_the_same_rows_do_not_stop_each_other(database):
    """Each locks the rows that it needs in the order of their ids."""
    keys = [(str(number),) for number in range(30)]

    def work(number: int) -> None:
        ledger = ledger_of(redo="all")
        mine: set[str] = set()
        for _ in range(15):
            ends = [
                Completion(id_, "released" if index % 3 else "done", {}) for index, id_ in enumerate(mine)
            ]
            with database.begin() as connection:
                ledger.settle(connection, ends)
            with database.begin() as connection:
                claims = ledger.claim(connection, keys[number:] + keys[:number])
            mine = {id_ for id_, claim in claims.items() if claim.status is TAKEN}

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(work, range(4)))


# What is written


def test_words_of_a_vendor_that_no_database_takes_are_stored_without_them(claim, settle, rows):
    ledger = ledger_of()
    claim(ledger)
    settle(ledger, "failed", error="cut \ud83d and \0 nil")
    [row] = rows()
    assert (row.state, row.error) == ("failed", "cut ? and  nil")
