"""Run Dags as a worker does, each task in a process of its own with its own log file.

``python -m tests.support.canary_worker PLAN`` reads a list of ``{"dag_id": ..., "faults": [...]}`` as JSON and
prints the states of the tasks of each, as JSON in the last line.
"""

from __future__ import annotations

import json
import os
import sys
import urllib.request
from typing import Any

from tests.support.dags import instance_of, keep_one_api_server, registered_folder, start_run, work

SANDBOX = os.environ["CANARY_SANDBOX"]


def control(method: str, path: str, document: Any = None) -> None:
    data = None if document is None else json.dumps(document).encode()
    request = urllib.request.Request(f"{SANDBOX}/_sandbox/{path}", data=data, method=method)
    urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=30).close()


def run(dag: Any, bundle: Any) -> dict[str, str]:
    """Run a Dag's tasks in their order, with its retries, and return their states."""
    from airflow.sdk.execution_time import supervisor

    # Otherwise it sees only after seconds that a task has ended.
    supervisor.MIN_HEARTBEAT_INTERVAL = 0.1  # type: ignore[assignment]
    run_id = start_run(dag)
    states: dict[str, str] = {}
    for task in dag.topological_sort():
        if any(states.get(upstream) != "success" for upstream in task.upstream_task_ids):
            continue
        for number in (1, 2):
            log = f"dag_id={dag.dag_id}/run_id={run_id}/task_id={task.task_id}/attempt={number}.log"
            work(dag, bundle, "canary_dags.py", run_id, task.task_id, number, log)
            states[task.task_id] = str(instance_of(dag.dag_id, run_id, task.task_id).state)
            if states[task.task_id] != "up_for_retry":
                break
    return states


def main() -> None:
    from airflow.utils.db import initdb

    initdb()
    keep_one_api_server()
    bundle, bag = registered_folder()
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
            outcome.append(run(dag, bundle))
    print(json.dumps(outcome))


if __name__ == "__main__":
    main()
