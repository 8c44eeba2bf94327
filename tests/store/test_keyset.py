"""Pages by key, and the indexes that they use."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from airflow_provider.ledger import decisions, unknown
from airflow_provider.ledger.admin import forget, mark_done
from airflow_provider.ledger.decisions import Decider
from airflow_provider.ledger.unknown import Filter
from airflow_provider.store import keyset
from airflow_provider.store.tables import ledger
from tests.support.page import add_unknown


def test_the_connections_of_unknown_records_are_named(database):
    for conn_id in ("b", "a", "b", "c"):
        add_unknown(database, "x", conn_id=conn_id)
    add_unknown(database, "x", conn_id="d", state="done")
    assert unknown.connections(database) == ["a", "b", "c"]


def test_pages_follow_each_other_over_several_connections(database):
    ids = {add_unknown(database, "x", conn_id=f"c{number % 3}", age=number // 4) for number in range(25)}
    seen: list[str] = []
    after = None
    while rows := unknown.page(database, ["c0", "c1", "c2"], Filter(), limit=7, after=after):
        seen += [row["id"] for row in rows]
        after = (rows[-1]["updated_at"], rows[-1]["id"])
    assert len(seen) == 25
    assert set(seen) == ids
    assert {row["id"] for rows in unknown.each(database, ["c0"], Filter()) for row in rows} < ids


def test_rows_are_counted_up_to_a_number(database):
    for _ in range(5):
        add_unknown(database, "x")
    assert unknown.count(database, ["imbee_default"], Filter(), 100) == 5
    assert unknown.count(database, ["imbee_default"], Filter(), 3) == 3
    assert unknown.count(database, [], Filter(), 3) == 0


@pytest.mark.parametrize(
    ("chosen", "found"),
    [
        (Filter(task="a"), ["a/b/c", "a/b/d"]),
        (Filter(task="a/b/c"), ["a/b/c"]),
        (Filter(task="a/"), []),
        (Filter(task="%"), []),
        (Filter(operation="other"), []),
    ],
    ids=str,
)
def test_a_filter_names_whole_parts_of_a_task(database, chosen, found):
    for task in ("a/b/c", "a/b/d", "ab/b/c"):
        add_unknown(database, "x", task=task)
    rows = unknown.page(database, ["imbee_default"], chosen, limit=9)
    assert sorted(row["task"] for row in rows) == found


def test_unknown_rows_are_found_by_their_own_index(database):
    """SQLite uses it only where the query itself says that unknown rows are meant."""
    query = Filter().query().where(ledger.c.conn_id == "a").order_by(ledger.c.updated_at.desc())
    text = str(query.compile(database.engine, compile_kwargs={"literal_binds": True}))
    with database.read() as connection:
        if not database.is_sqlite:
            connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        explain = "EXPLAIN QUERY PLAN " if database.is_sqlite else "EXPLAIN "
        plan = " ".join(map(str, connection.exec_driver_sql(explain + text.replace("%", "%%")).all()))
    assert "vendor_apis_ledger_unknown" in plan


def test_a_decision_and_its_trail_are_one(database, monkeypatch):
    done, gone, known = (add_unknown(database, name) for name in ("done", "gone", "known"))
    with database.begin() as connection:
        connection.execute(sa.update(ledger).where(ledger.c.id == known).values(state="failed"))
    by = Decider("ann", "page")
    assert mark_done(database, [(done, {}), (known, {})], by) == 1
    assert forget(database, [gone, done]) == 1
    found = decisions.latest(database, ["imbee_default"], limit=10)
    assert [(row["ledger_id"], row["answer"], row["through"]) for row in found] == [
        (gone, "not_done", "cli"),
        (done, "done", "page"),
    ]
    monkeypatch.setattr("airflow_provider.ledger.admin.write_down", lambda *_: 1 / 0)
    again = add_unknown(database, "again")
    with pytest.raises(ZeroDivisionError):
        forget(database, [again], by)
    assert unknown.one(database, again) is not None


def test_values_are_told_by_looks_at_an_index(database):
    with database.read() as connection:
        assert keyset.distinct(connection.scalars, ledger.c.conn_id) == []
