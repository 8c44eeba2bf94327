"""The transactions of a bank, each of which is recorded once, whatever document it is taken to pay."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from airflow_provider.exceptions import InvalidInput
from airflow_provider.ledger.outage import wait_for_database
from airflow_provider.ledger.sources import bind_sources, stand_for

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider.batch.execution import Execution
    from airflow_provider.batch.lookup import Recent
    from airflow_provider.store.engine import Database
    from airflow_provider.store.waiting import Wait


class Transactions:
    """The payments of each transaction of a batch, held against those of earlier batches.

    One transaction may pay several documents, if one batch has all of these payments. A later batch that has
    it for another document, because more documents are known by then, would record it a second time.
    """

    requests = 0
    """Nothing is asked of the vendor."""

    blocking = True

    def __init__(self) -> None:
        self.resend_after: float | None = None
        self._payments: dict[str, set[tuple[str, ...]]] = {}
        self._refused: set[tuple[str, ...]] = set()
        self._sources: dict[tuple[str, ...], list[str]] = {}
        self._execution: Execution | None = None
        self._database: Database | None = None

    def note(self, transaction: str, payment: tuple[str, ...]) -> None:
        """Take notice of a payment.

        :param transaction: the key of the transaction
        :param payment: the ledger's key of the payment
        """
        self._payments.setdefault(transaction, set()).add(payment)

    def expect(self, execution: Execution) -> None:
        """Be told of the batch, before it runs.

        :param execution: the batch
        """
        self._execution = execution

    def prepare(self, database: Database, *, run: str, retry: bool, wait: Wait) -> None:
        """Read the records once, and find those whose transaction has paid something else.

        :param database: the provider's database
        :param run: the run of a Dag
        :param retry: whether this is a later try of the task
        :param wait: waits for a database that is away
        :raises VendorError: the records or the ledger cannot be read
        """
        execution = self._execution
        if execution is None:
            return
        for _ in execution.calls():
            # To make the call of a payment is to note it.
            pass
        bind = partial(bind_sources, database, execution.ledger, self._payments)
        for transaction in wait(bind):
            self._refused |= self._payments[transaction]
        for transaction, payments in self._payments.items():
            for payment in payments:
                self._sources.setdefault(payment, []).append(transaction)
        self._payments, self._database = {}, database

    def existing(self, key: Sequence[str]) -> None:
        """Find nothing: payments are not looked up.

        :param key: the ledger's key of a payment
        :raises InvalidInput: its transaction has paid something else
        :raises StoreUnavailable: the ledger cannot be read
        """
        if tuple(key) in self._refused or not self._stands(tuple(key)):
            raise InvalidInput(
                "an earlier run has recorded this transaction as the payment of something else.",
                field="record_key",
                remedy="Look in mPOHODA which document it has paid. If this payment is right as well, send "
                'it alone, with redo="all" and retries=0.',
            )

    def _stands(self, payment: tuple[str, ...]) -> bool:
        """Say whether no other run has begun meanwhile that takes the transaction to pay something else."""
        sources = self._sources.get(payment, ())
        if not sources or self._database is None or self._execution is None:
            return True
        stand = partial(stand_for, self._database, self._execution.ledger, sources, payment)
        return wait_for_database(stand, self._execution.is_stopped)

    def recent(self, since: float) -> Recent:
        """Refuse: nothing is looked for."""
        raise NotImplementedError

    def unchecked(self) -> dict[str, int]:
        """Say that nothing is left unchecked."""
        return {}

    def close(self) -> None:
        """Do nothing: nothing is open."""
