"""What became of the records of a batch."""

from __future__ import annotations

from dataclasses import dataclass

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
    """

    created: int = 0
    existing: int = 0
    replayed: int = 0
    failed: int = 0
    unknown: int = 0
    done: str | None = None

    @property
    def total(self) -> int:
        """How many records have ended."""
        return self.created + self.existing + self.replayed + self.failed + self.unknown

    def as_dict(self) -> dict[str, int]:
        """Return the counts by name."""
        return {name: getattr(self, name) for name in COUNTS}

    def __str__(self) -> str:
        counts = self.as_dict()
        del counts["total"]
        if self.done is not None:
            counts = {self.done: counts.pop("created") + counts.pop("existing"), **counts}
        parts = [f"{count:,} {name}" for name, count in counts.items()]
        return f"{self.total:,} records: {', '.join(parts)}"
