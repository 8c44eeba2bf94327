"""What happens to batches and sensors while parts of an Airflow on several machines are taken away.

The scenarios run one after the other in one Airflow, see ``tests.distributed.table``. Of two machines that are lost
the leases have to run out, which takes over a minute: what comes after them in this file runs meanwhile.
"""

from __future__ import annotations

import re
import signal
import time

import pytest

from tests.distributed.batches import LATENCY, Batch
from tests.distributed.cluster import Cluster
from tests.distributed.dags import INTERVAL, SENSORS
from tests.distributed.table import Row, Table, together
from tests.support.sandbox import SandboxProcess

OUTAGE = 20.0
"""Seconds for which the ledger's database is away."""

VISIBLE_AFTER = 8
"""Seconds after which the broker delivers a message again that nobody has acknowledged."""

IMPATIENT = {
    f"AIRFLOW__CELERY_BROKER_TRANSPORT_OPTIONS__{name.upper()}": str(value)
    for name, value in (
        ("visibility_timeout", VISIBLE_AFTER),
        # It looks every two seconds; that is a hundred otherwise.
        ("unacked_restore_interval", 2),
        ("unacked_restore_throttle", 1),
    )
}
"""What a worker has that gives out again whatever others are late to acknowledge."""

UNKNOWN = 9
"""Tokens that a lost process of eight requests may leave: those under way, and an eighth that waited for their turn."""

MESSAGE = r"\[([0-9a-f-]+)\] Executing workload in Celery: .* log_path='dag_id=tokens_default/run_id=twice/"
ALREADY = "Task already running elsewhere, ignoring redelivered message"


@pytest.fixture(scope="module")
def workers(airflow: Cluster) -> None:
    """Two machines, a process of its own each for what is going to be lost with it."""
    airflow.start_worker("worker-a", "default,doomed")
    airflow.start_worker("worker-b", "default,frozen")
    airflow.wait_for_workers("worker-a", "worker-b")


@pytest.fixture(autouse=True)
def latency(vendor: SandboxProcess) -> None:
    vendor.latency(LATENCY)


@pytest.mark.usefixtures("workers")
def test_shards_run_on_both_workers(airflow: Cluster, vendor: SandboxProcess, table: Table):
    batch = Batch(airflow, vendor, "shards", 800, "shards")
    batch.start()
    batch.wait()
    table.add("shards", row := batch.row())
    assert (row.sent, row.twice, row.lost, row.unknown) == (800, 0, 0, 0)
    if not airflow.network.reason:
        assert set(airflow.hosts("shards", "shards", "tokens")) == {"worker-a", "worker-b"}


@pytest.mark.usefixtures("workers")
def test_two_runs_race_for_the_same_customers(airflow: Cluster, vendor: SandboxProcess, table: Table):
    batch = Batch(airflow, vendor, "race", 400)
    batch.start("race-1", "race-2")
    batch.wait("race-1", "race-2")
    table.add("race", row := batch.row("race-1", "race-2"))
    assert (row.sent, row.twice, row.lost, row.unknown) == (400, 0, 0, 0)


@pytest.mark.usefixtures("workers")
def test_the_broker_is_killed_and_started_again(airflow: Cluster, vendor: SandboxProcess, table: Table):
    batch, later = Batch(airflow, vendor, "broker", 600), Batch(airflow, vendor, "after", 100)
    batch.start()
    batch.wait_until_sent(100)
    airflow.broker.kill()
    later.start()
    batch.wait_until_sent(200)
    airflow.broker.start()
    batch.wait()
    later.wait()
    rows = [batch.row(), later.row()]
    table.add("broker", together(rows))
    assert [(row.sent, row.twice, row.lost, row.unknown) for row in rows] == [(600, 0, 0, 0), (100, 0, 0, 0)]


@pytest.mark.usefixtures("workers")
def test_the_ledgers_database_is_away_in_the_middle_of_a_batch(
    airflow: Cluster, vendor: SandboxProcess, table: Table
):
    batch = Batch(airflow, vendor, "ledger", 600)
    batch.start()
    batch.wait_until_sent(100)
    airflow.ledger.stop()
    # What is measured is the time itself.
    time.sleep(OUTAGE)
    sent = len(batch.sent())
    airflow.ledger.start()
    assert sent < 600
    batch.wait()
    table.add("ledger", row := batch.row())
    assert (row.sent, row.twice, row.lost, row.unknown) == (600, 0, 0, 0)
    assert airflow.tries(batch.dag_id, batch.name, "tokens") == 1


@pytest.fixture(scope="module")
def lost(airflow: Cluster, vendor: SandboxProcess, workers: None) -> dict[str, Batch]:
    """Batches in the middle of which their machines are lost; another machine has come in their place."""
    vendor.latency(LATENCY)
    batches = {
        "killed": Batch(airflow, vendor, "killed", 600, "tokens_doomed"),
        "frozen": Batch(airflow, vendor, "frozen", 600, "tokens_frozen"),
    }
    for batch in batches.values():
        batch.start()
    for batch in batches.values():
        batch.wait_until_sent(100)
    airflow.kill("worker-a")
    airflow.signal("worker-b", signal.SIGSTOP)
    assert all(len(batch.sent()) < 600 for batch in batches.values())
    airflow.start_worker("worker-c", "default,doomed,frozen", **IMPATIENT)
    airflow.wait_for_workers("worker-c")
    return batches


