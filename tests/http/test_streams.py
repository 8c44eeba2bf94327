"""The body of a success goes to a sink, not into memory; both drivers keep one rule."""

from __future__ import annotations

import asyncio
import errno
import gzip
import hashlib
import threading
import tracemalloc
import zlib
from dataclasses import dataclass, field
from typing import Any

import pytest

from airflow_provider.exceptions import VendorError, VendorProtocolError, VendorUnavailable
from airflow_provider.http import body
from airflow_provider.http.call import Call, Repeat, Response
from airflow_provider.http.retry import RequestPolicy
from airflow_provider.http.sinks import Saved
from tests.support.acme import AcmeHook
from tests.support.acme import read as read_document
from tests.support.drivers import pooled
from tests.support.parity import (
    ANSWERS,
    BOMB,
    CHUNKED,
    DEFLATE,
    GZIP,
    answer,
    chunked,
    driver,
    end_of,
    raw_deflate,
)
from tests.support.servers import answering, serving, writing

FILE = bytes(range(256)) * 10_000
"""Two and a half megabytes: several blocks."""


@dataclass
class Places:
    """Keeps what each attempt has written."""

    opened: list[bytearray] = field(default_factory=list)
    published: list[bytes] = field(default_factory=list)
    abandoned: int = 0
    fails: str = ""
    full_after: int = 0
    threads: set[int] = field(default_factory=set)
    largest: int = 0

    def __call__(self) -> Place:
        self._full("open")
        self.opened.append(bytearray())
        return Place(self, self.opened[-1])

    def _full(self, what: str) -> None:
        self.threads.add(threading.get_ident())
        if self.fails == what:
            raise OSError(errno.ENOSPC, "No space left on device", "/full/file.pdf")


@dataclass
class Place:
    places: Places
    written: bytearray

    def write(self, data: bytes) -> None:
        self.places.largest = max(self.places.largest, len(data))
        if len(self.written) >= self.places.full_after:
            self.places._full("write")
        self.written += data

    def publish(self, saved: Saved) -> Saved:
        self.places._full("publish")
        self.places.published.append(bytes(self.written))
        return Saved(saved.size, saved.sha256, saved.start, "the place")

    def abandon(self) -> None:
        self.places.abandoned += 1


def read(response: Response) -> Any:
    if response.saved is None:
        return read_document(response)
    assert response.body == b""
    if response.saved.start.startswith(b"<html"):
        raise VendorProtocolError(f"no file ({response.shape})", status=response.status)
    return response.saved


def download(places: Places, repeat: Repeat = Repeat.SAFE, **more: Any) -> Call[Any]:
    return Call("GET", "file", read, repeat, sink=places, **more)


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


FRAMINGS = {
    "length": answer(FILE),
    "no length": answer(FILE, length=False),
    "chunked": answer(chunked(FILE[:9], FILE[9:]), CHUNKED, length=False),
    "gzip": answer(gzip.compress(FILE, mtime=0), GZIP),
    "gzip in two members": answer(gzip.compress(FILE[:999], mtime=0) + gzip.compress(FILE[999:]), GZIP),
    "gzip, chunked": answer(chunked(gzip.compress(FILE)), GZIP, CHUNKED, length=False),
    "deflate": answer(zlib.compress(FILE), DEFLATE),
    "deflate without its header": answer(raw_deflate(FILE), DEFLATE),
}


@driver
@pytest.mark.parametrize("name", FRAMINGS)
def test_a_file_is_written_to_the_sink_however_it_is_sent(connect, send, name):
    places = Places()
    with writing(FRAMINGS[name]) as server:
        connect(server)
        [saved] = send(AcmeHook(), download(places))
    assert places.published == [FILE]
    assert (saved.size, saved.sha256, saved.path) == (len(FILE), digest(FILE), "the place")
    assert saved.start == FILE[:1024]
    # aiohttp hands over at once what its own buffer holds, which is bounded too.
    assert places.largest <= 4 * body.BLOCK
    assert places.abandoned == 0


