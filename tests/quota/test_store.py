"""The store of quotas, on every database that there is."""

from __future__ import annotations

import contextlib
from dataclasses import replace

import pytest

from airflow_provider.exceptions import StoreUnavailable
from airflow_provider.quota.interface import Report, Turn
from airflow_provider.quota.memory import MemoryStore
from airflow_provider.quota.readings import Account, QuotaState, Refusal
from airflow_provider.quota.store import QuotaStore, rows
from airflow_provider.store import tables as schema
from tests.support.quota import ACCOUNT, DAY, HOUR, MINUTE, NOW, reading, reserve, tell

# Readings and counts


def test_nothing_is_known_of_a_connection_that_was_never_used(store, database):
    assert store.look() == QuotaState()
    assert store.reservations() == []
    assert list(rows(database)) == []


@pytest.mark.parametrize(
    "changes", [{}, {"limit": None, "used": None}, {"resets_at": None}, {"source": "header"}]
)
def test_a_reading_comes_back_as_it_was(store, changes):
    at = NOW.replace(microsecond=123457)
    known = reading(50, at=at, **changes)
    store.report(Report(reading=known))
    assert store.look() == QuotaState(reading=known)


def test_a_large_quota_fits(store):
    known = reading(10**15, at=NOW, limit=10**15, used=0)
    store.report(Report(sent=1, reading=known))
    assert store.look().reading == known


def test_requests_are_counted_from_the_reading_on(store):
    store.report(Report(sent=3, spent=3))
    assert store.look() == QuotaState(counted=3)
    store.report(Report(sent=0, spent=1, reading=reading(50, at=NOW)))
    assert store.look().counted == 0
    store.report(Report(sent=2, spent=2))
    store.report(Report(sent=5, spent=5))
    known = store.look()
    assert known.counted == 7
    assert known.estimate is not None
    assert known.estimate.remaining == 43


def test_what_a_client_sent_after_its_reading_is_counted(store):
    store.report(Report(sent=4, spent=9, reading=reading(50, at=NOW)))
    assert store.look().counted == 4


def test_a_reading_is_never_replaced_by_an_older_one(store):
    tell(store, 50, at=NOW)
    store.report(Report(sent=2, reading=reading(90, at=NOW - MINUTE)))
    known = store.look()
    assert known.reading == reading(50, at=NOW)
    assert known.counted == 2
    tell(store, 49, at=NOW)
    assert store.look().reading == reading(49, at=NOW)


def test_a_reading_of_a_clock_that_is_days_ahead_gives_way_to_the_answer_of_today(store):
    """Otherwise one wrong clock would decide for days what remains."""
    tell(store, 0, at=NOW + 3 * DAY)
    store.take_turn("me", 60)
    store.report(Report(reading=reading(90, at=NOW)), prober="me")
    assert store.look().reading == reading(90, at=NOW)


def test_what_others_sent_while_the_answer_was_on_its_way_is_counted(store, stopped_clock):
    store.report(Report(sent=10, spent=10))
    assert store.take_turn("me", 60) is Turn.MINE
    store.report(Report(sent=3, spent=3))
    stopped_clock.advance(1)
    store.report(Report(spent=1, reading=reading(50, at=stopped_clock.now())), prober="me")
    assert store.look().counted == 3


def test_the_answer_to_another_probers_turn_takes_nothing_from_it(store):
    store.report(Report(sent=10, spent=10))
    assert store.take_turn("me", 60) is Turn.MINE
    store.report(Report(sent=3, spent=3))
    store.report(Report(reading=reading(50, at=NOW)), prober="another")
    assert store.look().counted == 0
    store.report(Report(sent=2, spent=2))
    store.report(Report(reading=reading(48, at=NOW)), prober="me")
    assert store.look().counted == 0


# Refusals


@pytest.mark.parametrize("until", [None, NOW + HOUR])
def test_a_refusal_is_kept_until_a_later_reading(store, until):
    refusal = Refusal("QuotaExhausted", "TOKEN LIMIT EXCEEDED", NOW, until)
    tell(store, 50, at=NOW - MINUTE)
    store.report(Report(sent=1, refusal=refusal))
    assert store.look() == QuotaState(reading=reading(50, at=NOW - MINUTE), counted=1, refusal=refusal)
    tell(store, 49, at=NOW - MINUTE / 2)
    assert store.look().refusal == refusal
    tell(store, 100, at=NOW + MINUTE)
    assert store.look().refusal is None


def test_a_report_with_a_reading_and_a_later_refusal_keeps_both(store):
    refusal = Refusal("QuotaExhausted", "x", NOW)
    store.report(Report(reading=reading(1, at=NOW - MINUTE), refusal=refusal))
    assert store.look() == QuotaState(reading=reading(1, at=NOW - MINUTE), refusal=refusal)


