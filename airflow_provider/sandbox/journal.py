"""What happened: requests received, messages sent, secrets handed out."""

from __future__ import annotations

import time
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from airflow_provider.sandbox.clock import Clock, iso

if TYPE_CHECKING:
    from airflow_provider.sandbox.messages import Request

SIZE = 10_000


@dataclass(slots=True)
class Entry:
    """One request received by a vendor.

    :param number: counts from 1 over all vendors
    :param vendor: the vendor's name
    :param request: the request
    :param at: the sandbox's clock when it had arrived
    :param status: the status answered; None while it is being served, and when no answer was given
    :param fault: the id of the fault applied to it
    :param monotonic: the machine's monotonic clock when it had arrived
    """

    number: int
    vendor: str
    request: Request
    at: float
    status: int | None = None
    fault: int | None = None
    monotonic: float = field(default_factory=time.monotonic)

    def as_json(self) -> dict[str, Any]:
        """Return the entry for the control API."""
        return {
            "number": self.number,
            "vendor": self.vendor,
            "method": self.request.method,
            "path": self.request.path,
            "query": self.request.query,
            "query_string": self.request.query_string.decode("latin-1"),
            "headers": self.request.headers,
            "json": self.request.json,
            "status": self.status,
            "fault": self.fault,
            "at": iso(self.at),
            "monotonic": self.monotonic,
        }


class Journal:
    """Keep what happened since the last reset.

    :param clock: the sandbox's clock
    """

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        self.entries: deque[Entry] = deque(maxlen=SIZE)
        self.counts: Counter[str] = Counter()
        self.messages: list[dict[str, Any]] = []
        # A dict, because it keeps the order and each value once.
        self.secrets: dict[str, None] = {}

    def record(self, vendor: str, request: Request) -> Entry:
        """Note a request that has fully arrived."""
        self.counts[vendor] += 1
        entry = Entry(self.counts.total(), vendor, request, self.clock.seconds())
        self.entries.append(entry)
        return entry

    def resize(self, size: int) -> None:
        """Keep the last ``size`` requests from now on."""
        if size != self.entries.maxlen:
            self.entries = deque(self.entries, maxlen=size)

    def message(self, channel: str, to: str, **details: Any) -> None:
        """Note a message that the vendor sends to a person."""
        number = len(self.messages) + 1
        at = iso(self.clock.seconds())
        self.messages.append({"number": number, "channel": channel, "to": to, **details, "at": at})

    def secret(self, *values: str) -> None:
        """Note values that must not appear anywhere else."""
        self.secrets.update(dict.fromkeys(value for value in values if value))
