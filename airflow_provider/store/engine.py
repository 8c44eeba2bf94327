"""The database: how it is opened and prepared, and what its errors mean."""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import sqlalchemy as sa
from sqlalchemy import exc

from airflow_provider.exceptions import StoreUnavailable
from airflow_provider.store.errors import (
    driver_error,
    is_deadlock,
    is_forbidden,
    is_full,
    is_missing_table,
    is_refused,
    sqlstate,
)
from airflow_provider.store.migrations import HEAD, VERSION_TABLE
from airflow_provider.store.tables import ledger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager

T = TypeVar("T")

DEADLOCK_ATTEMPTS = 5

CONNECT_TIMEOUT = 10
"""Seconds."""

SQLITE_TIMEOUT = 60
"""Seconds that a worker waits for the others to be done with an SQLite file."""

LOCK_TIMEOUT = 60
"""Seconds that a statement waits for what others have locked in PostgreSQL, whose default is for ever. MySQL
waits for 50."""

IDLE_TIMEOUT = 60
"""Seconds after which PostgreSQL undoes a transaction that writes and asks for nothing more: its worker
hangs, or its machine is gone, and others wait for what it has locked."""

# A server that has vanished, as in a failover, never says so: without these a statement waits for hours.
_LIBPQ = {
    "connect_timeout": CONNECT_TIMEOUT,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 25_000,
}

CONNECT_ARGUMENTS: dict[str, dict[str, Any]] = {
    "pysqlite": {"timeout": SQLITE_TIMEOUT, "check_same_thread": False},
    # A pooler in transaction mode gives each transaction another session, which lacks what was prepared.
    "psycopg": {"prepare_threshold": None, **_LIBPQ},
    "psycopg2": _LIBPQ,
    "pymysql": {"connect_timeout": CONNECT_TIMEOUT},
}
"""What a driver gets, by SQLAlchemy's name of it."""


