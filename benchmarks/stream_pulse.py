"""A trigger that shows how long the event loop of its triggerer is held up, and what the process holds."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import BaseEventTrigger, TriggerEvent

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

INTERVAL = 0.005
WRITTEN_EVERY = 1.0


class Collections:
    """Measures garbage collections, in the processor time of whichever thread of the process they are in.

    A full one looks at all objects of the process, nearly all of which are Airflow's: its triggerer has some
    300,000, of which any thread's next object may be the one that starts it.
    """

    def __init__(self) -> None:
        self.longest = self.of_loop = 0.0
        self._loop, self._began = threading.get_ident(), 0.0

    def __call__(self, phase: str, info: dict[str, int]) -> None:
        # Collections do not overlap.
        if phase == "start":
            self._began = time.thread_time()
            return
        used = time.thread_time() - self._began
        self.longest = max(self.longest, used)
        if threading.get_ident() == self._loop:
            self.of_loop += used


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
        path, collections = Path(self.folder) / f"{os.getpid()}.jsonl", Collections()
        gc.callbacks.append(collections)
        try:
            while True:
                line = json.dumps(await _second(collections))
                with path.open("a") as file:
                    file.write(f"{line}\n")
        finally:
            gc.callbacks.remove(collections)
        yield


async def _second(collections: Collections) -> dict[str, float]:
    """Beat for a second, and return the longest delay, and the longest time of the loop's own processor.

    That is without garbage collections, the longest of which is named beside.
    """
    delay = cpu = collections.longest = 0.0
    end = time.perf_counter() + WRITTEN_EVERY
    while time.perf_counter() < end:
        collections.of_loop = 0.0
        began, used = time.perf_counter(), time.thread_time()
        await asyncio.sleep(INTERVAL)
        delay = max(delay, time.perf_counter() - began - INTERVAL)
        cpu = max(cpu, time.thread_time() - used - collections.of_loop)
    collected = collections.longest
    return {"at": time.time(), "delay": delay, "cpu": cpu, "collected": collected, "memory": _memory()}


def _memory() -> int:
    """Return the resident memory of this process in bytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
