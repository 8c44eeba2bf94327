"""The events of a socket: what its messages say, without those that cannot be used or only repeat another."""

from __future__ import annotations

import contextlib
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider.events.decoding import Unusable
from airflow_provider.events.repeats_heard import LatestHeard
from airflow_provider.events.stream import Gap, Heard, Stream
from airflow_provider.http.metrics import increase

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from airflow_provider.events.feed import Feed
    from airflow_provider.events.message import Message
    from airflow_provider.events.stream import Limits

GAP_SIZE = 1000


@dataclass(frozen=True, slots=True)
class Event:
    """What is told.

    :param told: what JSON has, without secrets
    :param at: when it came, in seconds since 1970
    :param size: bytes that the message had
    :param notice: what assets are told that have no watcher
    """

    told: dict[str, Any]
    at: float
    size: int
    notice: Message | None = None


class Hearing:
    """Listens to a socket.

    :param feed: the kind of socket
    :param limits: what the socket may do
    """

    def __init__(self, feed: Feed, limits: Limits) -> None:
        self.name = f'Connection "{feed.conn_id}"'
        self.socket = Stream(self.name, feed.target, limits=limits)
        self._feed = feed
        self._heard = LatestHeard()

    async def events(self) -> AsyncGenerator[Event, None]:
        """Listen. It ends only when it is cancelled or closed."""
        async with contextlib.aclosing(self.socket.read()) as items:
            async for item in items:
                if isinstance(item, Gap):
                    self._heard.forget()
                    yield self.gap(item)
                elif event := self._message(item):
                    yield event

    def gap(self, gap: Gap) -> Event:
        """Return how a gap is told.

        :param gap: the gap
        """
        told = self._feed.tell_gap(gap, uuid.uuid4().hex)
        return Event(told, gap.until.timestamp(), GAP_SIZE, self._feed.notice(told))

    def _message(self, heard: Heard) -> Event | None:
        try:
            told = self._feed.tell(heard.body, uuid.uuid4().hex, heard.at)
            notice = self._feed.notice(told.event)
        except Unusable as unusable:
            self.socket.pass_over(unusable.reason, heard.size)
            return None
        except Exception as error:
            # Whatever a message looks like, those after it are told.
            self.socket.pass_over(f"unreadable_{type(error).__name__}", heard.size)
            return None
        at = heard.at.timestamp()
        if self._heard.is_repeat(told.thing, told.digest, at):
            increase("stream.repeats")
            return None
        return Event(told.event, at, heard.size, notice)
