"""Where the database is: what the configuration and its Airflow connection say."""

from __future__ import annotations

import json
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from airflow_provider.exceptions import InvalidInput, StoreUnavailable
from airflow_provider.store.engine import Database

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from airflow.sdk import Connection

SECTION = "vendor_apis"

DRIVERS = {
    "sqlite": ("pysqlite",),
    "postgres": ("psycopg", "psycopg2"),
    "postgresql": ("psycopg", "psycopg2"),
    "mysql": ("pymysql", "mysqldb"),
}
"""SQLAlchemy's names of the drivers that are tried, by connection type."""

PORTS = {5432: "postgres", 3306: "mysql"}
"""What a connection of type ``generic`` is to, by its port."""

_LIBPQ = frozenset(
    {
        "application_name",
        "channel_binding",
        "connect_timeout",
        "gssencmode",
        "keepalives",
        "keepalives_count",
        "keepalives_idle",
        "keepalives_interval",
        "krbsrvname",
        "options",
        "require_auth",
        "service",
        "sslcert",
        "sslcertmode",
        "sslcompression",
        "sslcrl",
        "sslcrldir",
        "sslkey",
        "sslmode",
        "sslnegotiation",
        "sslpassword",
        "sslrootcert",
        "sslsni",
        "ssl_max_protocol_version",
        "ssl_min_protocol_version",
        "target_session_attrs",
        "tcp_user_timeout",
    }
)
_MYSQL = frozenset({"charset", "connect_timeout", "read_timeout", "ssl", "unix_socket", "write_timeout"})

OPTIONS = {
    "psycopg": _LIBPQ,
    "psycopg2": _LIBPQ,
    "pymysql": _MYSQL
    | {"ssl_ca", "ssl_cert", "ssl_disabled", "ssl_key", "ssl_verify_cert", "ssl_verify_identity"},
    "mysqldb": _MYSQL | {"ssl_mode"},
}
"""What a driver takes of the connection's extra. Other keys are for Airflow's own hooks."""

MODULES = {"psycopg": "psycopg", "psycopg2": "psycopg2", "pymysql": "pymysql", "mysqldb": "MySQLdb"}


def configured(check: Callable[[Database], None] | None = None, *, wallet: str = "") -> Database:
    """Open the database that the configuration names, and prepare it.

    ``[vendor_apis] ledger_conn_id`` names an Airflow connection; without it, it is an SQLite file under
    AIRFLOW_HOME.

    :param check: is called before anything is created, and may raise
    :param wallet: connection of a wallet's database, which may be another one; empty: it is the same
    :raises InvalidInput: the connection is of a type that cannot be a ledger
    :raises StoreUnavailable: the connection is not found, or the database cannot be used
    """
    from airflow.sdk import BaseHook

    database = located(BaseHook.get_connection, wallet=wallet)
    try:
        if check is not None:
            check(database)
        database.prepare()
    except BaseException:
        database.close()
        raise
    return database


def open_wallet(conn_id: str) -> Database:
    """Open a wallet's database like :func:`configured`.

    :param conn_id: its connection; empty for the provider's own database
    :raises InvalidInput: the connection is of a type that cannot be used
    :raises StoreUnavailable: the connection is not there, or the database cannot be used
    """
    return configured(wallet=conn_id)


async def aconfigured() -> Database:
    """Open the database like :func:`configured`, without blocking the event loop."""
    import asyncio

    from airflow.sdk import BaseHook, conf

    conn_id = conf.get(SECTION, "ledger_conn_id", fallback="")
    with _named(conn_id, "ledger_conn_id"):
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


def located(get_connection: Callable[[str], Any], *, wallet: str = "") -> Database:
    """Return the database that the configuration names, untouched.

    :param get_connection: finds an Airflow connection by its id
    :param wallet: connection of a wallet's database, which may be another one; empty: it is the same
    :raises InvalidInput: the connection is of a type that cannot be a ledger
    :raises StoreUnavailable: the connection is not found
    """
    from airflow.sdk import conf

    if conn_id := wallet or conf.get(SECTION, "ledger_conn_id", fallback=""):
        option = f"{'wallet' if wallet else 'ledger'}_conn_id"
        with _named(conn_id, option):
            connection = get_connection(conn_id)
        url = connection_url(connection, field=f"[{SECTION}] {option}")
        # A file is one machine's, whatever names it.
        shared = url.get_backend_name() != "sqlite"
        return Database(url, shared=shared, options=driver_options(connection, url))
    path = conf.get(SECTION, "ledger_path", fallback="") or os.path.join(home(), "vendor_apis.db")
    return Database(sa.URL.create("sqlite", database=path), shared=False)


@contextmanager
def _named(conn_id: str, option: str) -> Iterator[None]:
    """Say which option names a connection that is not found: Airflow's own error has its id alone."""
    from airflow.sdk.exceptions import AirflowNotFoundException

    try:
        yield
    except AirflowNotFoundException:
        # Airflow also says so where it cannot ask: a retry may find it.
        raise StoreUnavailable(
            f'the connection "{conn_id}", which [{SECTION}] {option} names, is not found.',
            remedy=(
                f"Add it, or correct the option. If AIRFLOW_CONN_{conn_id.upper()} is to be it, each part of "
                "Airflow needs it in its environment: workers, triggerer, API server."
            ),
        ) from None


def wallet_conn_id() -> str:
    """Return the connection of the wallet's database; empty: it is the provider's own."""
    from airflow.sdk import conf

    found: str = conf.get(SECTION, "wallet_conn_id", fallback="") or ""
    return found.strip()


def home() -> str:
    """Return the folder of this machine where Airflow keeps its files, read as Airflow reads it."""
    path, before = os.environ.get("AIRFLOW_HOME") or "~/airflow", ""
    while path != before:
        path, before = os.path.expanduser(os.path.expandvars(path)), path
    return path


def connection_url(connection: Connection, *, field: str = f"[{SECTION}] ledger_conn_id") -> sa.URL:
    """Turn an Airflow connection into the URL of a database.

    :param connection: the connection
    :param field: the option that names it
    :raises InvalidInput: its type is not one of a database that can be a ledger, or the driver is not
        installed
    """
    backend = (connection.conn_type or "").lower()
    if backend == "generic":
        # What "airflow connections add" makes of a type whose provider is not installed.
        backend = PORTS.get(connection.port or 0, backend)
    if backend == "generic":
        raise InvalidInput(
            f'connection "{connection.conn_id}" has type "generic", which names no kind of database. '
            "Airflow's command line stores that where the provider of the type is not installed.",
            field=field,
            remedy=(
                "Install apache-airflow-providers-postgres (or -mysql) and add it again, or give it the port "
                "5432 (PostgreSQL) or 3306 (MySQL), or set AIRFLOW_CONN_<ID>='postgres://…'."
            ),
        )
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


def driver_options(connection: Connection, url: sa.URL) -> dict[str, Any]:
    """Return what the connection's extra says to the driver, like ``sslmode``.

    :param connection: the connection
    :param url: from :func:`connection_url`
    :raises InvalidInput: the extra is not a JSON object
    """
    known = OPTIONS.get(url.get_driver_name())
    if known is None:
        return {}
    try:
        extra = json.loads(connection.extra or "{}")
        return {name: extra[name] for name in sorted(known & extra.keys())}
    except (ValueError, AttributeError):
        raise InvalidInput(
            f'connection "{connection.conn_id}": its extra is not a JSON object.',
            field=f"[{SECTION}] ledger_conn_id",
            remedy='Write it like {"sslmode": "verify-full", "sslrootcert": "/etc/ssl/db.pem"}.',
        ) from None
