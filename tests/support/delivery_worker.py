"""Deliver in processes of their own.

``python -m tests.support.delivery_worker FIRST LAST COPIES`` waits for a line, hands every delivery that often to a
writer, and prints how many had which outcome.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections import Counter
from typing import Any

from tests.support.deliveries import CONN, arrival, deliver, message, settings

WHERE = ("after_row", "before_commit", "after_commit")


def many(first: int, last: int, copies: int) -> None:
    from airflow_provider.events.intake import Writer

    writer = Writer(settings(webhook_writers=2), sweeping=False)
    writer.start()
    print("ready", flush=True)
    sys.stdin.readline()
    futures = [
        writer.submit(CONN, "acme", "webhook", message(thing))
        for _ in range(copies)
        for thing in range(first, last)
    ]
    print(json.dumps(Counter(future.result(60).value for future in futures)))
    writer.close()


def kill(*_: Any, **__: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def die(where: str) -> int:
    """Store one delivery in a process that is killed at a place of :data:`WHERE`; return its exit code."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    try:
        _deliver_and_die(where)
    finally:
        os._exit(1)


def _deliver_and_die(where: str) -> None:
    from airflow import settings as airflow_settings
    from sqlalchemy.orm import Session

    from airflow_provider.events import storing, telling

    # The connections are those of the process that this one is a copy of.
    airflow_settings.engine.dispose(close=False)
    place, name = {
        "after_row": (storing, "_tell"),
        "before_commit": (Session, "commit"),
        "after_commit": (telling.Teller, "notify"),
    }[where]
    setattr(place, name, kill)
    deliver(arrival(1))


if __name__ == "__main__":
    many(*map(int, sys.argv[1:]))
