"""When a socket that was lost may be opened again."""

from __future__ import annotations

import random
from collections import deque
from dataclasses import dataclass, field

MINUTE = 60.0

REFUSED_WAIT = 30.0
"""Seconds before the credentials of a connection are tried again that were refused twice in a row."""


@dataclass(slots=True)
class Pacing:
    """Waits longer after each failure, at random, and keeps to a number of attempts in a minute.

    :param per_minute: attempts within any 60 seconds
    :param first: seconds before the second attempt
    :param longest: seconds between two attempts, however many have failed
    """

    per_minute: int = 10
    first: float = 1.0
    longest: float = 60.0
    failures: int = 0
    refusals: int = 0
    _attempts: deque[float] = field(default_factory=deque)

    def begin(self, now: float) -> None:
        """Note that an attempt begins.

        :param now: a clock in seconds that is never set
        """
        self._attempts.append(now)

    def worked(self) -> None:
        """Note that the socket has worked."""
        self.failures = self.refusals = 0

    def failed(self, *, refused: bool = False) -> None:
        """Note that an attempt has failed, or that the socket was lost.

        :param refused: the server does not accept the credentials
        """
        self.failures += 1
        self.refusals = self.refusals + 1 if refused else 0

    def wait(self, now: float) -> float:
        """Return the seconds until the next attempt.

        :param now: a clock in seconds that is never set
        """
        while self._attempts and self._attempts[0] <= now - MINUTE:
            self._attempts.popleft()
        full = len(self._attempts) >= self.per_minute
        wait = min(self.first * 2.0 ** min(self.failures - 1, 10), self.longest) if self.failures else 0.0
        if self.refusals > 1:
            # The first refusal is followed soon: the connection may have new credentials by now.
            wait = min(REFUSED_WAIT * 2.0 ** min(self.refusals - 2, 10), 10 * REFUSED_WAIT)
        jittered = wait * random.uniform(0.5, 1.0)  # noqa: S311 - no secret
        return max(jittered, self._attempts[-self.per_minute] + MINUTE - now) if full else jittered
