"""Run Dags as a worker does, each task in a process of its own with its own log file.

``python -m tests.support.canary_worker PLAN`` reads a list of ``{"dag_id": ..., "faults": [...]}`` as JSON and
prints the states of the tasks of each, as JSON in the last line.
"""

from __future__ import annotations

import json
import os
import sys
import urllib.request
from pathlib import Path
from typing import Any
from uuid import UUID

from tests.support.dags import keep_one_api_server

SANDBOX = os.environ["CANARY_SANDBOX"]


def control(method: str, path: str, document: Any = None) -> None:
    data = None if document is None else json.dumps(document).encode()
    request = urllib.request.Request(f"{SANDBOX}/_sandbox/{path}", data=data, method=method)
    urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=30).close()


def run(dag: Any, bundle: Any) -> dict[str, str]:
    """Run a Dag's tasks in their order, with its retries, and return their states."""
    from airflow.models.taskinstance import TaskInstance
    from airflow.sdk import timezone
    from airflow.sdk.api.datamodels._generated import TaskInstance as WorkersInstance
    from airflow.sdk.execution_time import supervisor
    from airflow.serialization.serialized_objects import DagSerialization
    from airflow.utils.session import create_session
    from airflow.utils.state import DagRunState, TaskInstanceState
    from airflow.utils.types import DagRunTriggeredByType, DagRunType
    from sqlalchemy import select

    # Airflow 3.3 renamed it.
    supervise = getattr(supervisor, "supervise_task", None) or supervisor.supervise
    # Otherwise it sees only after seconds that a task has ended.
    supervisor.MIN_HEARTBEAT_INTERVAL = 0.1
    now = timezone.utcnow()
    with create_session() as session:
        dag_run = DagSerialization.deserialize_dag(DagSerialization.serialize_dag(dag)).create_dagrun(
            run_id=f"manual__{now.isoformat()}",
            logical_date=now,
            data_interval=(now, now),
            run_after=now,
            run_type=DagRunType.MANUAL,
            state=DagRunState.RUNNING,
            triggered_by=DagRunTriggeredByType.TEST,
            session=session,
        )
        run_id = dag_run.run_id

    def instance(task_id: str) -> Any:
        # A retry gives the task another id.
        with create_session() as session:
            query = select(TaskInstance).where(TaskInstance.run_id == run_id, TaskInstance.task_id == task_id)
            return session.scalars(query).one()

    states: dict[str, str] = {}
    for task in dag.topological_sort():
        if any(states.get(upstream) != "success" for upstream in task.upstream_task_ids):
            continue
        for number in (1, 2):
            with create_session() as session:
                current = session.merge(instance(task.task_id))
                current.try_number = number
            current = instance(task.task_id)
            current.set_state(TaskInstanceState.QUEUED)
            supervise(
                ti=WorkersInstance(
                    id=UUID(str(current.id)),
                    task_id=current.task_id,
                    dag_id=current.dag_id,
                    run_id=current.run_id,
                    try_number=number,
                    map_index=-1,
                    dag_version_id=UUID(str(current.dag_version_id)),
                ),
                bundle_info=bundle,
                dag_rel_path=Path("canary_dags.py"),
                token="",
                client=supervisor.InProcessTestSupervisor._api_client(dag),
                log_path=f"dag_id={dag.dag_id}/run_id={current.run_id}/task_id={task.task_id}/attempt={number}.log",
            )
            states[task.task_id] = str(instance(task.task_id).state)
            if states[task.task_id] != "up_for_retry":
                break
    return states


def main() -> None:
    from airflow.dag_processing.bundles.manager import DagBundlesManager
    from airflow.dag_processing.dagbag import BundleDagBag, sync_bag_to_db
    from airflow.executors.workloads import BundleInfo
    from airflow.utils.db import initdb

    initdb()
    keep_one_api_server()
    DagBundlesManager().sync_bundles_to_db()
    [bundle] = DagBundlesManager().get_all_dag_bundles()
    bag = BundleDagBag(dag_folder=bundle.path, bundle_path=bundle.path, bundle_name=bundle.name)
    assert not bag.import_errors, bag.import_errors
    sync_bag_to_db(bag, bundle.name, bundle.version)
    outcome = []
    for step in json.loads(sys.argv[1]):
        control("DELETE", "faults")
        for fault in step["faults"]:
            control("POST", "faults", fault)
        dag = bag.dags[step["dag_id"]]
        if step.get("in_process"):
            run_ = dag.test()
            outcome.append({ti.task_id: str(ti.state) for ti in run_.get_task_instances()})
        else:
            outcome.append(run(dag, BundleInfo(name=bundle.name, version=None)))
    print(json.dumps(outcome))


if __name__ == "__main__":
    main()
