"""Start batches in processes that can be killed, and read what they leave."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.environment import isolate
from tests.support.sandbox import ROOT


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


@dataclass(frozen=True)
class Seen:
    """
    What was known of a file's keys before a try.

    :param done: what the ledger has as done
    :param doubtful: what the ledger has as sent or unknown
    :param there: what the vendor has
    """

    done: set[str]
    doubtful: set[str]
    there: set[str]


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
        self.seen: list[Seen] = []
        """What was known before each try, where that is looked at."""
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


def lines(path: Path) -> list[dict[str, Any]]:
    """Read a file of JSON lines; nothing if it is not there."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
