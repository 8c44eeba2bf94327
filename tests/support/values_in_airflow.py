"""Run batches of files in a real Airflow with a database of its own, each a task of one Dag.

``python -m tests.support.values_in_airflow FILE...`` prints the states of the tasks and what XCom has of them,
by the name of the file, as JSON in the last line. ``AIRFLOW__DATABASE__SQL_ALCHEMY_CONN`` says where.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from airflow.sdk import DAG

from airflow_provider.imbee.operators import ImbeeCreateUsersOperator
from tests.support import dags


def main() -> None:
    from airflow.utils.db import initdb

    initdb()
    dags.keep_one_api_server()
    names = {}
    with DAG("values") as dag:
        for number, path in enumerate(sys.argv[1:], 1):
            names[f"users-{number}"] = Path(path).name
            ImbeeCreateUsersOperator(task_id=f"users-{number}", records=path)
    finished = dags.run(dag)
    states, results = dags.states(finished), dags.stored_results(finished)
    found = {
        name: {
            "state": states[task_id],
            # PostgreSQL has it as a document, SQLite as text.
            "result": json.loads(results[task_id])
            if isinstance(results.get(task_id), str)
            else results.get(task_id),
        }
        for task_id, name in names.items()
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
