"""Whether all tasks of this installation are known to see the same file."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from airflow_provider.exceptions import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider.store.engine import Database

ONE_MACHINE = {"LocalExecutor", "airflow.executors.local_executor.LocalExecutor"}
"""The executor whose tasks all run where the scheduler runs, and so see the same file. A class of the same
name in another module is another executor."""

CONTAINER_VARIABLES = ("AIRFLOW_IS_K8S_EXECUTOR_POD", "AIRFLOW_IS_EXECUTOR_CONTAINER")
"""What executors set for a task in a container of its own, whose configuration says LocalExecutor. Any value
counts, as it does for Airflow."""

CONTAINER_PROGRAM = "airflow.sdk.execution_time.execute_workload"
"""What such a container runs. LocalExecutor runs its tasks without it."""


def check_shared(database: Database, executor: str | None = None) -> None:
    """Refuse to send what must not be sent twice, unless all tasks are known to share the ledger.

    Neither the database nor its file is touched.

    :param database: the ledger's database
    :param executor: the executor that the task itself names, by its name, alias or module
    :raises InvalidInput: it is a file, and tasks may run on several machines
    """
    if database.shared:
        return
    reason = _several_machines(executor)
    if reason is None:
        return
    raise InvalidInput(
        f"{reason}, and the ledger is a file of one machine ({database.place}).",
        field="[vendor_apis] ledger_conn_id",
        remedy=(
            "Set it to a connection of type postgres or mysql that all workers reach, in airflow.cfg or "
            "as AIRFLOW__VENDOR_APIS__LEDGER_CONN_ID. Without it two workers could send the same message."
        ),
    )


def _several_machines(executor: str | None) -> str | None:
    """Say why tasks may run on several machines; None where all are known to run on one."""
    from airflow.sdk import conf

    for name in CONTAINER_VARIABLES:
        if os.environ.get(name):
            return f"the task runs in a container of its own ({name} is set)"
    if _program() == CONTAINER_PROGRAM:
        return f"the task runs in a container of its own (its process is {CONTAINER_PROGRAM})"
    configured = conf.get("core", "executor", fallback="")
    # All of them, whichever runs this task: another run of it may use another one.
    found = dict(_executors(configured))
    if not found or not set(found.values()) <= ONE_MACHINE:
        return f"the executor is {configured or 'not configured'}"
    if executor and found.get(executor, executor) not in ONE_MACHINE:
        return f"the executor of the task is {executor}"
    return None


def _executors(configured: str) -> Iterator[tuple[str, str]]:
    """Read the setting, like ``LocalExecutor,alias:some.module.Executor;team=CeleryExecutor``.

    :return: alias and executor of each; the alias of one without is its own name
    """
    for group in configured.split(";"):
        for name in group.rpartition("=")[2].split(","):
            alias, _, target = name.strip().rpartition(":")
            if target:
                yield alias or target, target


def _program() -> str:
    """Return the module that this process, or the one that it was forked from, was started with."""
    spec = getattr(sys.modules.get("__main__"), "__spec__", None)
    return spec.name if spec else ""
