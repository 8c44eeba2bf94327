"""Small WebSocket servers that behave well or badly, in the event loop of the test."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from aiohttp import web

from airflow_provider.events.stream import Gap, Heard, Target

TOKEN = "token-of-the-socket-4711"


class SocketServer:
    """Accepts sockets and does with each what it is told.

    :param serve: what it does with an open socket, the first, second, ... of which gets its number
    """

    def __init__(self, serve: Callable[[web.WebSocketResponse, int], Awaitable[None]] | None = None) -> None:
        self.serve = serve
        self.tokens = {TOKEN}
        self.status = 403
        self.location: str | None = None
        self.requests: list[web.Request] = []
        self.received: list[str] = []
        self.open: list[web.WebSocketResponse] = []
        self.url = ""
        self.pongs = True

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request)
        if self.location:
            return web.Response(status=302, headers={"Location": self.location})
        given = request.query.get("token") or request.headers.get("Authorization", "").rpartition(" ")[2]
        if given not in self.tokens:
            return web.Response(status=self.status)
        socket = web.WebSocketResponse(autoping=self.pongs)
        await socket.prepare(request)
        self.open.append(socket)
        try:
            if self.serve is not None:
                await self.serve(socket, len(self.requests))
            if self.pongs or self.serve is None:
                async for message in socket:
                    if message.type == web.WSMsgType.TEXT:
                        self.received.append(message.data)
        finally:
            self.open.remove(socket)
        return socket

    async def push(self, *messages: Any) -> None:
        """Send messages to all open sockets: text as it is, bytes as binary, everything else as JSON."""
        for socket in list(self.open):
            for message in messages:
                with contextlib.suppress(ConnectionError):
                    await self._send(socket, message)

    async def _send(self, socket: web.WebSocketResponse, message: Any) -> None:
        if isinstance(message, bytes):
            await socket.send_bytes(message)
        else:
            await socket.send_str(message if isinstance(message, str) else json.dumps(message))

    async def abort(self) -> None:
        """Break all open sockets."""
        for socket in list(self.open):
            transport = socket._req.transport
            assert transport is not None
            transport.abort()

    async def target(self) -> Target:
        return Target(url=self.url, query={"token": TOKEN}, place="the test")


@contextlib.asynccontextmanager
async def socket_server(serve: Any = None, **fields: Any) -> AsyncIterator[SocketServer]:
    """Run a server on a free port."""
    server = SocketServer(serve)
    for name, value in fields.items():
        setattr(server, name, value)
    app = web.Application()
    app.router.add_get("/feed", server.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = site._server.sockets[0].getsockname()[1]  # type: ignore[attr-defined]
    server.url = f"ws://127.0.0.1:{port}/feed"
    try:
        yield server
    finally:
        await runner.cleanup()


class Listening:
    """Collects what a stream says, in a task."""

    def __init__(self, stream: Any) -> None:
        self.stream = stream
        self.items: list[Any] = []
        self._news = asyncio.Event()
        self._task = asyncio.create_task(self._listen())

    @property
    def bodies(self) -> list[Any]:
        return [item.body for item in self.items if isinstance(item, Heard)]

    @property
    def gaps(self) -> list[Gap]:
        return [item for item in self.items if isinstance(item, Gap)]

    async def until(self, holds: Callable[[], bool], seconds: float = 60.0) -> None:
        """Wait until something holds."""
        async with asyncio.timeout(seconds):
            while not holds():
                assert not self._task.done(), self._task
                await asyncio.sleep(0.01)

    async def _listen(self) -> None:
        async with contextlib.aclosing(self.stream.read()) as items:
            async for item in items:
                self.items.append(item)

    async def stop(self) -> None:
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task


@contextlib.asynccontextmanager
async def listening(stream: Any) -> AsyncIterator[Listening]:
    """Listen to a stream during a test."""
    found = Listening(stream)
    try:
        yield found
    finally:
        await found.stop()
