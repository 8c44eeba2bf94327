"""Airflow's own manager of shared streams, with triggers that watch a socket, and a supervisor that confirms."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

from airflow_provider.events import spool, spooling
from airflow_provider.store.engine import Database


class Triggerer:
    """Runs triggers as Airflow's triggerer does: by its manager, and confirms what they tell.

    :param database: the provider's database
    """

    def __init__(self) -> None:
        from airflow.triggers.shared_stream import SharedStreamManager

        self.manager = SharedStreamManager()
        self.told: dict[int, list[dict[str, Any]]] = {}
        self.seen = 0
        """How many events the triggers have told, confirmed or not."""
        self.confirms = True
        self._tasks: dict[int, asyncio.Task[None]] = {}

    def start(self, *triggers: Any) -> None:
        for trigger in triggers:
            number = len(self._tasks)
            self.told[number] = []
            key = trigger.shared_stream_key()
            stream = self.manager.subscribe(trigger_id=number, trigger=trigger, key=key)
            self._tasks[number] = asyncio.create_task(self._run(number, trigger, key, stream))

    async def _run(self, number: int, trigger: Any, key: Any, stream: Any) -> None:
        try:
            async for event in trigger.filter_shared_stream(stream):
                sequence = self.manager.bind_pending_event(trigger_id=number, key=key)
                self.seen += 1
                if self.confirms:
                    self.told[number].append(event.payload)
                    if sequence is not None:
                        asyncio.get_running_loop().call_soon(self.manager.confirm_persisted, [sequence])
        finally:
            await self.manager.unsubscribe(number, key)

    def payloads(self, number: int = 0) -> list[Any]:
        return [event["payload"] for event in self.told[number] if event["gap"] is None]

    def gaps(self, number: int = 0) -> list[Any]:
        return [event["gap"] for event in self.told[number] if event["gap"] is not None]

    async def until(self, holds: Callable[[], bool], seconds: float = 60.0) -> None:
        """Wait until something holds. The time is only there so that a test that cannot pass ends."""
        async with asyncio.timeout(seconds):
            while not holds():
                for task in self._tasks.values():
                    if task.done():
                        task.result()
                await asyncio.sleep(0.02)

    async def stop(self) -> None:
        """End like a triggerer that is told to."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        await self.manager.stop_all()

    async def kill(self, monkeypatch: Any) -> None:
        """End like a triggerer that is killed: nothing more is written."""

        async def nothing(self: Any) -> None:
            pass

        with monkeypatch.context() as killed:
            killed.setattr(spooling.SpooledStream, "close", nothing)
            killed.setattr(spool.Spool, "delete", lambda self, ids: None)
            await self.stop()


@contextlib.asynccontextmanager
async def triggerer() -> AsyncIterator[Triggerer]:
    running = Triggerer()
    try:
        yield running
    finally:
        await running.stop()


def spooled(database: Database) -> int:
    """Say how many messages are in the spool."""
    return sum(spooled_by_owner(database))


def spooled_by_owner(database: Database) -> list[int]:
    """Say how many messages each listener has in the spool that has any."""
    import sqlalchemy as sa

    from airflow_provider.store.tables import spool as table

    query = sa.select(sa.func.count()).select_from(table).group_by(table.c.owner)
    with database.read() as connection:
        return sorted(connection.scalars(query))


def heard_at(database: Database) -> list[float]:
    """Return until when each listener has heard everything that knows it."""
    import sqlalchemy as sa

    from airflow_provider.store.tables import listener

    query = sa.select(listener.c.heard_at).where(listener.c.heard_at.is_not(None))
    with database.read() as connection:
        return [*connection.scalars(query)]
