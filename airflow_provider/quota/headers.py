"""Quotas that vendors tell in the headers of their responses, under names that may not be published."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, TypeVar

from airflow_provider.http.status import http_date
from airflow_provider.quota.readings import Quota

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

T = TypeVar("T")

LIMIT = re.compile(r"(limit|quota)([-_]?(total|max|day|month))?$", re.IGNORECASE)
REMAINING = re.compile(
    r"(limit|quota|calls|requests).*(remaining|left)|(remaining|left).*(limit|quota|calls|requests)",
    re.IGNORECASE,
)
USED = re.compile(r"(limit|quota|calls|requests).*used|used.*(limit|quota|calls|requests)", re.IGNORECASE)
RESET = re.compile(r"(limit|quota).*reset|reset.*(limit|quota)", re.IGNORECASE)
"""What such headers are called elsewhere, like ``X-RateLimit-Remaining``: a guess, where no name is given."""

EPOCH = 10**9
"""A number from here on is a time, and one below is the seconds until it."""


def read_headers(
    headers: Mapping[str, str], now: datetime, names: Mapping[str, str] | None = None
) -> Quota | None:
    """Read a quota from the headers of a response.

    :param headers: headers, names in lower case
    :param now: when the response came
    :param names: names of the headers for ``limit``, ``remaining``, ``used`` and ``reset``; those that are
        not given are looked for
    :return: the reading; None where the headers do not tell what remains
    """

    def find(part: str, pattern: re.Pattern[str], read: Callable[[str], T | None]) -> T | None:
        if names and (name := names.get(part)):
            return read(headers.get(name.lower(), ""))
        found = (read(headers[name]) for name in headers if pattern.search(name))
        return next((value for value in found if value is not None), None)

    limit = find("limit", LIMIT, _count)
    used = find("used", USED, _count)
    remaining = find("remaining", REMAINING, _count)
    if remaining is None and limit is not None and used is not None:
        remaining = max(0, limit - used)
    if remaining is None:
        return None
    if used is None and limit is not None:
        used = max(0, limit - remaining)
    return Quota(
        limit=limit,
        used=used,
        remaining=remaining,
        resets_at=find("reset", RESET, lambda text: _moment(text, now)),
        observed_at=now,
        source="header",
    )


def _count(text: str) -> int | None:
    # Some vendors add the window: "8000, 8000;w=2592000".
    found = re.match(r"\s*([0-9]{1,15})\s*(?:$|[,;])", text)
    return int(found[1]) if found else None


def _moment(text: str, now: datetime) -> datetime | None:
    """Read seconds from now, a time in seconds, ISO 8601 or an HTTP date."""
    text = text.strip()
    if re.fullmatch(r"[0-9]{1,11}(\.[0-9]+)?", text):
        seconds = float(text)
        return (
            datetime.fromtimestamp(seconds, now.tzinfo)
            if seconds >= EPOCH
            else now + timedelta(seconds=seconds)
        )
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return http_date(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=now.tzinfo)
