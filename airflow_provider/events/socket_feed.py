"""A WebSocket of any Airflow connection that has a URL and a secret."""

from __future__ import annotations

import asyncio
import importlib
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

from airflow_provider.events.feed import Told, pattern_of, without
from airflow_provider.events.stream import Target
from airflow_provider.exceptions import InvalidInput

if TYPE_CHECKING:
    import re
    from datetime import datetime

    from airflow.sdk import Connection

    from airflow_provider.events.message import Message
    from airflow_provider.events.stream import Gap

SECRET = "{secret}"  # noqa: S105 - what stands for it
SCHEMES = {"ws": "ws", "wss": "wss", "http": "ws", "https": "wss"}


class SocketFeed:
    """The socket of a connection: host, port, schema (``ws`` or ``wss``) and password.

    :param values: what a :class:`~airflow_provider.events.triggers.WebSocketEventTrigger` is made of
    """

    def __init__(self, values: dict[str, Any]) -> None:
        self.conn_id: str = values["conn_id"]
        self._values = values
        self._vendor = ""
        self._secrets: re.Pattern[str] | None = None

    async def target(self) -> Target:
        """Read the connection.

        :raises InvalidInput: it has no URL of a WebSocket, no secret where one is to be sent, or a ``verify``
            that cannot be used
        """
        from airflow.sdk import BaseHook

        from airflow_provider.http.masking import amask

        connection = await BaseHook.aget_connection(self.conn_id)
        self._vendor = connection.conn_type or ""
        secret = connection.password or ""
        self._secrets = pattern_of([secret])
        await amask([secret] if secret else [])
        url, values = socket_url(connection, self._values["path"]), self._values
        if not secret and values["auth"] != "none":
            raise InvalidInput(
                f'connection "{self.conn_id}" has no password, which is what is sent as the secret.',
                field="password",
                remedy='Enter it, or say auth="none".',
            )
        query = {values["query_name"]: secret} if values["auth"] == "query" else {}
        headers = {}
        if values["auth"] == "header":
            headers = {values["header"]: f"{values['scheme']} {secret}".strip()}
        messages = _filled(values["on_connect"], secret)
        # A file of certificate authorities is read, which takes long enough to stall an event loop.
        verify = await asyncio.to_thread(_verification, connection.extra_dejson.get("verify"))
        return Target(
            url=url,
            query=query,
            headers=headers,
            on_connect=messages,
            verify=verify,
            proxy=await proxy_of(url),
            place=f'password and URL of connection "{self.conn_id}"',
        )

    def tell(self, body: Any, delivery: str, at: datetime) -> Told:
        """Tell a message as it is, without the secret."""
        return Told(self._event(delivery, at, payload=without(body, self._secrets)))

    def tell_gap(self, gap: Gap, delivery: str) -> dict[str, Any]:
        """Tell a gap."""
        return self._event(delivery, gap.until, gap=gap_fields(gap))

    def notice(self, event: dict[str, Any]) -> Message | None:
        """Tell nothing beside the watchers."""

    def _event(self, delivery: str, at: datetime, **fields: Any) -> dict[str, Any]:
        return {
            "vendor": self._vendor,
            "conn_id": self.conn_id,
            "source": "websocket",
            "delivery": delivery,
            "received_at": at.isoformat(),
            "payload": None,
            "payload_truncated": False,
            "gap": None,
            **fields,
        }


def gap_fields(gap: Gap) -> dict[str, Any]:
    """Return a gap as an event has it: two times in ISO 8601, ``since`` may be None.

    :param gap: the gap
    """
    return {"since": gap.since and gap.since.isoformat(), "until": gap.until.isoformat()}


def socket_url(connection: Connection, path: str = "") -> str:
    """Return the URL of a connection's WebSocket.

    The host may be a whole URL. Otherwise ``schema`` is its scheme, ``wss`` where there is none.

    :param connection: the connection
    :param path: path of the socket, instead of that of the URL
    :raises InvalidInput: it has no host, or names no WebSocket
    """
    host = (connection.host or "").strip()
    if host and "://" not in host:
        host = f"{connection.schema or 'wss'}://{host}"
    fault = InvalidInput(
        f'connection "{connection.conn_id}" names no WebSocket: a host like wss://host.example.com/path is '
        f"needed, without user, ? or #; it has {len(host)} characters.",
        field="host",
        remedy="The secret belongs into the password of the connection.",
    )
    try:
        parts = urlsplit(host)
        port = parts.port or connection.port
    except ValueError:
        raise fault from None
    if parts.scheme not in SCHEMES or not parts.hostname or "@" in host or "?" in host or "#" in host:
        raise fault
    name = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    place = f"{name}:{port}" if port else name
    return urlunsplit((SCHEMES[parts.scheme], place, path or parts.path or "/", "", ""))


async def proxy_of(url: str, own: str | None = None) -> str | None:
    """Return the proxy that a WebSocket takes: the connection's own, or that of the environment.

    :param url: URL of the socket
    :param own: the connection's proxy
    """
    module = await asyncio.to_thread(importlib.import_module, "airflow_provider.http.proxy")
    proxy: str | None = module.proxy_for(url.replace("ws", "http", 1), own)
    return proxy


def _verification(given: Any) -> bool | str:
    """Read whether, or by which authorities, certificates are verified; a URI has it as text."""
    from airflow_provider.http.parsers import verification

    if given is None or given == "":
        return True
    try:
        return verification(given)
    except ValueError as error:
        raise InvalidInput(
            f'extra "verify" must be {error}; it is a {type(given).__name__}.', field="verify"
        ) from None


def _filled(value: Any, secret: str) -> Any:
    if isinstance(value, dict):
        return {name: _filled(one, secret) for name, one in value.items()}
    if isinstance(value, list):
        return [_filled(one, secret) for one in value]
    return value.replace(SECRET, secret) if isinstance(value, str) else value
