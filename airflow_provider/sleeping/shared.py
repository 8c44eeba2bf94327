"""What the triggers of a process share, for as long as they use it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

KEPT = 60.0
"""Seconds after which a new one is made: a connection that was edited counts from then on."""


class Closed(Protocol):
    """What can be closed."""

    def close(self) -> None:
        """Let go of everything."""


T = TypeVar("T", bound=Closed)


class SharedByLoop(Generic[T]):
    """One object for each hook and connection in an event loop.

    :param make: makes it, of the path of the hook's class and the id of the connection
    """

    def __init__(self, make: Callable[[str, str], Awaitable[T]]) -> None:
        self._make = make
        self._kept: WeakKeyDictionary[
            asyncio.AbstractEventLoop, dict[tuple[str, str], tuple[float, asyncio.Task[T]]]
        ] = WeakKeyDictionary()

    async def get(self, path: str, conn_id: str) -> T:
        """Return the one of a hook and a connection.

        :param path: path of the hook's class
        :param conn_id: id of the connection
        """
        loop = asyncio.get_running_loop()
        kept = self._kept.setdefault(loop, {})
        for key in [key for key, (until, _) in kept.items() if until < loop.time()]:
            _, made = kept.pop(key)
            if made.done() and not made.cancelled() and made.exception() is None:
                made.result().close()
        key = (path, conn_id)
        if key not in kept:
            kept[key] = (loop.time() + KEPT, loop.create_task(self._made(path, conn_id)))
        mine = kept[key]
        try:
            return await asyncio.shield(mine[1])
        except Exception:
            # The next one tries again, if it has not begun to.
            if kept.get(key) is mine:
                kept.pop(key)
            raise

    async def _made(self, path: str, conn_id: str) -> Any:
        return await self._make(path, conn_id)
