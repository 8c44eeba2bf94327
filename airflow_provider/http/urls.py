"""Parts of URLs, for modules that must not import an HTTP library. The standard library alone."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, quote, unquote_plus, urlencode, urlsplit, urlunsplit

if TYPE_CHECKING:
    from collections.abc import Mapping


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


def with_query(url: str, values: Mapping[str, str]) -> str:
    """Return a URL with parameters added to its query.

    What the query has already stays as it is written, but for parameters of the same names: those are
    replaced. A blank becomes ``%20``, which every reader understands, in a query and elsewhere.

    :param url: an absolute URL, which may have a query and a fragment
    :param values: the parameters, in clear
    """
    scheme, host, path, query, fragment = urlsplit(url)
    kept = [part for part in query.split("&") if part and unquote_plus(part.partition("=")[0]) not in values]
    added = [f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in values.items()]
    return urlunsplit((scheme, host, path or "/", "&".join([*kept, *added]), fragment))
