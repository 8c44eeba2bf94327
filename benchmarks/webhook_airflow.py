"""A real Airflow for the benchmark of webhooks, and the processes that receive them."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
from requests import RequestException, Session
from webhook_senders import Order, Tally

from tests.support.plugin import plugin_path
from tests.support.ports import free_port
from tests.support.scheduler import Scheduler

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent

PEER = "airflow-provider-inbound-webhooks==0.2.0"
PEER_FOLDER = ROOT / "build" / "inbound-webhooks"

CONN_ID, SECRET = "bench", "benchmark-secret"
OURS, PEERS, RESTS = "mobadoo/bench/lol/match", "bench/Match", "rest"
"""The asset of each contestant, and the Dag that waits for it."""

DAGS = f"""
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, Asset

for number, name in enumerate({[OURS, PEERS, RESTS]}):
    with DAG(f"reader_{{number}}", schedule=[Asset(name)], catchup=False) as dag:
        EmptyOperator(task_id="read")
    globals()[dag.dag_id] = dag
"""
READERS = ["reader_0", "reader_1", "reader_2"]

CONNECTIONS = {
    "AIRFLOW_CONN_BENCH": json.dumps(
        {"conn_type": "mobadoo", "password": "benchmark-token", "extra": {"webhook_secret": SECRET}}
    ),
    "AIRFLOW_CONN_WEBHOOK_BENCH": json.dumps(
        {
            "conn_type": "inbound_webhook",
            "password": SECRET,
            "extra": {"source_type": "token_header", "token_header": "X-Token", "event_field": "entity"},
        }
    ),
}

BETWEEN_LOOKS = 0.05
"""Seconds from one answer of the UI's interface to the next question."""


def install_peer() -> None:
    """Install the other provider into a folder of its own; it needs nothing but Airflow."""
    if not any(PEER_FOLDER.glob("*.dist-info")):
        print(f"Installing {PEER} into {PEER_FOLDER.relative_to(ROOT)}", file=sys.stderr)
        command = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(PEER_FOLDER)]
        subprocess.run([*command, PEER], check=True, stderr=subprocess.DEVNULL)


@dataclass
class Server:
    """A process that receives webhooks.

    :param port: where it listens
    :param process: the process
    """

    port: int
    process: psutil.Process

    def cpu(self) -> float:
        """Return the seconds of CPU time that it has taken."""
        family = [self.process, *self.process.children(recursive=True)]
        return sum(sum(one.cpu_times()[:2]) for one in family)


