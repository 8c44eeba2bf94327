"""Recognise a message of a socket that only repeats the one before it about the same thing."""

from __future__ import annotations

from collections import OrderedDict

MOST = 10_000
"""Things of which the latest message is known."""

WINDOW = 3600.0
"""Seconds after which the same message is news again."""


class LatestHeard:
    """The latest message about each thing. In doubt a message is news."""

    def __init__(self) -> None:
        self._latest: OrderedDict[str, tuple[str, float]] = OrderedDict()

    def is_repeat(self, thing: str | None, digest: str, now: float) -> bool:
        """Say whether a message repeats the latest about its thing, and remember it.

        :param thing: what it is about; None where repeats are not recognised
        :param digest: of the message
        :param now: when it came, in seconds
        """
        if thing is None:
            return False
        before, at = self._latest.pop(thing, ("", 0.0))
        repeat = before == digest and now - at < WINDOW
        self._latest[thing] = (digest, at if repeat else now)
        if len(self._latest) > MOST:
            self._latest.popitem(last=False)
        return repeat

    def forget(self) -> None:
        """Take every message for news: others may have been missed in between."""
        self._latest.clear()
