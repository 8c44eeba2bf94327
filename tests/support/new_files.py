"""SQLite files that are ready at once: with the tables that migrations make, and without a wait for the disk.

Most tests have a new file. To migrate it revision by revision takes longer than the rest of the test.
"""

from __future__ import annotations

import os
import sqlite3
import tempfile
from contextlib import closing
from functools import cache
from pathlib import Path

import sqlalchemy as sa

from airflow_provider.store.engine import Database

MIGRATE = Database.prepare
"""The method as it is, which migrates."""


def prepare(database: Database) -> None:
    """Do what ``Database.prepare`` does, sooner where the database is an SQLite file."""
    if database.is_sqlite:
        # No test cuts the power.
        database.relax()
        if not os.path.exists(database.place):
            with database.begin() as connection:
                _fill(connection)
    MIGRATE(database)


def _fill(connection: sa.Connection) -> None:
    # Another thread may have been here first.
    if not connection.exec_driver_sql("SELECT count(*) FROM sqlite_master").scalar():
        for statement in _statements():
            connection.exec_driver_sql(statement)


@cache
def _statements() -> tuple[str, ...]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "migrated.db")
        with closing(Database(sa.URL.create("sqlite", database=str(path)), shared=False)) as migrated:
            MIGRATE(migrated)
        with closing(sqlite3.connect(path)) as file:
            _begin, *statements, _commit = file.iterdump()
    return tuple(statements)
