"""File systems for the tests: a slow one that renames, and an object store whose uploads appear when complete."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

import fsspec
from fsspec.implementations.memory import MemoryFileSystem
from fsspec.spec import AbstractBufferedFile


class SlowStore(MemoryFileSystem):
    """Memory, each of whose blocks waits for ``gate``, and fails as ``fault`` says."""

    protocol = "slow"
    cachable = False
    store: ClassVar[dict[str, Any]] = {}
    pseudo_dirs: ClassVar[list[str]] = [""]
    gate = threading.Event()
    fault: Exception | None = None
    log: ClassVar[list[str]] = []
    writers: ClassVar[set[str]] = set()

    @classmethod
    def _strip_protocol(cls, path: Any) -> str:
        return "/" + str(path).removeprefix(f"{cls.protocol}://").strip("/")

    def _open(self, path: str, mode: str = "rb", **options: Any) -> Any:
        file = super()._open(path, mode, **options)
        if mode == "wb":
            real = file.write

            def write(data: bytes) -> int:
                type(self).writers.add(threading.current_thread().name)
                self.gate.wait(30)
                if self.fault is not None:
                    raise self.fault
                return real(data)

            file.write = write
        return file

    def mv(self, path1: str, path2: str, **options: Any) -> None:
        self.log.append("mv")
        super().mv(path1, path2, **options)


class Upload(AbstractBufferedFile):
    """What s3fs and gcsfs do: parts go up one by one, and commit makes the object."""

    def _initiate_upload(self) -> None:
        self.fs.log.append("begin")
        self.parts: list[bytes] = []
        self.fs.uploads.add(self.path)

    def _upload_chunk(self, final: bool = False) -> bool:
        self.fs.gate.wait(30)
        if self.fs.fault is not None:
            raise self.fs.fault
        self.parts.append(self.buffer.getvalue())
        self.fs.log.append(f"part {len(self.parts[-1])}")
        if self.autocommit and final:
            self.commit()
        return True

    def commit(self) -> None:
        self.fs.log.append("commit")
        if self.fs.refusals:
            raise self.fs.refusals.pop(0)
        if len(self.fs.lost_answers) == 1:
            raise self.fs.lost_answers.pop()
        self.fs.uploads.discard(self.path)
        self.fs.pipe_file(self.path, b"".join(self.parts))
        if self.fs.lost_answers:
            raise self.fs.lost_answers.pop(0)

    def discard(self) -> None:
        self.fs.log.append("abort")
        self.fs.uploads.discard(self.path)


class ObjectStore(SlowStore):
    """An object store, under the protocol of S3."""

    protocol = "s3"
    store: ClassVar[dict[str, Any]] = {}
    pseudo_dirs: ClassVar[list[str]] = [""]
    gate = threading.Event()
    log: ClassVar[list[str]] = []
    uploads: ClassVar[set[str]] = set()
    refusals: ClassVar[list[Exception]] = []
    """What the next attempts to make an object raise."""
    lost_answers: ClassVar[list[Exception]] = []
    """What is raised after the object was made, and by the attempt after it."""

    @classmethod
    def _strip_protocol(cls, path: Any) -> str:
        return str(path).removeprefix(f"{cls.protocol}://").strip("/")

    def _open(self, path: str, mode: str = "rb", block_size: Any = None, **options: Any) -> Any:
        if mode == "wb":
            return Upload(self, path, mode, block_size=block_size or "default", **options)
        return MemoryFileSystem._open(self, path, mode)

    def pipe_file(self, path: str, value: bytes, **options: Any) -> None:
        with MemoryFileSystem._open(self, path, "wb") as file:
            file.write(value)


@contextmanager
def registered(kind: type[SlowStore], patch: Callable[[Any, str, Any], None]) -> Iterator[type[SlowStore]]:
    """Make a file system known to Airflow under its protocol, empty and quick.

    :param kind: the file system
    :param patch: ``monkeypatch.setitem``
    """
    from airflow.sdk.io import fs, store

    fsspec.register_implementation(kind.protocol, kind, clobber=True)
    patch(fs._register_filesystems(), kind.protocol, lambda conn_id, options: kind())
    patch(store._STORE_CACHE, kind.protocol, store.ObjectStore(kind.protocol, None, fs=kind()))
    kind.store.clear()
    kind.log.clear()
    kind.writers.clear()
    kind.fault = None
    if issubclass(kind, ObjectStore):
        kind.refusals, kind.lost_answers = [], []
    kind.gate.set()
    try:
        yield kind
    finally:
        kind.gate.set()
        kind.fault = None
