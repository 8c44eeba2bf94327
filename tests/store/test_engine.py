from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy import exc

from airflow_provider.exceptions import StoreUnavailable
from airflow_provider.store import engine as module
from airflow_provider.store import tables as schema
from airflow_provider.store.engine import Database
from airflow_provider.store.location import configured
from tests.support.postgres import Postgres


def sqlite(path: object) -> Database:
    return Database(sa.URL.create("sqlite", database=str(path)), shared=False)


@pytest.fixture
def ledger_path(tmp_path, monkeypatch) -> Path:
    path = tmp_path / "ledger.db"
    monkeypatch.setenv("AIRFLOW__VENDOR_APIS__LEDGER_PATH", str(path))
    return path


def test_a_commit_of_sqlite_has_reached_the_disk_when_it_returns(tmp_path):
    database = sqlite(tmp_path / "ledger.db")
    database.prepare()
    with database.begin() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
    database.close()


def test_an_error_undoes_the_whole_transaction(database):
    def work(connection: sa.Connection) -> None:
        connection.execute(sa.insert(schema.legacy_version).values(version=7))
        connection.exec_driver_sql("SELECT * FROM nowhere")

    with pytest.raises(StoreUnavailable):
        database.run(work)
    with database.begin() as connection:
        assert connection.scalars(sa.select(schema.legacy_version.c.version)).all() == [1]


def test_a_worker_waits_for_another_that_has_a_new_file_open(tmp_path, monkeypatch):
    other = sqlite3.connect(tmp_path / "ledger.db", isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    other.execute("CREATE TABLE theirs (x)")
    # It is done with the file once we have found it busy.
    sleeping = time.sleep

    def free(seconds: float) -> None:
        if other.in_transaction:
            other.execute("COMMIT")
        sleeping(seconds)

    monkeypatch.setattr(time, "sleep", free)
    database = sqlite(tmp_path / "ledger.db")
    database.prepare()
    assert not other.in_transaction
    other.close()
    database.close()


def test_a_new_file_that_stays_busy_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "SQLITE_TIMEOUT", 0)
    other = sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    other.execute("CREATE TABLE theirs (x)")
    database = sqlite(tmp_path / "ledger.db")
    with pytest.raises(StoreUnavailable, match="database is locked"):
        database.prepare()
    other.close()
    database.close()


# A file that cannot be used


def folder(path: Path) -> None:
    path.mkdir()


def garbage(path: Path) -> None:
    path.write_bytes(b"this was a database " * 500)


def broken(path: Path) -> None:
    """A real database, with its middle overwritten."""
    database = sqlite(path)
    database.prepare()
    database.close()
    content = bytearray(path.read_bytes())
    content[4096:] = os.urandom(1) * (len(content) - 4096)
    path.write_bytes(content)


@pytest.mark.parametrize("damage", [folder, garbage, broken])
def test_a_file_that_cannot_be_used(ledger_path, damage):
    damage(ledger_path)
    with pytest.raises(StoreUnavailable) as raised:
        configured()
    assert str(ledger_path) in str(raised.value)
    assert "SQLite file" in str(raised.value)


def test_a_database_that_is_not_there(tmp_path):
    pytest.importorskip("psycopg")
    url = sa.URL.create(
        "postgresql+psycopg", username="u", password="s3cr3t", host=str(tmp_path), database="d"
    )
    database = Database(url, shared=True)
    with pytest.raises(StoreUnavailable) as raised:
        database.prepare()
    assert "s3cr3t" not in str(raised.value)
    assert "Check that the database is up" in str(raised.value)


# Several at once


