"""A time in which the ledger cannot be written: how long it is waited for, and what the log says."""

from __future__ import annotations

import logging
import time
from collections import Counter
from typing import TYPE_CHECKING, TypeVar

from airflow_provider.exceptions import StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from airflow_provider.ledger.ledger import Completion

log = logging.getLogger(__name__)

T = TypeVar("T")

LONGEST = 300.0
"""Seconds that a database is waited for at most, and never longer than the lease of a row: after that another
run may have taken over what this one holds."""

BROKEN = 5.0
"""Seconds that it is tried to record ends in a database that will not be back by itself: a full disk, say."""

FIRST_PAUSE = 0.2
LONGEST_PAUSE = 1.0
"""Seconds between two attempts: the first, which doubles, and the longest."""

STOPPED = 30.0
"""Seconds that the database is waited for by a batch that was told to end: its time is over."""

OPENING = 120.0
"""Seconds that a batch waits for a database that is away before it sends, as in a failover."""


class Outage:
    """A time in which the database cannot be written.

    :param error: how that was found out
    :param lease: seconds for which the rows of the run are held
    :param began: when the transaction began that found it out, by the monotonic clock
    """

    def __init__(self, error: StoreUnavailable, lease: float, began: float) -> None:
        self.error = error
        self.temporary = error.temporary
        """Whether the database may be back by itself, so that everything waits for it."""
        self._began = began if error.temporary else time.monotonic()
        self._limit = limit_of(lease)
        self._next_pause = FIRST_PAUSE
        if self.temporary:
            log.warning(
                "%s Nothing is sent until the ledger can be written again. Waiting for up to %d seconds.",
                error,
                self._limit,
            )

    def fail(self, error: StoreUnavailable) -> None:
        """Take notice of another attempt that failed.

        :param error: why
        """
        self.error = error
        if not error.temporary and self.temporary:
            self.temporary = False
            self._began = time.monotonic()

    def is_over(self, hurried: float | None = None) -> bool:
        """Say whether it has been waited for long enough.

        :param hurried: when the batch was told to end, by the monotonic clock; None where it was not
        """
        return is_over(self._began, self._limit if self.temporary else min(self._limit, BROKEN), hurried)

    def pause(self) -> float:
        """Return the seconds until the next attempt."""
        pause, self._next_pause = self._next_pause, min(2 * self._next_pause, LONGEST_PAUSE)
        return pause

    def log_end(self, ends: Sequence[Completion]) -> None:
        """Say that the database is back.

        :param ends: what could be recorded that had to wait
        """
        seconds = time.monotonic() - self._began
        waited = _counts(ends)
        log.warning(
            "The ledger can be written again after %.1f seconds%s.",
            seconds,
            f"; recorded now: {waited}" if waited else "",
        )

    def log_loss(self, ends: Sequence[Completion], path: str | None) -> None:
        """Say what could not be recorded.

        :param ends: how requests ended
        :param path: the file that keeps them; None where there is none
        """
        if not (lost := _counts(ends)):
            return
        kept = (
            f"They are in {path}: the next batch on this machine records them"
            if path
            else "The next try treats their records as after a crash"
        )
        log.error("Outcomes that could not be recorded in the ledger: %s. %s.", lost, kept)


def limit_of(lease: float) -> float:
    """Return the seconds that a database is waited for.

    :param lease: seconds for which the rows of the run are held
    """
    return min(lease, LONGEST)


def is_over(began: float, limit: float, hurried: float | None) -> bool:
    """Say whether a database has been waited for long enough; times are by the monotonic clock.

    :param began: since when
    :param limit: for how many seconds
    :param hurried: when the batch was told to end; None where it was not
    """
    now = time.monotonic()
    return now - began >= limit or (hurried is not None and now - hurried >= STOPPED)


def wait_for_database(work: Callable[[], T], stopped: Callable[[], bool] = lambda: False) -> T:
    """Do something with the database, and wait for one that is away and may be back by itself.

    It blocks: call it outside of an event loop, or in a thread.

    :param work: opens the database or uses it; it may be done more than once
    :param stopped: says whether the batch was told to end, so that nothing waits any more
    :return: what ``work`` returns
    :raises StoreUnavailable: it cannot be used, or is away for too long
    """
    began, pause = time.monotonic(), FIRST_PAUSE
    while True:
        try:
            return work()
        except StoreUnavailable as error:
            if not error.temporary or stopped() or time.monotonic() - began >= OPENING:
                raise
            if pause == FIRST_PAUSE:
                log.warning("%s Waiting for up to %d seconds.", error, OPENING)
            time.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)


def _counts(ends: Sequence[Completion]) -> str:
    """Count ends by their state; what had no effect is not worth a word."""
    counts = Counter(end.state for end in ends if end.state != "released")
    return ", ".join(f"{count:,} {state}" for state, count in sorted(counts.items()))
