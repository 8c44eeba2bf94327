"""A batch that is checked and not run: every record is made a call, and none is sent."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from airflow_provider.batch.counts import BatchCounts
from airflow_provider.batch.failures import Failures
from airflow_provider.batch.jobs import READ_AHEAD, JobMaker
from airflow_provider.exceptions import BatchFailed
from airflow_provider.records.json_lines import for_xcom

if TYPE_CHECKING:
    from airflow_provider.batch.plan import Plan
    from airflow_provider.exceptions import VendorError
    from airflow_provider.ledger.ledger import Ledger
    from airflow_provider.records.readers import Records
    from airflow_provider.records.writers import Output


class Check:
    """A look at all records of a batch.

    :param plan: how the batch would be run
    :param ledger: the ledger as the batch would use it; nothing is read from it or written to it
    :param failures: takes the report of each record that is wrong
    """

    def __init__(self, plan: Plan, ledger: Ledger, failures: Output) -> None:
        self.counts = BatchCounts(rows=None if plan.grouping is None else BatchCounts())
        self.valid = 0
        self._plan = plan
        # All that is wrong is wanted, not the first alone.
        plan = replace(plan, on_error="continue", max_failures=None)
        self.failures = Failures(plan, self.counts, failures)
        self._maker = JobMaker(plan, ledger)
        self._first: VendorError | None = None

    def run(self, records: Records) -> None:
        """Look at the records.

        :param records: the records, open
        :raises VendorError: they cannot be read
        """
        rows, at_end = iter(records), False
        while not at_end:
            block = list(islice(rows, READ_AHEAD))
            at_end = not block
            for jobs in self._maker.groups(block, at_end=at_end):
                for job in jobs:
                    if job.error is None:
                        self.valid += 1
                    else:
                        self.failures.add(job, job.error)
                        self._first = self._first or job.error

    def as_dict(self) -> dict[str, int]:
        """Return the counts by name, with what is right in the total."""
        return {**self.counts.as_dict(), "total": self.valid + self.counts.failed}

    def result(self, report: str | None) -> dict[str, Any]:
        """Return the counts and the report, as a batch returns them.

        :param report: where the report is
        """
        return {
            **self.as_dict(),
            **self.counts.of_rows(),
            "valid": self.valid,
            "output": None,
            "requests": 0,
            "failures": for_xcom(self.failures.reported),
            "failures_output": report,
        }

    def judge(self) -> None:
        """Fail where the batch would not go on in spite of the records that are wrong.

        :raises BatchFailed: there are more than it goes on with
        """
        allowed = self._plan.max_failures if self._plan.on_error == "continue" else 0
        if self._first is not None and allowed is not None and self.counts.failed > allowed:
            raise BatchFailed(
                f"{self.counts.failed} of {self.valid + self.counts.failed} records are wrong; the first: "
                f"{self._first}",
                remedy="Nothing was sent.",
            )
