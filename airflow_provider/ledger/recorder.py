"""The ledger inside an event loop: many claims and outcomes, few transactions."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol, Self

from airflow_provider.exceptions import StoreUnavailable
from airflow_provider.ledger.ledger import ClaimResult, ClaimStatus, Completion
from airflow_provider.ledger.outage import Outage, is_over, limit_of
from airflow_provider.ledger.unrecorded import Unrecorded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from types import TracebackType

    import sqlalchemy as sa

    from airflow_provider.ledger.ledger import Ledger
    from airflow_provider.store.engine import Database

BUSY_PAUSE = 0.2
"""Seconds between two claims of a row that another run is sending."""

GROUP = 200
WRITE_DELAY = 0.1
"""Outcomes of requests that may be repeated are written with the next claims, at the latest when there are so
many of them, or after so many seconds. If they are lost, the requests are sent again, which is harmless."""

CLAIM_HOLDS = 60.0
"""Seconds for which a claim is good for a request that must not be repeated: the rest of the lease is for the
request itself. A process may be frozen in between, until another try of the task has taken its place."""

HANGING = 1.0
"""Seconds after which what a transaction is to record is kept in a file, until it has ended."""


class Companion(Protocol):
    """Something else that is written with each group, in the same transaction where that is possible."""

    def take(self) -> Any:
        """Return what is to be written."""

    def write(self, connection: sa.Connection, taken: Any) -> None:
        """Write what :meth:`take` returned, in an open transaction."""

    def restore(self, taken: Any) -> None:
        """Take back what could not be written."""

    def flush(self) -> None:
        """Write what there is in a transaction of its own. It must not fail."""


class Recorder:
    """Gathers what has to be recorded and commits it in groups.

    While one group is being written, the next gathers. ``async with`` writes what is left at the end.

    :param database: the database
    :param ledger: the ledger as this run uses it
    :param companion: what else is written with each group
    """

    def __init__(self, database: Database, ledger: Ledger, companion: Companion | None = None) -> None:
        self.ledger = ledger
        self._companion = companion
        self._database = database
        self._claims: dict[str, tuple[Sequence[str], asyncio.Future[ClaimResult]]] = {}
        self._completions: list[Completion] = []
        self._wake = asyncio.Event()
        self._alarm: asyncio.TimerHandle | None = None
        self._closing = False
        self._failure: StoreUnavailable | None = None
        self._outage: Outage | None = None
        self._hurried: float | None = None
        self._lost: list[Completion] = []
        """Ends that could not be recorded for so long that nothing waits for it any more."""
        self._held: set[str] = set()
        """Rows that were claimed, and whose end is not recorded yet."""
        self._unrecorded = Unrecorded(database, ledger.owner)
        self._hanging: Future[Any] | None = None
        """The last transaction, if it took so long that nothing waits for it any more."""
        # One thread, so that an SQLite connection stays where it was opened.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="ledger")

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._write())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self.hurry()
        self._closing = True
        self._wake.set()
        try:
            await self._task
        finally:
            self._thread.shutdown(wait=False)

    @property
    def failure(self) -> StoreUnavailable | None:
        """Why the database could not be written; None where it could."""
        return self._failure

    @property
    def is_away(self) -> bool:
        """Say whether the database cannot be written just now: nothing is to be sent.

        What was claimed before is to be released, and claimed again when the database is back: by then
        another run may have it.
        """
        return self._outage is not None

    def holds(self, claimed: float) -> bool:
        """Say whether what was claimed may still be sent. If not, it is to be released, and claimed again.

        :param claimed: since when it is claimed, in seconds since 1970
        """
        return not self.is_away and not (self.ledger.once and time.time() - claimed > CLAIM_HOLDS)

    def hurry(self) -> None:
        """Take notice that the batch was told to end: a database that is away is not waited for long."""
        if self._hurried is None:
            self._hurried = time.monotonic()

    def ask(self, key: Sequence[str], id_: str | None = None) -> asyncio.Future[ClaimResult]:
        """Put a key into the next group.

        :param key: what makes two calls the same
        :param id_: id of its row, where it is known
        :return: the result to come, which may be ``BUSY``
        """
        future: asyncio.Future[ClaimResult] = asyncio.get_running_loop().create_future()
        if id_ is None:
            id_ = self.ledger.id_of(key)
        if self._failure is not None:
            future.set_exception(self._failure)
        elif id_ in self._claims:
            # The batch has the record twice, close together.
            future.set_result(ClaimResult(ClaimStatus.BUSY))
        else:
            self._claims[id_] = (key, future)
            self._wake.set()
        return future

    async def claim(
        self, key: Sequence[str], id_: str | None = None, *, ended: asyncio.Event | None = None
    ) -> ClaimResult:
        """Claim a key, and wait while another run is sending it.

        :param key: what makes two calls the same
        :param id_: id of its row, where it is known
        :param ended: when it is set, the waiting ends
        :return: the result, which is ``BUSY`` only where ``ended`` is set
        :raises StoreUnavailable: it could not be recorded: do not send
        """
        claim = await self.ask(key, id_)
        while claim.status is ClaimStatus.BUSY and not (ended and ended.is_set()):
            await asyncio.sleep(BUSY_PAUSE)
            claim = await self.ask(key, id_)
        return claim

    def settle(self, completion: Completion) -> None:
        """Note how a request ended; it is written with the next group.

        :param completion: the outcome
        """
        self._completions.append(completion)
        if self.ledger.once or self._closing or len(self._completions) >= GROUP:
            self._wake.set()
        elif self._alarm is None:
            self._alarm = asyncio.get_running_loop().call_later(WRITE_DELAY, self._wake.set)

    async def _write(self) -> None:
        while not (self._closing and not self._claims and not self._completions):
            await self._wake.wait()
            self._wake.clear()
            # Let all that are ready in this turn of the loop join the group.
            await asyncio.sleep(0)
            if self._alarm is not None:
                self._alarm.cancel()
                self._alarm = None
            claims, self._claims = self._claims, {}
            ends, self._completions = self._completions, []
            if claims or ends:
                await self._commit(claims, ends)
        if self._outage is not None:
            self._outage.log_loss(self._lost, self._unrecorded.path if self._unrecorded.is_kept else None)

    async def _commit(
        self, claims: dict[str, tuple[Sequence[str], asyncio.Future[ClaimResult]]], ends: list[Completion]
    ) -> None:
        # What could not be recorded for too long gets another chance with each group.
        ends, self._lost = [*self._lost, *ends], []
        while claims or ends:
            keys = {id_: key for id_, (key, _) in claims.items()}
            began = time.monotonic()
            try:
                results = await self._commit_once(keys, ends, began)
            except Exception as error:
                outage = self._take_notice(error, began)
                # Asked once: it may be over a moment later, and who waits must have an answer then.
                over = outage.is_over(self._hurried)
                if over or not outage.temporary:
                    self._refuse(claims, outage.error)
                    claims = {}
                # A commit may have arrived whose answer did not.
                doubtful = keys.keys() - self._held - {end.id for end in ends}
                ends = [*ends, *(Completion(id_, "released") for id_ in sorted(doubtful))]
                await self._keep(ends)
                if over:
                    self._failure, self._lost = outage.error, ends
                    return
                await asyncio.sleep(outage.pause())
                claims = {id_: claim for id_, claim in claims.items() if not claim[1].done()}
                continue
            # First: what is claimed now leaves with the answer. A file that still says that it was released
            # would have it sent again if this process is killed then.
            if self._unrecorded.is_kept:
                self._unrecorded.remove()
            self._answer(claims, results, ends)
            return

    async def _commit_once(
        self, keys: dict[str, Sequence[str]], ends: list[Completion], began: float
    ) -> dict[str, ClaimResult]:
        if self._hanging is not None and not self._hanging.done():
            raise self._no_answer()
        running = self._thread.submit(self._transact, keys, ends)
        work = asyncio.wrap_future(running)
        while not (await asyncio.wait([work], timeout=HANGING))[0]:
            # A task that is told to end has no time to find out whether it fails.
            await self._keep(ends)
            if self._is_over(began):
                # Its thread cannot be stopped. What it may still record is true.
                self._hanging = running
                work.cancel()
                raise self._no_answer()
        return work.result()

    def _is_over(self, began: float) -> bool:
        """Say whether a transaction has been waited for long enough."""
        if self._outage is not None:
            return self._outage.is_over(self._hurried)
        return is_over(began, limit_of(self.ledger.lease), self._hurried)

    def _no_answer(self) -> StoreUnavailable:
        error = StoreUnavailable(
            f"the ledger ({self._database.place}) does not answer.",
            remedy="Check that the database is up, and that no session of it holds locks for long.",
        )
        error.temporary = True
        return error

    def _take_notice(self, error: Exception, began: float) -> Outage:
        """Take notice of a transaction that failed, whatever it is: all that wait must get an answer."""
        if not isinstance(error, StoreUnavailable):
            error = StoreUnavailable(f"the ledger failed: {type(error).__name__}")
        if self._outage is None:
            self._outage = Outage(error, self.ledger.lease, began)
        self._outage.fail(error)
        if not error.temporary:
            self._failure = error
        return self._outage

    def _refuse(
        self, claims: dict[str, tuple[Sequence[str], asyncio.Future[ClaimResult]]], error: StoreUnavailable
    ) -> None:
        self._failure = error
        for _, future in claims.values():
            if not future.done():
                future.set_exception(error)
                # The record may no longer wait for it.
                future.exception()

    async def _keep(self, ends: list[Completion]) -> None:
        """Keep in a file what is not recorded: this process may be killed before the database is back."""
        waiting = [*ends, *self._completions]
        if self.ledger.once and waiting:
            await asyncio.to_thread(self._unrecorded.keep, waiting)

    def _answer(
        self,
        claims: dict[str, tuple[Sequence[str], asyncio.Future[ClaimResult]]],
        results: dict[str, ClaimResult],
        ends: list[Completion],
    ) -> None:
        if self._outage is not None:
            self._outage.log_end(ends)
            self._outage = None
        self._held.difference_update(end.id for end in ends)
        for id_, (_, future) in claims.items():
            if results[id_].status is ClaimStatus.TAKEN:
                self._held.add(id_)
            if not future.done():
                future.set_result(results[id_])
            elif results[id_].status is ClaimStatus.TAKEN:
                # The record no longer waits, so it is certainly not sent.
                self.settle(Completion(id_, "released"))

    def _transact(self, keys: dict[str, Sequence[str]], ends: list[Completion]) -> dict[str, ClaimResult]:
        if self._database.is_sqlite:
            with self._accompanied() as accompany, self._database.begin() as connection:
                if ends:
                    self.ledger.settle(connection, ends)
                accompany(connection)
                return self.ledger.claim_rows(connection, keys) if keys else {}
        # Each locks rows in the order of their ids. In one transaction they would not, and two runs could
        # deadlock.
        if ends:
            self._database.run(lambda connection: self.ledger.settle(connection, ends))
        if self._companion is not None:
            self._companion.flush()
        return self._database.run(lambda connection: self.ledger.claim_rows(connection, keys)) if keys else {}

    @contextmanager
    def _accompanied(self) -> Iterator[Callable[[sa.Connection], None]]:
        """Write what the companion has; it keeps what could not be written."""
        companion = self._companion
        if companion is None:
            yield lambda connection: None
            return
        taken = companion.take()
        try:
            yield lambda connection: companion.write(connection, taken)
        except BaseException:
            companion.restore(taken)
            raise