@pytest.mark.usefixtures("lost")
def test_the_broker_delivers_the_message_of_a_batch_again_while_it_runs(
    airflow: Cluster, vendor: SandboxProcess, table: Table
):
    vendor.latency(0.5)
    batch = Batch(airflow, vendor, "twice", 300)
    batch.start()
    found = airflow.wait_for("its message", lambda: re.search(MESSAGE, airflow.log("worker-c")))
    again = f"[{found[1]}] {ALREADY}"
    airflow.wait_for("its second delivery", lambda: again in airflow.log("worker-c"))
    assert len(batch.sent()) < 300
    vendor.latency(0)
    batch.wait()
    table.add("twice", row := batch.row())
    assert (row.sent, row.twice, row.lost, row.unknown) == (300, 0, 0, 0)


@pytest.mark.usefixtures("lost")
def test_a_triggerer_is_killed_while_sensors_wait(
    airflow: Cluster, vendor: SandboxProcess, order: str, table: Table
):
    def become(status: str) -> None:
        vendor.control(
            "POST", "mpohoda/orders", {"resource": "ReceivedOrders", "id": order, "status": status}
        )

    def asked() -> int:
        return sum("ReceivedOrders" in one["path"] for one in vendor.requests("mpohoda"))

    become("Unfinished")
    began = time.monotonic()
    airflow.trigger("sensors", "sensors")
    waiting = {"deferred": SENSORS}
    airflow.wait_for("the sensors to wait", lambda: airflow.states("sensors", "sensors") == waiting)
    airflow.wait_for("the first looks", lambda: asked() >= 2)
    # What is left of them is not for a worker: that all are told is what counts here.
    airflow.pause("sensors")
    airflow.kill("triggerer")
    before = asked()
    airflow.start("triggerer")
    airflow.wait_for("looks of the new triggerer", lambda: asked() >= before + 2)
    become("Finished")
    airflow.wait_for("the sensors to be told", lambda: "deferred" not in airflow.states("sensors", "sensors"))
    seconds = time.monotonic() - began
    requests = asked()
    allowed = int(seconds / INTERVAL) + 1
    # What has failed or was skipped was not told either.
    lost = SENSORS - airflow.states("sensors", "sensors").get("scheduled", 0)
    table.add("triggerer", row := Row(requests, max(0, requests - allowed), lost, 0, seconds))
    assert (row.twice, row.lost) == (0, 0)


def outside(airflow: Cluster, batch: Batch, run: str, module: str, **variables: str) -> None:
    """Run a batch in a process that is neither Celery's nor the scheduler's."""
    batch.start(run)
    workload = airflow.wait_for(f"the message of {run}", lambda: airflow.message("outside"))
    airflow.run_workload(module, workload, **variables)


@pytest.mark.usefixtures("lost")
@pytest.mark.parametrize(
    ("scenario", "module", "variables"),
    [
        # The environment and the program that KubernetesExecutor gives the container of a task.
        (
            "pod",
            "airflow.sdk.execution_time.execute_workload",
            {"AIRFLOW_IS_K8S_EXECUTOR_POD": "True", "AIRFLOW__CORE__EXECUTOR": "LocalExecutor"},
        ),
        (
            "edge",
            "tests.distributed.edge_worker",
            {"AIRFLOW__CORE__EXECUTOR": "airflow.providers.edge3.executors.EdgeExecutor"},
        ),
    ],
)
def test_another_executor_sends_nothing_without_the_shared_ledger(
    airflow: Cluster,
    vendor: SandboxProcess,
    table: Table,
    scenario: str,
    module: str,
    variables: dict[str, str],
):
    batch = Batch(airflow, vendor, scenario, 100, "tokens_outside")
    alone = f"{scenario}-alone"
    outside(airflow, batch, alone, module, **variables, AIRFLOW__VENDOR_APIS__LEDGER_CONN_ID="")
    assert airflow.states("tokens_outside", alone) == {"failed": 1}
    assert batch.sent() == []
    outside(airflow, batch, scenario, module, **variables)
    batch.wait()
    table.add(scenario, row := batch.row())
    assert (row.sent, row.twice, row.lost, row.unknown) == (100, 0, 0, 0)


def test_a_killed_workers_batch_goes_on_elsewhere(airflow: Cluster, lost: dict[str, Batch], table: Table):
    batch = lost["killed"]
    batch.wait()
    table.add("killed", row := batch.row())
    assert (row.twice, row.lost) == (0, 0)
    assert row.unknown <= UNKNOWN
    assert airflow.tries(batch.dag_id, batch.name, "tokens") == 2


def test_a_frozen_worker_sends_nothing_when_it_thaws(airflow: Cluster, lost: dict[str, Batch], table: Table):
    batch = lost["frozen"]
    batch.wait()
    sent = len(batch.sent())
    airflow.signal("worker-b", signal.SIGCONT)
    airflow.wait_for(
        "the thawed worker to end the task",
        lambda: "Workload finished" in airflow.log("worker-b").partition("tokens_frozen")[2],
    )
    table.add("frozen", row := batch.row())
    assert (row.twice, row.lost) == (0, 0)
    assert row.unknown <= UNKNOWN
    assert row.sent >= sent
    assert airflow.tries(batch.dag_id, batch.name, "tokens") == 2
