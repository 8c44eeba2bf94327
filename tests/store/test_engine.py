from __future__ import annotations

import json
import os
import threading
from pathlib import Path

import pytest
import sqlalchemy as sa
from airflow.sdk import Connection
from sqlalchemy import exc

from airflow_provider.exceptions import InvalidInput, StoreUnavailable
from airflow_provider.store import engine as module
from airflow_provider.store import tables as schema
from airflow_provider.store.engine import Database, configured, connection_url
from tests.support.processes import answer_of


def sqlite(path: object) -> Database:
    return Database(sa.URL.create("sqlite", database=str(path)), shared=False)


@pytest.fixture
def ledger_path(tmp_path, monkeypatch) -> Path:
    path = tmp_path / "ledger.db"
    monkeypatch.setenv("AIRFLOW__VENDOR_APIS__LEDGER_PATH", str(path))
    return path


def test_preparing_again_changes_nothing(database):
    database.prepare()
    database.prepare()
    with database.begin() as connection:
        assert connection.scalars(sa.select(schema.schema.c.version)).all() == [schema.VERSION]


def test_a_commit_of_sqlite_has_reached_the_disk_when_it_returns(tmp_path):
    database = sqlite(tmp_path / "ledger.db")
    database.prepare()
    with database.begin() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
    database.close()


def test_an_error_undoes_the_whole_transaction(database):
    def work(connection: sa.Connection) -> None:
        connection.execute(sa.insert(schema.schema).values(version=7))
        connection.exec_driver_sql("SELECT * FROM nowhere")

    with pytest.raises(StoreUnavailable):
        database.run(work)
    with database.begin() as connection:
        assert connection.scalars(sa.select(schema.schema.c.version)).all() == [schema.VERSION]


@pytest.mark.parametrize("version", [schema.VERSION + 1, 99])
def test_the_tables_of_a_newer_version_are_left_alone(database, version):
    with database.begin() as connection:
        connection.execute(sa.insert(schema.schema).values(version=version))
    with pytest.raises(InvalidInput, match=f"version {version}") as raised:
        database.prepare()
    assert "Update" in str(raised.value)


FIRST_TABLES = [schema.schema, schema.ledger]


def of_the_first_tables(database: Database) -> None:
    """Leave what this package made before it kept quotas, with a row in its ledger."""
    with database.begin() as connection:
        schema.metadata.drop_all(connection)
        schema.metadata.create_all(connection, tables=FIRST_TABLES)
        connection.execute(sa.insert(schema.schema).values(version=1))
        values = {column.name: "x" for column in schema.ledger.columns if not column.nullable}
        numbers = {"lease_until": 0.0, "attempts": 1, "created_at": 0.0, "updated_at": 0.0}
        connection.execute(sa.insert(schema.ledger).values({**values, **numbers}))


def test_a_database_gets_the_tables_it_lacks_and_keeps_its_rows_and_its_version(database):
    of_the_first_tables(database)
    with database.begin() as connection:
        assert not sa.inspect(connection).has_table(schema.quota.name)
    database.prepare()
    database.prepare()
    with database.begin() as connection:
        for table in (schema.quota, schema.reservation):
            assert connection.execute(sa.select(table)).all() == []
        assert [row.id for row in connection.execute(sa.select(schema.ledger))] == ["x"]
        # A table that is only added keeps nobody with an older version of this package out.
        assert connection.scalars(sa.select(schema.schema.c.version)).all() == [schema.VERSION] == [1]


