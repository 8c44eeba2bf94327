"""The requests of a month, and the throttle."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from email.utils import formatdate
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from airflow_provider.sandbox.clock import iso
from airflow_provider.sandbox.mpohoda.wire import Problem

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider.sandbox.clock import Clock

Headers = tuple[tuple[bytes, bytes], ...]
COMPANY = "company"
THIRTY_DAYS = 30 * 86_400.0


class Quota:
    """Count requests.

    :param clock: the sandbox's clock
    :param switch: returns the value of one of mPOHODA's switches
    """

    def __init__(self, clock: Clock, switch: Callable[[str], Any]) -> None:
        self.clock = clock
        self.switch = switch
        self.used: Counter[str] = Counter()
        self.start = self.end = 0.0
        self.rule = self._rule()
        self.in_flight = 0
        self.minute = 0
        self.in_minute = 0

    @property
    def limit(self) -> int:
        """How many requests a period has."""
        return int(self.switch("quota")) * (1 + int(self.switch("mcal_extensions")))

    def owner(self, credential: str) -> str:
        """Return whose count a credential's requests are in."""
        return COMPANY if self.switch("quota_scope") == "company" else credential

    def left(self, credential: str) -> int:
        """Return how many requests are left, never below 0."""
        self.renew()
        return max(0, self.limit - self.used[self.owner(credential)])

    def spend(self, credential: str) -> None:
        """Count a request."""
        self.renew()
        self.used[self.owner(credential)] += 1

    def renew(self) -> None:
        """Begin a new period where the old one has ended."""
        now = self.clock.seconds()
        if not self.start <= now < self.end:
            self.used.clear()
            self.start, self.end = self._period(now)

    def change(self) -> None:
        """Bring the period in line with changed switches; what is used stays counted."""
        self.renew()
        if self.rule != self._rule():
            self.rule = self._rule()
            self.start, self.end = self._period(self.clock.seconds())

    def refuse_exhausted(self, credential: str) -> None:
        """Raise :class:`Problem` when the period's requests are used up."""
        if self.left(credential) <= 0:
            raise Problem(429, "The request limit of the month is used up.")

    def headers(self, credential: str, status: int) -> Headers:
        """Return the headers of an answer that tell of the quota."""
        headers = list(self._told(credential, status)) if status not in (0, 401) else []
        if status == 429 and self.left(credential) <= 0:
            wait = max(1, round(self.end - self.clock.seconds()))
            if self.switch("retry_after") == "seconds":
                headers.append((b"retry-after", b"%d" % wait))
            elif self.switch("retry_after") == "date":
                headers.append((b"retry-after", formatdate(self.end, usegmt=True).encode()))
        return tuple(headers)

    def _rule(self) -> tuple[str, str]:
        return self.switch("quota_period"), self.switch("quota_timezone")

    def _told(self, credential: str, status: int) -> Headers:
        when = self.switch("quota_headers")
        if when == "none" or (when == "successes" and status >= 400):
            return ()
        left = self.left(credential)
        values = {
            "limit_header": str(self.limit),
            "remaining_header": str(left),
            "used_header": str(self.limit - left),
            "reset_header": self._reset(),
        }
        named = ((self.switch(name).strip().lower(), value) for name, value in values.items())
        return tuple((name.encode("latin-1"), value.encode()) for name, value in named if name)

    def _reset(self) -> str:
        form = self.switch("reset_format")
        if form == "seconds":
            return str(round(self.end - self.clock.seconds()))
        if form == "epoch":
            return str(round(self.end))
        return iso(self.end) if form == "iso" else formatdate(self.end, usegmt=True)

    def _period(self, now: float) -> tuple[float, float]:
        if self.switch("quota_period") == "30 days":
            return now, now + THIRTY_DAYS
        zone = ZoneInfo(self.switch("quota_timezone"))
        first = (
            datetime.fromtimestamp(now, UTC)
            .astimezone(zone)
            .replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        )
        year, month = (first.year + 1, 1) if first.month == 12 else (first.year, first.month + 1)
        return first.timestamp(), first.replace(year=year, month=month).timestamp()

    def throttled(self) -> Headers | None:
        """Count a request that arrives; return the headers of its refusal if it is one too many."""
        self.in_flight += 1
        minute = int(self.clock.seconds() // 60)
        self.in_minute = self.in_minute + 1 if minute == self.minute else 1
        self.minute = minute
        limits = (("throttle_per_minute", self.in_minute), ("concurrency_limit", self.in_flight))
        if not any(0 < self.switch(name) < count for name, count in limits):
            return None
        if not self.switch("throttle_retry_after"):
            return ()
        return ((b"retry-after", b"%d" % max(1, round(60 - self.clock.seconds() % 60))),)

    def leave(self) -> None:
        """Count one request less; a reset may have come between."""
        self.in_flight = max(0, self.in_flight - 1)

    def as_json(self) -> dict[str, Any]:
        """Return the quota for the control API."""
        self.renew()
        most = max(self.used.values(), default=0)
        told = {
            "limit": self.limit,
            "used": most,
            "remaining": max(0, self.limit - most),
            "resets_at": iso(self.end),
        }
        return told if self.switch("quota_scope") == "company" else {**told, "credentials": dict(self.used)}
