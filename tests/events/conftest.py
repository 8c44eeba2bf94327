from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from tests.support.airflow_databases import airflow_at, empty
from tests.support.postgres import Postgres
from tests.support.receiving import (
    Receiving,
    receiving,
)


@pytest.fixture(scope="session")
def migrated_postgres(postgres_server: Postgres, airflow_db: None) -> str:
    """The URL of Airflow's database on PostgreSQL."""
    from airflow.utils.db import initdb

    postgres_server.execute("CREATE DATABASE airflow")
    url = postgres_server.url.set(database="airflow").render_as_string(hide_password=False)
    with airflow_at(url):
        initdb()
    return str(url)


@pytest.fixture(params=["sqlite", "postgres"])
def airflow_database(request: pytest.FixtureRequest, airflow_db: None) -> Iterator[str]:
    """Airflow with an empty database of each kind; its value is SQLAlchemy's name of the kind."""
    if request.param == "sqlite":
        empty()
        yield "sqlite"
        return
    with airflow_at(request.getfixturevalue("migrated_postgres")):
        empty()
        yield "postgresql"


@pytest.fixture
def statements() -> Iterator[list[str]]:
    """The statements that the process sends to Airflow's database."""
    from airflow import settings

    seen: list[str] = []
    engine = settings.engine

    def see(*arguments: object) -> None:
        seen.append(str(arguments[2]))

    sa.event.listen(engine, "before_cursor_execute", see)
    yield seen
    sa.event.remove(engine, "before_cursor_execute", see)


@pytest.fixture
def row_for_all_events() -> None:
    """The queue of Airflow 3.2 and 3.3. In 3.4 it has a row for each event, and each event has its own run."""
    from airflow_provider.events.subscribers import has_row_for_all_events

    if not has_row_for_all_events():
        pytest.skip("the scheduler's queue of this Airflow has a row for each event")


@pytest.fixture(scope="module")
def shared() -> Iterator[Receiving]:
    with receiving() as running:
        yield running


@pytest.fixture
def receiver(shared: Receiving) -> Receiving:
    """A receiver that several tests use; nothing has come yet."""
    shared.intake.stored.clear()
    return shared
