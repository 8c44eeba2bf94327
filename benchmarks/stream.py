"""What becomes of the messages of a WebSocket when the triggerer is killed, and what its event loop feels.

``python benchmarks/stream.py`` starts a real Airflow with two triggerers, two watchers of one socket, and a
server that sends 20, 100 and 500 messages a second. In the middle the triggerer that listens is killed, and
the other one takes over. Nothing that was received may be lost, and what was not received has to be in a gap
that was told. ``--quick`` sends for a shorter time; with ``--check`` it ends with 1 if a target is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import sqlalchemy as sa

from tests.support.plugin import plugin_path
from tests.support.postgres import MISSING, postgres
from tests.support.scheduler import Scheduler

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).resolve().parent
RATES = (20, 100, 500)
SECONDS, QUICK_SECONDS = 15.0, 4.0
"""How long messages come before the kill, and again after the other triggerer listens."""
THRESHOLD, QUICK_THRESHOLD = 30, 10
"""Seconds after which Airflow takes a triggerer for dead; 30 is its default."""
DRAIN = 900.0
"""Seconds that it may take to tell all that waits."""
LONGEST_BLOCK = 0.05
"""Seconds of the processor that the event loop may be held up at a time, but for garbage collections."""

ALL, HALF, DESYNC, PULSE = "bench/all", "bench/half", "mobadoo/bench/_desync", "bench/pulse"
DAGS = """
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, Asset, AssetWatcher
from airflow_provider.mobadoo.triggers import MobadooEventTrigger
from stream_pulse import PulseTrigger

triggers = {{
    "{ALL}": MobadooEventTrigger("bench"),
    "{HALF}": MobadooEventTrigger("bench", where={{"videogame": "lol"}}),
    "{PULSE}": PulseTrigger("{folder}"),
}}
for number, (name, trigger) in enumerate(triggers.items()):
    asset = Asset(name, watchers=[AssetWatcher(name=f"watcher_{{number}}", trigger=trigger)])
    with DAG(f"reader_{{number}}", schedule=asset, catchup=False) as dag:
        EmptyOperator(task_id="read")
    globals()[dag.dag_id] = dag
with DAG("resync", schedule=Asset("{DESYNC}"), catchup=False):
    EmptyOperator(task_id="read")
