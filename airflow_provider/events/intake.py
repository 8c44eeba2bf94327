"""The way in: a bounded queue of deliveries, and threads that store them in groups."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections import Counter
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from airflow_provider.events import settings as configuration
from airflow_provider.events.outcome import Busy, Outcome
from airflow_provider.http.metrics import gauge, increase

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider.events.arrival import Arrival
    from airflow_provider.events.message import Message
    from airflow_provider.events.settings import Settings

__all__ = ["Busy", "Outcome", "Writer", "WriterCounts"]

log = logging.getLogger(__name__)

GROUP = 200
"""Most deliveries of one commit."""

RETRY_AFTER = 2
"""Seconds after which a vendor is asked to send again what found the queue full."""

IDLE = 0.25
"""Seconds after which a thread without work sees whether it is to end."""

STOP_TIMEOUT = 30.0
"""Seconds that the threads have to store what is queued when the process ends."""


@dataclass(slots=True)
class WriterCounts:
    """What a writer has done since its process started.

    :param deliveries: that were stored or counted as repeats
    :param groups: of deliveries that were stored together
    :param busy: that were turned away
    :param seconds: that the threads spent storing
    """

    deliveries: int = 0
    groups: int = 0
    busy: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class _Item:
    arrival: Arrival
    future: Future[Outcome]


class Writer:
    """Stores deliveries and tells their assets. One per process; threads start with the first delivery.

    A thread takes all that wait, up to :data:`GROUP`, into one transaction. While it commits, the next group
    gathers.

    :param settings: the configuration; that of Airflow where there is none
    :param sweeping: whether a thread looks for events that no run has got, see ``events/sweep.py``
    """

    def __init__(self, settings: Settings | None = None, *, sweeping: bool = True) -> None:
        self._settings = settings
        self._sweeping = sweeping
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._queue: queue.Queue[_Item] = queue.Queue()
        self._stopping = threading.Event()
        self._counts = WriterCounts()

    @property
    def counts(self) -> WriterCounts:
        """What it has done so far."""
        with self._lock:
            return replace(self._counts)

    @property
    def waiting(self) -> int:
        """How many deliveries wait to be stored."""
        return self._queue.qsize()

    def submit(self, conn_id: str, vendor: str, source: str, message: Message) -> Future[Outcome]:
        """Hand a delivery to the threads.

        Who no longer waits for the answer may cancel the future: the delivery is not stored then, unless that
        has begun.

        :param conn_id: the connection that it came in by
        :param vendor: the connection's type
        :param source: ``webhook`` or ``websocket``
        :param message: what it says
        :return: done when the delivery and its asset events are committed; it fails with :class:`Busy` if
            they could not be
        :raises Busy: the queue is full, or the process ends
        :raises InvalidInput: the configuration has a value that it cannot have
        """
        from airflow_provider.events.arrival import Arrival

        self.start()
        future: Future[Outcome] = Future()
        arrival = Arrival(
            conn_id=conn_id, vendor=vendor, source=source, message=message, received_at=datetime.now(UTC)
        )
        # Under the lock, so that nothing comes in behind what tells the threads to end.
        with self._lock:
            if self._stopping.is_set() or self._settings is None:
                raise Busy("this process is about to end", retry_after=RETRY_AFTER)
            try:
                fitted = arrival.fitted(self._settings.webhook_max_event_bytes)
                self._queue.put_nowait(_Item(fitted, future))
            except queue.Full:
                self._counts.busy += 1
                raise Busy(
                    f"{self._queue.maxsize} deliveries wait to be stored", retry_after=RETRY_AFTER
                ) from None
        return future

    def start(self) -> None:
        """Start the threads, unless they run. A process that only waits for deliveries sweeps from then on.

        :raises InvalidInput: the configuration has a value that it cannot have
        """
        with self._lock:
            if self._threads or self._stopping.is_set():
                return
            settings = self._settings = self._settings or configuration.load()
            self._queue = queue.Queue(settings.webhook_queue)
            work = [(self._store_groups, f"writer-{number}") for number in range(settings.webhook_writers)]
            if self._sweeping:
                work.append((self._sweep, "sweep"))
            self._threads = [
                # A process must not wait for a database that hangs: what is not stored was not answered.
                threading.Thread(target=target, args=(settings,), name=f"vendor-apis-{name}", daemon=True)
                for target, name in work
            ]
            for thread in self._threads:
                thread.start()

    def close(self) -> None:
        """Store what is queued, and stop the threads. Whatever comes after is turned away."""
        with self._lock:
            self._stopping.set()
            threads = list(self._threads)
        until = time.monotonic() + STOP_TIMEOUT
        for thread in threads:
            thread.join(max(until - time.monotonic(), 0))
        for item in self._take(self._queue.qsize()):
            _settle(item.future, Busy("this process has ended", retry_after=RETRY_AFTER))

    def _store_groups(self, settings: Settings) -> None:
        while not (self._stopping.is_set() and self._queue.empty()):
            try:
                first = self._queue.get(timeout=IDLE)
            except queue.Empty:
                continue
            self._store([first, *self._take(GROUP - 1)], settings)

    def _take(self, most: int) -> list[_Item]:
        taken: list[_Item] = []
        with suppress(queue.Empty):
            while len(taken) < most:
                taken.append(self._queue.get_nowait())
        return taken

    def _store(self, items: Sequence[_Item], settings: Settings) -> None:
        from airflow_provider.events.committing import commit

        items = [item for item in items if item.future.set_running_or_notify_cancel()]
        if not items:
            return
        began = time.monotonic()
        results: Sequence[Outcome | Busy]
        try:
            results = commit([item.arrival for item in items], settings)
        except Exception as error:
            # The thread has to go on: nobody starts another one. The text may quote a delivery.
            log.error("Deliveries are turned away: they could not be stored (%s).", type(error).__name__)
            results = [Busy("the deliveries could not be stored", retry_after=RETRY_AFTER)] * len(items)
        for item, result in zip(items, results, strict=True):
            _settle(item.future, result)
        self._count(results, time.monotonic() - began)

    def _count(self, results: Sequence[Outcome | Busy], seconds: float) -> None:
        ends = Counter("busy" if isinstance(result, Busy) else result.value for result in results)
        with self._lock:
            self._counts.groups += 1
            self._counts.seconds += seconds
            self._counts.busy += ends["busy"]
            self._counts.deliveries += len(results) - ends["busy"]
        # Metrics that cannot be sent are no reason to end the thread.
        with suppress(Exception):
            for end, number in ends.items():
                increase(f"deliveries.{end}", number, outcome=end)
            gauge("deliveries.waiting", self.waiting)

    def _sweep(self, settings: Settings) -> None:
        from airflow_provider.events.upkeep import keep_up

        keep_up(settings, self._stopping)


def _settle(future: Future[Outcome], result: Outcome | Busy) -> None:
    if isinstance(result, Busy):
        future.set_exception(result)
    else:
        future.set_result(result)
