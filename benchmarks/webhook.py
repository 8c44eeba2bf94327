"""How many webhooks a second are stored and told, how long a sender waits, and what the UI feels of it.

``python benchmarks/webhook.py`` starts a real Airflow on SQLite and on PostgreSQL and sends to our receiver,
mounted in the API server and as a process of its own, to ``airflow-provider-inbound-webhooks``, which comes
from PyPI into ``build/inbound-webhooks``, and to Airflow's own ``POST /api/v2/assets/events``. Then strangers
knock, and at last bursts come while a scheduler runs: nothing may be lost, and every event must reach a run.
``--events 100000`` makes that last part long. ``--quick`` sends little; with ``--check`` it ends with 1 if a
target is missed.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import webhook_bursts
from webhook_airflow import Airflow, basic, install_peer, looking, order_of, send

from tests.support.postgres import MISSING, postgres

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SENDERS, STRANGERS = 16, 32
COUNT, QUICK_COUNT = 300, 150
SECONDS = 5.0
"""How long strangers knock."""
IDLE_SECONDS = 4.0

NAMES = {
    "mounted": "ours, in the API server",
    "process": "ours, own process",
    "peer": "inbound-webhooks, in the API server",
    "rest": "POST /api/v2/assets/events",
}
REFUSERS = ("process", "mounted", "peer")
"""Who has secrets to refuse strangers by."""
MOUNTED, PROCESS = 1.3, 2.0
"""How many times as many deliveries a second as the other provider, on PostgreSQL."""
UI = 2.0
"""How many times as long as with nothing to do the UI's interface takes at most, beside our own process."""
REFUSED = 5000
"""How many strangers a second are refused at least by our own process."""


@dataclass(frozen=True)
class Sample:
    """What one round measured of one contestant.

    :param rate: answers a second that mean success
    :param wait: seconds within which 99 of 100 requests were answered
    :param look: seconds that the UI's interface took meanwhile, the median
    :param idle: what it took in the same round with nothing to do
    :param cpu: seconds of CPU time of the server for each success
    :param failed: share of requests that were not answered with success
    """

    rate: float
    wait: float
    look: float
    idle: float
    cpu: float
    failed: float


class Round:
    """Sends to one contestant after the other.

    :param airflow: on one of the databases
    :param is_sqlite: whether that is SQLite
    """

    def __init__(self, airflow: Airflow, is_sqlite: bool) -> None:
        self._airflow = airflow
        # Sixteen at once get "database is locked" after half a minute of holding up all of the API server.
        self._rest_senders = 1 if is_sqlite else SENDERS
        self._next = 1
        self._servers = {"mounted": airflow.server, "rest": airflow.server}
        self._servers["process"] = airflow.receiver()
        self._servers["peer"] = airflow.peer()

    def warm_up(self) -> None:
        """Let everybody import and connect first."""
        for name in NAMES:
            self.measure(name, 40, 1.0)

    def idle(self) -> float:
        """Return how long the UI's interface takes with nothing to do."""
        with looking(self._airflow, self._airflow.server) as looks:
            time.sleep(IDLE_SECONDS)
        return statistics.median(looks)

    def measure(self, name: str, count: int, idle: float) -> Sample:
        """Send this many deliveries to a contestant.

        :param name: the contestant
        :param count: of deliveries
        :param idle: what the UI's interface took in this round with nothing to do
        """
        server = self._servers[name]
        kind = "ours" if name in ("mounted", "process") else name
        order = order_of(
            kind,
            self._airflow,
            server,
            senders=self._rest_senders if name == "rest" else SENDERS,
            first=self._take(count),
            count=count,
        )
        # An own process is beside the API server that has the UI.
        beside = self._airflow.server if name == "process" else server
        cpu = server.cpu()
        with looking(self._airflow, beside) as looks:
            tally = send(order)
        cpu = server.cpu() - cpu
        requests = sum(tally.statuses.values())
        if not tally.good:
            raise SystemExit(f"{NAMES[name]}: nothing but {tally.statuses}")
        return Sample(
            tally.rate,
            tally.wait(0.99),
            statistics.median(looks),
            idle,
            cpu / tally.good,
            1 - tally.good / requests,
        )

    def refuse(self, name: str) -> tuple[float, float, float]:
        """Let strangers knock.

        :return: how many a second are refused, the UI's median meanwhile, and the CPU seconds of each
        """
        server = self._servers[name]
        kind = "ours" if name in ("mounted", "process") else name
        order = order_of(kind, self._airflow, server, senders=STRANGERS, seconds=SECONDS)
        order.headers = {"X-Token": "wrong"} if name == "peer" else {"Authorization": basic("wrong")}
        beside = self._airflow.server if name == "process" else server
        cpu = server.cpu()
        with looking(self._airflow, beside) as looks:
            tally = send(order)
        cpu = server.cpu() - cpu
        if set(tally.statuses) != {"401"}:
            raise SystemExit(f"{NAMES[name]}: strangers were answered {tally.statuses}")
        number = tally.statuses["401"]
        return number / tally.seconds, statistics.median(looks), cpu / number

    def _take(self, count: int) -> int:
        first, self._next = self._next, self._next + count
        return first


