"""A stream whose messages are stored before they are told, and told until they are confirmed."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import logging
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from airflow_provider import clock
from airflow_provider.events.hearing import Hearing
from airflow_provider.events.matching import find
from airflow_provider.events.notices import notice_of
from airflow_provider.events.spool import LEASE, Spool, Spooled, Waiting
from airflow_provider.events.stream import Gap, Limits
from airflow_provider.events.window import Window
from airflow_provider.exceptions import StoreUnavailable, VendorError
from airflow_provider.http.metrics import gauge

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Sequence

    from airflow_provider.events.feed import Feed
    from airflow_provider.events.hearing import Event
    from airflow_provider.store.engine import Database

log = logging.getLogger(__name__)

T = TypeVar("T")

WINDOW = 256
"""Messages that are told and not yet confirmed, at most: a subscriber's queue has room for 1,024. They are
fewer where Airflow is slow."""

WINDOW_SIZE = 16 * 1024 * 1024
"""Characters that they have together, at most, but for one."""

BUFFER = 1000
BUFFER_SIZE = 16 * 1024 * 1024
"""Messages, and bytes of them, that wait to be stored. When it is full the socket is not read."""

GATHERING = 3.0
"""Seconds before anything is told: the triggers of a triggerer that has started do not come all at once."""

TOLD_AGAIN = 5.0
"""Seconds until what was not confirmed is told again: by then the trigger that failed has started again."""

MOST_TOLD = 5
"""How often a message is told that is never confirmed."""

KEEP = 5.0
"""Seconds between two renewals of the lease."""

FIRST_PAUSE = 0.5
LONGEST_PAUSE = 30.0
"""Seconds between two attempts to use a database that is away: longer after each."""


class SpooledStream:
    """Reads a socket into the spool, and tells what is in the spool.

    :param feed: the kind of socket
    :param stream: what is listened to: listeners of the same stream take over from each other
    :param latest_by: dotted path into a message; of messages that have the same there and wait to be told,
        only the newest is
    :param limits: what the socket may do
    :param database: opens the provider's database
    :param gathering: seconds before anything is told
    """

    def __init__(
        self,
        feed: Feed,
        stream: str,
        database: Callable[[], Awaitable[Database]],
        *,
        latest_by: str | None = None,
        limits: Limits | None = None,
        gathering: float = GATHERING,
    ) -> None:
        self._feed = feed
        self._stream_id = hashlib.blake2b(stream.encode(), digest_size=16, person=b"stream").hexdigest()
        self._open_database = database
        self._latest_by = latest_by
        self._limits = limits or Limits()
        self._gathering = gathering
        self._spool: Spool | None = None
        self._hearing = Hearing(feed, self._limits)
        self._turn = asyncio.Lock()
        self._buffer: list[tuple[Waiting, int]] = []
        self._buffered = 0
        self._stored_until: float | None = None
        self._arrived, self._room, self._news = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._news_of_confirmed = asyncio.Event()
        self._told = Window()
        self._confirmed: list[int] = []
        self._failures: dict[int, int] = {}
        self._given_up: list[int] = []
        self._last = 0
        self._again: tuple[float, int] | None = None
        self._tasks: list[asyncio.Task[None]] = []

    async def messages(self) -> AsyncGenerator[Spooled, None]:
        """Tell messages: first those that an earlier listener has left, and each until it is confirmed."""
        self._spool = await self._begin()
        self._tasks = [
            asyncio.create_task(work)
            for work in (self._receive(), self._store(), self._keep(), self._remove())
        ]
        try:
            await asyncio.sleep(self._gathering)
            while True:
                for message in await self._next():
                    self._told.add(message.id, message.size, time.monotonic())
                    yield message
                    # Many at once would fill the queues before anyone has read from them.
                    await asyncio.sleep(0)
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def confirm(self, done: Iterable[int], failed: Iterable[int] = (), unheard: Iterable[int] = ()) -> None:
        """Say what has become of messages.

        :param done: those that all who were told have dealt with
        :param failed: those that somebody has failed at: they are told again, some times
        :param unheard: those that nobody was there to hear: they are told again
        """
        done = [*done]
        self._told.confirmed(done, time.monotonic(), WINDOW)
        self._confirmed.extend(done)
        again = [*unheard]
        for id_ in failed:
            self._failures[id_] = self._failures.get(id_, 0) + 1
            (again if self._failures[id_] < MOST_TOLD else self._given_up).append(id_)
        self._tell_again(again)
        self._news_of_confirmed.set()
        self._news.set()

    async def close(self) -> None:
        """Stop listening: whoever comes next goes on here."""
        spool = self._spool
        if spool is None:
            return
        try:
            # What cannot be stored any more is told as a gap by whoever comes next.
            until = self._heard_until()
            async with self._turn:
                if messages := [message for message, _ in self._buffer]:
                    await asyncio.to_thread(spool.add, messages)
                if self._confirmed:
                    await asyncio.to_thread(spool.delete, self._confirmed)
                await asyncio.to_thread(spool.end, until)
        except StoreUnavailable as error:
            log.warning("%s. What was told may be told again.", error)
        finally:
            await asyncio.to_thread(spool.close)

    # --- from the socket into the spool ---

    async def _begin(self) -> Spool:
        pause = FIRST_PAUSE
        while True:
            try:
                database = await self._open_database()
                spool = Spool(database, self._stream_id, self._feed.conn_id, lease=_lease())
                since = await asyncio.to_thread(spool.begin)
                break
            except Exception as error:
                why = str(error) if isinstance(error, VendorError) else type(error).__name__
                log.error(
                    "%s: nothing is received until the provider's database can be used: %s",
                    self._hearing.name,
                    why,
                )
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)
        self._stored_until = since
        heard = None if since is None else datetime.fromtimestamp(since, UTC)
        self._hearing.socket.heard_until = heard
        return spool

    async def _receive(self) -> None:
        async with contextlib.aclosing(self._hearing.events()) as events:
            async for event in events:
                self._put(event)
                while self._is_full():
                    # The socket is not read meanwhile. Where the server goes on sending, it gets no answer to
                    # its pings, the socket is lost, and there is a gap.
                    self._room.clear()
                    await self._room.wait()

    def _latest(self, event: dict[str, Any]) -> str | None:
        if self._latest_by is None or (value := find(event["payload"], self._latest_by)) is None:
            return None
        text = json.dumps(value, sort_keys=True)
        return hashlib.blake2b(text.encode(), digest_size=16, person=b"latest").hexdigest()

    def _put(self, event: Event, *, for_all: bool = False) -> None:
        self._buffer.append((self._waiting(event, for_all=for_all), event.size))
        self._buffered += event.size
        self._arrived.set()

    def _waiting(self, event: Event, *, for_all: bool = False) -> Waiting:
        latest = None if event.told["gap"] else self._latest(event.told)
        notice = notice_of(event.told, event.at, event.notice) if event.notice else None
        return Waiting(event.told, event.at, latest, notice, for_all)

    def _is_full(self) -> bool:
        return len(self._buffer) >= BUFFER or self._buffered >= BUFFER_SIZE

    async def _store(self) -> None:
        """Store what has come, all that waits in one transaction, for as long as it takes."""
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            while batch := self._buffer[:BUFFER]:
                messages = [message for message, _ in batch]
                await self._use(Spool.add, messages, self._told.ids())
                del self._buffer[: len(batch)]
                self._buffered -= sum(size for _, size in batch)
                self._stored_until = messages[-1].received_at
                self._room.set()
                self._news.set()

    def _heard_until(self) -> float | None:
        """Say until when everything is heard, and stored."""
        if not self._hearing.socket.is_open or self._buffer:
            return self._stored_until
        # A server that is gone is noticed by a ping without an answer.
        alive = clock.now().timestamp() - 2 * self._limits.heartbeat
        return max(alive, self._stored_until or alive)

    async def _keep(self) -> None:
        while True:
            until = self._heard_until()
            for heard in await self._use(Spool.keep, until):
                self._taken_over(heard)
            waiting = await self._use(Spool.count)
            gauge("stream.spooled", waiting, conn_id=self._feed.conn_id)
            await asyncio.sleep(KEEP)

    def _taken_over(self, heard: float | None) -> None:
        """Tell the triggers of a listener that is gone what they may have missed, wherever they are now."""
        log.info("%s: another listener is gone; what it has left is told here.", self._hearing.name)
        since = None if heard is None else datetime.fromtimestamp(heard, UTC)
        self._put(self._hearing.gap(Gap(since, clock.now())), for_all=True)
        self._last = 0

    # --- from the spool to those who are told ---

    async def _next(self) -> list[Spooled]:
        """Wait for messages, and for room to tell them."""
        while True:
            self._fail_with_tasks()
            self._news.clear()
            if self._again and time.monotonic() >= self._again[0]:
                self._last, self._again = min(self._last, self._again[1] - 1), None
            room = min(self._told.size, WINDOW) - len(self._told)
            if room > 0 and self._told.characters < WINDOW_SIZE and (found := await self._load(room)):
                return found
            # Not `wait_for`: in Python 3.11 it loses a cancellation that comes together with news.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1.0):
                    await self._news.wait()

    async def _load(self, room: int) -> list[Spooled]:
        last = self._last
        loaded = await self._use(Spool.load, last, room)
        if not loaded or self._last != last:
            return []
        room_left = WINDOW_SIZE - self._told.characters
        taken: list[Spooled] = []
        for message in loaded:
            if room_left <= 0:
                break
            self._last = message.id
            if message.id not in self._told:
                taken.append(message)
                room_left -= message.size
        # Those that are being told are passed over; there may be more behind them.
        return taken or await self._load(room)

    async def _remove(self) -> None:
        """Remove what is confirmed, and make room for others."""
        while True:
            await self._news_of_confirmed.wait()
            self._news_of_confirmed.clear()
            while self._given_up:
                await self._give_up(self._given_up[0])
                del self._given_up[0]
            ids = [*self._confirmed]
            await self._use(Spool.delete, ids)
            del self._confirmed[: len(ids)]
            for id_ in ids:
                self._told.discard(id_)
                self._failures.pop(id_, None)
            self._news.set()

    async def _give_up(self, id_: int) -> None:
        """Tell a gap instead of a message, in its row: whoever is killed here loses neither."""
        log.error(
            "%s: a message was told %d times and not taken; it is told as a gap. See its log.",
            self._hearing.name,
            MOST_TOLD,
        )
        received = await self._use(Spool.received_at, id_)
        if received is not None:
            gap = Gap(datetime.fromtimestamp(received, UTC), clock.now())
            await self._use(Spool.replace, id_, self._waiting(self._hearing.gap(gap)))
        self._failures.pop(id_, None)
        self._tell_again([id_])

    def _tell_again(self, ids: Sequence[int]) -> None:
        for id_ in ids:
            self._told.discard(id_)
        if ids:
            first = min(ids) if self._again is None else min(*ids, self._again[1])
            self._again = (time.monotonic() + TOLD_AGAIN, first)

    def _fail_with_tasks(self) -> None:
        for task in self._tasks:
            if task.done():
                task.result()

    async def _use(self, work: Callable[..., T], *values: Any) -> T:
        """Use the spool, and wait for its database for as long as it is away."""
        pause, told_at = FIRST_PAUSE, float("-inf")
        while True:
            try:
                async with self._turn:
                    return await asyncio.to_thread(work, self._spool, *values)
            except StoreUnavailable as error:
                if time.monotonic() - told_at > 60:
                    log.error(
                        "%s: nothing is lost, and nothing told, meanwhile. %s", self._hearing.name, error
                    )
                    told_at = time.monotonic()
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)


def _lease() -> float:
    """Return how long a listener counts as alive: until Airflow has moved its triggers, and some more."""
    from airflow.sdk import conf

    threshold: float = conf.getfloat("triggerer", "triggerer_health_check_threshold", fallback=0.0)
    return max(LEASE, 2 * threshold)
