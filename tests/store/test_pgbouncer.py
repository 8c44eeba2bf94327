"""PostgreSQL behind a pooler, which gives each transaction whatever session is free."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial

import pytest
import sqlalchemy as sa

from airflow_provider.ledger.ledger import Ledger
from airflow_provider.processes import new_owner
from airflow_provider.store.engine import Database
from airflow_provider.store.tables import ledger
from tests.support.pgbouncer import PROGRAM, pgbouncer

SESSIONS = 3


@pytest.fixture
def pooled(postgres_server) -> Iterator[sa.URL]:
    if PROGRAM is None:
        pytest.skip("pgbouncer is not installed")
    postgres_server.execute("DROP SCHEMA public CASCADE")
    postgres_server.execute("CREATE SCHEMA public")
    with pgbouncer(postgres_server.url, SESSIONS) as url:
        yield url


def send(database: Database, number: int) -> None:
    """Claim some records in transactions of their own, and read them."""
    own = Ledger("c", "o", "", "t", new_owner(), 60.0, once=True)
    for index in range(20):
        claimed = database.run(partial(own.claim, keys=[(f"{number}-{index}",)]))
        assert len(claimed) == 1
        with database.read() as connection:
            assert connection.scalar(sa.select(ledger.c.state).where(ledger.c.id.in_(claimed))) == "sent"


def test_nothing_is_left_prepared_in_a_session(postgres_server):
    postgres_server.execute("DROP SCHEMA public CASCADE")
    postgres_server.execute("CREATE SCHEMA public")
    database = Database(postgres_server.url, shared=True)
    database.prepare()
    with database.begin() as connection:
        for _ in range(20):
            connection.execute(sa.select(ledger.c.id))
        assert connection.exec_driver_sql("SELECT count(*) FROM pg_prepared_statements").scalar() == 0
    database.close()


def test_batches_one_after_another_share_the_sessions(pooled):
    for number in range(3):
        database = Database(pooled, shared=True)
        database.prepare()
        send(database, number)
        database.close()


def test_many_batches_at_once_prepare_and_share_the_sessions(pooled):
    gate = threading.Barrier(4 * SESSIONS)
    failures: list[BaseException] = []

    def batch(number: int) -> None:
        database = Database(pooled, shared=True)
        gate.wait(timeout=30)
        try:
            database.prepare()
            send(database, number)
        except BaseException as error:
            failures.append(error)
        database.close()

    threads = [threading.Thread(target=batch, args=(number,)) for number in range(4 * SESSIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert not failures
    database = Database(pooled, shared=True)
    with database.read() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(ledger)) == 4 * SESSIONS * 20
    database.close()
