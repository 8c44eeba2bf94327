"""The sandbox's own clock, which tests can move and stop."""

from __future__ import annotations

import time
from datetime import UTC, datetime, tzinfo


class Clock:
    """Follow the machine's clock until told otherwise."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Follow the machine's clock again."""
        self._offset = 0.0
        self._frozen: float | None = None

    @property
    def frozen(self) -> bool:
        """Whether the clock stands still."""
        return self._frozen is not None

    def seconds(self) -> float:
        """Return the time as seconds since 1970."""
        return time.time() + self._offset if self._frozen is None else self._frozen

    def now(self, zone: tzinfo = UTC) -> datetime:
        """Return the time in a time zone."""
        return datetime.fromtimestamp(self.seconds(), zone)

    def set(self, seconds: float) -> None:
        """Move the clock; it keeps running, or keeps status still.

        :param seconds: seconds since 1970
        """
        if self._frozen is None:
            self._offset = seconds - time.time()
        else:
            self._frozen = seconds

    def freeze(self, frozen: bool) -> None:
        """Stop the clock, or let it run on from where it stands.

        :param frozen: whether it shall stand still
        """
        now = self.seconds()
        self._frozen = now if frozen else None
        self._offset = now - time.time()


def iso(seconds: float) -> str:
    """Return a time as ISO 8601 in UTC."""
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")