def test_two_that_wait_for_each_other_are_untangled(postgres_server, tmp_path):
    """PostgreSQL ends one of two transactions that wait for each other; it is run again."""
    database = Database(postgres_server.url, shared=True)
    database.prepare()
    with database.begin() as connection:
        connection.execute(
            sa.text("CREATE TABLE IF NOT EXISTS deadlock (id integer PRIMARY KEY, count integer)")
        )
        connection.execute(sa.text("DELETE FROM deadlock"))
        connection.execute(sa.text("INSERT INTO deadlock VALUES (1, 0), (2, 0)"))
    both = threading.Barrier(2)
    tries: list[int] = []

    def work(first: int) -> None:
        met = False

        def cross(connection: sa.Connection) -> None:
            nonlocal met
            tries.append(first)
            update = sa.text("UPDATE deadlock SET count = count + 1 WHERE id = :id")
            connection.execute(update, {"id": first})
            if not met:
                met = True
                both.wait(timeout=30)
            connection.execute(update, {"id": 3 - first})

        database.run(cross)

    threads = [threading.Thread(target=work, args=(first,)) for first in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    # The one that is undone may be undone again before the other goes on.
    assert len(tries) >= 3
    assert postgres_server.execute("SELECT count FROM deadlock ORDER BY id") == [(2,), (2,)]
    postgres_server.execute("DROP TABLE deadlock")
    database.close()


def test_other_errors_are_not_tried_again(database):
    tries = []

    def fail(connection: sa.Connection) -> None:
        tries.append(1)
        connection.exec_driver_sql("SELECT * FROM nowhere")

    with pytest.raises(StoreUnavailable):
        database.run(fail)
    assert tries == [1]


def test_a_tangle_that_does_not_end(database):
    class Deadlock(Exception):
        sqlstate = "40P01"

    tries = []

    def fail(connection: sa.Connection) -> None:
        tries.append(1)
        raise exc.OperationalError("UPDATE", {}, Deadlock("deadlock detected"))

    with pytest.raises(StoreUnavailable, match="deadlock detected"):
        database.run(fail)
    assert len(tries) == module.DEADLOCK_ATTEMPTS


def test_a_row_that_a_forgotten_session_holds_is_not_waited_for_for_ever(postgres_server, monkeypatch):
    monkeypatch.setattr(module, "LOCK_TIMEOUT", 1)
    database, other = (Database(postgres_server.url, shared=True) for _ in range(2))
    database.prepare()
    statement = sa.update(schema.legacy_version).values(version=1)
    with other.begin() as holder:
        holder.execute(statement)
        with pytest.raises(StoreUnavailable, match="lock timeout") as raised:
            database.run(lambda connection: connection.execute(statement))
    # Who holds it may let go.
    assert raised.value.temporary
    database.run(lambda connection: connection.execute(statement))
    database.close()
    other.close()


def test_a_worker_that_hangs_inside_a_transaction_holds_up_nobody_for_long(postgres_server, monkeypatch):
    monkeypatch.setattr(module, "IDLE_TIMEOUT", 1)
    database, hanging = (Database(postgres_server.url, shared=True) for _ in range(2))
    database.prepare()
    statement = sa.update(schema.legacy_version).values(version=1)

    def hang(connection: sa.Connection) -> None:
        connection.execute(statement)
        # It waits for the other one, and the server ends that one's wait.
        database.run(lambda connection: connection.execute(statement))
        connection.execute(statement)

    with pytest.raises(StoreUnavailable):
        hanging.run(hang)
    database.close()
    hanging.close()


def test_a_reader_may_take_its_time(postgres_server):
    database = Database(postgres_server.url, shared=True)
    with database.read() as connection:
        assert connection.exec_driver_sql("SHOW idle_in_transaction_session_timeout").scalar() == "0"
        assert connection.exec_driver_sql("SHOW lock_timeout").scalar() == "1min"
    database.close()


# A server that lets nobody in


@pytest.fixture
def strict_server(postgres_server) -> Iterator[Postgres]:
    """A server that asks for passwords."""
    postgres_server.execute("CREATE ROLE strict LOGIN PASSWORD 'right'")
    postgres_server.execute("CREATE ROLE stranger PASSWORD 'right'")
    [(name,)] = postgres_server.execute("SHOW hba_file")
    rules = Path(name).read_text()
    first = f"local all {postgres_server.connection['login']} trust\nlocal elsewhere strict reject\n"
    try:
        Path(name).write_text(f"{first}local all all scram-sha-256\n")
        postgres_server.execute("SELECT pg_reload_conf()")
        yield postgres_server
    finally:
        Path(name).write_text(rules)
        postgres_server.execute("SELECT pg_reload_conf()")
        postgres_server.execute("DROP ROLE strict")
        postgres_server.execute("DROP ROLE stranger")


@pytest.mark.parametrize(
    ("login", "password", "schema", "words"),
    [
        ("strict", "wrong", None, "password authentication failed"),
        ("strict", None, None, "no password supplied"),
        ("nobody", "right", None, "password authentication failed"),
        ("stranger", "right", None, "not permitted to log in"),
        ("strict", "right", "nowhere", "does not exist"),
        ("strict", "right", "elsewhere", "pg_hba.conf"),
    ],
)
def test_a_login_that_is_refused_is_not_waited_for(strict_server, login, password, schema, words):
    url = strict_server.url.set(username=login, password=password)
    database = Database(url.set(database=schema) if schema else url, shared=True)
    with pytest.raises(StoreUnavailable, match=words) as raised:
        database.prepare()
    assert not raised.value.temporary
    assert "the password and the schema of its connection" in str(raised.value)
    database.close()


class Refusal(Exception):
    pass


REFUSED = 'connection to server at "a", port 5432 failed: FATAL:  password authentication failed for user "u"'
AWAY = 'connection to server at "b", port 5432 failed: Connection refused'


@pytest.mark.parametrize(
    ("error", "temporary"),
    [
        (Refusal(REFUSED), False),
        (Refusal(f"{REFUSED}\n{REFUSED}"), False),
        (Refusal(AWAY), True),
        (Refusal(f"{AWAY}\n{REFUSED}"), True),
        (
            Refusal(f"{REFUSED}\nAll failures were:\n- host: 'a': {REFUSED}\n- host: 'b': timeout expired"),
            True,
        ),
        (Refusal('connection to server at "a" failed: FATAL:  the database system is starting up'), True),
        (Refusal("server closed the connection unexpectedly"), True),
        # MySQL's drivers have numbers.
        (Refusal(1045, "Access denied for user 'u'@'h' (using password: YES)"), False),
        (Refusal(1049, "Unknown database 'd'"), False),
        (Refusal(2003, "Can't connect to MySQL server on 'h'"), True),
        (Refusal(1205, "Lock wait timeout exceeded"), True),
        # Nobody gets a right by waiting.
        (Refusal(1142, "INSERT command denied to user 'u'@'h' for table 'vendor_apis_ledger'"), False),
        (Refusal(1143, "SELECT command denied to user 'u'@'h' for column 'key'"), False),
        # Nobody makes room by waiting.
        (Refusal(1114, "The table is full"), False),
    ],
)
def test_only_what_may_pass_by_itself_is_waited_for(error, temporary):
    database = Database(sa.URL.create("postgresql+psycopg", host="h"), shared=True)
    assert database.unavailable(exc.OperationalError("SELECT", {}, error)).temporary is temporary


def test_a_server_whose_disk_is_full_is_not_waited_for():
    psycopg = pytest.importorskip("psycopg")
    database = Database(sa.URL.create("postgresql+psycopg", host="h"), shared=True)
    full = exc.OperationalError("INSERT", {}, psycopg.errors.DiskFull("could not extend file"))
    assert not database.unavailable(full).temporary
