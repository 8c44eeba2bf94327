"""A new file: how it is written, and how it takes its name when it is complete."""

from __future__ import annotations

import contextlib
import io
import zlib
from typing import IO, TYPE_CHECKING, Any

from airflow_provider.records.background import BackgroundWriter
from airflow_provider.records.destinations import WrittenByAnother, destination
from airflow_provider.records.partials import kept_name
from airflow_provider.records.storage import as_os_error, local_path

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider.records.background import Sink

COMPRESSION_LEVEL = 6
"""Of gzip: level 9, the default of Python's module, takes three times as long for one percent."""
GZIP_FORMAT = 16 + zlib.MAX_WBITS
"""What zlib takes for "with the header and the checksum of gzip, and its largest window"."""


class NewFile:
    """A file that takes its name when it is complete.

    A local file, and one at a URI, is written under a name that no other writer has, and renamed. An object
    of a store in :data:`~airflow_provider.records.storage.COMPLETE_AT_ONCE` is uploaded under its own name,
    and is not there before it is complete. In any case a file that had the name before stays until then. A
    file that got the name meanwhile, from another writer, stays too, and this one is not published.

    A file at a URI is written from a thread of its own, see
    :class:`~airflow_provider.records.background.BackgroundWriter`. :meth:`complete`, :meth:`publish`,
    :meth:`keep`, :meth:`abandon` and :meth:`close` wait for the disk or the network: call them outside of an
    event loop, or with ``asyncio.to_thread``. Two threads must not use one file at the same time.

    :param path: path or URI of the finished file; folders are made
    :param compressed: compress it with gzip
    :raises OSError: it cannot be written there
    :raises ValueError: no file system is registered for the scheme of the URI
    """

    def __init__(self, path: str, *, compressed: bool = False) -> None:
        self.path = path
        self._destination = destination(path)
        self.has_partial = self._destination.has_partial
        self._raw = self._destination.create()
        self._gzip = _Gzip(self._raw) if compressed else None
        sink: Sink = self._gzip if self._gzip is not None else self._raw
        self._thread = BackgroundWriter(sink, path) if local_path(path) is None else None
        self._sink: Sink = sink if self._thread is None else self._thread
        self._open = True
        self._begun = False
        self._complete = False

    def write(self, data: bytes) -> None:
        """Write bytes; inside an event loop that never waits for the network.

        :param data: the bytes
        :raises OSError: these, or ones before them, cannot be written
        """
        if not self._begun:
            self._begun = True
            self._destination.begin()
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

    def complete(self) -> None:
        """Write what is left, and make sure that no other writer has published the file meanwhile.

        :raises WrittenByAnother: one has, with another content
        :raises OSError: it cannot be written
        """
        if not self._complete:
            if self._thread is not None:
                self._thread.finish()
            if self._gzip is not None:
                self._storing(self._gzip.complete)
            self._storing(self._destination.complete)
            self._complete = True
        self._storing(lambda raw: self._destination.check())

    def publish(self) -> None:
        """Complete the file, and give it its name.

        :raises WrittenByAnother: another writer has published the file meanwhile; that one is still there
        :raises OSError: it cannot be done; what had the name before is still there
        """
        self.complete()
        self._storing(self._destination.publish)
        self._open = False

    def keep(self) -> str | None:
        """Leave what was written apart from the finished file, in place of what an earlier try left there.

        :return: where it is; None in a store that has no unfinished objects
        :raises OSError: it cannot be done
        """
        if not self.has_partial:
            self.abandon()
            return None
        with contextlib.suppress(WrittenByAnother):
            self.complete()
        self._storing(self._destination.keep)
        self._open = False
        return kept_name(self.path)

    def abandon(self) -> None:
        """Leave nothing of this file; what had its name before stays, and what an earlier try has kept."""
        if self._open:
            self._open = False
            self._destination.stop()
            if self._thread is not None:
                self._thread.abandon()
            self._destination.abandon(self._raw)

    def remove_kept(self) -> None:
        """Remove what an earlier try has kept.

        :raises OSError: it cannot be done
        """
        self._storing(lambda raw: self._destination.remove_kept())

    def close(self) -> None:
        """Let go of the file, if nothing else did; what was written stays where :meth:`keep` leaves it."""
        if not self._open:
            return
        if not self._begun:
            self.abandon()
            return
        try:
            self.keep()
        except OSError:
            # It is closed after an error most of the time, and that error counts.
            self._open = False
            with contextlib.suppress(Exception):
                self._raw.close()

    def _storing(self, step: Callable[[IO[bytes]], object]) -> None:
        try:
            step(self._raw)
        except WrittenByAnother:
            raise
        except Exception as error:
            raise as_os_error(error, self.path) from error


class _Gzip:
    """Compresses what is written to a file; without a name and a time, so that equal content is equal bytes.

    Python's ``GzipFile`` would write its end whenever it goes away, also into a file that was given up.
    """

    def __init__(self, raw: IO[bytes]) -> None:
        self._raw = raw
        self._compressor = zlib.compressobj(COMPRESSION_LEVEL, zlib.DEFLATED, GZIP_FORMAT)
        self._ended = False

    def write(self, data: bytes) -> None:
        if compressed := self._compressor.compress(data):
            self._raw.write(compressed)

    def complete(self, raw: IO[bytes]) -> None:
        if not self._ended:
            self._ended = True
            raw.write(self._compressor.flush())


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
