from __future__ import annotations

import asyncio
import gc
import gzip
import io
import os
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from airflow_provider.exceptions import InvalidInput
from airflow_provider.records import background, destinations, storage, uploads
from airflow_provider.records.new_file import NewFile
from airflow_provider.records.readers import Records
from airflow_provider.records.writers import FileOutput, ListOutput, open_output
from tests.support.stores import ObjectStore, SlowStore, registered


@pytest.fixture
def slow(monkeypatch):
    with registered(SlowStore, monkeypatch.setitem) as kind:
        yield kind


@pytest.fixture
def objects(monkeypatch):
    with registered(ObjectStore, monkeypatch.setitem) as kind:
        yield kind


@pytest.fixture(params=["path", "file", "slow", "s3"])
def place(request, tmp_path, slow, objects) -> str:
    """A place of each kind that a file can be written to."""
    return {
        "path": f"{tmp_path}/x.jsonl",
        "file": f"file://{tmp_path}/x.jsonl",
        "slow": "slow://bucket/x.jsonl",
        "s3": "s3://bucket/x.jsonl",
    }[request.param]


def content(path: str, **options: Any) -> bytes:
    with storage.reading(path, **options) as file:
        return file.read()


def test_a_file_is_there_when_it_is_published_and_not_before(place):
    file = NewFile(place)
    file.write(b"one\n")
    file.write(b"two\n")
    assert not storage.exists(place)
    file.publish()
    assert storage.exists(place)
    assert content(place) == b"one\ntwo\n"
    assert not storage.exists(place + ".partial")


def test_an_empty_file_can_be_published(place):
    NewFile(place).publish()
    assert content(place) == b""


def test_publishing_replaces_and_abandoning_does_not(place):
    first = NewFile(place)
    first.write(b"first")
    first.publish()
    second = NewFile(place)
    second.write(b"second")
    second.abandon()
    assert content(place) == b"first"
    assert not storage.exists(place + ".partial")
    third = NewFile(place)
    third.write(b"third")
    third.publish()
    assert content(place) == b"third"


@pytest.mark.parametrize("end", ["keep", "close"])
def test_what_was_published_before_stays_when_a_file_is_kept_or_closed(place, end):
    before = NewFile(place)
    before.write(b"before")
    before.publish()
    file = NewFile(place)
    file.write(b"now")
    kept = getattr(file, end)()
    assert content(place) == b"before"
    if place.startswith("s3://"):
        assert kept is None
        assert not storage.exists(place + ".partial")
    else:
        assert content(place + ".partial") == b"now"
        assert end == "close" or kept == place + ".partial"


def test_removing_what_is_not_there_is_harmless(place):
    storage.remove(place)
    NewFile(place).publish()
    storage.remove(place)
    assert not storage.exists(place)


def test_compressed_content_is_the_same_each_time(place):
    contents = []
    for _ in range(2):
        file = NewFile(place, compressed=True)
        file.write(b"one\n" * 1000)
        file.publish()
        contents.append(content(place))
    assert contents[0] == contents[1]
    assert gzip.decompress(contents[0]) == content(place, compressed=True) == b"one\n" * 1000


