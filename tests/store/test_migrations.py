from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from setuptools import find_packages

from airflow_provider.exceptions import InvalidInput, StoreUnavailable
from airflow_provider.store import engine, migrations, tables
from airflow_provider.store.engine import Database
from airflow_provider.store.migrations import HEAD, VERSION_TABLE, env
from tests.support import old_store
from tests.support.processes import answer_of
from tests.support.sandbox import ROOT

VERSIONS = sa.table(VERSION_TABLE, sa.column("version_num"))
OLD_NUMBERS = sa.select(tables.legacy_version.c.version)
EVERY_TABLE = sorted([*tables.metadata.tables, VERSION_TABLE])


def versions(database: Database) -> list[str]:
    with database.read() as connection:
        return list(connection.scalars(sa.select(VERSIONS.c.version_num)))


def stored(database: Database) -> dict[str, list[dict[str, object]]]:
    """Return the rows of each table, with the columns that have something in them."""
    with database.read() as connection:
        return {
            name: [
                {column: value for column, value in row._mapping.items() if value is not None}
                for row in connection.execute(sa.select(table))
            ]
            for name, table in tables.metadata.tables.items()
        }


def differences(database: Database) -> list[Any]:
    """Return what Alembic would change to make the database what ``tables.py`` says."""

    def ours(name: str | None, kind: str, parents: object) -> bool:
        return kind != "table" or (name or "").startswith("vendor_apis_")

    with database.read() as connection:
        context = MigrationContext.configure(
            connection,
            opts={"version_table": VERSION_TABLE, "include_name": ours, "compare_type": True},
        )
        return compare_metadata(context, tables.metadata)


# --- the revisions and the tables --------------------------------------------------------------------------


def test_the_last_revision_is_the_one_that_the_package_works_with():
    script = ScriptDirectory(str(Path(migrations.__file__).parent))
    assert script.get_heads() == [HEAD]
    assert len(list(script.walk_revisions())) == int(HEAD)


def test_a_fresh_database_has_the_tables_that_the_package_uses(database):
    assert differences(database) == []
    assert versions(database) == [HEAD]


def test_a_difference_between_the_tables_and_the_revisions_is_found(database):
    with database.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE vendor_apis_quota DROP COLUMN source")
        connection.exec_driver_sql("DROP INDEX vendor_apis_ledger_state")
    assert sorted(change[0] for change in differences(database)) == ["add_column", "add_index"]


def test_the_revisions_are_shipped():
    packages = set(find_packages(str(ROOT), include=["airflow_provider", "airflow_provider.*"]))
    folders = {path.parent.relative_to(ROOT) for path in ROOT.glob("airflow_provider/**/*.py")}
    assert {".".join(folder.parts) for folder in folders} == packages
    assert "airflow_provider.store.migrations.versions" in packages


# --- a database that is current ----------------------------------------------------------------------------


def test_preparing_again_changes_nothing(database):
    database.prepare()
    database.prepare()
    assert versions(database) == [HEAD]
    with database.read() as connection:
        assert connection.scalars(OLD_NUMBERS).all() == [1]


def test_a_database_that_is_current_is_asked_one_question(database):
    statements: list[str] = []
    sa.event.listen(
        database.engine, "before_cursor_execute", lambda *arguments: statements.append(arguments[2])
    )
    database.prepare()
    assert [one.split() for one in statements if not one.startswith(("BEGIN", "SET LOCAL"))] == [
        ["SELECT", "version_num", "FROM", VERSION_TABLE]
    ]


