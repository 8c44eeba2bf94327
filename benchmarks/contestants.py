"""The contestants of ``batch.py``. Each runs in a process of its own and prints what it measured as JSON."""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import socket
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

CONCURRENCY = 50
PIPELINED = 50
WARM_UP = 50

Records = Iterator[dict[str, Any]]
Run = Callable[[int, int], None]
"""Takes the first number and the count of the records to send."""


def body(number: int) -> dict[str, Any]:
    """Return the same JSON body that ``create_user`` makes."""
    return {
        "uniqueIdSha": f"customer-{number:08}",
        "platform": "airflow",
        "deviceName": "airflow",
        "hardwareId": "airflow",
        "osVersion": "airflow",
    }


HEADERS = {"Authorization": "benchmark-authorization", "X-WOOS-KEY": "benchmark-token"}


def raw_socket(url: str, directory: Path) -> Run:
    """Send ready-made bytes, many requests at once, to see how much the server can take."""
    host, port = url.removeprefix("http://").split(":")
    document = json.dumps(body(0)).encode()
    head = f"POST /third_parties/user/new HTTP/1.1\r\nHost: {host}\r\nContent-Length: {len(document)}\r\n\r\n"
    request = head.encode() + document

    def run(first: int, count: int) -> None:
        with socket.create_connection((host, int(port))) as connection:
            connection.sendall(request)
            length = len(connection.recv(65536))
            for _ in range(count // PIPELINED):
                connection.sendall(request * PIPELINED)
                left = length * PIPELINED
                while left:
                    left -= len(connection.recv(left))

    return run


def bare_aiohttp(url: str, directory: Path) -> Run:
    """Send with aiohttp, and do nothing else."""
    import aiohttp

    async def work(session: aiohttp.ClientSession, numbers: Iterator[int]) -> None:
        for number in numbers:
            async with session.post(f"{url}/third_parties/user/new", json=body(number)) as response:
                await response.json()

    async def send(first: int, count: int) -> None:
        connector = aiohttp.TCPConnector(limit=CONCURRENCY)
        async with aiohttp.ClientSession(connector=connector, headers=HEADERS) as session:
            numbers = iter(range(first, first + count))
            await asyncio.gather(*(work(session, numbers) for _ in range(CONCURRENCY)))

    return lambda first, count: asyncio.run(send(first, count))


def requests_session(url: str, directory: Path) -> Run:
    """Send with requests and one session, one after the other."""
    import requests

    def run(first: int, count: int) -> None:
        with requests.Session() as session:
            session.headers.update(HEADERS)
            for number in range(first, first + count):
                session.post(f"{url}/third_parties/user/new", json=body(number), timeout=30).json()

    return run


def http_hook(url: str, directory: Path) -> Run:
    """Send with Airflow's HttpHook, one after the other."""
    from airflow.providers.http.hooks.http import HttpHook

    def run(first: int, count: int) -> None:
        hook = HttpHook(method="POST", http_conn_id="bench_http")
        for number in range(first, first + count):
            hook.run("third_parties/user/new", json=body(number), headers=HEADERS).json()

    return run


def users(url: str, directory: Path) -> Run:
    """Send with ImbeeCreateUsersOperator: a file in, a file out, the ledger on."""
    from airflow_provider.imbee.operators import ImbeeCreateUsersOperator

    return operator(
        ImbeeCreateUsersOperator, directory, lambda number: {"unique_id_sha": f"customer-{number:08}"}
    )


def tokens(url: str, directory: Path) -> Run:
    """Send with ImbeeCreateAccessTokensOperator: each request recorded on the disk before it leaves."""
    from airflow_provider.imbee.operators import ImbeeCreateAccessTokensOperator

    return operator(
        ImbeeCreateAccessTokensOperator,
        directory,
        lambda number: {
            "virtual_user": f"customer-{number:08}",
            "bot_idsha": "bot",
            "mail": f"{number}@example.com",
        },
    )


def operator(kind: type[Any], directory: Path, record: Callable[[int], dict[str, Any]]) -> Run:
    def run(first: int, count: int) -> None:
        path = directory / f"{first}.jsonl"
        result = kind(
            task_id="benchmark",
            records=str(path),
            output=str(directory / f"{first}.out.jsonl"),
            max_concurrency=CONCURRENCY,
        ).execute({})
        assert result["created"] == count, result

    def prepare(first: int, count: int) -> None:
        with (directory / f"{first}.jsonl").open("w") as file:
            file.writelines(json.dumps(record(number)) + "\n" for number in range(first, first + count))

    run.prepare = prepare  # type: ignore[attr-defined]
    return run


def dag_run(build: Callable[[int, int], None]) -> Run:
    """Run a Dag of one task through Airflow and its database."""
    import pendulum
    from airflow.sdk import DAG

    from tests.support.dags import register

    dags: dict[int, DAG] = {}

    def run(first: int, count: int) -> None:
        result = dags[first].test()
        assert result.state == "success", result.state

    def prepare(first: int, count: int) -> None:
        with DAG(f"benchmark_{first}", schedule=None, start_date=pendulum.datetime(2026, 1, 1)) as dag:
            build(first, count)
        register(dag)
        dags[first] = dag

    run.prepare = prepare  # type: ignore[attr-defined]
    return run


def http_operator_expand(url: str, directory: Path) -> Run:
    """Map Airflow's HttpOperator over the rows."""
    from airflow.providers.http.operators.http import HttpOperator

    def build(first: int, count: int) -> None:
        HttpOperator.partial(
            task_id="send", http_conn_id="bench_http", endpoint="third_parties/user/new", headers=HEADERS
        ).expand(data=[json.dumps(body(number)) for number in range(first, first + count)])

    return dag_run(build)


def users_in_dag(url: str, directory: Path) -> Run:
    """Run ImbeeCreateUsersOperator over the same rows."""
    from airflow_provider.imbee.operators import ImbeeCreateUsersOperator

    def build(first: int, count: int) -> None:
        ImbeeCreateUsersOperator(
            task_id="send",
            records=[{"unique_id_sha": f"customer-{number:08}"} for number in range(first, first + count)],
            max_concurrency=CONCURRENCY,
        )

    return dag_run(build)


CONTESTANTS: dict[str, Callable[[str, Path], Run]] = {
    "raw": raw_socket,
    "a": bare_aiohttp,
    "b": users,
    "c": tokens,
    "d": requests_session,
    "e": http_hook,
    "f": http_operator_expand,
    "g": users_in_dag,
}


def peak_memory() -> float:
    """Return the most memory that this process has held, in MiB."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("/proc/self/status has no VmHWM: run it on Linux")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("contestant", choices=CONTESTANTS)
    parser.add_argument("--url", required=True)
    parser.add_argument("--records", type=int, required=True)
    parser.add_argument("--warm-up", type=int, default=WARM_UP)
    arguments = parser.parse_args()
    logging.disable(logging.INFO)
    # Airflow logs to standard output; the measurement has to stand there alone.
    answer = os.dup(1)
    os.dup2(2, 1)
    directory = Path(os.environ["AIRFLOW_HOME"])
    run = CONTESTANTS[arguments.contestant](arguments.url, directory)
    prepare = getattr(run, "prepare", lambda first, count: None)
    if arguments.warm_up:
        prepare(0, arguments.warm_up)
        run(0, arguments.warm_up)
    prepare(arguments.warm_up, arguments.records)
    started, cpu = time.perf_counter(), time.process_time()
    run(arguments.warm_up, arguments.records)
    measured = {
        "seconds": time.perf_counter() - started,
        "cpu": time.process_time() - cpu,
        "memory": peak_memory(),
    }
    os.write(answer, json.dumps(measured).encode())


if __name__ == "__main__":
    sys.exit(main())
