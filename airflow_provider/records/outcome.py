"""What a task did: where its records came from, where they went, and how many there were."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping


class Counted(Protocol):
    """The counts of a batch, which change while it runs."""

    def as_dict(self) -> dict[str, int]:
        """Return the counts by name."""


@dataclass(slots=True, kw_only=True)
class TaskOutcome:
    """What a task did. Links, lineage, asset events and notifications are made of it.

    It has names, places and numbers: no record, no key, and nothing of a record's content.

    :param conn_id: id of the connection
    :param vendor: type of the connection
    :param host: host of the vendor's API, with its port where that is not the usual one; empty where nothing
        is sent
    :param operation: what is done with each record, or the name of the list that is read
    :param direction: whether records come from the vendor or go there; ``none`` where nothing is sent
    :param source: path or URI of the records; None where they are no file
    :param rows: the outputs, by path or URI, each with the number of its rows; None where that is not known.
        The main output is first
    :param report: path or URI of the report of failed records; None where there is none
    :param counted: the counts of the batch, as they are now; None for a list, and before the first record
    :param schemas: the columns of the outputs and their types, by path or URI, where they are known
    """

    conn_id: str
    vendor: str
    host: str = ""
    operation: str
    direction: Literal["from", "to", "none"] = "to"
    source: str | None = None
    rows: dict[str, int | None] = field(default_factory=dict)
    report: str | None = None
    counted: Counted | None = None
    schemas: dict[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def output(self) -> str | None:
        """Return where the main output is; None where there is none, or it is not published."""
        place, rows = next(iter(self.rows.items()), (None, None))
        return place if rows is not None else None

    @property
    def counts(self) -> dict[str, int]:
        """Return how many records ended how; empty where that is not known."""
        return {} if self.counted is None else self.counted.as_dict()

    @property
    def recorded(self) -> bool:
        """Say whether the ledger and the operations page know the task: it is a batch that sends requests."""
        return self.counted is not None and self.direction != "none"

    @property
    def unsuccessful(self) -> int:
        """Return how many records failed or have an unknown outcome."""
        counts = self.counts
        return counts.get("failed", 0) + counts.get("unknown", 0)

    @property
    def accepted(self) -> int:
        """Return how many records the vendor has, as far as the task knows."""
        counts = self.counts
        return sum(counts.get(name, 0) for name in ("created", "existing", "replayed"))

    def published(self, result: Mapping[str, Any]) -> None:
        """Take what a batch published.

        :param result: the result of the batch
        """
        self.report = result.get("failures_output")
        self.rows = {output: self.accepted} if (output := result.get("output")) else {}

    def extras(self) -> dict[str, dict[str, Any]]:
        """Return what the asset event of each output has, by path or URI."""
        told: dict[str, Any] = {"operation": self.operation, "conn_id": self.conn_id}
        counts = self.counts
        told |= {name: counts[name] for name in ("failed", "unknown") if name in counts}
        return {place: {"rows": rows, **told} for place, rows in self.rows.items()}


def host_of(base_url: str) -> str:
    """Return the host of a URL, with its port where it has one.

    :param base_url: where the vendor's API begins
    """
    return base_url.partition("://")[2].partition("/")[0].rpartition("@")[2]
