"""Write to a slow file from a thread of its own, so that no record waits for the network."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import deque
from typing import Protocol

from airflow_provider.records.storage import as_os_error

BLOCK = 256 * 1024
"""Bytes that the thread gets at once."""

LIMIT = 32 * 1024 * 1024
"""Bytes that may wait for the thread."""


class Sink(Protocol):
    """What bytes are written to."""

    def write(self, data: bytes, /) -> object:
        """Take bytes."""


class BackgroundWriter:
    """Gives bytes to a thread that writes them, in order.

    :meth:`write` never waits inside an event loop: there the caller awaits :meth:`drain` between records.
    Elsewhere it waits itself when :data:`LIMIT` bytes are on their way. One thread at a time may call these
    methods.

    :param sink: what the thread writes to
    :param path: name of the file, for errors and for the thread
    """

    def __init__(self, sink: Sink, path: str) -> None:
        self._sink = sink
        self._path = path
        self._block = bytearray()
        self._queue: deque[bytes] = deque()
        self._queued = 0
        self._ended = False
        self._error: Exception | None = None
        self._changed = threading.Condition()
        self._drained: list[tuple[asyncio.AbstractEventLoop, asyncio.Future[None]]] = []
        """Who waits for room in an event loop."""
        self._thread: threading.Thread | None = None

    def pending(self) -> int:
        """Say how many bytes are not written yet."""
        return self._queued + len(self._block)

    def write(self, data: bytes) -> None:
        """Take bytes.

        :param data: the bytes
        :raises OSError: the thread could not write what it was given before
        """
        self._raise_error()
        self._block += data
        if len(self._block) >= BLOCK:
            self._hand_over()
            if self._queued > LIMIT and not _in_event_loop():
                self._wait_for_room()
                self._raise_error()

    async def drain(self) -> None:
        """Wait until there is room for more, without holding up the event loop.

        :raises OSError: the thread could not write what it was given before
        """
        # Not in a thread of the event loop's: a hundred records that wait would take all of them.
        with self._changed:
            waits = self._queued > LIMIT
            if waits:
                loop = asyncio.get_running_loop()
                room: asyncio.Future[None] = loop.create_future()
                self._drained.append((loop, room))
        if waits:
            await room
        self._raise_error()

    def finish(self) -> None:
        """Wait until everything is written.

        :raises OSError: it could not be written
        """
        if self._block and self._error is None:
            self._hand_over()
        self._end()
        self._raise_error()

    def abandon(self) -> None:
        """Write nothing more; wait for what is being written."""
        with self._changed:
            self._drop()
        self._end()

    def _hand_over(self) -> None:
        block = bytes(self._block)
        self._block.clear()
        with self._changed:
            self._queue.append(block)
            self._queued += len(block)
            self._changed.notify_all()
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name=f"write {self._path}", daemon=True)
            self._thread.start()

    def _end(self) -> None:
        with self._changed:
            self._ended = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join()

    def _wait_for_room(self) -> None:
        # Half of it: to wait again after each block would cost more than the blocks.
        with self._changed:
            self._changed.wait_for(self._has_room)

    def _has_room(self) -> bool:
        return self._queued <= LIMIT // 2

    def _tell(self) -> None:
        self._changed.notify_all()
        if self._drained and self._has_room():
            for loop, room in self._drained:
                # The loop is closed where a batch has ended without waiting.
                with contextlib.suppress(RuntimeError):
                    loop.call_soon_threadsafe(_end_waiting, room)
            self._drained.clear()

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._queue or self._ended)
                if not self._queue:
                    return
                block = self._queue.popleft()
            try:
                self._sink.write(block)
            except Exception as error:
                with self._changed:
                    self._error = error
                    self._drop()
                return
            with self._changed:
                self._queued = max(0, self._queued - len(block))
                self._tell()

    def _drop(self) -> None:
        self._block.clear()
        self._queue.clear()
        self._queued = 0
        self._tell()

    def _raise_error(self) -> None:
        if self._error is not None:
            raise as_os_error(self._error, self._path) from self._error


def _end_waiting(room: asyncio.Future[None]) -> None:
    if not room.done():
        room.set_result(None)


def _in_event_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