@driver
@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_means_to_a_sink_what_it_means_in_memory(connect, send, name):
    written, expected = ANSWERS[name]
    places = Places()
    with writing(written) as server:
        connect(server)
        end = end_of(send, server, download(places), max_response_bytes=1_000_000)
    if name == "latin-1 that nobody declares":
        # That it is no JSON is not seen in a file.
        assert end.value.size == len(places.published[0])
        return
    assert (end.error, end.status, end.requests) == (expected.error, expected.status, expected.requests)
    assert len(places.published) == (expected.error is None)
    # What was opened for an attempt that came to nothing is gone.
    assert places.abandoned == len(places.opened) - len(places.published)


@driver
def test_the_body_of_an_error_stays_in_memory_for_its_text(connect, send):
    places = Places()
    with answering(404, b"{}") as server:
        connect(server)
        with pytest.raises(VendorError) as raised:
            send(AcmeHook(), download(places))
    assert raised.value.status == 404
    assert places.opened == []


@driver
@pytest.mark.parametrize("status", [200, 204])
def test_nothing_is_opened_for_an_empty_body(connect, send, status):
    places = Places()
    with writing(answer(b"", status=b"%d Empty" % status)) as server:
        connect(server)
        [saved] = send(AcmeHook(), download(places))
    assert (saved.size, saved.path) == (0, None)
    assert places.opened == []


@driver
def test_a_body_that_the_decoder_refuses_is_not_published(connect, send):
    places = Places()
    with answering(200, b"<html>Sign in</html>") as server:
        connect(server)
        with pytest.raises(VendorProtocolError, match="20 bytes"):
            send(AcmeHook(), download(places))
    assert (places.published, places.abandoned) == ([], 1)


