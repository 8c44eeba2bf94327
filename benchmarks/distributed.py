"""How fast a file goes through an Airflow with Celery workers: in one task, in shards, and on two workers.

``build/distributed/bin/python benchmarks/distributed.py`` sends access tokens to ``server.py``, which takes
50 ms to answer, and prints one table. ``make test-distributed`` makes that Python. The Airflow is that of the
distributed tests: PostgreSQL, Valkey as the broker, and workers with a host name each where that is possible.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from tests.distributed.cluster import Cluster, cluster  # noqa: E402
from tests.distributed.network import Network  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator

LATENCY = 0.05
SHARDS = 8

DAG = """
from airflow.sdk import DAG, task

from airflow_provider.imbee.operators import ImbeeCreateAccessTokensOperator
from airflow_provider.records.shards import split_records

with DAG("bench", schedule=None, render_template_as_native_obj=True):
    parts = task(split_records)(
        source="{{ dag_run.conf['source'] }}",
        shards="{{ dag_run.conf['shards'] }}",
        folder="{{ dag_run.conf['folder'] }}/parts",
    )
    ImbeeCreateAccessTokensOperator.partial(
        task_id="tokens",
        output="{{ dag_run.conf['folder'] }}/{{ ti.map_index }}.jsonl",
        defaults={"bot_idsha": "bot"},
    ).expand(records=parts)
"""


@dataclass(frozen=True)
class Sample:
    """
    One run.

    :param rate: rows a second, from the start of the first task instance to the end of the last
    :param seconds: of the whole run, with the file being split
    :param each: seconds that a task instance takes on average
    """

    rate: float
    seconds: float
    each: float


class Bench:
    """
    An Airflow and the server that its tasks send to.

    :param airflow: the Airflow
    :param url: the server
    """

    def __init__(self, airflow: Cluster, url: str) -> None:
        self.airflow = airflow
        self.url = url
        self._runs = 0

    def run(self, records: int, shards: int) -> Sample:
        """
        Send so many tokens to customers who have none yet.

        :param records: how many
        :param shards: in how many task instances
        """
        self._runs += 1
        run = f"run-{self._runs}"
        folder = self.airflow.home / run
        folder.mkdir()
        rows = (f"{run}-{number},{run}-{number}@example.com\n" for number in range(records))
        (folder / "in.csv").write_text("virtual_user,mail\n" + "".join(rows), encoding="utf-8")
        before, started = self._answered(), time.monotonic()
        self.airflow.trigger("bench", run, source=str(folder / "in.csv"), folder=str(folder), shards=shards)
        self.airflow.wait_for(run, lambda: self.airflow.state("bench", run) in ("success", "failed"), 600)
        seconds = time.monotonic() - started
        if (answered := self._answered() - before) != records:
            raise SystemExit(f"{run}: the server answered {answered} requests, not {records}")
        [(span, each)] = self.airflow.metadata.execute(
            "SELECT extract(epoch FROM max(end_date) - min(start_date)), avg(duration) FROM task_instance "
            f"WHERE dag_id = 'bench' AND run_id = '{run}' AND task_id = 'tokens'"
        )
        return Sample(records / float(span), seconds, float(each))

    def _answered(self) -> int:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"{self.url}/stats") as response:
            return int(json.load(response)["requests"])


@contextmanager
def server(address: str) -> Iterator[str]:
    command = [sys.executable, str(HERE / "server.py"), "--latency", str(LATENCY), "--host", address]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield f"http://{address}:{process.stdout.readline().strip()}"
        finally:
            process.terminate()


def median(samples: list[Sample]) -> Sample:
    return Sample(
        *(statistics.median(getattr(one, name) for one in samples) for name in Sample.__annotations__)
    )


def show(name: str, rows: int, sample: Sample) -> None:
    print(f"  {name:32}{rows:>8,}{sample.rate:>9,.0f}{sample.seconds:>10.1f}{sample.each:>11.1f}", flush=True)


def measure(bench: Bench, records: int, rounds: int) -> None:
    airflow = bench.airflow
    airflow.start_worker("worker-a", "default")
    airflow.wait_for_workers("worker-a")
    # The first makes the tables, and lets the workers import what they need.
    bench.run(SHARDS, SHARDS)
    print(f"  {'':32}{'rows':>8}{'rows/s':>9}{'run, s':>10}{'task, s':>11}", flush=True)
    few = records // 4
    show("one task", few, median([bench.run(few, 1) for _ in range(rounds)]))
    show(f"{SHARDS} shards, one worker", records, median([bench.run(records, SHARDS) for _ in range(rounds)]))
    airflow.start_worker("worker-b", "default")
    airflow.wait_for_workers("worker-b")
    bench.run(2 * SHARDS, 2 * SHARDS)
    show(
        f"{SHARDS} shards, two workers", records, median([bench.run(records, SHARDS) for _ in range(rounds)])
    )
    one = median([bench.run(1, 1) for _ in range(rounds)])
    many = median([bench.run(2 * SHARDS, 2 * SHARDS) for _ in range(rounds)])
    show("one shard of one row", 1, one)
    show(f"{2 * SHARDS} shards of one row", 2 * SHARDS, many)
    print(f"  A shard more costs {(many.seconds - one.seconds) / (2 * SHARDS - 1):.2f} s of the machine.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--records", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args()
    with Network() as network, server(network.address) as url:
        imbee = {
            "conn_type": "imbee",
            "host": url,
            "password": "benchmark-authorization",
            "extra": {"corporate_token": "benchmark-token"},
        }
        variables = {"AIRFLOW_CONN_IMBEE_DEFAULT": json.dumps(imbee)}
        with cluster(DAG, ("bench",), variables, network) as airflow, airflow.explained():
            measure(Bench(airflow, url), options.records, options.rounds)


if __name__ == "__main__":
    main()
