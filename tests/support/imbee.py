"""Batches of Imbee's users and messages against the sandbox, and what the ledger remembers of them."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from airflow_provider.imbee.operators import ImbeeCreateAccessTokensOperator, ImbeeCreateUsersOperator

COUNTS = ("created", "existing", "replayed", "failed", "unknown")
REFUSED = {"status": 200, "json": {"code": 7, "message": "no", "time": 0, "body": {}}}
LOST = {"action": "reset", "after": True}


def users(records: Any, **options: Any) -> ImbeeCreateUsersOperator:
    return ImbeeCreateUsersOperator(
        **{"task_id": "users", "records": records, "on_error": "continue", **options}
    )


def tokens(records: Any, **options: Any) -> ImbeeCreateAccessTokensOperator:
    defaults = {
        "task_id": "tokens",
        "records": records,
        "on_error": "continue",
        "defaults": {"bot_idsha": "bot"},
    }
    return ImbeeCreateAccessTokensOperator(**{**defaults, **options})


BATCHES = pytest.mark.parametrize("batch", [users, tokens])


def execute(task: Any, run_id: str = "run-1", **instance: Any) -> dict[str, Any]:
    fields = {"dag_id": "dag", "run_id": run_id, "task_id": task.task_id, "try_number": 1, "map_index": -1}
    return task.execute({"ti": SimpleNamespace(**{**fields, **instance})})


def people(count: int, start: int = 0) -> list[dict[str, Any]]:
    numbers = range(start, start + count)
    return [{"unique_id_sha": f"u{n}", "virtual_user": f"u{n}", "mail": f"u{n}@example.com"} for n in numbers]


def counts(result: dict[str, Any]) -> dict[str, int]:
    return {name: result[name] for name in COUNTS if result[name]}


def received(sandbox: Any) -> int:
    return sandbox.state()["requests"]["imbee"]


def mails(sandbox: Any) -> Counter[str]:
    return Counter(message["virtual_user"] for message in sandbox.messages())


def states(path: Path) -> dict[str, str]:
    """Return what the ledger says by the first part of the key."""
    connection = sqlite3.connect(path)
    try:
        query = "SELECT key, state FROM vendor_apis_ledger"
        return {json.loads(key)[0]: state for key, state in connection.execute(query)}
    finally:
        connection.close()


def change(path: Path, assignment: str, *values: Any) -> None:
    """Change all rows of the ledger, without the ledger's knowledge."""
    connection = sqlite3.connect(path)
    try:
        with connection:
            connection.execute(f"UPDATE vendor_apis_ledger SET {assignment}", values)
    finally:
        connection.close()


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]
