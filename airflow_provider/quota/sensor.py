"""A sensor that waits for quota without spending it."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pendulum
from airflow.sdk import BaseSensorOperator, conf, timezone
from airflow.sdk.exceptions import (
    AirflowFailException,
    AirflowRescheduleException,
    AirflowSensorTimeout,
    AirflowSkipException,
)

from airflow_provider.exceptions import (
    InvalidInput,
    QuotaExhausted,
    RateLimited,
    VendorError,
    VendorUnavailable,
)
from airflow_provider.http.outcome import failing_at_once

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.sdk import Context

    from airflow_provider.quota.quota import Quota


class QuotaSensor(BaseSensorOperator):
    """Wait until a vendor's quota has enough left.

    Asking about a quota may cost one use of it, so the sensor asks once. If too little is left, it sleeps
    until the quota is reset, and asks again then: deferred to the triggerer, rescheduled, or blocking, as
    ``deferrable`` and ``mode`` say. ``poke_interval`` plays no part.

    :param min_remaining: uses that must be left (templated)
    :param margin: uses that must be left on top of that. It is not known whether a vendor counts the question
        itself before or after answering it, hence 1
    :param reset_margin: how long to wait beyond the announced reset. The vendor rounds it to an unknown side,
        hence one hour
    :param recheck_interval: how long to wait where the vendor refuses without saying until when: a used-up
        quota that answers with an error, maintenance, throttling
    :param deferrable: free the worker while waiting
    """

    template_fields: Sequence[str] = ("min_remaining",)

    def __init__(
        self,
        *,
        min_remaining: int = 1,
        margin: int = 1,
        reset_margin: timedelta | float = timedelta(hours=1),
        recheck_interval: timedelta | float = timedelta(hours=1),
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.min_remaining = min_remaining
        self.margin = margin
        self.reset_margin = reset_margin
        self.recheck_interval = recheck_interval
        self.deferrable = deferrable

    def read_quota(self) -> Quota:
        """Ask the vendor."""
        raise NotImplementedError

    def execute(self, context: Context) -> dict[str, Any]:
        """Wait for the quota.

        :return: the reading that satisfied the sensor
        """
        started = timezone.utcnow()
        if self.reschedule:
            started = context["ti"].get_first_reschedule_date(context) or started
        return self._wait(self._deadline(started))

    def resume(
        self, context: Context, event: dict[str, Any] | None = None, *, deadline: str | None = None
    ) -> dict[str, Any]:
        """Go on after the trigger has slept until the reset."""
        return self._wait(datetime.fromisoformat(deadline) if deadline else self._deadline(timezone.utcnow()))

    def _wait(self, deadline: datetime) -> dict[str, Any]:
        while True:
            try:
                with failing_at_once():
                    needed = self._needed()
                    wake_at, reason, reading = self._ask(needed)
            except AirflowFailException as error:
                if self.soft_fail or self.never_fail:
                    raise AirflowSkipException(str(error)) from None
                raise
            except VendorError as error:
                if self.never_fail:
                    raise AirflowSkipException(str(error)) from None
                raise
            if reading is not None:
                self.log.info("Enough: %s, needed %d and a margin of %d.", reading, needed, self.margin)
                return reading.as_dict()
            self._sleep(wake_at, deadline, reason)

    def _ask(self, needed: int) -> tuple[datetime, str, Quota | None]:
        """Ask once; say until when to wait and why, or return the reading that is enough."""
        now = timezone.utcnow()
        recheck = now + _delta(self.recheck_interval)
        try:
            quota = self.read_quota()
        except QuotaExhausted as error:
            resets_at = error.resets_at
            wake = resets_at + _delta(self.reset_margin) if resets_at else recheck
            return wake, str(error), None
        except RateLimited as error:
            return max(recheck, now + timedelta(seconds=error.retry_after or 0)), str(error), None
        except VendorUnavailable as error:
            if error.processed is not False or error.status is None:
                raise
            # The vendor says that it is not there for a while, like maintenance: worth waiting for.
            return max(recheck, now + timedelta(seconds=error.retry_after or 0)), str(error), None
        if quota.remaining >= needed + self.margin:
            return now, "", quota
        if needed + self.margin > quota.limit:
            raise InvalidInput(
                f"min_remaining is {needed} and the margin {self.margin}, more than the limit of "
                f"{quota.limit} uses per period: waiting would never end.",
                field="min_remaining",
                remedy="Lower it, or ask the vendor for a higher limit.",
            )
        return quota.resets_at + _delta(self.reset_margin), f"Not enough: {quota}, needed {needed}", None

    def _sleep(self, wake_at: datetime, deadline: datetime, reason: str) -> None:
        # Never at once again, whatever the vendor says of its reset: asking costs.
        wake_at = max(wake_at, timezone.utcnow() + timedelta(minutes=1))
        if wake_at > deadline:
            message = (
                f"{reason}. The next reading would be at {wake_at:%Y-%m-%d %H:%M:%S %Z}, after the sensor's "
                f"timeout at {deadline:%Y-%m-%d %H:%M:%S %Z}."
            )
            if self.soft_fail or self.never_fail:
                raise AirflowSkipException(message)
            raise AirflowSensorTimeout(message)
        self.log.info("%s. Asking again %s, at %s.", reason, _in_words(wake_at), wake_at.isoformat())
        if self.deferrable:
            from airflow.providers.standard.triggers.temporal import DateTimeTrigger

            # The trigger only sleeps: a restarted triggerer runs it again, and a probe there would cost
            # again.
            self.defer(
                trigger=DateTimeTrigger(moment=wake_at),
                method_name="resume",
                kwargs={"deadline": deadline.isoformat()},
                timeout=deadline - timezone.utcnow() + timedelta(minutes=1),
            )
        if self.reschedule:
            raise AirflowRescheduleException(wake_at)
        time.sleep(max(0.0, (wake_at - timezone.utcnow()).total_seconds()))

    def _needed(self) -> int:
        try:
            needed = int(str(self.min_remaining))
        except ValueError:
            needed = -1
        if needed < 0:
            raise InvalidInput(
                "min_remaining must be a whole number, 0 or more; it is a "
                f"{type(self.min_remaining).__name__}.",
                field="min_remaining",
            )
        return needed

    def _deadline(self, started: datetime) -> datetime:
        # Airflow does not enforce execution_timeout while a task is deferred.
        limits = [timedelta(seconds=self.timeout), self.execution_timeout]
        return started + min(limit for limit in limits if limit is not None)


def _in_words(moment: datetime) -> str:
    return pendulum.instance(moment).diff_for_humans()


def _delta(value: timedelta | float) -> timedelta:
    return value if isinstance(value, timedelta) else timedelta(seconds=value)
