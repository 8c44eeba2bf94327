"""Numbers as drawings: the geometry of bars, for the templates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider.quota.history import Day

HEIGHT = 40
"""Of a chart, in its own units."""


def shares(limit: int | None, remaining: int | None, reserved: int) -> dict[str, Any]:
    """Return how much of a quota is used, reserved and free, in percent; all None where no limit is known.

    :param limit: what is granted
    :param remaining: what remains, reserved requests among it
    :param reserved: what is reserved
    """
    if not limit or remaining is None:
        return {"used_share": None, "reserved_share": None, "free_share": None, "level": "unknown"}
    held = min(reserved, remaining)
    used_share = 100 * min(1.0, max(0.0, (limit - remaining) / limit))
    reserved_share = 100 * held / limit
    free_share = max(0.0, 100 - used_share - reserved_share)
    level = "out" if remaining == 0 else "low" if free_share < 15 else "good"
    return {
        "used_share": round(used_share, 2),
        "reserved_share": round(reserved_share, 2),
        "free_share": round(free_share, 2),
        "level": level,
    }


def chart(days: Sequence[Day]) -> dict[str, Any]:
    """Return the bars of a history: requests sent on each day.

    :param days: the days, the oldest first
    """
    most = max((day.sent for day in days), default=0)
    bars = [
        {
            "x": 10 * number,
            "height": _height(day.sent, most),
            "day": day.day.isoformat(),
            "sent": day.sent,
            "remaining": day.remaining,
        }
        for number, day in enumerate(days)
    ]
    return {
        "bars": bars,
        "width": 10 * len(days),
        "height": HEIGHT,
        "most": most,
        "total": sum(day.sent for day in days),
    }


def _height(sent: int, most: int) -> float:
    # A day on which something was sent is seen, however little it was.
    return round(max(1.0, HEIGHT * sent / most), 1) if sent else 0.0