@pytest.mark.parametrize("end", ["publish", "keep", "abandon", "close"])
def test_a_compressed_file_ends_without_a_word(place, end, monkeypatch):
    # What a finalizer raises stands in the log of a task, with a traceback, from Python 3.13 on.
    said: list[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", said.append)
    file = NewFile(place, compressed=True)
    file.write(b"one\n")
    getattr(file, end)()
    del file
    gc.collect()
    assert not said


def test_a_local_file_is_on_the_disk_before_it_takes_its_name(tmp_path, monkeypatch):
    steps = []
    for name in ("fsync", "replace"):
        real = getattr(os, name)

        def noted(*given: Any, name: str = name, real: Any = real) -> Any:
            steps.append(name)
            return real(*given)

        monkeypatch.setattr(os, name, noted)
    NewFile(str(tmp_path / "x")).publish()
    # Its content, its name, and the folder that has the name.
    assert steps == ["fsync", "replace", "fsync"]


# Object stores


def test_an_object_is_uploaded_once_under_its_own_name(objects):
    output = FileOutput("s3://bucket/x.jsonl")
    output.write({"id": 1})
    output.publish()
    assert objects.log == ["begin", "part 9", "commit"]
    assert content("s3://bucket/x.jsonl") == b'{"id":1}\n'


@pytest.mark.parametrize("end", ["keep", "discard", "close"])
def test_an_upload_that_does_not_end_well_is_aborted(objects, end):
    output = FileOutput("s3://bucket/x.jsonl")
    for number in range(100):
        output.write({"id": number, "text": "x" * 200_000})
    assert getattr(output, end)() is None
    assert "abort" in objects.log
    assert "commit" not in objects.log
    assert not objects.uploads
    assert not objects.store


def test_an_upload_that_fails_leaves_the_object_of_before(objects):
    FileOutput("s3://bucket/x.jsonl").publish()
    output = FileOutput("s3://bucket/x.jsonl")
    output.write({"id": 1})
    objects.fault = PermissionError(13, "Access Denied")
    with pytest.raises(PermissionError, match="Access Denied"):
        output.publish()
    output.close()
    assert content("s3://bucket/x.jsonl") == b""
    assert not objects.uploads


class Busy(Exception):
    """What the library of a store raises of its own."""


@pytest.mark.parametrize("faults", [[], [Busy("503")], [Busy("503")] * 4])
def test_a_store_that_is_busy_at_the_end_is_asked_again(objects, faults, monkeypatch):
    monkeypatch.setattr(destinations, "BUSY_PAUSES", (0, 0, 0, 0))
    objects.refusals = list(faults)
    output = FileOutput("s3://bucket/x.jsonl")
    output.write({"id": 1})
    output.publish()
    assert content("s3://bucket/x.jsonl") == b'{"id":1}\n'
    assert objects.log == ["begin", "part 9", *["commit"] * (len(faults) + 1)]


def test_a_store_that_stays_busy_is_an_error_and_leaves_nothing(objects, monkeypatch):
    monkeypatch.setattr(destinations, "BUSY_PAUSES", (0, 0, 0, 0))
    objects.refusals = [Busy("503")] * 5
    output = FileOutput("s3://bucket/x.jsonl")
    output.write({"id": 1})
    with pytest.raises(OSError, match="503"):
        output.publish()
    assert not objects.uploads
    assert not objects.store


@pytest.mark.parametrize("fault", [PermissionError(13, "no"), FileNotFoundError(2, "no bucket")])
def test_an_answer_that_stays_the_same_is_not_asked_for_again(objects, fault):
    objects.refusals = [fault]
    output = FileOutput("s3://bucket/x.jsonl")
    output.write({"id": 1})
    with pytest.raises(type(fault)):
        output.publish()
    assert objects.log.count("commit") == 1


def test_an_object_whose_making_lost_its_answer_is_found(objects, monkeypatch):
    monkeypatch.setattr(destinations, "BUSY_PAUSES", (0, 0, 0, 0))
    objects.lost_answers = [Busy("the answer was lost"), FileNotFoundError(2, "NoSuchUpload")]
    output = FileOutput("s3://bucket/x.jsonl")
    output.write({"id": 1})
    output.publish()
    assert content("s3://bucket/x.jsonl") == b'{"id":1}\n'


@pytest.mark.parametrize(
    ("path", "hint"),
    [
        ("s3://bucket/x.csv", "s3://my_conn@bucket/…"),
        ("s3://my@bucket/x.csv", ""),
        ("gs://bucket", "gs://my_conn@bucket"),
        ("/srv/x.csv", ""),
        ("file:///srv/x.csv", ""),
        ("memory://x.csv", ""),
    ],
)
def test_a_uri_without_a_connection_says_how_it_names_one(path, hint):
    said = storage.name_a_connection(path)
    assert (hint in said) if hint else said == ""


def test_the_own_errors_of_a_store_name_the_file_and_the_connection_to_write(objects, monkeypatch):
    def refuse(*_: Any, **__: Any) -> Any:
        raise Busy("Unable to locate credentials")

    monkeypatch.setattr(objects, "_open", refuse)
    with pytest.raises(InvalidInput, match="Unable to locate credentials") as raised:
        Records("s3://bucket/x.jsonl").__enter__()
    assert "s3://my_conn@bucket/…" in str(raised.value)


def test_other_stores_rename(slow):
    output = FileOutput("slow://bucket/x.jsonl")
    output.write({"id": 1})
    output.publish()
    assert slow.log == ["mv"]


# From a thread


def numbers(path: str) -> list[int]:
    return [int(line[:8]) for line in content(path).splitlines()]


def line(number: int) -> bytes:
    return b"%08d" % number + b"x" * 991 + b"\n"


@pytest.mark.parametrize("scheme", ["slow", "s3"])
def test_the_event_loop_does_not_wait_while_a_store_takes_its_time(scheme, slow, objects):
    """50 MB are written to a store that takes nothing; the loop goes on, and ``drain`` waits for room."""
    kind, path = (slow if scheme == "slow" else objects), f"{scheme}://bucket/x.jsonl"
    count, steps, full = 50_000, [0], []

    async def tick() -> None:
        while True:
            steps[0] += 1
            await asyncio.sleep(0)

    async def write(file: NewFile) -> None:
        for number in range(count):
            file.write(line(number))
            full.append(file.pending())
            await file.drain()

    async def main(file: NewFile) -> None:
        ticking, writing = asyncio.create_task(tick()), asyncio.create_task(write(file))
        while file.pending() <= background.LIMIT:
            await asyncio.sleep(0)
        # The writer waits for room; everything else goes on. With writes on the loop this would never come.
        before = steps[0]
        while steps[0] < before + 1000:
            await asyncio.sleep(0)
        assert not writing.done()
        kind.gate.set()
        await writing
        ticking.cancel()
        await asyncio.to_thread(file.publish)

    kind.gate.clear()
    file = NewFile(path)
    asyncio.run(asyncio.wait_for(main(file), 60))
    assert max(full) <= background.LIMIT + 2 * background.BLOCK
    assert numbers(path) == list(range(count))
    assert threading.current_thread().name not in kind.writers


def test_outside_of_an_event_loop_writing_waits_itself(slow, monkeypatch):
    monkeypatch.setattr(background, "LIMIT", 1000)
    monkeypatch.setattr(background, "BLOCK", 100)
    slow.gate.clear()
    file = NewFile("slow://bucket/x.jsonl")
    started, highest = threading.Event(), []

    def write() -> None:
        started.set()
        for number in range(50):
            file.write(line(number))
            highest.append(file.pending())

    thread = threading.Thread(target=write)
    thread.start()
    started.wait(5)
    thread.join(0.2)
    assert thread.is_alive()
    assert len(highest) < 50
    slow.gate.set()
    thread.join(20)
    file.publish()
    assert numbers("slow://bucket/x.jsonl") == list(range(50))
    assert max(highest) <= 2000


class StoreError(Exception):
    """What the library of a store raises; it is no OSError."""


@pytest.mark.parametrize("fault", [OSError(28, "No space left"), StoreError("quota of the bucket")])
@pytest.mark.parametrize("step", ["write", "drain", "publish", "keep"])
def test_an_error_of_the_thread_comes_with_the_next_step(slow, fault, step):
    slow.fault = fault
    file = NewFile("slow://bucket/x.jsonl")
    file.write(b"x" * background.BLOCK)
    file._thread._thread.join(10)
    steps = {"write": lambda: file.write(b"y"), "drain": lambda: asyncio.run(file.drain())}
    with pytest.raises(OSError, match=r"No space left|quota of the bucket") as raised:
        steps.get(step, lambda: getattr(file, step)())()
    assert raised.value.filename == "slow://bucket/x.jsonl"
    file.close()
    assert file.pending() == 0
    assert "/bucket/x.jsonl" not in slow.store


def test_drain_ends_with_the_error_and_does_not_hang(slow, monkeypatch):
    monkeypatch.setattr(background, "LIMIT", 1000)
    slow.gate.clear()
    slow.fault = OSError(5, "gone")
    file = NewFile("slow://bucket/x.jsonl")

    async def main() -> None:
        file.write(b"x" * background.BLOCK)
        asyncio.get_running_loop().call_later(0.05, slow.gate.set)
        await file.drain()

    with pytest.raises(OSError, match="gone"):
        asyncio.run(asyncio.wait_for(main(), 20))


def test_who_waits_for_room_takes_no_thread_of_the_event_loop(slow, monkeypatch):
    monkeypatch.setattr(background, "LIMIT", 1000)
    monkeypatch.setattr(background, "BLOCK", 100)

    async def scene() -> None:
        file = NewFile("slow://bucket/x.jsonl")
        slow.gate.clear()
        for _ in range(30):
            file.write(b"n" * 100)
        waiting = [asyncio.create_task(file.drain()) for _ in range(200)]
        await asyncio.sleep(0)
        # A name is looked up, a record is read, an outcome is kept: all in threads of the loop.
        assert await asyncio.wait_for(asyncio.to_thread(lambda: "done"), 5) == "done"
        assert not any(task.done() for task in waiting)
        slow.gate.set()
        await asyncio.wait_for(asyncio.gather(*waiting), 5)
        await asyncio.to_thread(file.abandon)

    asyncio.run(scene())


def test_a_part_that_fails_goes_up_again_and_once(objects, monkeypatch):
    from tests.support import stores

    real, faults = stores.Upload._upload_chunk, [Busy("503")] * 3

    def upload_chunk(self: Any, final: bool = False) -> bool:
        if faults:
            raise faults.pop()
        return real(self, final)

    monkeypatch.setattr(stores.Upload, "_upload_chunk", upload_chunk)
    monkeypatch.setattr(destinations, "BUSY_PAUSES", (0, 0, 0, 0))
    monkeypatch.setattr(destinations, "UPLOAD_BLOCK", 1000)
    output = FileOutput("s3://bucket/x.jsonl")
    for number in range(100):
        output.write({"id": number})
    output.complete()
    faults += [Busy("503")]
    output.publish()
    assert content("s3://bucket/x.jsonl") == b"".join(b'{"id":%d}\n' % number for number in range(100))


def test_bytes_of_several_parts_are_in_the_object_once_though_a_later_part_fails(objects, monkeypatch):
    from tests.support import stores

    faults = [Busy("503"), Busy("503")]

    def upload_chunk(self: Any, final: bool = False) -> bool:
        """Make parts of one size of all that there is, as s3fs does for stores that insist on it."""
        self.buffer.seek(0)
        least = 1 if final else self.blocksize
        while len(self.buffer.getbuffer()) - self.buffer.tell() >= least:
            part = self.buffer.read(self.blocksize)
            if self.parts and faults:
                raise faults.pop()
            self.parts.append(part)
        self.offset += self.buffer.tell()
        self.buffer = io.BytesIO(self.buffer.read())
        self.buffer.seek(0, 2)
        return False

    def patiently(step: Callable[[], object]) -> None:
        for _ in range(3):
            with suppress(Busy):
                step()
                return

    monkeypatch.setattr(stores.Upload, "_upload_chunk", upload_chunk)
    monkeypatch.setattr(uploads, "UPLOAD_BLOCK", 1000)
    written = b"".join(b"%d," % number for number in range(1000))
    upload = uploads.Upload(objects()._open("bucket/x", "wb", block_size=1000, autocommit=False), patiently)
    upload.write(written)
    upload.close()
    upload.commit()
    assert content("s3://bucket/x") == written
    assert not faults


def test_an_upload_that_is_told_to_end_waits_for_no_busy_store(objects, monkeypatch):
    from tests.support import stores

    tried = threading.Event()

    def upload_chunk(self: Any, final: bool = False) -> bool:
        tried.set()
        raise Busy("503")

    monkeypatch.setattr(stores.Upload, "_upload_chunk", upload_chunk)
    monkeypatch.setattr(background, "BLOCK", 100)
    monkeypatch.setattr(destinations, "BUSY_PAUSES", (60.0,))
    file = NewFile("s3://bucket/x.jsonl")
    file.write(b"n" * 9 * 1024 * 1024)
    assert tried.wait(5)
    began = time.monotonic()
    file.abandon()
    assert time.monotonic() - began < 5
    assert not objects.uploads


def test_local_and_list_outputs_have_nothing_pending(tmp_path):
    for output in (ListOutput(), open_output(None), open_output(f"{tmp_path}/x.jsonl")):
        output.write({"id": 1})
        asyncio.run(output.drain())
        assert output.pending() == 0
        output.close()


def test_what_has_no_connection_left_is_not_asked_for_it_at_the_end(slow, monkeypatch):
    """Inside an event loop, and in a thread of it, Airflow refuses to look a connection up."""
    output = FileOutput("slow://bucket/x.jsonl")
    output.write({"id": 1})
    monkeypatch.setattr(destinations, "remote", None)
    output.publish()
    monkeypatch.undo()
    assert Path("/bucket/x.jsonl").as_posix() in slow.store
