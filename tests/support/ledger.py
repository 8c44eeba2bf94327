"""Ledgers for tests, a database that goes away, and what the ledger's file says."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import exc

from airflow_provider.ledger.ledger import (
    Ledger,
)
from airflow_provider.processes import new_owner
from airflow_provider.store.engine import Database
from airflow_provider.store.tables import ledger as table


def ledger_of(**options: Any) -> Ledger:
    defaults = {"conn_id": "c", "operation": "o", "scope": "", "task": "d/r/t", "lease": 60.0, "once": False}
    return Ledger(**{**defaults, "owner": new_owner(), **options})


def owner_that_is_gone() -> str:
    host, pid, _, number = new_owner().rsplit("/", 3)
    # The number of the process has gone to another one since.
    return f"{host}/{pid}/1/{number}"


@contextmanager
def away(database: Database, times: int | None = None, *, temporary: bool = False) -> Iterator[list[str]]:
    """Let the next transactions fail; ``times`` of them, or all.

    The error is one that does not pass by itself, or with ``temporary`` that of a file that others hold.
    """
    failed: list[str] = []
    busy = sqlite3.OperationalError("it is away")
    busy.sqlite_errorcode = sqlite3.SQLITE_BUSY
    error = exc.DatabaseError("BEGIN", {}, sqlite3.DatabaseError("it is away"))
    if temporary:
        error = exc.OperationalError("BEGIN", {}, busy)

    back = False

    def fail(connection: sa.Connection) -> None:
        if not back and (times is None or len(failed) < times):
            failed.append("failed")
            raise error

    sa.event.listen(database.engine, "begin", fail, insert=True)
    yield failed
    # It stays: another thread may just be going through the list of those that listen.
    back = True


def states(path: Path) -> dict[str, str]:
    """Return what the ledger says by the first part of the key."""
    connection = sqlite3.connect(path)
    try:
        query = "SELECT key, state FROM vendor_apis_ledger"
        return {json.loads(key)[0]: state for key, state in connection.execute(query)}
    finally:
        connection.close()


def change(path: Path, assignment: str, *values: Any) -> None:
    """Change all rows of the ledger, without the ledger's knowledge."""
    connection = sqlite3.connect(path)
    try:
        with connection:
            connection.execute(f"UPDATE vendor_apis_ledger SET {assignment}", values)
    finally:
        connection.close()


def states_in(database: Database) -> dict[str, int]:
    """Return how many rows of each state a database has."""
    with database.begin() as connection:
        query = sa.select(table.c.state, sa.func.count()).group_by(table.c.state)
        return {state: count for state, count in connection.execute(query)}  # noqa: C416
