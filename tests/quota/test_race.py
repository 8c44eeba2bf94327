"""Runs of Dags that want the same remainder of a quota at the same moment, in a real Airflow with all its processes."""

from __future__ import annotations

import json
import os
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.support.postgres import MISSING, postgres
from tests.support.quota import TOKEN, known
from tests.support.sandbox import SandboxProcess
from tests.support.scheduler import Scheduler

RECORDS = 60
"""Requests that each run needs."""

RUNS = {"one": "deferred", "two": "rescheduled", "three": "by_itself", "four": "by_itself"}
"""The Dag of each run that races."""

WAITING = {"deferred", "up_for_reschedule", "up_for_retry"}
KILLED = "killed_operation"
"""The operation of the task that is killed: with a token of its own the two tests share no quota."""

DAGS = '''
import os
import time
from datetime import timedelta
from pathlib import Path

from airflow.sdk import DAG

from airflow_provider.http.retry_policy import VendorRetryPolicy
from airflow_provider.quota.operators import ReleaseQuotaOperator, ReserveQuotaOperator
from airflow_provider.wolkvox.operators import WolkvoxInsertRecordsOperator


RECORDS = int(os.environ["RACE_RECORDS"])


def together(context):
    """Let nobody begin before all are there."""
    gate = Path(os.environ["RACE_GATE"])
    (gate / context["run_id"]).touch()
    until = time.monotonic() + 60
    while len(list(gate.iterdir())) < int(os.environ["RACE_RUNS"]):
        if time.monotonic() > until:
            raise TimeoutError("the others have not come")
        time.sleep(0.005)


def insert(**options):
    return WolkvoxInsertRecordsOperator(
        task_id="insert",
        module="contacts",
        records=[{"idcontact": f"{{{{ run_id }}}}/{number}"} for number in range(RECORDS)],
        **options,
    )


for name, waits in (("deferred", {"deferrable": True}), ("rescheduled", {"mode": "reschedule"})):
    with DAG(name):
        reserve = ReserveQuotaOperator(
            task_id="reserve", conn_id="wolkvox_default", amount=RECORDS, pre_execute=together, **waits
        )
        release = ReleaseQuotaOperator(task_id="release", conn_id="wolkvox_default")
        reserve.as_setup() >> insert() >> release.as_teardown(setups=reserve)

with DAG("by_itself"):
    insert(reserve="auto", retries=3, retry_policy=VendorRetryPolicy(), pre_execute=together)

with DAG("killed"):
    insert(
        reserve="auto",
        retries=1,
        retry_delay=timedelta(0),
        on_error="continue",
        max_concurrency=4,
        wolkvox_conn_id="wolkvox_killed",
    )
'''


@pytest.fixture(
    scope="module",
    params=["sqlite", pytest.param("postgres", marks=pytest.mark.skipif(bool(MISSING), reason=MISSING))],
)
def airflow(
    request: pytest.FixtureRequest, sandbox_process: SandboxProcess, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Scheduler]:
    """An Airflow, by the database of its ledger."""
    killed = json.loads(sandbox_process.connections["AIRFLOW_CONN_WOLKVOX_DEFAULT"])
    killed.update(login=KILLED, password=KILLED, extra={"max_connections": 4})
    variables = {
        **sandbox_process.connections,
        "AIRFLOW_CONN_WOLKVOX_KILLED": json.dumps(killed),
        "RACE_RECORDS": str(RECORDS),
        "RACE_RUNS": str(len(RUNS)),
        "RACE_GATE": str(tmp_path_factory.mktemp("race")),
    }
    with ExitStack() as stack:
        if request.param == "postgres":
            variables.update(stack.enter_context(postgres()).environment)
        yield stack.enter_context(Scheduler(DAGS, [*RUNS.values(), "killed"], variables))


