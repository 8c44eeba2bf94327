"""Many processes that reserve, or probe, the same quota in the same moment.

``python -m tests.support.quota_crowd reserve URL NUMBER ROUNDS AMOUNT`` prints what was granted in each round,
``... ask NUMBER`` what each one has learnt, and ``... insert NUMBER RECORDS`` what has become of each one's batch,
all of one run; as JSON in the last line.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from airflow_provider.quota.store import QuotaStore
from airflow_provider.store.engine import Database
from tests.support.batches import execute
from tests.support.processes import crowd
from tests.support.quota import ACCOUNT


def reserve(url: str, rounds: int, amount: int) -> Callable[[int], Any]:
    def one(index: int) -> Any:
        store = QuotaStore(Database(sa.make_url(url), shared=True), ACCOUNT)
        granted = [
            store.reserve(f"{index}-{turn}", amount, run=f"run-{index}", task="t", lasts=timedelta(hours=1))
            for turn in range(rounds)
        ]
        store.close()
        return granted

    return one


def probe(index: int) -> Any:
    from airflow_provider.exceptions import VendorError
    from airflow_provider.quota.decision import Enough, Requirement, WaitPolicy
    from airflow_provider.quota.monitor import open_monitor
    from airflow_provider.wolkvox.hooks import WolkvoxHook

    policy = WaitPolicy(timedelta(minutes=5), timedelta(hours=1), timedelta(hours=1))
    monitor = open_monitor(WolkvoxHook())
    try:
        found = asyncio.run(monitor.check(Requirement(10), policy))
    except VendorError as error:
        return type(error).__name__
    return found.quota.remaining if isinstance(found, Enough) else found.reason


def insert(records: int) -> Callable[[int], Any]:
    from airflow_provider.exceptions import VendorError
    from airflow_provider.wolkvox.operators import WolkvoxInsertRecordsOperator

    def one(index: int) -> Any:
        operator = WolkvoxInsertRecordsOperator(
            task_id=f"insert_{index}",
            module="contacts",
            records=[{"idcontact": f"{index}/{number}"} for number in range(records)],
            reserve="auto",
        )
        try:
            return execute(operator, "run")["created"]
        except VendorError as error:
            return type(error).__name__

    return one


def main(what: str, *arguments: str) -> list[Any]:
    if what == "ask":
        # Imported before the fork: the children begin at the same time.
        import airflow_provider.http.async_client
        import airflow_provider.wolkvox.hooks  # noqa: F401

        return crowd(int(arguments[0]), probe)
    if what == "insert":
        number, records = arguments
        return crowd(int(number), insert(int(records)))
    url, number, rounds, amount = arguments
    return crowd(int(number), reserve(url, int(rounds), int(amount)))


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:])))
