"""The CRM calls of wolkvox other than the token information: records, cases and collections."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider.sandbox.wolkvox.bodies import Body, Refusal
from airflow_provider.sandbox.wolkvox.case_endpoints import CaseEndpoints
from airflow_provider.sandbox.wolkvox.collection_endpoints import CollectionEndpoints
from airflow_provider.sandbox.wolkvox.forms import MULTIPART, URLENCODED, read_form
from airflow_provider.sandbox.wolkvox.module_endpoints import ModuleEndpoints
from airflow_provider.sandbox.wolkvox.query_endpoints import QueryEndpoints
from airflow_provider.sandbox.wolkvox.records import Records

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider.sandbox.clock import Clock
    from airflow_provider.sandbox.messages import Request
    from airflow_provider.sandbox.wolkvox.endpoints import Endpoint

ROOT = "server/API/v2/"
GROUPS = (ModuleEndpoints, QueryEndpoints, CaseEndpoints, CollectionEndpoints)


class Crm:
    """Find the endpoint of a path, and what a request brings to it.

    :param clock: the sandbox's clock
    :param switch: returns the value of one of wolkvox's switches
    :param seed: random for each run
    """

    def __init__(self, clock: Clock, switch: Callable[[str], Any], seed: str) -> None:
        self.switch = switch
        self.records = Records(clock, switch, seed)
        self.endpoints: dict[str, Endpoint] = {}
        for group in GROUPS:
            self.endpoints |= group(self.records, switch).table()

    def endpoint(self, path: str) -> Endpoint | None:
        """Return what serves a path, or None."""
        return self.endpoints.get(path.removeprefix(ROOT)) if path.startswith(ROOT) else None

    def answer(self, endpoint: Endpoint, operation: str, body: Body) -> Any:
        """Carry a call out.

        :raises Refusal: if it is refused
        """
        if self.switch("unknown_keys") == "refuse" and not endpoint.knows(body.values):
            raise Refusal("invalid_parameter")
        return endpoint.answer(operation, body)

    def body(self, endpoint: Endpoint, request: Request) -> Body:
        """Return the fields of a body; one of another kind than the path's has none."""
        return Body(self._fields(endpoint, request), self.switch)

    def _fields(self, endpoint: Endpoint, request: Request) -> dict[str, Any]:
        if endpoint.form:
            if request.media_type in (MULTIPART, URLENCODED):
                return read_form(request)
            if not self.switch("cases_accept_json"):
                return {}
        return request.json if isinstance(request.json, dict) else {}
