"""When Airflow tries a failed task again: when the vendor will answer."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider.exceptions import QuotaExhausted, RateLimited, VendorUnavailable
from airflow_provider.http.outcome import PERMANENT
from airflow_provider.values import duration
from airflow_provider.values import retry_policy as check_retry_policy

if TYPE_CHECKING:
    from airflow.sdk import Context, RetryDecision, RetryPolicy

    NATIVE = True
else:
    try:
        from airflow.sdk import RetryDecision, RetryPolicy

        NATIVE = True
    except ImportError:
        # Airflow 3.2 has no retry policies; our own operators follow this one there, see operator.py.
        NATIVE = False

        class RetryPolicy:
            """Takes the place of the class of Airflow 3.3."""

        @dataclass(frozen=True)
        class RetryDecision:
            """Takes the place of the class of Airflow 3.3."""

            action: str
            retry_delay: timedelta | None = None
            reason: str | None = None

            @classmethod
            def fail(cls, reason=None):
                return cls("fail", None, reason)

            @classmethod
            def retry(cls, delay=None, reason=None):
                return cls("retry", delay, reason)

            @classmethod
            def default(cls):
                return cls("default")


def native_arguments(retry_policy: RetryPolicy | None) -> dict[str, Any]:
    """Return the arguments that hand a retry policy to Airflow's own operators.

    :param retry_policy: the policy
    :return: none where there is no policy, or where Airflow (3.2) has no retry policies
    :raises InvalidInput: it is no retry policy
    """
    if retry_policy is not None:
        check_retry_policy("retry_policy", retry_policy)
    return {"retry_policy": retry_policy} if NATIVE and retry_policy is not None else {}


class VendorRetryPolicy(RetryPolicy):
    """Retry a task when the vendor will answer again, and not before.

    A used-up quota is tried again at its reset, a throttled request after the time that the vendor asks for,
    and where no retry can help, it fails at once. All other errors follow ``retry_delay`` of the task. The
    task's ``retries`` stay the limit.

    With Airflow 3.3 it works for every task, ``retry_policy=VendorRetryPolicy()``. With Airflow 3.2 it works
    for this provider's operators: there the task waits in the triggerer, as many times as it has ``retries``,
    and fails then.

    :param reset_margin: how long to wait beyond the announced reset of a quota. Some vendors round
        it to an unknown side, hence one hour
    :param recheck_interval: how long to wait for a used-up quota whose reset is not known
    :param jitter: how much later to retry at most, at random, so that not all tasks start in the same moment
    """

    def __init__(
        self,
        *,
        reset_margin: timedelta = timedelta(hours=1),
        recheck_interval: timedelta = timedelta(hours=1),
        jitter: timedelta = timedelta(minutes=1),
    ) -> None:
        self.reset_margin = duration("reset_margin", reset_margin)
        self.recheck_interval = duration("recheck_interval", recheck_interval)
        self.jitter = duration("jitter", jitter)

    def evaluate(
        self, exception: BaseException, try_number: int, max_tries: int, context: Context | None = None
    ) -> RetryDecision:
        """Decide about a failed task.

        :param exception: why it failed
        :param try_number: which try it was, from 1
        :param max_tries: how many retries the task has
        :param context: the task's context
        """
        if isinstance(exception, PERMANENT):
            return RetryDecision.fail(f"{type(exception).__name__}: no retry can help")
        if isinstance(exception, QuotaExhausted):
            return RetryDecision.retry(self._until(exception), "the quota is used up: retry at its reset")
        if isinstance(exception, RateLimited | VendorUnavailable) and exception.retry_after is not None:
            delay = timedelta(seconds=exception.retry_after) + self._later()
            return RetryDecision.retry(delay, "retry after the time that the vendor asks for")
        return RetryDecision.default()

    def serialize(self) -> dict[str, Any]:
        """Return its parameters as JSON."""
        return {
            "__type": type(self).__name__,
            "reset_margin": self.reset_margin.total_seconds(),
            "recheck_interval": self.recheck_interval.total_seconds(),
            "jitter": self.jitter.total_seconds(),
        }

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> VendorRetryPolicy:
        """Make one of what :meth:`serialize` returned."""
        return cls(
            **{name: timedelta(seconds=seconds) for name, seconds in data.items() if not name.startswith("_")}
        )

    def _until(self, error: QuotaExhausted) -> timedelta:
        if error.resets_at is None:
            return self.recheck_interval + self._later()
        return max(timedelta(0), error.resets_at + self.reset_margin - datetime.now(UTC)) + self._later()

    def _later(self) -> timedelta:
        return random.random() * self.jitter  # noqa: S311 - no secret depends on it
