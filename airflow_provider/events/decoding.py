"""Decode what came by a socket, and make it fit for Airflow, whatever its sender wrote."""

from __future__ import annotations

import json
import math
from typing import Any, NoReturn

DEEPEST = 100
"""Levels that a message may have: what handles it later calls itself for each."""

_LARGEST = 2**63


class Unusable(ValueError):
    """A message that cannot be used.

    :param reason: why, in a word that metrics can have
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def decode(text: str) -> Any:
    """Decode a message: an object or a list.

    Numbers that Airflow cannot hand on become text: whole ones of more than 64 bits, and those that are too
    large for a double. NUL and halves of surrogate pairs, which no database stores, become question marks.

    :param text: the message
    :raises Unusable: it is not JSON, neither an object nor a list, or nested too deeply
    """
    try:
        value = json.loads(text, parse_constant=_refuse, parse_float=_float, parse_int=_int)
    except (ValueError, RecursionError):
        raise Unusable("not_json") from None
    if not isinstance(value, dict | list):
        raise Unusable("not_json_object")
    return _plain(value, DEEPEST)


def _plain(value: Any, deepest: int) -> Any:
    if not deepest:
        raise Unusable("too_deep")
    if isinstance(value, dict):
        return {_text(name): _plain(one, deepest - 1) for name, one in value.items()}
    if isinstance(value, list):
        return [_plain(one, deepest - 1) for one in value]
    return _text(value) if isinstance(value, str) else value


def _text(text: str) -> str:
    return text if text.isascii() and "\0" not in text else _stored(text)


def _stored(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8").replace("\0", "?")


def _float(text: str) -> float | str:
    value = float(text)
    return value if math.isfinite(value) else text[:100]


def _int(text: str) -> int | str:
    if len(text) > 20:
        return text[:1000]
    value = int(text)
    return value if -_LARGEST <= value < _LARGEST else text


def _refuse(text: str) -> NoReturn:
    raise ValueError(text)
