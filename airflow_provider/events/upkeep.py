"""What a process that receives deliveries does beside: the sweep, and deleting what is old."""

from __future__ import annotations

import logging
import random
import time
from typing import TYPE_CHECKING

from airflow_provider.events import faults
from airflow_provider.events.retention import delete_old
from airflow_provider.events.stream_upkeep import purge_streams, tell_noted
from airflow_provider.events.sweep import sweep
from airflow_provider.events.watched import sweep_watched
from airflow_provider.exceptions import VendorError
from airflow_provider.http.metrics import increase

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from airflow_provider.events.settings import Settings

log = logging.getLogger(__name__)

SWEEP_INTERVAL = 30.0
CLEAN_INTERVAL = 3600.0
"""Seconds."""


def keep_up(settings: Settings, stopping: threading.Event) -> None:
    """Sweep, and tell what sockets have noted, every 30 seconds; delete what is old every hour.

    It ends with the process. What sockets tell has to be looked after also where no webhook is received.

    :param settings: the configuration
    :param stopping: set when the process ends
    """
    clean_at = time.monotonic()
    while not stopping.wait(_interval()):
        _attempt("The sweep", _sweep)
        _attempt("The sweep of watched assets", _sweep_watched)
        _attempt("Telling gaps of WebSockets", lambda: tell_noted(settings))
        if time.monotonic() >= clean_at:
            _attempt("Deleting old deliveries", lambda: delete_old(settings.webhook_keep_days))
            _attempt("Deleting what WebSockets have left", purge_streams)
            clean_at = time.monotonic() + CLEAN_INTERVAL


def _interval() -> float:
    # Processes that started together need not sweep together.
    return SWEEP_INTERVAL * random.uniform(0.9, 1.1)  # noqa: S311 - no secret


def _sweep_watched() -> None:
    if retold := sweep_watched():
        log.warning("%d messages of WebSockets had reached no run and are told again", retold)
        increase("stream.retold", retold)


def _sweep() -> None:
    if retold := sweep():
        log.warning("%d deliveries had reached no run and are told again", retold)
        increase("deliveries.retold", retold)


def _attempt(name: str, work: Callable[[], object]) -> None:
    try:
        work()
    except VendorError as error:
        log.warning("%s failed and will be tried again: %s", name, error)
    except Exception as error:
        # It is done again in a while, and deliveries are stored meanwhile.
        log.warning("%s failed and will be tried again: %s", name, faults.describe(error))
