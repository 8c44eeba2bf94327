"""The database: where it is, how it is opened, and what its errors mean."""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import sqlalchemy as sa
from sqlalchemy import exc

from airflow_provider.exceptions import InvalidInput, StoreUnavailable
from airflow_provider.store import tables as schema

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from airflow.sdk import Connection

T = TypeVar("T")

SECTION = "vendor_apis"

DRIVERS = {
    "sqlite": ("pysqlite",),
    "postgres": ("psycopg", "psycopg2"),
    "postgresql": ("psycopg", "psycopg2"),
    "mysql": ("pymysql", "mysqldb"),
}
"""SQLAlchemy's names of the drivers that are tried, by connection type."""

MODULES = {"psycopg": "psycopg", "psycopg2": "psycopg2", "pymysql": "pymysql", "mysqldb": "MySQLdb"}

CREATE_ATTEMPTS = 20

DEADLOCK_ATTEMPTS = 5


class Database:
    """A database with this provider's tables in it.

    :param url: SQLAlchemy URL
    :param shared: whether the workers of a distributed executor all see it
    """

    def __init__(self, url: sa.URL, *, shared: bool) -> None:
        self.url = url
        self.shared = shared
        arguments: dict[str, Any] = {"pool_pre_ping": True}
        if url.get_backend_name() == "sqlite":
            arguments = {"connect_args": {"timeout": 60, "check_same_thread": False}}
        # Its errors would quote the values of a statement.
        self.engine = sa.create_engine(url, hide_parameters=True, **arguments)
        if self.is_sqlite:
            sa.event.listen(self.engine, "connect", _set_up_sqlite)
            sa.event.listen(self.engine, "begin", _begin_immediate)

    @property
    def is_sqlite(self) -> bool:
        """Say whether it is an SQLite file."""
        return self.url.get_backend_name() == "sqlite"

    @property
    def place(self) -> str:
        """Say where it is, without its password."""
        if self.is_sqlite:
            return str(self.url.database)
        return self.url.render_as_string(hide_password=True)

    @contextmanager
    def begin(self) -> Iterator[sa.Connection]:
        """Open a transaction, which is committed at the end of the block and rolled back by an error.

        :raises StoreUnavailable: the database is away, full or damaged; nothing of the block was stored
        """
        try:
            with self.engine.begin() as connection:
                yield connection
        except (exc.SQLAlchemyError, OverflowError) as error:
            # SQLite refuses what is no number of 64 bits with an error of Python's.
            raise self._unavailable(error) from None

    def run(self, work: Callable[[sa.Connection], T]) -> T:
        """Do work in a transaction, and again where the database undid it because two waited for each other.

        :param work: takes the open transaction
        :raises StoreUnavailable: the database is away, full or damaged; nothing was stored
        """
        for _ in range(DEADLOCK_ATTEMPTS - 1):
            try:
                with self.engine.begin() as connection:
                    return work(connection)
            except (exc.SQLAlchemyError, OverflowError) as error:
                if not _is_deadlock(error):
                    raise self._unavailable(error) from None
        with self.begin() as connection:
            return work(connection)

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """Open a transaction that only reads, and so holds up no batch.

        :raises StoreUnavailable: the database is away or damaged
        """
        try:
            with self.engine.connect().execution_options(reading=True) as connection, connection.begin():
                yield connection
        except exc.SQLAlchemyError as error:
            raise self._unavailable(error) from None

    def exists(self) -> bool:
        """Say whether its tables are there, without creating anything.

        :raises StoreUnavailable: the database cannot be used
        """
        if self.is_sqlite and not os.path.exists(self.place):
            return False
        with self.read() as connection:
            return sa.inspect(connection).has_table(schema.ledger.name)

    def prepare(self) -> None:
        """Create the tables, unless they are there. Safe when many workers do it at once.

        :raises InvalidInput: the tables are those of a newer version of this provider
        :raises StoreUnavailable: the database cannot be used
        """
        for attempt in range(CREATE_ATTEMPTS):
            try:
                with self.engine.begin() as connection:
                    schema.metadata.create_all(connection)
                    version = connection.scalar(sa.select(sa.func.max(schema.schema.c.version)))
                    if version is None or version < schema.VERSION:
                        connection.execute(sa.insert(schema.schema).values(version=schema.VERSION))
                        version = schema.VERSION
            except exc.SQLAlchemyError as error:
                # Another worker created the same table in this moment: look again. What else it is shows
                # itself again.
                if attempt == CREATE_ATTEMPTS - 1 or not isinstance(
                    error, exc.ProgrammingError | exc.IntegrityError | exc.OperationalError
                ):
                    raise self._unavailable(error) from None
                if isinstance(error, exc.OperationalError) and not _already_there(error):
                    raise self._unavailable(error) from None
                time.sleep(0.05)
                continue
            if version > schema.VERSION:
                raise InvalidInput(
                    f"the ledger ({self.place}) has version {version}; this provider knows {schema.VERSION}.",
                    field=f"[{SECTION}] ledger_conn_id",
                    remedy="Update airflow-provider-vendor-apis on this worker.",
                )
            return

    def close(self) -> None:
        """Close its connections."""
        self.engine.dispose()

    def _unavailable(self, error: Exception) -> StoreUnavailable:
        # The driver's own words, without the statement and its parameters, which SQLAlchemy adds.
        cause = error.orig if isinstance(error, exc.DBAPIError) else error
        words = str(cause).strip().splitlines() or [type(error).__name__]
        remedy = "Check that the database is up and that the worker may use it."
        if self.is_sqlite:
            remedy = (
                "Check that the file can be written, that its disk has room, and that it is an SQLite file."
            )
        return StoreUnavailable(f"the ledger ({self.place}) cannot be used: {words[0][:200]}", remedy=remedy)


