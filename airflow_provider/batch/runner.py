"""The runner: many records through one asynchronous client, with bounded memory; each is counted once."""

from __future__ import annotations

import asyncio
import logging
import time
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from airflow_provider.batch.content import Changed
from airflow_provider.batch.counts import BatchCounts
from airflow_provider.batch.failures import Failures
from airflow_provider.batch.jobs import Job, JobMaker
from airflow_provider.batch.ordering import OrderedResults
from airflow_provider.batch.read_ahead import ReadAhead
from airflow_provider.batch.results import revealed
from airflow_provider.batch.turns import Turns
from airflow_provider.batch.warnings import Warnings, clean_warnings
from airflow_provider.exceptions import (
    InvalidInput,
    OutcomeUnknown,
    StoreUnavailable,
    VendorError,
    VendorRejected,
)
from airflow_provider.ledger.ledger import ClaimResult, ClaimStatus, Completion
from airflow_provider.secrets import seal_fields

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from airflow_provider.batch.plan import Plan
    from airflow_provider.http.async_client import AsyncClient
    from airflow_provider.http.call import Call
    from airflow_provider.ledger.recorder import Recorder
    from airflow_provider.records.readers import Record, Records
    from airflow_provider.records.writers import Output

log = logging.getLogger(__name__)

T = TypeVar("T")

STOP_GRACE = 3.0
"""Seconds that requests under way get to finish when the task is told to end: Airflow kills it after five."""


class _NotNow(Exception):
    """Another run or record is sending a record, which is asked for again later."""


