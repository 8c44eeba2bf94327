"""What is counted of batches that were killed: what was sent, twice, lost or unknown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.kill.tasks import Task, lines


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
    found: int = 0
    seconds: float = 0.0
    wrong: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        return not (self.twice or self.lost or self.wrong)

    def __str__(self) -> str:
        told = [
            f"kills       {self.kills:8,}",
            f"files       {self.rounds:8,}",
            f"records     {self.records:8,}",
            f"sent        {self.messages:8,}",
            f"sent twice  {self.twice:8,}",
            f"lost        {self.lost:8,}",
            f"unknown     {self.unknown:8,}",
            f"found       {self.found:8,}",
            f"seconds     {self.seconds:8,.1f}",
        ]
        return "\n".join([*told, *(f"wrong: {line}" for line in self.wrong)])


def accounts(counts: Counts, asked: Sequence[str], task: Task, key: str) -> tuple[set[str], set[str]]:
    """Return what a task says is done and what is unknown, and make sure that it speaks of each record once."""
    result = task.result
    if result is None:
        counts.wrong.append(f"{task.log.name}: it ended with {task.status}: {task.last_words}")
        return set(), set()
    done, reported = lines(task.output), lines(task.report)
    spoken = Counter(line[key] for line in done)
    spoken.update(line["record"][key] for line in reported)
    expect(counts, task, "a record too many", set(spoken - Counter(asked)))
    expect(counts, task, "a record too few", set(Counter(asked) - spoken))
    unknown = {line["record"][key] for line in reported if line["error"] == "OutcomeUnknown"}
    expect(counts, task, "failed", {line["record"][key] for line in reported} - unknown)
    told = (result["total"], result["failed"] + result["unknown"])
    if told != (len(asked), len(reported)):
        counts.wrong.append(
            f"{task.log.name}: the result says {told}, the files {(len(asked), len(reported))}"
        )
    return {line[key] for line in done}, unknown


def expect(counts: Counts, task: Task, what: str, keys: set[str]) -> None:
    """Note what is wrong with some keys; nothing if there are none."""
    if keys:
        counts.wrong.append(f"{task.log.name}: {what}: {', '.join(sorted(keys)[:5])} ({len(keys)})")
