"""How many requests went to a vendor and how they ended, through Airflow's own metrics."""

from __future__ import annotations

import re
import time
from collections import Counter
from typing import Any

EMISSION = 10.0
"""Seconds between two emissions of a client that sends many requests."""


class RequestCounts:
    """Counts the requests of a client by outcome.

    The outcome is ``success``, or the name of the error, like ``vendor_unavailable``.

    :param vendor: the connection's type
    :param conn_id: id of the connection
    """

    def __init__(self, vendor: str, conn_id: str) -> None:
        self._vendor = vendor
        self._conn_id = conn_id
        self._counts: Counter[str] = Counter()
        self._emitted_at = time.monotonic()

    def add(self, outcome: str) -> None:
        """Count a request.

        :param outcome: how it ended
        """
        self._counts[outcome] += 1
        if time.monotonic() - self._emitted_at > EMISSION:
            self.emit()

    def emit(self) -> None:
        """Hand the counts to Airflow."""
        counts, self._counts = self._counts, Counter()
        self._emitted_at = time.monotonic()
        for outcome, count in counts.items():
            increase(
                f"requests.{self._vendor}.{outcome}",
                count,
                vendor=self._vendor,
                conn_id=self._conn_id,
                outcome=outcome,
            )


def outcome_of(error: BaseException) -> str:
    """Name an error as metrics do: ``RateLimited`` is ``rate_limited``."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", type(error).__name__).lower()


def start() -> None:
    """Let a server emit our metrics, as ``[metrics]`` of the configuration says.

    Airflow does so for tasks. In its servers it prepares metrics of its own alone, which are apart from those
    of the task SDK.
    """
    from inspect import signature

    from airflow.sdk import conf
    from airflow.sdk.observability.metrics.stats_utils import get_stats_factory

    stats = _stats()
    # Airflow 3.2 wants the one and has not the other.
    given = [stats] if signature(get_stats_factory).parameters else []
    known = signature(stats.initialize).parameters
    options = {"export_legacy_names": conf.getboolean("metrics", "legacy_names_on", fallback=True)}
    stats.initialize(
        factory=get_stats_factory(*given), **{name: one for name, one in options.items() if name in known}
    )


def increase(name: str, count: int = 1, **tags: str) -> None:
    """Increase one of our counters.

    :param name: its name, without the prefix ``vendor_apis.``
    :param count: by how much
    :param tags: for systems that know tags
    """
    _stats().incr(f"vendor_apis.{_plain(name)}", count, tags=tags)


def gauge(name: str, value: float, **tags: str) -> None:
    """Set one of our gauges.

    :param name: its name, without the prefix ``vendor_apis.``
    :param value: what it shows
    :param tags: for systems that know tags
    """
    _stats().gauge(f"vendor_apis.{_plain(name)}", value, tags=tags)


def _plain(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.-]", "_", name)


def _stats() -> Any:
    from airflow.sdk.observability.stats import Stats

    return Stats
