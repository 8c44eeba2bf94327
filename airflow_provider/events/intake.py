"""The way in: a bounded queue of deliveries, and threads that store them in groups."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider.events.outcome import Busy, Outcome

if TYPE_CHECKING:
    from concurrent.futures import Future

    from airflow_provider.events.message import Message

__all__ = ["Busy", "Outcome", "Writer"]


class Writer:
    """Stores deliveries and tells their assets. One per process; threads start with the first delivery."""

    def submit(self, conn_id: str, vendor: str, source: str, message: Message) -> Future[Outcome]:
        """Hand a delivery to the threads.

        :param conn_id: the connection that it came in by
        :param vendor: the connection's type
        :param source: ``webhook`` or ``websocket``
        :param message: what it says
        :return: done when the delivery and its asset events are committed; it fails with :class:`Busy` if
            they could not be
        :raises Busy: the queue is full
        """
        raise NotImplementedError

    def close(self) -> None:
        """Store what is queued, and stop the threads."""
