"""Reading an operator's parameters, with errors that a Dag's author understands when the Dag is parsed."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Any

LONGEST = timedelta(days=366)


def whole_number(name: str, value: Any, minimum: int, maximum: int | None = None) -> int:
    """Return a whole number.

    :param name: name of the parameter
    :param value: its value
    :param minimum: the smallest allowed
    :param maximum: the largest allowed; None for any
    :raises ValueError: it is not one
    """
    whole = isinstance(value, int) and not isinstance(value, bool)
    if whole and value >= minimum and (maximum is None or value <= maximum):
        return int(value)
    most = f"of at least {minimum}" if maximum is None else f"from {minimum} to {maximum}"
    raise ValueError(f"{name} must be a whole number {most}, not {_shown(value)}")


def duration(name: str, value: Any, minimum: timedelta = timedelta(0)) -> timedelta:
    """Return a duration.

    :param name: name of the parameter
    :param value: a timedelta, or a number of seconds
    :param minimum: the shortest allowed
    :raises ValueError: it is not one
    """
    found = value
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        found = timedelta(seconds=min(value, 2 * LONGEST.total_seconds()))
    if isinstance(found, timedelta) and minimum <= found <= LONGEST:
        return found
    raise ValueError(
        f"{name} must be a timedelta or a number of seconds, from {minimum.total_seconds():g} seconds to "
        f"{LONGEST.days} days, not {_shown(value)}"
    )


def _shown(value: Any) -> str:
    return repr(value) if isinstance(value, int | float | timedelta) else f"a {type(value).__name__}"
