"""How many requests a batch is going to send, before it sends the first."""

from __future__ import annotations

from functools import partial
from itertools import islice
from typing import TYPE_CHECKING

from airflow_provider.batch.jobs import READ_AHEAD, JobMaker
from airflow_provider.exceptions import InvalidInput
from airflow_provider.ledger.outage import wait_for_database

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider.batch.jobs import Job
    from airflow_provider.batch.plan import Plan
    from airflow_provider.ledger.ledger import Ledger
    from airflow_provider.records.readers import Records
    from airflow_provider.store.engine import Database


def forecast(
    plan: Plan, records: Records, ledger: Ledger, database: Database, stopped: Callable[[], bool]
) -> int:
    """Count the requests of a batch: those of records that can be sent and are not done or there already.

    Records that a batch has twice are counted once. Repeats of failed requests are not foreseen.

    :param plan: how the batch is going to be run
    :param records: the records, opened for this purpose alone
    :param ledger: the ledger as the batch is going to use it
    :param database: the ledger's database, which is waited for while it is away
    :param stopped: says whether the batch was told to end
    :raises VendorError: the records or the ledger cannot be read
    """

    def needed_of(ids: list[str]) -> set[str]:
        with database.read() as connection:
            return ledger.needed(connection, ids)

    maker = JobMaker(plan, ledger)
    rows, seen, requests, at_end = iter(records), set[str](), 0, False
    while not at_end:
        block = list(islice(rows, READ_AHEAD))
        at_end = not block
        groups = [
            [job.id for job in jobs if _is_sent(job, plan) and job.id not in seen]
            for jobs in maker.groups(block, at_end=at_end)
        ]
        ids = [id_ for group in groups for id_ in group]
        needed = wait_for_database(partial(needed_of, ids), stopped)
        for group in groups:
            sent = needed.intersection(group) - seen
            seen.update(sent)
            requests += bool(sent)
    return requests


def _is_sent(job: Job, plan: Plan) -> bool:
    """Say whether a record can be sent, and is not at the vendor already."""
    there = plan.operation.there
    if job.call is None or (there is not None and there(job.call) is not None):
        return False
    try:
        return plan.lookup is None or plan.lookup.existing(job.call.key) is None
    except InvalidInput:
        return False
