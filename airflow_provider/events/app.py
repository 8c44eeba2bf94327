"""The ASGI app that vendors reach: the same in Airflow's API server and in a process of its own."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from airflow_provider.events.answers import health, not_found
from airflow_provider.events.unlogged import Unlogged

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import ASGIApp

    from airflow_provider.events.callbacks import Callbacks
    from airflow_provider.events.receiver import Receiver

CALLBACKS = {"credit": ["GET", "POST"], "create": ["POST"]}
"""Calls that ask for something: the last part of their address, and their methods."""


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
        # Twice where the address that the vendor was given, and appends to, ends with a slash.
        paths = [
            f"/callbacks/{{conn_id}}{secret}{slash}{name}"
            for secret in ("", "/{secret}")
            for slash in ("/", "//")
        ]
        routes += [Route(path, answer, methods=methods) for path in paths]
    routes.append(Route("/health", health, methods=["GET"]))
    app = Starlette(routes=routes, exception_handlers={HTTPException: _plain_error})
    # A redirection would send the secret once more, in a header.
    app.router.redirect_slashes = False
    return Unlogged(app, receiver.connections.ids)


async def _plain_error(request: Request, error: Exception) -> Response:
    status: int = getattr(error, "status_code", 500)
    headers = getattr(error, "headers", None)
    return JSONResponse({"error": f"{HTTPStatus(status).phrase}."}, status_code=status, headers=headers)