@contextmanager
def airflow_on(database: str, **options: Any) -> Iterator[Airflow]:
    """Start an Airflow on a kind of database."""
    if database == "SQLite":
        with Airflow(**options) as airflow:
            yield airflow
        return
    with postgres() as server:
        server.execute("CREATE DATABASE airflow")
        url = server.url.set(database="airflow").render_as_string(hide_password=False)
        with Airflow(url, **options) as airflow:
            yield airflow


def speed(database: str, count: int, rounds: int, missed: list[str]) -> None:
    """Measure on one database, and print the tables."""
    say(f"{database}: Airflow starts")
    with airflow_on(database) as airflow:
        of = Round(airflow, database == "SQLite")
        say(f"{database}: warming up")
        of.warm_up()
        samples: dict[str, list[Sample]] = {name: [] for name in NAMES}
        refused: dict[str, list[tuple[float, float, float]]] = {name: [] for name in REFUSERS}
        for number in range(1, rounds + 1):
            say(f"{database}, round {number}: the UI alone")
            idle = of.idle()
            for name, found in samples.items():
                say(f"{database}, round {number}: {NAMES[name]}")
                found.append(of.measure(name, count, idle))
            for name, knocks in refused.items():
                say(f"{database}, round {number}: strangers, {NAMES[name]}")
                knocks.append(of.refuse(name))
    # What disturbs a round only makes it slower.
    best = {name: max(found, key=lambda one: one.rate) for name, found in samples.items()}
    show_speed(database, count, best)
    show_rounds(samples)
    show_refused(database, {name: max(knocks) for name, knocks in refused.items()})
    judge(database, best, max(refused["process"])[0], missed)


def judge(database: str, best: dict[str, Sample], refused: float, missed: list[str]) -> None:
    """Compare what was measured with the targets."""
    own, peer = best["process"], best["peer"]
    if database == "PostgreSQL":
        for name, least in (("mounted", MOUNTED), ("process", PROCESS)):
            ratio = best[name].rate / peer.rate
            expect(ratio >= least, f"{NAMES[name]}: {ratio:.2f} of the peer, at least {least}", missed)
    slower = own.look / own.idle
    expect(slower < UI, f"{database}: the UI takes {slower:.2f} times as long beside our process", missed)
    enough = refused >= REFUSED
    expect(enough, f"{database}: {refused:,.0f} strangers a second refused, at least {REFUSED:,}", missed)