class Database:
    """A database with this provider's tables in it.

    :param url: SQLAlchemy URL
    :param shared: whether the workers of a distributed executor all see it
    :param options: what the driver gets besides, like ``sslmode``
    """

    def __init__(self, url: sa.URL, *, shared: bool, options: Mapping[str, Any] | None = None) -> None:
        self.url = url
        self.shared = shared
        self._durable = True
        self._options = dict(options or {})
        # Its errors would quote the values of a statement.
        self.engine = sa.create_engine(
            url,
            hide_parameters=True,
            pool_pre_ping=not self.is_sqlite,
            connect_args={**CONNECT_ARGUMENTS.get(url.get_driver_name(), {}), **(options or {})},
        )
        if self.is_sqlite:
            sa.event.listen(self.engine, "connect", self._set_up_sqlite)
            sa.event.listen(self.engine, "begin", _begin_immediate)
        elif url.get_backend_name() == "postgresql":
            sa.event.listen(self.engine, "begin", _wait_no_longer)

    def same_as(self, other: Database) -> bool:
        """Say whether another one is opened in the same way.

        :param other: the other one
        """
        return (self.url, self._options) == (other.url, other._options)

    def relax(self) -> None:
        """Let a power cut take back the latest commits to an SQLite file, from now on.

        A killed process loses none. A commit takes a fraction of the time then: it is for what can be found
        out again.
        """
        self._durable = False
        self.engine.dispose()

    def _set_up_sqlite(self, connection: Any, record: Any) -> None:
        # SQLAlchemy sends BEGIN itself, see below, so the driver must not.
        connection.isolation_level = None
        cursor = connection.cursor()
        _write_ahead(cursor)
        # A commit has reached the disk when it returns: 'sent' must outlive a power cut, too.
        cursor.execute(f"PRAGMA synchronous = {'FULL' if self._durable else 'NORMAL'}")
        cursor.close()

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

        :raises StoreUnavailable: the database is down, full or damaged; nothing of the block was stored
        """
        try:
            with self.engine.begin() as connection:
                yield connection
        except (exc.SQLAlchemyError, OverflowError) as error:
            # SQLite refuses what is no number of 64 bits with an error of Python's.
            raise self.unavailable(error) from None

    def run(self, work: Callable[[sa.Connection], T]) -> T:
        """Do work in a transaction, and repeat it where the database undid it because of a deadlock.

        :param work: takes the open transaction
        :raises StoreUnavailable: the database is down, full or damaged; nothing was stored
        """
        return self._run(self.engine.begin, work)

    def _run(
        self, begin: Callable[[], AbstractContextManager[sa.Connection]], work: Callable[[sa.Connection], T]
    ) -> T:
        attempt = 1
        while True:
            try:
                with begin() as connection:
                    return work(connection)
            except (exc.SQLAlchemyError, OverflowError) as error:
                if attempt == DEADLOCK_ATTEMPTS or not is_deadlock(error):
                    raise self.unavailable(error) from None
            attempt += 1

    @contextmanager
    def read(self, *, snapshot: bool = False) -> Iterator[sa.Connection]:
        """Open a transaction that only reads, and so holds up no batch.

        :param snapshot: whether all statements see the same state of the database
        :raises StoreUnavailable: the database is down or damaged
        """
        try:
            with self._reading(snapshot) as connection:
                yield connection
        except exc.SQLAlchemyError as error:
            raise self.unavailable(error) from None

    @contextmanager
    def _reading(self, snapshot: bool = False) -> Iterator[sa.Connection]:
        # In SQLite, and in MySQL where nobody has changed it, every transaction sees one state.
        level = {"isolation_level": "REPEATABLE READ"} if snapshot and not self.is_sqlite else {}
        options = {"reading": True, **level}
        with self.engine.connect().execution_options(**options) as connection, connection.begin():
            yield connection

    def exists(self) -> bool:
        """Say whether its tables are there, without creating anything.

        :raises StoreUnavailable: the database cannot be used
        """
        if self.is_sqlite and not os.path.exists(self.place):
            return False
        with self.read() as connection:
            return sa.inspect(connection).has_table(ledger.name)

    def prepare(self) -> None:
        """Bring the tables to the current revision, unless they are. Safe when many workers do it at once.

        :raises InvalidInput: the tables are those of a newer version of this provider
        :raises StoreUnavailable: the database cannot be used
        """
        if self._is_current():
            return
        # Alembic takes a while to import, and is needed once in the life of a database.
        from airflow_provider.store.migrations import env

        self._run(lambda: env.exclusive(self.engine), lambda connection: env.upgrade(connection, self.place))

    def _is_current(self) -> bool:
        revisions = sa.select(sa.column("version_num", sa.String)).select_from(sa.table(VERSION_TABLE))
        try:
            with self._reading() as connection:
                return connection.scalars(revisions).all() == [HEAD]
        except exc.SQLAlchemyError as error:
            if is_missing_table(error):
                return False
            raise self.unavailable(error) from None

    def close(self) -> None:
        """Close its connections."""
        self.engine.dispose()

    def unavailable(self, error: BaseException | None) -> StoreUnavailable:
        """Return the error of a database that cannot be used.

        :param error: what it or its driver raised
        """
        # The driver's own words, without the statement and its parameters, which SQLAlchemy adds.
        words = str(driver_error(error) or error).strip().splitlines() or [type(error).__name__]
        remedy = "Check that the database is up and that the worker may use it."
        if self.is_sqlite:
            remedy = (
                "Check that the file can be written, that its disk has room, and that it is an SQLite file."
            )
        elif is_refused(error):
            remedy = "Check the login, the password and the schema of its connection."
        elif is_forbidden(error):
            remedy = (
                "Grant its user CREATE in the schema, which the first task after an upgrade needs, and "
                "SELECT, INSERT, UPDATE and DELETE on its tables."
            )
        unavailable = StoreUnavailable(
            f"the ledger ({self.place}) cannot be used: {words[0][:200]}", remedy=remedy
        )
        unavailable.temporary = self._may_be_back(error)
        if unavailable.temporary and not self.is_sqlite:
            # After a failover its name may lead to another server.
            self.engine.dispose()
        return unavailable

    def _may_be_back(self, error: BaseException | None) -> bool:
        """Say whether the database may be back by itself."""
        if not isinstance(error, exc.DBAPIError):
            return False
        if self.is_sqlite:
            code = getattr(error.orig, "sqlite_errorcode", 0) & 0xFF
            return code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
        if is_full(error) or is_refused(error) or is_forbidden(error):
            return False
        # PostgreSQL's code of a server that only reads: it is no longer the primary.
        away = isinstance(error, exc.OperationalError | exc.InterfaceError) or error.connection_invalidated
        return away or sqlstate(error) == "25006"


@contextmanager
def if_there(database: Database, *, create: bool = False) -> Iterator[Database | None]:
    """Prepare a database, and close it at the end; None where nobody has made its tables yet.

    :param database: the database
    :param create: make its tables then
    :raises InvalidInput: the tables are those of a newer version of this provider
    :raises StoreUnavailable: the database cannot be used
    """
    try:
        if create or database.exists():
            database.prepare()
            yield database
        else:
            yield None
    finally:
        database.close()


def insert_if_absent(table: sa.Table, dialect: str) -> sa.Insert:
    """Make an insertion that skips rows that are there, in the dialect of the database.

    :param table: the table
    :param dialect: SQLAlchemy's name of the database
    """
    if dialect == "postgresql":
        from sqlalchemy.dialects import postgresql

        return postgresql.insert(table).on_conflict_do_nothing()
    # SQLite has one writer at a time, which has read the rows before.
    return sa.insert(table).prefix_with("IGNORE") if dialect == "mysql" else sa.insert(table)


def _write_ahead(cursor: Any) -> None:
    """Make the file keep a write-ahead log, which it does from then on, whoever opens it."""
    until = time.monotonic() + SQLITE_TIMEOUT
    while True:
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            # SQLite's own timeout does not cover this statement: of two workers that open a new file at the
            # same time, one would fail at once.
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
        time.sleep(0.01)


def _wait_no_longer(connection: sa.Connection) -> None:
    # For the transaction alone: behind a pooler the session is another's afterwards. One round trip for both.
    settings = f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}s'"
    if not connection.get_execution_options().get("reading"):
        settings += f"; SET LOCAL idle_in_transaction_session_timeout = '{IDLE_TIMEOUT}s'"
    connection.exec_driver_sql(settings)


def _begin_immediate(connection: sa.Connection) -> None:
    # A transaction that reads first and writes then would fail where another has written in between.
    reading = connection.get_execution_options().get("reading")
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")
