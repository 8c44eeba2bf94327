"""What may be secret is kept out of the server's log, which reads a request when it has ended."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, MutableMapping

    from starlette.types import ASGIApp, Receive, Scope, Send

PREFIX = "/vendor-apis"
"""Where the app of what vendors send is mounted."""

HEALTH = ("/health", "/health/")

_BEGINNING = re.compile(r"/(?:webhooks|callbacks)/([^/]*)")

# What a vendor's address is taken for where it is not quite right: a slash too many, capitals, another mark,
# the path of a proxy in front of it. In the last form a proxy has taken away too much.
_STRAY = re.compile(
    r"(?:.*?/vendor[-_. ]?apis?|/*/(?:webhooks|callbacks))(?=/+[^/])", re.IGNORECASE | re.DOTALL
)

_SECRET = re.compile(rb"(?:^|&)(?:secret|hash)=", re.IGNORECASE)


class Unlogged:
    """Keeps what may be secret out of the server's log.

    The app gets a copy of the request; the server's own has no query, and three asterisks in place of parts
    of the path that may be a secret: in an address that somebody has mixed up, that may be any part.

    :param app: the app
    :param conn_ids: the connections that are served
    """

    def __init__(self, app: ASGIApp, conn_ids: Collection[str]) -> None:
        self._app = app
        self._conn_ids = frozenset(conn_ids)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        inner = dict(scope)
        hide(scope, self._conn_ids)
        await self._app(inner, receive, send)


def hide(scope: MutableMapping[str, Any], conn_ids: Collection[str]) -> None:
    """Take out of a request what may be a secret.

    :param scope: the request, as ASGI has it; changed in place
    :param conn_ids: the connections that are served: these are no secrets
    """
    root = scope.get("root_path", "")
    path = scope["path"]
    below = path.removeprefix(root)
    beginning = _BEGINNING.match(below)
    clear = beginning[0] if beginning and beginning[1] in conn_ids else ""
    if below.removeprefix(clear) not in ("", "/") and below not in HEALTH:
        path = f"{path.removesuffix(below)}{clear}/***"
    _overwrite(scope, path)


class StraysUnlogged:
    """Keeps out of Airflow's log what was to reach us, and has an address that is not quite right.

    Airflow answers it as it answers any address.

    :param app: the API server
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        inner = scope
        if scope["type"] == "http" and (path := _path_of_stray(scope)) is not None:
            inner = dict(scope)
            _overwrite(scope, path)
        await self._app(inner, receive, send)


def _path_of_stray(scope: Scope) -> str | None:
    """Return the path that may be logged of an address that is not quite right.

    :param scope: the request
    :return: None where the address is right, or another's
    """
    root: str = scope.get("root_path", "")
    path: str = scope["path"]
    below = path.removeprefix(root)
    if below.startswith(f"{PREFIX}/"):
        return None
    if found := _STRAY.match(below):
        return f"{path.removesuffix(below)}{found[0]}/***"
    return path if _SECRET.search(scope.get("query_string", b"")) else None


def _overwrite(scope: MutableMapping[str, Any], path: str) -> None:
    if path != scope["path"]:
        scope["path"] = path
        scope["raw_path"] = path.encode("ascii", "backslashreplace")
    if scope.get("query_string"):
        scope["query_string"] = b"***"
