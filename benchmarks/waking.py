"""A thousand of our triggers that wake at once in an event loop of their own, without Airflow's work.

``python benchmarks/waking.py VALUES NUMBER``, where VALUES are a trigger's as JSON, prints one line of JSON.
The modules are those that a triggerer has loaded before its first trigger runs; whatever else the triggers
need is loaded while they wake.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import airflow.jobs.triggerer_job_runner  # noqa: F401 - a triggerer has it loaded
import heartbeat

from airflow_provider.quota.triggers import QuotaTrigger

SLEEP = 2.0


async def wake(values: dict[str, Any], number: int) -> dict[str, Any]:
    pulse = heartbeat.Pulse()
    beating = asyncio.create_task(pulse.beat())
    wake_at = datetime.now(UTC) + timedelta(seconds=SLEEP)
    fired = 0

    async def follow() -> None:
        nonlocal fired
        async for event in QuotaTrigger(**{**values, "wake_at": wake_at.isoformat()}).run():
            fired += "enough" in event.payload

    following = [asyncio.create_task(follow()) for _ in range(number)]
    # Making them is not part of it.
    await asyncio.sleep(0.5)
    slept_since = time.time()
    await asyncio.gather(*following)
    ended = time.time()
    await asyncio.sleep(3 * heartbeat.INTERVAL)
    beating.cancel()
    beats, woke = pulse.beats(), wake_at.timestamp()
    return {
        "fired": fired,
        "seconds": ended - woke,
        "quiet": heartbeat.longest(beats, slept_since, woke),
        "stall": heartbeat.longest(beats, woke, time.time()),
    }


def main() -> None:
    # Airflow logs to standard output; the measurement has to stand there alone.
    answer = os.dup(1)
    os.dup2(2, 1)
    measured = asyncio.run(wake(json.loads(sys.argv[1]), int(sys.argv[2])))
    os.write(answer, json.dumps(measured).encode())


if __name__ == "__main__":
    main()
