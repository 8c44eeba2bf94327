"""The records that have been read so far, as files beside the output."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from zlib import crc32

from airflow_provider.records.new_file import NewFile
from airflow_provider.records.storage import (
    exists,
    local_path,
    make_folder,
    reading,
    remove,
    remove_empty_folder,
    remove_folder,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

PAGES = 32
"""Pages that have a file of their own, before they are put into one: a million records make few files."""

BLOCK = 1024 * 1024
"""Bytes that are copied at once."""


class Parts:
    """Files of JSON lines, one for each page at first, in a folder of one task instance.

    A part outlives its process, and is not forced to the disk: that would take longer than most answers. Its
    length and checksum are kept with its name, so what a power cut has damaged is read again.

    The folder is ``<output>.parts/<id>``. Names begin with the name of the try that wrote them: a try that
    was replaced and goes on writing cannot spoil a file of the next.

    :param output: path or URI of the output
    :param id: what no other task instance has in common
    :param owner: what no other try has in common
    :param table: which of several tables it is, in the names of its files; empty for the first
    :param names: the files of earlier tries that each have many pages
    :param loose: the files after them that each have one page
    :param sums: length and checksum of each file
    """

    def __init__(
        self,
        output: str,
        id: str,
        owner: str = "",
        *,
        table: str = "",
        names: Iterable[str] = (),
        loose: Iterable[str] = (),
        sums: Mapping[str, Sequence[int]] | None = None,
    ) -> None:
        self._above = f"{output}.parts"
        self.folder = f"{self._above}/{id}"
        self._owner = owner.rpartition("/")[2][:12] + (table and f"-{table}")
        self.names = list(names)
        self.loose = list(loose)
        self._sums = {name: tuple(found) for name, found in (sums or {}).items()}
        self._written = 0
        self._superseded: list[str] = []

    def as_dict(self) -> dict[str, Any]:
        """Return the names of the files, and what is known of them."""
        sums = {name: list(self._sums[name]) for name in [*self.names, *self.loose] if name in self._sums}
        return {"names": self.names, "loose": self.loose, "sums": sums}

    def are_there(self) -> bool:
        """Say whether all files are there and whole: they may be on the disk of another worker."""
        return all(self._is_whole(name) for name in [*self.names, *self.loose])

    def _is_whole(self, name: str) -> bool:
        if not exists(self._path(name)):
            return False
        if name not in self._sums:
            # An earlier version kept none, and forced each file to the disk.
            return True
        length = checksum = 0
        for block in self._blocks(name):
            length, checksum = length + len(block), crc32(block, checksum)
        return (length, checksum) == self._sums[name]

    def make(self) -> None:
        """Make the folder.

        :raises OSError: it cannot be made
        """
        make_folder(self.folder)

    def add(self, records: list[bytes]) -> None:
        """Write the records of a page; the next try finds them when it returns.

        :param records: the records, each as JSON on one line
        :raises OSError: they cannot be written
        """
        if not records:
            return
        self.loose.append(self._new([b"\n".join([*records, b""])]))
        if len(self.loose) >= PAGES:
            self._put_together()

    def settle(self) -> None:
        """Remove the files that others stand for, once nobody who goes on would look for them."""
        for name in self._superseded:
            remove(self._path(name))
        self._superseded = []

    def __iter__(self) -> Iterator[bytes]:
        """Read the records, each as JSON with its line break."""
        for name in [*self.names, *self.loose]:
            with reading(self._path(name)) as file:
                yield from file

    def blocks(self) -> Iterator[bytes]:
        """Read the records as JSON lines, in blocks that end anywhere."""
        for name in [*self.names, *self.loose]:
            yield from self._blocks(name)

    def remove(self) -> None:
        """Remove the folder, and the one above it unless others have something there.

        :raises OSError: it cannot be removed
        """
        remove_folder(self.folder)
        remove_empty_folder(self._above)

    def _put_together(self) -> None:
        name = self._new(block for one in self.loose for block in self._blocks(one))
        self._superseded += self.loose
        self.names, self.loose = [*self.names, name], []

    def _new(self, blocks: Iterable[bytes]) -> str:
        self._written += 1
        name = f"{self._owner}-{self._written:05}.jsonl"
        length = checksum = 0
        with _opened(self._path(name)) as write:
            for block in blocks:
                write(block)
                length, checksum = length + len(block), crc32(block, checksum)
        self._sums[name] = (length, checksum)
        return name

    def _blocks(self, name: str) -> Iterator[bytes]:
        with reading(self._path(name)) as file:
            while block := file.read(BLOCK):
                yield block

    def _path(self, name: str) -> str:
        return f"{self.folder}/{name}"


@contextmanager
def _opened(path: str) -> Iterator[Callable[[bytes], object]]:
    """Open a new part. Nobody looks for its name before the database has it."""
    local = local_path(path)
    if local is not None:
        # A try that has begun meanwhile may have removed the folder: what it says to this one comes later.
        os.makedirs(os.path.dirname(local), exist_ok=True)
        with open(local, "wb") as file:
            yield file.write
        return
    remote = NewFile(path)
    try:
        yield remote.write
        remote.publish()
    except BaseException:
        remote.abandon()
        raise
