"""Senders of webhooks, in a process of their own: each waits for an answer before it sends again.

``python benchmarks/webhook_senders.py`` reads an :class:`Order` as JSON from its input and prints a
:class:`Tally` as JSON.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import re
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from itertools import count

LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
CLOSES = re.compile(rb"\r\nconnection: *close", re.IGNORECASE)

TRIES = 20
"""How often a sender that sends again does so, as vendors do."""

PAUSE = 1.0
"""Seconds before it sends again."""

BROKEN = 0
"""The status of a connection that ended without an answer."""


@dataclass
class Order:
    """What is to be sent.

    :param port: where to
    :param path: of the URL
    :param headers: of each request
    :param senders: how many send at once
    :param first: number of the first delivery
    :param count: how many deliveries are sent
    :param seconds: for how long they are sent
    :param again: whether what is not answered with success is sent again
    :param asset: id of the asset where events are created through Airflow's REST API
    """

    port: int
    path: str
    headers: dict[str, str]
    senders: int
    first: int = 0
    count: int = 1_000_000_000
    seconds: float = 1e9
    again: bool = False
    asset: int | None = None


@dataclass
class Tally:
    """What came of it.

    :param seconds: from the first request to the last answer
    :param statuses: how many requests were answered with which status
    :param waits: seconds until the answer, of each request
    :param missing: numbers of the deliveries that were never answered with success
    """

    seconds: float = 0.0
    statuses: dict[str, int] = field(default_factory=dict)
    waits: list[float] = field(default_factory=list)
    missing: list[int] = field(default_factory=list)

    @property
    def good(self) -> int:
        """How many were answered with success."""
        return sum(number for status, number in self.statuses.items() if status.startswith("2"))

    @property
    def rate(self) -> float:
        """Return how many a second were answered with success."""
        return self.good / self.seconds

    def wait(self, share: float) -> float:
        """Return the seconds within which this share was answered."""
        return sorted(self.waits)[min(int(len(self.waits) * share), len(self.waits) - 1)]


def body(number: int) -> dict[str, object]:
    """Return what Mobadoo might tell of a match, about 450 bytes of JSON."""
    return {
        "message": "MODEL_CHANGED",
        "entity": "Match",
        "origin": "WS_LISTENER",
        "videogame": "lol",
        "result": {
            "id": number,
            "status": "RU",
            "name": "Upper bracket semifinal 2: Northern Lights vs Southern Cross",
            "slug": "upper-bracket-semifinal-2-northern-lights-vs-southern-cross",
            "begin_at": "2026-11-26T10:00:00Z",
            "results": [{"team_id": 126061, "score": 1}, {"team_id": 126059, "score": 2}],
            "tournament": {"id": 13001, "name": "Playoffs", "tier": "s"},
        },
    }


class Wire(asyncio.Protocol):
    """One TCP connection, with one request at a time: far less work than a real HTTP client does."""

    def __init__(self) -> None:
        self._answer: asyncio.Future[int] | None = None
        self._buffer = b""
        self.is_open = False

    async def exchange(self, request: bytes) -> int:
        """Send a request and return the status of its answer."""
        self._buffer = b""
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answer

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self.is_open = True

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, ended, content = self._buffer.partition(b"\r\n\r\n")
        length = LENGTH.search(head)
        if ended and length and len(content) >= int(length[1]):
            if CLOSES.search(head):
                self.close()
            self._settle(int(head[9:12]))

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_open = False
        self._settle(BROKEN)

    def close(self) -> None:
        self.is_open = False
        self._transport.close()

    def _settle(self, status: int) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(status)


class Senders:
    """Sends what an order says."""

    def __init__(self, order: Order) -> None:
        self._order = order
        self._numbers = count(order.first)
        self._statuses: Counter[str] = Counter()
        self._tally = Tally()
        lines = [f"{name}: {value}" for name, value in order.headers.items()]
        lines = [f"POST {order.path} HTTP/1.1", "Host: 127.0.0.1", "Content-Type: application/json", *lines]
        self._head = "\r\n".join(lines)

    async def run(self) -> Tally:
        """Send all of it."""
        began = time.monotonic()
        self._until = began + self._order.seconds
        await asyncio.gather(*(self._send() for _ in range(self._order.senders)))
        self._tally.seconds = time.monotonic() - began
        self._tally.statuses = dict(self._statuses)
        return self._tally

    async def _send(self) -> None:
        wire = Wire()
        while time.monotonic() < self._until:
            number = next(self._numbers)
            if number >= self._order.first + self._order.count:
                break
            request = self._request(number)
            for _ in range(TRIES if self._order.again else 1):
                wire, good = await self._try(wire, request)
                if good or not self._order.again:
                    break
                await asyncio.sleep(PAUSE)
            if not good:
                self._tally.missing.append(number)
        if wire.is_open:
            wire.close()

    async def _try(self, wire: Wire, request: bytes) -> tuple[Wire, bool]:
        began = time.monotonic()
        try:
            if not wire.is_open:
                loop = asyncio.get_running_loop()
                _, wire = await loop.create_connection(Wire, "127.0.0.1", self._order.port)
            status = await wire.exchange(request)
        except OSError:
            status = BROKEN
        self._tally.waits.append(time.monotonic() - began)
        self._statuses[str(status)] += 1
        return wire, 200 <= status < 300

    def _request(self, number: int) -> bytes:
        content: object = body(number)
        if self._order.asset is not None:
            content = {"asset_id": self._order.asset, "extra": content}
        data = json.dumps(content)
        return f"{self._head}\r\nContent-Length: {len(data)}\r\n\r\n{data}".encode()


def main() -> None:
    order = Order(**json.loads(sys.stdin.read()))
    tally = asyncio.run(Senders(order).run())
    json.dump(dataclasses.asdict(tally), sys.stdout)


if __name__ == "__main__":
    main()
