"""The contestants of ``mpohoda_extract.py``. Each has a process of its own and prints what it measured.

The one for dlt runs with the Python of another environment: this module imports nothing but the standard
library before a contestant is chosen.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

PAGE_SIZE = 100
PATH = "/mpohoda/v1/"
HEADERS = {"Api-Key": "sandbox-api-key"}

Read = Callable[[str, Path], None]
"""Reads a list, by its name, into a file or a folder."""


def asked(after: str | None) -> dict[str, str]:
    """Return the query of the page after a record."""
    query = {"PageSize": str(PAGE_SIZE), "PageNumber": "1"}
    return query if after is None else {**query, "After": after}


def with_aiohttp(url: str) -> Read:
    """Read on from the last record with aiohttp, and do nothing else."""
    import aiohttp

    async def pages(resource: str, output: Path) -> None:
        after = None
        async with aiohttp.ClientSession(headers=HEADERS) as session:
            with output.open("w", encoding="utf-8") as file:
                while True:
                    async with session.get(f"{url}{PATH}{resource}", params=asked(after)) as response:
                        items = json.loads(await response.read())["Items"]
                    for item in items:
                        file.write(json.dumps(item, ensure_ascii=False) + "\n")
                    if len(items) < PAGE_SIZE:
                        return
                    after = items[-1]["Id"]

    return lambda resource, output: asyncio.run(pages(resource, output))


def with_requests(url: str) -> Read:
    """Do the same with requests and one session."""
    import requests

    def read(resource: str, output: Path) -> None:
        after = None
        with requests.Session() as session, output.open("w", encoding="utf-8") as file:
            session.headers.update(HEADERS)
            while True:
                response = session.get(f"{url}{PATH}{resource}", params=asked(after), timeout=60)
                items = json.loads(response.content)["Items"]
                for item in items:
                    file.write(json.dumps(item, ensure_ascii=False) + "\n")
                if len(items) < PAGE_SIZE:
                    return
                after = items[-1]["Id"]

    return read


def with_operator(url: str) -> Read:
    """Run our operator as a task, with state and de-duplication; numbers keep every digit."""
    from types import SimpleNamespace

    from airflow_provider.mpohoda.operators import MpohodaListOperator

    def read(resource: str, output: Path) -> None:
        instance = SimpleNamespace(dag_id="benchmark", run_id="run", task_id=resource, map_index=-1)
        operator = MpohodaListOperator(
            task_id=resource,
            resource=resource,
            output=str(output),
            incremental=True,
            page_size=PAGE_SIZE,
        )
        result = operator.execute({"ti": instance})
        assert result["complete"], result
        assert result["watermark"], result

    return read


def with_dlt(url: str, **options: Any) -> Read:
    """Run dlt's ``rest_api`` source into JSON lines, with its state."""
    import dlt
    from dlt.sources.rest_api import rest_api_source

    def read(resource: str, output: Path) -> None:
        source = rest_api_source(
            {
                "client": {
                    "base_url": f"{url}{PATH}",
                    "headers": HEADERS,
                    "paginator": {
                        "type": "page_number",
                        "base_page": 1,
                        "page_param": "PageNumber",
                        "total_path": None,
                        "stop_after_empty_page": True,
                    },
                },
                "resources": [
                    {
                        "name": resource,
                        "primary_key": "Id",
                        "write_disposition": "append",
                        "endpoint": {
                            "path": resource,
                            "params": {"PageSize": PAGE_SIZE},
                            "data_selector": "Items",
                            "incremental": {
                                "cursor_path": "ModificationInfo.ModifiedDate",
                                "start_param": "ModifiedSince",
                                "initial_value": "2000-01-01T00:00:00Z",
                            },
                        },
                    }
                ],
            },
            **options,
        )
        output.mkdir()
        pipeline = dlt.pipeline(
            pipeline_name=f"benchmark_{resource.lower()}",
            pipelines_dir=str(output.parent / "pipelines"),
            destination=dlt.destinations.filesystem(bucket_url=output.as_uri()),
            dataset_name="rows",
        )
        pipeline.run(source, loader_file_format="jsonl").raise_on_failed_jobs()

    return read


def with_flat_dlt(url: str) -> Read:
    """Do the same, and leave the lists in the rows where they are."""
    return with_dlt(url, max_table_nesting=0)


CONTESTANTS: dict[str, Callable[[str], Read]] = {
    "aiohttp": with_aiohttp,
    "requests": with_requests,
    "ours": with_operator,
    "flat": with_flat_dlt,
    "dlt": with_dlt,
}


def requests_of(url: str) -> int:
    """Return how many requests the sandbox has had."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"{url}/_sandbox/state") as response:
        return int(json.load(response)["requests"]["mpohoda"])


def peak_memory() -> float:
    """Return the most memory that this process has held, in MiB."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("/proc/self/status has no VmHWM: run it on Linux")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("contestant", choices=CONTESTANTS)
    parser.add_argument("--url", required=True, help="of the sandbox")
    parser.add_argument("--folder", required=True, type=Path, help="where the outputs go")
    arguments = parser.parse_args()
    logging.disable(logging.INFO)
    # Airflow logs to standard output; the measurement has to stand there alone.
    answer = os.dup(1)
    os.dup2(2, 1)
    read = CONTESTANTS[arguments.contestant](arguments.url)
    # What is imported late, and made once, is no part of the reading.
    read("Currencies", arguments.folder / "warm.jsonl")
    before = requests_of(arguments.url)
    started, cpu = time.perf_counter(), time.process_time()
    read("IssuedInvoices", arguments.folder / "rows.jsonl")
    measured = {
        "seconds": time.perf_counter() - started,
        "cpu": time.process_time() - cpu,
        "memory": peak_memory(),
        "requests": requests_of(arguments.url) - before,
    }
    os.write(answer, json.dumps(measured).encode())


if __name__ == "__main__":
    sys.exit(main())
