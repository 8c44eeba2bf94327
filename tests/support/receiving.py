"""The receiver of webhooks behind a real HTTP server, in a thread of the test."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.routing import Mount

from airflow_provider.events.app import receiver_app
from airflow_provider.events.callbacks import Callbacks
from airflow_provider.events.message import Message
from airflow_provider.events.outcome import Outcome
from airflow_provider.events.receiver import Receiver
from airflow_provider.events.served import Connections
from airflow_provider.events.settings import Settings, read
from airflow_provider.events.unlogged import PREFIX

SECRET = "secret-of-the-webhook"
WEBHOOK = f"{PREFIX}/webhooks/mobadoo_default"


class MemoryIntake:
    """Keeps deliveries, in place of a database.

    :param outcome: what becomes of each: an outcome, an error, or None to leave it open
    """

    def __init__(self, outcome: Outcome | Exception | None = Outcome.ACCEPTED) -> None:
        self.outcome = outcome
        self.stored: list[Message] = []
        self.open: list[Future[Outcome]] = []

    def submit(self, conn_id: str, vendor: str, source: str, message: Message) -> Future[Outcome]:
        assert (vendor, source) == ("mobadoo", "webhook")
        future: Future[Outcome] = Future()
        if isinstance(self.outcome, Exception):
            future.set_exception(self.outcome)
        elif self.outcome is None:
            self.open.append(future)
        else:
            self.stored.append(message)
            future.set_result(self.outcome)
        return future


def connection(conn_id: str, secret: str | None = SECRET, **fields: Any) -> Any:
    """Return a connection as Airflow has it."""
    from airflow.sdk import Connection

    extra = json.dumps({"webhook_secret": secret} if secret is not None else {})
    return Connection(
        **{"conn_id": conn_id, "conn_type": "mobadoo", "password": "token", "extra": extra, **fields}
    )


@dataclass
class Answer:
    """What the server has answered."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Receiving:
    """A running receiver.

    :param port: where it listens
    :param intake: what has come
    :param look_ups: the ids of the connections that were looked up
    :param connections: what a look-up finds
    """

    port: int
    intake: MemoryIntake
    connections: dict[str, Any]
    look_ups: list[str] = field(default_factory=list)

    def post(
        self, body: Any = b"{}", path: str = WEBHOOK, secret: str | None = SECRET, **headers: str
    ) -> Answer:
        """Deliver; anything but bytes is sent as JSON."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.send("POST", f"{path}?secret={secret}" if secret else path, data, headers)

    def send(
        self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> Answer:
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            client.request(method, path, body, headers or {})
            return answer_of(client.getresponse())
        finally:
            client.close()

    @contextmanager
    def raw(self) -> Iterator[socket.socket]:
        """Open a TCP connection."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=30) as client:
            yield client

    def exchange(self, *pieces: bytes) -> Answer | None:
        """Send bytes as they are; None where the server closes without an answer."""
        with self.raw() as client:
            for piece in pieces:
                client.sendall(piece)
            return read_answer(client)


def read_answer(client: socket.socket) -> Answer | None:
    """Read one answer; None where the server closes without one."""
    found = http.client.HTTPResponse(client)
    try:
        found.begin()
    except (http.client.BadStatusLine, ConnectionError):
        return None
    return answer_of(found)


def answer_of(found: http.client.HTTPResponse) -> Answer:
    names = {name.lower(): value for name, value in found.getheaders()}
    return Answer(found.status, names, found.read())


def settings(**options: Any) -> Settings:
    """Return the configuration with some options."""
    texts = {"webhook_connections": "mobadoo_default", **{name: str(one) for name, one in options.items()}}
    return read(texts)


@contextmanager
def receiving(
    intake: MemoryIntake | None = None,
    connections: dict[str, Any] | None = None,
    find: Callable[[str], Any] | None = None,
    body_seconds: float = 20.0,
    wallet: Any = None,
    **options: Any,
) -> Iterator[Receiving]:
    """Run the receiver on a free port.

    :param intake: keeps the deliveries
    :param connections: those that there are, by id
    :param find: finds a connection, in place of ``connections``
    :param body_seconds: how long a body may take
    :param wallet: answers callbacks; None: they are off
    :param options: of the configuration
    """
    stored = intake or MemoryIntake()
    known = connections if connections is not None else {"mobadoo_default": connection("mobadoo_default")}
    found = Receiving(0, stored, known)
    configuration = settings(**options)

    def look_up(conn_id: str) -> Any:
        found.look_ups.append(conn_id)
        return find(conn_id) if find else known.get(conn_id)

    receiver = Receiver(
        configuration, stored, Connections(configuration.webhook_connections, look_up), body_seconds
    )
    wallets: Any = SimpleNamespace(of=lambda conn_id: wallet, close=lambda: None)
    callbacks = Callbacks(receiver, wallets) if wallet is not None else None
    with serving_app(Starlette(routes=[Mount(PREFIX, receiver_app(receiver, callbacks))])) as port:
        found.port = port
        yield found
    if callbacks is not None:
        callbacks.close()


@contextmanager
def serving_app(app: Any) -> Iterator[int]:
    """Run an ASGI app on a free port, with uvicorn as Airflow does it."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, access_log=True))
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listening:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            until = time.monotonic() + 30
            while not server.started:
                assert thread.is_alive(), "the server ended"
                assert time.monotonic() < until, "the server did not start"
                time.sleep(0.005)
            yield listening.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join(30)
            assert not thread.is_alive()


def request_of(body: bytes, *headers: str, length: int | None = None, secret: str = SECRET) -> bytes:
    lines = [f"POST {WEBHOOK}?secret={secret} HTTP/1.1", "Host: x", *headers]
    if length is not None or not any(line.startswith("Transfer-Encoding") for line in lines):
        lines.append(f"Content-Length: {len(body) if length is None else length}")
    return "\r\n".join([*lines, "", ""]).encode() + body
