"""Run batches outside of Airflow, and read what they give back."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

COUNTS = ("created", "existing", "replayed", "failed", "unknown")


def execute(task: Any, run_id: str = "run-1", **instance: Any) -> dict[str, Any]:
    """Execute an operator as the task instance of a run, and return its result."""
    fields = {"dag_id": "dag", "run_id": run_id, "task_id": task.task_id, "try_number": 1, "map_index": -1}
    result: dict[str, Any] = task.execute({"ti": SimpleNamespace(**{**fields, **instance})})
    return result


def outcomes(result: dict[str, Any]) -> dict[str, int]:
    """Return how many records ended in which way, without the ways in which none did."""
    assert sum(result[name] for name in COUNTS) == result["total"]
    return {name: result[name] for name in COUNTS if result[name]}


def counts(result: dict[str, Any]) -> dict[str, int]:
    """Return the total and the outcomes, without zeros."""
    found = outcomes(result)
    return {"total": result["total"], **found} if result["total"] else found


def lines(path: str | Path) -> list[dict[str, Any]]:
    """Read a file of JSON lines."""
    return [json.loads(line) for line in Path(path).read_text(encoding="utf-8").splitlines()]
