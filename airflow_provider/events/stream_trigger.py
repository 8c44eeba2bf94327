"""The trigger that every WebSocket's is made from, for the watchers of assets."""

from __future__ import annotations

import contextlib
import json
from abc import abstractmethod
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import BaseEventTrigger, TriggerEvent

from airflow_provider import values as given
from airflow_provider.events import matching
from airflow_provider.events.stream import Limits

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Hashable

    from airflow.triggers.shared_stream import SharedStreamProducer

    from airflow_provider.events.feed import Feed

TELLS = ("all", "messages", "gaps")


class StreamTrigger(BaseEventTrigger):
    """Tells an asset of messages of a WebSocket, and of the gaps between them.

    On Airflow 3.3 all triggers of a connection share one socket, and what has come is told at least once. On
    3.2 each has a socket of its own, and the second before a triggerer dies may be lost.

    :param values: what the trigger is made of: ``where`` (values by dotted path that a message must have),
        ``tells`` (``all``, ``messages`` or ``gaps``), ``latest_by`` (a dotted path, or None), and what the
        kind of socket needs. None of it is a secret
    """

    def __init__(self, **values: Any) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        values["where"] = matching.checked("where", parsed(values["where"]))
        given.one_of("tells", values["tells"], TELLS)
        if values["latest_by"] is not None:
            given.text("latest_by", values["latest_by"])
        self._values = values

    @classmethod
    @abstractmethod
    def feed(cls, values: dict[str, Any]) -> Feed:
        """Return the kind of socket.

        :param values: what a trigger is made of
        """

    @classmethod
    def limits(cls, values: dict[str, Any]) -> Limits:
        """Return what the socket may do.

        :param values: what a trigger is made of
        """
        return Limits()

    def is_gap(self, event: dict[str, Any]) -> bool:
        """Say whether an event tells that messages may be missing.

        :param event: the event
        """
        return event["gap"] is not None

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the path of the class and its parameters."""
        # Airflow 3.2 does not bring a dict back as it was, and a trigger it cannot make ends the triggerer.
        plain = {
            name: json.dumps(value) if isinstance(value, dict | list) else value
            for name, value in self._values.items()
        }
        return f"{type(self).__module__}.{type(self).__qualname__}", plain

    def shared_stream_key(self) -> Hashable:
        """Return what the triggers of one socket have in common: everything but what they pick."""
        return type(self).__qualname__, _stream(self._values)

    @classmethod
    def create_shared_stream_producer(cls, kwargs: dict[str, Any]) -> SharedStreamProducer:
        """Make what reads the socket, for Airflow 3.3."""
        from airflow_provider.events.ack_mode import SpoolProducer
        from airflow_provider.events.spooling import SpooledStream
        from airflow_provider.store.location import aconfigured

        values = cls(**kwargs)._values
        return SpoolProducer(
            SpooledStream(
                cls.feed(values),
                f"{cls.__qualname__} {_stream(values)}",
                aconfigured,
                latest_by=values["latest_by"],
                limits=cls.limits(values),
            )
        )

    async def filter_shared_stream(self, shared_stream: AsyncIterator[Any]) -> AsyncIterator[TriggerEvent]:
        """Pick what the asset is told.

        :param shared_stream: the events of the socket
        """
        async for event in shared_stream:
            if self._picks(event):
                yield TriggerEvent(shortened(event))

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Tell what comes by a socket of its own. Airflow 3.3 shares the socket instead."""
        from airflow_provider.events.hearing import Hearing
        from airflow_provider.events.noting import Noting

        hearing = Hearing(self.feed(self._values), self.limits(self._values))
        async with Noting(hearing.name) as noting, contextlib.aclosing(hearing.events()) as events:
            async for event in events:
                noting.note(event)
                if self._picks(event.told):
                    yield TriggerEvent(shortened(event.told))

    def _picks(self, event: dict[str, Any]) -> bool:
        tells = self._values["tells"]
        if self.is_gap(event):
            return bool(tells != "messages")
        return tells != "gaps" and matching.matches(event["payload"], self._values["where"])


def parsed(value: Any) -> Any:
    """Return a parameter as it was before the trigger was stored: what is text there may have been more.

    :param value: the parameter
    """
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        # It is for others to say what is wrong with it.
        return value


def _stream(values: dict[str, Any]) -> str:
    """Name the socket: triggers that only pick differently have the same."""
    shared = {name: value for name, value in values.items() if name not in ("where", "tells")}
    return json.dumps(shared, sort_keys=True)


def shortened(event: dict[str, Any]) -> dict[str, Any]:
    """Leave out a payload that is too long for an asset event.

    :param event: the event
    """
    from airflow.sdk import conf

    longest = conf.getint("vendor_apis", "webhook_max_event_bytes", fallback=65536)
    if event["payload"] is None or len(json.dumps(event["payload"])) <= longest:
        return event
    return {**event, "payload": None, "payload_truncated": True}
