"""The trigger that looks from time to time whether something has come, together with all that wait."""

from __future__ import annotations

import random
from abc import abstractmethod
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.triggers.base import BaseTrigger, TriggerEvent

from airflow_provider.exceptions import VendorError
from airflow_provider.quota.triggers import next_place, sleep_until
from airflow_provider.waiting.condition import Met, Wait, check
from airflow_provider.waiting.looks import shared_looks

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from airflow_provider.waiting.condition import Condition


class WaitingTrigger(BaseTrigger):
    """Look whether a condition is met, until it is.

    All triggers of all triggerers that wait for the same share one look in each interval, which is kept in
    the provider's database: a trigger that is run again does not look again.

    :param conn_id: id of the connection
    :param condition: name of the condition
    :param values: what the condition is made of
    :param interval: seconds between two looks
    :param jitter: seconds that it may wake later, at random
    :param wake_at: when to look first, in ISO 8601
    :param deadline: when to give up, in ISO 8601
    """

    hook: ClassVar[str]
    """Path of the hook's class."""

    def __init__(
        self,
        *,
        conn_id: str,
        condition: str,
        values: dict[str, Any],
        interval: float,
        jitter: float,
        wake_at: str,
        deadline: str,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._values: dict[str, Any] = {
            "conn_id": conn_id,
            "condition": condition,
            "values": values,
            "interval": interval,
            "jitter": jitter,
            "wake_at": wake_at,
            "deadline": deadline,
        }

    @classmethod
    @abstractmethod
    def condition(cls, name: str, values: dict[str, Any]) -> Condition:
        """Make a condition again.

        :param name: its name
        :param values: what :meth:`Condition.values` returned
        """

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the path of the class and its parameters."""
        return f"{type(self).__module__}.{type(self).__qualname__}", dict(self._values)

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Wait; the event says ``met`` with the result, ``late`` with a reason, or an ``error``."""
        wake_at = datetime.fromisoformat(self._values["wake_at"])
        deadline = datetime.fromisoformat(self._values["deadline"])
        while True:
            await sleep_until(wake_at)
            await next_place()
            event: dict[str, Any]
            try:
                found = await self._check()
            except VendorError as error:
                # Its name is its type: the task raises it again.
                event = {"error": type(error).__name__, "message": str(error)}
                break
            if isinstance(found, Met):
                event = {"met": found.result}
                break
            if found.until > deadline:
                event = {"late": found.reason, "wake_at": found.until.isoformat()}
                break
            later = timedelta(seconds=random.random() * self._values["jitter"])  # noqa: S311 - no secret
            wake_at = min(found.until + later, deadline)
            self.log.info("%s. Looking again at %s.", found.reason, wake_at.isoformat())
        await next_place()
        yield TriggerEvent(event)

    async def _check(self) -> Met | Wait:
        values = self._values
        condition = self.condition(values["condition"], values["values"])
        looks = await shared_looks(self.hook, values["conn_id"])
        return await check(condition, looks, timedelta(seconds=values["interval"]))
