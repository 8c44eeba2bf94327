"""The WebSocket: who may listen, and what is pushed."""

from __future__ import annotations

import asyncio
import json
import struct
from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider.sandbox.messages import Request
    from airflow_provider.sandbox.mobadoo.auth import Tokens
    from airflow_provider.sandbox.vendor import Receive, Send

HUGE = 10_000_000
NOT_JSON = "this is not JSON {"


class Line:
    """One open socket.

    :param transport: the connection below it
    :param ready: whether messages are pushed to it
    """

    def __init__(self, transport: asyncio.Transport, ready: bool) -> None:
        self.transport = transport
        self.ready = ready
        self.frames = 0
        # A message to send, or a close code; None ends it.
        self.queue: asyncio.Queue[dict[str, Any] | int | None] = asyncio.Queue()


class Sockets:
    """Serve all sockets.

    :param tokens: tells who may listen
    :param switch: returns the value of one of Mobadoo's switches
    """

    def __init__(self, tokens: Tokens, switch: Callable[[str], Any]) -> None:
        self.tokens = tokens
        self.switch = switch
        self.lines: list[Line] = []
        self.counts = Counter[str](pushed=0, received=0, refused=0)

    def as_json(self) -> dict[str, Any]:
        """Return counts for the control API."""
        return {"open": len(self.lines), **self.counts}

    def push(self, message: dict[str, Any]) -> None:
        """Send a message to everyone who listens."""
        burst = self.switch("ws_burst")
        for line in self.lines:
            if not line.ready:
                continue
            for number in range(1, burst + 1):
                line.queue.put_nowait(message if burst == 1 else {**message, "sequence": number})

    def close(self, code: int) -> None:
        """Close all sockets with a code."""
        for line in self.lines:
            line.queue.put_nowait(code)

    def abort(self) -> None:
        """Break all connections."""
        for line in self.lines:
            line.transport.abort()
            line.queue.put_nowait(None)

    async def serve(
        self, request: Request, transport: asyncio.Transport, receive: Receive, send: Send
    ) -> int:
        """Serve one socket until it ends.

        :return: the status of the handshake
        """
        await receive()
        allowed = self.tokens.allows(request, self.switch("ws_auth_mode"))
        refusal = self.switch("ws_refusal_code")
        if not allowed:
            self.counts["refused"] += 1
            if not refusal:
                await send({"type": "websocket.close"})
                return 403
        await send({"type": "websocket.accept"})
        mode = self.switch("ws_mode")
        if not allowed or mode == "close":
            await send(
                {"type": "websocket.close", "code": self.switch("ws_close_code") if allowed else refusal}
            )
            return 101
        line = Line(transport, mode == "push")
        self.lines.append(line)
        if not self.switch("ws_pong"):
            transport.pause_reading()
        reader = asyncio.create_task(self._read(line, receive))
        try:
            await self._write(line, send)
        except OSError:
            # The client is gone.
            pass
        finally:
            self.lines.remove(line)
            reader.cancel()
        return 101

    async def _read(self, line: Line, receive: Receive) -> None:
        while (await receive())["type"] != "websocket.disconnect":
            self.counts["received"] += 1
            line.ready = line.ready or self.switch("ws_mode") == "subscribe"
        line.queue.put_nowait(None)

    async def _write(self, line: Line, send: Send) -> None:
        while (message := await line.queue.get()) is not None:
            if isinstance(message, int):
                await send({"type": "websocket.close", "code": message})
                return
            text = self._text(message)
            for _ in range(self.switch("ws_repeats") + 1):
                line.frames += 1
                if line.frames == self.switch("ws_drop_at"):
                    _half_a_frame(line.transport, text.encode())
                    return
                binary = self.switch("ws_frames") == "binary"
                await send(
                    {"type": "websocket.send", **({"bytes": text.encode()} if binary else {"text": text})}
                )
                self.counts["pushed"] += 1

    def _text(self, message: dict[str, Any]) -> str:
        payload = self.switch("ws_payload")
        if payload == "not json":
            return NOT_JSON
        return json.dumps({**message, "padding": "x" * HUGE} if payload == "huge" else message)


def _half_a_frame(transport: asyncio.Transport, payload: bytes) -> None:
    # The head of a text frame as RFC 6455 has it; the payload that it announces is cut.
    size = len(payload)
    if size < 126:
        length = struct.pack("!B", size)
    elif size < 1 << 16:
        length = struct.pack("!BH", 126, size)
    else:
        length = struct.pack("!BQ", 127, size)
    transport.write(b"\x81" + length + payload[: size // 2])
    transport.close()
