"""Tell people of the failed records of a batch, through any of Airflow's notifiers."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

from airflow.sdk.bases.notifier import BaseNotifier

from airflow_provider import links

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow.sdk import Context

NAME = "vendor_report"
"""What the templates of the other notifier know the report by."""


@dataclass(frozen=True, kw_only=True)
class FailureReport:
    """What is told of a batch: names, places and numbers, and nothing of its records.

    As a text it is the whole report, for ``{{ vendor_report }}``.

    :param dag_id: id of the Dag
    :param run_id: id of the run
    :param task_id: id of the task
    :param map_index: which of the instances of a mapped task; -1 where it is not mapped
    :param error: type of the error that ended the task, like ``QuotaExhausted``; None where it is a success
    :param conn_id: id of the connection; None where the task has not begun
    :param operation: what is done with each record; None where the task has not begun
    :param counts: how many records ended how; empty where that is not known
    :param report: path or URI of the report of failed records; None where there is none
    :param output: path or URI of the results; None where they are in no file, or not published
    :param url: address of the failed records on the operations page
    """

    dag_id: str
    run_id: str
    task_id: str
    map_index: int = -1
    error: str | None = None
    conn_id: str | None = None
    operation: str | None = None
    counts: dict[str, int]
    report: str | None = None
    output: str | None = None
    url: str

    @property
    def failed(self) -> int:
        """Return how many records failed."""
        return self.counts.get("failed", 0)

    @property
    def unknown(self) -> int:
        """Return how many records have an unknown outcome."""
        return self.counts.get("unknown", 0)

    @property
    def total(self) -> int:
        """Return how many records there were."""
        return self.counts.get("total", 0)

    @property
    def subject(self) -> str:
        """Return the report in one line."""
        task = f"{self.dag_id}.{self.task_id}" + (f"[{self.map_index}]" if self.map_index >= 0 else "")
        if not self.failed and not self.unknown:
            return f"{task} failed" if self.error else f"{task}: all {self.total:,} records are done"
        return f"{task}: {self.failed:,} of {self.total:,} records failed, {self.unknown:,} unknown"

    @property
    def lines(self) -> list[str]:
        """Return the report line by line."""
        facts = {
            "Run": self.run_id,
            "Connection": self.conn_id,
            "Operation": self.operation,
            "Records": ", ".join(f"{count:,} {name}" for name, count in self.counts.items()),
            "Error": self.error,
            "Report": self.report,
            "Output": self.output,
            "See": self.url,
        }
        return [self.subject, *(f"{name}: {value}" for name, value in facts.items() if value)]

    @property
    def html(self) -> str:
        """Return the report for a mail in HTML."""
        return "<br>\n".join(map(escape, self.lines))

    def __str__(self) -> str:
        return "\n".join(self.lines)


class VendorFailureReportNotifier(BaseNotifier):
    """Send the report of a batch with failed records, through another notifier.

    For ``on_success_callback``, ``on_failure_callback`` and ``on_retry_callback`` of a batch. After a success
    in which every record is done nothing is sent. The templates of the other notifier have the report as
    ``vendor_report``: ``{{ vendor_report }}`` is all of it as text, ``{{ vendor_report.html }}`` as HTML,
    ``{{ vendor_report.subject }}`` one line; the rest is in :class:`FailureReport`.

    .. code-block:: python

       SomeBatchOperator(
           ...,
           on_error="continue",
           on_success_callback=VendorFailureReportNotifier(SlackNotifier(text="{{ vendor_report }}")),
       )

    :param notifier: an Airflow notifier with the templates; or a function that takes the report
    :param always: also after a success without failed records
    """

    def __init__(
        self, notifier: BaseNotifier | Callable[[FailureReport], Any], *, always: bool = False
    ) -> None:
        super().__init__()
        if not callable(notifier):
            raise TypeError("notifier must be an Airflow notifier or a function that takes the report")
        self.notifier = notifier
        self.always = always

    def notify(self, context: Context) -> None:
        """Send the report, if there is something to tell.

        :param context: the context of the task
        """
        report = report_of(context)
        if not (report.failed or report.unknown or report.error or self.always):
            return
        if not isinstance(self.notifier, BaseNotifier):
            self.notifier(report)
            return
        # A copy: a notifier replaces its templates by what they came to, and this one may be called again.
        copy.copy(self.notifier)({**context, NAME: report})


def report_of(context: Context) -> FailureReport:
    """Return the report of a batch that has ended.

    :param context: the context of the task
    """
    instance: Any = context["ti"]
    error = context.get("exception")
    outcome = getattr(context.get("task"), "outcome", None)
    names = ("conn_id", "operation", "counts", "report", "output")
    known = {"counts": {}} if outcome is None else {name: getattr(outcome, name) for name in names}
    return FailureReport(
        dag_id=instance.dag_id,
        run_id=instance.run_id,
        task_id=instance.task_id,
        map_index=-1 if (index := getattr(instance, "map_index", None)) is None else index,
        # Not its text: the report has it, row by row, and stays where the records are.
        error=None if error is None else _name(error),
        url=links.failures_page(instance, outcome, absolute=True),
        **known,
    )


def _name(error: Any) -> str:
    # Airflow hands a text over where the task was killed.
    return type(error).__name__ if isinstance(error, BaseException) else "AirflowException"
