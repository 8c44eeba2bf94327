"""Where the database is: what the configuration and its Airflow connection say."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from airflow_provider.exceptions import InvalidInput
from airflow_provider.store.engine import Database

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow.sdk import Connection

SECTION = "vendor_apis"

DRIVERS = {
    "sqlite": ("pysqlite",),
    "postgres": ("psycopg", "psycopg2"),
    "postgresql": ("psycopg", "psycopg2"),
    "mysql": ("pymysql", "mysqldb"),
}
"""SQLAlchemy's names of the drivers that are tried, by connection type."""

MODULES = {"psycopg": "psycopg", "psycopg2": "psycopg2", "pymysql": "pymysql", "mysqldb": "MySQLdb"}


def configured(check: Callable[[Database], None] | None = None) -> Database:
    """Open the database that the configuration names, and prepare it.

    ``[vendor_apis] ledger_conn_id`` names an Airflow connection; without it, it is an SQLite file under
    AIRFLOW_HOME.

    :param check: is called before anything is created, and may raise
    :raises InvalidInput: the connection is of a type that cannot be a ledger
    :raises StoreUnavailable: the database cannot be used
    """
    from airflow.sdk import BaseHook

    database = located(BaseHook.get_connection)
    try:
        if check is not None:
            check(database)
        database.prepare()
    except BaseException:
        database.close()
        raise
    return database


async def aconfigured() -> Database:
    """Open the database like :func:`configured`, without blocking the event loop."""
    import asyncio

    from airflow.sdk import BaseHook, conf

    conn_id = conf.get(SECTION, "ledger_conn_id", fallback="")
    connection = await BaseHook.aget_connection(conn_id) if conn_id else None

    def prepared() -> Database:
        database = located(lambda _: connection)
        try:
            database.prepare()
        except BaseException:
            database.close()
            raise
        return database

    return await asyncio.to_thread(prepared)


def located(get_connection: Callable[[str], Any]) -> Database:
    """Return the database that the configuration names, untouched.

    :param get_connection: finds an Airflow connection by its id
    :raises InvalidInput: the connection is of a type that cannot be a ledger
    """
    from airflow.sdk import conf

    if conn_id := conf.get(SECTION, "ledger_conn_id", fallback=""):
        url = connection_url(get_connection(conn_id))
        # A file is one machine's, whatever names it.
        return Database(url, shared=url.get_backend_name() != "sqlite")
    path = conf.get(SECTION, "ledger_path", fallback="") or os.path.join(home(), "vendor_apis.db")
    return Database(sa.URL.create("sqlite", database=path), shared=False)


def home() -> str:
    """Return the folder of this machine where Airflow keeps its files."""
    return os.environ.get("AIRFLOW_HOME") or os.path.expanduser("~/airflow")


def connection_url(connection: Connection) -> sa.URL:
    """Turn an Airflow connection into the URL of a database.

    :param connection: the connection
    :raises InvalidInput: its type is not one of a database that can be a ledger, or the driver is not
        installed
    """
    field = f"[{SECTION}] ledger_conn_id"
    backend = (connection.conn_type or "").lower()
    if backend not in DRIVERS:
        raise InvalidInput(
            f'connection "{connection.conn_id}" has type "{backend}", which cannot be a ledger.',
            field=field,
            remedy="Use a connection of type postgres, mysql or sqlite.",
        )
    if backend == "sqlite":
        path = connection.host or connection.schema or ""
        if not os.path.isabs(path):
            raise InvalidInput(
                f'connection "{connection.conn_id}" names no file: its host must be an absolute path.',
                field=field,
                remedy="Write it like /var/lib/airflow/vendor_apis.db.",
            )
        return sa.URL.create("sqlite", database=path)
    from importlib.util import find_spec

    driver = next((name for name in DRIVERS[backend] if find_spec(MODULES[name])), None)
    if driver is None:
        raise InvalidInput(
            f'connection "{connection.conn_id}" needs a driver that is not installed.',
            field=field,
            remedy=f"pip install {' or '.join(MODULES[name] for name in DRIVERS[backend])}",
        )
    return sa.URL.create(
        f"{'postgresql' if backend.startswith('postgres') else 'mysql'}+{driver}",
        username=connection.login,
        password=connection.password,
        host=connection.host,
        port=connection.port,
        database=connection.schema,
    )
