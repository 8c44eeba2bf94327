"""What a person sees in place of a part of the page: why not, and where to go on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import HTTPException
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute

from airflow_provider.pages.rendering import render

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from fastapi import Request, Response

TITLES = {
    401: "You are not logged in",
    403: "Not allowed",
    404: "Not there",
    422: "This address is not understood",
    503: "Not possible now",
}


class PageRoute(APIRoute):
    """An address of the page. Its refusals are pages, too: a browser shows them to a person."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return what answers a request."""
        handle = super().get_route_handler()

        async def answer(request: Request) -> Response:
            try:
                return await handle(request)
            except HTTPException as error:
                # Headers like WWW-Authenticate belong to the answer.
                return _refuse(request, error.status_code, str(error.detail), error.headers or {})
            except RequestValidationError:
                # Its own text quotes the values.
                return _refuse(request, 422, "A value is missing, too long, or not of its kind.", {})

        return answer


def _refuse(request: Request, status: int, text: str, headers: Any) -> Response:
    # Not who looks: they may not be logged in.
    title = TITLES.get(status, "Not possible")
    found = render(request, None, "refusal.html", status, title=title, text=text)
    found.headers.update(headers)
    return found
