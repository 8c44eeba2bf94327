"""Which run of a Dag, and which task of it, something belongs to."""

from __future__ import annotations

import os
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow.sdk import Context


@dataclass(frozen=True, slots=True)
class RunIdentity:
    """A task of a run of a Dag, by name. Retries of a task have the same identity.

    :param dag_id: id of the Dag
    :param run_id: id of the run
    :param task_id: id of the task
    :param map_index: which of the instances of a mapped task; -1 where it is not mapped
    """

    dag_id: str
    run_id: str
    task_id: str
    map_index: int = -1

    @classmethod
    def of(cls, context: Context) -> RunIdentity:
        """Return the identity of the task that is running.

        Outside of a run there is nothing to come back to, so each call makes a new identity.

        :param context: the task's context
        """
        instance: Any = context.get("ti")
        dag_id, run_id, task_id = (getattr(instance, name, None) for name in ("dag_id", "run_id", "task_id"))
        if not (dag_id and run_id and task_id):
            return cls("", "", uuid.uuid4().hex)
        index = getattr(instance, "map_index", None)
        return cls(dag_id, run_id, task_id, -1 if index is None else index)

    @property
    def run(self) -> str:
        """Name the run, for what all of its tasks share; empty outside of a run."""
        return f"{self.dag_id}/{self.run_id}" if self.run_id else ""

    @property
    def task(self) -> str:
        """Name the task, for what all instances of a mapped task share."""
        return f"{self.run}/{self.task_id}" if self.run_id else self.task_id

    @property
    def instance(self) -> str:
        """Name the instance of the task, for what no other task shares."""
        return f"{self.task}/{self.map_index}"


def current_run() -> str:
    """Name the run of a Dag that this process works for, as :attr:`RunIdentity.run`; empty outside of one."""
    names = [os.environ.get(f"AIRFLOW_CTX_DAG_{name}", "") for name in ("ID", "RUN_ID")]
    return "/".join(names) if all(names) else ""
