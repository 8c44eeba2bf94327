"""Bring a database to the current revision. The only module of the store that imports Alembic at once."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext, MigrationStep
from alembic.script import ScriptDirectory

from airflow_provider.exceptions import InvalidInput
from airflow_provider.store.migrations import HEAD, VERSION_TABLE

if TYPE_CHECKING:
    from collections.abc import Iterator

LEGACY_TABLE = "vendor_apis_schema"
"""Where the version was kept before there were revisions."""

LEGACY_VERSION = 1
"""The only version that there was."""

SCRIPTS = Path(__file__).parent

LOCK_TIMEOUT = 60
"""Seconds that a worker waits while another one changes the tables."""

LOCK_NUMBER = 0x76656E646F726170
"""The lock's number in PostgreSQL, 8 bytes that spell "vendorap"."""


@contextmanager
def exclusive(engine: sa.Engine) -> Iterator[sa.Connection]:
    """Open a transaction in which no other worker changes the tables.

    :param engine: the database
    :raises sqlalchemy.exc.SQLAlchemyError: the lock was not free in time, or the database cannot be used
    """
    backend = engine.dialect.name
    # Under a stricter level the transaction would not see what was committed while it waited for the lock.
    options = {"isolation_level": "READ COMMITTED"} if backend == "postgresql" else {}
    with engine.connect().execution_options(**options) as connection:
        if backend == "mysql":
            _lock_mysql(connection)
        with connection.begin():
            if backend == "postgresql":
                # For the transaction, because behind a pooler the next one may have another session.
                connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}s'")
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(LOCK_NUMBER)))
            # In SQLite it is the transaction itself: it begins with BEGIN IMMEDIATE.
            yield connection


def _lock_mysql(connection: sa.Connection) -> None:
    # MySQL ends a transaction at each CREATE and ALTER, so the lock is the session's. A connection that does
    # not go back to the pool ends its session, and so frees the lock.
    connection.detach()
    # Names of locks count for the whole server.
    name = sa.func.concat("vendor_apis_", sa.func.md5(sa.func.database()))
    if connection.scalar(sa.select(sa.func.get_lock(name, LOCK_TIMEOUT))) != 1:
        raise sa.exc.TimeoutError(f"another worker has been changing the tables for {LOCK_TIMEOUT} seconds")
    connection.commit()


def upgrade(connection: sa.Connection, place: str) -> None:
    """Bring the tables to the current revision.

    :param connection: from :func:`exclusive`
    :param place: what errors call the database
    :raises InvalidInput: the tables are those of a newer version of this provider; they are left as they are
    """
    script = ScriptDirectory(str(SCRIPTS))

    def steps(heads: tuple[str, ...], context: MigrationContext) -> list[MigrationStep]:
        missing = script.iterate_revisions("head", heads, implicit_base=True)
        return [MigrationStep.upgrade_from_script(script.revision_map, one) for one in reversed([*missing])]

    context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE, "fn": steps})
    if unknown := _unknown_versions(connection, context.get_current_heads(), script):
        raise InvalidInput(
            f"the ledger ({place}) has version {', '.join(unknown)}; this provider knows {HEAD}.",
            field="[vendor_apis] ledger_conn_id",
            remedy="Update airflow-provider-vendor-apis on this worker.",
        )
    # A parameter, because Alembic's own `op` is one for the whole process, and threads may migrate at once.
    context.run_migrations(op=Operations(context))


def _unknown_versions(
    connection: sa.Connection, heads: tuple[str, ...], script: ScriptDirectory
) -> list[str]:
    if heads:
        return sorted(set(heads) - {one.revision for one in script.walk_revisions()})
    if not sa.inspect(connection).has_table(LEGACY_TABLE):
        return []
    numbers = connection.scalars(
        sa.select(sa.column("version", sa.Integer)).select_from(sa.table(LEGACY_TABLE))
    )
    return [str(number) for number in numbers if number > LEGACY_VERSION]
