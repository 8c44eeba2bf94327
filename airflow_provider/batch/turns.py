"""Whose turn it is: records in the order in which they were read, and those that wait for another run."""

from __future__ import annotations

import asyncio
import heapq
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING

from airflow_provider.batch.jobs import READ_AHEAD
from airflow_provider.ledger.recorder import BUSY_PAUSE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from airflow_provider.batch.jobs import Job

LONGEST_PAUSE = 2.0
"""Seconds between claims of a record that another run holds for long, perhaps until its lease ends."""

MOST_BUSY = 2 * READ_AHEAD
"""Records that wait for other runs while others are sent; as many as a lost task has claimed at most."""


class Turns:
    """Hands out the records of a batch, those of one request at a time.

    Records that another run is sending are put back, and come again after a pause. So nothing of the batch
    waits for them, and they take no place of a request.

    :param news: is set when somebody who waits has to look again
    :param is_far_ahead: says of the number of a record whether its result would have to wait for too many
    """

    def __init__(self, news: asyncio.Event, is_far_ahead: Callable[[int], bool]) -> None:
        self._news = news
        self._is_far_ahead = is_far_ahead
        self._read: deque[list[Job]] = deque()
        self._busy: list[tuple[float, int, list[Job]]] = []
        """When they come again, and the number of the first; the next is in front."""
        self._busy_records = 0

    def __len__(self) -> int:
        """Return how many requests have not had a turn yet."""
        return len(self._read)

    def __iter__(self) -> Iterator[Job]:
        """Yield the records that have not had a turn yet."""
        for jobs in self._read:
            yield from jobs

    @property
    def is_empty(self) -> bool:
        """Say whether nothing is left to be handed out."""
        return not self._read and not self._busy

    def add(self, jobs: list[Job]) -> None:
        """Take the records of a request that have just been read."""
        self._read.append(jobs)

    def put_back(self, jobs: list[Job], *, at_once: bool = False) -> None:
        """Take records back that cannot be sent now.

        :param jobs: the records
        :param at_once: they come again without a pause
        """
        pause = 0.0
        if not at_once:
            pause = min(LONGEST_PAUSE, BUSY_PAUSE * 2.0 ** min(16, jobs[0].put_back))
            jobs[0].put_back += 1
        due = asyncio.get_running_loop().time() + pause
        heapq.heappush(self._busy, (due, jobs[0].row.number, jobs))
        self._busy_records += len(jobs)
        # Who waits for something later has to wait for this.
        self._news.set()

    def take(self) -> list[Job] | None:
        """Return the records of the next request; None where there is none just now."""
        if self._busy:
            if self._busy[0][0] <= asyncio.get_running_loop().time():
                jobs = heapq.heappop(self._busy)[2]
                self._busy_records -= len(jobs)
                return jobs
            if self._busy_records >= MOST_BUSY:
                return None
        if self._read and not self._is_far_ahead(self._read[0][0].row.number):
            return self._read.popleft()
        return None

    async def wait(self) -> None:
        """Wait until it is worth while to :meth:`take` again."""
        self._news.clear()
        due = self._busy[0][0] if self._busy else None
        with suppress(TimeoutError):
            async with asyncio.timeout_at(due):
                await self._news.wait()
