"""Callbacks of a wallet: 1,000 operations, each sent twice and shuffled, to two server processes.

``python -m benchmarks.wallet [sqlite|postgres ...] [--operations 1000] [--copies 2] [--kills 10]``

Each database is measured twice: undisturbed, and with so many SIGKILLs to the servers, which are started again. Balances
and entries must be exact both times. What is compared is the same number of commits of one small row each, one after
the other, on the same database in the same run: the ratio says what an operation costs whatever the machine.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import sqlalchemy as sa

from tests.support.environment import isolate

HOME = Path(tempfile.mkdtemp(prefix="airflow-home-"))
isolate(os.environ, HOME)

from airflow_provider.mobadoo.wallet import SqlWallet  # noqa: E402
from airflow_provider.store.engine import Database  # noqa: E402
from tests.support import wallet_crowd  # noqa: E402
from tests.support.wallet_server import FLAG, Server  # noqa: E402

THREADS = 16
COMMITS = 300


@contextlib.contextmanager
def databases(kind: str, folder: Path) -> Iterator[tuple[Database, dict[str, str]]]:
    """Make an empty database, and the variables that lead a server to it."""
    if kind == "sqlite":
        path = folder / "wallet.db"
        database = Database(sa.URL.create("sqlite", database=str(path)), shared=False)
        database.prepare()
        yield database, {"AIRFLOW__VENDOR_APIS__LEDGER_PATH": str(path)}
        database.close()
        return
    from tests.support.postgres import postgres

    with postgres() as server:
        database = Database(server.url, shared=True)
        database.prepare()
        yield database, server.environment
        database.close()


def commits(database: Database) -> float:
    """Return how many small commits a second the database takes from one connection."""
    table = sa.Table("a_row", sa.MetaData(), sa.Column("id", sa.Integer, primary_key=True))
    with database.begin() as connection:
        table.drop(connection, checkfirst=True)
        table.create(connection)
    began = time.monotonic()
    for number in range(COMMITS):
        with database.begin() as connection:
            connection.execute(sa.insert(table).values(id=number))
    return COMMITS / (time.monotonic() - began)


def measure(kind: str, operations: int, copies: int, kills: int) -> None:
    with tempfile.TemporaryDirectory() as name, databases(kind, Path(name)) as (database, variables):
        plan = wallet_crowd.plan(operations // 2, players=20)
        wallet = SqlWallet()
        wallet._databases._wallet = database
        wallet_crowd.load(wallet, plan)
        variables = {**variables, FLAG: str(Path(name, "flag"))}
        servers = [Server(Path(name, f"log-{number}"), variables) for number in range(2)]
        try:
            for server in servers:
                server.wait()
            result = disturbed(plan, servers, copies, kills)
            for server in servers:
                server.wait()
        finally:
            for server in servers:
                server.stop()
        wrong = wallet_crowd.wrong(plan, result, database)
        report(kind, result, commits(database), kills)
        for one in wrong[:20]:
            print(f"  WRONG: {one}")
        if wrong:
            raise SystemExit(1)
        print("  balances and entries: exact")


def disturbed(plan: wallet_crowd.Plan, servers: list[Server], copies: int, kills: int) -> wallet_crowd.Result:
    """Send everything, and kill a server at so many places."""
    places = [(number + 1) / (kills + 1) for number in range(kills)]
    lock = threading.Lock()
    killed = 0

    def kill(done: float) -> None:
        nonlocal killed
        with lock:
            if not places or done < places[0]:
                return
            places.pop(0)
            server = servers[killed % len(servers)]
            killed += 1
            server.kill()
            server.start()

    result = wallet_crowd.send(
        plan, [one.url for one in servers], copies=copies, threads=THREADS, progress=kill
    )
    assert killed == kills
    return result


def report(kind: str, result: wallet_crowd.Result, per_second: float, kills: int) -> None:
    times = sorted(result.times)
    answered = len(times)
    rate = answered / result.seconds
    print(
        f"{kind}, {kills} kills: {answered} calls answered in {result.seconds:.1f} s: {rate:.0f}/s, "
        f"p50 {times[answered // 2] * 1000:.0f} ms, p99 {times[int(answered * 0.99)] * 1000:.0f} ms; "
        f"{dict(result.outcomes)}"
    )
    print(f"  single commits: {per_second:.0f}/s; a call per commit: {rate / per_second:.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kinds", nargs="*", default=["sqlite", "postgres"])
    parser.add_argument("--operations", type=int, default=1000)
    parser.add_argument("--copies", type=int, default=2)
    parser.add_argument("--kills", type=int, default=10)
    arguments = parser.parse_args()
    from airflow.utils.db import initdb

    initdb()
    for kind in arguments.kinds:
        for kills in sorted({0, arguments.kills}):
            measure(kind, arguments.operations, arguments.copies, kills)


if __name__ == "__main__":
    main()
