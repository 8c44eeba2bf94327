"""JSON as records are written in it: fast where a record is plain, and complete where it is not."""

from __future__ import annotations

import json
import math
from datetime import date
from typing import Any

import msgspec
from pydantic import SecretStr

from airflow_provider.secrets import seal

_SCALARS = {str, int, float, bool, type(None)}
_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder()


def decode(line: str | bytes) -> Any:
    """Read one JSON value.

    ``NaN``, ``Infinity``, numbers that are too large for a float and half surrogates are read, too.

    :param line: the text of the value
    :raises ValueError: it is not JSON
    :raises RecursionError: it is nested too deep
    """
    try:
        return _DECODER.decode(line)
    except (msgspec.MsgspecError, UnicodeError):
        # What msgspec refuses, json may be able to read. Its error is a ValueError.
        return json.loads(line)


def encode(value: Any) -> bytes:
    """Write a value as one line of JSON, without the line break.

    What JSON has no form for is written as text: dates and times as ISO 8601, everything else as ``str``
    shows it. A secret is sealed. NaN and infinity become null. Half of a surrogate pair is written as an
    escape, because UTF-8 has no form for it.

    :param value: the record, or a part of one
    """
    try:
        return _ENCODER.encode(value if _is_plain(value) else to_plain(value))
    except (UnicodeError, TypeError, OverflowError, RecursionError):
        return json.dumps(to_plain(value), allow_nan=False).encode()


def to_plain(value: Any) -> Any:
    """Turn a value into what JSON has a form for, as :func:`encode` does.

    :param value: the record, or a part of one
    """
    kind = type(value)
    if kind is float:
        return value if math.isfinite(value) else None
    if kind in _SCALARS:
        return value
    if isinstance(value, dict):
        return {_key(name): to_plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_plain(item) for item in value]
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return to_plain(float(value))
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, SecretStr):
        return seal(value)
    return str(value)


def _is_plain(value: Any) -> bool:
    """Say whether msgspec writes a value as :func:`to_plain` does; it has forms of its own for many types."""
    kind = type(value)
    if kind is dict:
        parts = value.values()
    elif kind is list:
        parts = value
    else:
        return kind in _SCALARS
    if _SCALARS.issuperset(map(type, parts)):
        return True
    for part in parts:  # noqa: SIM110 - a generator would take a third longer, for each record
        if type(part) not in _SCALARS and not _is_plain(part):
            return False
    return True


def _key(name: Any) -> str:
    if isinstance(name, str):
        return str.__str__(name)
    # As json and msgspec write the keys that they know: true, null, 1.5.
    plain = to_plain(name)
    return plain if isinstance(plain, str) else json.dumps(plain)
