"""The smallest client of the simulated Mobadoo, and a customer who receives what it sends."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

from requests import Response
from websockets.sync.client import ClientConnection, connect

from tests.support.sandbox import SandboxProcess
from tests.support.servers import serving

TOKEN = "sandbox-stage-token"
PRODUCTION = "sandbox-production-token"
SECRET = "sandbox-webhook-secret"


class Mobadoo:
    """Call the API with the token of stage, and the control API.

    :param sandbox: where it runs
    """

    def __init__(self, sandbox: SandboxProcess) -> None:
        self.sandbox = sandbox

    def call(self, method: str, path: str, root: str = "api/v1/", **options: Any) -> Response:
        options.setdefault("params", {})
        options["params"] = {"token": TOKEN, **options["params"]}
        options["params"] = {name: one for name, one in options["params"].items() if one is not None}
        url = f"{self.sandbox.url}/mobadoo/{root}{path}"
        return self.sandbox.http.request(method, url, timeout=60, allow_redirects=False, **options)

    def get(self, path: str, **query: Any) -> Response:
        return self.call("GET", path, params=query)

    def json(self, path: str, **query: Any) -> Any:
        response = self.get(path, **query)
        assert response.status_code == 200, response.text
        return response.json()

    def matches(self, videogame: str = "lol", **query: Any) -> list[dict[str, Any]]:
        return self.json(f"{videogame}/match/", **query)["results"]

    def ids(self, videogame: str = "lol", **query: Any) -> list[int]:
        return [match["id"] for match in self.matches(videogame, **query)]

    def post(self, path: str, body: Any = None) -> Response:
        return self.call("POST", f"wallet/ticket/{path}", json=body)

    def create(self, transaction_id: Any = "T1", odds: Any = None, **fields: Any) -> Response:
        tip = {"product_type": "odds", "bet_amount": 10.0, **({} if odds is None else {"odds": odds})}
        return self.post("create", {"transaction_id": transaction_id, "uuid": "ada", "tips": [tip], **fields})

    def state_of(self, transaction_id: Any = "T1") -> str:
        return self.json(f"wallet/ticket/{transaction_id}")["state"]

    # control

    def switch(self, **values: Any) -> None:
        self.sandbox.switch({f"mobadoo.{name}": value for name, value in values.items()})

    def control(self, path: str, method: str = "POST", /, **value: Any) -> Any:
        return self.sandbox.control(method, f"mobadoo/{path}", value or None)

    def refused(self, path: str, **value: Any) -> str:
        response = self.sandbox.post(f"/_sandbox/mobadoo/{path}", value)
        assert response.status_code == 400, response.text
        return response.json()["error"]

    def move(self, match: int, status: str, **more: Any) -> dict[str, Any]:
        return self.control("matches/change", id=match, status=status, **more)

    def price(self, odds: int, status: str | None = None, **more: Any) -> Any:
        return self.control("odds", id=odds, **({} if status is None else {"status": status}), **more)

    def webhook(self) -> dict[str, Any]:
        return self.control("webhook", "GET")

    def deliver(self, **manner: Any) -> list[dict[str, Any]]:
        return self.control("webhook/deliver", **manner)["deliveries"]

    def call_back(self, *calls: dict[str, Any], **manner: Any) -> list[dict[str, Any]]:
        return self.control("callbacks", calls=list(calls), **manner)["outcomes"]

    # WebSocket

    def socket(self, query: str = f"?token={TOKEN}", **options: Any) -> ClientConnection:
        """Open a socket, and wait until the sandbox has seen it."""
        url = f"{self.sandbox.url.replace('http', 'ws')}/mobadoo/{query}"
        return connect(url, proxy=None, open_timeout=10, close_timeout=2, **options)

    def listening(self, socket: ClientConnection) -> list[Any]:
        """Push a mark, and return what came before it."""
        self.control("ws/push", message={"mark": True})
        found = []
        while (message := json.loads(socket.recv(timeout=10))) != {"mark": True}:
            found.append(message)
        return found


class Customer:
    """Who receives webhooks and callbacks.

    :param url: where
    """

    def __init__(self) -> None:
        self.url = ""
        self.received: list[dict[str, Any]] = []
        self.statuses: list[int] = []
        self.answers: dict[str, Any] = {}
        self.arrived = threading.Condition()
        self.together: threading.Barrier | None = None

    def __call__(
        self, method: str, path: str, headers: dict[str, str], body: bytes
    ) -> tuple[int, dict[str, str], bytes]:
        if self.together is not None:
            self.together.wait(timeout=10)
        parts = urlsplit(path)
        basic = headers.get("authorization", "").removeprefix("Basic ")
        with self.arrived:
            self.received.append(
                {
                    "method": method,
                    "path": parts.path,
                    "query": {name: values[0] for name, values in parse_qs(parts.query).items()},
                    "basic": base64.b64decode(basic).decode() if basic else None,
                    "type": headers.get("content-type"),
                    "text": body.decode(),
                }
            )
            status = self.statuses.pop(0) if self.statuses else 200
            self.arrived.notify_all()
        answer = self.answers.get(parts.path.rpartition("/")[2], {"state": "OK", "transaction_id": "OP-1"})
        if status == 204:
            return status, {}, b""
        return status, {}, answer if isinstance(answer, bytes) else json.dumps(answer).encode()

    @property
    def bodies(self) -> list[Any]:
        return [json.loads(one["text"]) for one in self.received if one["text"]]

    def wait_for(self, count: int) -> None:
        with self.arrived:
            assert self.arrived.wait_for(lambda: len(self.received) >= count, timeout=10), self.received


@contextmanager
def a_customer() -> Iterator[Customer]:
    found = Customer()
    handler: Callable[..., Any] = found
    with serving(handler) as server:
        found.url = server.url
        yield found
