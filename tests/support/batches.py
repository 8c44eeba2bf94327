"""Batches of Imbee's operators, run at once, and the records that they are given."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from airflow_provider.imbee.operators import (
    ImbeeCreateAccessTokensOperator,
    ImbeeCreateChatsOperator,
    ImbeeCreateUsersOperator,
)

COUNTS = ("created", "existing", "replayed", "failed", "unknown")


def users(records: Any, **options: Any) -> dict[str, Any]:
    return ImbeeCreateUsersOperator(task_id="users", records=records, **options).execute({})


def chats(records: Any, **options: Any) -> dict[str, Any]:
    return ImbeeCreateChatsOperator(task_id="chats", records=records, **options).execute({})


def tokens(records: Any, *, try_number: int = 1, **options: Any) -> dict[str, Any]:
    options.setdefault("defaults", {"bot_idsha": "bot"})
    task = ImbeeCreateAccessTokensOperator(task_id="tokens", records=records, **options)
    return task.execute({"ti": SimpleNamespace(try_number=try_number)})


def people(count: int, **more: Any) -> list[dict[str, Any]]:
    return [{"unique_id_sha": f"user-{n}", **more} for n in range(1, count + 1)]


def addressees(count: int) -> list[dict[str, Any]]:
    return [{"virtual_user": f"user-{n}", "mail": f"user-{n}@example.com"} for n in range(1, count + 1)]


def counts(result: dict[str, Any]) -> dict[str, int]:
    return {name: result[name] for name in ("total", *COUNTS) if result[name]}


def lines(path: Any) -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path(path).read_text(encoding="utf-8").splitlines()]