def show_speed(database: str, count: int, best: dict[str, Sample]) -> None:
    rows = [["", "a second", "of peer", "p99, ms", "UI p50, ms", "UI idle, ms", "CPU, ms", "failed"]]
    for name, one in best.items():
        rows.append(
            [
                NAMES[name],
                f"{one.rate:,.0f}",
                f"{one.rate / best['peer'].rate:.2f}",
                f"{one.wait * 1000:,.0f}",
                f"{one.look * 1000:,.0f}",
                f"{one.idle * 1000:,.0f}",
                f"{one.cpu * 1000:.1f}",
                f"{one.failed:.0%}",
            ]
        )
    show(f"{database}: {count} deliveries, {SENDERS} senders", rows)


def show_refused(database: str, refused: dict[str, tuple[float, float, float]]) -> None:
    rows = [["", "a second", "UI p50, ms", "CPU, ms"]]
    for name, (rate, look, cpu) in refused.items():
        rows.append([NAMES[name], f"{rate:,.0f}", f"{look * 1000:,.0f}", f"{cpu * 1000:.2f}"])
    show(f"{database}: strangers refused, {STRANGERS} senders", rows)


def show_rounds(samples: dict[str, list[Sample]]) -> None:
    """Print how far the rounds are apart: the other tables show the best of each contestant."""
    rows = [["", *(f"round {number}" for number in range(1, len(samples["peer"]) + 1))]]
    rows += [[NAMES[name], *(f"{one.rate:,.0f}" for one in of)] for name, of in samples.items()]
    show("Deliveries a second in each round", rows)


def bursts(database: str, events: int, missed: list[str]) -> None:
    """Send bursts while a scheduler runs, and look whether every event has reached a run."""
    say(f"{database}: Airflow with a scheduler starts")
    with airflow_on(database, scheduled=True) as airflow:
        found = webhook_bursts.run(airflow, events, say)
    rows = [["deliveries", f"{events:,}"]]
    rows += [[name, value] for name, value in found.table()]
    show(f"{database}: bursts of {webhook_bursts.BURST:,} with a scheduler", rows)
    expect(not found.lost, f"{database}: {found.lost} deliveries lost", missed)
    expect(not found.stranded, f"{database}: {found.stranded} events in no run", missed)


def expect(fulfilled: bool, what: str, missed: list[str]) -> None:
    if not fulfilled:
        missed.append(what)


def say(text: str) -> None:
    print(f"{text:75}", end="\r", file=sys.stderr, flush=True)


def show(title: str, rows: list[list[str]]) -> None:
    say("")
    widths = [max(len(line[column]) for line in rows) for column in range(len(rows[0]))]
    print(title)
    for line in rows:
        cells = [line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])]
        print("  " + "  ".join(cells).rstrip())
    print(flush=True)


PARTS: dict[str, Callable[..., None]] = {"speed": speed, "bursts": bursts}


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--events", type=int, default=5000, help="deliveries that come in bursts")
    parser.add_argument("--database", choices=["SQLite", "PostgreSQL"], help="only one of them")
    parser.add_argument("--part", choices=list(PARTS), help="only one of them")
    parser.add_argument("--quick", action="store_true", help="one round of 150 deliveries, 1,000 in bursts")
    parser.add_argument("--check", action="store_true", help="end with 1 if a target is missed")
    arguments = parser.parse_args()
    databases = [arguments.database] if arguments.database else ["SQLite", "PostgreSQL"]
    if "PostgreSQL" in databases and MISSING:
        parser.error(f"{MISSING}: use --database SQLite")
    count, rounds, events = COUNT, arguments.rounds, arguments.events
    if arguments.quick:
        count, rounds, events = QUICK_COUNT, 1, 1000
    print(
        f"{os.cpu_count()} cores, Python {platform.python_version()}; of each the best of {rounds} rounds\n"
    )
    install_peer()
    missed: list[str] = []
    for database in databases:
        if arguments.part in (None, "speed"):
            speed(database, count, rounds, missed)
        if arguments.part in (None, "bursts"):
            bursts(database, events, missed)
    for what in missed:
        print(f"MISSED: {what}")
    if not missed:
        print("Every target is reached.")
    return 1 if missed and arguments.check else 0


if __name__ == "__main__":
    sys.exit(main())
