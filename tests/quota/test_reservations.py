"""Reservations of quota, on every database that there is."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import product
from typing import Any

import pytest

from airflow_provider.exceptions import InvalidInput
from airflow_provider.quota.decision import Enough, Requirement, WaitPolicy, decide
from airflow_provider.quota.interface import Report
from airflow_provider.quota.readings import QuotaState
from airflow_provider.quota.reservations import LEASE, reservation_id
from airflow_provider.quota.store import QuotaStore
from tests.support.quota import ACCOUNT, HOUR, MINUTE, NOW, reading, reserve, tell

# Reservations


def test_what_is_reserved_is_what_can_no_longer_be(store):
    tell(store, 50)
    store.report(Report(sent=5, spent=5))
    assert reserve(store, "a", 46) is None
    assert reserve(store, "a", 30) == 30
    assert reserve(store, "b", 16) is None
    assert reserve(store, "b", 15) == 15
    assert reserve(store, "c", 1) is None
    assert store.look().reserved == {"a": 30, "b": 15}
    assert [(one.id, one.amount, one.remaining, one.run, one.task) for one in store.reservations()] == [
        ("a", 30, 30, "a", "a/t"),
        ("b", 15, 15, "b", "b/t"),
    ]


def test_nothing_can_be_reserved_of_what_nobody_knows(store):
    assert reserve(store, "a", 1) is None
    assert store.reservations() == []


def test_a_margin_stays_free(store):
    tell(store, 50)
    assert reserve(store, "a", 50, margin=1) is None
    assert reserve(store, "a", 49, margin=1) == 49


@pytest.mark.parametrize(
    ("amount", "at_most", "granted"), [(10, None, 10), (10, 30, 30), (10, 80, 50), (0, 80, 50), (50, 40, 50)]
)
def test_more_is_taken_up_to_the_most_that_is_wanted(store, amount, at_most, granted):
    tell(store, 50)
    assert reserve(store, "a", amount, at_most=at_most) == granted


def test_a_reservation_of_the_same_name_is_replaced(store):
    tell(store, 50)
    assert reserve(store, "a", 30) == 30
    assert reserve(store, "a", 40) == 40
    assert store.look().reserved == {"a": 40}
    assert [one.spent for one in store.reservations()] == [0]


def test_several_of_one_run_add_up(store):
    tell(store, 50)
    reserve(store, "a", 10, "run", shared=True)
    reserve(store, "b", 20, "run", shared=True)
    reserve(store, "c", 5, "other", shared=True)
    known = store.look()
    assert known.reserved == {"run": 30, "other": 5}
    assert (known.reserved_for_others("run"), known.reserved_for_others()) == (5, 35)
    assert sorted(one.id for one in store.release(run="run")) == ["a", "b"]
    assert store.look().reserved == {"other": 5}


def test_requests_of_a_run_are_taken_from_what_it_has_reserved(store):
    tell(store, 50)
    reserve(store, "a", 10, "run", shared=True)
    reserve(store, "b", 20, "run", shared=True)
    reserve(store, "c", 5, "other", shared=True)
    store.report(Report(sent=4, spent=4), run="run")
    # The named one first.
    store.report(Report(sent=3, spent=3), run="run", reservation="b")
    known = store.look()
    assert known.counted == 7
    assert {one.id: one.spent for one in store.reservations()} == {"a": 4, "b": 3, "c": 0}
    assert known.reserved == {"run": 23, "other": 5}
    store.report(Report(sent=30, spent=30), run="run")
    assert {one.id: one.remaining for one in store.reservations()} == {"a": 0, "b": 0, "c": 5}
    assert store.look().reserved == {"other": 5}


def test_a_request_that_belongs_to_nobody_spends_nobodys_reservation(store):
    tell(store, 50)
    reserve(store, "a", 10)
    store.report(Report(sent=4, spent=4))
    assert store.look().reserved == {"a": 10}


def test_a_request_that_the_reading_has_already_is_taken_from_the_reservation_all_the_same(store):
    tell(store, 50)
    reserve(store, "a", 10, shared=True)
    store.report(Report(sent=0, spent=1, reading=reading(49, at=NOW)), run="a")
    known = store.look()
    assert (known.counted, known.reserved) == (0, {"a": 9})


def test_releasing_tells_what_was_spent(store):
    tell(store, 50)
    reserve(store, "a", 10, shared=True)
    store.report(Report(sent=4, spent=4), run="a")
    [one] = store.release(id_="a")
    assert (one.amount, one.spent, one.remaining, one.created_at, one.expires_at) == (
        10,
        4,
        6,
        NOW,
        NOW + HOUR,
    )
    assert store.release(id_="a") == []
    known = store.look()
    assert (known.reserved, known.counted) == ({}, 4)
    assert reserve(store, "b", 46) == 46


def test_a_reservation_lasts_until_it_expires(store, stopped_clock):
    tell(store, 50)
    reserve(store, "a", 10)
    reserve(store, "b", 10, lasts=2 * HOUR)
    assert store.look().frees_at == NOW + HOUR
    stopped_clock.advance(HOUR)
    known = store.look()
    assert (known.reserved, known.frees_at) == ({"b": 10}, NOW + 2 * HOUR)


def test_what_an_expired_reservation_had_remaining_counts_as_spent_until_the_vendor_tells(
    store, stopped_clock
):
    tell(store, 50)
    reserve(store, "a", 40, shared=True)
    store.report(Report(sent=5, spent=5), run="a")
    stopped_clock.advance(HOUR)
    assert store.look().counted == 40
    assert reserve(store, "b", 11) is None
    assert reserve(store, "b", 10) == 10
    # A reading from before says nothing of it.
    tell(store, 50, at=NOW + HOUR / 2)
    assert store.look().counted == 35
    tell(store, 45, at=NOW + HOUR)
    known = store.look()
    assert (known.counted, known.reserved) == (0, {"b": 10})
    assert [one.id for one in store.reservations()] == ["b"]


def test_releasing_an_expired_reservation_frees_what_it_had_remaining(store, stopped_clock):
    tell(store, 50)
    reserve(store, "a", 40, shared=True)
    stopped_clock.advance(HOUR)
    [one] = store.release(run="a")
    assert one.remaining == 40
    assert store.look().counted == 0


# What the tasks of a run share, and what each has for itself


def shares(store: QuotaStore) -> dict[str, tuple[int, int, int]]:
    """Amount, taken and spent of each reservation."""
    return {one.id: (one.amount, one.taken, one.spent) for one in store.reservations()}


def test_what_a_task_reserves_is_for_no_other_task_of_the_run(store):
    tell(store, 50)
    assert reserve(store, "a", 10, "run") == 10
    assert reserve(store, "b", 20, "run") == 20
    assert reserve(store, "c", 21, "run") is None
    assert [one.shared for one in store.reservations()] == [False, False]
    store.report(Report(sent=4, spent=4), run="run")
    store.report(Report(sent=3, spent=3), run="run", reservation="b")
    assert shares(store) == {"a": (10, 0, 0), "b": (20, 0, 3)}
    assert store.release(run="run") == []
    assert store.look().reserved == {"run": 27}


@pytest.mark.parametrize("amount", [19, 20, 21, 35, 36, 50])
@pytest.mark.parametrize("margin", [0, 1])
@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("counted", [0, 14, 31])
def test_what_waits_and_what_takes_agree(store, amount, margin, shared, counted):
    tell(store, 50, at=NOW)
    reserve(store, "run's", 20, "run", shared=True)
    reserve(store, "theirs", 10, "run")
    reserve(store, "other's", 5, "other", shared=True)
    store.report(Report(sent=counted, spent=counted))
    requirement = Requirement(amount, margin, "" if shared else "run")
    policy = WaitPolicy(MINUTE, HOUR, HOUR)
    told = isinstance(decide(store.look(), requirement, policy, now=NOW), Enough)
    granted = reserve(store, "a", amount, "run", margin=margin, shared=shared)
    assert granted == (amount if told else None)


@pytest.mark.parametrize("limit", [100, None])
@pytest.mark.parametrize("reset", [HOUR, None])
@pytest.mark.parametrize("remaining", [0, 50])
@pytest.mark.parametrize("at", [0, 1, 1.5, 3])
def test_they_agree_where_the_vendor_tells_in_headers_alone(
    database, stopped_clock, limit, reset, remaining, at
):
    """Before and after the reset, with and without one, for more than the limit, and what others hold."""
    told_enough = 0
    for counted, held, reset_margin in product([0, 31], [0, 20], [timedelta(0), HOUR]):
        stopped_clock.at = NOW
        account = replace(ACCOUNT, digest=f"{counted}/{held}/{reset_margin.seconds}")
        store = QuotaStore(database, account, can_probe=False)
        resets_at = NOW + reset if reset else None
        tell(store, remaining, limit=limit, used=None, resets_at=resets_at, source="header")
        reserve(store, f"{account.digest} other's", held, "other", lasts=3 * HOUR, shared=True)
        store.report(Report(sent=counted, spent=counted))
        stopped_clock.at = NOW + at * HOUR
        for amount, margin in [(1, 0), (40, 1), (100, 0), (100, 1), (150, 0)]:
            policy = WaitPolicy(MINUTE, reset_margin, HOUR)
            decision = decide_or_fail(store.look(), Requirement(amount, margin), policy, stopped_clock.at)
            granted = reserve(
                store, account.digest, amount, "run", margin=margin, shared=True, reset_margin=reset_margin
            )
            assert granted == (amount if isinstance(decision, Enough) else None), (amount, margin, decision)
            told_enough += granted is not None
            store.release(id_=account.digest)
    assert told_enough or (remaining == 0 and at == 0)


def decide_or_fail(state: QuotaState, requirement: Requirement, policy: WaitPolicy, now: datetime) -> Any:
    try:
        return decide(state, requirement, policy, now=now, can_probe=False)
    except InvalidInput as error:
        return error


def test_a_task_takes_from_what_its_run_shares_first(store):
    tell(store, 50)
    reserve(store, "run's", 30, "run", shared=True)
    reserve(store, "other's", 15, "other", shared=True)
    assert reserve(store, "a", 20, "run") == 20
    assert shares(store) == {"run's": (10, 0, 0), "other's": (15, 0, 0), "a": (20, 20, 0)}
    assert store.look().reserved == {"run": 30, "other": 15}
    # Ten of the run's and five that are free.
    assert reserve(store, "b", 16, "run") is None
    assert shares(store)["run's"] == (10, 0, 0), "what is not granted takes nothing"
    assert reserve(store, "b", 15, "run") == 15
    assert shares(store)["run's"] == (0, 0, 0)
    assert shares(store)["b"] == (15, 10, 0)
    assert store.look().reserved == {"run": 35, "other": 15}


def test_what_the_run_shares_is_enough_though_nothing_else_remains(store):
    tell(store, 50)
    reserve(store, "run's", 30, "run", shared=True)
    reserve(store, "other's", 20, "other", shared=True)
    store.report(Report(sent=5, spent=5))
    assert reserve(store, "a", 31, "run", margin=1) is None
    assert reserve(store, "a", 30, "run", margin=1, at_most=40) == 30
    assert reserve(store, "b", 1, "run") is None


@pytest.mark.parametrize(("at_most", "granted"), [(None, 25), (30, 30), (80, 35), (10, 25)])
def test_more_is_taken_of_what_is_free_not_of_what_the_run_shares(store, at_most, granted):
    tell(store, 50)
    reserve(store, "run's", 40, "run", shared=True)
    assert reserve(store, "a", 25, "run", at_most=at_most) == granted
    assert shares(store) == {"run's": (15, 0, 0), "a": (granted, 25, 0)}


def test_several_that_the_run_shares_are_taken_from_the_oldest_first(store, stopped_clock):
    tell(store, 50)
    reserve(store, "z", 10, "run", shared=True)
    stopped_clock.advance(1)
    reserve(store, "y", 10, "run", shared=True)
    store.report(Report(sent=2, spent=2), run="run")
    assert reserve(store, "a", 12, "run") == 12
    assert shares(store) == {"z": (2, 0, 2), "y": (6, 0, 0), "a": (12, 12, 0)}


def test_who_is_no_run_shares_nothing(store):
    tell(store, 50)
    store.reserve("x", 40, run="", task="t", lasts=HOUR, shared=True)
    assert store.reserve("a", 11, run="", task="t", lasts=HOUR) is None
    assert store.reserve("a", 10, run="", task="t", lasts=HOUR) == 10
    assert shares(store) == {"x": (40, 0, 0), "a": (10, 0, 0)}


def test_what_the_run_shares_is_nobodys_once_it_has_expired(store, stopped_clock):
    tell(store, 50)
    reserve(store, "run's", 40, "run", shared=True, lasts=MINUTE)
    stopped_clock.advance(MINUTE)
    assert reserve(store, "a", 11, "run") is None
    assert reserve(store, "a", 10, "run") == 10
    assert shares(store) == {"run's": (40, 0, 0), "a": (10, 0, 0)}


@pytest.mark.parametrize("again", [False, True], ids=["once", "twice"])
@pytest.mark.parametrize(
    ("sent", "back", "spent"),
    # Twenty were the run's, five more were free. These are spent first.
    [(0, 20, 0), (4, 20, 0), (5, 20, 0), (6, 19, 1), (25, 0, 20), (30, 0, 20)],
)
def test_what_a_task_took_from_its_run_goes_back_with_what_was_spent_of_it(store, sent, back, spent, again):
    tell(store, 50)
    reserve(store, "run's", 20, "run", shared=True)
    assert reserve(store, "a", 25, "run") == 25
    store.report(Report(sent=sent, spent=sent), reservation="a")
    [gone] = store.release(id_="a")
    assert (gone.amount, gone.taken, gone.spent) == (25, 20, min(sent, 25))
    if again:
        assert store.release(id_="a") == []
    [left] = store.reservations()
    assert (left.id, left.amount, left.spent, left.remaining) == ("run's", 20, spent, back)
    # Nothing is lost and nothing is there twice.
    known = store.look()
    assert (known.counted, known.reserved.get("run", 0)) == (sent, back)


def test_a_task_that_reserves_again_releases_what_it_took_before(store):
    tell(store, 50)
    reserve(store, "run's", 30, "run", shared=True)
    assert reserve(store, "a", 30, "run") == 30
    store.report(Report(sent=12, spent=12), reservation="a")
    assert reserve(store, "a", 20, "run") == 20
    assert shares(store) == {"run's": (12, 0, 12), "a": (20, 18, 0)}
    assert store.look().estimate.remaining - store.look().reserved_for_others() == 18


def test_what_is_released_after_the_run_has_released_its_own_is_free(store):
    tell(store, 50)
    reserve(store, "run's", 30, "run", shared=True)
    assert reserve(store, "a", 20, "run") == 20
    assert [one.id for one in store.release(run="run")] == ["run's"]
    assert store.look().reserved == {"run": 20}, "a task that is still at work keeps its own"
    store.release(id_="a")
    assert store.look().reserved == {}
    assert reserve(store, "other", 50) == 50


def test_a_request_is_taken_from_the_tasks_own_then_from_what_the_run_shares(store, stopped_clock):
    tell(store, 50)
    reserve(store, "run's", 10, "run", shared=True)
    stopped_clock.advance(1)
    reserve(store, "theirs", 10, "run")
    reserve(store, "mine", 5, "run", shared=False)
    store.report(Report(sent=8, spent=8), run="run", reservation="mine")
    assert {one.id: one.spent for one in store.reservations()} == {"run's": 0, "theirs": 0, "mine": 5}
    # Of the run's nothing remained: both tasks had taken it.
    assert shares(store)["run's"][0] == 0
    store.release(id_="theirs")
    store.report(Report(sent=3, spent=3), run="run", reservation="mine")
    assert {one.id: one.spent for one in store.reservations()} == {"run's": 3, "mine": 5}


def test_a_tasks_own_outlives_its_latest_request_and_what_the_run_shares_does_not(store, stopped_clock):
    tell(store, 50)
    reserve(store, "run's", 10, "run", shared=True)
    reserve(store, "mine", 5, "run")
    stopped_clock.advance(HOUR / 2)
    store.report(Report(sent=7, spent=7), run="run", reservation="mine")
    ends = {one.id: one.expires_at for one in store.reservations()}
    assert ends == {"run's": NOW + HOUR, "mine": NOW + HOUR / 2 + LEASE}


def test_the_name_of_a_reservation_tells_tasks_apart():
    names = {
        reservation_id(*parts)
        for parts in [
            ("c", "dag/run/task/-1"),
            ("c", "dag/run/task/0"),
            ("d", "dag/run/task/-1"),
            ("c", "a", "b"),
        ]
    }
    assert len(names) == 4
    assert all(len(name) == 32 for name in names)
    assert reservation_id("c", 1) == reservation_id("c", "1")
