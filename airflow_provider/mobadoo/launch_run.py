"""One run of a batch of launch URLs, from opening its files to publishing them."""

from __future__ import annotations

import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from airflow_provider.batch.places import check_paths, folder_of
from airflow_provider.exceptions import InvalidInput, VendorError
from airflow_provider.ledger.executors import check_shared
from airflow_provider.mobadoo.launches import RESULT, LaunchBatch, LaunchPlan
from airflow_provider.records.destinations import WrittenByAnother
from airflow_provider.records.formats import XCOM_RECORDS, report_path
from airflow_provider.records.json_lines import for_xcom
from airflow_provider.records.writers import ListOutput, lost, not_written, open_output
from airflow_provider.secrets import check_key
from airflow_provider.store.location import configured
from airflow_provider.store.sessions import Sessions

if TYPE_CHECKING:
    from airflow_provider.records.outcome import TaskOutcome
    from airflow_provider.records.readers import Records
    from airflow_provider.records.writers import Output
    from airflow_provider.store.engine import Database

AGAIN = ": it makes new URLs, which replace these"


class LaunchRun:
    """One run of a batch of launch URLs.

    :param plan: how they are made
    :param records: the records, not open yet
    :param log: the log of the task
    :param output: path or URI of the results; None for a list
    :param empty: ``fail`` where a batch without records is an error, ``warn`` where it is not
    :param executor: the executor that the task itself names
    :param outcome: takes what the task did
    """

    def __init__(
        self,
        plan: LaunchPlan,
        records: Records,
        *,
        log: Any,
        output: str | None,
        empty: str,
        executor: str | None = None,
        outcome: TaskOutcome,
    ) -> None:
        self._plan = plan
        self._outcome = outcome
        self._records = records
        self._log = log
        self._output = output
        self._empty = empty
        self._executor = executor

    def run(self) -> dict[str, Any]:
        """Make the URLs, store their sessions and publish them, in this order.

        :return: counts, and where the results are
        :raises VendorError: nothing was published
        """
        started = time.monotonic()
        check_key()
        with ExitStack() as stack:
            records = stack.enter_context(self._records)
            self._check_records(records)
            database = configured()
            stack.callback(database.close)
            self._check_shared(database)
            results, reports = self._open_outputs(records, stack)
            try:
                batch = LaunchBatch(
                    self._plan,
                    Sessions(database, self._plan.conn_id),
                    results,
                    reports,
                    folder=folder_of(self._output),
                )
                stack.callback(batch.close)
                self._outcome.counted = batch.counts
                self._make(batch, records, reports)
                output, report = self._publish(batch, results, reports)
            except WrittenByAnother as error:
                raise lost(error.filename, "No session was changed.", then=AGAIN) from None
            except OSError as error:
                raise not_written(error, then=AGAIN) from error
        result: dict[str, Any] = {
            **batch.counts.as_dict(),
            "output": output,
            "seconds": round(time.monotonic() - started, 3),
            "requests": 0,
            "failures": for_xcom(batch.failures.reported),
            "failures_output": report,
        }
        self._outcome.published(result)
        if isinstance(results, ListOutput):
            result["records"] = results.records
        self._report(batch, result)
        return result

    def _check_records(self, records: Records) -> None:
        if records.columns is not None:
            self._plan.mapping.check_columns(records.columns)
        records.check_empty(self._empty, self._log)

    def _check_shared(self, database: Database) -> None:
        try:
            check_shared(database, self._executor)
        except InvalidInput as error:
            # The URLs are good all the same, and somebody else may answer the callbacks.
            self._log.warning(
                "%s What answers callbacks on another machine will not know these sessions: set "
                "[vendor_apis] ledger_conn_id.",
                error.message,
            )

    def _open_outputs(self, records: Records, stack: ExitStack) -> tuple[Output, Output]:
        if self._output:
            check_paths(self._output, records.path)
        else:
            records.hold(XCOM_RECORDS)
        columns = records.result_columns
        results = open_output(self._output, columns=(*columns, RESULT) if columns else ())
        # Its URLs have no session unless it is published.
        stack.callback(results.abandon)
        reports = open_output(report_path(self._output) if self._output else None)
        stack.callback(reports.close)
        if self._plan.reveal:
            self._log.warning(
                "%s.url will be in clear in %s, because of reveal.", RESULT, self._output or "XCom"
            )
        return results, reports

    def _make(self, batch: LaunchBatch, records: Records, reports: Output) -> None:
        try:
            batch.run(iter(records))
        except VendorError:
            report = None
            if batch.failures.reported:
                reports.complete()
                self._outcome.report = report = reports.publish()
            self._log.error(
                "No URL was published and no session changed. %s. Report: %s.",
                batch.counts,
                report or "none",
            )
            raise

    def _publish(self, batch: LaunchBatch, results: Output, reports: Output) -> tuple[str | None, str | None]:
        # Both before any session is replaced: nothing is where one of them is another task's.
        reports.complete()
        results.complete()
        # And the sessions before anybody sees a URL.
        batch.remember()
        report = None
        if batch.failures.reported:
            report = reports.publish()
        else:
            reports.discard()
        try:
            return results.publish(), report
        except WrittenByAnother as error:
            where = f"The results of this task are in {results.keep()}, and their sessions are stored."
            raise lost(error.filename, where, then=AGAIN) from None

    def _report(self, batch: LaunchBatch, result: dict[str, Any]) -> None:
        self._log.info("%s; %s s.", batch.counts, result["seconds"])
        for failure in result["failures"][:10]:
            self._log.warning("%s: %s", failure["error"], failure["reason"])
        if (hidden := batch.counts.failed - 10) > 0:
            where = result["failures_output"] or '"failures" of the result'
            self._log.warning("%d more failed; see %s.", hidden, where)
