"""How many deliveries of a connection a process takes in a minute."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class RateLimit:
    """A bucket of tokens for each connection: a minute's worth at once, filled again evenly.

    :param per_minute: deliveries of one connection in a minute; 0: no limit
    :param clock: seconds that only grow
    """

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = float(per_minute)
        self._clock = clock
        self._buckets: dict[str, tuple[float, float]] = {}

    def take(self, conn_id: str) -> int:
        """Take a token.

        :param conn_id: the connection
        :return: 0 where there was one; otherwise seconds until there is
        """
        if not self._most:
            return 0
        now = self._clock()
        tokens, at = self._buckets.get(conn_id, (self._most, now))
        tokens = min(self._most, tokens + (now - at) * self._most / 60)
        if tokens < 1:
            self._buckets[conn_id] = (tokens, now)
            return math.ceil((1 - tokens) * 60 / self._most)
        self._buckets[conn_id] = (tokens - 1, now)
        return 0
