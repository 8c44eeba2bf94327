"""The receiver with what works behind it, for as long as a server runs."""

from __future__ import annotations

import asyncio
import logging
import threading
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from airflow_provider.events.app import receiver_app
from airflow_provider.events.callbacks import Callbacks
from airflow_provider.events.intake import Writer
from airflow_provider.events.receiver import Receiver
from airflow_provider.events.wallets import Wallets
from airflow_provider.http import metrics

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from airflow_provider.events.settings import Settings

log = logging.getLogger(__name__)


class Service:
    """The app of what vendors send, with its writer and its wallets.

    :param settings: the configuration
    :raises InvalidInput: the option ``wallet`` names nothing that can be used
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._writer = Writer(settings)
        self.receiver = Receiver(settings, self._writer)
        self._callbacks = Callbacks(self.receiver, Wallets(settings)) if settings.callbacks else None
        self.app = receiver_app(self.receiver, self._callbacks)

    @asynccontextmanager
    async def running(self, app: Any = None) -> AsyncIterator[None]:
        """Work in the background while a server runs, from its start: events may wait for a run.

        :param app: the server's app, as lifespans get it
        """
        if not self._settings.webhook_connections:
            async with keeping_up(self._settings), self._serving():
                yield
            return
        _start_metrics()
        self._writer.start()
        async with self._serving():
            yield

    @asynccontextmanager
    async def _serving(self) -> AsyncIterator[None]:
        try:
            yield
        finally:
            if self._callbacks is not None:
                self._callbacks.close()
            await asyncio.to_thread(self._writer.close)
            self.receiver.counts.emit()


@asynccontextmanager
async def keeping_up(settings: Settings) -> AsyncIterator[None]:
    """Do what is done beside receiving, also where nothing is received: sockets have events, too.

    :param settings: the configuration
    """
    _start_metrics()
    stopping = threading.Event()
    work = (settings, stopping)
    sweeping = threading.Thread(target=_keep_up, args=work, name="vendor-apis-sweep", daemon=True)
    sweeping.start()
    try:
        yield
    finally:
        stopping.set()
        await asyncio.to_thread(sweeping.join, 5.0)


def _start_metrics() -> None:
    try:
        metrics.start()
    except Exception as error:
        log.warning("Metrics are not emitted: %s.", type(error).__name__)


def _keep_up(settings: Settings, stopping: threading.Event) -> None:
    from airflow_provider.events.upkeep import keep_up

    keep_up(settings, stopping)
