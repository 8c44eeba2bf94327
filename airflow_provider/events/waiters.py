"""Wait for one event of a socket; all that wait in an event loop for the same socket share it."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from airflow_provider.events.hearing import Hearing
from airflow_provider.events.stream import Limits

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider.events.feed import Feed


class _Shared:
    """A socket, and who waits for something that it may say."""

    def __init__(self, feed: Feed) -> None:
        self.waiting: dict[asyncio.Future[dict[str, Any]], Callable[[dict[str, Any]], bool]] = {}
        self._hearing = Hearing(feed, Limits())
        self.task = asyncio.create_task(self._listen())

    async def _listen(self) -> None:
        try:
            async with contextlib.aclosing(self._hearing.events()) as events:
                async for event in events:
                    for future, wanted in list(self.waiting.items()):
                        if not future.done() and wanted(event.told):
                            future.set_result(event.told)
        except Exception as error:
            for future in self.waiting:
                if not future.done():
                    future.set_exception(error)
            raise


_shared: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, _Shared]] = WeakKeyDictionary()


async def wait_for(
    key: str, feed: Callable[[], Feed], wanted: Callable[[dict[str, Any]], bool], seconds: float
) -> dict[str, Any] | None:
    """Wait for the first event that is wanted.

    :param key: names the socket
    :param feed: makes the kind of socket, where nobody has
    :param wanted: says whether an event is waited for
    :param seconds: how long to wait
    :return: the event; None where it has not come in time
    """
    loop = asyncio.get_running_loop()
    sockets = _shared.setdefault(loop, {})
    if (shared := sockets.get(key)) is None or shared.task.done():
        shared = sockets[key] = _Shared(feed())
    future: asyncio.Future[dict[str, Any]] = loop.create_future()
    shared.waiting[future] = wanted
    try:
        # Not `wait_for`: in Python 3.11 it loses a cancellation that comes together with the event.
        async with asyncio.timeout(max(seconds, 0.0)):
            return await future
    except TimeoutError:
        return None
    finally:
        del shared.waiting[future]
        if not shared.waiting:
            if sockets.get(key) is shared:
                del sockets[key]
            shared.task.cancel()
            await asyncio.gather(shared.task, return_exceptions=True)
