"""One run of a reconciliation, from opening its files to publishing them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider.mobadoo.reconciliation import COLUMNS, ReconcilePlan, Reconciliation
from airflow_provider.mobadoo.record_run import RecordRun
from airflow_provider.mobadoo.wallet import SqlWallet

if TYPE_CHECKING:
    from contextlib import ExitStack

    from airflow_provider.batch.mapping import RecordMapping
    from airflow_provider.records.readers import Records
    from airflow_provider.records.writers import Output
    from airflow_provider.store.engine import Database


class ReconcileRun(RecordRun):
    """One run of a reconciliation.

    The other parameters are those of :class:`~airflow_provider.mobadoo.record_run.RecordRun`.

    :param plan: how the wallet is compared
    :param records: the tickets of the list
    :param wallet_conn_id: connection of the wallet's database; empty: the provider's own
    """

    again = ": it compares anew"
    kept = "Nothing was changed."
    stored = "nothing was changed"

    def __init__(self, plan: ReconcilePlan, records: Records, *, wallet_conn_id: str, **more: Any) -> None:
        super().__init__(records, **more)
        self._plan = plan
        self._wallet = SqlWallet(wallet_conn_id, plan.conn_id)

    def open(self, stack: ExitStack) -> Database:
        """Open the wallet's database.

        :param stack: closes it
        """
        stack.callback(self._wallet.close)
        return self._wallet.database

    def batch(self, database: Database, results: Output, reports: Output) -> Reconciliation:
        """Return what compares the tickets.

        :param database: the wallet's database
        :param results: takes each difference
        :param reports: takes the report of each ticket that cannot be read
        """
        return Reconciliation(self._plan, database, results, reports)

    @property
    def mapping(self) -> RecordMapping:
        """What reads the fields of a record."""
        return self._plan.mapping

    def result_columns(self, columns: tuple[str, ...]) -> tuple[str, ...]:
        """Return the columns of a difference.

        :param columns: those of the records' file
        """
        return COLUMNS

    def failed(self) -> str:
        """Say what is true of a reconciliation that a ticket has ended."""
        return "The reconciliation did not come to its end; it changes nothing."
