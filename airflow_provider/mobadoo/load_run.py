"""One run of a batch of players, from opening its files to publishing them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider.mobadoo.players import RESULT, LoadBatch, LoadPlan
from airflow_provider.mobadoo.record_run import RecordRun
from airflow_provider.mobadoo.wallet import SqlWallet

if TYPE_CHECKING:
    from contextlib import ExitStack

    from airflow_provider.batch.mapping import RecordMapping
    from airflow_provider.records.readers import Records
    from airflow_provider.records.writers import Output
    from airflow_provider.store.engine import Database


class LoadRun(RecordRun):
    """One run of a batch of players.

    The other parameters are those of :class:`~airflow_provider.mobadoo.record_run.RecordRun`.

    :param plan: how they are loaded
    """

    result_key = RESULT
    again = ": what is loaded already stays as it is"
    kept = "Players that were loaded stay loaded."
    stored = "the players are loaded"

    def __init__(self, plan: LoadPlan, records: Records, **more: Any) -> None:
        super().__init__(records, **more)
        self._plan = plan
        self._wallet = SqlWallet(plan.wallet_conn_id, plan.conn_id)

    def open(self, stack: ExitStack) -> Database:
        """Open the wallet's database.

        :param stack: closes it
        """
        stack.callback(self._wallet.close)
        return self._wallet.database

    def batch(self, database: Database, results: Output, reports: Output) -> LoadBatch:
        """Return what loads the players.

        :param database: the wallet's database
        :param results: takes each record with what became of it
        :param reports: takes the report of each failed record
        """
        return LoadBatch(self._plan, self._wallet, results, reports, log=self._log)

    @property
    def mapping(self) -> RecordMapping:
        """What reads the fields of a record."""
        return self._plan.mapping

    def failed(self) -> str:
        """Say what is true of a batch that a record has ended."""
        return "Players before the one that failed may be loaded; loading them again changes nothing."
