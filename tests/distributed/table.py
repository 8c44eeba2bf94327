"""The table of what was survived: a row for each scenario, printed by the tests and quoted by the docs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

SCENARIOS = {
    "shards": "Eight shards over two workers",
    "race": "Two runs race for the same customers",
    "broker": "The broker is killed and started again",
    "ledger": "The ledger's database is away for 20 s",
    "twice": "A message is delivered twice to one worker",
    "triggerer": "A triggerer is killed with 200 sensors",
    "pod": "A pod of the KubernetesExecutor",
    "edge": "A worker of the EdgeExecutor",
    "killed": "A worker is killed with SIGKILL",
    "frozen": "A worker freezes and thaws after its lease",
}
"""What is tried, in this order; the docs quote the names."""

HEAD = f"{'':44}{'sent':>6}{'twice':>7}{'lost':>6}{'unknown':>9}{'seconds':>9}"


@dataclass
class Row:
    """
    What became of the records of a scenario.

    :param sent: messages, or requests of sensors, that reached the vendor
    :param twice: those that were too many
    :param lost: records that are neither in an output nor in a report, or sensors that were not told
    :param unknown: records that are reported as such
    :param seconds: from the first record to the end, retries included
    """

    sent: int
    twice: int
    lost: int
    unknown: int
    seconds: float


def together(rows: Iterable[Row]) -> Row:
    """Add up what became of the records of several batches that ran at once."""
    found = list(rows)
    sent, twice, lost, unknown = (sum(counts) for counts in zip(*map(_counts, found), strict=True))
    return Row(sent, twice, lost, unknown, max(row.seconds for row in found))


def _counts(row: Row) -> tuple[int, int, int, int]:
    return row.sent, row.twice, row.lost, row.unknown


@dataclass
class Table:
    """
    Collects the rows.

    :param path: the file for what is printed
    """

    path: Path
    rows: dict[str, Row] = field(default_factory=dict)

    def add(self, scenario: str, row: Row) -> None:
        """Add a row and print it."""
        self.rows[scenario] = row
        print("\n" + line(scenario, row), flush=True)

    def write(self) -> str:
        """Write the rows to the file, and return the text."""
        text = "\n".join([HEAD, *(line(name, self.rows[name]) for name in SCENARIOS if name in self.rows)])
        self.path.parent.mkdir(exist_ok=True)
        self.path.write_text(text + "\n", encoding="utf-8")
        return text


def line(scenario: str, row: Row) -> str:
    """Return a row as it is printed."""
    counts = f"{row.sent:>6,}{row.twice:>7}{row.lost:>6}{row.unknown:>9}{row.seconds:>9.0f}"
    return f"{SCENARIOS[scenario]:44}{counts}"