@pytest.fixture(autouse=True)
def the_same_ledger(airflow: Scheduler, ledger_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the test look into that Airflow's ledger instead of one of its own."""
    for name, value in airflow.variables.items():
        monkeypatch.setenv(name, value)


class Spent:
    """What the vendor knows of one token.

    :param token: the token
    :param operation: its operation
    """

    def __init__(self, sandbox: SandboxProcess, token: str, operation: str) -> None:
        self.requests = [
            one for one in sandbox.requests("wolkvox") if one["headers"]["wolkvox-token"] == token
        ]
        self.statuses = Counter(one["status"] for one in self.requests)
        inserts = [one["json"] for one in self.requests if one["path"].endswith("custom/insert.php")]
        self.sent = [one["fields"]["idcontact"] for one in inserts if one["operation"] == operation]
        tokens = {one["operation"]: one for one in sandbox.state()["wolkvox"]["tokens"]}
        self.used = tokens[operation]["used"]
        self.limit = tokens[operation]["limit"]


def created(sandbox: SandboxProcess) -> list[str]:
    return [one["idcontact"] for one in sandbox.get("/_sandbox/wolkvox/records/contacts").json()["records"]]


def records_of(run_id: str) -> list[str]:
    return sorted(f"{run_id}/{number}" for number in range(RECORDS))


def test_of_runs_that_race_for_the_same_remainder_one_gets_it_and_the_others_wait(airflow, sandbox):
    sandbox.switch({"wolkvox.limit": 100})

    def settled() -> dict[str, set[str]]:
        """Return the states of each run's tasks, once one run has ended and all others wait."""
        found = {}
        for run_id, dag_id in RUNS.items():
            if airflow.state(dag_id, run_id) == "success":
                found[run_id] = {"success"}
                continue
            found[run_id] = {str(one["state"]) for one in airflow.tasks(dag_id, run_id).values()}
            assert not found[run_id] & {"failed", "upstream_failed"}, f"{run_id}: {found[run_id]}"
            if not found[run_id] & WAITING:
                return {}
        return found if {"success"} in found.values() else {}

    with airflow.explained():
        try:
            for run_id, dag_id in RUNS.items():
                airflow.trigger(dag_id, run_id)
            states = airflow.wait_for("one run to end and the others to wait", settled)
        finally:
            for dag_id in set(RUNS.values()):
                airflow.pause(dag_id)
        [winner] = [run_id for run_id, found in states.items() if found == {"success"}]
        spent = Spent(sandbox, TOKEN, "demo_operation")
        # Those who wait have sent no record, and nothing was refused.
        assert sorted(spent.sent) == sorted(created(sandbox)) == records_of(winner)
        assert spent.statuses.keys() <= {200, None}
        assert RECORDS < spent.used <= len(spent.requests) <= spent.limit == 100
        with known() as store:
            assert store.reservations() == []


def test_a_batch_that_is_killed_and_tried_again_stays_within_the_quota(airflow, sandbox):
    # The records, a probe at each try, and the margin: not one request more.
    sandbox.token(token=KILLED, operation=KILLED, limit=RECORDS + 3)
    # When twenty are through, four are on their way: two that never take effect and two that do.
    for after in (False, True):
        sandbox.fault(path="custom/insert.php", action="hang", skip=20, times=2, after=after)

    def hanging() -> int:
        """Return the task's process once four requests are on their way."""
        if Spent(sandbox, KILLED, KILLED).statuses[None] < 4:
            return 0
        return int(airflow.tasks("killed", "killed")["insert"]["pid"])

    def ended() -> bool:
        return airflow.state("killed", "killed") in ("success", "failed")

    with airflow.explained():
        airflow.trigger("killed", "killed")
        os.kill(airflow.wait_for("requests on their way", hanging), signal.SIGKILL)
        airflow.wait_for("the second try", ended)
        task = airflow.tasks("killed", "killed")["insert"]
        assert (task["state"], task["try_number"]) == ("success", 2)
        spent, there = Spent(sandbox, KILLED, KILLED), created(sandbox)
        assert spent.statuses.keys() == {200, None}
        assert len(spent.requests) <= spent.limit
        # Nothing is sent twice, and the ledger tells what may be missing.
        assert set(Counter(spent.sent).values()) == {1}
        result = airflow.result("killed", "killed", "insert")
        assert result["created"] + result["replayed"] + result["unknown"] == RECORDS
        assert 4 <= result["unknown"] < 20
        assert len(there) >= RECORDS - result["unknown"]
        assert set(there) <= set(records_of("killed"))
        with known("wolkvox_killed") as store:
            assert store.reservations() == []
