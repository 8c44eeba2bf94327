"""The runner for vendors that take several records in one request.

A chunk is the records of one request. Each record keeps its own row in the ledger and its own place in the
counts, the results and the report; only the request is shared. So a record is known again in another chunk,
in another try, and with chunks of another size.
"""

from __future__ import annotations

import asyncio
import copy
import time
from typing import TYPE_CHECKING, Any

from airflow_provider.batch.runner import STOPPED, Batch
from airflow_provider.exceptions import OutcomeUnknown, StoreUnavailable, VendorError, VendorRejected
from airflow_provider.ledger.ledger import ClaimResult, ClaimStatus, Completion
from airflow_provider.ledger.recorder import BUSY_PAUSE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider.batch.jobs import Job
    from airflow_provider.batch.operation import Combine
    from airflow_provider.batch.plan import Plan
    from airflow_provider.http.async_client import AsyncClient
    from airflow_provider.http.call import Call
    from airflow_provider.ledger.recorder import Recorder
    from airflow_provider.records.readers import Record, Records
    from airflow_provider.records.writers import Output


class ChunkedBatch(Batch):
    """One run of a batch that sends up to ``plan.chunk_size`` records at once.

    A record that cannot be sent takes no place in a chunk, and one that the ledger has as done is not in the
    request. If the vendor refuses the request, all its records are reported with the reason.

    :param plan: how to run it
    :param combine: makes one call of those of several records
    :param records: the records, open
    :param results: takes each finished record
    :param failures: takes the report of each failed record
    """

    def __init__(
        self, plan: Plan, combine: Combine, records: Records, results: Output, failures: Output
    ) -> None:
        super().__init__(plan, records, results, failures)
        self._combine = combine

    def _claim_ahead(self, jobs: list[Job], recorder: Recorder) -> None:
        """Claim nothing yet: the records of a chunk are claimed together."""

    async def _process(self, jobs: list[Job], client: AsyncClient, recorder: Recorder) -> None:
        waiting: list[tuple[Job, Call[Any]]] = []
        for job in jobs:
            if job.call is not None:
                waiting.append((job, job.call))
            else:
                self._count_failure(job, job.error or TypeError("a job has a call or an error"))
        try:
            while waiting and self.error is None:
                waiting, some = await self._take_turn(waiting, client, recorder)
                if waiting and not self._waits_in_place:
                    self._turns.put_back([job for job, _ in waiting], at_once=some)
                    break
                if waiting and not some:
                    await asyncio.sleep(BUSY_PAUSE)
            await self._drain()
        except StoreUnavailable as error:
            # Nothing was sent: it is as if the records had not been read.
            self._end(error)

    async def _take_turn(
        self, waiting: list[tuple[Job, Call[Any]]], client: AsyncClient, recorder: Recorder
    ) -> tuple[list[tuple[Job, Call[Any]]], bool]:
        """Claim the records, send those that are ours, and return those that another run is sending.

        Nothing is held while they wait for others, so two chunks cannot wait for each other.

        :return: them, and whether some were ours
        """
        claimed = time.time()
        claims = await asyncio.gather(*(recorder.ask(call.key, job.id) for job, call in waiting))
        ours: list[tuple[Job, Call[Any]]] = []
        busy: list[tuple[Job, Call[Any]]] = []
        recalled: list[tuple[Job, ClaimResult]] = []
        for (job, call), claim in zip(waiting, claims, strict=True):
            if claim.status is ClaimStatus.TAKEN:
                ours.append((job, call))
            elif claim.status is ClaimStatus.BUSY:
                # Perhaps the chunk has it twice: the second is asked for again when the first is done.
                busy.append((job, call))
            else:
                recalled.append((job, claim))
        try:
            for job, claim in recalled:
                self._count_recalled(job, claim)
        except BaseException:
            # A stored result cannot be written: the records that are ours are not sent.
            _release([job.id for job, _ in ours], recorder)
            raise
        if ours and await self._send_together(ours, claimed, client, recorder):
            # They are asked for again, once the ledger can be written.
            busy += ours
        return busy, bool(ours)

    async def _send_together(
        self, ours: list[tuple[Job, Call[Any]]], claimed: float, client: AsyncClient, recorder: Recorder
    ) -> bool:
        """Send records in one request; return True where they have to be claimed again before."""
        jobs = [job for job, _ in ours]
        ids = [job.id for job in jobs]
        sent = lapsed = False
        try:
            alone, again = ours[0][1].alone, jobs[0].again
            call = ours[0][1] if alone else self._combined(ours)
            async with self._places:
                if again is not None and self.error is None:
                    call = await asyncio.to_thread(again)
                if self.error is None and not (lapsed := not recorder.holds(claimed)):
                    sent = True
                    answer = await self._send(call, ids, client, recorder)
                    values = [answer] if alone else answer
        except VendorError as error:
            self._count_failures(jobs, error)
            return False
        except asyncio.CancelledError:
            if sent and self._once:
                self._count_failures(jobs, OutcomeUnknown(STOPPED))
            raise
        finally:
            if not sent:
                # The batch has ended while it waited for a place, or its files are not there any more.
                _release(ids, recorder)
        if not sent:
            return lapsed
        ends: list[Record | VendorError] = []
        # All are recorded before the first is written: the disk may be full.
        for (job, own), value in zip(ours, values, strict=True):
            if isinstance(value, VendorRejected):
                # By its own call: to look for the data of all the others in each would take long.
                client.setup.locate(value, own)
                recorder.settle(Completion(job.id, "failed", error=str(value)))
                ends.append(value)
                continue
            try:
                ends.append(self._finish(job, value, recorder))
            except OutcomeUnknown as error:
                ends.append(error)
        for job, end in zip(jobs, ends, strict=True):
            if isinstance(end, VendorError):
                self._count_failure(job, end)
            else:
                self._results.put(job.row, end)
        return False

    def _combined(self, ours: Sequence[tuple[Job, Call[Any]]]) -> Call[Any]:
        return self._combine([call for _, call in ours]).made_of([job.row.record for job, _ in ours])

    def _count_recalled(self, job: Job, claim: ClaimResult) -> None:
        try:
            record = self._recall(job, claim)
        except VendorError as error:
            self._count_failure(job, error)
            return
        self._results.put(job.row, record)

    def _count_failures(self, jobs: Sequence[Job], error: VendorError) -> None:
        """Report each record of a request that failed, with an error of its own."""
        # One request is one sign of an outage.
        self.failures.sign(error)
        for job in jobs:
            self._report(job, copy.copy(error))
            self._results.put(job.row, None)

    def _count_failure(self, job: Job, error: Exception) -> None:
        if not isinstance(error, VendorError):
            raise error
        self._fail(job, error)
        self._results.put(job.row, None)


def _release(ids: Sequence[str], recorder: Recorder) -> None:
    """Give back what is claimed and certainly not sent."""
    for id_ in ids:
        recorder.settle(Completion(id_, "released"))
