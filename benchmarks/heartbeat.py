"""A pulse that shows how long an event loop was held up, and two triggers to be run in a triggerer."""

from __future__ import annotations

import asyncio
import json
import os
import time
from array import array
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

INTERVAL = 0.005
WORTH_KEEPING = 0.002
"""Seconds late from which a beat is kept: the others would fill the memory that is measured beside them."""


class Pulse:
    """Beats every 5 ms and notes the beats that came late."""

    def __init__(self) -> None:
        self.moments = array("d")
        self.delays = array("d")

    async def beat(self) -> None:
        last = time.perf_counter()
        while True:
            await asyncio.sleep(INTERVAL)
            now = time.perf_counter()
            if (delay := now - last - INTERVAL) > WORTH_KEEPING:
                self.moments.append(time.time())
                self.delays.append(delay)
            last = now

    def beats(self) -> list[tuple[float, float]]:
        """Return the late beats: when each came, and by how many seconds late."""
        return list(zip(self.moments, self.delays, strict=True))


def longest(beats: list[tuple[float, float]], since: float, until: float) -> float:
    """Return the longest delay, in seconds, that ended between two moments."""
    return max((delay for moment, delay in beats if since <= moment <= until), default=0.0)


class HeartbeatTrigger(BaseTrigger):
    """Beats in the triggerer's own event loop until a file appears, and writes what it has seen into another.

    :param stop: the file to wait for
    :param output: the file to write
    """

    def __init__(self, stop: str, output: str) -> None:
        super().__init__()
        self.stop = stop
        self.output = output

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return "heartbeat.HeartbeatTrigger", {"stop": self.stop, "output": self.output}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        pulse = Pulse()
        beating = asyncio.create_task(pulse.beat())
        while not os.path.exists(self.stop):  # noqa: ASYNC110, ASYNC240 - a look costs some microseconds
            await asyncio.sleep(0.2)
        beating.cancel()
        _write(Path(self.output), json.dumps(pulse.beats()))
        yield TriggerEvent(True)


def _write(path: Path, text: str) -> None:
    unfinished = path.with_suffix(".new")
    unfinished.write_text(text)
    # Whoever waits for it finds it whole.
    unfinished.rename(path)


class SleepTrigger(BaseTrigger):
    """Sleeps until a moment: the least that a trigger can do.

    :param wake_at: the moment, in ISO 8601
    """

    def __init__(self, wake_at: str) -> None:
        super().__init__()
        self.wake_at = wake_at

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return "heartbeat.SleepTrigger", {"wake_at": self.wake_at}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        await asyncio.sleep(max(0.0, datetime.fromisoformat(self.wake_at).timestamp() - time.time()))
        yield TriggerEvent(True)
