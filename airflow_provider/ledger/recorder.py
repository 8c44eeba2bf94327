"""The ledger from inside an event loop: many small questions, few transactions."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol, Self

from airflow_provider.exceptions import StoreUnavailable
from airflow_provider.ledger.ledger import ClaimResult, ClaimStatus, Completion

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from types import TracebackType

    import sqlalchemy as sa

    from airflow_provider.ledger.ledger import Ledger
    from airflow_provider.store.engine import Database

BUSY_PAUSE = 0.2
"""Seconds between two looks at a row that somebody else is at."""

GROUP = 200
PATIENCE = 0.1
"""The ends of requests that may be repeated are written with the next claims; at the latest when there are so
many of them, or after so many seconds: if they are lost, the requests are sent again, which is harmless."""

SETTLING_ATTEMPTS = 5
"""How often the ends of requests that have been sent are offered to a database that is away."""


class Companion(Protocol):
    """Something else that is written down with each group, in the same transaction where that is possible."""

    def take(self) -> Any:
        """Hand over what is to be written."""

    def write(self, connection: sa.Connection, taken: Any) -> None:
        """Write what :meth:`take` returned, in an open transaction."""

    def restore(self, taken: Any) -> None:
        """Take back what was written in vain."""

    def flush(self) -> None:
        """Write what there is in a transaction of its own. It must not fail."""


class Recorder:
    """Gathers what has to be recorded and commits it in groups.

    While one group is being written, the next gathers. ``async with`` writes what is left at the end.

    :param database: the database
    :param ledger: the ledger as this run uses it
    :param companion: what else is written down along with each group
    """

    def __init__(self, database: Database, ledger: Ledger, companion: Companion | None = None) -> None:
        self.ledger = ledger
        self._companion = companion
        self._database = database
        self._claims: dict[str, tuple[Sequence[str], asyncio.Future[ClaimResult]]] = {}
        self._settlements: list[Completion] = []
        self._wake = asyncio.Event()
        self._alarm: asyncio.TimerHandle | None = None
        self._closing = False
        self._failure: StoreUnavailable | None = None
        # One thread, so that an SQLite connection stays where it was opened.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="ledger")

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._write())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing = True
        self._wake.set()
        try:
            await self._task
        finally:
            self._thread.shutdown(wait=False)

    @property
    def failure(self) -> StoreUnavailable | None:
        """Why the database took something no longer, if it did not."""
        return self._failure

    def ask(self, key: Sequence[str], id_: str | None = None) -> asyncio.Future[ClaimResult]:
        """Put a key into the next group.

        :param key: what makes two calls the same
        :param id_: id of its row, where it is at hand
        :return: the answer to come, which may be ``BUSY``
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
        """Claim a key, waiting while somebody else is at it.

        :param key: what makes two calls the same
        :param id_: id of its row, where it is at hand
        :param ended: when it is set, nobody waits any more
        :return: the answer, which is ``BUSY`` only where ``ended`` is set
        :raises StoreUnavailable: it could not be recorded: do not send
        """
        claim = await self.ask(key, id_)
        while claim.status is ClaimStatus.BUSY and not (ended and ended.is_set()):
            await asyncio.sleep(BUSY_PAUSE)
            claim = await self.ask(key, id_)
        return claim

    def settle(self, completion: Completion) -> None:
        """Take down how a request ended; it is written with the next group.

        :param completion: the end
        """
        self._settlements.append(completion)
        if self.ledger.once or self._closing or len(self._settlements) >= GROUP:
            self._wake.set()
        elif self._alarm is None:
            self._alarm = asyncio.get_running_loop().call_later(PATIENCE, self._wake.set)

    async def _write(self) -> None:
        while not (self._closing and not self._claims and not self._settlements):
            await self._wake.wait()
            self._wake.clear()
            # Let everybody who is ready in this turn of the loop join the group.
            await asyncio.sleep(0)
            if self._alarm is not None:
                self._alarm.cancel()
                self._alarm = None
            claims, self._claims = self._claims, {}
            ends, self._settlements = self._settlements, []
            if claims or ends:
                await self._commit(claims, ends)

    async def _commit(
        self, claims: dict[str, tuple[Sequence[str], asyncio.Future[ClaimResult]]], ends: list[Completion]
    ) -> None:
        loop = asyncio.get_running_loop()
        keys = {id_: key for id_, (key, _) in claims.items()}
        for attempt in range(SETTLING_ATTEMPTS if ends else 1):
            try:
                results = await loop.run_in_executor(self._thread, self._transact, keys, ends)
            except Exception as error:
                # Whatever it is, nobody may be left waiting for an answer.
                if not isinstance(error, StoreUnavailable):
                    error = StoreUnavailable(f"the ledger failed: {type(error).__name__}")
                self._failure = error
                # Nobody waits to send for a database that is away: the batch ends.
                for _, future in claims.values():
                    if not future.done():
                        future.set_exception(error)
                        # Not everybody who asked is still there to hear it.
                        future.exception()
                claims, keys = {}, {}
                if attempt < SETTLING_ATTEMPTS - 1:
                    await asyncio.sleep(0.2 * 2**attempt)
                continue
            for id_, (_, future) in claims.items():
                if not future.done():
                    future.set_result(results[id_])
                elif results[id_].status is ClaimStatus.TAKEN:
                    # Who asked has gone, and certainly sends nothing.
                    self.settle(Completion(id_, "released"))
            return

    def _transact(self, keys: dict[str, Sequence[str]], ends: list[Completion]) -> dict[str, ClaimResult]:
        if self._database.is_sqlite:
            with self._accompanied() as accompany, self._database.begin() as connection:
                if ends:
                    self.ledger.settle(connection, ends)
                accompany(connection)
                return self.ledger.claim_rows(connection, keys) if keys else {}
        # Each locks rows in the order of their ids; the two together would not, and two runs could come to
        # wait for each other.
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
