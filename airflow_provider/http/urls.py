"""Parts of URLs, for modules that must not import an HTTP library. The standard library alone."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, quote, urlencode, urljoin, urlsplit, urlunsplit

if TYPE_CHECKING:
    from collections.abc import Mapping
    from urllib.parse import SplitResult

DEFAULT_PORTS = {"http": 80, "https": 443}


def segment(text: str) -> str:
    """Encode a text as one segment of a path.

    :param text: the text
    """
    return quote(text, safe="")


def without_parameter(url: str, name: str) -> str:
    """Return a URL without one of its query parameters.

    :param url: the URL
    :param name: name of the parameter
    :raises ValueError: it cannot be a URL
    """
    parts = urlsplit(url)
    query = [pair for pair in parse_qsl(parts.query, keep_blank_values=True) if pair[0] != name]
    return urlunsplit(parts._replace(query=urlencode(query)))


def root_of(url: str, scheme: str) -> str:
    """Return the root of a URL's host under another scheme.

    :param url: the URL
    :param scheme: the scheme, like ``wss``
    """
    return f"{scheme}://{urlsplit(url).netloc}/"


def turned_slash(url: str, query: Mapping[str, str], location: str) -> bool:
    """Say whether a redirect changes nothing but the final slash of the path.

    :param url: where the request went, without its query
    :param query: what was sent as its query, secrets included
    :param location: where the server points; it may leave the query out, and adds nothing to it
    """
    try:
        here, there = urlsplit(url), urlsplit(urljoin(url, location))
        same_place = _place(here) == _place(there) and "@" not in there.netloc
        sent = parse_qsl(there.query, keep_blank_values=True, strict_parsing=bool(there.query))
    except ValueError:
        return False
    short, long = sorted((here.path, there.path), key=len)
    return same_place and long == f"{short}/" and set(sent) <= set(query.items())


def _place(parts: SplitResult) -> tuple[str, str | None, int | None]:
    return parts.scheme, parts.hostname, parts.port or DEFAULT_PORTS.get(parts.scheme)
