"""mPOHODA simulated: signing in, the quota, and the 87 operations."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from airflow_provider.sandbox.messages import Answer, Request, text_answer
from airflow_provider.sandbox.mpohoda.control import MpohodaControl
from airflow_provider.sandbox.mpohoda.operations import Operations
from airflow_provider.sandbox.mpohoda.parts import Parts
from airflow_provider.sandbox.mpohoda.problems import problem_answer
from airflow_provider.sandbox.mpohoda.resources import Operation, route
from airflow_provider.sandbox.mpohoda.switches import SWITCHES
from airflow_provider.sandbox.mpohoda.wire import Problem
from airflow_provider.sandbox.vendor import Vendor

if TYPE_CHECKING:
    from airflow_provider.sandbox.mpohoda.quota import Headers

ROOT = "v1/"
TOKEN_PATH = "connect/token"  # noqa: S105 - a path, no token


class Mpohoda(Vendor):
    """One company of mPOHODA Pro."""

    name = "mpohoda"
    switches = SWITCHES

    def reset(self) -> None:
        """Forget all but the code lists."""
        self.parts = Parts(self.clock, self.journal, self.switch, self.seed)
        self.operations = Operations(self.parts)
        self.calls: Counter[str] = Counter()
        self.problems = 0

    def switched(self) -> None:
        """Write dates and nulls as the switches say, and take the country's rates."""
        self.parts.switched()

    def state(self) -> dict[str, Any]:
        """Return counts of records, the quota, the tokens that are valid and the calls of each operation."""
        return {
            "records": self.parts.company.records.counts(),
            "quota": self.parts.quota.as_json(),
            "tokens": self.parts.authority.live(),
            "calls": dict(self.calls),
        }

    def connections(self, url: str) -> dict[str, dict[str, Any]]:
        """Return ``mpohoda_default`` with the API key, and ``mpohoda_oauth`` with a client."""
        extra: dict[str, Any] = {"country": self.switch("country")}
        if self.switch("mcal_extensions"):
            extra["mcal_extensions"] = self.switch("mcal_extensions")
        common = {"conn_type": "mpohoda", "host": url}
        return {
            "mpohoda_default": {**common, "password": self.switch("api_key"), "extra": extra},
            "mpohoda_oauth": {
                **common,
                "login": self.switch("client_id"),
                "password": self.switch("client_secret"),
                "extra": {**extra, "oauth_url": f"{url}/{TOKEN_PATH}"},
            },
        }

    def control(self, method: str, path: str, value: Any) -> Any:
        """Add, show and remove records, and do what people do in the application."""
        return MpohodaControl(self.parts).serve(method, path, value)

    def maintenance(self) -> Answer:
        """Return the configured maintenance answer."""
        return text_answer(self.switch("maintenance_status"), self.switch("maintenance_body"))

    def arrive(self, request: Request) -> Answer | None:
        """Turn away what is too much in a minute or at a time."""
        headers = self.parts.quota.throttled()
        if headers is None:
            return None
        return self._refusal(Problem(429, "Too many requests at a time."), headers)

    def leave(self, request: Request) -> None:
        """Count one request less."""
        self.parts.quota.leave()

    def serve(self, request: Request) -> Answer:
        """Serve the token endpoint, or an operation within the quota."""
        if request.path == TOKEN_PATH:
            self.calls["token"] += 1
            if self.switch("count_token_requests"):
                self.parts.quota.spend(self.switch("client_id"))
            return self.parts.authority.answer(request)
        if not request.path.startswith(ROOT):
            return self._refusal(Problem(404, "There is no such path."))
        credential = ""
        try:
            credential = self.parts.authority.credential(request)
            self.parts.quota.refuse_exhausted(credential)
            operation, id_ = self._operation(request)
            self.calls[f"{operation.method} {operation.template}"] += 1
            answer = self.operations.answer(operation, id_, request)
            counts = self.switch("count_files") or not operation.file
        except Problem as problem:
            answer = self._refusal(problem)
            counts = self._counts(problem.status)
        if counts:
            self.parts.quota.spend(credential or "nobody")
        headers = self.parts.quota.headers(credential, answer.status)
        return Answer(answer.status, answer.body, answer.headers + headers)

    def _operation(self, request: Request) -> tuple[Operation, str]:
        methods, id_ = route(request.path.removeprefix(ROOT))
        if not methods:
            raise Problem(404, "There is no such path.")
        operation = methods.get(request.method)
        if operation is None:
            raise Problem(405, f"Send {' or '.join(methods)}.")
        forbidden = self.switch("forbidden_resources")
        names = [name.strip() for name in forbidden.split(",")] if forbidden else ()
        if operation.resource.name in names or "*" in names:
            raise Problem(403, f"The right to {operation.resource.name} is missing.")
        return operation, id_

    def _counts(self, status: int) -> bool:
        switch = {401: "count_unauthorized", 403: "count_forbidden", 429: "count_exhausted"}
        return bool(self.switch(switch.get(status, "count_errors")))

    def _refusal(self, problem: Problem, headers: Headers = ()) -> Answer:
        self.problems += 1
        answer = problem_answer(problem, self.switch, self.problems)
        if problem.status == 401 and self.switch("www_authenticate"):
            headers += ((b"www-authenticate", b"Bearer"),)
        return Answer(answer.status, answer.body, answer.headers + headers)


VENDOR = Mpohoda
