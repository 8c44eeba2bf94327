from __future__ import annotations

from collections.abc import Iterator

import pytest

from airflow_provider.store.engine import Database
from tests.support.postgres import MISSING, Postgres, postgres


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Postgres]:
    if MISSING:
        pytest.skip(MISSING)
    with postgres() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgres"])
def database(request, tmp_path) -> Iterator[Database]:
    """An empty database with the provider's tables, of each kind that there is."""
    import sqlalchemy as sa

    if request.param == "sqlite":
        url = sa.URL.create("sqlite", database=str(tmp_path / "ledger.db"))
    else:
        server = request.getfixturevalue("postgres_server")
        server.execute("DROP SCHEMA public CASCADE")
        server.execute("CREATE SCHEMA public")
        url = server.url
    opened = Database(url, shared=request.param != "sqlite")
    opened.prepare()
    yield opened
    opened.close()