class Airflow(Scheduler):
    """Airflow without a scheduler; its API server has the receiver mounted.

    :param database: URL of an empty database; SQLite in a folder of its own where there is none
    :param scheduled: whether there is a scheduler
    """

    def __init__(self, database: str | None = None, *, scheduled: bool = False) -> None:
        self.components = ("api-server", "dag-processor", *(["scheduler"] if scheduled else []))
        variables = {
            **CONNECTIONS,
            "AIRFLOW__VENDOR_APIS__WEBHOOK_CONNECTIONS": CONN_ID,
            "AIRFLOW__VENDOR_APIS__RECEIVER": "process" if scheduled else "api-server",
            "AIRFLOW__INBOUND_WEBHOOKS__WEBHOOK_NAMES": CONN_ID,
        }
        if database:
            variables["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] = database
            variables["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC"] = database
        super().__init__(DAGS, READERS, variables)
        path = [*plugin_path(self.home / "plugin"), self._environment["PYTHONPATH"]]
        self._environment["PYTHONPATH"] = os.pathsep.join(path)
        self.database = self._environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"]

    def __enter__(self) -> Airflow:
        super().__enter__()
        # It would take time from everybody.
        self.stop("dag-processor")
        return self

    def stop(self, name: str) -> None:
        """End one of its processes."""
        process = self._processes.pop(name)
        process.terminate()
        process.wait()

    @property
    def server(self) -> Server:
        """Its API server."""
        return Server(int(self._url.rpartition(":")[2]), psutil.Process(self._processes["api-server"].pid))

    @property
    def token(self) -> str:
        """What its REST API wants to see."""
        return str(self._http.headers["Authorization"])

    def asset_id(self, name: str) -> int:
        """Return the id of an asset."""
        found = self._api("GET", "assets")["assets"]
        return next(int(one["id"]) for one in found if one["name"] == name)

    def receiver(self, workers: int = 1) -> Server:
        """Start our receiver as a process of its own, or as several."""
        port = free_port()
        command = ["vendor-apis", "receive", "--port", str(port), "--workers", str(workers)]
        return self._serve(command, port, "vendor-apis/health", {"AIRFLOW__VENDOR_APIS__RECEIVER": "process"})

    def peer(self) -> Server:
        """Start another API server, with the other provider in it and without ours."""
        port = free_port()
        variables = {
            "PYTHONPATH": os.pathsep.join([str(PEER_FOLDER), self._environment["PYTHONPATH"]]),
            "AIRFLOW__VENDOR_APIS__RECEIVER": "off",
            "AIRFLOW__API__PORT": str(port),
        }
        environment = {**self._environment, **variables}
        migrate = [sys.executable, "-m", "airflow", "db", "migrate"]
        subprocess.run(migrate, env=environment, check=True, capture_output=True)
        return self._serve(["api-server"], port, "webhooks/_health", variables)

    def _serve(self, command: list[str], port: int, health: str, variables: Mapping[str, str]) -> Server:
        name = command[-1] if len(command) == 1 else "receive"
        with (self.home / f"{name}-{port}.log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "airflow", *command],
                cwd=self.home,
                env={**self._environment, **variables},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._processes[f"{name}-{port}"] = process

        def answers() -> bool:
            try:
                return bool(self._http.get(f"http://127.0.0.1:{port}/{health}", timeout=10).ok)
            except RequestException:
                return False

        with self.explained():
            self.wait_for(f"{name} to answer", answers)
        return Server(port, psutil.Process(process.pid))


def order_of(contestant: str, airflow: Airflow, server: Server, **options: Any) -> Order:
    """Return what is sent to a contestant.

    :param contestant: ``ours``, ``peer`` or ``rest``
    :param airflow: where the Dags are
    :param server: what receives it
    :param options: fields of :class:`Order`
    """
    path, headers = f"/vendor-apis/webhooks/{CONN_ID}", {"Authorization": basic(SECRET)}
    if contestant == "peer":
        path, headers = f"/webhooks/{CONN_ID}", {"X-Token": SECRET}
    if contestant == "rest":
        path, headers = "/api/v2/assets/events", {"Authorization": airflow.token}
        options["asset"] = airflow.asset_id(RESTS)
    return Order(port=server.port, path=path, headers=headers, **options)


def basic(secret: str) -> str:
    """Return the header of a Basic password."""
    return f"Basic {base64.b64encode(f'any:{secret}'.encode()).decode()}"


def send(order: Order) -> Tally:
    """Send, in another process, and wait for the end."""
    done = subprocess.run(
        [sys.executable, str(HERE / "webhook_senders.py")],
        input=json.dumps(asdict(order)),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return Tally(**json.loads(done.stdout))


class Looks(list[float]):
    """How long the interface behind the list of Dags took to answer, in seconds."""

    def take(self, http: Session, port: int) -> None:
        """Ask once."""
        began = time.monotonic()
        http.get(f"http://127.0.0.1:{port}/api/v2/dags", timeout=300).raise_for_status()
        self.append(time.monotonic() - began)


@contextmanager
def looking(airflow: Airflow, server: Server) -> Iterator[Looks]:
    """Look at the list of Dags again and again meanwhile, as somebody does in the UI."""
    looks, over = Looks(), threading.Event()

    def look() -> None:
        with Session() as http:
            http.trust_env = False
            http.headers["Authorization"] = airflow.token
            while not over.is_set():
                looks.take(http, server.port)
                time.sleep(BETWEEN_LOOKS)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield looks
    finally:
        over.set()
        thread.join()
