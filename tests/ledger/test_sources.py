"""Where calls come from: what a source stands for, and what it may not stand for any more."""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import mysql, postgresql

from airflow_provider.ledger import sources
from airflow_provider.ledger.ledger import Completion, Ledger
from airflow_provider.ledger.sources import GROUP, bind_sources, stand_for
from airflow_provider.processes import new_owner
from airflow_provider.store.tables import ledger as table

FIRST, OTHER = ("invoice", "1"), ("invoice", "2")


def ledger_of(**options: Any) -> Ledger:
    known = {"conn_id": "bank", "operation": "acme.pay", "scope": "", "task": "dag/run/pay", "once": True}
    return Ledger(**{**known, "owner": new_owner(), "lease": 60.0, **options})


@pytest.fixture
def send(database):
    """Claim a call, and end it."""

    def to(state: Any, key: tuple[str, ...] = FIRST) -> None:
        ledger = ledger_of()
        with database.begin() as connection:
            ledger.claim(connection, [key])
            if state != "sent":
                ledger.settle(connection, [Completion(ledger.id_of(key), state)])

    return to


@pytest.fixture
def bind(database):
    def to(*keys: tuple[str, ...], source: str = "T1", **options: Any) -> set[str]:
        return bind_sources(database, ledger_of(**options), {source: keys})

    return to


@pytest.mark.parametrize(
    ("state", "refused"),
    [("done", {"T1"}), ("unknown", {"T1"}), ("sent", {"T1"}), ("failed", set()), ("released", set())],
)
def test_a_source_stands_for_nothing_else_once_its_call_may_have_taken_effect(bind, send, state, refused):
    assert bind(FIRST) == set()
    send(state)
    assert bind(FIRST) == set()
    assert bind(OTHER) == refused
    # Nothing is noted of what was refused.
    assert bind(FIRST) == set()


def test_a_source_may_stand_for_several_calls_that_come_together(bind, send):
    assert bind(FIRST, OTHER) == set()
    send("done")
    assert bind(FIRST, OTHER) == set()
    assert bind(OTHER) == {"T1"}
    send("done", OTHER)
    assert bind(FIRST) == {"T1"}


def test_a_call_of_another_source_does_not_count(bind, send):
    assert bind(FIRST) == set()
    send("done")
    assert bind(OTHER, source="T2") == set()


@pytest.mark.parametrize(
    "elsewhere", [{"conn_id": "other"}, {"operation": "acme.pay_back"}, {"scope": "run"}]
)
def test_each_connection_operation_and_scope_has_sources_of_its_own(bind, send, elsewhere):
    assert bind(FIRST) == set()
    send("done")
    assert bind(OTHER, **elsewhere) == set()


def test_the_ledger_shows_what_a_source_stands_for(bind, database):
    bind(FIRST, OTHER, source="T\0ž")
    with database.read() as connection:
        [row] = connection.execute(sa.select(table))
    assert (row.operation, row.state, json.loads(row.key)) == ("acme.pay.source", "done", ["T\0ž"])
    assert json.loads(row.result) == {"calls": [list(FIRST), list(OTHER)]}


def test_a_file_may_have_many_sources(database, send):
    wanted = {f"T{number}": [("invoice", str(number))] for number in range(2 * GROUP + 1)}
    assert bind_sources(database, ledger_of(), wanted) == set()
    send("done", ("invoice", "7"))
    send("done", ("invoice", "399"))
    others = {source: [("invoice", f"other {source}")] for source in wanted}
    assert bind_sources(database, ledger_of(), others) == {"T7", "T399"}


def test_several_runs_at_once_do_not_stop_each_other(database):
    wanted = {f"T{number}": [("invoice", str(number))] for number in range(60)}

    def work(_: int) -> set[str]:
        return bind_sources(database, ledger_of(), wanted)

    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(work, range(8))) == [set()] * 8


def claim(database: Any, key: tuple[str, ...]) -> None:
    with database.begin() as connection:
        ledger_of().claim(connection, [key])


def test_of_two_runs_that_have_a_source_for_different_calls_the_later_one_alone_sends(bind, database):
    """Neither has sent anything when the other begins."""
    assert bind(FIRST) == set()
    assert bind(OTHER) == set()
    claim(database, FIRST)
    assert not stand_for(database, ledger_of(), ["T1"], FIRST)
    claim(database, OTHER)
    assert stand_for(database, ledger_of(), ["T1"], OTHER)


def test_a_call_that_was_claimed_in_time_is_seen_by_the_run_that_begins(bind, database):
    assert bind(FIRST) == set()
    claim(database, FIRST)
    assert stand_for(database, ledger_of(), ["T1"], FIRST)
    assert bind(OTHER) == {"T1"}


def test_a_source_whose_row_a_person_has_removed_says_nothing_against_a_call(database):
    assert stand_for(database, ledger_of(), ["T1"], FIRST)


@pytest.mark.parametrize("dialect", [mysql.dialect(), postgresql.dialect()], ids=["mysql", "postgresql"])
def test_what_is_in_effect_is_read_as_it_is_now(dialect):
    """MySQL answers a plain SELECT with what there was when the transaction began."""
    assert re.search("FOR SHARE|LOCK IN SHARE MODE", str(sources._IN_EFFECT.compile(dialect=dialect)))
