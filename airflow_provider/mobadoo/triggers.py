"""The Mobadoo triggers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider.mobadoo import conditions
from airflow_provider.waiting.trigger import WaitingTrigger

if TYPE_CHECKING:
    from airflow_provider.waiting.condition import Condition


class MobadooMatchTrigger(WaitingTrigger):
    """Wait for a match; see :class:`~airflow_provider.waiting.trigger.WaitingTrigger`."""

    hook: ClassVar[str] = "airflow_provider.mobadoo.hooks.MobadooHook"

    @classmethod
    def condition(cls, name: str, values: dict[str, Any]) -> Condition:
        """Make a condition again.

        :param name: its name
        :param values: its values
        """
        return conditions.condition(name, values)
