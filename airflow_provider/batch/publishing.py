"""The files of a batch at its end: published, or kept apart where it did not end well."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider.records.destinations import WrittenByAnother
from airflow_provider.records.writers import lost, not_written

if TYPE_CHECKING:
    from airflow_provider.batch.counts import BatchCounts
    from airflow_provider.batch.failures import Failures
    from airflow_provider.batch.runner import Batch
    from airflow_provider.records.writers import Output

REPLAYED = ": what is done is not sent again"


class Publication:
    """The results of a batch and the report of its failures.

    :param results: the results
    :param failures: the report
    :param log: the log of the task
    """

    def __init__(self, results: Output, failures: Output, log: Any) -> None:
        self._results = results
        self._failures = failures
        self._log = log

    def publish(self, batch: Batch) -> tuple[str | None, str | None]:
        """Put results and report in their places, the report first: no results stand beside an old one.

        :param batch: the batch, at its end
        :return: where they are; None for what is not in a file
        :raises InvalidInput: another task has written one of them meanwhile
        :raises VendorError: one cannot be written
        """
        report = None
        try:
            # Both before either: nothing is replaced where one of them is another task's.
            self._failures.complete()
            self._results.complete()
            report = publish_report(batch.failures, self._failures)
            return self._results.publish(), report
        except WrittenByAnother as error:
            kept = self._kept(self._results), self._kept(self._failures)
            self._tell(batch.counts, *kept)
            raise lost(error.filename, _where(*kept), then=REPLAYED) from None
        except OSError as error:
            self._tell(batch.counts, self._kept(self._results), report or self._kept(self._failures))
            raise not_written(error, then=REPLAYED) from error

    def keep(self, batch: Batch) -> str | None:
        """Keep what there is of a batch that did not end well, and say where.

        :param batch: the batch, at its end
        :return: where the report is; None where there is none
        """
        try:
            try:
                self._failures.complete()
                report = publish_report(batch.failures, self._failures)
            except WrittenByAnother:
                report = self._failures.keep()
            kept = self._results.keep()
        except OSError as error:
            # The disk may be the very reason; the ledger has what was done.
            self._log.error(
                "The batch did not end well. %s. Its files cannot be kept: %s.", batch.counts, error
            )
            return None
        self._tell(batch.counts, kept, report)
        return report

    def check_written(self, error: BaseException) -> None:
        """Say what to do where a batch has ended because a store does not take one of the files.

        :param error: what has ended it
        :raises VendorError: that is why
        """
        paths = [getattr(output, "path", None) for output in (self._results, self._failures)]
        if isinstance(error, OSError) and error.filename is not None and error.filename in paths:
            raise not_written(error, then=REPLAYED) from error

    def _kept(self, output: Output) -> str | None:
        try:
            return output.keep()
        except OSError as error:
            self._log.warning("A file of the batch cannot be kept: %s.", error)
            return None

    def _tell(self, counts: BatchCounts, results: str | None, report: str | None) -> None:
        self._log.error(
            "The batch did not end well. %s. Results: %s. Report: %s.",
            counts,
            results or "none kept",
            report or "none",
        )


def publish_report(reported: Failures, output: Output) -> str | None:
    """Publish the report; without failures, leave none of an earlier run.

    :param reported: what has failed
    :param output: the report
    :raises OSError: it cannot be written
    """
    if reported.reported:
        return output.publish()
    output.discard()
    return None


def _where(results: str | None, report: str | None) -> str:
    """Say where the files are of a task that may not publish them."""
    if results is None:
        return "The results of this task are in the ledger."
    return f"The results of this task are in {results}{f', its report in {report}' if report else ''}."
