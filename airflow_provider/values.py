"""What values are, each rule once: emptiness, what nobody sees, and the parameters of operators."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from os import PathLike
from typing import Any

from airflow_provider.exceptions import InvalidInput

LONGEST = timedelta(days=366)

BYTES = (bytes, bytearray, memoryview)

_NEVER_EMPTY = {int, bool, list, tuple, dict}

# Unicode's category Cf; a test holds it against the tables that Python has.
_INVISIBLE = re.compile(
    "[\u00ad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064"
    "\u2066-\u206f\ufeff\ufff9-\ufffb\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3"
    "\U0001d173-\U0001d17a\U000e0001\U000e0020-\U000e007f]"
)


class SinglePrecision(float):
    """A float that was stored in 32 bits: it holds no more than seven digits for certain."""


def is_empty(value: Any) -> bool:
    """Say whether a value counts as none.

    :param value: a value of a record
    """
    if value is None:
        return True
    if isinstance(value, str):
        return not value.strip() or not (value.isascii() or visible(value).strip())
    if type(value) in _NEVER_EMPTY:
        return False
    if isinstance(value, BYTES):
        return not bytes(value).strip()
    if isinstance(value, Decimal):
        return value.is_nan()
    if isinstance(value, (float, datetime)):
        # NaN is what data frames have for a value that is not there, and NaT for a time, which is a datetime.
        return value != value
    own = native(value)
    return own is not value and is_empty(own)


def shape(value: Any) -> str:
    """Describe a value without showing it, for an error.

    :param value: the value
    """
    return f"{len(value)} characters of text" if isinstance(value, str) else f"a {type(value).__name__}"


def visible(text: str) -> str:
    """Leave out the characters that nobody sees: Unicode's category Cf.

    They come along when text is copied: marks of the direction of writing, zero-width spaces and joiners,
    soft hyphens, byte order marks.

    :param text: the text
    """
    return text if text.isascii() else _INVISIBLE.sub("", text)


def native(value: Any) -> Any:
    """Return what a scalar of numpy, pandas' ``NA`` or the member of an enumeration stands for.

    Neither library is imported. Every other value is returned as it is.

    :param value: a value of a record
    """
    if isinstance(value, Enum):
        return value.value
    kind = type(value)
    if kind.__module__ == "numpy" and hasattr(value, "item") and not getattr(value, "ndim", 0):
        own = value.item()
        if isinstance(own, int) and kind.__name__ in ("datetime64", "timedelta64"):
            # A time in nanoseconds, for which Python has no other form.
            own = value.astype(f"{kind.__name__}[us]").item()
        return value if type(own) is kind else own
    return None if kind.__name__ == "NAType" else value


def is_later(value: Any) -> bool:
    """Say whether a templated parameter may be a template, or is another task's result.

    :param value: its value when the Dag is parsed
    """
    return isinstance(value, str) or hasattr(value, "resolve")


def templated(check: Callable[[str, Any], object], name: str, value: Any) -> None:
    """Check a templated parameter as far as the parsed Dag has its value.

    :param check: one of the rules below
    :param name: name of the parameter
    :param value: its value
    :raises InvalidInput: the value cannot be right
    """
    if not is_later(value):
        check(name, value)


def one_of(name: str, value: Any, allowed: Collection[str]) -> None:
    """Make sure that a parameter has one of some values.

    :param name: name of the parameter
    :param value: its value
    :param allowed: the values that it may have
    :raises InvalidInput: it is none of them
    """
    if not isinstance(value, str) or value not in allowed:
        raise _wrong(name, f"one of {', '.join(allowed)}", value)


def flag(name: str, value: Any) -> bool:
    """Return True or False.

    :param name: name of the parameter
    :param value: its value
    :raises InvalidInput: it is neither
    """
    if not isinstance(value, bool):
        raise _wrong(name, "True or False", value)
    return value


def text(name: str, value: Any) -> None:
    """Make sure that a templated parameter is a text with something in it.

    :param name: name of the parameter
    :param value: its value
    :raises InvalidInput: it is not
    """
    if not is_later(value) or (isinstance(value, str) and not value.strip()):
        raise _wrong(name, "a text that is not empty", value)


def place(name: str, value: Any) -> None:
    """Make sure that a templated parameter is the path or URI of a file.

    :param name: name of the parameter
    :param value: its value
    :raises InvalidInput: it is not
    """
    if not isinstance(value, PathLike):
        text(name, value)


def moment(name: str, value: Any) -> None:
    """Make sure that a templated parameter is a time.

    :param name: name of the parameter
    :param value: its value
    :raises InvalidInput: it is not
    """
    if not is_later(value) and not isinstance(value, date):
        raise _wrong(name, "a datetime, a date or a text", value)


def records(name: str, value: Any) -> None:
    """Make sure that a templated parameter can be where records come from.

    :param name: name of the parameter
    :param value: its value
    :raises InvalidInput: it is no list, path or result of a batch
    """
    wanted = "a list of dicts, a path, or the result of another batch"
    if isinstance(value, bytes) or not (is_later(value) or isinstance(value, Iterable | PathLike)):
        raise _wrong(name, wanted, value)
    if isinstance(value, str) and not value.strip():
        raise _wrong(name, wanted, value)


def renames(name: str, value: Any) -> None:
    """Make sure that a parameter names fields by other names.

    :param name: name of the parameter
    :param value: its value
    :raises InvalidInput: it is not a dict of texts
    """
    if not isinstance(value, Mapping):
        raise _wrong(name, "a dict of names of fields", value)
    told = all(isinstance(one, str) for one in value) and all(is_later(one) for one in value.values())
    for one in (*value, *value.values()):
        if not told or (isinstance(one, str) and not one.strip()):
            raise _wrong(name, "a dict of names of fields", value, "a dict with other things")


def constants(name: str, value: Any) -> None:
    """Make sure that a parameter has values by the names of fields.

    :param name: name of the parameter
    :param value: its value
    :raises InvalidInput: it is not a dict, or a name is not a text
    """
    if not isinstance(value, Mapping):
        raise _wrong(name, "a dict of values by name of the field", value)
    if not all(isinstance(one, str) and one.strip() for one in value):
        raise _wrong(name, "a dict of values by name of the field", value, "a dict with other names")


def delimiter(name: str, value: Any) -> None:
    """Make sure that a parameter can separate the columns of a CSV file.

    :param name: name of the parameter
    :param value: its value
    :raises InvalidInput: it is not one character, or one that means something else in a CSV file
    """
    if not isinstance(value, str) or len(value) != 1 or value in '"\r\n':
        raise _wrong(name, "one character, and neither a quote nor a line break", value)


def encoding(name: str, value: Any) -> None:
    """Make sure that a parameter names an encoding of text.

    :param name: name of the parameter
    :param value: its value
    :raises InvalidInput: Python knows none of this name
    """
    try:
        known = isinstance(value, str) and "x".encode(value) is not None
    except (LookupError, ValueError):
        known = False
    if not known:
        raise _wrong(name, 'an encoding of text that Python knows, like "utf-8"', value)


def request_policy(name: str, value: Any) -> None:
    """Make sure that a parameter is a request policy.

    :param name: name of the parameter
    :param value: its value
    :raises InvalidInput: it has no number of attempts
    """
    if isinstance(value, type) or not hasattr(value, "attempts"):
        raise _wrong(name, "a RequestPolicy", value)


def retry_policy(name: str, value: Any) -> None:
    """Make sure that a parameter is a retry policy.

    :param name: name of the parameter
    :param value: its value
    :raises InvalidInput: it does not evaluate failures
    """
    if isinstance(value, type) or not callable(getattr(value, "evaluate", None)):
        raise _wrong(name, "a RetryPolicy, like VendorRetryPolicy()", value)


def names(name: str, value: Any) -> list[str]:
    """Return a list of names.

    :param name: name of the parameter
    :param value: its value
    :raises InvalidInput: it is not a list of texts
    """
    if isinstance(value, list | tuple) and all(isinstance(one, str) and one.strip() for one in value):
        return list(value)
    other = isinstance(value, Sequence) and not isinstance(value, str)
    kind = f"{shape(value)} with other things" if other else None
    raise _wrong(name, "a list of names of fields", value, kind)


def whole_number(name: str, value: Any, minimum: int, maximum: int | None = None) -> int:
    """Return a whole number.

    :param name: name of the parameter
    :param value: its value
    :param minimum: the smallest allowed
    :param maximum: the largest allowed; None for any
    :raises InvalidInput: it is not one
    """
    whole = isinstance(value, int) and not isinstance(value, bool)
    if whole and value >= minimum and (maximum is None or value <= maximum):
        return int(value)
    most = f"of at least {minimum}" if maximum is None else f"from {minimum} to {maximum}"
    raise _wrong(name, f"a whole number {most}", value, _number(value))


def seconds(name: str, value: Any, *, none: bool = False) -> float:
    """Return a number of seconds.

    :param name: name of the parameter
    :param value: its value
    :param none: whether it may be 0
    :raises InvalidInput: it is not one
    """
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if number and math.isfinite(value) and (value > 0 or (none and value == 0)):
        return float(value)
    raise _wrong(
        name, f"a number of seconds, {'0 or more' if none else 'more than 0'}", value, _number(value)
    )


def duration(name: str, value: Any, minimum: timedelta = timedelta(0)) -> timedelta:
    """Return a duration.

    :param name: name of the parameter
    :param value: a timedelta, or a number of seconds
    :param minimum: the shortest allowed
    :raises InvalidInput: it is not one
    """
    found = value
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        found = timedelta(seconds=min(value, 2 * LONGEST.total_seconds()))
    if isinstance(found, timedelta) and minimum <= found <= LONGEST:
        return found
    limits = f"from {minimum.total_seconds():g} seconds to {LONGEST.days} days"
    raise _wrong(name, f"a timedelta or a number of seconds, {limits}", value, _number(value))


def _wrong(name: str, wanted: str, value: Any, kind: str | None = None) -> InvalidInput:
    return InvalidInput(f"{name} must be {wanted}, not {kind or shape(value)}", field=name)


def _number(value: Any) -> str:
    # A number is shown: it is no secret, and tells which limit it is beyond.
    return repr(value) if isinstance(value, int | float | timedelta) else f"a {type(value).__name__}"
