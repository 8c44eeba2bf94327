"""Parts of URLs, for modules that must not import an HTTP library. The standard library alone."""

from __future__ import annotations

from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit


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
