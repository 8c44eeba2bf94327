"""Write what a socket tells beside its watchers, where its messages themselves are not written."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import TYPE_CHECKING, Self

from airflow_provider.events import notices
from airflow_provider.exceptions import VendorError

if TYPE_CHECKING:
    from airflow_provider.events.hearing import Event

log = logging.getLogger(__name__)

MOST = 100
"""Notices that wait for a database that is away. All say that messages may be missing: the newest will do."""

LONGEST_PAUSE = 30.0
"""Seconds between two attempts to use a database that is away."""


class Noting:
    """Writes notices in the background, so that nobody waits for the database.

    :param name: whose socket it is, for logs
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._waiting: deque[notices.Notice] = deque(maxlen=MOST)
        self._news = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._write())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    def note(self, event: Event) -> None:
        """Note what an event tells beside the watchers, if it does.

        :param event: the event
        """
        if event.notice is not None:
            self._waiting.append(notices.notice_of(event.told, event.at, event.notice))
            self._news.set()

    async def _write(self) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            pause = 1.0
            while self._waiting and not await self._written():
                await asyncio.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE)

    async def _written(self) -> bool:
        from airflow_provider.store.location import aconfigured

        some = [*self._waiting]
        try:
            database = await aconfigured()
            try:
                await asyncio.to_thread(notices.add, database, some)
            finally:
                await asyncio.to_thread(database.close)
        except Exception as error:
            why = str(error) if isinstance(error, VendorError) else type(error).__name__
            log.error("%s: a gap cannot be told to its asset yet: %s", self._name, why)
            return False
        for one in some:
            if self._waiting and self._waiting[0] is one:
                self._waiting.popleft()
        return True
