"""A sensor that waits for quota without spending it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider import clock
from airflow_provider.exceptions import InvalidInput
from airflow_provider.sleeping.pause import Pause
from airflow_provider.sleeping.sensor import SleepingSensor
from airflow_provider.values import duration, is_later, whole_number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider.quota.decision import Enough, Requirement, WaitPolicy
    from airflow_provider.quota.hook import MeteredHook
    from airflow_provider.quota.monitor import QuotaMonitor
    from airflow_provider.quota.readings import Quota
    from airflow_provider.quota.triggers import QuotaTrigger


class QuotaSensor(SleepingSensor):
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
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.min_remaining = min_remaining
        self.margin = whole_number("margin", margin, 0)
        self.max_age = duration("max_age", max_age)
        self.reset_margin = duration("reset_margin", reset_margin)
        self.recheck_interval = duration("recheck_interval", recheck_interval, timedelta(minutes=1))
        if not is_later(min_remaining):
            whole_number("min_remaining", min_remaining, 0)

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

    def watch(self, started: datetime) -> _Watch:
        """Begin to look.

        :param started: when the sensor began
        """
        from airflow_provider.quota.decision import WaitPolicy

        wait_policy = WaitPolicy(self.max_age, self.reset_margin, self.recheck_interval)
        return _Watch(self, wait_policy if self._shares else replace(wait_policy, shared=timedelta(0)))


class _Watch:
    """What is required, and the monitor that tells whether there is enough."""

    def __init__(self, sensor: QuotaSensor, wait_policy: WaitPolicy) -> None:
        # Imported here: parsing a Dag needs none of it.
        from airflow_provider.quota.monitor import open_monitor

        self._sensor = sensor
        self._wait_policy = wait_policy
        self._hook, self._requirement = sensor.hook(), sensor.requirement()
        self._monitor = open_monitor(self._hook)

    def look(self, event: dict[str, Any]) -> dict[str, Any] | Pause:
        from airflow_provider.quota.decision import Enough
        from airflow_provider.quota.readings import Quota

        found: Enough | Pause
        if "enough" in event:
            found = Enough(Quota.from_dict(event["enough"]))
        else:
            found = asyncio.run(self._monitor.check(self._requirement, self._wait_policy))
        if not isinstance(found, Enough):
            return found
        result = self._sensor.satisfied(self._hook, self._monitor, found.quota)
        if result is None:
            return Pause(clock.now() + timedelta(minutes=1), "Another task has just reserved it")
        self._sensor.log.info(
            "Enough: %s, needed %d and a margin of %d.",
            found.quota,
            self._requirement.amount,
            self._requirement.margin,
        )
        return result

    def trigger(self, times: dict[str, Any]) -> QuotaTrigger:
        from airflow_provider.quota.triggers import QuotaTrigger

        hook, requirement, wait_policy = self._hook, self._requirement, self._wait_policy
        return QuotaTrigger(
            hook=f"{type(hook).__module__}.{type(hook).__qualname__}",
            conn_id=hook.conn_id,
            amount=requirement.amount,
            margin=requirement.margin,
            run=requirement.run,
            field=requirement.field,
            max_age=wait_policy.max_age.total_seconds(),
            reset_margin=wait_policy.reset_margin.total_seconds(),
            recheck_interval=wait_policy.recheck_interval.total_seconds(),
            **times,
        )

    def close(self) -> None:
        self._monitor.close()

    def waits(self) -> None:
        from airflow_provider.http.metrics import increase

        hook = self._hook
        increase(f"quota.waits.{hook.conn_id}", vendor=hook.options.conn_type, conn_id=hook.conn_id)


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
