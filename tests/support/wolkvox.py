"""Batches of wolkvox's records against the sandbox: run them, and look at what it has and received."""

from __future__ import annotations

from typing import Any

from airflow_provider.wolkvox.operators import (
    WolkvoxDeleteRecordsOperator,
    WolkvoxInsertRecordsOperator,
    WolkvoxQueryOperator,
    WolkvoxUpdateRecordsOperator,
    WolkvoxUpsertCollectionsOperator,
)
from tests.support.batches import execute
from tests.support.quota import TOKEN


def insert(records: Any, *, run_id: str = "run-1", **options: Any) -> dict[str, Any]:
    options = {"module": "contacts", "on_error": "continue", **options}
    return execute(WolkvoxInsertRecordsOperator(task_id="insert", records=records, **options), run_id)


def update(records: Any, *, run_id: str = "run-1", **options: Any) -> dict[str, Any]:
    options = {"module": "contacts", "on_error": "continue", **options}
    return execute(WolkvoxUpdateRecordsOperator(task_id="update", records=records, **options), run_id)


def delete(records: Any, *, run_id: str = "run-1", **options: Any) -> dict[str, Any]:
    options = {"module": "contacts", "on_error": "continue", **options}
    return execute(WolkvoxDeleteRecordsOperator(task_id="delete", records=records, **options), run_id)


def upsert(records: Any, *, run_id: str = "run-1", **options: Any) -> dict[str, Any]:
    options = {"on_error": "continue", **options}
    return execute(WolkvoxUpsertCollectionsOperator(task_id="upsert", records=records, **options), run_id)


def query(**options: Any) -> dict[str, Any]:
    return execute(WolkvoxQueryOperator(task_id="query", **{"module": "leads", **options}))


def contacts(count: int, start: int = 1) -> list[dict[str, Any]]:
    numbers = range(start, start + count)
    return [{"idcontact": str(n), "emailcontact": f"c{n}@example.com"} for n in numbers]


def people(count: int) -> list[dict[str, Any]]:
    return [
        {"Identification": str(n), "Name": f"P {n}", "Email": f"p{n}@example.com", "Telephone": "3000000000"}
        for n in range(1, count + 1)
    ]


def in_crm(sandbox: Any, module: str = "contacts") -> list[dict[str, Any]]:
    return list(sandbox.control("GET", f"wolkvox/records/{module}")["records"])


def fill(sandbox: Any, count: int, module: str = "leads") -> None:
    fields = {"code": "lead-{n}", "status": "new"}
    sandbox.control("POST", "wolkvox/records", {"module": module, "count": count, "fields": fields})


def bodies(sandbox: Any, path: str) -> list[dict[str, Any]]:
    return [request["json"] for request in sandbox.requests("wolkvox", path=f"server/API/v2/{path}")]


def spend(sandbox: Any, remaining: int) -> None:
    sandbox.token(token=TOKEN, operation="demo_operation", limit=100, used=100 - remaining)