class Batch:
    """One run of a batch.

    :param plan: how to run it
    :param records: the records, open
    :param results: takes each finished record
    :param failures: takes the report of each failed record
    """

    def __init__(self, plan: Plan, records: Records, results: Output, failures: Output) -> None:
        self.counts = BatchCounts(
            done=plan.operation.done, rows=None if plan.grouping is None else BatchCounts()
        )
        self.error: BaseException | None = None
        """What ended the batch before its last record, or kept it from a good end."""
        self._plan = plan
        self._operation = plan.operation
        self._once = plan.operation.once
        self._records = records
        self._outputs = (results, failures)
        self._news = asyncio.Event()
        """Is set when a worker that has nothing to do has to look again."""
        self._results = OrderedResults(results, ordered=plan.ordered, moved=self._news)
        self._turns = Turns(self._news, self._results.is_far_ahead)
        # Two changes of the same thing have to reach the vendor in their order.
        self._waits_in_place = plan.operation.changes
        self.failures = Failures(plan, self.counts, failures)
        self.warnings = Warnings()
        self.changed = Changed()
        self._ahead: ReadAhead | None = None
        self._places = asyncio.Semaphore(plan.max_concurrency)
        """One for each request under way."""
        self._ended = asyncio.Event()
        self._stopped = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    async def run(self, client: AsyncClient, recorder: Recorder) -> None:
        """Work through the records.

        A record that fails is reported; what ends the batch is left in :attr:`error`, with everything under
        way finished and accounted for.

        :param client: an open client
        :param recorder: the open ledger
        """
        self._loop = asyncio.get_running_loop()
        self._clean = client.setup.clean
        self._ahead = ahead = ReadAhead(
            self._plan,
            self._records,
            JobMaker(self._plan, recorder.ledger),
            self._turns,
            news=self._news,
            ended=self._ended,
            end=self._end,
            claim=lambda jobs: self._claim_ahead(jobs, recorder),
        )
        self._plan.mapping.sealed.reset()
        count = self._plan.max_concurrency + self._plan.claimed_ahead
        workers = [asyncio.create_task(self._work(ahead, client, recorder)) for _ in range(count)]
        attendants = [
            asyncio.create_task(self._report_progress()),
            asyncio.create_task(self._end_in_time(workers, recorder)),
        ]
        try:
            await asyncio.gather(*workers)
        except Exception as error:
            # Not a vendor's failure, which is accounted for, but ours: a full disk, a mistake in the code.
            # Nobody kills the task: what is under way gets its answer.
            self._end(error)
            await asyncio.wait(workers)
        finally:
            await _cancel([*workers, *attendants, *([ahead.reading] if ahead.reading else [])])
            await self._release_claims(recorder)
        try:
            self._results.write_rest()
        except OSError as error:
            self._end(error)
        if self.error is None:
            earlier = self.failures.earlier if self._plan.on_error == "fail" else None
            self.error = self._plan.mapping.sealed.wrong_key_of(self.counts.total) or earlier

    def fraction(self) -> float | None:
        """Say how much of the input is done, from 0 to 1; None where that is not known."""
        read = self._records.fraction()
        if read is None or self._ahead is None or not self._ahead.count:
            return read
        # What is read ahead is not done yet.
        return read * min(1.0, self.counts.total / self._ahead.count)

    def stop(self, error: BaseException) -> None:
        """End the batch early, from a signal handler or another thread: nothing new is sent.

        What is under way may finish for a moment; after that it is recorded as what it is, unknown.

        :param error: why
        """
        if self._loop is None:
            self._stop(error)
        elif not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._stop, error)

    def _stop(self, error: BaseException) -> None:
        self._end(error)
        self._stopped.set()

    def _end(self, error: BaseException) -> None:
        if self.error is None:
            self.error = error
        self._ended.set()
        self._results.end()

    async def _end_in_time(self, workers: Sequence[asyncio.Task[None]], recorder: Recorder) -> None:
        """After :meth:`stop`, wait as long as Airflow does before it kills a task."""
        await self._stopped.wait()
        recorder.hurry()
        await asyncio.wait(workers, timeout=STOP_GRACE)
        for worker in workers:
            worker.cancel()

    async def _release_claims(self, recorder: Recorder) -> None:
        """Release what was claimed ahead and is not sent any more."""
        for job in self._turns:
            if job.asked is not None and job.call is not None:
                claims = await asyncio.gather(job.asked, return_exceptions=True)
                if isinstance(claims[0], ClaimResult) and claims[0].status is ClaimStatus.TAKEN:
                    recorder.settle(Completion(job.id, "released"))

    async def _work(self, ahead: ReadAhead, client: AsyncClient, recorder: Recorder) -> None:
        try:
            while (jobs := await ahead.next()) is not None:
                await self._process(jobs, client, recorder)
        except asyncio.CancelledError:
            # The end of the batch has its own error.
            if self.error is None:
                raise

    def _claim_ahead(self, jobs: list[Job], recorder: Recorder) -> None:
        """Ask the ledger before it is a job's turn, which saves a wait.

        Not for requests that must not be repeated: after a crash nobody can tell what was claimed from what
        was sent.
        """
        if not self._once:
            for job in jobs:
                if job.call is not None:
                    job.asked = recorder.ask(job.call.key, job.id)

    async def _process(self, jobs: list[Job], client: AsyncClient, recorder: Recorder) -> None:
        [job] = jobs
        record: Record | None = None
        try:
            record = await self._result(job, client, recorder)
        except _NotNow:
            self._turns.put_back(jobs)
            return
        except StoreUnavailable as error:
            # Nothing was sent: it is as if the record had not been read.
            self._end(error)
            return
        except asyncio.CancelledError:
            if job.sent and self._once:
                self._fail(job, OutcomeUnknown(STOPPED))
            raise
        except VendorError as error:
            self._fail(job, error)
        self._results.put(job.row, record)
        await self._drain()

    async def _result(self, job: Job, client: AsyncClient, recorder: Recorder) -> Record:
        if job.call is None:
            raise job.error or TypeError("a job has a call or an error")
        while True:
            claimed = time.time()
            claim = await self._claim(job, job.call, recorder)
            if (existing := await self._existing(job, claim, recorder)) is not None:
                job.recorded = True
                return self._finish(job, existing, recorder, existing=True)
            if claim.status is not ClaimStatus.TAKEN:
                return self._recall(job, claim)
            try:
                async with self._places:
                    if self.error is not None or recorder.holds(claimed):
                        value, existed = await self._send_unless_there(job, job.call, client, recorder)
                        break
            except BaseException:
                if not job.sent:
                    # The batch has ended while it waited for a place, or its files are not there any more.
                    recorder.settle(Completion(job.id, "released"))
                raise
            # It is claimed again, once the ledger can be written.
            recorder.settle(Completion(job.id, "released"))
        return self._finish(job, value, recorder, existing=existed)

    async def _claim(self, job: Job, call: Call[Any], recorder: Recorder) -> ClaimResult:
        asked, job.asked = job.asked, None
        claim = ClaimResult(ClaimStatus.BUSY) if asked is None else await asked
        if claim.status is ClaimStatus.BUSY and self._waits_in_place:
            claim = await recorder.claim(call.key, job.id, ended=self._ended)
        elif claim.status is ClaimStatus.BUSY:
            claim = await recorder.ask(call.key, job.id)
        if claim.status is ClaimStatus.BUSY:
            raise _NotNow
        return claim

    async def _send_unless_there(
        self, job: Job, call: Call[Any], client: AsyncClient, recorder: Recorder
    ) -> tuple[Any, bool | None]:
        """Send a record, or find that what it makes is there already; say which, if that is known."""
        if job.again is not None and self.error is None:
            call = await asyncio.to_thread(job.again)
        there = await self._there(call)
        if self.error is not None:
            raise asyncio.CancelledError
        if there is not None:
            return await asyncio.to_thread(there), True
        job.sent = True
        return await self._send(call, (job.id,), client, recorder), None

    async def _there(self, call: Call[T]) -> Callable[[], T] | None:
        look = self._operation.there
        return None if look is None else await asyncio.to_thread(look, call)

    async def _existing(self, job: Job, claim: ClaimResult, recorder: Recorder) -> Any:
        """Return what the vendor has already of a record that would be sent, or may have been."""
        lookup = self._plan.lookup
        if lookup is None or job.call is None or claim.status not in (ClaimStatus.TAKEN, ClaimStatus.UNKNOWN):
            return None
        try:
            if lookup.blocking:
                return await asyncio.to_thread(lookup.existing, job.call.key)
            return lookup.existing(job.call.key)
        except BaseException:
            if claim.status is ClaimStatus.TAKEN:
                recorder.settle(Completion(job.id, "released"))
            raise

    def _recall(self, job: Job, claim: ClaimResult) -> Record:
        """Do with a record what the ledger says of it, which is not to send it."""
        job.recorded = True
        if claim.status is ClaimStatus.DONE:
            result = self._revealed(claim.result)
            self.counts.add("replayed", job.row)
            if None not in (job.content, claim.content) and job.content != claim.content:
                self.changed.add(job.row)
            self.warnings.add(job.row, claim.result)
            return {**job.row.record, self._operation.result_key: result}
        if claim.status is ClaimStatus.FAILED:
            raise VendorRejected(
                f"refused before, and not sent again: {claim.error}",
                remedy='In another run with redo="failed" it is sent again.',
            )
        raise OutcomeUnknown(
            f"not sent again: {claim.error}",
            remedy="Look it up at the vendor. Or set resend_unknown=True to send all such records again.",
        )

    def _revealed(self, result: Any) -> Any:
        """Return a stored result with what is to be shown in clear."""
        sealed = self._plan.mapping.sealed
        try:
            result = revealed(result, self._plan.reveal)
        except InvalidInput as error:
            sealed.note(error)
            raise
        if self._plan.reveal:
            sealed.note(None)
        return result

    async def _send(self, call: Call[T], ids: Sequence[str], client: AsyncClient, recorder: Recorder) -> T:
        """Send what the ledger has as sent, and record how it ended, if not well."""
        once = self._once
        try:
            value = await client.run(call)
        except OutcomeUnknown as error:
            _settle(recorder, ids, "unknown", str(error))
            raise
        except VendorRejected as error:
            if once and len(ids) > 1:
                unknown = OutcomeUnknown(
                    f"the request of {len(ids)} records was refused, and may have left some of them behind: "
                    f"{error}",
                    remedy="They are not sent again by themselves. Look them up at the vendor.",
                )
                _settle(recorder, ids, "unknown", str(unknown))
                raise unknown from None
            _settle(recorder, ids, "failed", str(error))
            raise
        except VendorError:
            # It certainly had no effect, or may be sent again.
            _settle(recorder, ids, "released")
            raise
        except BaseException:
            # The task is told to end while the request is under way.
            _settle(recorder, ids, *(("unknown", STOPPED) if once else ("released",)))
            raise
        self.failures.success()
        return value

    def _finish(self, job: Job, value: Any, recorder: Recorder, *, existing: bool | None = None) -> Record:
        """Record and count what the vendor has, new or not, and return the record with its result."""
        once = self._once
        try:
            result = seal_fields(value)
            if job.call is not None:
                clean_warnings(result, partial(self._clean, call=job.call))
            # What somebody else has created was not sent with this content.
            content = None if existing else job.content
            existing = self._operation.existed(value) if existing is None else existing
        except Exception as error:
            _settle(recorder, (job.id,), *(("unknown", LOST) if once else ("released",)))
            if once:
                raise OutcomeUnknown(f"{LOST} ({type(error).__name__})") from None
            raise
        recorder.settle(Completion(job.id, "done", result=result, content=content))
        self.counts.add("existing" if existing else "created", job.row)
        self.warnings.add(job.row, result)
        return {**job.row.record, self._operation.result_key: revealed(result, self._plan.reveal, value)}

    async def _drain(self) -> None:
        """Wait while an output cannot take more; a local file always can."""
        for output in self._outputs:
            if output.pending():
                await output.drain()

    def _fail(self, job: Job, error: VendorError) -> None:
        if not job.recorded and job.call is not None:
            self.failures.sign(error)
        self._report(job, error)

    def _report(self, job: Job, error: VendorError) -> None:
        if ending := self.failures.add(job, error):
            self._end(ending)

    async def _report_progress(self) -> None:
        started = time.monotonic()
        while True:
            await asyncio.sleep(self._plan.progress_interval)
            seconds = time.monotonic() - started
            fraction = self.fraction()
            left = f", about {seconds / fraction - seconds:,.0f} s left" if fraction else ""
            log.info(
                "%s in %.0f s (%.0f a second%s).", self.counts, seconds, self.counts.total / seconds, left
            )


LOST = "the vendor accepted it, but its answer could not be kept"

STOPPED = "the task was told to end while the request was under way; it may have taken effect"


def _settle(
    recorder: Recorder,
    ids: Sequence[str],
    state: Literal["done", "failed", "unknown", "released"],
    error: str | None = None,
) -> None:
    for id_ in ids:
        recorder.settle(Completion(id_, state, error=error))


async def _cancel(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
