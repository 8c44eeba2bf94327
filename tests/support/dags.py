"""Run Dags of a test in a real Airflow, with its database."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

if TYPE_CHECKING:
    from airflow.dag_processing.dagbag import BundleDagBag
    from airflow.models.dagrun import DagRun
    from airflow.models.taskinstance import TaskInstance
    from airflow.sdk import DAG
    from airflow.sdk.api.datamodels._generated import TaskInstance as WorkersInstance
    from airflow.sdk.execution_time.supervisor import TaskRunResult


def keep_one_api_server() -> None:
    """Let all tasks of the process use one API server, as Airflow 3.3 does; 3.2 takes seconds for each."""
    from airflow.sdk.execution_time import supervisor

    if not hasattr(supervisor.in_process_api_server, "cache_info"):
        supervisor.in_process_api_server = functools.cache(supervisor.in_process_api_server)


def dags_folder() -> tuple[Any, BundleDagBag]:
    """Read the folder of Dags and return its bundle and what is in it."""
    from airflow.dag_processing.bundles.manager import DagBundlesManager
    from airflow.dag_processing.dagbag import BundleDagBag

    DagBundlesManager().sync_bundles_to_db()
    [bundle] = DagBundlesManager().get_all_dag_bundles()
    bag = BundleDagBag(dag_folder=bundle.path, bundle_path=bundle.path, bundle_name=bundle.name)
    return bundle, bag


def register(dag: DAG) -> None:
    """Put a Dag that is in no file into Airflow's database, as the Dag processor would."""
    from airflow.dag_processing.dagbag import sync_bag_to_db

    bundle, bag = dags_folder()
    bag.bag_dag(dag)
    sync_bag_to_db(bag, bundle.name, bundle.version)


def registered_folder() -> tuple[Any, BundleDagBag]:
    """Put the Dags of the folder into Airflow's database; return its bundle and what is in it."""
    from airflow.dag_processing.dagbag import sync_bag_to_db

    bundle, bag = dags_folder()
    assert not bag.import_errors, bag.import_errors
    sync_bag_to_db(bag, bundle.name, bundle.version)
    return bundle, bag


def start_run(dag: DAG, run_id: str | None = None) -> str:
    """Start a run of a registered Dag, without a scheduler, and return its id."""
    from airflow.sdk import timezone
    from airflow.serialization.serialized_objects import DagSerialization
    from airflow.utils.session import create_session
    from airflow.utils.state import DagRunState
    from airflow.utils.types import DagRunTriggeredByType, DagRunType

    now = timezone.utcnow()
    with create_session() as session:
        started = DagSerialization.deserialize_dag(DagSerialization.serialize_dag(dag)).create_dagrun(
            run_id=run_id or f"manual__{now.isoformat()}",
            logical_date=now,
            data_interval=(now, now),
            run_after=now,
            run_type=DagRunType.MANUAL,
            state=DagRunState.RUNNING,
            triggered_by=DagRunTriggeredByType.TEST,
            session=session,
        )
        return str(started.run_id)


def instance_of(dag_id: str, run_id: str, task_id: str) -> TaskInstance:
    """Return a task instance as the database has it; each try has another id."""
    from airflow.models.taskinstance import TaskInstance
    from airflow.utils.session import create_session
    from sqlalchemy import select

    of_task = (TaskInstance.dag_id == dag_id, TaskInstance.run_id == run_id, TaskInstance.task_id == task_id)
    with create_session() as session:
        return session.scalars(select(TaskInstance).where(*of_task)).one()


def queued(instance: TaskInstance) -> WorkersInstance:
    """Queue a task instance and return what a worker is told of it: the API takes only queued tasks."""
    from airflow.sdk.api.datamodels._generated import TaskInstance as WorkersInstance
    from airflow.utils.state import TaskInstanceState

    instance.set_state(TaskInstanceState.QUEUED)
    return WorkersInstance(
        id=UUID(str(instance.id)),
        task_id=instance.task_id,
        dag_id=instance.dag_id,
        run_id=instance.run_id,
        try_number=instance.try_number,
        map_index=instance.map_index,
        dag_version_id=UUID(str(instance.dag_version_id)),
    )


