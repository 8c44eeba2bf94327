"""Where files are: on a local disk or at a URI. How they are read, and how a new one takes its name."""

from __future__ import annotations

import contextlib
import gzip
import io
import os
import shutil
import zlib
from typing import IO, TYPE_CHECKING, Any, Protocol

from airflow_provider.records.background import BackgroundWriter, as_os_error

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from airflow_provider.records.background import Sink

PARTIAL = ".partial"
"""What is added to the name of a file that is not complete."""

COMPLETE_AT_ONCE = {"s3", "s3a", "gs", "gcs"}
"""Protocols of stores whose objects appear when their upload is completed, and never half.

Files of other protocols are written under another name first, and renamed. In these stores that would copy
the whole object once more.
"""

UPLOAD_BLOCK = 8 * 1024 * 1024
"""Bytes of one part of an upload to such a store. S3 takes 5 MiB at least, and 10,000 parts."""

GZIP_FAULTS = (EOFError, zlib.error, gzip.BadGzipFile)
"""What reading a file raises that is not compressed with gzip, or is damaged or cut off."""

COMPRESSION_LEVEL = 6
"""Of gzip: level 9, the default of Python's module, takes three times as long for one percent."""


def is_uri(path: str) -> bool:
    """Say whether a path is a URI.

    :param path: path or URI
    """
    return "://" in path


def open_for_reading(path: str) -> tuple[IO[bytes], int | None]:
    """Open a file.

    :param path: path or URI
    :return: the open file, and its size in bytes, if that is known
    :raises OSError: it cannot be opened
    :raises ValueError: no file system is registered for the scheme of the URI
    :raises ImportError: the library of the file system is not installed
    """
    if not is_uri(path):
        file = open(path, "rb")  # noqa: SIM115 - the caller closes it
        return file, os.fstat(file.fileno()).st_size
    remote = _remote(path)
    return remote.open("rb"), remote.stat().st_size


@contextlib.contextmanager
def reading(path: str, *, compressed: bool = False) -> Iterator[IO[bytes]]:
    """Open a file for the time of a ``with``.

    :param path: path or URI
    :param compressed: whether it is compressed with gzip; its text is read in clear
    """
    raw, _ = open_for_reading(path)
    with contextlib.closing(raw):
        yield decompressed(raw) if compressed else raw


def decompressed(raw: IO[bytes]) -> IO[bytes]:
    """Read a file that is compressed with gzip as a stream.

    :param raw: the open file; it stays open
    """
    plain: Any = gzip.GzipFile(fileobj=raw, mode="rb")
    return plain  # type: ignore[no-any-return]


def exists(path: str) -> bool:
    """Say whether there is a file.

    :param path: path or URI
    """
    if not is_uri(path):
        return os.path.isfile(path)
    remote = _remote(path)
    return bool(remote.fs.isfile(remote.path))


def remove(path: str) -> None:
    """Remove a file, if there is one.

    :param path: path or URI
    """
    if is_uri(path):
        _remove_remote(_remote(path))
    else:
        with contextlib.suppress(FileNotFoundError):
            os.remove(path)


def make_folder(path: str) -> None:
    """Make a folder and those above it, unless they are there.

    :param path: path or URI
    :raises OSError: it cannot be made
    """
    if not is_uri(path):
        os.makedirs(path, exist_ok=True)
        return
    remote = _remote(path)
    if remote.protocol not in COMPLETE_AT_ONCE:
        remote.fs.makedirs(remote.path, exist_ok=True)


def remove_folder(path: str) -> None:
    """Remove a folder with all that is in it, if there is one.

    :param path: path or URI
    :raises OSError: it cannot be removed
    """
    if is_uri(path):
        remote = _remote(path)
        if remote.fs.exists(remote.path):
            remote.fs.rm(remote.path, recursive=True)
    else:
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(path)


