"""What the tests of the quota sensor share: its ways to wait, and how to see that it waits."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.support.dags import Attempt, set_try
from tests.support.quota import FREEING, WAYS

RETRIES: dict[str, Any] = {"retries": 2, "retry_delay": timedelta(0)}
EXHAUSTED = {"status": 403, "json": {"code": "403", "msg": "TOKEN LIMIT EXCEEDED"}}
ASLEEP = ("deferred", "up_for_reschedule")
every_way = pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
every_freeing_way = pytest.mark.parametrize("way", FREEING.values(), ids=FREEING)


class Waited(Exception):
    """Ends a sensor that would wait on."""


def asleep(attempt: Attempt) -> bool:
    return attempt.outcome.state in ASLEEP or isinstance(attempt.outcome.error, Waited)


def go_on(attempt: Attempt) -> Any:
    return attempt.wake() if attempt.outcome.state == "deferred" else attempt.again()


def tried_again(attempt: Attempt) -> None:
    """Let the next run of the task be its second try."""
    set_try(attempt.instance, 2)


def answer(**changes: Any) -> dict[str, Any]:
    """An answer about the quota, with some of its data replaced; None takes it away."""
    data = {
        "description": "x",
        "token_limit": 100,
        "token_use_today": 60,
        "available_consumition_options": 40,
        "hours_to_restart_count": 3,
    }
    kept = {name: value for name, value in {**data, **changes}.items() if value is not None}
    return {"status": 200, "json": {"code": "200", "error": "null", "msg": "", "data": kept}}
