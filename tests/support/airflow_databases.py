"""Airflow's own database for tests that need it on SQLite and on PostgreSQL, in the process of the test."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa
from airflow import settings

URL = "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"
ASYNC_URL = f"{URL}_ASYNC"


def connect_airflow() -> None:
    """Have Airflow use the database that the environment names."""
    settings.dispose_orm(do_log=False)
    settings.configure_vars()
    settings.configure_orm()


@contextmanager
def airflow_at(url: str) -> Iterator[None]:
    """
    Give Airflow another database for a while, in this process and in those that it starts.

    :param url: SQLAlchemy's URL of it
    """
    before = {name: os.environ.get(name) for name in (URL, ASYNC_URL)}
    os.environ[URL] = url
    # Its usual driver for PostgreSQL need not be installed.
    os.environ[ASYNC_URL] = url.replace("sqlite:", "sqlite+aiosqlite:")
    connect_airflow()
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
        connect_airflow()


def count(table: str) -> int:
    """Return the number of rows of a table."""
    assert settings.engine is not None
    with settings.engine.connect() as connection:
        return int(connection.scalar(sa.select(sa.func.count()).select_from(sa.table(table))))


def empty() -> None:
    """Delete what deliveries and their runs leave behind, and every Dag and asset."""
    assert settings.engine is not None
    tables = (
        "vendor_apis_delivery",
        "dagrun_asset_event",
        "asset_dag_run_queue",
        "asset_event",
        "dag_run",
        "dag_schedule_asset_reference",
        "dag_schedule_asset_name_reference",
        "dag_schedule_asset_uri_reference",
        "asset_active",
        "asset",
        "serialized_dag",
        "dag_version",
        "dag",
    )
    with settings.engine.begin() as connection:
        for table in tables:
            connection.execute(sa.delete(sa.table(table)))