def remove_empty_folder(path: str) -> None:
    """Remove a folder if nothing is in it; else, and where that cannot be done, leave it.

    :param path: path or URI
    """
    if is_uri(path):
        remote = _remote(path)
        with contextlib.suppress(Exception):
            if not remote.fs.ls(remote.path, detail=False):
                remote.fs.rmdir(remote.path)
    else:
        with contextlib.suppress(OSError):
            os.rmdir(path)


def why_not(error: Exception) -> str:
    """Say in a few words why a file cannot be opened.

    :param error: what :func:`open_for_reading` or :class:`NewFile` raised
    """
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


class NewFile:
    """A file that takes its name when it is complete.

    A local file, and one at a URI, is written as ``<path>.partial`` and renamed. An object of a store in
    :data:`COMPLETE_AT_ONCE` is uploaded under its own name, and is not there before it is complete. In any
    case a file that had the name before stays until then.

    A file at a URI is written from a thread of its own, see
    :class:`~airflow_provider.records.background.BackgroundWriter`. :meth:`publish`, :meth:`keep`,
    :meth:`abandon` and :meth:`close` wait for the disk or the network: call them outside of an event loop, or
    with ``asyncio.to_thread``. Two threads must not use one file at the same time.

    :param path: path or URI of the finished file; folders are made
    :param compressed: compress it with gzip
    :raises OSError: it cannot be written there
    :raises ValueError: no file system is registered for the scheme of the URI
    :raises ImportError: the library of the file system is not installed
    """

    def __init__(self, path: str, *, compressed: bool = False) -> None:
        self.path = path
        self._place = _place(path)
        self.has_partial = self._place.has_partial
        self._raw = self._place.create()
        # No name and no time: the same content makes the same file.
        self._gzip = gzip.GzipFile("", "wb", COMPRESSION_LEVEL, self._raw, mtime=0) if compressed else None
        sink: Sink = self._gzip if self._gzip is not None else self._raw
        self._thread = BackgroundWriter(sink, path) if is_uri(path) else None
        self._sink: Sink = sink if self._thread is None else self._thread
        self._open = True

    def write(self, data: bytes) -> None:
        """Write bytes; inside an event loop that never waits for the network.

        :param data: the bytes
        :raises OSError: these, or ones before them, cannot be written
        """
        self._sink.write(data)

    def pending(self) -> int:
        """Say how many bytes wait to be sent; always 0 for a local file."""
        return 0 if self._thread is None else self._thread.pending()

    async def drain(self) -> None:
        """Wait until there is room for more bytes.

        :raises OSError: bytes before cannot be written
        """
        if self._thread is not None:
            await self._thread.drain()

    def stream(self) -> IO[bytes]:
        """Return the file as a binary stream, for what writes to one; closing it leaves the file open."""
        stream: Any = _Stream(self)
        return stream  # type: ignore[no-any-return]

    def publish(self) -> None:
        """Complete the file, and give it its name.

        :raises OSError: that cannot be done; what had the name before is still there
        """
        self._finish()
        self._storing(self._place.publish)

    def keep(self) -> str | None:
        """Leave what was written apart from the finished file.

        :return: where it is; None in a store that has no unfinished objects
        :raises OSError: that cannot be done
        """
        if not self.has_partial:
            self.abandon()
            return None
        self._finish()
        self._storing(self._place.keep)
        return self.path + PARTIAL

    def abandon(self) -> None:
        """Leave nothing of this file; what had its name before stays."""
        if self._open:
            self._open = False
            if self._thread is not None:
                self._thread.abandon()
            self._place.abandon(self._raw)

    def close(self) -> None:
        """Let go of the file, if nothing else did; what was written stays where :meth:`keep` leaves it."""
        if not self._open:
            return
        try:
            self.keep()
        except OSError:
            # It is closed after an error most of the time, and that error counts.
            self._open = False
            with contextlib.suppress(Exception):
                self._raw.close()

    def _finish(self) -> None:
        if self._thread is not None:
            self._thread.finish()
        self._storing(lambda raw: None if self._gzip is None else self._gzip.close(), done=False)

    def _storing(self, step: Callable[[IO[bytes]], object], *, done: bool = True) -> None:
        try:
            step(self._raw)
        except Exception as error:
            raise as_os_error(error, self.path) from error
        self._open = not done


