"""Batches of Imbee's users and messages against the sandbox."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from airflow_provider.imbee.operators import ImbeeCreateAccessTokensOperator, ImbeeCreateUsersOperator

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


def people(count: int, start: int = 0) -> list[dict[str, Any]]:
    numbers = range(start, start + count)
    return [{"unique_id_sha": f"u{n}", "virtual_user": f"u{n}", "mail": f"u{n}@example.com"} for n in numbers]


def received(sandbox: Any) -> int:
    return sandbox.state()["requests"]["imbee"]


def mails(sandbox: Any) -> Counter[str]:
    return Counter(message["virtual_user"] for message in sandbox.messages())
