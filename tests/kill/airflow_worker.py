"""Run one task as an Airflow worker does, in a process of its own, until it needs no further try.

``python -m tests.kill.airflow_worker DAG_FILE DAG_ID TASK_ID TRIES`` prints the exit codes of the tries as JSON in the
last line, negative for a signal. Who kills the task's process finds it in the ledger.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any
from uuid import UUID


def main(file: str, dag_id: str, task_id: str, tries: int) -> list[int]:
    from airflow.dag_processing.bundles.manager import DagBundlesManager
    from airflow.dag_processing.dagbag import BundleDagBag, sync_bag_to_db
    from airflow.executors.workloads import BundleInfo
    from airflow.models.taskinstance import TaskInstance
    from airflow.sdk import timezone
    from airflow.sdk.api.datamodels._generated import TaskInstance as WorkersInstance
    from airflow.sdk.execution_time import supervisor
    from airflow.serialization.serialized_objects import DagSerialization
    from airflow.utils.db import initdb
    from airflow.utils.session import create_session
    from airflow.utils.state import DagRunState, TaskInstanceState
    from airflow.utils.types import DagRunTriggeredByType, DagRunType
    from sqlalchemy import select

    initdb()
    DagBundlesManager().sync_bundles_to_db()
    [bundle] = DagBundlesManager().get_all_dag_bundles()
    bag = BundleDagBag(dag_folder=bundle.path, bundle_path=bundle.path, bundle_name=bundle.name)
    assert not bag.import_errors, bag.import_errors
    sync_bag_to_db(bag, bundle.name, bundle.version)
    dag = bag.dags[dag_id]
    now = timezone.utcnow()
    with create_session() as session:
        run_id = (
            DagSerialization.deserialize_dag(DagSerialization.serialize_dag(dag))
            .create_dagrun(
                run_id="manual__killed",
                logical_date=now,
                data_interval=(now, now),
                run_after=now,
                run_type=DagRunType.MANUAL,
                state=DagRunState.RUNNING,
                triggered_by=DagRunTriggeredByType.TEST,
                session=session,
            )
            .run_id
        )

    def instance() -> Any:
        # A retry gives the task another id.
        with create_session() as session:
            query = select(TaskInstance).where(TaskInstance.run_id == run_id, TaskInstance.task_id == task_id)
            return session.scalars(query).one()

    # Airflow 3.3 renamed it.
    supervise = getattr(supervisor, "supervise_task", None) or supervisor.supervise
    codes: list[int] = []
    for number in range(1, tries + 1):
        with create_session() as session:
            current = session.merge(instance())
            current.try_number = number
        current = instance()
        current.set_state(TaskInstanceState.QUEUED)
        code = supervise(
            ti=WorkersInstance(
                id=UUID(str(current.id)),
                task_id=task_id,
                dag_id=dag_id,
                run_id=run_id,
                try_number=number,
                map_index=-1,
                dag_version_id=UUID(str(current.dag_version_id)),
            ),
            bundle_info=BundleInfo(name=bundle.name, version=None),
            dag_rel_path=Path(file),
            token="",
            client=supervisor.InProcessTestSupervisor._api_client(dag),
            log_path=f"{dag_id}/attempt={number}.log",
        )
        codes.append(int(code))
        if code == 0:
            break
        # The state of a task that was killed stays "running" until the scheduler finds that it is not.
        instance().set_state(TaskInstanceState.UP_FOR_RETRY)
    return codes


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:4], int(sys.argv[4]))))
