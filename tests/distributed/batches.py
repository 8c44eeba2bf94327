"""Batches of access tokens on the workers, and what became of their records."""

from __future__ import annotations

import json
import time
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

from tests.distributed.cluster import Cluster
from tests.distributed.table import Row
from tests.support.sandbox import SandboxProcess

LATENCY = 0.05
"""Seconds that the vendor takes; eight requests are under way in each task."""

OVER = ("success", "failed")


class Batch:
    """
    Customers who get an access token each, and the run of a Dag that sends them.

    :param cluster: where it runs
    :param sandbox: the vendor
    :param name: what the customers' names begin with
    :param records: how many there are
    :param dag_id: the Dag
    """

    def __init__(
        self,
        cluster: Cluster,
        sandbox: SandboxProcess,
        name: str,
        records: int,
        dag_id: str = "tokens_default",
    ) -> None:
        self.cluster = cluster
        self.sandbox = sandbox
        self.name = name
        self.dag_id = dag_id
        self.customers = [f"{name}-{number}" for number in range(records)]
        self.source = cluster.home / f"{name}.csv"
        rows = "".join(f"{one},{one}@example.com\n" for one in self.customers)
        self.source.write_text(f"virtual_user,mail\n{rows}", encoding="utf-8")
        self._began = 0.0
        self._seconds: float | None = None

    def start(self, *runs: str) -> None:
        """Start runs of the Dag; the first is called like the batch unless names are given."""
        self._began = time.monotonic()
        for run in runs or (self.name,):
            folder = self.folder(run)
            folder.mkdir()
            self.cluster.trigger(self.dag_id, run, source=str(self.source), folder=str(folder))

    def folder(self, run: str) -> Path:
        """Return the folder of a run's outputs, which all workers see."""
        return self.cluster.home / f"{self.name}-{run}"

    def wait_until_sent(self, number: int) -> None:
        """Wait until the vendor has received so many."""
        self.cluster.wait_for(f"{number} tokens of {self.name}", lambda: len(self.sent()) >= number)

    def wait(self, *runs: str) -> None:
        """Wait until the runs are over, and expect that they succeed."""
        for run in runs or (self.name,):
            state = self.cluster.wait_for(f"the end of {run}", partial(self._end, run))
            assert state == "success", f"{self.dag_id}, {run}: {state}"
        self._seconds = time.monotonic() - self._began

    def sent(self) -> list[str]:
        """Return the customers to whom something was sent, as often as it was."""
        sent = (message["virtual_user"] for message in self.sandbox.messages())
        return [one for one in sent if one.rpartition("-")[0] == self.name]

    def row(self, *runs: str) -> Row:
        """Count what became of the customers; each run has to speak of each of them once."""
        sent = Counter(self.sent())
        lost, doubtful = 0, set()
        for run in runs or (self.name,):
            done, reported = self._read(run)
            spoken = Counter([one["virtual_user"] for one in done])
            spoken.update(one["record"]["virtual_user"] for one in reported)
            assert not spoken - Counter(self.customers), "a record is there twice, or was not asked for"
            assert {one["error"] for one in reported} <= {"OutcomeUnknown"}
            assert [one["virtual_user"] for one in done] == [
                one for one in self.customers if one in {each["virtual_user"] for each in done}
            ], "the output is not in the order of the input"
            lost += len(set(self.customers) - set(spoken))
            lost += len({one["virtual_user"] for one in done} - set(sent))
            doubtful |= {one["record"]["virtual_user"] for one in reported}
        twice = sum(times - 1 for times in sent.values())
        return Row(sent.total(), twice, lost, len(doubtful), self._seconds or 0.0)

    def _end(self, run: str) -> str | None:
        state = self.cluster.state(self.dag_id, run)
        return state if state in OVER else None

    def _read(self, run: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        outputs = sorted(self.folder(run).glob("*.jsonl"))
        lines = {path: [json.loads(line) for line in path.read_text().splitlines()] for path in outputs}
        done = [line for path, found in lines.items() if ".failed." not in path.name for line in found]
        reported = [line for path, found in lines.items() if ".failed." in path.name for line in found]
        return done, reported