def configured() -> Database:
    """Open the database that the configuration names, and prepare it.

    ``[vendor_apis] ledger_conn_id`` names an Airflow connection; without it, it is an SQLite file under
    AIRFLOW_HOME.

    :raises InvalidInput: the connection is of a type that cannot be a ledger
    :raises StoreUnavailable: the database cannot be used
    """
    from airflow.sdk import BaseHook

    database = located(BaseHook.get_connection)
    try:
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
    path = conf.get(SECTION, "ledger_path", fallback="") or os.path.join(
        os.environ.get("AIRFLOW_HOME") or os.path.expanduser("~/airflow"), "vendor_apis.db"
    )
    return Database(sa.URL.create("sqlite", database=path), shared=False)


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


def insert_if_absent(table: sa.Table, dialect: str) -> sa.Insert:
    """Make an insertion that passes over rows that are there, in the words of the database.

    :param table: the table
    :param dialect: SQLAlchemy's name of the database
    """
    if dialect == "postgresql":
        from sqlalchemy.dialects import postgresql

        return postgresql.insert(table).on_conflict_do_nothing()
    # SQLite has one writer at a time, who has looked before.
    return sa.insert(table).prefix_with("IGNORE") if dialect == "mysql" else sa.insert(table)


def _already_there(error: exc.DBAPIError) -> bool:
    words = str(error.orig).lower()
    return "exist" in words or "locked" in words or "deadlock" in words


def _is_deadlock(error: Exception) -> bool:
    """Say whether the database undid a transaction that may simply be tried again."""
    cause = error.orig if isinstance(error, exc.DBAPIError) else None
    # PostgreSQL's codes for a deadlock and a serialization failure, and MySQL's for a deadlock.
    state = getattr(cause, "sqlstate", None) or getattr(cause, "pgcode", None)
    return state in ("40P01", "40001") or (cause is not None and cause.args[:1] == (1213,))


def _set_up_sqlite(connection: Any, record: Any) -> None:
    # SQLAlchemy sends BEGIN itself, see below, so the driver must not.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode = WAL")
    # A commit has reached the disk when it returns: 'sent' must outlive a power cut, too.
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.close()


def _begin_immediate(connection: sa.Connection) -> None:
    # A transaction that reads first and writes then would fail where another has written in between.
    reading = connection.get_execution_options().get("reading")
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")
