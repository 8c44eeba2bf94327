"""Batches of Imbee's users and messages against the sandbox."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
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


@contextmanager
def once_received(sandbox: Any, number: int, act: Callable[[], Any]) -> Iterator[None]:
    """Do something as soon as the vendor has received so many requests."""
    url, over = sandbox.url + "/_sandbox/state", threading.Event()
    problems: list[BaseException] = []

    def watch() -> None:
        import requests

        with requests.Session() as session:
            session.trust_env = False
            while not over.is_set():
                if session.get(url, timeout=30).json()["requests"]["imbee"] >= number:
                    try:
                        act()
                    except BaseException as error:
                        problems.append(error)
                    return
                time.sleep(0.002)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
    assert not problems
