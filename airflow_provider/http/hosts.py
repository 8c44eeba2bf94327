"""Where a vendor's API begins: host, schema and port of a connection make one URL.

The module uses the standard library alone: ``import airflow`` loads it through ``get_provider_info``.
"""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from airflow_provider.exceptions import InvalidInput
from airflow_provider.http.urls import DEFAULT_PORTS

if TYPE_CHECKING:
    from airflow.sdk import Connection


log = logging.getLogger(__name__)


def base_url(connection: Connection, *, label: str, host: str | None = None) -> str:
    """Build the base URL from host, schema and port, where the host may be a full URL with a path.

    :param connection: the Airflow connection
    :param label: the form label of the host
    :param host: the host to use in place of the connection's own
    :raises InvalidInput: there is no host, or it cannot be one
    """
    given = (host or connection.host or "").strip().rstrip("/")
    if not given:
        raise InvalidInput(f'"{label}" is missing.', field=label, remedy="Fill it in (host).")
    scheme = _scheme(connection)
    if _ipv6(given):
        given = f"[{given}]"
    url = given if "://" in given else f"{scheme}://{given}"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    name = parts.hostname or ""
    # "https://https://host" is a mistake that a vendor's own help page warns of.
    bad = parts.scheme not in ("http", "https") or not name or name in ("http", "https") or port == 0
    if "[" in parts.netloc:
        # As the HTTP libraries write it.
        address = _ipv6(name)
        bad = bad or not address or not re.fullmatch(r"\[[^]]*\](:\d*)?", parts.netloc)
        name = f"[{address}]"
    else:
        # A label may have up to 63 characters.
        bad = bad or not all(0 < len(label) < 64 for label in name.split("."))
    bad = bad or not url.isprintable()
    if bad or parts.query or parts.fragment or "@" in parts.netloc or re.search(r"\s", url):
        raise InvalidInput(
            f'"{label}" is not a host or a URL ({len(given)} characters of text).',
            field=label,
            remedy=(
                "Write a host name, or a URL like https://host.example.com/path without user, ? or #. An "
                "IPv6 address has no zone (%), and stands in brackets where a port or a path follows."
            ),
        )
    own = connection.port or None
    if port and own and port != own:
        log.warning(
            'Connection "%s" (%s): "%s" has port %s, and "Port" is %s. The first one counts.',
            connection.conn_id,
            connection.conn_type,
            label,
            port,
            own,
        )
    # The port is stored for the Test button: the usual one makes no other URL than none.
    port = port or (own if own != DEFAULT_PORTS[parts.scheme] else None)
    # Scheme and host in lower case, as the HTTP libraries write them.
    return f"{parts.scheme}://{name}{f':{port}' if port else ''}{parts.path}"


def is_ipv6(host: str) -> bool:
    """Say whether a host is meant as an IPv6 address, with or without brackets and a port.

    :param host: the host
    """
    return host.startswith("[") or host.count(":") > 1


def _ipv6(text: str) -> str:
    """Return an IPv6 address in its usual form; empty where it is none, or has a zone of one machine."""
    import ipaddress

    try:
        address = ipaddress.IPv6Address(text)
    except ValueError:
        return ""
    return "" if address.scope_id else address.compressed


def _scheme(connection: Connection) -> str:
    """Read the schema: Airflow also puts the path of a connection URI there, which must not get lost."""
    given = (connection.schema or "").strip().strip("/")
    scheme = given.lower().removesuffix(":")
    if scheme in ("", "http", "https"):
        return scheme or "https"
    raise InvalidInput(
        f'"Schema" is neither http nor https ({len(given)} characters of text). Airflow also puts the path '
        "of a connection URI there.",
        field="Schema",
        remedy=(
            "Leave it empty. A path belongs to the host, which may be a full URL; in a connection URI it is "
            "encoded, like https%3A%2F%2Fhost.example.com%2Fpath."
        ),
    )
