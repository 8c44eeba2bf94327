"""The ASGI application: hand each request to its vendor, through whatever is ordered to go wrong."""

from __future__ import annotations

import asyncio
import socket
import struct
import sys
import traceback
from collections.abc import MutableMapping
from typing import TYPE_CHECKING, Any

from airflow_provider.sandbox.control import Control
from airflow_provider.sandbox.faults import GARBAGE, LONGEST_WAIT, Fault, bare
from airflow_provider.sandbox.messages import Answer, Refused, Request, json_answer

if TYPE_CHECKING:
    from airflow_provider.sandbox.journal import Entry
    from airflow_provider.sandbox.state import Sandbox
    from airflow_provider.sandbox.vendor import Receive, Send, Vendor

Scope = MutableMapping[str, Any]


class Application:
    """The vendors and the control API as one ASGI application.

    :param sandbox: the vendors
    """

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.control = Control(sandbox)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or one WebSocket."""
        socket = scope["type"] == "websocket"
        body = b"" if socket else await _body(receive)
        if body is None:
            return
        mount, _, path = scope["path"].lstrip("/").partition("/")
        address = (scope["client"] or ("",))[0]
        request = Request(
            "GET" if socket else scope["method"], path, scope["query_string"], scope["headers"], body, address
        )
        try:
            vendor = self.sandbox.vendors.get(mount)
            if socket:
                await self._serve_socket(vendor, request, scope["state"]["transport"], receive, send)
            elif vendor is not None:
                await self._serve(vendor, request, scope["state"]["transport"], receive, send)
            elif mount == "_sandbox":
                await _send(send, await self._control(request))
            else:
                places = ", ".join(f"/{name}" for name in ["_sandbox", *self.sandbox.vendors])
                message = f"Nothing is served at '{scope['path']}'; use {places}"
                await _send(send, json_answer(404, {"error": message}))
        except Exception:
            # uvicorn would hide it: its log is silent so that the sandbox prints only what a person needs.
            traceback.print_exc(file=sys.stderr)
            raise

    async def _control(self, request: Request) -> Answer:
        try:
            return await self.control.serve(request)
        except Refused as refused:
            return json_answer(400, {"error": str(refused)})

    async def _serve_socket(
        self,
        vendor: Vendor | None,
        request: Request,
        transport: asyncio.Transport,
        receive: Receive,
        send: Send,
    ) -> None:
        if vendor is None:
            await receive()
            await send({"type": "websocket.close"})
            return
        entry = self.sandbox.journal.record(vendor.name, request)
        entry.status = await vendor.websocket(request, transport, receive, send)

    async def _serve(
        self, vendor: Vendor, request: Request, transport: asyncio.Transport, receive: Receive, send: Send
    ) -> None:
        entry = self.sandbox.journal.record(vendor.name, request)
        fault = self.sandbox.faults.meet(vendor.name, request)
        turned_away = vendor.arrive(request)
        try:
            if self.sandbox.latency:
                await asyncio.sleep(self.sandbox.latency)
            if fault is not None:
                entry.fault = fault.id
                await _go_wrong(fault, vendor, turned_away, entry, transport, receive, send)
                return
            answer = turned_away or vendor.serve(request)
            entry.status = answer.status
        finally:
            vendor.leave(request)
        await _send(send, answer)


async def _go_wrong(
    fault: Fault,
    vendor: Vendor,
    turned_away: Answer | None,
    entry: Entry,
    transport: asyncio.Transport,
    receive: Receive,
    send: Send,
) -> None:
    true: Answer | None = None
    if fault.after:
        true = turned_away or vendor.serve(entry.request)
    if fault.delay and await _client_left(receive, fault.delay):
        return
    if true is None and fault.shows_the_true_answer:
        true = turned_away or vendor.serve(entry.request)

    if fault.action in ("reset", "close", "hang"):
        if fault.action == "reset":
            _reset(transport)
        elif fault.action == "close" or not await _client_left(receive, LONGEST_WAIT):
            transport.close()
        await _client_left(receive, LONGEST_WAIT)
        return

    if fault.action == "truncate" and true is not None:
        entry.status = true.status
        await _send(send, true, cut=len(true.body) // 2)
        transport.close()
        await _client_left(receive, LONGEST_WAIT)
        return

    if fault.action == "garbage":
        answer = GARBAGE
    elif fault.action == "maintenance":
        answer = vendor.maintenance()
    else:
        answer = fault.answer(true)
    entry.status = answer.status
    await _send(send, answer)


async def _send(send: Send, answer: Answer, cut: int | None = None) -> None:
    body = b"" if bare(answer.status) else answer.body
    headers = answer.headers
    if not bare(answer.status):
        headers += ((b"content-length", b"%d" % len(body)),)
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": body[:cut], "more_body": cut is not None})


async def _body(receive: Receive) -> bytes | None:
    message = await receive()
    if message["type"] == "http.request" and not message["more_body"]:
        whole: bytes = message["body"]
        return whole
    parts = []
    while message["type"] == "http.request":
        parts.append(message["body"])
        if not message["more_body"]:
            return b"".join(parts)
        message = await receive()
    return None


async def _client_left(receive: Receive, seconds: float) -> bool:
    """Wait until the connection is gone, but not longer than ``seconds``."""
    try:
        async with asyncio.timeout(seconds):
            while (await receive())["type"] != "http.disconnect":
                pass
    except TimeoutError:
        return False
    return True


def _reset(transport: asyncio.Transport) -> None:
    # With a linger time of zero the kernel answers the close with RST instead of FIN.
    linger = struct.pack("ii", 1, 0)
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    transport.abort()
