"""Requests whose outcome is not known, looked for at the vendor before anything is sent again."""

from __future__ import annotations

import time
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING

from airflow_provider.batch.jobs import READ_AHEAD, JobMaker
from airflow_provider.exceptions import InvalidInput, OutcomePending, OutcomeUnknown
from airflow_provider.ledger.ledger import Completion
from airflow_provider.ledger.outage import wait_for_database
from airflow_provider.secrets import seal_fields

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from airflow_provider.batch.lookup import Lookup, Recent
    from airflow_provider.batch.plan import Plan
    from airflow_provider.ledger.ledger import Doubt, Ledger
    from airflow_provider.records.readers import Records
    from airflow_provider.store.engine import Database


def reconcile(
    plan: Plan,
    lookup: Lookup,
    records: Records,
    ledger: Ledger,
    database: Database,
    stopped: Callable[[], bool],
) -> dict[str, int]:
    """Find out what became of the records of a batch whose outcome is not known.

    What the vendor has is recorded as done. What it does not have is forgotten, so that the batch sends it,
    once the vendor can no longer be working on it. All else stays unknown, with the reason.

    :param plan: how the batch is going to be run
    :param lookup: looks records up at the vendor; it is prepared
    :param records: the records, opened for this purpose alone
    :param ledger: the ledger as the batch is going to use it
    :param database: the ledger's database, which is waited for while it is away
    :param stopped: says whether the batch was told to end
    :return: how many were ``found``, how many are going to be ``resent``, and how many stay ``unknown``
    :raises VendorError: the records, the vendor's list or the ledger cannot be read
    """

    def look() -> dict[str, Doubt]:
        with database.read() as connection:
            return ledger.doubts(connection)

    doubts = wait_for_database(look, stopped)
    keys = _keys(plan, records, ledger, doubts) if doubts else {}
    counts = {"found": 0, "resent": 0, "unknown": 0}
    if not keys:
        return counts
    # What the vendor does not have, it did not have then: it may do it while its list is read.
    asked = time.time()
    recent = lookup.recent(min(doubts[id_].since for id_ in keys))
    for id_, key in keys.items():
        name, completion = _judge(doubts[id_], key, recent, asked, lookup.resend_after or 0.0)
        # Where another run was faster, the batch takes what that one has found out.
        decide = partial(database.run, partial(ledger.decide, doubt=doubts[id_], completion=completion))
        counts[name] += wait_for_database(decide, stopped)
    return counts


def _keys(
    plan: Plan, records: Records, ledger: Ledger, doubts: dict[str, Doubt]
) -> dict[str, tuple[str, ...]]:
    """Return the keys of the batch's records that are in doubt, by the id of their row."""
    maker, rows, keys, at_end = JobMaker(plan, ledger), iter(records), dict[str, tuple[str, ...]](), False
    while not at_end:
        block = list(islice(rows, READ_AHEAD))
        at_end = not block
        for jobs in maker.groups(block, at_end=at_end):
            keys.update((job.id, job.call.key) for job in jobs if job.call is not None and job.id in doubts)
    return keys


def _judge(
    doubt: Doubt, key: Sequence[str], recent: Recent, asked: float, resend_after: float
) -> tuple[str, Completion]:
    try:
        found = recent.find(key)
    except InvalidInput as error:
        return _unknown(doubt, error.message.rstrip("."))
    if len(found) == 1:
        return "found", Completion(doubt.id, "done", result=seal_fields(found[0]))
    if found:
        return _unknown(doubt, f"{len(found)} records at the vendor have its key")
    if not recent.complete:
        return _unknown(doubt, "the vendor's list changed while it was read, or does not say how long it is")
    waited = asked - doubt.last
    # A clock that went back says nothing of how long it was.
    if 0 <= waited < resend_after or waited < 0:
        return _unknown(
            doubt,
            "the vendor does not have it yet, and may still be working on it: it is sent again from "
            f"{resend_after:,.0f} seconds after the request on",
        )
    return "resent", Completion(doubt.id, "released")


def _unknown(doubt: Doubt, why: str) -> tuple[str, Completion]:
    return "unknown", Completion(doubt.id, "unknown", error=f"looked for at the vendor: {why}")


def hopeful(error: BaseException, lookup: Lookup | None) -> BaseException:
    """Return the error that ends a batch; another one where a later try finds out what became of a request.

    :param error: what ended the batch
    :param lookup: looks records up at the vendor
    """
    if not isinstance(error, OutcomeUnknown) or lookup is None or lookup.resend_after is None:
        return error
    pending = OutcomePending(error.message)
    vars(pending).update(vars(error))
    pending.remedy = (
        "The next try looks for it at the vendor before it sends anything. What is not there is sent again "
        f"from {lookup.resend_after:,.0f} seconds after the request on. Give the task retries that last "
        "longer."
    )
    return pending