def set_try(instance: TaskInstance, number: int) -> None:
    """Write the number of the try into the database."""
    from airflow.utils.session import create_session

    with create_session() as session:
        session.merge(instance).try_number = number


def work(dag: DAG, bundle: Any, file: str, run_id: str, task_id: str, try_number: int, log: str) -> int:
    """
    Run a try of a task as a worker does, in a process of its own, and return its exit code.

    :param file: the Dag's file, relative to the folder of the bundle
    :param log: where the log is written, relative to the folder of logs
    """
    from airflow.executors.workloads import BundleInfo
    from airflow.sdk.execution_time import supervisor

    set_try(instance_of(dag.dag_id, run_id, task_id), try_number)
    # Airflow 3.3 renamed it.
    supervise = getattr(supervisor, "supervise_task", None) or supervisor.supervise
    code = supervise(
        ti=queued(instance_of(dag.dag_id, run_id, task_id)),
        bundle_info=BundleInfo(name=bundle.name, version=None),
        dag_rel_path=Path(file),
        token="",
        client=supervisor.InProcessTestSupervisor._api_client(dag),
        log_path=log,
    )
    return int(code)


def run(dag: DAG) -> DagRun:
    """Run a Dag to its end, retries, reschedules and triggers included."""
    register(dag)
    return dag.test()


class Attempt:
    """
    Run the only task of a Dag step by step, as a worker does, and look at each outcome.

    ``outcome.state`` is the task's state, ``outcome.msg`` what the worker tells Airflow, ``outcome.error`` the
    exception, if there was one.
    """

    def __init__(self, dag: DAG) -> None:
        register(dag)
        [self.task] = dag.tasks
        instance = instance_of(dag.dag_id, start_run(dag), self.task.task_id)
        set_try(instance, 1)
        self.id = instance.id
        self.outcome = self._work()

    def wake(self, payload: Any = None) -> TaskRunResult:
        """Let the trigger that the task waits for fire now, whatever it waits for, and the task go on."""
        from airflow.models.trigger import Trigger
        from airflow.triggers.base import TriggerEvent

        Trigger.submit_event(self.instance.trigger_id, TriggerEvent(payload))
        self.outcome = self._work()
        return self.outcome

    def again(self) -> TaskRunResult:
        """Run the task again, as the scheduler lets a rescheduled task."""
        self.outcome = self._work()
        return self.outcome

    @property
    def instance(self) -> TaskInstance:
        """The task instance as the database has it."""
        from airflow.models.taskinstance import TaskInstance
        from airflow.utils.session import create_session

        with create_session() as session:
            instance = session.get(TaskInstance, self.id)
            assert instance is not None
            return instance

    def _work(self) -> TaskRunResult:
        from airflow.sdk.execution_time.supervisor import run_task_in_process

        return run_task_in_process(ti=queued(self.instance), task=self.task)


def tasks(run: DagRun) -> dict[str, TaskInstance]:
    """Return the task instances of a run by task id, as the database has them."""
    from airflow.utils.session import create_session

    with create_session() as session:
        return {instance.task_id: instance for instance in run.get_task_instances(session=session)}


def states(run: DagRun) -> dict[str, str]:
    """Return the states of a run's tasks by task id."""
    return {task_id: str(instance.state) for task_id, instance in tasks(run).items()}


def stored_results(run: DagRun) -> dict[str, str]:
    """Return the results of a run's tasks by task id, as the text that stands in the database."""
    from airflow.utils.session import create_session
    from sqlalchemy import text

    query = text("SELECT task_id, value FROM xcom WHERE run_id = :run AND key = 'return_value'")
    with create_session() as session:
        rows = session.execute(query, {"run": run.run_id}).all()
        return {row.task_id: row.value for row in rows}


def results(run: DagRun) -> dict[str, Any]:
    """Return the results of a run's tasks by task id, read as JSON."""
    return {task_id: json.loads(value) for task_id, value in stored_results(run).items()}
