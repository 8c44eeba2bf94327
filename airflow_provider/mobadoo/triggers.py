"""The Mobadoo triggers."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.triggers.base import BaseTrigger, TriggerEvent

from airflow_provider import clock
from airflow_provider import values as given
from airflow_provider.events.matching import matches
from airflow_provider.events.stream_trigger import StreamTrigger, shortened
from airflow_provider.events.waiters import wait_for
from airflow_provider.mobadoo import conditions
from airflow_provider.mobadoo.feed import FAMILY, MobadooFeed
from airflow_provider.waiting.trigger import WaitingTrigger

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from airflow_provider.events.feed import Feed
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


class MobadooEventTrigger(StreamTrigger):
    """Tell an asset of what Mobadoo's WebSocket says. For ``AssetWatcher``.

    The event has what an event of the webhook has, under ``payload``. All triggers of a connection share one
    socket on Airflow 3.3.

    .. seealso:: :ref:`streams-mobadoo`

    :param mobadoo_conn_id: id of the Mobadoo connection
    :param where: what a message must have, or None for all messages: values, or lists of those that will do,
        by dotted path, like ``{"videogame": ["lol", "cs-go"], "entity": "Match"}``
    :param tells: ``messages``, ``gaps`` (times from which messages may be missing, and notices of
        desynchronisation), or ``all``
    :param latest_by: dotted path into a message, like ``result.id``: of messages that wait to be told and
        have the same there, only the newest is
    """

    def __init__(
        self,
        mobadoo_conn_id: str = "mobadoo_default",
        *,
        where: Mapping[str, Any] | None = None,
        tells: str = "all",
        latest_by: str | None = None,
    ) -> None:
        given.text("mobadoo_conn_id", mobadoo_conn_id)
        super().__init__(mobadoo_conn_id=mobadoo_conn_id, where=where, tells=tells, latest_by=latest_by)

    @classmethod
    def feed(cls, values: dict[str, Any]) -> Feed:
        """Return the socket of the connection.

        :param values: what a trigger is made of
        """
        return MobadooFeed(values["mobadoo_conn_id"])

    def is_gap(self, event: dict[str, Any]) -> bool:
        """Say whether an event tells that messages may be missing; a notice of Mobadoo's does.

        :param event: the event
        """
        return super().is_gap(event) or event["family"] == FAMILY


class MobadooWaitTrigger(BaseTrigger):
    """Wait for one message of Mobadoo's WebSocket. The event has ``found``, or ``late``.

    :param mobadoo_conn_id: id of the Mobadoo connection
    :param where: what the message must have: values, or lists of those that will do, by dotted path
    :param deadline: when to give up, in ISO 8601
    """

    def __init__(self, *, mobadoo_conn_id: str, where: dict[str, Any], deadline: str) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._values: dict[str, Any] = {
            "mobadoo_conn_id": mobadoo_conn_id,
            "where": where,
            "deadline": deadline,
        }

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the path of the class and its parameters."""
        return f"{type(self).__module__}.{type(self).__qualname__}", dict(self._values)

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Wait."""
        conn_id, where = self._values["mobadoo_conn_id"], self._values["where"]
        left = datetime.fromisoformat(self._values["deadline"]) - clock.now()
        found = await wait_for(
            conn_id,
            lambda: MobadooFeed(conn_id),
            lambda event: event["payload"] is not None and matches(event["payload"], where),
            left.total_seconds(),
        )
        yield TriggerEvent({"late": True} if found is None else {"found": shortened(found)})
