"""The trigger that looks from time to time whether something has come, together with all that wait."""

from __future__ import annotations

from abc import abstractmethod
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider.sleeping.trigger import SleepingTrigger
from airflow_provider.waiting.condition import Met, check
from airflow_provider.waiting.looks import shared_looks

if TYPE_CHECKING:
    from airflow_provider.sleeping.pause import Pause
    from airflow_provider.waiting.condition import Condition


class WaitingTrigger(SleepingTrigger):
    """Look whether a condition is met, until it is. The event says ``met`` with the result.

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
        super().__init__(
            conn_id=conn_id,
            condition=condition,
            values=values,
            interval=interval,
            jitter=jitter,
            wake_at=wake_at,
            deadline=deadline,
        )

    @classmethod
    @abstractmethod
    def condition(cls, name: str, values: dict[str, Any]) -> Condition:
        """Make a condition again.

        :param name: its name
        :param values: what :meth:`Condition.values` returned
        """

    async def look(self) -> dict[str, Any] | Pause:
        """Look, unless another one has."""
        values = self._values
        condition = self.condition(values["condition"], values["values"])
        looks = await shared_looks(self.hook, values["conn_id"])
        found = await check(condition, looks, timedelta(seconds=values["interval"]))
        return {"met": found.result} if isinstance(found, Met) else found
