"""How a batch is to be run, and what became of its records."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from airflow_provider.batch.mapping import RecordMapping
    from airflow_provider.http.call import Call

    Combine = Callable[[Sequence[Call[Any]]], Call[list[Any]]]


COUNTS = ("total", "created", "existing", "replayed", "failed", "unknown")


@dataclass
class BatchCounts:
    """What became of the records.

    :param total: records read
    :param created: records that the vendor made anew, or does not tell from those
    :param existing: records that the vendor had already: those that are updated or deleted count here
    :param replayed: records whose result the ledger had: nothing was sent
    :param failed: records that were not accepted, by the vendor or here
    :param unknown: records that may or may not have been accepted, and are not sent again blindly
    :param done: what is done with the records, for the log, where they are not created: like ``deleted``
    """

    total: int = 0
    created: int = 0
    existing: int = 0
    replayed: int = 0
    failed: int = 0
    unknown: int = 0
    done: str | None = None

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


@dataclass(frozen=True)
class Plan:
    """How a batch is to be run.

    :param mapping: makes a call of a record
    :param finish: turns the result of a call into plain JSON with sealed secrets, and says whether the vendor
        had it already
    :param result_key: the key under which a record carries its result
    :param max_concurrency: requests under way at once
    :param on_error: ``fail``: the first failed record ends the batch; ``continue``: it is reported
    :param max_failures: failed records after which the batch ends all the same; None for any number
    :param ordered: whether results keep the order of the records
    :param progress_interval: seconds between two lines of progress in the log
    :param chunk_size: records that one request may carry
    :param combine: makes one call of those of several records; its value has, for each record in their order,
        what the record's own call would return, or the error that it would raise
    :param done: what is done with the records, for the log, where they are not created
    :param changes: whether the records change what is there: the last part of a key is then the new content
        of what the parts before it name, and is sent again after another; see :class:`~.changes.Revisions`
    """

    mapping: RecordMapping
    finish: Callable[[Any], tuple[dict[str, Any], bool]]
    result_key: str
    max_concurrency: int
    on_error: str = "fail"
    max_failures: int | None = None
    ordered: bool = False
    progress_interval: float = 10.0
    chunk_size: int = 1
    combine: Combine | None = None
    done: str | None = None
    changes: bool = False

    @property
    def claimed_ahead(self) -> int:
        """How many records may be recorded as sent while they still wait for their turn.

        It hides the time of a commit. After a crash they are unknown, like those that were under way.
        """
        return self.max_concurrency // 8
