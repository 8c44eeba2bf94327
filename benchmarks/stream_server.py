"""A WebSocket server that sends numbered messages at a steady rate, in a process of its own.

It prints its port. ``rate N`` on its standard input sends N messages a second from then on, ``open`` prints
how many sockets are open, and ``sent`` prints when each message was sent, and whether a socket was open.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import Any

from aiohttp import WSMsgType, web

TICK = 0.01
"""Seconds between two groups of messages."""

PADDING = "x" * 300


def message(number: int) -> str:
    """Return a message of about 450 bytes: every second one is about lol."""
    return json.dumps(
        {
            "message": "MODEL_CHANGED",
            "entity": "Match",
            "origin": "WS_LISTENER",
            "videogame": "lol" if number % 2 else "cs-go",
            "result": {"id": number % 50, "number": number, "padding": PADDING},
        }
    )


class Server:
    """Sends to all open sockets."""

    def __init__(self) -> None:
        self.rate = 0.0
        self.sockets: set[web.WebSocketResponse] = set()
        self.sent: list[tuple[float, bool]] = []

    async def handle(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.sockets.add(socket)
        try:
            async for received in socket:
                if received.type == WSMsgType.ERROR:
                    break
        finally:
            self.sockets.discard(socket)
        return socket

    async def send(self) -> None:
        owed, last = 0.0, time.perf_counter()
        while True:
            await asyncio.sleep(TICK)
            now = time.perf_counter()
            # After a pause of the machine it does not send all at once what is late.
            owed, last = owed + self.rate * min(now - last, 10 * TICK), now
            while owed >= 1:
                owed -= 1
                await self._send_one()

    async def _send_one(self) -> None:
        text = message(len(self.sent))
        self.sent.append((time.time(), bool(self.sockets)))
        for socket in list(self.sockets):
            try:
                await socket.send_str(text)
            except ConnectionError:
                self.sockets.discard(socket)

    def answer(self, line: str) -> Any:
        command, _, value = line.strip().partition(" ")
        if command == "rate":
            self.rate = float(value)
        return {"rate": self.rate, "open": len(self.sockets), "sent": self.sent}[command]


async def main() -> None:
    server, app = Server(), web.Application()
    app.router.add_get("/", server.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    sending = asyncio.create_task(server.send())
    print(site._server.sockets[0].getsockname()[1], flush=True)  # type: ignore[union-attr]
    while line := await asyncio.to_thread(sys.stdin.readline):
        print(json.dumps(server.answer(line)), flush=True)
    sending.cancel()


if __name__ == "__main__":
    asyncio.run(main())
