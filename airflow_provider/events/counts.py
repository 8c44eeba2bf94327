"""How many deliveries came and what became of them, through Airflow's own metrics.

Counted in memory and handed over from time to time: a stranger's flood must not become one of metrics.
"""

from __future__ import annotations

import time
from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING

from airflow_provider.http.metrics import increase

if TYPE_CHECKING:
    from airflow_provider.events.served import Served

EMISSION = 10.0
"""Seconds between two emissions at least."""


class Counts:
    """Counts requests by outcome, with the connection as a tag.

    They are ``vendor_apis.webhook.<outcome>`` and ``vendor_apis.callback.<outcome>``.
    """

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, str, str]] = Counter()
        self._emitted_at = time.monotonic()

    def add(self, outcome: str, served: Served | None = None, *, kind: str = "webhook") -> None:
        """Count a request.

        :param outcome: how it ended
        :param served: the connection; None where nobody may learn which it was
        :param kind: ``webhook`` or ``callback``
        """
        self._counts[kind, outcome, served.conn_id if served else ""] += 1
        if time.monotonic() - self._emitted_at > EMISSION:
            self.emit()

    def emit(self) -> None:
        """Hand the counts to Airflow."""
        counts, self._counts = self._counts, Counter()
        self._emitted_at = time.monotonic()
        # Metrics that cannot be sent are no reason to refuse a delivery.
        with suppress(Exception):
            for (kind, outcome, conn_id), count in counts.items():
                tags = {"conn_id": conn_id} if conn_id else {}
                increase(f"{kind}.{outcome}", count, outcome=outcome, **tags)
