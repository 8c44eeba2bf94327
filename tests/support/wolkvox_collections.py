"""Gestiones, obligations and reports against the sandbox: run the operators, and make what they need."""

from __future__ import annotations

from typing import Any

from airflow_provider.wolkvox.operators import (
    WolkvoxInsertGestionesOperator,
    WolkvoxInsertObligationsOperator,
    WolkvoxQueryGestionesOperator,
    WolkvoxQueryObligationsOperator,
    WolkvoxReportOperator,
    WolkvoxUpdateObligationsOperator,
)
from tests.support.batches import execute
from tests.support.wolkvox import in_crm, people, upsert


def insert_gestiones(records: Any, *, run_id: str = "run-1", **options: Any) -> dict[str, Any]:
    options = {"on_error": "continue", **options}
    return execute(WolkvoxInsertGestionesOperator(task_id="gestiones", records=records, **options), run_id)


def insert_obligations(records: Any, *, run_id: str = "run-1", **options: Any) -> dict[str, Any]:
    options = {"on_error": "continue", **options}
    return execute(WolkvoxInsertObligationsOperator(task_id="insert", records=records, **options), run_id)


def update_obligations(records: Any, *, run_id: str = "run-1", **options: Any) -> dict[str, Any]:
    options = {"on_error": "continue", **options}
    return execute(WolkvoxUpdateObligationsOperator(task_id="update", records=records, **options), run_id)


def query_gestiones(**options: Any) -> dict[str, Any]:
    return execute(WolkvoxQueryGestionesOperator(task_id="query", **options))


def query_obligations(**options: Any) -> dict[str, Any]:
    return execute(WolkvoxQueryObligationsOperator(task_id="query", **options))


def report(name: str = "contacts", **options: Any) -> dict[str, Any]:
    options = {"date_from": "2026-01-01", "date_to": "2026-12-31", **options}
    return execute(WolkvoxReportOperator(task_id="report", name=name, **options))


def collections(sandbox: Any, count: int = 1) -> list[str]:
    """Make collections of so many people in the sandbox, and return their identifiers."""
    assert upsert(people(count))["created"] == count
    return [one["wolkvox_id"] for one in in_crm(sandbox, "collections")]
