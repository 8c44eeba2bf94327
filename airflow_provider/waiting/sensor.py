"""The sensor that shares its looks with all that wait on the same connection."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider.sleeping.sensor import SleepingSensor
from airflow_provider.values import duration

if TYPE_CHECKING:
    from airflow_provider.http.hook import VendorHook
    from airflow_provider.sleeping.pause import Pause
    from airflow_provider.waiting.condition import Condition
    from airflow_provider.waiting.trigger import WaitingTrigger

MONTH = timedelta(days=30)


class WaitingSensor(SleepingSensor):
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

    def __init__(self, *, poke_interval: timedelta | float = timedelta(minutes=30), **kwargs: Any) -> None:
        super().__init__(
            poke_interval=duration("poke_interval", poke_interval, timedelta(seconds=1)), **kwargs
        )

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

    def watch(self, started: datetime) -> _Watch:
        """Begin to look.

        :param started: when the sensor began
        """
        return _Watch(self, started, shares=self._shares)


class _Watch:
    """A condition, and the looks that tell whether it is met."""

    def __init__(self, sensor: WaitingSensor, started: datetime, *, shares: bool) -> None:
        self._sensor = sensor
        self._started = started
        self._shares = shares
        self._opened: Any = None

    def look(self, event: dict[str, Any]) -> dict[str, Any] | Pause:
        if "met" in event:
            result: dict[str, Any] = event["met"]
            return result
        # Imported here: parsing a Dag needs none of it.
        from airflow_provider.waiting.condition import Met, check

        condition, looks, _ = self._open()
        found = asyncio.run(check(condition, looks, self._interval))
        return found.result if isinstance(found, Met) else found

    def waits(self) -> None:
        pass

    def trigger(self, times: dict[str, Any]) -> WaitingTrigger:
        condition, _, _ = self._open()
        return self._sensor.trigger(
            condition=type(condition).__name__,
            values=condition.values(),
            interval=self._interval.total_seconds(),
            **times,
        )

    def close(self) -> None:
        if self._opened is not None:
            _, looks, hook = self._opened
            looks.close()
            hook.close()

    def _open(self) -> Any:
        from airflow_provider.waiting.looks import SHARED, open_looks

        if self._opened is None:
            condition, hook = self._sensor.condition(self._started), self._sensor.hook()
            looks = open_looks(hook, shared=SHARED if self._shares else timedelta(0))
            self._opened = condition, looks, hook
            self._sensor.log.info(
                "Looking every %s: %s looks in 30 days, shared with all that wait for the same.",
                self._interval,
                f"{MONTH // self._interval:,}",
            )
        return self._opened

    @property
    def _interval(self) -> timedelta:
        return timedelta(seconds=self._sensor.poke_interval)
