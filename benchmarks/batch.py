"""How fast a batch is, beside what people write by hand, and how much memory it takes.

``python benchmarks/batch.py`` runs every contestant in a process of its own, in interleaved rounds, against
``server.py``, and prints the medians as one table. ``--memory`` runs the users' batch over 10,000 and over
1,000,000 records instead. ``--table`` prints reST for the documentation.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).resolve().parent
CONCURRENCY = 50
ROWS = 200
LATENCIES = (0.0, 0.05)

NAMES = {
    "raw": "raw socket, 50 requests at once (the server's limit)",
    "a": "(a) aiohttp, bare loop (the limit)",
    "b": "(b) ImbeeCreateUsersOperator",
    "c": "(c) ImbeeCreateAccessTokensOperator, ONCE",
    "d": "(d) requests, one session, a loop",
    "e": "(e) HttpHook, a loop",
    "f": "(f) HttpOperator.expand, 200 rows in a Dag run",
    "g": "(g) ImbeeCreateUsersOperator, the same in a Dag run",
}
IN_DAG = ("f", "g")
ROUNDS_IN_DAG = 2
"""A mapped Dag run takes a minute, so it has fewer rounds."""
ONE_BY_ONE = ("d", "e")


@dataclass(frozen=True)
class Sample:
    """What one run of one contestant measured, for one request."""

    rate: float
    cpu: float
    memory: float
    server: float


@contextmanager
def server(latency: float) -> Iterator[str]:
    command = [sys.executable, str(HERE / "server.py"), "--latency", str(latency)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
        finally:
            process.terminate()


def stats(url: str) -> dict[str, float]:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"{url}/stats") as response:
        return dict(json.load(response))


def environment(home: Path, url: str) -> dict[str, str]:
    """Return an environment with an Airflow of its own and the two connections to the server."""
    imbee = {
        "conn_type": "imbee",
        "host": url,
        "password": "benchmark-authorization",
        "extra": {"corporate_token": "benchmark-token", "max_connections": CONCURRENCY},
    }
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
    return {
        **kept,
        "PYTHONPATH": os.pathsep.join(filter(None, [str(HERE.parent), os.environ.get("PYTHONPATH")])),
        "NO_PROXY": "127.0.0.1",
        "no_proxy": "127.0.0.1",
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__FERNET_KEY": base64.urlsafe_b64encode(os.urandom(32)).decode(),
        "AIRFLOW_CONN_IMBEE_DEFAULT": json.dumps(imbee),
        "AIRFLOW_CONN_BENCH_HTTP": json.dumps({"conn_type": "http", "host": url}),
    }


def measure(contestant: str, url: str, records: int, *, warm_up: int) -> Sample:
    with tempfile.TemporaryDirectory(prefix="benchmark-") as home:
        variables = environment(Path(home), url)
        if contestant in IN_DAG:
            (Path(home) / "dags").mkdir()
            run(["-m", "airflow", "db", "migrate"], variables)
        arguments = [contestant, "--url", url, "--records", str(records), "--warm-up", str(warm_up)]
        before = stats(url)
        measured = json.loads(run([str(HERE / "contestants.py"), *arguments], variables))
        after = stats(url)
    # /stats does not count itself. The raw client sends one request more to learn the length of a response.
    answered = after["requests"] - before["requests"]
    expected = records + warm_up
    if not expected <= answered <= expected + 2:
        raise SystemExit(f"{contestant}: the server answered {answered:.0f} requests, not {expected}")
    return Sample(
        rate=records / measured["seconds"],
        cpu=1000 * measured["cpu"] / records,
        memory=measured["memory"],
        server=1000 * (after["cpu"] - before["cpu"]) / answered,
    )


def run(arguments: list[str], variables: dict[str, str]) -> str:
    done = subprocess.run([sys.executable, *arguments], env=variables, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(arguments)} failed:\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
    return done.stdout


def count_for(contestant: str, latency: float, records: int) -> int:
    if contestant in IN_DAG:
        return ROWS
    if contestant == "raw":
        return records * 5
    if contestant in ONE_BY_ONE:
        # As many as take a few seconds.
        return max(50, records // 10) if not latency else 60
    return records if not latency else max(CONCURRENCY, records // 2)


def speed(chosen: list[str], rounds: int, records: int, *, table: bool) -> None:
    for latency in LATENCIES:
        samples: dict[str, list[Sample]] = {name: [] for name in chosen if name != "raw" or not latency}
        with server(latency) as url:
            for number in range(rounds):
                for name in samples:
                    if name in IN_DAG and number >= ROUNDS_IN_DAG:
                        continue
                    print(
                        f"{latency * 1000:.0f} ms, round {number + 1}: {name}   ", end="\r", file=sys.stderr
                    )
                    count = count_for(name, latency, records)
                    # A Dag run and a slow loop are warm after a few requests as well.
                    warm_up = 2 if name in (*IN_DAG, *ONE_BY_ONE) else CONCURRENCY
                    samples[name].append(measure(name, url, count, warm_up=warm_up))
        rows = [row(name, of, samples) for name, of in samples.items()]
        heading = ["contestant", "requests/s", "of (a)", "CPU, ms", "of (a)", "peak, MiB", "server CPU"]
        show(f"Server latency {latency * 1000:.0f} ms", [heading, *rows], table=table)


def row(name: str, of: list[Sample], samples: dict[str, list[Sample]]) -> list[str]:
    def median(field: str) -> float:
        return statistics.median(getattr(sample, field) for sample in of)

    def ratio(field: str) -> str:
        if "a" not in samples:
            return ""
        # Within a round, because other work on the machine slows all contestants of a round alike.
        pairs = zip(of, samples["a"], strict=False)
        value = statistics.median(getattr(own, field) / getattr(bare, field) for own, bare in pairs)
        return f"{value:.2f}" if value >= 0.1 else f"{value:.4f}"

    busy = statistics.median(sample.server * sample.rate / 1000 for sample in of)
    return [
        NAMES[name],
        f"{median('rate'):,.1f}" if median("rate") < 100 else f"{median('rate'):,.0f}",
        ratio("rate"),
        f"{median('cpu'):.3f}",
        ratio("cpu"),
        f"{median('memory'):.0f}",
        f"{100 * busy:.0f} %",
    ]


def memory(sizes: list[int], *, table: bool) -> None:
    rows = [["records", "requests/s", "CPU, ms", "peak, MiB"]]
    with server(0) as url:
        for size in sizes:
            print(f"{size:,} records", end="\r", file=sys.stderr)
            sample = measure("b", url, size, warm_up=0)
            rows.append([f"{size:,}", f"{sample.rate:,.0f}", f"{sample.cpu:.3f}", f"{sample.memory:.1f}"])
    show("Memory of ImbeeCreateUsersOperator, a file in, a file out, with ledger", rows, table=table)


def show(title: str, rows: list[list[str]], *, table: bool) -> None:
    widths = [max(len(line[column]) for line in rows) for column in range(len(rows[0]))]
    if table:
        print(f".. list-table:: {title}\n   :header-rows: 1\n")
        for line in rows:
            print("\n".join(f"   {'*' if not column else ' '} - {cell}" for column, cell in enumerate(line)))
        print()
        return
    print(title)
    for line in rows:
        cells = [line[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True)]
        print("  " + "  ".join(cells))
    print()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--records", type=int, default=20_000, help="records of one run of (a), (b) and (c)")
    parser.add_argument("--only", default=",".join(NAMES), help="contestants, like a,b,c")
    parser.add_argument("--quick", action="store_true", help="one short round, without (f) and (g)")
    parser.add_argument("--memory", action="store_true", help="measure memory instead of speed")
    parser.add_argument("--table", action="store_true", help="print reST")
    arguments = parser.parse_args()
    chosen = [name for name in NAMES if name in arguments.only.split(",")]
    rounds, records = arguments.rounds, arguments.records
    if arguments.quick:
        rounds, records, chosen = 1, 2000, [name for name in chosen if name not in IN_DAG]
    if not arguments.table:
        print(
            f"{os.cpu_count()} cores, Python {platform.python_version()}; {CONCURRENCY} requests at once in "
            f"(a), (b), (c) and (g); {rounds} rounds, medians; ratios within a round\n"
        )
    if arguments.memory:
        memory([1_000, 20_000] if arguments.quick else [10_000, 1_000_000], table=arguments.table)
    else:
        speed(chosen, rounds, records, table=arguments.table)


if __name__ == "__main__":
    main()
