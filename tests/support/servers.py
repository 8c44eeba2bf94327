"""Small servers that answer in one fixed way and note what came, for what the sandbox does not simulate."""

from __future__ import annotations

import datetime
import ipaddress
import os
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.client import parse_headers
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


@dataclass
class Answering:
    """A server on a free port.

    :param url: where it listens
    :param seen: method, path (the full URL for a proxy) and headers of each request
    """

    url: str
    seen: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)


Handler = Callable[[str, str, dict[str, str], bytes], tuple[int, dict[str, str], bytes]]
"""Answers a request: method, path, headers, body; returns status, headers, body."""


@contextmanager
def serving(handle: Handler, tls: ssl.SSLContext | None = None) -> Iterator[Answering]:
    """Run a server that a function answers for."""

    class Requests(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            names = {name.lower(): value for name, value in self.headers.items()}
            found.seen.append((self.command, self.path, names))
            status, headers, answer = handle(self.command, self.path, names, body)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(answer)

        do_GET = do_POST = do_HEAD = answer

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Requests)
    server.daemon_threads = True
    if tls is not None:
        # The handshake happens in the thread of the request: a client that refuses it hurts nobody else.
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    found = Answering(f"{'https' if tls else 'http'}://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def answering(
    status: int, body: bytes = b"", headers: dict[str, str] | None = None, tls: ssl.SSLContext | None = None
) -> Iterator[Answering]:
    """Run a server that gives every request the same answer."""
    with serving(lambda *_: (status, headers or {}, body), tls) as found:
        yield found


@contextmanager
def breaking_tls(tls: ssl.SSLContext) -> Iterator[Answering]:
    """Run a server that reads one request through TLS and answers it in clear."""
    found = Answering("")

    def serve() -> None:
        plain, _ = listening.accept()
        with plain:
            plain.settimeout(30)
            with tls.wrap_socket(plain, server_side=True) as secure:
                with secure.makefile("rb") as reader:
                    method, path, _ = reader.readline().decode().split()
                    names = {name.lower(): value for name, value in parse_headers(reader).items()}
                    reader.read(int(names.get("content-length", 0)))
                found.seen.append((method, path, names))
                os.write(secure.fileno(), b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(30)
        found.url = f"https://127.0.0.1:{listening.getsockname()[1]}"
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield found
        finally:
            thread.join()


def self_signed(folder: Path) -> tuple[Path, ssl.SSLContext]:
    """Make a certificate for 127.0.0.1 that nobody has signed; return its file and a server's context."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    public, private = folder / "certificate.pem", folder / "key.pem"
    public.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(public, private)
    return public, context


@contextmanager
def _accepting(serve: Callable[[socket.socket], None], closing: threading.Event) -> Iterator[int]:
    """Serve each connection to a free port in a thread of its own, until the end."""

    def accept() -> None:
        while not closing.is_set():
            try:
                client, _ = listening.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(client,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield listening.getsockname()[1]
        finally:
            closing.set()
            with suppress(OSError):
                listening.shutdown(socket.SHUT_RDWR)
            thread.join()


@contextmanager
def writing(
    *pieces: bytes, pause: float = 0.0, tls: ssl.SSLContext | None = None, early: bytes = b""
) -> Iterator[Answering]:
    """
    Run a server that answers each connection's first request with the bytes given, and closes.

    :param pieces: the bytes, as they are written one after another
    :param pause: seconds before each piece
    :param early: bytes written again and again, after each pause, in place of an answer that ends
    """
    found = Answering("")
    closing = threading.Event()

    def serve(client: socket.socket) -> None:
        with suppress(OSError), client:
            client.settimeout(30)
            stream = tls.wrap_socket(client, server_side=True) if tls else client
            with stream, stream.makefile("rb") as reader:
                line = reader.readline().decode("latin-1").split()
                names = {name.lower(): value for name, value in parse_headers(reader).items()}
                reader.read(int(names.get("content-length", 0)))
                found.seen.append((line[0], line[1], names))
                for piece in pieces:
                    if pause and closing.wait(pause):
                        return
                    stream.sendall(piece)
                while early and not closing.wait(pause):
                    stream.sendall(early)

    with _accepting(serve, closing) as port:
        found.url = f"{'https' if tls else 'http'}://127.0.0.1:{port}"
        yield found


@contextmanager
def handshaking(*pieces: bytes) -> Iterator[Answering]:
    """Run a server that reads what comes first, a greeting of TLS or a CONNECT, and writes the pieces.

    Without pieces it keeps silent and the connection open.
    """
    found = Answering("")
    closing = threading.Event()

    def serve(client: socket.socket) -> None:
        with suppress(OSError), client:
            client.recv(65536)
            for piece in pieces:
                client.sendall(piece)
            if not pieces:
                closing.wait(30)

    with _accepting(serve, closing) as port:
        found.url = f"http://127.0.0.1:{port}"
        yield found


@contextmanager
def tunnelling(pause: float = 0.0) -> Iterator[Answering]:
    """Run a proxy that answers CONNECT in drips, one byte after each pause, and then passes all on."""
    found = Answering("")
    closing = threading.Event()

    def pump(source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def serve(client: socket.socket) -> None:
        with suppress(OSError), client:
            head = b""
            while b"\r\n\r\n" not in head:
                head += client.recv(1)
            method, target, _ = head.split(b"\r\n")[0].decode().split()
            found.seen.append((method, target, {}))
            for byte in b"HTTP/1.1 200 OK\r\n\r\n":
                if pause and closing.wait(pause):
                    return
                client.sendall(bytes([byte]))
            host, _, port = target.rpartition(":")
            with socket.create_connection((host, int(port))) as server:
                back = threading.Thread(target=pump, args=(server, client), daemon=True)
                back.start()
                pump(client, server)
                back.join()

    with _accepting(serve, closing) as port:
        found.url = f"http://127.0.0.1:{port}"
        yield found
