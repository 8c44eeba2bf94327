"""What a simulated vendor offers to the sandbox."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider.sandbox.messages import Answer, Refused, Request

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Callable, MutableMapping, Sequence

    from airflow_provider.sandbox.clock import Clock
    from airflow_provider.sandbox.journal import Journal
    from airflow_provider.sandbox.switches import Switch, Switches

    Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
    Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class Vendor:
    """Base of the simulated vendors: a name, switches, state, and one answer for each request.

    :param clock: the sandbox's clock
    :param journal: takes messages sent and secrets minted
    :param switches: the values of all switches
    :param seed: random for each run; whatever must not be guessable is derived from it
    """

    name: ClassVar[str]
    switches: ClassVar[Sequence[Switch]]

    def __init__(self, clock: Clock, journal: Journal, switches: Switches, seed: str) -> None:
        self.clock = clock
        self.journal = journal
        self.all_switches = switches
        self.seed = seed
        self.reset()

    def switch(self, trait: str) -> Any:
        """Return the value of one of this vendor's switches."""
        return self.all_switches[f"{self.name}.{trait}"]

    def reset(self) -> None:
        """Forget everything; called once at the start too."""
        raise NotImplementedError

    def switched(self) -> None:
        """React to changed switches."""

    def stop(self) -> None:
        """End what goes on by itself; the sandbox stops."""

    def arrive(self, request: Request) -> Answer | None:
        """Notice that a request has come in, before any waiting time.

        :return: an answer to give instead of serving it, or None
        """
        return None

    def leave(self, request: Request) -> None:
        """Notice that a request has been answered or given up."""

    def serve(self, request: Request) -> Answer:
        """Carry a request out."""
        raise NotImplementedError

    async def websocket(
        self, request: Request, transport: asyncio.Transport, receive: Receive, send: Send
    ) -> int:
        """Serve a WebSocket until it ends; a vendor without one refuses it.

        :param request: the handshake
        :param transport: the connection below it
        :return: the status of the handshake
        """
        await receive()
        await send({"type": "websocket.close"})
        return 403

    def maintenance(self) -> Answer:
        """Return what the vendor answers while it is down for maintenance."""
        raise NotImplementedError

    def state(self) -> dict[str, Any]:
        """Return counts of what the vendor holds, at little cost."""
        raise NotImplementedError

    def connections(self, url: str) -> dict[str, dict[str, Any]]:
        """Return ready-made Airflow connections by connection id.

        :param url: where this vendor is mounted
        """
        raise NotImplementedError

    def control(self, method: str, path: str, value: Any) -> Any:
        """Serve a control request of this vendor's own.

        :param path: below ``/_sandbox/<vendor>/``
        :return: JSON, or an awaitable that gives it, or None if there is no such path
        """
        return None


def airflow_variable(conn_id: str, connection: dict[str, Any]) -> tuple[str, str]:
    """Return the name and value of the environment variable that defines a connection."""
    return f"AIRFLOW_CONN_{conn_id.upper()}", json.dumps(connection)


def field(value: Any, name: str, wanted: type | tuple[type, ...], hint: str, default: Any = ...) -> Any:
    """Return one field of a control request.

    :param value: the decoded body
    :param name: the field's name
    :param wanted: the type accepted, or several
    :param hint: what to send, for the error
    :param default: for a missing field; without it the field is required
    :raises Refused: if it is missing or of another type
    """
    found = value.get(name, default)
    if found is default and default is not ...:
        return default
    types = wanted if isinstance(wanted, tuple) else (wanted,)
    if found is ...:
        raise Refused(f"Field '{name}' is missing; send {hint}")
    if not isinstance(found, types) or (isinstance(found, bool) and bool not in types):
        raise Refused(f"Field '{name}' got {found!r}; send {hint}")
    return found
