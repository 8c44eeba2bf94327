"""Whether the workers of this installation all see the same ledger."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from airflow_provider.exceptions import InvalidInput

if TYPE_CHECKING:
    from airflow_provider.store.engine import Database

ONE_MACHINE = {"LocalExecutor", "SequentialExecutor", "DebugExecutor"}
"""Executors whose tasks all run where the scheduler runs, and so see the same file."""


def check_shared(database: Database) -> None:
    """Refuse to send what must not be sent twice where the workers do not share a ledger.

    :param database: the ledger's database
    :raises InvalidInput: it is a file, and tasks may run on several machines
    """
    from airflow.sdk import conf

    executors = conf.get("core", "executor", fallback="LocalExecutor")
    # An executor may be written with a team, an alias and its module: "team=alias:some.module.Executor".
    names = {re.split(r"[=:.]", name.strip())[-1] for name in re.split(r"[,;]", executors) if name.strip()}
    if not names <= ONE_MACHINE and not database.shared:
        raise InvalidInput(
            f"the executor is {executors}, and the ledger is a file of one machine ({database.place}).",
            field="[vendor_apis] ledger_conn_id",
            remedy=(
                "Set it to a connection of type postgres or mysql that all workers reach, in airflow.cfg or "
                "as AIRFLOW__VENDOR_APIS__LEDGER_CONN_ID. Without it two workers could send the same message."
            ),
        )