@driver
def test_a_file_that_breaks_off_is_read_from_its_start_again(connect, send):
    places = Places()
    whole, cut = answer(FILE), answer(FILE)[: -len(FILE) // 2]
    answers = iter([cut, cut, whole])
    with writing_each(answers) as server:
        connect(server)
        [saved] = send(AcmeHook(policy=RequestPolicy(backoff=0.0)), download(places))
    assert saved.sha256 == digest(FILE)
    assert places.published == [FILE]
    assert (len(places.opened), places.abandoned) == (3, 2)


@driver
def test_a_once_call_that_breaks_off_is_not_repeated(connect, send):
    places = Places()
    with writing(answer(FILE)[:-9]) as server:
        connect(server)
        assert end_of(send, server, download(places, Repeat.ONCE)).error == "OutcomeUnknown"
        assert len(server.seen) == 1
    assert (places.published, places.abandoned) == ([], 1)


@driver
@pytest.mark.parametrize("when", ["open", "write", "publish"])
def test_a_full_disk_is_our_error_and_not_repeated(connect, send, when):
    places = Places(fails=when, full_after=300_000)
    with writing(answer(FILE)) as server:
        connect(server)
        with pytest.raises(OSError, match="No space left") as raised:
            send(AcmeHook(), download(places))
        assert len(server.seen) == 1
    assert (raised.value.errno, raised.value.filename) == (errno.ENOSPC, "/full/file.pdf")
    assert not isinstance(raised.value, VendorError)
    assert places.published == []
    assert places.abandoned == len(places.opened)


@driver
def test_the_observer_is_told_of_an_answer_that_could_not_be_written(connect, send):
    told: list[Any] = []

    class Observer:
        due = False

        def before_request(self) -> None:
            told.append("before")

        def after_request(self, call: Any, response: Any, result: Any) -> None:
            told.append(type(result).__name__)

        def flush(self) -> None: ...

        def complete(self, error: Any) -> None: ...

        def close(self) -> None: ...

    class Hook(AcmeHook):
        def open_observer(self, options: Any) -> Any:
            return Observer()

        async def aopen_observer(self, options: Any) -> Any:
            return Observer()

    with writing(answer(FILE)) as server:
        connect(server)
        with pytest.raises(OSError, match="No space"):
            send(Hook(), download(Places(fails="write")))
    assert told == ["before", "VendorError"]


@driver
def test_a_file_may_be_larger_than_the_policy_allows_an_answer_to_be(connect, send):
    exact = len(FILE)
    with writing(answer(FILE)) as server:
        connect(server)
        for limit, error in (
            (exact, None),
            (exact - 1, "VendorProtocolError"),
            (None, "VendorProtocolError"),
        ):
            places = Places()
            end = end_of(send, server, download(places, max_response_bytes=limit), max_response_bytes=1000)
            assert end.error == error
            assert len(places.published) == (error is None)


@driver
def test_a_bomb_is_neither_held_nor_kept(connect, send):
    places = Places()
    with writing(answer(BOMB, GZIP)) as server:
        connect(server)
        assert end_of(send, server, download(places), max_response_bytes=10_000_000).error
    assert places.largest <= body.BLOCK
    assert (places.published, places.abandoned) == ([], 1)


@driver
def test_a_file_in_drips_ends_at_the_timeout(connect, send):
    places = Places()
    pieces = [answer(b"", b"Content-Length: 900", length=False), *[b"x"] * 900]
    with writing(*pieces, pause=0.05) as server:
        connect(server, timeout=0.6)
        assert end_of(send, server, download(places), attempts=1).error == VendorUnavailable.__name__
    assert places.published == []
    assert places.abandoned == len(places.opened)


def test_the_event_loop_never_waits_for_the_sink(connect):
    places = Places()
    with writing(answer(FILE)) as server:
        connect(server)
        pooled(AcmeHook(), download(places))
    assert places.published == [FILE]
    assert threading.get_ident() not in places.threads


def test_a_download_that_is_cancelled_leaves_nothing(connect):
    places = Places()
    writes = threading.Event()
    go_on = threading.Event()

    class Slow(Place):
        def write(self, data: bytes) -> None:
            writes.set()
            assert go_on.wait(10)
            super().write(data)

    def opened() -> Slow:
        places.opened.append(bytearray())
        return Slow(places, places.opened[-1])

    async def cancel() -> None:
        async with hook.session() as client:
            task = asyncio.create_task(client.run(Call("GET", "file", read, Repeat.SAFE, sink=opened)))
            await asyncio.to_thread(writes.wait, 10)
            task.cancel()
            await asyncio.sleep(0)
            go_on.set()
            with pytest.raises(asyncio.CancelledError):
                await task

    with writing(answer(FILE)) as server:
        connect(server)
        hook = AcmeHook()
        hook.options  # noqa: B018
        asyncio.run(cancel())
    assert (len(places.opened), places.abandoned, places.published) == (1, 1, [])


@driver
def test_a_large_file_takes_no_more_memory_than_a_few_blocks(connect, send):
    size, piece = 24_000_000, b"x" * 1_000_000

    class Counting:
        def write(self, data: bytes) -> None: ...

        def publish(self, saved: Saved) -> Saved:
            return saved

        def abandon(self) -> None: ...

    with writing(answer(b"", b"Content-Length: %d" % size, length=False), *[piece] * 24) as server:
        connect(server)
        hook = AcmeHook()
        hook.options  # noqa: B018
        tracemalloc.start()
        try:
            [saved] = send(hook, Call("GET", "file", read, Repeat.SAFE, sink=Counting))
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert saved.size == size
    assert peak < 6_000_000


def writing_each(answers: Any) -> Any:
    """Run a server that gives one answer after another, as bytes on the wire."""
    import socket
    from contextlib import contextmanager

    from tests.support.servers import _accepting

    @contextmanager
    def run() -> Any:
        def serve(client: socket.socket) -> None:
            with client, client.makefile("rb") as reader:
                while reader.readline().strip():
                    pass
                client.sendall(next(answers))

        closing = threading.Event()
        with _accepting(serve, closing) as port:
            yield f"http://127.0.0.1:{port}"

    return run()


def test_two_files_at_once_go_to_places_of_their_own(connect):
    def handle(method: str, path: str, headers: Any, sent: bytes) -> Any:
        return 200, {}, path.encode() * 100_000

    async def both() -> list[Any]:
        async with hook.session() as client:
            calls = [Call("GET", name, read, Repeat.SAFE, sink=places) for name in ("one", "two")]
            return await asyncio.gather(*map(client.run, calls))

    places = Places()
    with serving(handle) as server:
        connect(server.url)
        hook = AcmeHook()
        hook.options  # noqa: B018
        found = asyncio.run(both())
    assert [one.sha256 for one in found] == [digest(b"/one" * 100_000), digest(b"/two" * 100_000)]
    assert sorted(places.published) == [b"/one" * 100_000, b"/two" * 100_000]
