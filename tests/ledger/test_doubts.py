"""Rows whose outcome is not known: which they are, and what is recorded of them."""

from __future__ import annotations

from typing import Any

from airflow_provider.ledger.ledger import (
    ClaimStatus,
    Completion,
    Ledger,
)


def doubtful(database: Any, **options: Any) -> Any:
    with database.read() as connection:
        return sa_ledger(**options).doubts(connection)


def sa_ledger(**options: Any) -> Ledger:
    given = {"conn_id": "c", "operation": "acme.pay", "scope": "", "task": "t", "owner": "me", "lease": 0.0}
    return Ledger(**{**given, "once": True, **options})


def test_rows_in_doubt_are_those_of_the_operation_that_nobody_holds(database):
    with database.begin() as connection:
        sa_ledger(owner="gone").claim(connection, [["left"]])
        sa_ledger(owner="busy", lease=60.0).claim(connection, [["held"]])
        sa_ledger(owner="gone", operation="acme.other").claim(connection, [["other"]])
        sa_ledger(owner="gone").claim(connection, [["done"]])
        sa_ledger(owner="gone").settle(
            connection, [Completion(sa_ledger().id_of(["done"]), "done", result={})]
        )
    assert set(doubtful(database)) == {sa_ledger().id_of(["left"])}
    assert doubtful(database, resend_unknown=True) == {}
    assert doubtful(database, once=False) == {}


def test_what_became_of_a_doubt_is_recorded_unless_the_row_is_another_by_now(database):
    with database.begin() as connection:
        sa_ledger(owner="gone").claim(connection, [["a"], ["b"], ["c"]])
    doubts = {key: doubtful(database)[sa_ledger().id_of([key])] for key in "abc"}
    decisions = {
        "a": Completion(doubts["a"].id, "done", result={"id": "1"}),
        "b": Completion(doubts["b"].id, "unknown", error="several"),
        "c": Completion(doubts["c"].id, "released"),
    }
    with database.begin() as connection:
        assert [sa_ledger().decide(connection, doubts[key], end) for key, end in decisions.items()] == [
            True
        ] * 3
    # When "b" was sent has not changed.
    assert doubtful(database)[doubts["b"].id].last == doubts["b"].last
    with database.begin() as connection:
        again = [sa_ledger().decide(connection, doubts[key], end) for key, end in decisions.items()]
        claims = sa_ledger(lease=60.0).claim(connection, [["a"], ["b"], ["c"]])
    assert again == [False] * 3
    assert [claims[doubts[key].id].status for key in "abc"] == [
        ClaimStatus.DONE,
        ClaimStatus.UNKNOWN,
        ClaimStatus.TAKEN,
    ]
    assert claims[doubts["a"].id].result == {"id": "1"}
    assert claims[doubts["b"].id].error == "several"


def test_what_a_record_was_sent_with_is_kept(database):
    id_ = sa_ledger().id_of(["a"])
    with database.begin() as connection:
        sa_ledger().claim(connection, [["a"]])
        sa_ledger().settle(connection, [Completion(id_, "done", result={}, content="digest")])
        assert sa_ledger().claim(connection, [["a"]])[id_].content == "digest"
