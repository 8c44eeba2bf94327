from __future__ import annotations

import os
import sqlite3
import threading
import time
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy import exc

from airflow_provider.exceptions import StoreUnavailable
from airflow_provider.store import engine as module
from airflow_provider.store import tables as schema
from airflow_provider.store.engine import Database
from airflow_provider.store.location import configured


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
    monkeypatch.setattr(time, "sleep", lambda seconds: (other.execute("COMMIT"), sleeping(seconds)))
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
