"""The producer of a shared stream in Airflow's ack mode. Airflow 3.2 has no such streams."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.triggers.shared_stream import SharedStreamProducer

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from airflow.triggers.shared_stream import AdvanceItem

    from airflow_provider.events.spooling import SpooledStream


class SpoolProducer(SharedStreamProducer):
    """Tells what is in the spool; what all subscribers have dealt with is removed from it.

    :param stream: the stream
    """

    def __init__(self, stream: SpooledStream) -> None:
        self._stream = stream

    async def open_stream(self) -> AsyncGenerator[tuple[Any, Any], None]:
        """Open the socket and yield events with their rows."""
        messages = self._stream.messages()
        try:
            async for message in messages:
                yield message.event, message.id
        finally:
            await messages.aclose()

    async def advance(self, batch: Sequence[AdvanceItem]) -> None:
        """Take note of what the subscribers have done with events."""
        done, failed, unheard = [], [], []
        for item in batch:
            outcome = item.outcome
            if outcome.failed:
                failed.append(item.broker_payload)
            elif outcome.acked or outcome.rejected:
                done.append(item.broker_payload)
            else:
                unheard.append(item.broker_payload)
        self._stream.confirm(done, failed, unheard)

    def get_advance_lane(self, broker_payload: Any) -> Any:
        """Return a lane of its own for each event: rows are removed one by one."""
        return broker_payload

    async def aclose(self) -> None:
        """Stop listening."""
        await self._stream.close()
