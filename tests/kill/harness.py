"""Kill batches with SIGKILL, run them again as Airflow's retry does, and count what reached the vendor.

``python -m tests.kill.harness --kills 1000`` prints the counts and ends with status 1 if a message was sent twice, a
record was lost, or a batch broke. ``--postgres`` keeps the ledger in PostgreSQL, ``--workers 2`` lets two workers
run the same file at once, and ``--faults`` breaks connections on the way.

The vendor is the sandbox, in a process that nobody kills: what it received is the truth that everything is compared
with. A round is a fresh file with some keys twice, of access tokens (a mail each, so never repeated) or of users (may
be repeated), killed and run again until it is through or has been killed often enough. The moments are drawn from the
seed: after so many requests that the vendor received, or after a part of the time that a batch takes.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.environment import isolate
from tests.support.postgres import Postgres, postgres
from tests.support.sandbox import ROOT, SandboxProcess

RECORDS = 80
"""Different keys in a file."""

TWICE = 6
"""Keys that a file has twice."""

LATENCY = 0.01
"""Seconds that the vendor takes, so that requests are under way whenever the kill comes."""

KILLS_A_ROUND = 12

CONCURRENCY = 8

PATIENCE = 60.0
"""Seconds after which a batch hangs; it takes less than one."""


@dataclass
class Counts:
    """What a run of the harness found."""

    kills: int = 0
    rounds: int = 0
    records: int = 0
    messages: int = 0
    twice: int = 0
    lost: int = 0
    unknown: int = 0
    seconds: float = 0.0
    wrong: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        return not (self.twice or self.lost or self.wrong)

    def __str__(self) -> str:
        lines = [
            f"kills       {self.kills:8,}",
            f"files       {self.rounds:8,}",
            f"records     {self.records:8,}",
            f"messages    {self.messages:8,}",
            f"sent twice  {self.twice:8,}",
            f"lost        {self.lost:8,}",
            f"unknown     {self.unknown:8,}",
            f"seconds     {self.seconds:8,.1f}",
        ]
        return "\n".join([*lines, *(f"wrong: {line}" for line in self.wrong)])


class Workers:
    """Starts batches through ``tests.kill.worker --serve``.

    :param home: AIRFLOW_HOME of the workers, which gives them an Airflow of their own
    """

    def __init__(self, home: Path) -> None:
        environment = dict(os.environ)
        isolate(environment, home)
        path = os.pathsep.join(filter(None, [str(ROOT), environment.get("PYTHONPATH")]))
        self._running: set[int] = set()
        self._server = subprocess.Popen(
            [sys.executable, "-m", "tests.kill.worker", "--serve"],
            cwd=home,
            env={**environment, "PYTHONPATH": path},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def start(self, config: dict[str, Any]) -> int:
        """Start a batch and return its process id."""
        pid = int(self._probe({"start": config})["pid"])
        self._running.add(pid)
        return pid

    def status(self, pid: int, block: bool = False) -> int | None:
        """Return how a batch ended, negative for a signal; None while it runs."""
        status = self._probe({"wait": pid, "block": block})["status"]
        if status is not None:
            self._running.discard(pid)
        return status

    def kill(self, pid: int) -> bool:
        """Kill a batch; say whether it was still there."""
        # Its process id cannot have gone to another: nobody has waited for it yet.
        os.kill(pid, signal.SIGKILL)
        return self.status(pid, block=True) == -signal.SIGKILL

    def close(self) -> None:
        for pid in list(self._running):
            self.kill(pid)
        for pipe in (self._server.stdin, self._server.stdout):
            if pipe is not None:
                pipe.close()
        self._server.wait(timeout=10)

    def _probe(self, request: dict[str, Any]) -> dict[str, Any]:
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._server.stdin.write(json.dumps(request) + "\n")
        self._server.stdin.flush()
        answer = self._server.stdout.readline()
        assert answer, "the process that starts the workers has ended"
        return json.loads(answer)


class Task:
    """One task instance: a batch that is run until it ends.

    :param workers: what runs it
    :param folder: its folder, for what it writes
    :param name: its name, which makes its files its own
    :param config: what the worker needs
    """

    def __init__(self, workers: Workers, folder: Path, name: str, config: dict[str, Any]) -> None:
        self.workers = workers
        self.log = folder / f"{name}.log"
        self.output = folder / f"{name}.jsonl"
        self.report = folder / f"{name}.failed.jsonl"
        self._result = folder / f"{name}.result.json"
        self._config = {
            **config,
            "parameters": {**config["parameters"], "output": str(self.output)},
            "log": str(self.log),
            "result": str(self._result),
        }
        self.tries = 0
        self.pid: int | None = None
        self.status: int | None = None

    def start(self) -> None:
        """Start the next try."""
        self.tries += 1
        instance = {**self._config["task_instance"], "try_number": self.tries}
        self.pid = self.workers.start({**self._config, "task_instance": instance})

    def kill(self) -> bool:
        """Kill it; say whether it was still there."""
        assert self.pid is not None
        killed = self.workers.kill(self.pid)
        self.pid = None
        if not killed:
            self.status = 0 if self._result.exists() else 1
        return killed

    def ended(self) -> bool:
        """Say whether it has come to an end of its own."""
        if self.status is None and self.pid is not None:
            self.status = self.workers.status(self.pid)
        return self.status is not None

    @property
    def result(self) -> dict[str, Any] | None:
        """What the task returned; None if it failed."""
        return json.loads(self._result.read_text()) if self._result.exists() else None

    @property
    def last_words(self) -> str:
        """The end of its log."""
        return "".join(self.log.read_text().splitlines(keepends=True)[-4:])


class Harness:
    """
    Kill batches until enough have been killed.

    :param seed: what the moments, the faults and the order of the records are drawn from
    :param workers: how many run the same file at once
    :param faults: whether connections break on the way
    :param database: the PostgreSQL for the ledger; without it, it is an SQLite file
    :param parameters: more parameters for the operators
    """

    def __init__(
        self,
        *,
        seed: int = 1,
        workers: int = 1,
        faults: bool = False,
        database: Postgres | None = None,
        parameters: dict[str, Any] | None = None,
    ) -> None:
        self.counts = Counts()
        self._random = random.Random(seed)
        self._abreast = workers
        self._faults = faults
        self._database = database
        self._parameters = parameters or {}
        self._stack = ExitStack()
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
        # The first of each kind is not killed: they say how long a batch takes.
        self._round(0)
        self._round(0)
        while self.counts.kills < kills and len(self.counts.wrong) < 5:
            self._round(min(KILLS_A_ROUND, kills - self.counts.kills))
        self.counts.seconds = time.monotonic() - started
        return self.counts

    def _round(self, kills: int) -> None:
        self.counts.rounds += 1
        self.sandbox.reset()
        name = f"r{self.counts.rounds}"
        tokens = self.counts.rounds % 2 == 1
        if self._faults:
            for _ in range(RECORDS // 8):
                skip, after = self._random.randrange(RECORDS), self._random.random() < 0.5
                self.sandbox.fault(vendor="imbee", action="reset", skip=skip, after=after)
        rows = [tokens_row(name, number) if tokens else users_row(name, number) for number in range(RECORDS)]
        rows += self._random.sample(rows, TWICE)
        self._random.shuffle(rows)
        folder = self.folder / name
        folder.mkdir()
        source = folder / "in.jsonl"
        source.write_text("".join(json.dumps(row) + "\n" for row in rows))
        tasks = [self._task(folder, f"{name}-{number}", source, tokens) for number in range(self._abreast)]
        started = time.monotonic()
        self._kill_until_done(tasks, kills)
        if self.counts.rounds <= 2:
            self._duration = min(self._duration, time.monotonic() - started)
        self.counts.records += RECORDS
        (check_tokens if tokens else check_users)(self.counts, rows, tasks, self.sandbox, self._states(name))

    def _task(self, folder: Path, name: str, source: Path, tokens: bool) -> Task:
        # With more than one worker in turn: shards of one mapped task, which share the scope of their run, and
        # runs of their own, which share what is remembered for ever.
        forever = self.counts.rounds % 4 in (1, 2)
        config = {
            "operator": "ImbeeCreateAccessTokensOperator" if tokens else "ImbeeCreateUsersOperator",
            "parameters": {
                "task_id": "batch",
                "records": str(source),
                "on_error": "continue",
                "max_concurrency": CONCURRENCY,
                "ledger_scope": "forever" if forever else "run",
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

    def _kill_until_done(self, tasks: list[Task], kills: int) -> None:
        until = time.monotonic() + PATIENCE
        while unfinished := [task for task in tasks if not task.ended()]:
            for task in unfinished:
                if task.pid is None:
                    task.start()
            victim = self._random.choice(unfinished) if kills else None
            come = self._moment() if victim else lambda: False
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

    def _moment(self) -> Callable[[], bool]:
        """Draw the moment of a kill; the function returned says whether it has come."""
        started = time.monotonic()
        if self._random.random() < 0.4:
            # Whatever it is doing then: starting, recording, sending, writing its output.
            delay = self._random.uniform(0.0, self._duration)
            return lambda: time.monotonic() - started >= delay
        before = self._received()
        more = self._random.randint(1, 2 * CONCURRENCY)
        pause = self._random.uniform(0.0, LATENCY)
        reached: list[float] = []

        def come() -> bool:
            now = time.monotonic()
            if not reached and self._received() - before >= more:
                reached.append(now)
            # What is left may be fewer requests than were drawn: then the time decides.
            return now - started >= self._duration or (bool(reached) and now - reached[0] >= pause)

        return come

    def _received(self) -> int:
        return int(self.sandbox.state()["requests"]["imbee"])

    def _states(self, name: str) -> dict[str, set[str]]:
        """Return what the ledger says of the keys of a round: the states by the first part of the key."""
        query = "SELECT key, state FROM vendor_apis_ledger"
        if self._database is not None:
            rows = self._database.execute(query)
        else:
            import sqlite3

            connection = sqlite3.connect(self.ledger)
            try:
                rows = connection.execute(query).fetchall()
            finally:
                connection.close()
        states: dict[str, set[str]] = {}
        for key, state in rows:
            first = json.loads(key)[0]
            if first.startswith(f"{name}-"):
                states.setdefault(first, set()).add(state)
        return states


def tokens_row(name: str, number: int) -> dict[str, str]:
    return {"virtual_user": f"{name}-{number}", "bot_idsha": "bot", "mail": f"{name}-{number}@example.com"}


def users_row(name: str, number: int) -> dict[str, str]:
    return {"unique_id_sha": f"{name}-{number}"}


def check_tokens(
    counts: Counts,
    rows: list[dict[str, str]],
    tasks: list[Task],
    sandbox: SandboxProcess,
    states: dict[str, set[str]],
) -> None:
    """Compare what was reported of the tokens with the mails that went out."""
    sent = Counter(message["virtual_user"] for message in sandbox.messages())
    counts.messages += sent.total()
    counts.twice += sum(times - 1 for times in sent.values())
    unknown_anywhere = set()
    for task in tasks:
        done, unknown = _accounts(counts, rows, task, "virtual_user")
        unknown_anywhere |= unknown
        keys = {row["virtual_user"] for row in rows}
        # Neither done nor reported: this is what "lost" means.
        counts.lost += len(keys - done - unknown)
        _expect(counts, task, "done without a message", done - set(sent))
        _expect(counts, task, "done and unknown", done & unknown)
        _expect(
            counts, task, "done, but not in the ledger", {key for key in done if states.get(key) != {"done"}}
        )
        _expect(
            counts,
            task,
            "unknown, but not in the ledger",
            {k for k in unknown if states.get(k) != {"unknown"}},
        )
    _expect(counts, tasks[0], "not finished in the ledger", {key for key in states if "sent" in states[key]})
    counts.unknown += len(unknown_anywhere)


def check_users(
    counts: Counts,
    rows: list[dict[str, str]],
    tasks: list[Task],
    sandbox: SandboxProcess,
    states: dict[str, set[str]],
) -> None:
    """Make sure that every user was made, and is in the output."""
    keys = {row["unique_id_sha"] for row in rows}
    made = sandbox.state()["imbee"]["users"]
    if made != len(keys):
        counts.wrong.append(f"{tasks[0].log.name}: {made} users were made of {len(keys)}")
    for task in tasks:
        done, unknown = _accounts(counts, rows, task, "unique_id_sha")
        counts.lost += len(keys - done)
        _expect(counts, task, "unknown, though it may be repeated", unknown)
        _expect(counts, task, "not done in the ledger", {key for key in keys if states.get(key) != {"done"}})


def _accounts(counts: Counts, rows: list[dict[str, str]], task: Task, key: str) -> tuple[set[str], set[str]]:
    """Return what a task says is done and what is unknown, and make sure that it speaks of each row once."""
    result = task.result
    if result is None:
        counts.wrong.append(f"{task.log.name}: it ended with {task.status}: {task.last_words}")
        return set(), set()
    done, reported = lines(task.output), lines(task.report)
    spoken = Counter(line[key] for line in done)
    spoken.update(line["record"][key] for line in reported)
    asked = Counter(row[key] for row in rows)
    _expect(counts, task, "a row too many", set(spoken - asked))
    _expect(counts, task, "a row too few", set(asked - spoken))
    unknown = {line["record"][key] for line in reported if line["error"] == "OutcomeUnknown"}
    _expect(counts, task, "failed", {line["record"][key] for line in reported} - unknown)
    told = (result["total"], result["failed"] + result["unknown"])
    if told != (len(rows), len(reported)):
        counts.wrong.append(
            f"{task.log.name}: the result says {told}, the files {(len(rows), len(reported))}"
        )
    return {line[key] for line in done}, unknown


def _expect(counts: Counts, task: Task, what: str, keys: set[str]) -> None:
    if keys:
        counts.wrong.append(f"{task.log.name}: {what}: {', '.join(sorted(keys)[:5])} ({len(keys)})")


def lines(path: Path) -> list[dict[str, Any]]:
    """Read a file of JSON lines; nothing if it is not there."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def run(kills: int, *, in_postgres: bool = False, **options: Any) -> Counts:
    """Kill so many batches and return what was found; see :class:`Harness` for the options."""
    with ExitStack() as stack:
        database = stack.enter_context(postgres()) if in_postgres else None
        return stack.enter_context(Harness(database=database, **options)).run(kills)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.kill.harness", description=__doc__.split("\n")[0])
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=1, help="how many run the same file at once")
    parser.add_argument("--faults", action="store_true", help="let connections break")
    parser.add_argument("--postgres", action="store_true", help="keep the ledger in PostgreSQL")
    options = parser.parse_args()
    counts = run(
        options.kills,
        seed=options.seed,
        workers=options.workers,
        faults=options.faults,
        in_postgres=options.postgres,
    )
    print(counts)
    return 0 if counts.good else 1


if __name__ == "__main__":
    sys.exit(main())
