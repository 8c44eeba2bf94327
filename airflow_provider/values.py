"""What values are, each rule once: emptiness, the text of identifiers, and the parameters of operators."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

LONGEST = timedelta(days=366)


def is_empty(value: Any) -> bool:
    """Say whether a value counts as none.

    :param value: a value of a record
    """
    if value is None or (isinstance(value, str) and not value.strip()):
        return True
    # NaN is what data frames have for a value that is not there, and NaT for a time, which is a datetime.
    return isinstance(value, float | Decimal | datetime) and value != value


def shape(value: Any) -> str:
    """Describe a value without showing it, for an error.

    :param value: the value
    """
    return f"{len(value)} characters of text" if isinstance(value, str) else f"a {type(value).__name__}"


def plain_text(value: Any) -> str:
    """Return the text of a value; a whole number that came as a float has no ``.0``.

    :param value: a text or a number
    """
    # A column of whole numbers with gaps comes out of Parquet and pandas as floats.
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def one_of(name: str, value: Any, allowed: Collection[str]) -> None:
    """Make sure that a parameter has one of some values.

    :param name: name of the parameter
    :param value: its value
    :param allowed: the values that it may have
    :raises ValueError: it is none of them
    """
    if value not in allowed:
        raise ValueError(f"{name} must be one of {', '.join(allowed)}, not {value!r}")


def names(name: str, value: Any) -> list[str]:
    """Return a list of names.

    :param name: name of the parameter
    :param value: its value
    :raises ValueError: it is not a list of texts
    """
    if isinstance(value, list | tuple) and all(isinstance(one, str) and one.strip() for one in value):
        return list(value)
    kind = f"a {type(value).__name__}"
    if isinstance(value, str):
        kind = f"the text {value!r}"
    elif isinstance(value, Sequence):
        kind = f"{kind} with other things"
    raise ValueError(f"{name} must be a list of names of fields, not {kind}")


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


def seconds(name: str, value: Any) -> float:
    """Return a number of seconds that is more than 0.

    :param name: name of the parameter
    :param value: its value
    :raises ValueError: it is not one
    """
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if number and math.isfinite(value) and value > 0:
        return float(value)
    raise ValueError(f"{name} must be a number of seconds above 0, not {_shown(value)}")


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
