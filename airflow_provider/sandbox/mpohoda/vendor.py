"""mPOHODA simulated: as much as a connection needs to be tried out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider.sandbox.messages import Answer, Request, json_answer
from airflow_provider.sandbox.vendor import Vendor

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider.sandbox.switches import Switch

API_KEY = "sandbox-api-key"


class Mpohoda(Vendor):
    """The list of currencies, for the API key alone."""

    name = "mpohoda"
    switches: Sequence[Switch] = ()  # type: ignore[misc]

    def reset(self) -> None:
        """Forget nothing: there is nothing."""

    def state(self) -> dict[str, Any]:
        """Return no counts."""
        return {}

    def connections(self, url: str) -> dict[str, dict[str, Any]]:
        """Return the connection ``mpohoda_default``."""
        return {"mpohoda_default": {"conn_type": "mpohoda", "host": url, "password": API_KEY}}

    def maintenance(self) -> Answer:
        """Return 503."""
        return json_answer(503, {"title": "Service Unavailable", "status": 503})

    def serve(self, request: Request) -> Answer:
        """Serve the currencies."""
        if request.headers.get("api-key") != API_KEY:
            return json_answer(401, {"title": "Unauthorized", "status": 401})
        if (request.method, request.path) != ("GET", "v1/Currencies"):
            return json_answer(404, {"title": "Not Found", "status": 404})
        return json_answer(200, {"Items": [], "TotalItemCount": 0, "Pagination": None})


VENDOR = Mpohoda
