"""Failed records: how they are counted and reported, and which of them end the batch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from airflow_provider.exceptions import (
    BatchFailed,
    OutcomeUnknown,
    QuotaExhausted,
    RateLimited,
    VendorAuthError,
    VendorError,
    VendorForbidden,
    VendorProtocolError,
    VendorRejected,
    VendorUnavailable,
)
from airflow_provider.ledger.resolution import name_row

if TYPE_CHECKING:
    from airflow_provider.batch.counts import BatchCounts
    from airflow_provider.batch.jobs import Job
    from airflow_provider.records.writers import Output

REPORTED = 50
"""Failed records that are named in the result; the report beside the output has all of them."""

OUTAGE = 20
"""So many failures in a row that speak of an outage, with no success between, end a batch."""

AWAY = 60.0
"""Seconds: a vendor that asks for a longer pause is away for all records, as in a maintenance window."""

# Refused keys of users count too: it is the connection's header that is wrong, if it is all of them.
SIGNS_OF_AN_OUTAGE = (VendorUnavailable, OutcomeUnknown, VendorProtocolError, VendorAuthError)


class FailureRules(Protocol):
    """What a batch says of failed records; a :class:`~airflow_provider.batch.plan.Plan` does."""

    @property
    def on_error(self) -> str:
        """``fail``: the first failed record ends the batch; ``continue``: it is reported."""

    @property
    def max_failures(self) -> int | None:
        """Failed records after which the batch ends all the same; None for any number."""

    @property
    def has_secrets(self) -> bool:
        """Whether records may have secrets."""

    def wrong_key(self, at_least: int) -> VendorError | None:
        """Return the error of a worker that opens no sealed value, after some that it could not open."""


class Failures:
    """The failed records of a batch.

    :param rules: which of them end the batch, and what a report may show
    :param counts: what became of its records
    :param output: takes the report of each failed record
    """

    def __init__(self, rules: FailureRules, counts: BatchCounts, output: Output) -> None:
        self.reported: list[dict[str, Any]] = []
        self.earlier: VendorError | None = None
        """What an earlier run left failed or unknown, for a batch that fails at its first failure."""
        self._rules = rules
        self._counts = counts
        self._output = output
        self._signs = 0

    def success(self) -> None:
        """Take notice of a request that was answered: the vendor is there."""
        self._signs = 0

    def sign(self, error: VendorError) -> None:
        """Take notice of a request that failed: it may be a sign of an outage."""
        if isinstance(error, SIGNS_OF_AN_OUTAGE) or _is_forbidden(error):
            self._signs += 1

    def add(self, job: Job, error: VendorError) -> VendorError | None:
        """Count and report a failed record.

        :param job: the record
        :param error: why it failed
        :return: the error that ends the batch; None where it goes on
        :raises OSError: the report cannot be written
        """
        # Where a person finds it: in the file that the first step has read.
        if not job.row.rows or error.row is None:
            error.row = job.row.source_row
        if isinstance(error, OutcomeUnknown):
            name_row(error, job.id)
            self._counts.add("unknown", job.row)
        else:
            self._counts.add("failed", job.row)
        report = {
            "row": job.row.source_row,
            "source_row": job.row.source_row,
            **({"rows": list(job.row.rows)} if job.row.rows else {}),
            "error": type(error).__name__,
            "field": getattr(error, "field", None),
            "ledger_id": getattr(error, "ledger_id", None),
            "reason": str(error),
        }
        # A row that cannot be used may have a secret anywhere in it, where it cannot be sealed.
        hidden = job.row.error is not None and self._rules.has_secrets
        text = {"text": job.row.text} if job.row.text is not None and not hidden else {}
        self._output.write({**report, "record": {} if hidden else job.row.record, **text})
        if len(self.reported) < REPORTED:
            self.reported.append(report)
        return self._ending(job, error)

    def _ending(self, job: Job, error: VendorError) -> VendorError | None:
        if isinstance(error, QuotaExhausted | RateLimited):
            return error
        if isinstance(error, VendorAuthError) and not (job.call and job.call.own_credentials):
            # The connection's credentials are refused: so would be every other record.
            return error
        if isinstance(error, VendorForbidden):
            # All records of a batch need the same right.
            return error
        if self._signs >= OUTAGE or _is_away(error):
            return error
        if wrong_key := self._rules.wrong_key(OUTAGE):
            # Stored results that are to be shown in clear: so would fail every other.
            return wrong_key
        rules, count = self._rules, self._counts.failed + self._counts.unknown
        if rules.on_error == "fail":
            if not job.recorded:
                return error
            # What an earlier run left must not keep the others from being sent: the batch fails at its end.
            self.earlier = self.earlier or error
        if rules.max_failures is not None and count > rules.max_failures:
            first = self.reported[0]
            return BatchFailed(
                f"{count} of {self._counts.total} records failed, more than "
                f"max_failures={rules.max_failures}; the first: {first['reason']}"
            )
        return None


def _is_forbidden(error: VendorError) -> bool:
    """Say whether a 403 was not recognised: it may be a used-up quota, of which no more is to be spent."""
    return isinstance(error, VendorRejected) and 403 in (error.status, error.code)


def _is_away(error: VendorError) -> bool:
    return isinstance(error, VendorUnavailable) and (error.retry_after or 0) > AWAY