def test_many_prepare_a_database_that_lacks_tables_at_once(database):
    of_the_first_tables(database)
    gate = threading.Barrier(8)
    failures: list[BaseException] = []

    def prepare() -> None:
        own = Database(database.url, shared=database.shared)
        gate.wait(timeout=30)
        try:
            own.prepare()
        except BaseException as error:
            failures.append(error)
        own.close()

    threads = [threading.Thread(target=prepare) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert not failures
    with database.begin() as connection:
        for table in (schema.quota, schema.reservation):
            assert connection.execute(sa.select(table)).all() == []
        assert [row.id for row in connection.execute(sa.select(schema.ledger))] == ["x"]
        assert connection.scalars(sa.select(schema.schema.c.version)).all() == [1]


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


@pytest.mark.parametrize(
    "path", ["/proc/nowhere/ledger.db", "{tmp}/file/ledger.db", "{tmp}/missing/ledger.db"]
)
def test_a_place_where_nothing_can_be_written(monkeypatch, tmp_path, path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("AIRFLOW__VENDOR_APIS__LEDGER_PATH", path.format(tmp=tmp_path))
    with pytest.raises(StoreUnavailable, match="cannot be used"):
        configured()


def test_without_configuration_it_is_a_file_under_airflow_home(monkeypatch, tmp_path):
    monkeypatch.delenv("AIRFLOW__VENDOR_APIS__LEDGER_PATH")
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path))
    database = configured()
    assert (database.place, database.shared) == (str(tmp_path / "vendor_apis.db"), False)
    database.close()
    assert (tmp_path / "vendor_apis.db").exists()


# A connection


@pytest.mark.parametrize(
    ("connection", "url"),
    [
        (
            {
                "conn_type": "postgres",
                "host": "db",
                "login": "u",
                "password": "p@/:",
                "port": 5433,
                "schema": "s",
            },
            "postgresql+psycopg://u:***@db:5433/s",
        ),
        ({"conn_type": "sqlite", "host": "/srv/ledger.db"}, "sqlite:////srv/ledger.db"),
        ({"conn_type": "Postgres", "host": "db", "schema": "s"}, "postgresql+psycopg://db/s"),
    ],
)
def test_the_url_of_a_connection(connection, url, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: name == "psycopg")
    assert connection_url(Connection(conn_id="x", **connection)).render_as_string() == url


@pytest.mark.parametrize("kind", ["http", "imbee", "mssql", ""])
def test_a_connection_of_the_wrong_type(monkeypatch, kind):
    monkeypatch.setenv("AIRFLOW__VENDOR_APIS__LEDGER_CONN_ID", "ledger")
    monkeypatch.setenv("AIRFLOW_CONN_LEDGER", json.dumps({"conn_type": kind, "host": "db"}))
    with pytest.raises(InvalidInput, match="cannot be a ledger") as raised:
        configured()
    assert raised.value.field == "[vendor_apis] ledger_conn_id"


def test_a_file_is_one_machines_even_if_a_connection_names_it(monkeypatch, tmp_path):
    monkeypatch.setenv("AIRFLOW__VENDOR_APIS__LEDGER_CONN_ID", "ledger")
    path = str(tmp_path / "shared.db")
    monkeypatch.setenv("AIRFLOW_CONN_LEDGER", json.dumps({"conn_type": "sqlite", "host": path}))
    database = configured()
    assert (database.place, database.shared) == (path, False)
    database.close()


@pytest.mark.parametrize("host", ["ledger.db", "./ledger.db", "~/ledger.db", ":memory:", "", None])
def test_a_connection_to_a_file_has_an_absolute_path(host):
    with pytest.raises(InvalidInput, match="absolute path") as raised:
        connection_url(Connection(conn_id="x", conn_type="sqlite", host=host))
    assert raised.value.field == "[vendor_apis] ledger_conn_id"


def test_a_connection_whose_driver_is_not_installed(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(InvalidInput, match="driver") as raised:
        connection_url(Connection(conn_id="x", conn_type="mysql", host="db"))
    assert "pip install pymysql" in str(raised.value)


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


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_twenty_processes_prepare_the_same_fresh_database(request, tmp_path, kind):
    url = f"sqlite:///{tmp_path}/ledger.db"
    if kind == "postgres":
        server = request.getfixturevalue("postgres_server")
        server.execute("DROP SCHEMA public CASCADE")
        server.execute("CREATE SCHEMA public")
        url = server.url.render_as_string()
    found = answer_of("tests.support.crowd", url, "20")
    assert sorted(found) == [False] * 19 + [True]
    database = Database(sa.make_url(url), shared=True)
    with database.begin() as connection:
        assert connection.scalars(sa.select(schema.schema.c.version)).all() == [schema.VERSION]
        assert connection.scalar(sa.select(sa.func.count()).select_from(schema.ledger)) == 21
    database.close()


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
