"""The trigger that sleeps until a time, looks, and sleeps again until it has found something."""

from __future__ import annotations

import asyncio
import random
import time
from abc import abstractmethod
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from airflow_provider import clock
from airflow_provider.exceptions import VendorError
from airflow_provider.sleeping.pause import Pause

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

LONGEST_SLEEP = 3600.0
"""Seconds after which the clock is read again: it may have been set."""

SPACING = 0.001
"""Seconds between two triggers that go on: a thousand in one turn of the event loop would hold it up."""

_next_turn = 0.0


class SleepingTrigger(BaseTrigger):
    """Look at known times, until something is found or it is too late.

    :param values: what the trigger is made of; among it ``jitter`` (seconds that it may wake later, at
        random), ``wake_at`` (when to look first) and ``deadline`` (when to give up), both in ISO 8601
    """

    def __init__(self, **values: Any) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._values = values

    @abstractmethod
    async def look(self) -> dict[str, Any] | Pause:
        """Look.

        :return: the event, or when to look again
        """

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the path of the class and its parameters."""
        return f"{type(self).__module__}.{type(self).__qualname__}", dict(self._values)

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Wait; the event is what was found, ``late`` with a reason, or an ``error``."""
        wake_at = datetime.fromisoformat(self._values["wake_at"])
        deadline = datetime.fromisoformat(self._values["deadline"])
        while True:
            await sleep_until(wake_at)
            await next_place()
            event: dict[str, Any]
            try:
                found = await self.look()
            except VendorError as error:
                # Its name is its type: the task raises it again.
                event = {"error": type(error).__name__, "message": str(error)}
                break
            if not isinstance(found, Pause):
                event = found
                break
            if found.until > deadline:
                event = {"late": found.reason, "wake_at": found.until.isoformat()}
                break
            later = timedelta(seconds=random.random() * self._values["jitter"])  # noqa: S311 - no secret
            wake_at = min(found.until + later, deadline)
            self.log.info("%s. Looking again at %s.", found.reason, wake_at.isoformat())
        await next_place()
        yield TriggerEvent(event)


async def next_place() -> None:
    """Wait for a place of one's own among the triggers of the process."""
    global _next_turn
    now = time.monotonic()
    _next_turn = max(now, _next_turn + SPACING)
    await asyncio.sleep(_next_turn - now)


async def sleep_until(moment: datetime) -> None:
    """Sleep until a moment of the clock, which may be set meanwhile.

    :param moment: the moment
    """
    while (seconds := (moment - clock.now()).total_seconds()) > 0:  # noqa: ASYNC110 - it is a time
        await asyncio.sleep(min(seconds, LONGEST_SLEEP))
