"""How far a batch is, while it runs: in Airflow's task state store, which Airflow has from 3.3 on."""

from __future__ import annotations

import logging
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from airflow_provider import clock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from airflow_provider.batch.counts import BatchCounts

log = logging.getLogger(__name__)

KEY = "vendor_apis_progress"
"""The key in the task state store."""

INTERVAL = 5.0
"""Seconds between two entries; more where the store is slow."""

SHARE = 0.05
"""How much of the time writing may take at most."""

LAST_WAIT = 1.0
"""Seconds that the end of a batch waits for its last entry."""


class Progress:
    """Writes into the task state store how far a batch is, from a thread of its own.

    It cannot fail a batch, and a batch does not wait for it: after an error of the store nothing more is
    written, and a slow store is written to less often.

    :param store: the task state store of the task; None where Airflow has none
    :param interval: seconds between two entries
    """

    def __init__(self, store: Any, *, interval: float = INTERVAL) -> None:
        self._store = store
        self._interval = interval
        self._ended = threading.Event()
        self._started = 0.0

    @contextmanager
    def told(
        self, counts: BatchCounts, fraction: Callable[[], float | None], total: int | None
    ) -> Iterator[None]:
        """Tell while a batch runs how far it is, and at its end once more.

        :param counts: the counts of the batch
        :param fraction: returns how much of the input is done, from 0 to 1; None where that is not known
        :param total: how many records there are; None where that is not known
        """
        if self._store is None:
            yield
            return
        self._started = time.monotonic()
        # Not one of the event loop's threads: the loop waits for those at its end.
        thread = threading.Thread(
            target=self._tell, args=(counts, fraction, total), name="vendor-apis-progress", daemon=True
        )
        thread.start()
        try:
            yield
        finally:
            self._ended.set()
            thread.join(LAST_WAIT)

    def _tell(self, counts: BatchCounts, fraction: Callable[[], float | None], total: int | None) -> None:
        pause = self._interval
        try:
            while True:
                ended = self._ended.wait(pause)
                began = time.monotonic()
                self._store.set(KEY, self._now(counts, 1.0 if ended else fraction(), total, ended=ended))
                if ended:
                    return
                pause = max(self._interval, (time.monotonic() - began) / SHARE)
        except Exception as error:
            log.debug("The progress of the batch is not told any more: %s.", type(error).__name__)

    def _now(
        self, counts: BatchCounts, fraction: float | None, total: int | None, *, ended: bool
    ) -> dict[str, Any]:
        done, seconds = counts.total, time.monotonic() - self._started
        left = None if not fraction or ended else round(seconds / fraction - seconds, 1)
        return {
            "done": done,
            "total": done if ended else _total(done, total, fraction),
            "failed": counts.failed,
            "unknown": counts.unknown,
            "per_second": round(done / seconds, 1) if seconds else 0.0,
            "seconds_left": left,
            "ended": ended,
            "at": clock.now().isoformat(timespec="seconds"),
        }


def _total(done: int, known: int | None, fraction: float | None) -> int | None:
    """Say how many records there are: of a file that is an estimate, because it is read ahead."""
    if known is not None:
        return known
    return round(done / fraction) if fraction else None
