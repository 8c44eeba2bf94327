"""One run of a batch that sends nothing: from opening its files to publishing them."""

from __future__ import annotations

import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Protocol

from airflow_provider.batch.places import check_paths
from airflow_provider.exceptions import InvalidInput, VendorError
from airflow_provider.ledger.executors import check_shared
from airflow_provider.records.destinations import WrittenByAnother
from airflow_provider.records.formats import XCOM_RECORDS, report_path
from airflow_provider.records.json_lines import for_xcom
from airflow_provider.records.writers import ListOutput, lost, not_written, open_output
from airflow_provider.secrets import check_key

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from airflow_provider.batch.counts import BatchCounts
    from airflow_provider.batch.failures import Failures
    from airflow_provider.batch.mapping import RecordMapping
    from airflow_provider.records.outcome import TaskOutcome
    from airflow_provider.records.parsing import Row
    from airflow_provider.records.readers import Records
    from airflow_provider.records.writers import Output
    from airflow_provider.store.engine import Database


class RecordBatch(Protocol):
    """Works through the records of a run."""

    counts: BatchCounts
    failures: Failures

    def run(self, rows: Iterator[Row]) -> None:
        """Take all records.

        :raises VendorError: what ends the batch
        :raises OSError: an output cannot be written
        """

    def remember(self) -> None:
        """Store what must be stored before anybody sees the results."""

    def told(self) -> Mapping[str, Any]:
        """Return what the result of the task has besides the counts."""

    def close(self) -> None:
        """Remove temporary files."""


class RecordRun:
    """One run of a batch that sends nothing.

    :param records: the records, not open yet
    :param log: the log of the task
    :param output: path or URI of the results; None for a list
    :param empty: ``fail`` where a batch without records is an error, ``warn`` where it is not
    :param executor: the executor that the task itself names
    :param outcome: takes what the task did
    """

    result_key: str = ""
    again: str
    """What running the task again means, as the end of a sentence."""
    kept: str
    """What is true where the output was lost before anything was stored, as a sentence."""
    stored: str
    """What is true of the results where it was lost after that, as the end of a sentence."""

    def __init__(
        self,
        records: Records,
        *,
        log: Any,
        output: str | None,
        empty: str,
        executor: str | None = None,
        outcome: TaskOutcome,
    ) -> None:
        self._records = records
        self._outcome = outcome
        self._log = log
        self._output = output
        self._empty = empty
        self._executor = executor

    def open(self, stack: ExitStack) -> Database:
        """Open the database, which several machines may have to share.

        :param stack: closes them
        """
        raise NotImplementedError

    def batch(self, database: Database, results: Output, reports: Output) -> RecordBatch:
        """Return what works through the records.

        :param database: what :meth:`open` has returned
        :param results: takes each record with its result
        :param reports: takes the report of each failed record
        """
        raise NotImplementedError

    @property
    def mapping(self) -> RecordMapping:
        """What reads the fields of a record."""
        raise NotImplementedError

    def result_columns(self, columns: tuple[str, ...]) -> tuple[str, ...]:
        """Return the columns of the results; nothing where they follow from the records.

        :param columns: those of the records' file
        """
        return (*columns, self.result_key) if columns else ()

    def not_shared(self, error: InvalidInput) -> None:
        """Do with it that other machines do not see the database.

        :param error: says so
        """
        raise error

    def failed(self) -> str:
        """Say what is true of a batch that a record has ended, as a sentence."""
        raise NotImplementedError

    def run(self) -> dict[str, Any]:
        """Work through the records, store what they say and publish the results, in this order.

        :return: counts, and where the results are
        :raises VendorError: nothing was published
        """
        started = time.monotonic()
        check_key()
        with ExitStack() as stack:
            records = stack.enter_context(self._records)
            if records.columns is not None:
                self.mapping.check_columns(records.columns)
            elif names := records.names:
                self.mapping.tell_unseen(names)
            records.check_empty(self._empty, self._log)
            database = self.open(stack)
            try:
                check_shared(database, self._executor)
            except InvalidInput as error:
                self.not_shared(error)
            results, reports = self._open_outputs(records, stack)
            try:
                batch = self.batch(database, results, reports)
                stack.callback(batch.close)
                self._outcome.counted = batch.counts
                self._work(batch, records, reports)
                output, report = self._publish(batch, results, reports)
            except WrittenByAnother as error:
                raise lost(error.filename, self.kept, then=self.again) from None
            except OSError as error:
                raise not_written(error, then=self.again) from error
        result: dict[str, Any] = {
            **batch.counts.as_dict(),
            **batch.told(),
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

    def _open_outputs(self, records: Records, stack: ExitStack) -> tuple[Output, Output]:
        if self._output:
            check_paths(self._output, records.path)
        else:
            records.hold(XCOM_RECORDS)
        results = open_output(self._output, columns=self.result_columns(records.result_columns))
        # What it says is not stored unless it is published.
        stack.callback(results.abandon)
        reports = open_output(report_path(self._output) if self._output else None)
        stack.callback(reports.close)
        return results, reports

    def _work(self, batch: RecordBatch, records: Records, reports: Output) -> None:
        try:
            batch.run(iter(records))
        except VendorError:
            report = None
            if batch.failures.reported:
                reports.complete()
                self._outcome.report = report = reports.publish()
            self._log.error("%s %s. Report: %s.", self.failed(), batch.counts, report or "none")
            raise

    def _publish(self, batch: RecordBatch, results: Output, reports: Output) -> tuple[str | None, str | None]:
        # Both before anything is stored: nothing is where one of them is another task's.
        reports.complete()
        results.complete()
        batch.remember()
        report = None
        if batch.failures.reported:
            report = reports.publish()
        else:
            reports.discard()
        try:
            return results.publish(), report
        except WrittenByAnother as error:
            where = f"The results of this task are in {results.keep()}, and {self.stored}."
            raise lost(error.filename, where, then=self.again) from None

    def _report(self, batch: RecordBatch, result: dict[str, Any]) -> None:
        self._log.info("%s; %s s.", batch.counts, result["seconds"])
        for failure in result["failures"][:10]:
            self._log.warning("%s: %s", failure["error"], failure["reason"])
        if (hidden := batch.counts.failed - 10) > 0:
            where = result["failures_output"] or '"failures" of the result'
            self._log.warning("%d more failed; see %s.", hidden, where)
