"""The body of a delivery: read within limits, and JSON that every database can hold or a refusal."""

from __future__ import annotations

import asyncio
import json
import math
import re
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from starlette.requests import Request

SECONDS = 20.0
"""How long a body may take to come."""

DEPTH = 64
"""How deep objects and lists may be nested."""

DIGITS = 40
"""Digits of a whole number: enough for every id, and for what databases and browsers can read."""

# A surrogate alone is no text, and a database's text cannot hold a zero.
_UNUSABLE = re.compile("[\x00\ud800-\udfff]")


class Refused(Exception):
    """A request that is answered with an error of the sender's.

    :param status: the HTTP status
    :param reason: why, for the sender: without anything that came
    """

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


async def read_body(request: Request, limit: int, seconds: float = SECONDS) -> bytes:
    """Read a request's body, and no more of it than is allowed.

    :param request: the request
    :param limit: the longest body, in bytes
    :param seconds: how long it may take
    :raises Refused: it is too long, too slow, or encoded
    """
    encoding = request.headers.get("content-encoding", "").strip().lower()
    if encoding not in ("", "identity"):
        # Nothing is unpacked: a few bytes can become gigabytes.
        raise Refused(415, "Content-Encoding is not supported: send the body as it is.")
    told = request.headers.get("content-length", "")
    if told.isdecimal() and int(told[:20]) > limit:
        raise _too_long(limit)
    found = bytearray()
    try:
        async with asyncio.timeout(seconds):
            async for piece in request.stream():
                found += piece
                if len(found) > limit:
                    raise _too_long(limit)
    except TimeoutError:
        raise Refused(408, "The body did not come in time.") from None
    return bytes(found)


def read_object(body: bytes, *, exact: bool = False) -> dict[str, Any]:
    """Read a body that must be one JSON object.

    What JSON parsers read in different ways is refused: a name twice, numbers that are none, text that is
    not UTF-8.

    :param body: the body
    :param exact: whether numbers with a point or an exponent are read as decimals, digit by digit
    :raises Refused: it is something else
    """
    try:
        found = (_EXACT if exact else _DECODER).decode(body.decode("utf-8"))
    except UnicodeDecodeError:
        raise _no_object("it is not UTF-8") from None
    except RecursionError:
        raise _too_deep() from None
    except ValueError as error:
        # Ours say what is wrong in words of their own; those of json are about its syntax.
        raise _no_object(str(error) if type(error) is _Unusable else "it is not JSON") from None
    if not isinstance(found, dict):
        raise _no_object("it is another JSON value")
    _check(found)
    return found


class _Unusable(ValueError):
    pass


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _Unusable("an object has a name twice")
    return found


def _whole(text: str) -> int:
    if len(text) > DIGITS:
        raise _Unusable(f"a whole number has more than {DIGITS} digits")
    return int(text)


def _fraction(text: str) -> float:
    found = float(text)
    if not math.isfinite(found):
        raise _Unusable("a number is too large")
    return found


def _decimal(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        raise _Unusable("a number is too large") from None


def _constant(_: str) -> NoReturn:
    raise _Unusable("NaN and Infinity are no JSON")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_whole, parse_float=_fraction, parse_constant=_constant
)

_EXACT = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_whole, parse_float=_decimal, parse_constant=_constant
)


def as_floats(value: Any) -> Any:
    """Return what was read exactly as it would have been read otherwise; what is no float becomes a text.

    :param value: what was read
    """
    if isinstance(value, dict):
        return {name: as_floats(one) for name, one in value.items()}
    if isinstance(value, list):
        return [as_floats(one) for one in value]
    if isinstance(value, Decimal):
        return found if math.isfinite(found := float(value)) else f"{value:.5e}"
    return value


def _check(body: dict[str, Any]) -> None:
    """Look at every text, and at how deep it goes; without calls, so that nothing can be too deep for it."""
    level: list[Any] = [body]
    for _ in range(DEPTH):
        below: list[Any] = []
        for value in level:
            for one in (*value, *value.values()) if isinstance(value, dict) else value:
                if isinstance(one, str):
                    if _UNUSABLE.search(one):
                        raise _no_object("a text has a lone surrogate or a zero character")
                elif isinstance(one, dict | list):
                    below.append(one)
        if not below:
            return
        level = below
    raise _too_deep()


def _no_object(fault: str) -> Refused:
    return Refused(400, f"The body must be a JSON object: {fault}.")


def _too_deep() -> Refused:
    return _no_object(f"it is nested deeper than {DEPTH} levels")


def _too_long(limit: int) -> Refused:
    return Refused(413, f"The body is longer than {limit} bytes.")
