"""Answers that every sender gets alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response

if TYPE_CHECKING:
    from starlette.requests import Request

LATER = 5
"""Seconds after which to send again where nothing is known."""

CHALLENGE = {"WWW-Authenticate": 'Basic realm="vendor-apis", charset="UTF-8"'}

SKIPPED = 65536
"""Bytes of a refused body that the server may skip to keep the TCP connection."""


def error(request: Request, status: int, reason: str, headers: dict[str, str] | None = None) -> Response:
    """Answer with an error.

    :param request: the request
    :param status: the HTTP status
    :param reason: why, without anything that came
    :param headers: more headers
    """
    answer = JSONResponse({"error": reason}, status_code=status, headers=headers)
    if status == 408 or not _is_skippable(request):
        # Otherwise the server would go on reading what nobody wants.
        answer.headers["Connection"] = "close"
    return answer


def unauthorized(request: Request) -> Response:
    """Answer one who has not shown the secret: the same for every reason."""
    return error(request, 401, "Unauthorized.", CHALLENGE)


def later(request: Request, seconds: int = LATER) -> Response:
    """Ask to send it again.

    :param request: the request
    :param seconds: after which
    """
    return error(request, 503, "Unavailable: send it again later.", {"Retry-After": str(seconds)})


def gone() -> Response:
    """Answer one who has hung up: nobody reads it."""
    return Response(status_code=400)


async def not_found(request: Request) -> Response:
    """Answer a call for something that is not there."""
    return error(request, 404, "Not found.")


async def health(request: Request) -> Response:
    """Say that the process answers; nothing else is looked at."""
    return JSONResponse({"status": "ok"})


def _is_skippable(request: Request) -> bool:
    """Say whether the rest of a body is short, and its end known."""
    headers: Any = request.headers
    if "transfer-encoding" in headers:
        return False
    length = headers.get("content-length", "0")
    return bool(length.isdecimal()) and len(length) < 10 and int(length) <= SKIPPED
