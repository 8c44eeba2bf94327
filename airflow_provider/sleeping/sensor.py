"""The sensor that sleeps between two looks: deferred, rescheduled or blocking."""

from __future__ import annotations

import random
import time
from contextlib import closing
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol

from airflow.sdk import BaseSensorOperator, conf
from airflow.sdk.exceptions import (
    AirflowFailException,
    AirflowRescheduleException,
    AirflowSensorTimeout,
    AirflowSkipException,
)

from airflow_provider import clock, exceptions
from airflow_provider.exceptions import VendorError
from airflow_provider.http.outcome import fail_without_retry
from airflow_provider.http.retry_policy import native_arguments
from airflow_provider.links import VENDOR_LINKS
from airflow_provider.sleeping.pause import Pause
from airflow_provider.values import duration, flag

if TYPE_CHECKING:
    from airflow.sdk import Context, RetryPolicy
    from airflow.triggers.base import BaseTrigger


class Watch(Protocol):
    """What a sensor holds while it looks: its hook, its database."""

    def look(self, event: dict[str, Any]) -> dict[str, Any] | Pause:
        """Look.

        :param event: what the trigger has found; empty where no trigger has looked
        :return: the result of the task, or when to look again
        """

    def waits(self) -> None:
        """Take note that the sensor is about to sleep."""

    def trigger(self, times: dict[str, Any]) -> BaseTrigger:
        """Make the trigger that goes on looking.

        :param times: its parameters ``jitter``, ``wake_at`` and ``deadline``
        """

    def close(self) -> None:
        """Let go of everything."""


class SleepingSensor(BaseSensorOperator):
    """Look, and sleep until the time at which it is worth looking again.

    :param jitter: how much later to wake at most, at random, so that not all tasks start in the same moment
    :param deferrable: free the worker while waiting
    :param retry_policy: Airflow's, for versions that have them
    """

    operator_extra_links = VENDOR_LINKS

    def __init__(
        self,
        *,
        jitter: timedelta | float = timedelta(minutes=1),
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        retry_policy: RetryPolicy | None = None,
        **kwargs: Any,
    ) -> None:
        # Airflow 3.2 has none; a sensor waits by itself for what a policy would wait for.
        super().__init__(**native_arguments(retry_policy), **kwargs)
        self.jitter = duration("jitter", jitter)
        self.deferrable = flag("deferrable", deferrable)
        self._shares = True

    def watch(self, started: datetime) -> Watch:
        """Begin to look.

        :param started: when the sensor began
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
                return self._look_until_found(started, event)
        except AirflowFailException as error:
            if self.soft_fail or self.never_fail:
                raise AirflowSkipException(str(error)) from None
            raise
        except VendorError as error:
            if self.never_fail:
                raise AirflowSkipException(str(error)) from None
            raise

    def _look_until_found(self, started: datetime, event: dict[str, Any]) -> dict[str, Any]:
        deadline = self._deadline(started)
        if "error" in event:
            raise getattr(exceptions, event["error"], VendorError)(event["message"])
        if "late" in event:
            self._give_up(event["late"], datetime.fromisoformat(event["wake_at"]), deadline)
        with closing(self.watch(started)) as watch:
            while isinstance(found := watch.look(event), Pause):
                event = {}
                self._sleep(watch, found, started, deadline)
            return found

    def _sleep(self, watch: Watch, pause: Pause, started: datetime, deadline: datetime) -> None:
        if pause.until > deadline:
            self._give_up(pause.reason, pause.until, deadline)
        watch.waits()
        wake_at = min(pause.until + random.random() * self.jitter, deadline)  # noqa: S311 - no secret
        self.log.info("%s. Looking again in %s, at %s.", pause.reason, _in_words(wake_at), wake_at)
        if self.deferrable:
            self.defer(
                trigger=watch.trigger(
                    {
                        "jitter": self.jitter.total_seconds(),
                        "wake_at": wake_at.isoformat(),
                        "deadline": deadline.isoformat(),
                    }
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

    def _deadline(self, started: datetime) -> datetime:
        # Airflow does not enforce execution_timeout while a task is deferred.
        limits = [timedelta(seconds=self.timeout), self.execution_timeout]
        return started + min(limit for limit in limits if limit is not None)


def _in_words(moment: datetime) -> str:
    import pendulum

    return pendulum.instance(moment).diff_for_humans(pendulum.instance(clock.now()), absolute=True)
