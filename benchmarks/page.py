"""How long each part of the operations page takes, with a million rows in the ledger.

``python benchmarks/page.py`` starts an API server of Airflow with a ledger of 1,000,000 rows, 10,000 of them
of unknown outcome, and 100,000 deliveries, and asks for each part. ``--postgres`` has the ledger in
PostgreSQL. Times are in milliseconds, and as a ratio to ``GET /api/v2/dags`` of the same run, because
machines differ.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import sqlalchemy as sa  # noqa: E402

from airflow_provider.store.engine import Database  # noqa: E402
from tests.support.page import add_quota  # noqa: E402
from tests.support.plugin import plugin_path  # noqa: E402
from tests.support.postgres import postgres  # noqa: E402
from tests.support.scheduler import Scheduler  # noqa: E402

LEDGER_ROWS, UNKNOWN, DELIVERIES, BATCHES, DECISIONS = 1_000_000, 10_000, 100_000, 20_000, 50_000
CONNECTIONS, QUOTAS = 20, 4
ROUNDS = 15
LIMIT_MS = 300

PARTS = (
    "",
    "batches",
    "batches?task=dag_7",
    "batches?state=failed",
    "batches/running",
    "unknown",
    "unknown?conn_id=imbee_7",
    "unknown?task=dag_7/run_7",
    "unknown/all?until=9999999999",
    "unknown/decisions",
    "quotas",
    "deliveries",
    "deliveries?conn_id=mobadoo_7",
    "deliveries/50000",
    "streams",
)

SERIES = {
    "sqlite": "WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < {count})",
    "postgresql": "WITH s AS (SELECT n FROM generate_series(1, {count}) AS n)",
}


def fill(connection: sa.Connection, table: str, count: int, **columns: str) -> None:
    """Insert rows that the database makes by itself, of expressions of their number ``n``."""
    dialect = connection.dialect.name
    series = SERIES[dialect].format(count=count)
    names, values = ", ".join(columns), ", ".join(columns.values())
    statement = f"INSERT INTO {table} ({names}) {series} SELECT {values} FROM s"
    # psycopg reads a percent sign as the beginning of a parameter.
    connection.exec_driver_sql(statement.replace("%", "%%") if dialect == "postgresql" else statement)


def fill_ledger(database: Database) -> None:
    now = time.time()
    every = LEDGER_ROWS // UNKNOWN
    with database.begin() as connection:
        fill(
            connection,
            "vendor_apis_ledger",
            LEDGER_ROWS,
            id="'row-' || n",
            conn_id=f"'imbee_' || (n / {every} % {CONNECTIONS})",
            operation="'imbee.create_access_token'",
            scope="''",
            key="'[\"customer-' || n || '\"]'",
            state=f"CASE WHEN n % {every} = 0 THEN 'unknown' ELSE 'done' END",
            owner="'nobody'",
            lease_until=f"{now}",
            attempts="1",
            error="'the connection broke'",
            task="'dag_' || (n % 50) || '/run_' || (n % 400) || '/tokens'",
            created_at=f"{now} - n",
            updated_at=f"{now} - n",
        )
        fill(
            connection,
            "vendor_apis_batch",
            BATCHES,
            id="'batch-' || n",
            conn_id=f"'imbee_' || (n % {CONNECTIONS})",
            operation="'imbee.create_user'",
            dag_id="'dag_' || (n % 50)",
            run_id="'run_' || (n % 400)",
            task_id="'users'",
            map_index="-1",
            try_number="1",
            state="CASE WHEN n <= 20 THEN 'running' WHEN n % 10 = 0 THEN 'failed' ELSE 'done' END",
            **dict.fromkeys(("created", "existing", "replayed", "failed", "unknown"), "n % 7"),
            fraction="0.5",
            started_at=f"{now} - n * 60",
            updated_at=f"{now} + 3600",
            ended_at=f"{now} - n * 60 + 30",
        )
        fill(
            connection,
            "vendor_apis_decision",
            DECISIONS,
            id="n",
            ledger_id="'row-' || n",
            conn_id=f"'imbee_' || (n % {CONNECTIONS})",
            operation="'imbee.create_access_token'",
            task="'dag/run/tokens'",
            answer="'done'",
            decided_by="'ann'",
            through="'page'",
            decided_at=f"{now} - n",
        )
    for number in range(QUOTAS):
        add_quota(database, conn_id=f"wolkvox_{number}")
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("ANALYZE")


def fill_deliveries(path: Path) -> None:
    engine = sa.create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        fill(
            connection,
            "vendor_apis_delivery",
            DELIVERIES,
            conn_id=f"'mobadoo_' || (n % {CONNECTIONS})",
            vendor="'mobadoo'",
            source="'webhook'",
            family="'MODEL_CHANGED'",
            group_key="'videogame'",
            thing="'Match/' || n",
            digest="'digest-' || n",
            epoch="0",
            received_at="'2026-11-20 12:00:00.000000'",
            payload='\'{"message": "MODEL_CHANGED", "result": {"id": 7}}\'',
            payload_truncated="0",
            assets="'[]'",
            outcome="'no_subscribers'",
            repeats="0",
            events="'[]'",
            retold="0",
        )
    engine.dispose()


class Server(Scheduler):
    """Airflow's API server alone."""

    components = ("api-server",)

    def seconds(self, path: str) -> float:
        started = time.perf_counter()
        answer = self._http.get(f"{self._url}/{path}", timeout=60)
        taken = time.perf_counter() - started
        assert answer.status_code == 200, f"{path}: {answer.status_code} {answer.text[:500]}"
        return taken


def measure(server: Server, path: str) -> tuple[float, float]:
    """Return the median and the longest time of a path, in milliseconds, once it is warm."""
    server.seconds(path)
    times = sorted(1000 * server.seconds(path) for _ in range(ROUNDS))
    return statistics.median(times), times[-1]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--postgres", action="store_true", help="the ledger is in PostgreSQL")
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        path = [*plugin_path(folder / "plugin"), os.environ.get("PYTHONPATH", "")]
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, path))
        quota = '{"conn_type": "wolkvox", "host": "0001", "login": "operation", "password": "token"}'
        variables = {f"AIRFLOW_CONN_WOLKVOX_{number}": quota for number in range(QUOTAS)}
        url: Any = sa.URL.create("sqlite", database=str(folder / "ledger.db"))
        variables["AIRFLOW__VENDOR_APIS__LEDGER_PATH"] = str(folder / "ledger.db")
        if options.postgres:
            url = stack.enter_context(postgres()).url
            address = url.set(drivername="postgres").render_as_string(hide_password=False)
            variables["AIRFLOW_CONN_LEDGER"] = address
            variables["AIRFLOW__VENDOR_APIS__LEDGER_CONN_ID"] = "ledger"
        database = Database(url, shared=options.postgres)
        database.prepare()
        started = time.monotonic()
        fill_ledger(database)
        database.close()
        server = stack.enter_context(Server("", (), variables))
        fill_deliveries(server.home / "airflow.db")
        print(f"Rows made in {time.monotonic() - started:.0f} s\n")
        base, _ = measure(server, "api/v2/dags")
        print(f"{'':34}{'median ms':>10}{'longest':>10}{'x dags':>8}")
        print(f"{'GET /api/v2/dags':34}{base:10.0f}")
        slow = 0
        for part in PARTS:
            median, longest = measure(server, f"vendor-apis/{part}")
            slow += median > LIMIT_MS
            print(f"{'/' + part:34}{median:10.0f}{longest:10.0f}{median / base:8.1f}")
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main())
