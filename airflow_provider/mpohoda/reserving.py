"""Requests of a vendor's quota that are reserved for a list before it is read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider.ledger.outage import wait_for_database
from airflow_provider.quota.automatic import release_for_batch, reserve_for_batch
from airflow_provider.quota.reservations import reservation_id
from airflow_provider.store.location import configured

if TYPE_CHECKING:
    from airflow_provider.extract.paging import Progress
    from airflow_provider.quota.hook import MeteredHook
    from airflow_provider.run_identity import RunIdentity


class ListReservation:
    """Reserves the requests of one try.

    :param hook: the hook of the connection, which has sent nothing yet
    :param amount: how many requests are reserved before the first; None for as many as the rest of the list
        needs by the number of records that an answer tells, before the second
    :param most: pages to read at most; None for all
    :param identity: the task instance
    """

    def __init__(
        self, hook: MeteredHook[Any], amount: int | None, *, most: int | None, identity: RunIdentity
    ) -> None:
        self._hook = hook
        self._amount = amount
        self._most = most
        self._identity = identity
        self._database = wait_for_database(configured)
        self._id: str | None = None
        hook.reservation = reservation_id(hook.conn_id, identity.instance)

    def foresee(self, progress: Progress, size: int | None) -> None:
        """Reserve what is needed, once it is known how much that is.

        :param progress: how far the list has been read
        :param size: records that a page is asked to have; None where the vendor decides
        :raises InvalidInput: it is more than the limit
        :raises QuotaExhausted: too little remains
        :raises RateLimited: others have reserved it
        """
        needed = self._needed(progress, size) if self._amount is None else self._amount
        if self._id is not None or needed is None:
            return
        held = reserve_for_batch(
            self._hook,
            self._database,
            needed,
            run=self._identity.run,
            task=self._identity.instance,
            what="list",
            wait=wait_for_database,
        )
        self._id = held.id

    def close(self) -> None:
        """Release what was not spent."""
        if self._id is not None:
            release_for_batch(self._hook.quota_store(self._database), self._id)
        self._database.close()

    def _needed(self, progress: Progress, size: int | None) -> int | None:
        """Return how many requests are to come; None where no answer has told a number of records."""
        # After a short page the number may be that of other records too.
        if progress.announced is None or progress.short or not size:
            return None
        came = progress.records if progress.came is None else progress.came
        # The last page is known by being short: where the size divides the number, it is empty.
        needed = max(0, progress.announced - came) // size + 1
        return needed if self._most is None else min(needed, self._most - progress.pages)
