"""A server that costs next to nothing: one canned reply for each path, after a fixed delay.

``python benchmarks/server.py --latency 0.05`` prints its port. ``GET /stats`` returns how many requests it
has answered and how much CPU time it has used.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import time


def reply(document: object) -> bytes:
    body = json.dumps(document).encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


USER = {
    "virtualUser": "7c4a8d09ca3762af61e59520943dc26494f8941b",
    "pass": "b1b3773a05c0ed0176787a4f1574ff00",
    "apikey": "5baa61e4c9b93f3f0682250b6cf8331b7ee68fd8",
    "previously_registered": False,
}
TOKEN = {
    "url": "https://imbee.example.com/access?token=0beec7b5ea3f0fdbc95d0dd47f3c5bc275da8a33",
    "user_idsha": "7c4a8d09ca3762af61e59520943dc26494f8941b",
    "max_retries": 10,
    "date_limit": "2027-01-31",
    "previously_created": False,
}
REPLIES = {
    b"/third_parties/user/new": reply({"time": 0.018, "code": 0, "message": "Ok", "body": USER}),
    b"/token/new": reply({"time": 0.018, "code": 0, "message": "Ok", "body": TOKEN}),
}


class Server(asyncio.Protocol):
    """One connection; requests may be pipelined, their bodies are passed over."""

    answered = 0

    def __init__(self, latency: float) -> None:
        self.latency = latency
        self.loop = asyncio.get_running_loop()
        self.data = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.data += data
        replies = []
        while (end := self.data.find(b"\r\n\r\n")) >= 0:
            head = self.data[:end].lower()
            _, found, length = head.partition(b"\r\ncontent-length:")
            total = end + 4 + (int(length.partition(b"\r\n")[0]) if found else 0)
            if len(self.data) < total:
                break
            path = self.data.split(b" ", 2)[1]
            self.data = self.data[total:]
            if path == b"/stats":
                replies.append(reply({"requests": Server.answered, "cpu": time.process_time()}))
            else:
                Server.answered += 1
                replies.append(REPLIES[path])
        if not replies:
            return
        if self.latency:
            self.loop.call_later(self.latency, self.transport.write, b"".join(replies))
        else:
            self.transport.write(b"".join(replies))


async def serve(latency: float, host: str) -> None:
    server = await asyncio.get_running_loop().create_server(lambda: Server(latency), host, 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--latency", type=float, default=0.0, help="seconds before each reply")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    options = parser.parse_args()
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(options.latency, options.host))


if __name__ == "__main__":
    main()