def test_alembic_is_imported_when_a_database_is_changed_and_not_before(tmp_path):
    script = (
        "import sys, sqlalchemy as sa; from airflow_provider.store.engine import Database; "
        f"database = Database(sa.make_url('sqlite:///{tmp_path}/ledger.db'), shared=False); "
        "database.prepare(); print('alembic' in sys.modules)"
    )
    answers = [
        subprocess.run(
            [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
        ).stdout
        for _ in range(2)
    ]
    assert answers == ["True\n", "False\n"]


def test_one_who_may_only_read_can_use_a_database_that_is_current(database, postgres_server):
    if database.is_sqlite:
        pytest.skip("it has no users")
    postgres_server.execute("DROP ROLE IF EXISTS reader")
    postgres_server.execute("CREATE ROLE reader LOGIN")
    postgres_server.execute("GRANT USAGE ON SCHEMA public TO reader")
    postgres_server.execute("GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader")
    reader = Database(database.url.set(username="reader"), shared=True)
    reader.prepare()
    with database.begin() as connection:
        connection.execute(sa.delete(VERSIONS))
    with pytest.raises(StoreUnavailable, match=r"permission denied.*Grant its user CREATE in the schema"):
        reader.prepare()
    reader.close()
    postgres_server.execute("DROP OWNED BY reader")
    postgres_server.execute("DROP ROLE reader")


# --- databases from before there were revisions ------------------------------------------------------------

ALL = ("schema", "ledger", "quota", "reservation")
SHAPES = {
    "the first release": (("schema", "ledger"), ()),
    "the ledger alone": (("ledger",), ()),
    "the number alone": (("schema",), ()),
    "no reservations": (("schema", "ledger", "quota"), ()),
    "all tables": (ALL, ()),
    "all tables and no number": (ALL[1:], ()),
    "a column without which there is no number": (ALL, ("quota.asked_count",)),
    "columns of numbers": (ALL, ("quota.counted", "reservation.spent", "reservation.expires_at")),
    "columns of text": (ALL, ("ledger.error", "ledger.task", "ledger.key")),
    "a flag": (ALL, ("reservation.shared",)),
    "indexes": (ALL, ("vendor_apis_ledger_updated_at", "vendor_apis_reservation_account")),
    "a column and its index": (ALL, ("vendor_apis_ledger_state", "ledger.state")),
}
FILLING = {
    "quota.counted": 0,
    "reservation.spent": 0,
    "reservation.expires_at": 0.0,
    "ledger.task": "",
    "ledger.key": "",
    "reservation.shared": False,
    # A person decides.
    "ledger.state": "unknown",
}


@pytest.mark.parametrize(("names", "without"), SHAPES.values(), ids=SHAPES)
def test_an_old_database_becomes_current_and_keeps_its_rows(database, names, without):
    with database.begin() as connection:
        old_store.create(connection, names, without)
    expected: dict[str, list[Any]] = {name: [] for name in tables.metadata.tables}
    expected["vendor_apis_schema"] = [{"version": 1}]
    for name in names:
        row = {f"{name}.{column}": value for column, value in old_store.ROWS[f"vendor_apis_{name}"].items()}
        row |= {column: FILLING.get(column) for column in row if column in without}
        kept = {column.split(".")[1]: value for column, value in row.items() if value is not None}
        expected[f"vendor_apis_{name}"] = [kept]

    database.prepare()
    assert stored(database) == expected
    assert differences(database) == []
    assert versions(database) == [HEAD]
    database.prepare()
    assert stored(database) == expected


def test_the_tables_of_others_in_the_same_database_stay_as_they_are(database):
    with database.begin() as connection:
        old_store.clear(connection)
        connection.exec_driver_sql("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
        connection.exec_driver_sql("INSERT INTO alembic_version VALUES ('of-airflow')")
    database.prepare()
    with database.read() as connection:
        assert connection.exec_driver_sql("SELECT * FROM alembic_version").all() == [("of-airflow",)]
        assert sorted(sa.inspect(connection).get_table_names()) == sorted([*EVERY_TABLE, "alembic_version"])


# --- a database of the revision before ---------------------------------------------------------------------

LATER = f"{int(HEAD) + 1:04}"
NEXT = f"""
import sqlalchemy as sa

revision = "{LATER}"
down_revision = "{HEAD}"


def upgrade(op):
    op.add_column("vendor_apis_quota", sa.Column("later", sa.Integer))
"""


def test_a_database_gets_the_revisions_that_follow_its_own(database, tmp_path, monkeypatch):
    with database.begin() as connection:
        old_store.create(connection, ALL)
    database.prepare()
    rows = stored(database)
    shutil.copytree(Path(migrations.__file__).parent, tmp_path / "migrations")
    (tmp_path / "migrations" / "versions" / f"v{LATER}_later.py").write_text(NEXT)
    with monkeypatch.context() as later:
        later.setattr(env, "SCRIPTS", tmp_path / "migrations")
        later.setattr(engine, "HEAD", LATER)
        database.prepare()
        database.prepare()
    assert versions(database) == [LATER]
    assert stored(database) == rows
    with database.read() as connection:
        assert "later" in {one["name"] for one in sa.inspect(connection).get_columns("vendor_apis_quota")}
    with pytest.raises(InvalidInput, match=f"version {LATER}; this provider knows {HEAD}"):
        database.prepare()


@pytest.mark.parametrize("made", [["vendor_apis_watermark"], ["vendor_apis_watermark_read"]])
def test_a_revision_that_was_interrupted_half_way_is_done_again(database, made):
    """MySQL commits each statement by itself."""
    others = {"vendor_apis_watermark", "vendor_apis_watermark_read"} - set(made)
    with database.begin() as connection:
        for name in others:
            connection.exec_driver_sql(f"DROP TABLE {name}")
        connection.execute(sa.update(VERSIONS).values(version_num="0002"))
        if made == ["vendor_apis_watermark_read"]:
            connection.exec_driver_sql("DROP INDEX vendor_apis_watermark_read_state")
    database.prepare()
    assert differences(database) == []
    assert versions(database) == [HEAD]


# --- databases of a newer version --------------------------------------------------------------------------


@pytest.mark.parametrize("version", ["0099", "abc"])
def test_the_tables_of_a_newer_version_are_left_alone(database, version):
    with database.begin() as connection:
        connection.execute(sa.update(VERSIONS).values(version_num=version))
        connection.exec_driver_sql("ALTER TABLE vendor_apis_quota DROP COLUMN source")
    with pytest.raises(InvalidInput, match=f"version {version}; this provider knows {HEAD}") as raised:
        database.prepare()
    assert "Update" in str(raised.value)
    assert raised.value.field == "[vendor_apis] ledger_conn_id"
    assert versions(database) == [version]
    assert [change[0] for change in differences(database)] == ["add_column"]


@pytest.mark.parametrize("number", [2, 99])
def test_a_newer_number_of_the_old_kind_is_refused(database, number):
    with database.begin() as connection:
        old_store.create(connection, ["schema", "ledger"])
        connection.execute(sa.insert(old_store.schema).values(version=number))
    with pytest.raises(InvalidInput, match=f"version {number}") as raised:
        database.prepare()
    assert "Update" in str(raised.value)
    with database.read() as connection:
        assert set(sa.inspect(connection).get_table_names()) == {"vendor_apis_ledger", "vendor_apis_schema"}


# --- many at once ------------------------------------------------------------------------------------------


def place(request: pytest.FixtureRequest, tmp_path: Path, kind: str) -> sa.URL:
    """Return the URL of an empty database."""
    if kind == "sqlite":
        return sa.make_url(f"sqlite:///{tmp_path}/ledger.db")
    server = request.getfixturevalue("postgres_server")
    server.execute("DROP SCHEMA public CASCADE")
    server.execute("CREATE SCHEMA public")
    return server.url


def python(module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", module, *arguments],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )


def as_of_0002(database: Database) -> None:
    """Make a database what the last release has left."""
    database.prepare()
    later = ("watermark", "watermark_read", "look", "list_index", "list_index_part", "session")
    with database.begin() as connection:
        for name in later:
            connection.exec_driver_sql(f"DROP TABLE vendor_apis_{name}")
        connection.exec_driver_sql("ALTER TABLE vendor_apis_ledger DROP COLUMN content")
        connection.execute(sa.update(VERSIONS).values(version_num="0002"))
    database.close()


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_processes_of_the_new_version_meet_at_a_database_of_the_last_release(request, tmp_path, kind):
    url = place(request, tmp_path, kind)
    database = Database(url, shared=True)
    as_of_0002(database)
    found = answer_of("tests.support.crowd", url.render_as_string(), "6")
    assert sorted(found) == [False] * 5 + [True]
    assert versions(database) == [HEAD]
    assert differences(database) == []
    database.close()


@pytest.mark.parametrize("old", [False, True], ids=["fresh", "old"])
@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_twenty_processes_prepare_the_same_database(request, tmp_path, kind, old):
    url = place(request, tmp_path, kind)
    database = Database(url, shared=True)
    if old:
        with database.begin() as connection:
            old_store.create(connection, ["schema", "ledger"])
        database.close()
    found = answer_of("tests.support.crowd", url.render_as_string(), "20")
    assert sorted(found) == [False] * 19 + [True]
    assert versions(database) == [HEAD]
    assert differences(database) == []
    with database.begin() as connection:
        assert connection.scalars(OLD_NUMBERS).all() == [1]
        assert connection.scalar(sa.select(sa.func.count()).select_from(tables.ledger)) == 21 + old
    database.close()


@pytest.mark.parametrize("names", [(), ("schema", "ledger")], ids=["fresh", "old"])
@pytest.mark.parametrize("isolation", ["read committed", "repeatable read"])
def test_twenty_threads_prepare_the_same_database(database, postgres_server, names, isolation):
    with database.begin() as connection:
        old_store.create(connection, names)
    if not database.is_sqlite:
        postgres_server.execute(f"ALTER DATABASE postgres SET default_transaction_isolation = '{isolation}'")
    gate = threading.Barrier(20)
    failures: list[BaseException] = []

    def prepare() -> None:
        own = Database(database.url, shared=database.shared)
        gate.wait(timeout=30)
        try:
            own.prepare()
        except BaseException as error:
            failures.append(error)
        own.close()

    threads = [threading.Thread(target=prepare) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    postgres_server.execute("ALTER DATABASE postgres RESET default_transaction_isolation")
    assert not failures
    assert versions(database) == [HEAD]
    assert differences(database) == []
    with database.begin() as connection:
        for table in (tables.quota, tables.reservation):
            assert connection.execute(sa.select(table)).all() == []
        ids = [row.id for row in connection.execute(sa.select(tables.ledger))]
        assert ids == (["i"] if names else [])
        assert connection.scalars(OLD_NUMBERS).all() == [1]


def test_one_that_waits_too_long_for_another_says_so(database, postgres_server, monkeypatch):
    monkeypatch.setattr(env, "LOCK_TIMEOUT", 1)
    if database.is_sqlite:
        pytest.skip("it waits as for every write")
    with database.begin() as connection:
        old_store.clear(connection)
    with env.exclusive(database.engine), pytest.raises(StoreUnavailable, match="lock timeout"):
        database.prepare()
    database.prepare()
    assert versions(database) == [HEAD]


# --- a process that is killed ------------------------------------------------------------------------------


@pytest.mark.parametrize("names", [(), ("schema", "ledger")], ids=["fresh", "old"])
@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_a_process_that_is_killed_leaves_the_database_as_it_was(request, tmp_path, kind, names):
    url = place(request, tmp_path, kind)
    database = Database(url, shared=True)
    with database.begin() as connection:
        old_store.create(connection, names)
    database.close()
    done = json.loads(python("tests.support.killed_migration", url.render_as_string()).stdout)
    before = sorted(f"vendor_apis_{name}" for name in names)
    # The statements that create tables are among them.
    assert done["killed"] > 8
    assert done["left"] == [before] * done["killed"]
    assert done["end"] == EVERY_TABLE
    assert differences(database) == []
    database.close()