def test_a_refusal_that_comes_late_does_not_hide_a_later_one(store):
    late = Refusal("QuotaExhausted", "x", NOW, NOW + HOUR)
    store.report(Report(refusal=late))
    store.report(Report(refusal=Refusal("RateLimited", "y", NOW - MINUTE)))
    assert store.look().refusal == late


# Turns


def test_one_probes_at_a_time(store, stopped_clock):
    assert store.take_turn("me", 60) is Turn.MINE
    assert store.take_turn("you", 60) is Turn.ANOTHERS
    assert store.look().probing_until == NOW + MINUTE
    store.end_turn("you")
    assert store.take_turn("you", 60) is Turn.ANOTHERS
    store.end_turn("me")
    assert store.look().probing_until is None
    assert store.take_turn("you", 60) is Turn.MINE


def test_nobody_need_probe_what_has_been_answered_meanwhile(store):
    before = store.look()
    assert store.take_turn("me", 60, before) is Turn.MINE
    store.report(Report(sent=1, spent=1), prober="me")
    store.end_turn("me")
    # Requests alone are no answer.
    assert store.take_turn("me", 60, before) is Turn.MINE
    tell(store, 50)
    assert store.take_turn("you", 60, before) is Turn.ANOTHERS
    store.end_turn("me")
    assert store.take_turn("you", 60, before) is Turn.OVER
    assert store.look().probing_until is None
    before = store.look()
    store.report(Report(refusal=Refusal("VendorAuthError", "x", NOW)))
    assert store.take_turn("you", 60, before) is Turn.OVER
    assert store.take_turn("you", 60, store.look()) is Turn.MINE


def test_the_turn_of_one_who_was_killed_ends_by_itself(store, stopped_clock):
    assert store.take_turn("me", 60) is Turn.MINE
    stopped_clock.advance(59.9)
    assert store.take_turn("you", 60) is Turn.ANOTHERS
    stopped_clock.advance(0.1)
    assert store.look().probing_until is None
    assert store.take_turn("you", 60) is Turn.MINE
    # The first one was only slow.
    store.end_turn("me")
    assert store.take_turn("third", 60) is Turn.ANOTHERS


# Whose quota it is


def test_with_other_credentials_it_is_another_quota(store, database):
    tell(store, 50)
    store.report(Report(sent=5, spent=5, refusal=Refusal("QuotaExhausted", "x", NOW)))
    store.take_turn("me", 60)
    assert reserve(store, "a", 10) == 10
    other = QuotaStore(database, replace(ACCOUNT, digest="e" * 32))
    assert other.look() == QuotaState()
    assert other.reservations() == []
    assert other.release(run="a") == []
    other.report(Report(sent=1))
    assert other.look() == QuotaState(counted=1)
    # A task that still sends with the old ones keeps what is known of theirs.
    assert store.look().counted == 5
    assert {row.account for row in rows(database)} == {ACCOUNT.digest, "e" * 32}


def test_connections_with_the_same_credentials_have_one_quota(store, database):
    tell(store, 50)
    other = QuotaStore(database, Account("other", "wolkvox", ACCOUNT.digest))
    assert other.look() == QuotaState(reading=reading(50, at=NOW))
    assert reserve(other, "a", 7) == 7
    assert sum(store.look().reserved.values()) == 7
    assert [row.conn_id for row in rows(database)] == ["wolkvox_default"]


# Without a store


def test_a_task_without_a_store_remembers_what_it_has_seen(stopped_clock):
    store = MemoryStore(ACCOUNT)
    assert store.look() == QuotaState()
    assert store.take_turn("me", 60) is Turn.MINE
    store.report(Report(sent=1, spent=1, refusal=Refusal("RateLimited", "x", NOW - MINUTE)), prober="me")
    assert store.look() == QuotaState(counted=1, refusal=Refusal("RateLimited", "x", NOW - MINUTE))
    store.write(None, Report(sent=2, spent=3, reading=reading(50, at=NOW)), run="r")
    assert (store.look().reading, store.look().counted) == (reading(50, at=NOW), 2)
    store.report(Report(sent=4))
    assert store.look().counted == 6
    store.end_turn("me")
    store.close()


# Trouble


def test_a_database_that_has_lost_its_tables(store, database):
    with database.begin() as connection:
        schema.quota.drop(connection)
        schema.reservation.drop(connection)
    for use in (
        store.look,
        lambda: store.take_turn("me", 60),
        lambda: store.end_turn("me"),
        lambda: store.report(Report(sent=1)),
        lambda: reserve(store, "a", 1),
        lambda: store.release(run="a"),
        store.reservations,
        lambda: rows(database),
    ):
        with pytest.raises(StoreUnavailable):
            use()


def test_what_cannot_be_stored_is_the_stores_own_kind_of_error(store):
    """A vendor may name any number; a request that has been answered must not fail for it."""
    with contextlib.suppress(StoreUnavailable):
        store.report(Report(sent=1, reading=reading(10**30, at=NOW, limit=10**30)))
