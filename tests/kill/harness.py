"""Kill batches with SIGKILL, run them again as Airflow's retry does, and count what reached the vendor.

``python -m tests.kill.harness --kills 1000`` prints the counts and ends with status 1 if a message was sent or a
document created twice, a record was lost, or a batch broke. ``--vendor`` says whom they are sent to, ``--postgres``
keeps the ledger in PostgreSQL, ``--workers 2`` lets two workers run the same file at once, ``--faults`` breaks
connections on the way, ``--outage`` takes the ledger's database away in the middle of each file (PostgreSQL is stopped,
an SQLite file is held), and ``--parameters '{"reconcile": true}'`` gives the operators more parameters.

The vendor is the sandbox, in a process that nobody kills: what it received is the truth that everything is compared
with. A round is a fresh file with some keys twice, see ``tests.kill.files``, killed and run again until it is through
or has been killed often enough. The moments are drawn from the seed: after so many requests that the vendor received,
or after a part of the time that a batch takes.
"""

from __future__ import annotations

import argparse
import json
import random
import sqlite3
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from tests.kill.counts import Counts
from tests.kill.files import FILES, RECORDS, File
from tests.kill.tasks import Task, Workers
from tests.support.postgres import Postgres, postgres
from tests.support.sandbox import SandboxProcess

LATENCY = 0.01
"""Seconds that the vendor takes, so that requests are under way whenever the kill comes."""

KILLS_A_ROUND = 12

CONCURRENCY = 8

OUTAGE = 0.5
"""Seconds for which the ledger's database is away."""

PATIENCE = 60.0
"""Seconds after which a batch hangs; it takes less than one."""


