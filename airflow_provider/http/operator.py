"""The operator that every vendor's is made from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator

from airflow_provider import links, values
from airflow_provider.exceptions import VendorError
from airflow_provider.http import retry_policy as policies
from airflow_provider.http.outcome import fail_without_retry, failing

if TYPE_CHECKING:
    from airflow.sdk import Context, RetryPolicy

    from airflow_provider.http.retry import RequestPolicy


class VendorOperator(BaseOperator):
    """Fails at once where no retry can help, and follows a retry policy with every supported Airflow.

    :param request_policy: how hard one request tries before its error is raised; None for the default
    :param retry_policy: when a failed task is tried again, like
        :class:`~airflow_provider.http.retry_policy.VendorRetryPolicy`
    """

    def __init__(
        self,
        *,
        request_policy: RequestPolicy | None = None,
        retry_policy: RetryPolicy | None = None,
        **kwargs: Any,
    ) -> None:
        if request_policy is not None:
            values.request_policy("request_policy", request_policy)
        super().__init__(**policies.native_arguments(retry_policy), **kwargs)
        self.request_policy = request_policy
        self.retry_policy = retry_policy

    operator_extra_links = links.VENDOR_LINKS

    def work(self, context: Context) -> Any:
        """Do the operator's work."""
        raise NotImplementedError

    def finish(self, context: Context, result: Any) -> Any:
        """Do what is to be done when the work is done.

        :param context: the task's context
        :param result: the result of the work
        :return: the result of the task
        """
        return result

    def execute(self, context: Context) -> Any:
        """Do the operator's work.

        :return: its result
        :raises VendorError: it cannot be done; where no retry can help, the task fails at once
        """
        return self._work(context, 0)

    def execute_complete(self, context: Context, event: Any = None, *, waits: int) -> Any:
        """Do it once more, after the trigger has slept: how Airflow 3.2 follows a retry policy."""
        return self._work(context, waits)

    def _work(self, context: Context, waits: int) -> Any:
        try:
            with fail_without_retry():
                return self.finish(context, self.work(context))
        except VendorError as error:
            self._wait(error, waits, context)
            raise

    def _wait(self, error: VendorError, waits: int, context: Context) -> None:
        policy: Any = self.retry_policy
        if policies.NATIVE or policy is None:
            return
        tries, retries = context["ti"].try_number + waits, self.retries or 0
        delay = policy.evaluate(error, tries, retries).retry_delay
        if delay is None:
            return
        if tries > retries:
            # Airflow does not count the waits, and would begin again.
            raise failing(error)
        from airflow.providers.standard.triggers.temporal import DateTimeTrigger
        from airflow.sdk import timezone

        moment = timezone.utcnow() + delay
        self.log.warning("%s Trying again at %s.", error, moment)
        self.defer(
            trigger=DateTimeTrigger(moment=moment),
            method_name="execute_complete",
            kwargs={"waits": waits + 1},
        )
