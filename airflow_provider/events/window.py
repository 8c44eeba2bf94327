"""How many messages are told and not yet confirmed: as many as Airflow confirms within some seconds."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

SLOW = 10.0
"""Seconds until a message is confirmed, at most. Airflow's triggerer gives no sign of life while it stores
the events that have come, and counts as dead after 30 seconds."""

FIRST, SMALLEST = 64, 8
"""Messages: at the start, and at the least."""


class Window:
    """Messages that are told and not yet confirmed.

    How many there may be follows how long it takes to confirm them: Airflow takes longer for each when its
    database is slow, and when more triggers pick it.
    """

    def __init__(self) -> None:
        self.size = FIRST
        self.characters = 0
        self._told: dict[int, tuple[int, float]] = {}
        self._set_at = float("-inf")
        self._most = 0

    def __contains__(self, id_: int) -> bool:
        return id_ in self._told

    def __len__(self) -> int:
        return len(self._told)

    def ids(self) -> list[int]:
        """Return the messages."""
        return [*self._told]

    def add(self, id_: int, size: int, now: float) -> None:
        """Note that a message is told.

        :param id_: its row
        :param size: characters that it has
        :param now: a clock in seconds that is never set
        """
        self.discard(id_)
        self._told[id_] = (size, now)
        self.characters += size
        self._most = max(self._most, len(self._told))

    def discard(self, id_: int) -> None:
        """Forget a message.

        :param id_: its row
        """
        size, _ = self._told.pop(id_, (0, 0.0))
        self.characters -= size

    def confirmed(self, ids: Iterable[int], now: float, most: int) -> None:
        """Learn from messages that are confirmed. They stay until they are discarded.

        :param ids: their rows
        :param now: a clock in seconds that is never set
        :param most: messages that there may be at most
        """
        # Those from before the last change say nothing of it.
        times = [told for id_ in ids if id_ in self._told and (told := self._told[id_][1]) >= self._set_at]
        if not times:
            return
        longest = now - min(times)
        if longest > SLOW:
            self._set(max(SMALLEST, int(self.size * max(0.25, SLOW / longest / 2))), now)
        elif longest < SLOW / 2 and self._most >= self.size < most:
            self._set(min(most, self.size + self.size // 2), now)

    def _set(self, size: int, now: float) -> None:
        self.size, self._set_at, self._most = size, now, 0
