"""What a process that receives deliveries does beside: the sweep, and deleting what is old."""

from __future__ import annotations

import logging
import random
import time
from typing import TYPE_CHECKING

from airflow_provider.events import faults
from airflow_provider.events.retention import delete_old
from airflow_provider.events.sweep import sweep
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
    """Sweep every 30 seconds and delete what is old every hour, until the process ends.

    :param settings: the configuration
    :param stopping: set when the process ends
    """
    clean_at = time.monotonic()
    # Processes that started together need not sweep together.
    while not stopping.wait(SWEEP_INTERVAL * random.uniform(0.9, 1.1)):  # noqa: S311 - no secret
        _attempt("The sweep", _sweep)
        if time.monotonic() >= clean_at:
            _attempt("Deleting old deliveries", lambda: delete_old(settings.webhook_keep_days))
            clean_at = time.monotonic() + CLEAN_INTERVAL


def _sweep() -> None:
    if retold := sweep():
        log.warning("%d deliveries had reached no run and are told again", retold)
        increase("deliveries.retold", retold)


def _attempt(name: str, work: Callable[[], object]) -> None:
    try:
        work()
    except Exception as error:
        # It is done again in a while, and deliveries are stored meanwhile.
        log.warning("%s failed and will be tried again: %s", name, faults.describe(error))
