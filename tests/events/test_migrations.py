"""The table of deliveries in Airflow's database: how it gets there, and that both ways make the same."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from setuptools import find_packages

from airflow_provider.events.db import VendorApisDBManager
from airflow_provider.events.table import TABLE, VERSION_TABLE, Base
from tests.support.airflow_databases import airflow_at
from tests.support.processes import environment
from tests.support.sandbox import ROOT

HEAD = "vendor_apis_0001"
OURS = {TABLE, VERSION_TABLE}


@pytest.fixture(params=["sqlite", "postgres"])
def empty_database(request, tmp_path) -> Iterator[str]:
    """Airflow at a database with nothing in it; its value is the URL."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/airflow.db"
    else:
        server = request.getfixturevalue("postgres_server")
        server.execute("DROP DATABASE IF EXISTS migrations WITH (FORCE)")
        server.execute("CREATE DATABASE migrations")
        url = server.url.set(database="migrations").render_as_string(hide_password=False)
    with airflow_at(url):
        yield url


def engine() -> sa.Engine:
    from airflow import settings

    assert settings.engine is not None
    return settings.engine


def tables() -> set[str]:
    return set(sa.inspect(engine()).get_table_names())


def version() -> list[str]:
    with engine().connect() as connection:
        return [*connection.scalars(sa.text(f"SELECT version_num FROM {VERSION_TABLE}"))]


def shape() -> dict[str, Any]:
    """Return columns, keys and indexes of the table as the database has them."""
    found = sa.inspect(engine())
    return {
        "columns": [
            {**column, "type": str(column["type"]), "comment": None} for column in found.get_columns(TABLE)
        ],
        "key": found.get_pk_constraint(TABLE),
        "unique": found.get_unique_constraints(TABLE),
        "indexes": sorted(found.get_indexes(TABLE), key=lambda index: str(index["name"])),
    }


def differences() -> list[Any]:
    def ours(name: str | None, kind: str, _: object) -> bool:
        return kind != "table" or name == TABLE

    with engine().connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"include_name": ours, "compare_type": True, "version_table": VERSION_TABLE}
        )
        return compare_metadata(context, Base.metadata)


def migrate(*, by_files: bool) -> None:
    from airflow.utils.session import create_session

    with create_session(scoped=False) as session:
        manager = VendorApisDBManager(session)
        if by_files:
            manager.upgradedb(to_revision="heads")
        else:
            manager.initdb()


def airflow(*arguments: str) -> Any:
    import subprocess

    return subprocess.run(
        [sys.executable, "-m", "airflow", *arguments],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_the_table_and_the_revisions_agree(empty_database):
    migrate(by_files=True)
    assert version() == [HEAD]
    assert differences() == []
    by_files = shape()
    with engine().begin() as connection:
        for table in OURS:
            connection.execute(sa.text(f"DROP TABLE {table}"))
    migrate(by_files=False)
    assert version() == [HEAD]
    assert shape() == by_files


def test_a_difference_between_them_is_found(empty_database):
    migrate(by_files=True)
    with engine().begin() as connection:
        connection.execute(sa.text(f"DROP INDEX idx_{TABLE}_check"))
        connection.execute(sa.text(f"ALTER TABLE {TABLE} DROP COLUMN retold"))
    assert sorted(change[0] for change in differences()) == ["add_column", "add_index"]


def test_migrating_again_changes_nothing(empty_database):
    migrate(by_files=False)
    migrate(by_files=False)
    migrate(by_files=True)
    assert version() == [HEAD]


def test_a_table_without_a_version_is_taken_over(empty_database):
    migrate(by_files=False)
    with engine().begin() as connection:
        connection.execute(sa.text(f"DROP TABLE {VERSION_TABLE}"))
    from airflow.utils.session import create_session

    with create_session(scoped=False) as session:
        VendorApisDBManager(session).upgradedb()
    assert version() == [HEAD]
    assert differences() == []


def test_airflow_migrates_the_table_where_the_provider_was_installed_later(empty_database):
    from airflow.utils.db import initdb

    initdb()
    with engine().begin() as connection:
        for table in OURS:
            connection.execute(sa.text(f"DROP TABLE {table}"))
    waiting = airflow("db", "check-migrations", "--migration-wait-timeout", "0")
    assert waiting.returncode != 0, waiting.stdout
    done = airflow("db", "migrate")
    assert done.returncode == 0, done.stderr
    assert tables() >= OURS
    assert version() == [HEAD]
    done = airflow("db", "check-migrations", "--migration-wait-timeout", "0")
    assert done.returncode == 0, done.stderr


def test_airflow_drops_the_table_with_its_own(empty_database):
    from airflow.utils.session import create_session

    migrate(by_files=False)
    with create_session(scoped=False) as session, engine().begin() as connection:
        VendorApisDBManager(session).drop_tables(connection)
    assert not tables() & OURS


def test_the_revisions_are_shipped():
    packages = set(find_packages(str(ROOT), include=["airflow_provider", "airflow_provider.*"]))
    assert {"airflow_provider.events.migrations", "airflow_provider.events.migrations.versions"} <= packages
    assert "events/alembic.ini" in (ROOT / "setup.py").read_text(encoding="utf-8")
    assert os.path.exists(VendorApisDBManager.alembic_file)
