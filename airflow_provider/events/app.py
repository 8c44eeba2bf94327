"""The ASGI app that vendors reach: the same in Airflow's API server and in a process of its own."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from airflow_provider.events.answers import health, not_found

if TYPE_CHECKING:
    from collections.abc import Collection, MutableMapping

    from starlette.requests import Request
    from starlette.types import ASGIApp, Receive, Scope, Send

    from airflow_provider.events.callbacks import Callbacks
    from airflow_provider.events.receiver import Receiver

PREFIX = "/vendor-apis"
"""Where the app is mounted."""

CALLBACKS = {"credit": ["GET", "POST"], "create": ["POST"]}
"""Calls that ask for something: the last part of their address, and their methods."""

HEALTH = ("/health", "/health/")

_BEGINNING = re.compile(r"/(?:webhooks|callbacks)/([^/]*)")


def receiver_app(receiver: Receiver, callbacks: Callbacks | None = None) -> ASGIApp:
    """Make the app of what vendors send.

    :param receiver: answers deliveries
    :param callbacks: answers calls that ask for something; None: they are not there
    """
    routes = [
        Route(f"/webhooks/{{conn_id}}{slash}", receiver.webhook, methods=["POST"]) for slash in ("", "/")
    ]
    for name, methods in CALLBACKS.items():
        answer = callbacks.answering(name) if callbacks else not_found
        paths = [f"/callbacks/{{conn_id}}{secret}/{name}" for secret in ("", "/{secret}")]
        routes += [Route(path, answer, methods=methods) for path in paths]
    routes.append(Route("/health", health, methods=["GET"]))
    app = Starlette(routes=routes, exception_handlers={HTTPException: _plain_error})
    # A redirection would send the secret once more, in a header.
    app.router.redirect_slashes = False
    return Unlogged(app, receiver.connections.ids)


class Unlogged:
    """Keeps what may be secret out of the server's log, which reads the request when it has ended.

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
        scope["path"] = f"{path.removesuffix(below)}{clear}/***"
        scope["raw_path"] = scope["path"].encode("ascii", "backslashreplace")
    if scope.get("query_string"):
        scope["query_string"] = b"***"


async def _plain_error(request: Request, error: Exception) -> Response:
    status: int = getattr(error, "status_code", 500)
    headers = getattr(error, "headers", None)
    return JSONResponse({"error": f"{HTTPStatus(status).phrase}."}, status_code=status, headers=headers)
