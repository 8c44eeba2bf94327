"""The sensor that shares its looks with all that wait on the same connection."""

from __future__ import annotations

import asyncio
import random
import time
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseSensorOperator, conf
from airflow.sdk.exceptions import (
    AirflowFailException,
    AirflowRescheduleException,
    AirflowSensorTimeout,
    AirflowSkipException,
)

from airflow_provider import exceptions
from airflow_provider.exceptions import VendorError
from airflow_provider.http.outcome import fail_without_retry
from airflow_provider.http.retry_policy import native_arguments
from airflow_provider.quota import clock
from airflow_provider.values import duration, flag

if TYPE_CHECKING:
    from airflow.sdk import Context, RetryPolicy

    from airflow_provider.http.hook import VendorHook
    from airflow_provider.waiting.condition import Condition, Met, Wait
    from airflow_provider.waiting.trigger import WaitingTrigger

MONTH = timedelta(days=30)


class WaitingSensor(BaseSensorOperator):
    """Wait until something has come at a vendor, at the cost of one look in each ``poke_interval``.

    A look is kept in the provider's database, and serves all tasks and triggers that wait for the same on the
    connection, as long as it is younger than their ``poke_interval``. Between two looks the sensor sleeps:
    deferred to the triggerer, rescheduled, or blocking, as ``deferrable`` and ``mode`` say.

    What cannot come any more fails at once, without a retry. A used-up quota is waited for until its reset;
    a vendor that does not answer is asked again at the next look. ``timeout`` and ``execution_timeout`` count
    by the clock, also while the task is deferred. Where the next look would be after it, the sensor ends.

    :param poke_interval: time between two looks
    :param jitter: how much later to wake at most, at random, so that not all tasks start in the same moment
    :param deferrable: free the worker while waiting
    :param retry_policy: Airflow's, for versions that have them
    """

    def __init__(
        self,
        *,
        poke_interval: timedelta | float = timedelta(minutes=30),
        jitter: timedelta | float = timedelta(minutes=1),
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        retry_policy: RetryPolicy | None = None,
        **kwargs: Any,
    ) -> None:
        poke_interval = duration("poke_interval", poke_interval, timedelta(seconds=1))
        # Airflow 3.2 has none; a sensor waits by itself for what a policy would wait for.
        super().__init__(poke_interval=poke_interval, **native_arguments(retry_policy), **kwargs)
        self.jitter = duration("jitter", jitter)
        self.deferrable = flag("deferrable", deferrable)
        self._shares = True

    def hook(self) -> VendorHook[Any]:
        """Return the hook of the vendor."""
        raise NotImplementedError

    def condition(self, started: datetime) -> Condition:
        """Say what is waited for.

        :param started: when the sensor began
        :raises InvalidInput: a parameter cannot be right
        """
        raise NotImplementedError

    def trigger(self, **values: Any) -> WaitingTrigger:
        """Make the trigger that waits.

        :param values: the parameters of :class:`~airflow_provider.waiting.trigger.WaitingTrigger`
        """
        raise NotImplementedError

    def execute(self, context: Context) -> dict[str, Any]:
        """Wait.

        :return: what was found
        """
        started = clock.now()
        # A retry is there to ask again.
        self._shares = getattr(context.get("ti"), "try_number", 1) <= 1
        if self.reschedule:
            started = context["ti"].get_first_reschedule_date(context) or started
        return self._wait(started, {})

    def execute_complete(
        self, context: Context, event: dict[str, Any] | None = None, *, started: str | None = None
    ) -> dict[str, Any]:
        """Go on after the trigger has found something."""
        return self._wait(datetime.fromisoformat(started) if started else clock.now(), event or {})

    def _wait(self, started: datetime, event: dict[str, Any]) -> dict[str, Any]:
        try:
            with fail_without_retry():
                return self._wait_until_met(started, event)
        except AirflowFailException as error:
            if self.soft_fail or self.never_fail:
                raise AirflowSkipException(str(error)) from None
            raise
        except VendorError as error:
            if self.never_fail:
                raise AirflowSkipException(str(error)) from None
            raise

    def _wait_until_met(self, started: datetime, event: dict[str, Any]) -> dict[str, Any]:
        deadline = self._deadline(started)
        if "error" in event:
            raise getattr(exceptions, event["error"], VendorError)(event["message"])
        if "late" in event:
            self._give_up(event["late"], datetime.fromisoformat(event["wake_at"]), deadline)
        if "met" in event:
            met: dict[str, Any] = event["met"]
            return met
        return self._look_until_met(started, deadline)

    def _look_until_met(self, started: datetime, deadline: datetime) -> dict[str, Any]:
        # Imported here: parsing a Dag needs none of it.
        from airflow_provider.waiting.condition import Met, check
        from airflow_provider.waiting.looks import SHARED, open_looks

        condition, hook = self.condition(started), self.hook()
        looks = open_looks(hook, shared=SHARED if self._shares else timedelta(0))
        self.log.info(
            "Looking every %s: %s looks in 30 days, shared with all that wait for the same.",
            self._interval,
            f"{MONTH // self._interval:,}",
        )
        found: Met | Wait
        try:
            while True:
                found = asyncio.run(check(condition, looks, self._interval))
                if isinstance(found, Met):
                    return found.result
                self._sleep(condition, found, started, deadline)
        finally:
            looks.close()
            hook.close()

    def _sleep(self, condition: Condition, wait: Wait, started: datetime, deadline: datetime) -> None:
        if wait.until > deadline:
            self._give_up(wait.reason, wait.until, deadline)
        wake_at = min(wait.until + random.random() * self.jitter, deadline)  # noqa: S311 - no secret
        self.log.info("%s. Looking again at %s.", wait.reason, wake_at)
        if self.deferrable:
            self.defer(
                trigger=self.trigger(
                    condition=type(condition).__name__,
                    values=condition.values(),
                    interval=self._interval.total_seconds(),
                    jitter=self.jitter.total_seconds(),
                    wake_at=wake_at.isoformat(),
                    deadline=deadline.isoformat(),
                ),
                method_name="execute_complete",
                kwargs={"started": started.isoformat()},
                timeout=deadline - clock.now() + timedelta(minutes=1),
            )
        if self.reschedule:
            raise AirflowRescheduleException(wake_at)
        time.sleep(max(0.0, (wake_at - clock.now()).total_seconds()))

    def _give_up(self, reason: str, wake_at: datetime, deadline: datetime) -> None:
        message = (
            f"{reason.rstrip('.')}. The next look would be at {wake_at:%Y-%m-%d %H:%M:%S %Z}, after the "
            f"sensor's timeout at {deadline:%Y-%m-%d %H:%M:%S %Z}."
        )
        if self.soft_fail or self.never_fail:
            raise AirflowSkipException(message)
        raise AirflowSensorTimeout(message)

    @property
    def _interval(self) -> timedelta:
        return timedelta(seconds=self.poke_interval)

    def _deadline(self, started: datetime) -> datetime:
        # Airflow does not enforce execution_timeout while a task is deferred.
        limits = [timedelta(seconds=self.timeout), self.execution_timeout]
        return started + min(limit for limit in limits if limit is not None)
