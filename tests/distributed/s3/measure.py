"""What a process of its own measures: reading and writing an object, and a batch that may be killed."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from airflow_provider.imbee.operators import ImbeeCreateAccessTokensOperator
from airflow_provider.records.readers import Records
from airflow_provider.records.writers import FileOutput

MEBIBYTE = 1024 * 1024


@dataclass
class Memory:
    """What a piece of work took.

    :param megabytes: the peak of what was resident, less what was before
    :param seconds: how long it lasted
    """

    megabytes: float = 0.0
    seconds: float = 0.0


def resident() -> float:
    """Return the resident memory of this process in MiB."""
    with open("/proc/self/status", encoding="ascii") as file:
        [line] = [line for line in file if line.startswith("VmRSS")]
    return int(line.split()[1]) / 1024


@contextmanager
def measured() -> Iterator[Memory]:
    """Measure what the body of a ``with`` takes."""
    found, ended, before, began = Memory(), threading.Event(), resident(), time.monotonic()

    def sample() -> None:
        while not ended.wait(0.005):
            found.megabytes = max(found.megabytes, resident() - before)

    thread = threading.Thread(target=sample)
    thread.start()
    try:
        yield found
    finally:
        ended.set()
        thread.join()
        found.seconds = time.monotonic() - began


def warm(uri: str) -> None:
    """Have everything imported and connected that the first use of a store takes."""
    folder = uri.rpartition("/")[0]
    output = FileOutput(f"{folder}/warm.jsonl")
    output.write({"id": "1"})
    output.publish()
    with Records(f"{folder}/warm.jsonl") as records:
        list(records)


def read(uri: str) -> dict[str, Any]:
    """Read all records of a file."""
    with measured() as found, Records(uri) as records:
        rows = sum(row.error is None for row in records)
    return {"rows": rows, "megabytes": found.megabytes, "seconds": found.seconds}


def write(uri: str, rows: int) -> dict[str, Any]:
    """Write records of 100 bytes."""
    with measured() as found:
        output = FileOutput(uri)
        for number in range(rows):
            output.write({"virtual_user": f"user-{number:07}", "note": "n" * 56})
        output.publish()
    return {"rows": output.count, "megabytes": found.megabytes, "seconds": found.seconds}


def batch(source: str, output: str) -> dict[str, Any]:
    """Run a batch of access tokens."""
    task = ImbeeCreateAccessTokensOperator(
        task_id="tokens", records=source, output=output, defaults={"bot_idsha": "bot"}
    )
    context: Any = {"ti": SimpleNamespace(try_number=1)}
    return task.execute(context)


def main(what: str, *arguments: str) -> None:
    if what == "batch":
        answer = batch(*arguments)
    else:
        warm(arguments[0])
        answer = read(arguments[0]) if what == "read" else write(arguments[0], int(arguments[1]))
    print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
