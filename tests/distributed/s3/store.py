"""An S3 of its own: moto as a server process, behind a proxy that is slow or refuses as a test says."""

from __future__ import annotations

import http.client
import importlib
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

ERRORS = {403: "AccessDenied", 500: "InternalError", 503: "SlowDown"}
HOP = {"connection", "keep-alive", "transfer-encoding", "expect", "content-length"}


@dataclass(frozen=True)
class Seen:
    """A request that came to the store.

    :param method: the method
    :param path: path and query
    :param size: bytes of the body
    """

    method: str
    path: str
    size: int

    @property
    def kind(self) -> str:
        """Say in a word what it does."""
        query = urlsplit(self.path).query
        if "uploadId=" in query:
            return {"PUT": "part", "POST": "complete", "DELETE": "abort"}.get(self.method, "list")
        if "uploads" in query:
            return {"POST": "begin"}.get(self.method, "list")
        return self.method


Fault = Callable[[Seen], int | None]
"""Says what becomes of a request: a status that refuses it, or None. It may wait; then the store is slow."""


@dataclass
class Store:
    """The store.

    :param url: where a client finds it: the proxy
    :param server: the server behind it
    """

    url: str
    server: str
    seen: list[Seen] = field(default_factory=list)
    fault: Fault | None = None
    bytes_per_second: float | None = None
    """How fast the body of a part comes in; None for at once."""

    @property
    def kinds(self) -> list[str]:
        """Say in a word each what the requests did."""
        return [one.kind for one in self.seen]

    def client(self) -> Any:
        """Return a client of boto3 that goes past the proxy."""
        boto3: Any = importlib.import_module("boto3")
        return boto3.client(
            "s3",
            endpoint_url=self.server,
            aws_access_key_id="tester",
            aws_secret_access_key="secret-of-the-store",
            region_name="eu-central-1",
        )

    def uploads(self, bucket: str = "bucket") -> list[str]:
        """Return the keys of unfinished uploads."""
        found = self.client().list_multipart_uploads(Bucket=bucket)
        return [one["Key"] for one in found.get("Uploads", ())]

    def keys(self, bucket: str = "bucket") -> list[str]:
        """Return the keys of the objects."""
        return [one["Key"] for one in self.client().list_objects_v2(Bucket=bucket).get("Contents", ())]

    def read(self, key: str, bucket: str = "bucket") -> bytes:
        """Return an object."""
        body: bytes = self.client().get_object(Bucket=bucket, Key=key)["Body"].read()
        return body

    def put(self, key: str, body: bytes, bucket: str = "bucket") -> None:
        """Write an object."""
        self.client().put_object(Bucket=bucket, Key=key, Body=body)

    def clear(self) -> None:
        """Leave one empty bucket, and a quick store that refuses nothing."""
        self.fault, self.bytes_per_second = None, None
        reset = http.client.HTTPConnection(urlsplit(self.server).netloc)
        reset.request("POST", "/moto-api/reset")
        assert reset.getresponse().status == 200
        reset.close()
        self.client().create_bucket(
            Bucket="bucket", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
        )
        self.seen.clear()


@contextmanager
def running(folder: Path) -> Iterator[Store]:
    """Run the server and the proxy.

    :param folder: takes the server's log
    """
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    log = folder / "moto.log"
    with log.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
            stdout=file,
            stderr=file,
        )
    try:
        _wait_for(port, process, log)
        store = Store("", f"http://127.0.0.1:{port}")
        with _proxy(store, port) as url:
            store.url = url
            yield store
    finally:
        process.terminate()
        process.wait(20)


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise AssertionError(f"moto did not start: {log.read_text()}")


@contextmanager
def _proxy(store: Store, port: int) -> Iterator[str]:
    class Requests(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def pass_on(self) -> None:
            seen = Seen(self.command, self.path, int(self.headers.get("Content-Length") or 0))
            body = self.body(seen)
            store.seen.append(seen)
            status = store.fault(seen) if store.fault is not None else None
            if status is not None:
                error = f"<Error><Code>{ERRORS[status]}</Code><Message>refused</Message></Error>"
                self.answer(status, {"Content-Type": "application/xml"}, error.encode())
                return
            server = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
            headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP}
            server.request(self.command, self.path, body, headers)
            response = server.getresponse()
            names = {name: value for name, value in response.getheaders() if name.lower() not in HOP}
            if self.command == "HEAD":
                names["Content-Length"] = response.getheader("Content-Length") or "0"
            self.answer(response.status, names, response.read())
            server.close()

        def body(self, seen: Seen) -> bytes:
            if seen.kind != "part" or store.bytes_per_second is None:
                return self.rfile.read(seen.size)
            pieces, left = [], seen.size
            while left:
                pieces.append(self.rfile.read(min(64 * 1024, left)))
                left -= len(pieces[-1])
                time.sleep(len(pieces[-1]) / store.bytes_per_second)
            return b"".join(pieces)

        def answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
            self.send_response_only(status)
            for name, value in headers.items():
                self.send_header(name, value)
            if "Content-Length" not in headers:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = pass_on

        def handle(self) -> None:
            try:
                super().handle()
            except OSError:
                # The client has given up, or was killed.
                self.close_connection = True

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Requests)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