class _Stream(io.RawIOBase):
    """What writes to a file object writes to a new file."""

    def __init__(self, file: NewFile) -> None:
        self._file = file
        self._size = 0

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        # Only then does TextIOWrapper ask where it is, and begin UTF-16 with the mark that it needs.
        return True

    def write(self, data: Any) -> int:
        block = bytes(data)
        self._file.write(block)
        self._size += len(block)
        return len(block)

    def tell(self) -> int:
        return self._size


class _Place(Protocol):
    """How a new file comes to its name."""

    has_partial: bool
    """Whether there is a file that can be seen before it is complete."""

    def create(self) -> IO[bytes]: ...

    def publish(self, raw: IO[bytes]) -> None: ...

    def keep(self, raw: IO[bytes]) -> None: ...

    def abandon(self, raw: IO[bytes]) -> None: ...


class _LocalPlace:
    """A local file, renamed when it is on the disk."""

    has_partial = True

    def __init__(self, path: str) -> None:
        self._path = path
        self._partial = path + PARTIAL

    def create(self) -> IO[bytes]:
        os.makedirs(os.path.dirname(self._path) or ".", exist_ok=True)
        return open(self._partial, "wb")

    def publish(self, raw: IO[bytes]) -> None:
        self.keep(raw)
        os.replace(self._partial, self._path)

    def keep(self, raw: IO[bytes]) -> None:
        raw.flush()
        os.fsync(raw.fileno())
        raw.close()

    def abandon(self, raw: IO[bytes]) -> None:
        # What cannot be written any more is not wanted, either.
        with contextlib.suppress(OSError):
            raw.close()
        remove(self._partial)


class _RenamedPlace:
    """A file at a URI, renamed when it is complete."""

    has_partial = True

    def __init__(self, path: str) -> None:
        # Made now: inside an event loop Airflow allows no look-up of the connection.
        self._path, self._partial = _remote(path), _remote(path + PARTIAL)

    def create(self) -> IO[bytes]:
        if self._path.protocol in ("file", "local"):
            self._path.parent.mkdir(parents=True, exist_ok=True)
        raw: IO[bytes] = self._partial.open("wb")
        return raw

    def publish(self, raw: IO[bytes]) -> None:
        self.keep(raw)
        # By the file system itself: the methods of the path know no connection, if the URI names none.
        self._path.fs.mv(self._partial.path, self._path.path)

    def keep(self, raw: IO[bytes]) -> None:
        raw.close()

    def abandon(self, raw: IO[bytes]) -> None:
        with contextlib.suppress(Exception):
            raw.close()
        _remove_remote(self._partial)


class _ObjectPlace:
    """An object that appears when its upload is completed."""

    has_partial = False

    def __init__(self, path: Any) -> None:
        self._path = path

    def create(self) -> IO[bytes]:
        # Without autocommit the parts are uploaded, and the object is made by commit alone.
        raw: IO[bytes] = self._path.open("wb", autocommit=False, block_size=UPLOAD_BLOCK)
        return raw

    def publish(self, raw: Any) -> None:
        try:
            raw.close()
            raw.commit()
        except Exception:
            self.abandon(raw)
            raise

    def keep(self, raw: IO[bytes]) -> None:
        self.abandon(raw)

    def abandon(self, raw: Any) -> None:
        # An upload that cannot be aborted stays invisible, and the rules of the bucket remove it.
        for step in (raw.close, raw.discard):
            with contextlib.suppress(Exception):
                step()


def _place(path: str) -> _Place:
    if not is_uri(path):
        return _LocalPlace(path)
    remote = _remote(path)
    return _ObjectPlace(remote) if remote.protocol in COMPLETE_AT_ONCE else _RenamedPlace(path)


def _remote(path: str) -> Any:
    from airflow.sdk import ObjectStoragePath

    return ObjectStoragePath(path)


def _remove_remote(path: Any) -> None:
    if path.fs.exists(path.path):
        path.fs.rm(path.path)
