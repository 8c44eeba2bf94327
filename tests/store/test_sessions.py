"""Sessions of players in the provider's database."""

from __future__ import annotations

import threading
import time

import pytest
import sqlalchemy as sa

from airflow_provider.exceptions import InvalidInput
from airflow_provider.store import sessions as module
from airflow_provider.store.engine import Database
from airflow_provider.store.location import configured
from airflow_provider.store.sessions import Session, Sessions, count, digest_of, player_of, purge
from airflow_provider.store.tables import session as table

CONN = "acme_default"


def session(player: str, hash: str, *, given: bool = False) -> Session:
    return Session(player, digest_of(CONN, hash), given)


def rows(database: Database) -> list[tuple[str, str]]:
    with database.read() as connection:
        query = sa.select(table.c.player, table.c.digest).order_by(table.c.player)
        return [tuple(row) for row in connection.execute(query)]


def test_a_hash_stands_for_its_player(database):
    sessions = Sessions(database, CONN)
    sessions.replace([session("ada", "hash-a"), session("Ada", "hash-b")])
    assert sessions.player_of("hash-a") == "ada"
    assert sessions.player_of("hash-b") == "Ada"
    assert sessions.player_of("hash-c") is None
    assert sessions.player_of("\ud800") is None
    assert Sessions(database, "another").player_of("hash-a") is None


def test_the_next_session_of_a_player_replaces_the_one_of_before(database):
    sessions = Sessions(database, CONN)
    sessions.replace([session("ada", "old"), session("bob", "bob's")])
    sessions.replace([session("ada", "new")])
    assert [sessions.player_of(hash) for hash in ("old", "new", "bob's")] == [None, "ada", "bob"]
    assert len(rows(database)) == 2


def test_two_connections_have_sessions_of_their_own(database):
    Sessions(database, CONN).replace([session("ada", "same")])
    other = Sessions(database, "other")
    other.replace([Session("bob", digest_of("other", "same"))])
    assert (Sessions(database, CONN).player_of("same"), other.player_of("same")) == ("ada", "bob")


def test_the_hash_is_not_in_the_database(database):
    Sessions(database, CONN).replace([session("ada", "a-hash-that-is-secret")])
    with database.read() as connection:
        [row] = connection.execute(sa.select(table)).all()
    assert "secret" not in repr(row)
    assert len(row.digest) == 64


def test_a_given_hash_of_another_player_is_found_before_and_refused_at_the_end(database):
    sessions = Sessions(database, CONN)
    sessions.replace([session("ada", "given", given=True)])
    again, stolen = session("ada", "given", given=True), session("bob", "given", given=True)
    assert sessions.of_others([again, session("eve", "own", given=True)]) == set()
    assert sessions.of_others([again, stolen]) == {stolen.digest}
    with pytest.raises(InvalidInput, match="1 of the hashes given were given to other players"):
        sessions.replace([session("eve", "eve's"), stolen])
    assert sessions.player_of("given") == "ada"
    assert sessions.player_of("eve's") is None
    sessions.replace([again])
    assert sessions.player_of("given") == "ada"


def test_sessions_are_stored_in_groups_each_whole_or_not_at_all(database, monkeypatch):
    monkeypatch.setattr(module, "GROUP", 10)
    sessions = Sessions(database, CONN)
    sessions.replace([session("zoe", "taken", given=True)])

    def some():
        yield from (session(f"p{number:02}", f"h{number}") for number in range(25))
        yield session("eve", "taken", given=True)

    with pytest.raises(InvalidInput):
        sessions.replace(some())
    assert [player for player, _ in rows(database)] == [*(f"p{number:02}" for number in range(20)), "zoe"]


def test_a_hash_is_free_when_its_player_has_another_one(database):
    sessions = Sessions(database, CONN)
    sessions.replace([session("ada", "given", given=True)])
    sessions.replace([session("ada", "new")])
    sessions.replace([session("bob", "given", given=True)])
    assert sessions.player_of("given") == "bob"


def test_runs_that_write_the_same_players_at_once_all_succeed_and_one_of_them_wins(database):
    players = [f"p{number}" for number in range(300)]
    gate = threading.Barrier(6)
    failures: list[BaseException] = []

    def launch(run: int) -> None:
        own = Database(database.url, shared=database.shared)
        order = players if run % 2 else players[::-1]
        gate.wait(timeout=30)
        try:
            for attempt in range(3):
                Sessions(own, CONN).replace([session(one, f"{one} {run} {attempt}") for one in order])
        except BaseException as error:
            failures.append(error)
        own.close()

    threads = [threading.Thread(target=launch, args=(run,)) for run in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert failures == []
    assert len(rows(database)) == 300
    last = {session(one, f"{one} {run} 2").digest for one in players for run in range(6)}
    assert {digest for _, digest in rows(database)} <= last


def test_mysql_replaces_a_session_with_a_statement_of_its_own():
    from sqlalchemy.dialects import mysql

    statement = " ".join(str(module._upsert("mysql").compile(dialect=mysql.dialect())).split())
    assert statement.startswith("INSERT INTO vendor_apis_session (id, conn_id, player, digest, created_at) ")
    _, _, changed = statement.partition("ON DUPLICATE KEY UPDATE ")
    assert [one.split(" = ")[0] for one in changed.split(", ")] == ["digest", "created_at"]


def test_old_sessions_are_removed(database, monkeypatch):
    monkeypatch.setattr(module, "GROUP", 2)
    sessions = Sessions(database, CONN)
    sessions.replace([session(name, name) for name in "abcde"])
    with database.begin() as connection:
        connection.execute(sa.update(table).where(table.c.player != "e").values(created_at=100.0))
    assert count(database, 200.0, "another") == purge(database, 200.0, "another") == 0
    assert count(database, 200.0, CONN) == 4
    assert purge(database, 200.0) == 4
    assert [player for player, _ in rows(database)] == ["e"]
    assert purge(database, time.time() + 1) == 1


def test_the_configured_database_is_asked_with_one_function(ledger_path):
    assert player_of(CONN, "hash") is None
    database = configured()
    Sessions(database, CONN).replace([session("ada", "hash")])
    database.close()
    assert player_of(CONN, "hash") == "ada"
