"""One run of a batch of launch URLs, from opening its files to publishing them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider.batch.places import folder_of
from airflow_provider.mobadoo.launches import RESULT, LaunchBatch, LaunchPlan
from airflow_provider.mobadoo.record_run import RecordRun
from airflow_provider.store.location import configured
from airflow_provider.store.sessions import Sessions

if TYPE_CHECKING:
    from contextlib import ExitStack

    from airflow_provider.batch.mapping import RecordMapping
    from airflow_provider.exceptions import InvalidInput
    from airflow_provider.records.readers import Records
    from airflow_provider.records.writers import Output
    from airflow_provider.store.engine import Database


class LaunchRun(RecordRun):
    """One run of a batch of launch URLs.

    The other parameters are those of :class:`~airflow_provider.mobadoo.record_run.RecordRun`.

    :param plan: how they are made
    """

    result_key = RESULT
    again = ": it makes new URLs, which replace these"
    kept = "No session was changed."
    stored = "their sessions are stored"

    def __init__(self, plan: LaunchPlan, records: Records, **more: Any) -> None:
        super().__init__(records, **more)
        self._plan = plan

    def open(self, stack: ExitStack) -> Database:
        """Open the provider's database.

        :param stack: closes it
        """
        database = configured()
        stack.callback(database.close)
        return database

    def batch(self, database: Database, results: Output, reports: Output) -> LaunchBatch:
        """Return what makes the URLs.

        :param database: the provider's database
        :param results: takes each record with its URL
        :param reports: takes the report of each failed record
        """
        if self._plan.reveal:
            self._log.warning(
                "%s.url will be in clear in %s, because of reveal.", RESULT, self._output or "XCom"
            )
        sessions = Sessions(database, self._plan.conn_id)
        return LaunchBatch(self._plan, sessions, results, reports, folder=folder_of(self._output))

    @property
    def mapping(self) -> RecordMapping:
        """What reads the fields of a record."""
        return self._plan.mapping

    def not_shared(self, error: InvalidInput) -> None:
        """Warn: the URLs are good all the same, and somebody else may answer the callbacks.

        :param error: says that other machines do not see the database
        """
        self._log.warning(
            "%s What answers callbacks on another machine will not know these sessions: set "
            "[vendor_apis] ledger_conn_id.",
            error.message,
        )

    def failed(self) -> str:
        """Say what is true of a batch that a record has ended."""
        return "No URL was published and no session changed."
