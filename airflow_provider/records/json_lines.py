"""JSON as records are written in it: fast where a record is plain, and complete where it is not."""

from __future__ import annotations

import json
import math
import re
from datetime import date
from decimal import Decimal
from enum import Enum
from typing import Any

import msgspec
from pydantic import SecretStr

from airflow_provider.secrets import seal
from airflow_provider.values import BYTES, native

LONG = 14_000
"""Bits of a whole number; Python refuses to read or write more than 4,300 digits, which are a little more."""

SIMPLE = 10
"""How deep a record may be nested to be written without a trial."""

DEEPEST = 200
"""Lists and objects that may be in each other. Python can follow several times as many, but how many depends
on where in the program it begins: what was read and sent could then not be written."""

_NESTING = (dict, list, tuple)
_SCALARS = {str, int, float, bool, type(None), msgspec.Raw}
# As JSON has them: NUL, half a surrogate pair, and what may be more than 64 bits.
_UNFIT = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])|[0-9]{19}")
_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder()
_EXACT_ENCODER = msgspec.json.Encoder(decimal_format="number")
_EXACT_DECODER = msgspec.json.Decoder(float_hook=Decimal)
_TOKEN_DECODER = msgspec.json.Decoder(float_hook=lambda token: msgspec.Raw(token.encode()))


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


def decode_exact(line: str | bytes) -> Any:
    """Read one JSON value, with numbers that have a fraction or an exponent as :class:`~decimal.Decimal`.

    :param line: the text of the value
    :raises ValueError: it is not JSON
    """
    try:
        return _EXACT_DECODER.decode(line)
    except (msgspec.MsgspecError, UnicodeError):
        return json.loads(line, parse_float=Decimal)


def decode_tokens(line: str | bytes) -> Any:
    """Read one JSON value, with numbers that have a fraction or an exponent as ``msgspec.Raw``: as written.

    :param line: the text of the value
    :raises ValueError: it is not JSON
    """
    try:
        return _TOKEN_DECODER.decode(line)
    except (msgspec.MsgspecError, UnicodeError):
        return json.loads(line, parse_float=lambda token: msgspec.Raw(token.encode()))


def decode_texts(line: str | bytes) -> Any:
    """Read one JSON value, with each number as a text, as it is written.

    :param line: the text of the value
    :raises ValueError: it is not JSON
    """
    return json.loads(line, parse_float=str, parse_int=str)


def encode_exact(value: Any) -> bytes:
    """Write a value as one line of JSON; a :class:`~decimal.Decimal` is a number with all its digits.

    :param value: the value, as a decoder has returned it
    """
    try:
        return _EXACT_ENCODER.encode(value)
    except (ValueError, TypeError, OverflowError):
        # Half of a surrogate pair: numbers become text, with their digits.
        return encode(value)


def encode(value: Any) -> bytes:
    """Write a value as one line of JSON, without the line break.

    What JSON has no form for is written as text: dates and times as ISO 8601, bytes that are UTF-8 as what
    they say, a whole ``Decimal`` without ``.00``, everything else as ``str`` shows it. A secret is sealed.
    NaN, NaT and infinity become null. Half of a surrogate pair is written as an escape, because UTF-8 has no
    form for it.

    :param value: the record, or a part of one
    :raises RecursionError: it is nested too deep, or has itself in it
    """
    try:
        return _ENCODER.encode(value if _is_plain(value) else to_plain(value))
    except (ValueError, TypeError, OverflowError, RecursionError):
        return json.dumps(to_plain(value), allow_nan=False).encode()


def to_plain(value: Any) -> Any:
    """Turn a value into what JSON has a form for, as :func:`encode` does.

    :param value: the record, or a part of one
    """
    kind = type(value)
    if kind is float:
        return value if math.isfinite(value) else None
    if kind is int and value.bit_length() > LONG:
        # Python's own limit of digits is not one of Decimal.
        return format(Decimal(value), "f")
    if kind is msgspec.Raw:
        return bytes(value).decode()
    if kind in _SCALARS:
        return value
    if isinstance(value, dict):
        return {_key(name): to_plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_plain(item) for item in value]
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        return to_plain(int(value))
    if isinstance(value, float):
        return to_plain(float(value))
    if isinstance(value, date):
        return value.isoformat() if value == value else None
    if isinstance(value, SecretStr):
        return seal(value)
    return _text(value)


def for_xcom(value: Any) -> Any:
    """Turn a value into what JSON, msgpack and the database of Airflow can hold, as :func:`encode` does.

    Airflow speaks msgpack to its tasks, and PostgreSQL refuses more than JSON does. So a NUL character and
    half of a surrogate pair become their escapes, six characters of text, and a whole number of more than 64
    bits becomes text.

    :param value: the record, or a part of one
    :raises RecursionError: it is nested too deep, or has itself in it
    """
    line = encode(value)
    plain = decode(line)
    return _fitted(plain) if _UNFIT.search(line) else plain


def is_too_deep(value: Any) -> bool:
    """Say whether a value has more than :data:`DEEPEST` lists and objects in each other, or itself in it.

    :param value: the record, or a part of one
    """
    level = [value] if isinstance(value, _NESTING) else []
    for _ in range(DEEPEST):
        # Each once, or two that have each other twice would be ever more.
        level = list(
            {
                id(part): part
                for one in level
                for part in (one.values() if isinstance(one, dict) else one)
                if isinstance(part, _NESTING)
            }.values()
        )
        if not level:
            return False
    return True


def is_storable(record: dict[str, Any]) -> bool:
    """Say whether a record can be written, to a file as to XCom; only one that is no plain data cannot.

    It may be nested too deep, have itself in it, or have a secret that cannot be sealed.

    :param record: the record
    """
    if _is_simple(record, SIMPLE):
        return True
    if is_too_deep(record):
        return False
    try:
        for_xcom(record)
    except Exception:
        return False
    return True


def _is_simple(value: Any, depth: int) -> bool:
    kind = type(value)
    parts = value.values() if kind is dict else value if kind is list else None
    if parts is None or depth == 0:
        return kind in _SCALARS
    if _SCALARS.issuperset(map(type, parts)):
        return True
    for part in parts:  # noqa: SIM110 - as in _is_plain
        if type(part) not in _SCALARS and not _is_simple(part, depth - 1):
            return False
    return True


def _fitted(value: Any) -> Any:
    kind = type(value)
    if kind is str:
        return value.replace("\0", "\\u0000").encode("utf-8", "backslashreplace").decode()
    if kind is int:
        return value if -(2**63) <= value < 2**64 else str(value)
    if kind is dict:
        return {_fitted(name): _fitted(item) for name, item in value.items()}
    return [_fitted(item) for item in value] if kind is list else value


def _text(value: Any) -> Any:
    if isinstance(value, Decimal):
        text = str(value)
        whole = value.is_finite() and "E" not in text and value == value.to_integral_value()
        return text.partition(".")[0] if whole else text
    if isinstance(value, BYTES):
        try:
            return bytes(value).decode()
        except UnicodeDecodeError:
            return str(bytes(value))
    # An Enum shows its own name, as it always did.
    own = value if isinstance(value, Enum) else native(value)
    return str(value) if own is value else to_plain(own)


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
