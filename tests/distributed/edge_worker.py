"""Run a task as a worker of the EdgeExecutor does: ``python -m tests.distributed.edge_worker --json-string WORKLOAD``."""

from __future__ import annotations

import sys


def main() -> None:
    from airflow.executors.base_executor import BaseExecutor
    from airflow.executors.workloads import ExecuteTask

    BaseExecutor.run_workload(ExecuteTask.model_validate_json(sys.argv[-1]))


if __name__ == "__main__":
    main()