"""


class Socket:
    """The server, in a process of its own."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(HERE / "stream_server.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.port = int(self._read())

    def ask(self, command: str) -> Any:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{command}\n")
        self._process.stdin.flush()
        return json.loads(self._read())

    def _read(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline()

    def close(self) -> None:
        self._process.kill()
        self._process.wait()


class Airflow(Scheduler):
    """Airflow without a scheduler, whose triggerers can be killed.

    :param socket: what the watchers listen to
    :param threshold: seconds after which a triggerer counts as dead
    :param database: URL of an empty database; SQLite where there is none
    """

    components = ("api-server", "dag-processor")

    def __init__(self, socket: Socket, threshold: int, database: str | None) -> None:
        extra = {"ws_url": f"ws://127.0.0.1:{socket.port}/"}
        variables = {
            "AIRFLOW_CONN_BENCH": json.dumps(
                {"conn_type": "mobadoo", "password": "benchmark-token", "extra": extra}
            ),
            "AIRFLOW__TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD": str(threshold),
            "AIRFLOW__TRIGGERER__JOB_HEARTBEAT_SEC": str(threshold / 6),
        }
        if database:
            variables["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] = database
            variables["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC"] = database
        super().__init__("", ["reader_0", "reader_1", "reader_2", "resync"], variables)
        self.pulses = self.home / "pulses"
        self.pulses.mkdir()
        names = {"ALL": ALL, "HALF": HALF, "PULSE": PULSE, "DESYNC": DESYNC}
        (self.home / "dags" / "dags.py").write_text(DAGS.format(folder=self.pulses, **names))
        path = [*plugin_path(self.home / "plugin"), str(HERE), self._environment["PYTHONPATH"]]
        self._environment["PYTHONPATH"] = os.pathsep.join(path)
        self._engine = sa.create_engine(self._environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"])

    def start_triggerer(self, name: str) -> None:
        with (self.home / f"{name}.log").open("wb") as log:
            self._processes[name] = subprocess.Popen(
                [sys.executable, "-m", "airflow", "triggerer", "--skip-serve-logs"],
                cwd=self.home,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def kill(self, name: str) -> None:
        process = self._processes.pop(name)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def is_running(self, name: str) -> bool:
        return "Starting the triggerer" in (self.home / f"{name}.log").read_text(errors="replace")

    def told(self, name: str) -> list[dict[str, Any]]:
        """Return the extras of an asset's events."""
        query = sa.text(
            "SELECT e.extra FROM asset_event e JOIN asset a ON a.id = e.asset_id WHERE a.name = :name"
        )
        with self._engine.connect() as connection:
            extras = connection.scalars(query, {"name": name}).all()
        return [json.loads(extra) if isinstance(extra, str) else extra for extra in extras]

    def spool(self, query: str) -> int:
        with closing(sqlite3.connect(self.home / "vendor_apis.db", timeout=60)) as connection:
            return int((connection.execute(query).fetchone() or [0])[0])

    def waiting(self) -> int:
        return self.spool(
            "SELECT (SELECT count(*) FROM vendor_apis_spool) + (SELECT count(*) FROM vendor_apis_notice)"
        )

    def stored(self) -> int:
        """Return how many messages and gaps were ever written to the spool."""
        return self.spool("SELECT seq FROM sqlite_sequence WHERE name = 'vendor_apis_spool'")

    def seconds(self, since: float) -> list[dict[str, float]]:
        """Return what the pulse has seen in each second."""
        lines = [line for path in self.pulses.glob("*.jsonl") for line in path.read_text().splitlines()]
        return [found for found in map(json.loads, lines) if found["at"] > since]


@dataclass
class Found:
    """What has become of the messages of one rate."""

    rate: int
    sent: int = 0
    unheard: int = 0
    received: int = 0
    told: int = 0
    doubled: int = 0
    lost: int = 0
    gaps: int = 0
    untold: int = 0
    desync: int = 0
    takeover: float = 0.0
    drained: float = 0.0
    per_second: float = 0.0
    blocks: list[float] = field(default_factory=list)
    cpu: float = 0.0
    collected: float = 0.0
    memory: int = 0

    def count(self, airflow: Airflow, sent: list[tuple[float, bool]]) -> None:
        """Hold what the assets were told against what was sent."""
        events = [event["payload"] for event in airflow.told(ALL)]
        half = [event["payload"] for event in airflow.told(HALF)]
        numbers = Counter(one["payload"]["result"]["number"] for one in events if one["payload"])
        halves = Counter(one["payload"]["result"]["number"] for one in half if one["payload"])
        gaps = {one["delivery"]: one["gap"] for one in events if one["gap"]}
        times = [(_time(gap["since"]), _time(gap["until"])) for gap in gaps.values()]
        self.sent = len(sent)
        self.unheard = sum(not is_open for _, is_open in sent)
        self.received = airflow.stored() - len(gaps)
        self.told = len(numbers)
        self.doubled = sum(numbers.values()) - len(numbers) + sum(halves.values()) - len(halves)
        # What one of the watchers was not told although it was received is lost, too.
        missing = sum(1 for number in numbers if number % 2 and number not in halves)
        self.lost = max(0, self.received - len(numbers)) + missing
        self.gaps = len(gaps)
        self.untold = sum(
            number not in numbers and not any(since <= at <= until for since, until in times)
            for number, (at, _) in enumerate(sent)
        )
        self.desync = len(airflow.told(DESYNC))


def _time(text: str | None) -> float:
    return datetime.fromisoformat(text).timestamp() if text else 0.0


def run(rate: int, seconds: float, threshold: int, database: str | None) -> Found:
    """Send at one rate, kill the triggerer in the middle, and see what has become of the messages."""
    found, socket = Found(rate), Socket()
    try:
        with Airflow(socket, threshold, database) as airflow:
            airflow.kill("dag-processor")
            say(f"{rate} a second: the first triggerer starts")
            airflow.start_triggerer("triggerer-1")
            airflow.wait_for("the socket", lambda: socket.ask("open"))
            say(f"{rate} a second: the second triggerer starts")
            airflow.start_triggerer("triggerer-2")
            airflow.wait_for("the second triggerer", lambda: airflow.is_running("triggerer-2"))
            # Imports at the start hold up a loop, and are not what is measured.
            time.sleep(5)
            measured = time.time()
            say(f"{rate} a second: messages come")
            socket.ask(f"rate {rate}")
            time.sleep(seconds)
            airflow.kill("triggerer-1")
            killed = time.time()
            say(f"{rate} a second: the first triggerer is killed")
            airflow.wait_for("the server to notice", lambda: not socket.ask("open"))
            airflow.wait_for("the second triggerer to listen", lambda: socket.ask("open"))
            found.takeover = time.time() - killed
            say(f"{rate} a second: the second triggerer listens")
            time.sleep(seconds)
            socket.ask("rate 0")
            stopped, told = time.time(), len(airflow.told(ALL)) + len(airflow.told(HALF))
            say(f"{rate} a second: what waits is told")
            airflow.wait_for("an empty spool", lambda: not airflow.waiting(), DRAIN)
            found.drained = time.time() - stopped
            # Airflow confirms about a second after it has stored an event.
            time.sleep(3)
            found.per_second = (len(airflow.told(ALL)) + len(airflow.told(HALF)) - told) / found.drained
            found.count(airflow, socket.ask("sent"))
            beats = airflow.seconds(measured)
            # Also the second triggerer has imports, when it takes over.
            late = [one for one in beats if not killed < one["at"] < killed + found.takeover + 5]
            found.blocks = sorted(one["delay"] for one in late)
            found.cpu = max(one["cpu"] for one in late)
            found.collected = max(one["collected"] for one in late)
            found.memory = int(max(one["memory"] for one in beats))
    finally:
        socket.close()
    return found


@contextmanager
def database_of(kind: str) -> Iterator[str | None]:
    if kind == "SQLite":
        yield None
        return
    with postgres() as server:
        yield server


def show(results: list[Found]) -> None:
    rows = [
        ("messages sent", lambda one: f"{one.sent:,}"),
        ("  while no socket was open", lambda one: f"{one.unheard:,}"),
        ("received", lambda one: f"{one.received:,}"),
        ("told", lambda one: f"{one.told:,}"),
        ("told more than once", lambda one: f"{one.doubled:,}"),
        ("received and lost", lambda one: f"{one.lost:,}"),
        ("gaps told to the watchers", lambda one: f"{one.gaps:,}"),
        ("gaps told to _desync", lambda one: f"{one.desync:,}"),
        ("not received and in no gap", lambda one: f"{one.untold:,}"),
        ("takeover after, seconds", lambda one: f"{one.takeover:.0f}"),
        ("all told after, seconds", lambda one: f"{one.drained:.0f}"),
        ("  events a second meanwhile", lambda one: f"{one.per_second:.0f}"),
        ("longest block of the loop, ms", lambda one: f"{one.blocks[-1] * 1000:.0f}"),
        (
            "  median of the longest of each second",
            lambda one: f"{one.blocks[len(one.blocks) // 2] * 1000:.0f}",
        ),
        ("  longest by the loop's own processor, ms", lambda one: f"{one.cpu * 1000:.0f}"),
        ("  longest garbage collection beside, ms", lambda one: f"{one.collected * 1000:.0f}"),
        ("memory of the triggers' process, MiB", lambda one: f"{one.memory / 2**20:.0f}"),
    ]
    say("")
    print(f"{'messages a second':44}" + "".join(f"{one.rate:>10,}" for one in results))
    for name, value in rows:
        print(f"{name:44}" + "".join(f"{value(one):>10}" for one in results), flush=True)


def judge(results: list[Found]) -> list[str]:
    """Return the targets that are missed."""
    missed = []
    for one in results:
        if one.lost:
            missed.append(f"{one.rate} a second: {one.lost} messages received and lost")
        if one.untold:
            missed.append(f"{one.rate} a second: {one.untold} messages neither received nor in a gap")
        if one.desync != one.gaps:
            missed.append(f"{one.rate} a second: {one.gaps} gaps, {one.desync} of them told to _desync")
        if one.cpu >= LONGEST_BLOCK:
            missed.append(f"{one.rate} a second: the loop was held up for {one.cpu * 1000:.0f} ms")
    return missed


def say(text: str) -> None:
    print(f"{text:75}", end="\r", file=sys.stderr, flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--rate", type=int, action="append", help="messages a second; may be given several times"
    )
    parser.add_argument(
        "--database", choices=["SQLite", "PostgreSQL"], default="SQLite" if MISSING else "PostgreSQL"
    )
    parser.add_argument("--quick", action="store_true", help="send for a shorter time")
    parser.add_argument("--check", action="store_true", help="end with 1 if a target is missed")
    arguments = parser.parse_args()
    seconds, threshold = (QUICK_SECONDS, QUICK_THRESHOLD) if arguments.quick else (SECONDS, THRESHOLD)
    load = os.getloadavg()[0]
    print(
        f"{os.cpu_count()} cores with a load of {load:.0f} before, Python {platform.python_version()}, "
        f"{arguments.database}\n"
    )
    results = []
    with database_of(arguments.database) as server:
        for number, rate in enumerate(arguments.rate or RATES):
            url = None
            if server is not None:
                server.execute(f"CREATE DATABASE airflow_{number}")
                url = server.url.set(database=f"airflow_{number}").render_as_string(hide_password=False)
            results.append(run(rate, seconds, threshold, url))
    show(results)
    missed = judge(results)
    for what in missed:
        print(f"MISSED: {what}")
    if not missed:
        print("Every target is reached.")
    return 1 if missed and arguments.check else 0


if __name__ == "__main__":
    sys.exit(main())
