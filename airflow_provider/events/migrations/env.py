"""Alembic's entry: which tables are ours, and which database has them."""

from __future__ import annotations

from typing import Any

from airflow import settings
from alembic import context

from airflow_provider.events.table import VERSION_TABLE, Base


def include_object(thing: Any, name: str | None, kind: str, *_: Any) -> bool:
    """Hide the tables of Airflow and of other providers."""
    return kind != "table" or name in {table.name for table in Base.metadata.tables.values()}


SHARED: dict[str, Any] = {
    "target_metadata": Base.metadata,
    "version_table": VERSION_TABLE,
    "include_object": include_object,
    "compare_type": True,
    "render_as_batch": True,
}

if context.is_offline_mode():
    context.configure(url=settings.SQL_ALCHEMY_CONN, literal_binds=True, **SHARED)
    with context.begin_transaction():
        context.run_migrations()
elif settings.engine is not None:
    with settings.engine.connect() as connection:
        context.configure(connection=connection, transaction_per_migration=True, **SHARED)
        with context.begin_transaction():
            context.run_migrations()
