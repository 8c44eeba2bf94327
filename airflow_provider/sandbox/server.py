"""Run the sandbox as one uvicorn process."""

from __future__ import annotations

import importlib.util
import json
import os
import shlex
import signal
import socket
from typing import TYPE_CHECKING, Any

import uvicorn

from airflow_provider.sandbox.app import Application
from airflow_provider.sandbox.state import Sandbox

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable
    from pathlib import Path


class Server(uvicorn.Server):
    """A uvicorn server that says when it listens and does not wait for clients when it stops.

    :param config: uvicorn's configuration
    :param ready: called once the server listens
    :param stopping: called before it stops
    """

    def __init__(
        self, config: uvicorn.Config, ready: Callable[[], None], stopping: Callable[[], None]
    ) -> None:
        super().__init__(config)
        self.ready = ready
        self.stopping = stopping

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen."""
        await super().startup(sockets)
        self.ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop at once, even with requests that hang on purpose."""
        self.stopping()
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        await super().shutdown(sockets)


def run(host: str, port: int, latency: float, ready_file: Path | None, quiet: bool) -> None:
    """Serve until SIGINT or SIGTERM.

    :param host: the address to listen on
    :param port: the port; 0 takes a free one
    :param latency: seconds that every vendor answer takes longer
    :param ready_file: where to write the URL and the connections once it listens
    :param quiet: whether to print nothing
    :raises OSError: if the address cannot be used
    """
    listener = _listen(host, port)
    sandbox = Sandbox(latency)
    shown = f"[{host}]" if ":" in host else host
    sandbox.url = f"http://{shown}:{listener.getsockname()[1]}"

    def ready() -> None:
        if ready_file is not None:
            _write(ready_file, json.dumps({"url": sandbox.url, "connections": sandbox.connections()}))
        if not quiet:
            print(_announcement(sandbox), flush=True)

    config = uvicorn.Config(
        Application(sandbox),
        http=_protocol(),
        ws="websockets-sansio" if importlib.util.find_spec("websockets") else "none",
        # The sandbox waits for pings of the client alone: a client is tested, not a server.
        ws_ping_interval=None,
        lifespan="off",
        log_config=None,
        log_level="critical",
        access_log=False,
        server_header=False,
        # Longer than clients keep an idle connection, so that none is closed under a client's hands.
        timeout_keep_alive=120,
        timeout_graceful_shutdown=2,
    )
    server = Server(config, ready, sandbox.stop)

    def stop(*_: object) -> None:
        server.should_exit = True

    # uvicorn raises the signal again after its clean stop; with this handler that does no harm.
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    server.run([listener])


def switches() -> str:
    """Return every switch with its default, one a line."""
    known = Sandbox().switches.describe()
    return "\n".join(f"{one['name']} = {json.dumps(one['default'])}: {one['description']}" for one in known)


def _protocol() -> type[asyncio.Protocol]:
    base: type[Any]
    if importlib.util.find_spec("httptools"):
        from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol as base
    else:
        from uvicorn.protocols.http.h11_impl import H11Protocol as base

    def connection_made(self: Any, transport: asyncio.Transport) -> None:
        # ASGI cannot break a connection, the faults must: the state that uvicorn copies into every scope
        # carries the transport to the application.
        base.connection_made(self, transport)
        self.app_state = {"transport": transport}

    return type("SandboxProtocol", (base,), {"connection_made": connection_made})


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol is named because asyncio sets TCP_NODELAY only on sockets that name it; without it every
    # answer would wait about 40 ms for the client's delayed ACK.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    if os.name == "posix":
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    return listener


def _write(path: Path, text: str) -> None:
    draft = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    draft.write_text(text)
    draft.replace(path)


def _announcement(sandbox: Sandbox) -> str:
    lines = [f"The sandbox listens on {sandbox.url} (Ctrl+C stops it). Connections for Airflow:", ""]
    lines += [f"export {name}={shlex.quote(value)}" for name, value in sandbox.connections().items()]
    return "\n".join(
        [
            *lines,
            "",
            f"Control API: {sandbox.url}/_sandbox/state",
            f"Switches: {sandbox.url}/_sandbox/switches?describe=1",
        ]
    )
