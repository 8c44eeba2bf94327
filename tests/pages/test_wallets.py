"""What the operations page shows of wallets, and what is closed there."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import sqlalchemy as sa

from airflow_provider.ledger import decisions
from airflow_provider.store.engine import Database
from airflow_provider.store.tables import decision
from tests.support.page import add_note, add_unknown, rows


@pytest.fixture
def bank(book: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The wallet's database, where it is one of its own."""
    path = tmp_path / "bank.db"
    monkeypatch.setenv("AIRFLOW__VENDOR_APIS__WALLET_CONN_ID", "bank")
    monkeypatch.setenv("AIRFLOW_CONN_BANK", json.dumps({"conn_type": "sqlite", "host": str(path)}))
    database = Database(sa.URL.create("sqlite", database=str(path)), shared=False)
    database.prepare()
    yield database
    database.close()


def test_what_the_books_cannot_follow_is_closed_by_a_click(look, press, book):
    id_ = add_note(book)
    [row] = rows(look("wallet"))
    assert row.startswith("contradiction mobadoo_default ann t-1 settle 5.00 refunded 2.50 2 ")
    assert rows(look("wallet", "viewer")) == []
    assert press(f"wallet/{id_}/close", "viewer").status_code == 403
    assert press(f"wallet/{id_}/close", None).status_code == 401
    assert press(f"wallet/{id_}/close", "op", token="x").status_code == 403
    assert press(f"wallet/{id_}/close", "op").status_code == 303
    assert rows(look("wallet")) == []
    assert press(f"wallet/{id_}/close", "op").status_code == 404
    [trail] = rows(look("unknown/decisions"))
    assert "op_name this page closed" in trail


def test_what_the_books_cannot_follow_is_paged_and_counted_beyond_a_page(look, book):
    for number in range(203):
        # Some of the same time.
        add_note(book, ticket=f"t-{number:03}", created_at=1000.0 - number // 3)
    assert re.search(r'href="/vendor-apis/wallet"><b>203</b>', look().text)
    seen: list[str] = []
    query: dict[str, str] = {}
    for _ in range(5):
        page = look("wallet", **query)
        seen += re.findall(r"t-\d{3}", " ".join(rows(page)))
        following = re.search(r'rel="next" href="[^"]*after=([^"&]*)', page.text)
        query = {"after": following[1]} if following else {}
    assert not query
    assert sorted(seen) == [f"t-{number:03}" for number in range(203)]


def test_closings_in_a_database_of_the_wallets_own_are_in_the_trail(look, press, book, bank):
    id_ = add_unknown(book, "ann")
    assert press(f"unknown/{id_}", "op", answer="done").status_code == 303
    note = add_note(bank)
    assert press(f"wallet/{note}/close", "admin").status_code == 303
    closed, decided = rows(look("unknown/decisions"))
    assert "admin_name this page closed" in closed
    assert "op_name this page is at the vendor" in decided
    assert rows(look("unknown/decisions", "viewer")) == []


def test_a_trail_of_two_databases_is_paged_without_a_gap_or_a_repeat(look, book, bank):
    by = decisions.Decider("ann", "page")
    for number in range(60):
        for database, name in ((book, "row"), (bank, "note")):
            row = {"id": f"{name}-{number:02}", "conn_id": "mobadoo_default", "operation": "x", "task": ""}
            with database.begin() as connection:
                decisions.write_down(connection, [row], "closed", by)
                # All at the same time, with the same ids in both databases.
                connection.execute(sa.update(decision).values(decided_at=1000.0))
    seen: list[str] = []
    query: dict[str, str] = {}
    for _ in range(3):
        page = look("unknown/decisions", **query)
        seen += [row.split()[-1] for row in rows(page)]
        following = re.search(r'rel="next" href="[^"]*after=([^"&]*)', page.text)
        query = {"after": following[1]} if following else {}
    assert not query
    assert len(seen) == 120
    assert len(set(seen)) == 120


def test_a_wallet_whose_database_is_away_leaves_the_rest_of_the_trail(look, press, book, bank, tmp_path):
    id_ = add_unknown(book, "ann")
    assert press(f"unknown/{id_}", "op", answer="done").status_code == 303
    bank.close()
    (tmp_path / "bank.db").write_bytes(b"not a database at all " * 100)
    page = look("unknown/decisions")
    assert "op_name" in rows(page)[0]
    assert "cannot be used" in page.text
