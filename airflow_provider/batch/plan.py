"""How a batch is to be run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection

    from airflow_provider.batch.lookup import Lookup
    from airflow_provider.batch.mapping import RecordMapping
    from airflow_provider.batch.operation import Combine, Operation
    from airflow_provider.exceptions import VendorError
    from airflow_provider.records.groups import Grouping


@dataclass(frozen=True)
class Plan:
    """How a batch is to be run.

    :param operation: what is done with each record
    :param mapping: makes a call of a record
    :param max_concurrency: requests under way at once
    :param on_error: ``fail``: the first failed record ends the batch; ``continue``: it is reported
    :param max_failures: failed records after which the batch ends all the same; None for any number
    :param ordered: whether results keep the order of the records
    :param progress_interval: seconds between two lines of progress in the log
    :param chunk_size: records that one request may carry
    :param combine: makes one call of those of several records; None where each has its own
    :param grouping: how several rows make one record; None where each is one
    :param fail_on_warning: whether the batch fails at its end where the vendor remarked on a record
    :param lookup: looks up at the vendor what the batch needs to know before; None where it needs nothing
    :param reveal: secret fields of a result that are written in clear, dots leading into nested ones
    """

    operation: Operation[Any]
    mapping: RecordMapping
    max_concurrency: int
    on_error: str = "fail"
    max_failures: int | None = None
    ordered: bool = False
    progress_interval: float = 10.0
    chunk_size: int = 1
    combine: Combine | None = None
    reveal: Collection[str] = ()
    grouping: Grouping | None = None
    fail_on_warning: bool = False
    lookup: Lookup | None = None

    @property
    def has_secrets(self) -> bool:
        """Say whether records may have secrets."""
        return bool(self.operation.secret_parameters)

    def wrong_key(self, at_least: int) -> VendorError | None:
        """Return the error of a worker that opens no sealed value; None where it opens some or met too few.

        :param at_least: how many values must have been met
        """
        return self.mapping.sealed.wrong_key(at_least)

    @property
    def claimed_ahead(self) -> int:
        """How many requests may be recorded as sent while they still wait for a free connection.

        It hides the time of a commit. After a crash they are unknown, like those that were under way.
        """
        hidden = self.operation.once or self.combine is not None
        return self.max_concurrency // 8 if hidden else 0
