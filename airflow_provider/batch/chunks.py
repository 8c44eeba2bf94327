"""The runner for vendors that take several records in one request.

A chunk is the records of one request. Each record keeps its own row in the ledger and its own place in the
counts, the results and the report; only the request is shared. So a record is known again in another chunk,
in another try, and with chunks of another size.
"""

from __future__ import annotations

import asyncio
import copy
from typing import TYPE_CHECKING, Any

from airflow_provider.batch.runner import READ_AHEAD, STOPPED, Batch, Job
from airflow_provider.exceptions import OutcomeUnknown, StoreUnavailable, VendorError, VendorRejected
from airflow_provider.http.call import Call, Repeat
from airflow_provider.ledger.ledger import ClaimResult, ClaimStatus, Completion
from airflow_provider.ledger.recorder import BUSY_PAUSE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from airflow_provider.batch.counts import Plan
    from airflow_provider.http.async_client import AsyncClient
    from airflow_provider.ledger.recorder import Recorder
    from airflow_provider.records.readers import Records, Row
    from airflow_provider.records.writers import Output


class ChunkedBatch(Batch):
    """One run of a batch that sends up to ``plan.chunk_size`` records at once.

    A record that cannot be sent takes no place in a chunk, and one that the ledger has as done is not in the
    request. If the vendor refuses the request, all its records are reported with the reason.

    :param plan: how to run it
    :param records: the records, open
    :param results: takes each finished record
    :param failures: takes the report of each failed record
    """

    def __init__(self, plan: Plan, records: Records, results: Output, failures: Output) -> None:
        if plan.combine is None:
            raise TypeError("a batch in chunks needs a function that combines calls")
        super().__init__(plan, records, results, failures)
        self._combine = plan.combine
        # Many records that cannot be sent must not keep those between them waiting, nor fill the memory.
        self._span = max(READ_AHEAD, 2 * plan.chunk_size)
        self._chunk: list[Job] = []
        self._sendable = 0

    def gather(self, rows: list[Row], recorder: Recorder) -> Iterator[list[Job]]:
        for row in rows:
            job = self._prepare(row, recorder)
            self._chunk.append(job)
            self._sendable += job.call is not None
            if self._sendable == self._plan.chunk_size or len(self._chunk) == self._span:
                yield self._cut()
        if not rows and self._chunk:
            yield self._cut()

    def _cut(self) -> list[Job]:
        chunk, self._chunk, self._sendable = self._chunk, [], 0
        return chunk

    async def _process(self, jobs: list[Job], client: AsyncClient, recorder: Recorder) -> None:
        await self._wait_for_order(jobs[0].row.number)
        waiting: list[tuple[Job, Call[Any]]] = []
        for job in jobs:
            if job.call is not None:
                waiting.append((job, job.call))
            else:
                self._count_failure(job, job.error or TypeError("a job has a call or an error"))
        try:
            while waiting and self.error is None:
                waiting = await self._take_turn(waiting, client, recorder)
        except StoreUnavailable as error:
            # Nothing was sent: it is as if the records had not been read.
            self._end(error)

    async def _take_turn(
        self, waiting: list[tuple[Job, Call[Any]]], client: AsyncClient, recorder: Recorder
    ) -> list[tuple[Job, Call[Any]]]:
        """Claim the records, send those that are ours, and return those that somebody else is at.

        Nothing is held while it waits for others, so two chunks cannot wait for each other.
        """
        claims = await asyncio.gather(*(recorder.ask(call.key, job.id) for job, call in waiting))
        ours: list[tuple[Job, Call[Any]]] = []
        busy: list[tuple[Job, Call[Any]]] = []
        for (job, call), claim in zip(waiting, claims, strict=True):
            if claim.status is ClaimStatus.TAKEN:
                ours.append((job, call))
            elif claim.status is ClaimStatus.BUSY:
                # Perhaps the chunk has it twice: the second is asked for again when the first is done.
                busy.append((job, call))
            else:
                self._count_recalled(job, claim)
        if ours:
            await self._send_together(ours, client, recorder)
        elif busy:
            await asyncio.sleep(BUSY_PAUSE)
        return busy

    async def _send_together(
        self, ours: list[tuple[Job, Call[Any]]], client: AsyncClient, recorder: Recorder
    ) -> None:
        jobs = [job for job, _ in ours]
        ids = [job.id for job in jobs]
        sent = False
        try:
            call = self._combine([call for _, call in ours])
            async with self._turns:
                if self.error is None:
                    sent = True
                    values = await self._send(call, ids, client, recorder)
        except VendorError as error:
            self._count_failures(jobs, error)
            return
        except asyncio.CancelledError:
            if sent and call.repeat is Repeat.ONCE:
                self._count_failures(jobs, OutcomeUnknown(STOPPED))
            raise
        finally:
            if not sent:
                # The batch has ended before its turn came.
                for id_ in ids:
                    recorder.settle(Completion(id_, "released"))
        if not sent:
            return
        for job, value in zip(jobs, values, strict=True):
            if isinstance(value, VendorRejected):
                client.setup.locate(value, call)
                recorder.settle(Completion(job.id, "failed", error=str(value)))
                self._count_failure(job, value)
                continue
            self._put_in(job, value, recorder)

    def _put_in(self, job: Job, value: Any, recorder: Recorder) -> None:
        try:
            record = self._finish(job, value, recorder)
        except OutcomeUnknown as error:
            self._count_failure(job, error)
            return
        self.counts.total += 1
        self._put_out(job.row.number, record)

    def _count_recalled(self, job: Job, claim: ClaimResult) -> None:
        try:
            record = self._recall(job, claim)
        except VendorError as error:
            self._count_failure(job, error)
            return
        self.counts.total += 1
        self._put_out(job.row.number, record)

    def _count_failures(self, jobs: Sequence[Job], error: VendorError) -> None:
        """Report each record of a request that failed, with an error of its own."""
        outage = self._outage
        for job in jobs:
            # One request is one sign of an outage.
            self._outage = outage
            self._count_failure(job, copy.copy(error))

    def _count_failure(self, job: Job, error: Exception) -> None:
        if not isinstance(error, VendorError):
            raise error
        self.counts.total += 1
        error.row = job.row.number
        self._fail(job, error)
        self._put_out(job.row.number, None)