class Harness:
    """
    Kill batches until enough have been killed.

    :param vendor: whom the files are for, one of those in ``tests.kill.files``
    :param seed: what the moments, the faults and the order of the records are drawn from
    :param workers: how many run the same file at once
    :param faults: whether connections break on the way
    :param outage: whether the ledger's database is away for a while in the middle of each file
    :param database: the PostgreSQL for the ledger; without it, it is an SQLite file
    :param parameters: more parameters for the operators
    """

    def __init__(
        self,
        *,
        vendor: str = "imbee",
        seed: int = 1,
        workers: int = 1,
        faults: bool = False,
        outage: bool = False,
        database: Postgres | None = None,
        parameters: dict[str, Any] | None = None,
    ) -> None:
        self.counts = Counts()
        self._random = random.Random(seed)
        self._abreast = workers
        self._faults = faults
        self._outage = outage
        self._database = database
        self._parameters = parameters or {}
        self._stack = ExitStack()
        self._kinds = FILES[vendor]
        self._duration = PATIENCE

    def __enter__(self) -> Harness:
        with ExitStack() as stack:
            self.folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kill-")))
            self.sandbox = stack.enter_context(SandboxProcess("--latency", str(LATENCY)))
            self.workers = Workers(self.folder / "home")
            stack.callback(self.workers.close)
            self.ledger = self.folder / "ledger.db"
            self._environment = {**self.sandbox.connections}
            if self._database is not None:
                self._environment |= self._database.environment
            else:
                self._environment["AIRFLOW__VENDOR_APIS__LEDGER_PATH"] = str(self.ledger)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *exc: object) -> None:
        self._stack.close()

    def run(self, kills: int) -> Counts:
        """Kill so many batches."""
        started = time.monotonic()
        # The first are not killed: they say how long a batch takes. The very first makes the tables, too.
        for _ in range(max(2, len(self._kinds))):
            self._round(0)
        while self.counts.kills < kills and len(self.counts.wrong) < 5:
            self._round(min(KILLS_A_ROUND, kills - self.counts.kills))
        self.counts.seconds = time.monotonic() - started
        return self.counts

    def _round(self, kills: int) -> None:
        self.counts.rounds += 1
        self.sandbox.reset()
        turn, number = divmod(self.counts.rounds - 1, len(self._kinds))
        file = self._kinds[number](f"r{self.counts.rounds}")
        file.prepare(self.sandbox)
        if self._faults:
            self._break_connections(file)
        folder = self.folder / file.name
        folder.mkdir()
        source = file.write(folder, self._random)
        tasks = [
            self._task(folder, f"{file.name}-{number}", source, file, forever=turn % 2 == 0)
            for number in range(self._abreast)
        ]
        started = time.monotonic()
        with self._database_away():
            self._kill_until_done(tasks, kills, file)
        if not kills:
            self._duration = min(self._duration, time.monotonic() - started)
        self.counts.records += RECORDS
        file.check(self.counts, tasks, self.sandbox, self._states(file))

    def _break_connections(self, file: File) -> None:
        """Let about every eighth of the first requests break, before or after the vendor has done what it asks."""
        for method, times in file.broken.items():
            for _ in range(times):
                skip, after = self._random.randrange(8 * times), self._random.random() < 0.5
                self.sandbox.fault(vendor=file.vendor, method=method, action="reset", skip=skip, after=after)

    @contextmanager
    def _database_away(self) -> Iterator[None]:
        """Take the ledger's database away at some moment of the block, unless it is the first, which makes it."""
        if not self._outage or self.counts.rounds <= len(self._kinds):
            yield
            return
        moment = self._random.uniform(0.0, self._duration)
        thread = threading.Thread(target=self._take_away, args=(moment,))
        thread.start()
        try:
            yield
        finally:
            thread.join()

    def _take_away(self, moment: float) -> None:
        time.sleep(moment)
        if self._database is not None:
            self._database.stop()
            time.sleep(OUTAGE)
            self._database.start()
            return
        connection = sqlite3.connect(self.ledger, isolation_level=None, timeout=PATIENCE)
        try:
            connection.execute("BEGIN IMMEDIATE")
            time.sleep(OUTAGE)
        finally:
            connection.close()

    def _task(self, folder: Path, name: str, source: Path, file: File, *, forever: bool) -> Task:
        # With more than one worker in turn: shards of one mapped task, which share the scope of their run, and
        # runs of their own, which share what is remembered for ever.
        config = {
            "vendor": file.vendor,
            "operator": file.operator,
            "parameters": {
                "task_id": "batch",
                "records": str(source),
                "on_error": "continue",
                "max_concurrency": CONCURRENCY,
                **file.parameters(forever),
                **self._parameters,
            },
            "task_instance": {
                "dag_id": "harness",
                "run_id": name if forever else folder.name,
                "task_id": "batch",
            },
            "environment": self._environment,
        }
        return Task(self.workers, folder, name, config)

    def _kill_until_done(self, tasks: list[Task], kills: int, file: File) -> None:
        until = time.monotonic() + PATIENCE
        while unfinished := [task for task in tasks if not task.ended()]:
            for task in unfinished:
                if task.pid is None:
                    self._look(task, file)
                    task.start()
            victim = self._random.choice(unfinished) if kills else None
            come = self._moment(file) if victim else lambda: False
            while not come() and not all(task.ended() for task in unfinished):
                if time.monotonic() > until:
                    self.counts.wrong.append(f"{unfinished[0].log.name}: a batch hangs")
                    for task in unfinished:
                        task.kill()
                    return
                # A pause between two looks, nothing that anything depends on.
                time.sleep(0.001)
            if victim is not None and not victim.ended() and victim.kill():
                self.counts.kills += 1
                kills -= 1

    def _look(self, task: Task, file: File) -> None:
        """Note what is known before a try, where it is going to look for what earlier ones have left."""
        # Of two workers nobody can say which of them has found something.
        if self._abreast == 1 and self._parameters.get("reconcile"):
            # The very first batch makes the ledger.
            states = self._states(file) if self.counts.rounds > 1 else {}
            task.seen.append(file.seen(self.sandbox, states))

    def _moment(self, file: File) -> Callable[[], bool]:
        """Draw the moment of a kill; the function returned says whether it has come."""
        started = time.monotonic()
        if self._random.random() < 0.4:
            # Whatever it is doing then: starting, recording, sending, writing its output.
            delay = self._random.uniform(0.0, self._duration)
            return lambda: time.monotonic() - started >= delay
        before = self._received(file)
        more = self._random.randint(1, 2 * CONCURRENCY)
        pause = self._random.uniform(0.0, LATENCY)
        reached: list[float] = []

        def come() -> bool:
            now = time.monotonic()
            if not reached and self._received(file) - before >= more:
                reached.append(now)
            # What is left may be fewer requests than were drawn: then the time decides.
            return now - started >= self._duration or (bool(reached) and now - reached[0] >= pause)

        return come

    def _received(self, file: File) -> int:
        return int(self.sandbox.state()["requests"][file.vendor])

    def _states(self, file: File) -> dict[str, set[str]]:
        """Return what the ledger says of the keys of a file."""
        query = "SELECT operation, key, state FROM vendor_apis_ledger"
        if self._database is not None:
            rows = self._database.execute(query)
        else:
            connection = sqlite3.connect(self.ledger)
            try:
                rows = connection.execute(query).fetchall()
            finally:
                connection.close()
        states: dict[str, set[str]] = {}
        for operation, key, state in rows:
            if not operation.startswith(f"{file.vendor}."):
                # Of another file: the keys of each vendor have parts of their own.
                continue
            own = file.own_key(json.loads(key))
            if own.startswith(f"{file.name}-"):
                states.setdefault(own, set()).add(state)
        return states


def run(kills: int, *, in_postgres: bool = False, **options: Any) -> Counts:
    """Kill so many batches and return what was found; see :class:`Harness` for the options."""
    with ExitStack() as stack:
        database = stack.enter_context(postgres()) if in_postgres else None
        return stack.enter_context(Harness(database=database, **options)).run(kills)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.kill.harness", description=__doc__.split("\n")[0])
    parser.add_argument("--vendor", choices=sorted(FILES), default="imbee", help="whom it is sent to")
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=1, help="how many run the same file at once")
    parser.add_argument("--faults", action="store_true", help="let connections break")
    parser.add_argument("--outage", action="store_true", help="take the ledger's database away for a while")
    parser.add_argument("--postgres", action="store_true", help="keep the ledger in PostgreSQL")
    parser.add_argument("--parameters", type=json.loads, default={}, help="of the operators, as JSON")
    options = parser.parse_args()
    counts = run(
        options.kills,
        vendor=options.vendor,
        parameters=options.parameters,
        seed=options.seed,
        workers=options.workers,
        faults=options.faults,
        outage=options.outage,
        in_postgres=options.postgres,
    )
    print(counts)
    return 0 if counts.good else 1


if __name__ == "__main__":
    sys.exit(main())
