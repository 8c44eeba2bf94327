"""What became of the records of a batch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow_provider.records.parsing import Row

COUNTS = ("total", "created", "existing", "replayed", "failed", "unknown")


@dataclass
class BatchCounts:
    """How many records ended how; each record that was read is in exactly one of the counts.

    :param created: records that are new at the vendor, or that it does not tell from new ones
    :param existing: records that the vendor had already; updated and deleted ones count here
    :param replayed: records whose stored result was used: nothing was sent
    :param failed: records that were not accepted, by the vendor or here
    :param unknown: records that may or may not have been accepted, and are not sent again by themselves
    :param done: what the log says in place of created and existing, like ``deleted``
    :param rows: the same counts of the rows that the records were made of, where several make one
    """

    created: int = 0
    existing: int = 0
    replayed: int = 0
    failed: int = 0
    unknown: int = 0
    done: str | None = None
    rows: BatchCounts | None = None

    def add(self, name: str, row: Row) -> None:
        """Count a record that has ended.

        :param name: how it ended, one of the counts
        :param row: the record
        """
        setattr(self, name, getattr(self, name) + 1)
        if self.rows is not None:
            setattr(self.rows, name, getattr(self.rows, name) + (len(row.rows) or 1))

    @property
    def total(self) -> int:
        """How many records have ended."""
        return self.created + self.existing + self.replayed + self.failed + self.unknown

    def as_dict(self) -> dict[str, int]:
        """Return the counts by name."""
        return {name: getattr(self, name) for name in COUNTS}

    def of_rows(self) -> dict[str, dict[str, int]]:
        """Return the counts of the rows under their key of a result; nothing where each record is one row."""
        return {} if self.rows is None else {"rows": self.rows.as_dict()}

    def __str__(self) -> str:
        counts = self.as_dict()
        del counts["total"]
        if self.done is not None:
            counts = {self.done: counts.pop("created") + counts.pop("existing"), **counts}
        parts = [f"{count:,} {name}" for name, count in counts.items()]
        made = f" of {self.rows.total:,} rows" if self.rows is not None else ""
        return f"{self.total:,} records{made}: {', '.join(parts)}"
