"""Run one task as an Airflow worker does, in a process of its own, until it needs no further try.

``python -m tests.kill.airflow_worker DAG_FILE DAG_ID TASK_ID TRIES`` prints the exit codes of the tries as JSON in the
last line, negative for a signal. Who kills the task's process finds it in the ledger.
"""

from __future__ import annotations

import json
import sys

from tests.support.dags import instance_of, registered_folder, start_run, work


def main(file: str, dag_id: str, task_id: str, tries: int) -> list[int]:
    from airflow.utils.db import initdb
    from airflow.utils.state import TaskInstanceState

    initdb()
    bundle, bag = registered_folder()
    dag = bag.dags[dag_id]
    run_id = start_run(dag, "manual__killed")
    codes: list[int] = []
    for number in range(1, tries + 1):
        codes.append(work(dag, bundle, file, run_id, task_id, number, f"{dag_id}/attempt={number}.log"))
        if codes[-1] == 0:
            break
        # The state of a task that was killed stays "running" until the scheduler finds that it is not.
        instance_of(dag_id, run_id, task_id).set_state(TaskInstanceState.UP_FOR_RETRY)
    return codes


if __name__ == "__main__":
    file, dag_id, task_id, tries = sys.argv[1:]
    print(json.dumps(main(file, dag_id, task_id, int(tries))))
