"""A trigger that shows how long the event loop of its triggerer is held up, and what the process holds."""

from __future__ import annotations

import asyncio
import json
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import BaseEventTrigger, TriggerEvent

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

INTERVAL = 0.005
WRITTEN_EVERY = 1.0


class PulseTrigger(BaseEventTrigger):
    """Beats every 5 ms, and writes a line a second: the process may be killed at any time.

    :param folder: where it writes, into a file of its process
    """

    def __init__(self, folder: str) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.folder = folder

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return "stream_pulse.PulseTrigger", {"folder": self.folder}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        path = Path(self.folder) / f"{os.getpid()}.jsonl"
        while True:
            line = json.dumps(await _second())
            with path.open("a") as file:
                file.write(f"{line}\n")
        yield


async def _second() -> dict[str, float]:
    """Beat for a second, and return the longest delay, and the longest time of the loop's own processor."""
    delay = cpu = 0.0
    end = time.perf_counter() + WRITTEN_EVERY
    while time.perf_counter() < end:
        began, used = time.perf_counter(), time.thread_time()
        await asyncio.sleep(INTERVAL)
        delay = max(delay, time.perf_counter() - began - INTERVAL)
        cpu = max(cpu, time.thread_time() - used)
    return {"at": time.time(), "delay": delay, "cpu": cpu, "memory": _memory()}


def _memory() -> int:
    """Return the resident memory of this process in bytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
