"""What a field of a connection may hold: each function reads one kind of value, or raises ValueError.

The error says what is expected, and quotes nothing of a value that may be a secret.

The module uses the standard library alone: ``import airflow`` loads it through ``get_provider_info``.
"""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

Parser = Callable[[Any], Any]


def text(value: Any) -> str:
    """Read a text."""
    return str(value).strip()


def number(minimum: float, *, whole: bool = False) -> Parser:
    """Make a reader of numbers, which may come as text from a URI.

    :param minimum: the smallest number allowed
    :param whole: whether it must be a whole number
    """
    expected = f"{'a whole' if whole else 'a'} number of at least {minimum:g}"

    def read(value: Any) -> float | int:
        try:
            result = int(str(value)) if whole else float(value)
            usable = math.isfinite(result) and result >= minimum
        except (TypeError, ValueError, OverflowError):
            raise ValueError(expected) from None
        if isinstance(value, bool) or not usable:
            raise ValueError(expected)
        return result

    return read


def port_number(value: Any) -> int:
    """Read a port."""
    port = int(value) if str(value).strip().isdecimal() else 0
    if not 0 < port < 65536:
        raise ValueError("a whole number from 1 to 65535")
    return port


def choice(*allowed: str) -> Parser:
    """Make a reader of one of some words, whatever their case."""

    def read(value: Any) -> str:
        for word in allowed:
            if str(value).strip().lower() == word.lower():
                return word
        raise ValueError("one of " + ", ".join(allowed))

    return read


def pattern(value: Any) -> str:
    """Read a regular expression."""
    try:
        re.compile(str(value))
    except re.error as error:
        raise ValueError(f"a regular expression (this one fails: {error})") from None
    return str(value)


WORDS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def flag(value: Any) -> bool:
    """Read true or false."""
    try:
        return WORDS[str(value).strip().lower()]
    except KeyError:
        raise ValueError("true or false") from None


def verification(value: Any) -> bool | str:
    """Read whether to verify certificates: true, false, or the path of a CA bundle."""
    given = str(value).strip()
    if given.lower() in WORDS:
        return WORDS[given.lower()]
    if not os.path.exists(given):
        raise ValueError("true, false, or the path of a file that is there")
    if os.path.isfile(given):
        import ssl

        try:
            ssl.create_default_context(cafile=given)
        except ssl.SSLError:
            raise ValueError("true, false, or the path of a file that has certificates") from None
        except OSError as error:
            raise ValueError(
                f"true, false, or the path of a file that can be read ({error.strerror})"
            ) from None
    return given


def proxy_url(value: Any) -> str:
    """Read the URL of a proxy."""
    given = str(value).strip()
    # What urlsplit raises quotes parts of the URL, and there is a password in it.
    try:
        parts = urlsplit(given)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    # A password with a slash or a # ends the host before its own @.
    if not good or "@" in f"{parts.path}?{parts.query}#{parts.fragment}":
        raise ValueError(
            "a URL like http://proxy.example.com:3128, where / ? # [ and ] of a password are written as %2F "
            "%3F %23 %5B and %5D"
        )
    return given


def url(value: Any) -> str:
    """Read the URL of an endpoint."""
    return _url(value, "http", "https")


def page_url(value: Any) -> str:
    """Read the URL of a page, which may have a query and a fragment of its own."""
    given = str(value).strip()
    try:
        url(re.split("[?#]", given, maxsplit=1)[0])
    except ValueError:
        given = ""
    if not given or re.search(r"\s", given):
        raise ValueError("a URL like https://host.example.com/path, without user")
    return given


def socket_url(value: Any) -> str:
    """Read the URL of a WebSocket."""
    return _url(value, "ws", "wss")


def _url(value: Any, *schemes: str) -> str:
    given = str(value).strip()
    try:
        parts = urlsplit(given)
        good = parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good or "@" in given or "?" in given or "#" in given or re.search(r"\s", given):
        raise ValueError(f"a URL like {schemes[-1]}://host.example.com/path, without user, ? or #")
    return given


def json_value(value: Any) -> Any:
    """Return what a field holds that a URI has as JSON text, and JSON as itself; None for neither."""
    try:
        return json.loads(value) if isinstance(value, str) else value
    except (ValueError, RecursionError):
        return None
