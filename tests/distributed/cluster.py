"""An Airflow on several machines: PostgreSQL, a broker, and Celery workers with a host name each."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import psutil

from tests.distributed.broker import Broker
from tests.distributed.network import Network
from tests.support.postgres import Postgres, postgres
from tests.support.scheduler import Scheduler, T, _session

PROCESSES = 8
"""Tasks that a worker runs at once."""

PATIENCE = 300.0
"""Seconds after which something is waited for in vain."""

LOST_AFTER = 20
"""Seconds without a heartbeat after which a task is lost."""

SETTINGS = {
    "AIRFLOW__CELERY__WORKER_CONCURRENCY": str(PROCESSES),
    "AIRFLOW__CELERY__WORKER_PREFETCH_MULTIPLIER": "1",
    "AIRFLOW__CELERY__SYNC_PARALLELISM": "1",
    "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor",
    "AIRFLOW__CORE__PARALLELISM": "64",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_SEC": "2",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": str(LOST_AFTER),
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "2",
    "AIRFLOW__TRIGGERER__JOB_HEARTBEAT_SEC": "1",
    "AIRFLOW__TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD": "5",
    "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "2",
}
"""As in production, but for the times after which something is given up."""


class Cluster(Scheduler):
    """
    The processes of an Airflow whose tasks run on Celery workers, each on a machine of its own where that is possible.

    :param dags: the text of a Dag file
    :param dag_ids: the Dags in it
    :param variables: environment variables for all of its processes
    :param network: the machines
    :param broker: Celery's broker
    :param metadata: Airflow's database
    :param ledger: the ledger's database, a server of its own
    """

    def __init__(
        self,
        dags: str,
        dag_ids: tuple[str, ...],
        variables: Mapping[str, str],
        *,
        network: Network,
        broker: Broker,
        metadata: Postgres,
        ledger: Postgres,
    ) -> None:
        self.network = network
        self.broker = broker
        self.metadata = metadata
        self.ledger = ledger
        where = f"/{metadata.connection['schema']}?host={metadata.connection['host']}"
        login = metadata.connection["login"]
        shared = {
            **SETTINGS,
            **ledger.environment,
            "AIRFLOW__CELERY__BROKER_URL": broker.url,
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"postgresql+psycopg2://{login}@{where}",
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC": f"postgresql+asyncpg://{login}@{where}",
        }
        super().__init__(dags, dag_ids, {**shared, **variables}, network.address)
        del self._environment["AIRFLOW__VENDOR_APIS__LEDGER_PATH"]

    def wait_for(self, what: str, look: Callable[[], T], seconds: float = PATIENCE) -> T:
        """Look until there is something to be seen; there are many processes, which a busy machine runs slowly."""
        return super().wait_for(what, look, seconds)

    def start_worker(self, name: str, queues: str, **variables: str) -> None:
        """
        Start a worker; :meth:`wait_for_workers` waits for it.

        :param name: its machine's host name
        :param queues: what it consumes, with commas
        :param variables: more environment variables
        """
        home = self.home / name
        home.mkdir()
        command = [sys.executable, "-m", "airflow", "celery", "worker", "--celery-hostname", name]
        command += ["--queues", queues, "--skip-serve-logs", "--pid", str(home / "worker.pid")]
        with (self.home / f"{name}.log").open("wb") as log:
            self._processes[name] = subprocess.Popen(
                [*self.network.machine(name), *command],
                cwd=home,
                # A disk of its own; the folders of Dags, logs and data are shared.
                env={**self._environment, "AIRFLOW_HOME": str(home), **variables},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def wait_for_workers(self, *names: str) -> None:
        """Wait until workers take messages."""
        for name in names:
            self.wait_for(f"the worker {name}", partial(self._takes_messages, name))

    def _takes_messages(self, name: str) -> bool:
        return f"{name} ready." in self.log(name)

    def log(self, name: str) -> str:
        """Return what a process has printed."""
        return (self.home / f"{name}.log").read_text(encoding="utf-8", errors="replace")

    def signal(self, name: str, number: signal.Signals) -> None:
        """Send a signal to a process and to all that it has started."""
        leader = self._processes[name].pid
        for pid in psutil.pids():
            if _session(pid) == leader:
                with suppress(ProcessLookupError):
                    os.kill(pid, number)

    def kill(self, name: str) -> None:
        """Kill a process and all that it has started, and wait until nothing is left of it."""
        leader = self._processes[name].pid
        while any(_session(pid) == leader for pid in psutil.pids()):
            self.signal(name, signal.SIGKILL)
            self._processes[name].poll()
        del self._processes[name]

    def start(self, name: str) -> None:
        """Start one of Airflow's own processes again."""
        self._start(name)

    def wait_until_healthy(self) -> None:
        """Wait until each of Airflow's own processes reports."""
        self.wait_for("a healthy Airflow", self._healthy)

    def hosts(self, dag_id: str, run_id: str, task_id: str) -> list[str]:
        """Return the hosts that the instances of a task ran on."""
        return [str(host) for (host,) in self._select("hostname", dag_id, run_id, f"task_id = '{task_id}'")]

    def states(self, dag_id: str, run_id: str) -> dict[str, int]:
        """Return how many task instances of a run are in each state."""
        return dict(Counter(str(state) for (state,) in self._select("state", dag_id, run_id)))

    def tries(self, dag_id: str, run_id: str, task_id: str) -> int:
        """Return the number of a task's latest try."""
        [(number,)] = self._select("try_number", dag_id, run_id, f"task_id = '{task_id}'")
        return int(number)

    def _select(self, column: str, dag_id: str, run_id: str, more: str = "true") -> list[tuple[Any, ...]]:
        where = f"dag_id = '{dag_id}' AND run_id = '{run_id}' AND {more}"
        return self.metadata.execute(f"SELECT {column} FROM task_instance WHERE {where}")

    def message(self, queue: str) -> str | None:
        """Take a message that no worker consumes, and return the workload in it."""
        with self.broker.client() as client:
            found = client.lpop(queue)
        if found is None:
            return None
        [[workload], *_] = json.loads(base64.b64decode(json.loads(found)["body"]))
        return str(workload)

    def run_workload(self, module: str, workload: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """
        Run a task where another executor would: in a process that is neither Celery's nor the scheduler's.

        :param module: the program
        :param workload: what it is given
        :param variables: environment variables for it; an empty one is removed
        """
        environment = {**self._environment, **variables}
        with tempfile.TemporaryDirectory(dir=self.home) as home:
            done = subprocess.run(
                [*self.network.machine("elsewhere"), sys.executable, "-m", module, "--json-string", workload],
                cwd=home,
                env={name: value for name, value in environment.items() if value} | {"AIRFLOW_HOME": home},
                capture_output=True,
                text=True,
                timeout=120,
                check=False,
            )
            (self.home / f"{Path(home).name}.log").write_text(done.stdout + done.stderr, encoding="utf-8")
        return done


@contextmanager
def cluster(
    dags: str, dag_ids: tuple[str, ...], variables: Mapping[str, str], network: Network
) -> Iterator[Cluster]:
    """
    Start an Airflow without workers; at the end nothing is left of it.

    :param dags: the text of a Dag file
    :param dag_ids: the Dags in it
    :param variables: environment variables, such as connections
    :param network: the machines
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="broker-")))
        yield stack.enter_context(
            Cluster(
                dags,
                dag_ids,
                variables,
                network=network,
                broker=stack.enter_context(Broker(folder / "data", network.address)),
                metadata=stack.enter_context(postgres()),
                ledger=stack.enter_context(postgres()),
            )
        )
