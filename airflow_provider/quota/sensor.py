"""A sensor that waits for quota without spending it."""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pendulum
from airflow.sdk import BaseSensorOperator, conf
from airflow.sdk.exceptions import (
    AirflowFailException,
    AirflowRescheduleException,
    AirflowSensorTimeout,
    AirflowSkipException,
)

from airflow_provider import exceptions
from airflow_provider.exceptions import InvalidInput, VendorError
from airflow_provider.http.outcome import fail_without_retry
from airflow_provider.http.retry_policy import native_arguments
from airflow_provider.quota import clock
from airflow_provider.values import duration, flag, is_later, whole_number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.sdk import Context, RetryPolicy

    from airflow_provider.quota.decision import Requirement, Sleep, WaitPolicy
    from airflow_provider.quota.hook import MeteredHook
    from airflow_provider.quota.monitor import QuotaMonitor
    from airflow_provider.quota.readings import Quota


class QuotaSensor(BaseSensorOperator):
    """Wait until enough of a vendor's quota remains.

    A probe of a quota may cost one request of it, so the sensor looks into the store first, where every task
    keeps what it has learnt. It probes only if no task has done so for some time, once for all sensors that
    wait. If too little remains it sleeps until the quota is reset: deferred to the triggerer, rescheduled, or
    blocking, as ``deferrable`` and ``mode`` say. ``poke_interval`` has no effect.

    What other runs of Dags have reserved does not count as remaining, see
    :class:`~airflow_provider.quota.operators.ReserveQuotaOperator`.

    :param min_remaining: requests that must remain (templated)
    :param margin: requests that must remain on top of that. It is not known whether a vendor counts a probe
        before or after answering it, hence 1
    :param max_age: how old a reading may be that says that there is enough. One that says that there is too
        little holds until the reset
    :param reset_margin: how long to wait beyond the announced reset. Some vendors round it to an unknown
        side, hence one hour
    :param recheck_interval: how long to wait where the vendor refuses without saying until when: a used-up
        quota that answers with an error, maintenance, throttling
    :param jitter: how much later to wake at most, at random, so that not all tasks start in the same moment
    :param deferrable: free the worker while waiting
    :param retry_policy: Airflow's, for versions that have them
    """

    template_fields: Sequence[str] = ("min_remaining",)

    def __init__(
        self,
        *,
        min_remaining: int | str = 1,
        margin: int = 1,
        max_age: timedelta | float = timedelta(minutes=5),
        reset_margin: timedelta | float = timedelta(hours=1),
        recheck_interval: timedelta | float = timedelta(hours=1),
        jitter: timedelta | float = timedelta(minutes=1),
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        retry_policy: RetryPolicy | None = None,
        **kwargs: Any,
    ) -> None:
        # Airflow 3.2 has none; a sensor waits by itself for what a policy would wait for.
        super().__init__(**native_arguments(retry_policy), **kwargs)
        self.min_remaining = min_remaining
        self.margin = whole_number("margin", margin, 0)
        self.max_age = duration("max_age", max_age)
        self.reset_margin = duration("reset_margin", reset_margin)
        self.recheck_interval = duration("recheck_interval", recheck_interval, timedelta(minutes=1))
        self.jitter = duration("jitter", jitter)
        if not is_later(min_remaining):
            whole_number("min_remaining", min_remaining, 0)
        self.deferrable = flag("deferrable", deferrable)
        self._shares = True

    def hook(self) -> MeteredHook[Any]:
        """Return the hook of the vendor."""
        raise NotImplementedError

    def requirement(self) -> Requirement:
        """Say what is required."""
        from airflow_provider.quota.decision import Requirement
        from airflow_provider.run_identity import current_run

        return Requirement(whole("min_remaining", self.min_remaining), self.margin, current_run())

    def satisfied(self, hook: MeteredHook[Any], monitor: QuotaMonitor, quota: Quota) -> dict[str, Any] | None:
        """Use what there is enough of.

        :param hook: the hook
        :param monitor: the monitor that has found enough
        :param quota: the reading
        :return: the result of the task; None if another task has reserved it in between
        """
        return quota.as_dict()

    def execute(self, context: Context) -> dict[str, Any]:
        """Wait for the quota.

        :return: the reading that satisfied the sensor
        """
        started = clock.now()
        # A retry is there to probe again.
        self._shares = getattr(context.get("ti"), "try_number", 1) <= 1
        if self.reschedule:
            started = context["ti"].get_first_reschedule_date(context) or started
        return self._wait(self._deadline(started))

    def execute_complete(
        self, context: Context, event: dict[str, Any] | None = None, *, deadline: str | None = None
    ) -> dict[str, Any]:
        """Go on after the trigger has checked the quota."""
        return self._wait(
            datetime.fromisoformat(deadline) if deadline else self._deadline(clock.now()), event or {}
        )

    def _wait(self, deadline: datetime, event: dict[str, Any] | None = None) -> dict[str, Any]:
        try:
            with fail_without_retry():
                return self._wait_for_enough(deadline, event or {})
        except AirflowFailException as error:
            if self.soft_fail or self.never_fail:
                raise AirflowSkipException(str(error)) from None
            raise
        except VendorError as error:
            if self.never_fail:
                raise AirflowSkipException(str(error)) from None
            raise

    def _wait_for_enough(self, deadline: datetime, event: dict[str, Any]) -> dict[str, Any]:
        # Imported here: parsing a Dag needs none of it.
        from airflow_provider.quota.decision import Enough, Sleep
        from airflow_provider.quota.monitor import open_monitor
        from airflow_provider.quota.readings import Quota

        if "error" in event:
            raise getattr(exceptions, event["error"], VendorError)(event["message"])
        if "late" in event:
            self._give_up(event["late"], datetime.fromisoformat(event["wake_at"]), deadline)
        hook, requirement = self.hook(), self.requirement()
        monitor = open_monitor(hook)
        found: Enough | Sleep
        try:
            while True:
                if "enough" in event:
                    found, event = Enough(Quota.from_dict(event["enough"])), {}
                else:
                    found = asyncio.run(monitor.check(requirement, self._wait_policy))
                if isinstance(found, Enough):
                    result = self.satisfied(hook, monitor, found.quota)
                    if result is not None:
                        self.log.info(
                            "Enough: %s, needed %d and a margin of %d.",
                            found.quota,
                            requirement.amount,
                            requirement.margin,
                        )
                        return result
                    found = Sleep(clock.now() + timedelta(minutes=1), "Another task has just reserved it")
                self._sleep(hook, requirement, found, deadline)
        finally:
            monitor.close()

    def _sleep(
        self, hook: MeteredHook[Any], requirement: Requirement, sleep: Sleep, deadline: datetime
    ) -> None:
        from airflow_provider.http.metrics import increase

        if sleep.until > deadline:
            self._give_up(sleep.reason, sleep.until, deadline)
        wake_at = min(sleep.until + random.random() * self.jitter, deadline)  # noqa: S311 - no secret
        increase(f"quota.waits.{hook.conn_id}", vendor=hook.options.conn_type, conn_id=hook.conn_id)
        self.log.info("%s. Looking again in %s, at %s.", sleep.reason, _in_words(wake_at), wake_at)
        if self.deferrable:
            from airflow_provider.quota.triggers import QuotaTrigger

            wait_policy = self._wait_policy
            self.defer(
                trigger=QuotaTrigger(
                    hook=f"{type(hook).__module__}.{type(hook).__qualname__}",
                    conn_id=hook.conn_id,
                    amount=requirement.amount,
                    margin=requirement.margin,
                    run=requirement.run,
                    field=requirement.field,
                    max_age=wait_policy.max_age.total_seconds(),
                    reset_margin=wait_policy.reset_margin.total_seconds(),
                    recheck_interval=wait_policy.recheck_interval.total_seconds(),
                    jitter=self.jitter.total_seconds(),
                    wake_at=wake_at.isoformat(),
                    deadline=deadline.isoformat(),
                ),
                method_name="execute_complete",
                kwargs={"deadline": deadline.isoformat()},
                timeout=deadline - clock.now() + timedelta(minutes=1),
            )
        if self.reschedule:
            raise AirflowRescheduleException(wake_at)
        time.sleep(max(0.0, (wake_at - clock.now()).total_seconds()))

    def _give_up(self, reason: str, wake_at: datetime, deadline: datetime) -> None:
        message = (
            f"{reason}. The next look would be at {wake_at:%Y-%m-%d %H:%M:%S %Z}, after the sensor's "
            f"timeout at {deadline:%Y-%m-%d %H:%M:%S %Z}."
        )
        if self.soft_fail or self.never_fail:
            raise AirflowSkipException(message)
        raise AirflowSensorTimeout(message)

    @property
    def _wait_policy(self) -> WaitPolicy:
        from airflow_provider.quota.decision import WaitPolicy

        wait_policy = WaitPolicy(self.max_age, self.reset_margin, self.recheck_interval)
        return wait_policy if self._shares else replace(wait_policy, shared=timedelta(0))

    def _deadline(self, started: datetime) -> datetime:
        # Airflow does not enforce execution_timeout while a task is deferred.
        limits = [timedelta(seconds=self.timeout), self.execution_timeout]
        return started + min(limit for limit in limits if limit is not None)


def whole(field: str, value: object) -> int:
    """Read a whole number, which a template may have made a text.

    :param field: name of the parameter
    :param value: its value
    :raises InvalidInput: it is none, or is negative
    """
    try:
        number = int(str(value))
    except ValueError:
        number = -1
    if number < 0 or isinstance(value, bool):
        raise InvalidInput(
            f"{field} must be a whole number, 0 or more; it is a {type(value).__name__}.", field=field
        )
    return number


def _in_words(moment: datetime) -> str:
    return pendulum.instance(moment).diff_for_humans(pendulum.instance(clock.now()), absolute=True)
