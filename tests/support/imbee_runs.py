"""Batches of Imbee's operators, run at once, and the records that they are given."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from airflow_provider.imbee.operators import (
    ImbeeCreateAccessTokensOperator,
    ImbeeCreateChatsOperator,
    ImbeeCreateUsersOperator,
)


def users(records: Any, **options: Any) -> dict[str, Any]:
    return ImbeeCreateUsersOperator(task_id="users", records=records, **options).execute({})


def chats(records: Any, **options: Any) -> dict[str, Any]:
    return ImbeeCreateChatsOperator(task_id="chats", records=records, **options).execute({})


def tokens(records: Any, *, try_number: int = 1, **options: Any) -> dict[str, Any]:
    options.setdefault("defaults", {"bot_idsha": "bot"})
    task = ImbeeCreateAccessTokensOperator(task_id="tokens", records=records, **options)
    context: Any = {"ti": SimpleNamespace(try_number=try_number)}
    return task.execute(context)


def people(count: int, **more: Any) -> list[dict[str, Any]]:
    return [{"unique_id_sha": f"user-{n}", **more} for n in range(1, count + 1)]


def addressees(count: int) -> list[dict[str, Any]]:
    return [{"virtual_user": f"user-{n}", "mail": f"user-{n}@example.com"} for n in range(1, count + 1)]
