"""The runner: many records through one asynchronous client, with bounded memory and an honest account."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from dataclasses import asdict, dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from airflow_provider.exceptions import (
    BatchFailed,
    OutcomeUnknown,
    QuotaExhausted,
    RateLimited,
    VendorAuthError,
    VendorError,
    VendorUnavailable,
)
from airflow_provider.http.call import Call, Repeat

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from airflow_provider.batch.keys import SeenKeys
    from airflow_provider.batch.mapping import RecordMapping
    from airflow_provider.batch.output import Output
    from airflow_provider.batch.records import Record, Records, Row
    from airflow_provider.http.async_client import AsyncClient

log = logging.getLogger(__name__)

READ_AHEAD = 200
"""Records read in one go, in a thread, so that a slow disk does not hold up the requests under way."""

REPORTED = 50
"""Failed records that are named in the result; the report beside the output has all of them."""

OUTAGE = 20
"""So many failures in a row that speak of the vendor being away, with no success between, end a batch."""


@dataclass
class Tally:
    """What became of the records.

    :param total: records read
    :param created: records that the vendor made anew
    :param existing: records that the vendor had already
    :param replayed: records whose result was known here already
    :param failed: records that were not accepted, by the vendor or here; nothing is left of them at the
        vendor
    :param unknown: records that may or may not have been accepted, and must not be sent again blindly
    """

    total: int = 0
    created: int = 0
    existing: int = 0
    replayed: int = 0
    failed: int = 0
    unknown: int = 0

    def as_dict(self) -> dict[str, int]:
        """Return the counts by name."""
        return asdict(self)


@dataclass(frozen=True)
class Plan:
    """How a batch is to be run.

    :param mapping: makes a call of a record
    :param finish: puts the result of a call into its record, and says whether the vendor had it already
    :param max_concurrency: requests under way at once
    :param on_error: ``fail``: the first failed record ends the batch; ``continue``: it is reported
    :param max_failures: failed records after which the batch ends all the same; None for any number
    :param progress_interval: seconds between two lines of progress in the log
    """

    mapping: RecordMapping
    finish: Callable[[Record, Any], bool]
    max_concurrency: int
    on_error: str = "fail"
    max_failures: int | None = None
    progress_interval: float = 10.0


class Batch:
    """One run of a batch.

    :param plan: how to run it
    :param records: the records, open
    :param results: takes each finished record
    :param failures: takes the report of each failed record
    :param seen: remembers what has been sent, for calls that must not be sent twice
    """

    def __init__(
        self, plan: Plan, records: Records, results: Output, failures: Output, seen: SeenKeys
    ) -> None:
        self.tally = Tally()
        self.reported: list[dict[str, Any]] = []
        self.error: VendorError | None = None
        """What ended the batch before its last record."""
        self._plan = plan
        self._records = records
        self._rows = iter(records)
        self._results = results
        self._failures = failures
        self._seen = seen
        self._ahead: deque[Row] = deque()
        self._reading = asyncio.Lock()
        self._at_end = False
        self._outage = 0

    async def run(self, client: AsyncClient) -> None:
        """Work through the records.

        A record that fails is reported; what ends the batch is left in :attr:`error`, with everything under
        way finished and accounted for.

        :param client: an open client
        """
        progress = asyncio.create_task(self._report_progress())
        try:
            async with asyncio.TaskGroup() as workers:
                for _ in range(self._plan.max_concurrency):
                    workers.create_task(self._work(client))
        except ExceptionGroup as group:
            # Not a vendor's failure, which is accounted for, but ours: a full disk, a mistake in the code.
            raise group.exceptions[0] from None
        finally:
            progress.cancel()

    async def _work(self, client: AsyncClient) -> None:
        while self.error is None and (row := await self._next()) is not None:
            await self._process(row, client)

    async def _next(self) -> Row | None:
        while not self._ahead:
            async with self._reading:
                if self._at_end or self.error is not None:
                    return None
                if not self._ahead:
                    try:
                        rows = await asyncio.to_thread(_take, self._rows)
                    except VendorError as error:
                        self.error = error
                        return None
                    self._at_end = not rows
                    self._ahead.extend(rows)
        return self._ahead.popleft()

    async def _process(self, row: Row, client: AsyncClient) -> None:
        self.tally.total += 1
        call: Call[Any] | None = None
        try:
            if row.error is not None:
                raise row.error
            call = self._plan.mapping.call(row.record)
            if call.repeat is Repeat.ONCE:
                self._seen.add(call.key, row.number)
            value = await client.run(call)
        except VendorError as error:
            error.row = row.number
            self._fail(row, error, call)
            return
        self._outage = 0
        if self._plan.finish(row.record, value):
            self.tally.existing += 1
        else:
            self.tally.created += 1
        self._results.write(row.record)

    def _fail(self, row: Row, error: VendorError, call: Call[Any] | None) -> None:
        if isinstance(error, OutcomeUnknown):
            self.tally.unknown += 1
        else:
            self.tally.failed += 1
        field = getattr(error, "field", None)
        report = {"row": row.number, "error": type(error).__name__, "field": field, "reason": str(error)}
        self._failures.write({**report, "record": row.record})
        if len(self.reported) < REPORTED:
            self.reported.append(report)
        if self.error is None:
            self.error = self._ending(error, call)

    def _ending(self, error: VendorError, call: Call[Any] | None) -> VendorError | None:
        """Say whether a failed record ends the batch, and with which error."""
        if isinstance(error, QuotaExhausted | RateLimited):
            return error
        if isinstance(error, VendorAuthError) and not (call and call.own_credentials):
            # The connection's credentials are refused: so would be every other record.
            return error
        if isinstance(error, VendorUnavailable | OutcomeUnknown | VendorAuthError):
            # Whose credentials a refusal means is not always known: so many in a row are the connection's.
            self._outage += 1
            if self._outage >= OUTAGE:
                return error
        plan, count = self._plan, self.tally.failed + self.tally.unknown
        if plan.on_error == "fail":
            return error
        if plan.max_failures is not None and count > plan.max_failures:
            first = self.reported[0]
            return BatchFailed(
                f"{count} of {self.tally.total} records failed, more than max_failures={plan.max_failures}; "
                f"the first: {first['reason']}"
            )
        return None

    async def _report_progress(self) -> None:
        started = time.monotonic()
        while True:
            await asyncio.sleep(self._plan.progress_interval)
            seconds = time.monotonic() - started
            tally = self.tally
            fraction = self._records.fraction()
            left = f", about {seconds / fraction - seconds:,.0f} s left" if fraction else ""
            log.info(
                "%s records in %.0f s (%.0f a second%s): %s created, %s existing, %s failed, %s unknown.",
                f"{tally.total:,}",
                seconds,
                tally.total / seconds,
                left,
                f"{tally.created:,}",
                f"{tally.existing:,}",
                f"{tally.failed:,}",
                f"{tally.unknown:,}",
            )


def _take(rows: Iterator[Row]) -> list[Row]:
    return list(islice(rows, READ_AHEAD))
