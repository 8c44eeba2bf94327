"""Records are read ahead of those that are sent, in a thread, and their jobs handed out in turn."""

from __future__ import annotations

import asyncio
from itertools import islice
from typing import TYPE_CHECKING

from airflow_provider.batch.jobs import READ_AHEAD, Job
from airflow_provider.exceptions import VendorError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from airflow_provider.batch.jobs import JobMaker
    from airflow_provider.batch.plan import Plan
    from airflow_provider.batch.turns import Turns
    from airflow_provider.records.readers import Records, Row


class ReadAhead:
    """The records of a batch that are not under way yet; a few hundred are in memory.

    :param plan: how the batch is to be run
    :param records: the records, open
    :param maker: makes jobs of them
    :param turns: hands the jobs out
    :param news: is set when a worker that has nothing to do has to look again
    :param ended: is set when the batch ends, and nothing more is to be sent
    :param end: ends the batch, where its records cannot be read or its worker has the wrong key
    :param claim: asks the ledger for the records of a request that have just been read
    """

    def __init__(
        self,
        plan: Plan,
        records: Records,
        maker: JobMaker,
        turns: Turns,
        *,
        news: asyncio.Event,
        ended: asyncio.Event,
        end: Callable[[BaseException], None],
        claim: Callable[[list[Job]], None],
    ) -> None:
        self.count = 0
        """Records that have been read."""
        self.reading: asyncio.Task[None] | None = None
        """Reads some more, just now."""
        self._sealed = plan.mapping.sealed
        self._files = plan.operation.files
        self._rows = iter(records)
        self._maker = maker
        self._turns = turns
        self._news = news
        self._ended = ended
        self._end = end
        self._claim = claim
        self._low = max(1, READ_AHEAD // 2 // plan.chunk_size)
        self._at_end = False
        self._unreadable: VendorError | None = None

    async def next(self) -> list[Job] | None:
        """Wait for the records of the next request.

        :return: the records; None where there are no more, or the batch has ended
        """
        while not self._ended.is_set():
            if len(self._turns) <= self._low and not self._at_end and self.reading is None:
                self.reading = asyncio.create_task(self._read())
                self.reading.add_done_callback(lambda _: self._news.set())
            if (jobs := self._turns.take()) is not None:
                return jobs
            if self.reading is not None and self.reading.done():
                # It has failed.
                await self.reading
            elif self.reading is None and self._at_end and self._turns.is_empty:
                if self._unreadable is not None:
                    self._end(self._unreadable)
                return None
            else:
                await self._turns.wait()
        return None

    async def _read(self) -> None:
        """Read some more records, while those before them are under way."""
        try:
            rows = await asyncio.to_thread(_take, self._rows)
        except VendorError as error:
            # It ends the batch when the records before it are done.
            self._unreadable, rows = error, []
        self._at_end = not rows
        groups: Iterable[list[Job]] = self._maker.groups(rows, at_end=self._at_end)
        if self._files:
            groups = await asyncio.to_thread(self._made, groups)
        for jobs in groups:
            self._claim(jobs)
            self._turns.add(jobs)
        self.count += len(rows)
        if wrong_key := self._sealed.wrong_key_of(self.count):
            # None of these records has left yet.
            self._end(wrong_key)
        self.reading = None

    def _made(self, groups: Iterable[list[Job]]) -> list[list[Job]]:
        made = []
        for jobs in groups:
            made.append(jobs)
            if self._ended.is_set():
                # Nothing of the rest is going to be sent, so it is not read.
                break
        return made


def _take(rows: Iterator[Row]) -> list[Row]:
    return list(islice(rows, READ_AHEAD))
