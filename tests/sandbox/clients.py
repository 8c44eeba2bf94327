"""The smallest clients of the simulated vendors: what a person would type."""

from __future__ import annotations

import json
import socket
import time
from typing import Any
from urllib.parse import urlsplit

from requests import Response

from tests.support.sandbox import SandboxProcess

TOKEN_INFORMATION = "/wolkvox/server/API/v2/token/tokenInformation.php"
USER = {"platform": "airflow", "deviceName": "batch", "hardwareId": "worker-1", "osVersion": "1.0"}
TOKEN = {"virtual_user": "ada", "bot_idsha": "bot-1", "mail": "ada@example.com"}


def imbee(sandbox: SandboxProcess, path: str, body: Any, key: str | None = None, **headers: Any) -> Response:
    """Post to Imbee with the printed credentials; ``headers`` replace them, None leaves one out."""
    connection = json.loads(sandbox.connections["AIRFLOW_CONN_IMBEE_DEFAULT"])
    sent = {
        "Authorization": connection["password"],
        "X-WOOS-KEY": key or connection["extra"]["corporate_token"],
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    return sandbox.post(f"/imbee/{path}", body, headers=sent)


def new_user(sandbox: SandboxProcess, unique: str = "a94a", **changes: Any) -> dict[str, Any]:
    """Create a user and return the envelope."""
    return imbee(sandbox, "third_parties/user/new", {"uniqueIdSha": unique, **USER, **changes}).json()


def new_token(sandbox: SandboxProcess, **changes: Any) -> dict[str, Any]:
    """Create an access token and return the envelope; None leaves a parameter out."""
    body = {name: value for name, value in {**TOKEN, **changes}.items() if value is not None}
    return imbee(sandbox, "token/new", body).json()


def new_chat(sandbox: SandboxProcess, apikey: str, *contacts: str, **changes: Any) -> dict[str, Any]:
    """Create a chat and return the envelope."""
    body = {"type": "chat", "contacts": [{"idsha": contact} for contact in contacts], **changes}
    return imbee(sandbox, "chat/create", body, key=apikey).json()


def default_token(sandbox: SandboxProcess) -> str:
    """Return the printed Wolkvox-Token."""
    return json.loads(sandbox.connections["AIRFLOW_CONN_WOLKVOX_DEFAULT"])["password"]


def information(
    sandbox: SandboxProcess,
    token: str | None = "",
    operation: str | None = "demo_operation",
    method: str = "GET",
    path: str = TOKEN_INFORMATION,
    **headers: str,
) -> Response:
    """Ask wolkvox for the token information; an empty token is the printed one, None sends none."""
    if token == "":
        token = default_token(sandbox)
    return sandbox.http.request(
        method,
        sandbox.url + path,
        params={"operation": operation},
        headers={
            "Wolkvox-Token": token,
            **{name.replace("_", "-"): value for name, value in headers.items()},
        },
        timeout=30,
    )


def quota(sandbox: SandboxProcess, number: int = 0) -> dict[str, Any]:
    """Return a token's quota from the state, which costs nothing."""
    return sandbox.state()["wolkvox"]["tokens"][number]


class HangingRequest:
    """A request over a connection of its own; the block begins once the sandbox has received it."""

    def __init__(
        self, sandbox: SandboxProcess, method: str, path: str, headers: dict[str, str], body: bytes = b""
    ) -> None:
        self.sandbox = sandbox
        sent = {"Host": "sandbox", "Content-Length": len(body), **headers}
        lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in sent.items()), "", ""]
        self.bytes = "\r\n".join(lines).encode() + body

    def __enter__(self) -> HangingRequest:
        before = len(self.sandbox.requests())
        address = urlsplit(self.sandbox.url)
        self.socket = socket.create_connection((address.hostname, address.port), timeout=10)
        self.socket.sendall(self.bytes)
        until = time.monotonic() + 10
        while len(self.sandbox.requests()) == before:
            assert time.monotonic() < until, "The sandbox never received the request"
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()
