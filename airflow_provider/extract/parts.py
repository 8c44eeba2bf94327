"""The records that have been read so far, as files beside the output."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider.records.new_file import NewFile
from airflow_provider.records.storage import (
    exists,
    make_folder,
    reading,
    remove,
    remove_empty_folder,
    remove_folder,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

PAGES = 32
"""Pages that have a file of their own, before they are put into one: a million records make few files."""

BLOCK = 1024 * 1024
"""Bytes that are copied at once."""


class Parts:
    """Files of JSON lines, one for each page at first, in a folder of one task instance.

    The folder is ``<output>.parts/<id>``. Names begin with the name of the try that wrote them: a try that
    was replaced and goes on writing cannot spoil a file of the next.

    :param output: path or URI of the output
    :param id: what no other task instance has in common
    :param owner: what no other try has in common
    :param table: which of several tables it is, in the names of its files; empty for the first
    :param names: the files of earlier tries that each have many pages
    :param loose: the files after them that each have one page
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
    ) -> None:
        self._above = f"{output}.parts"
        self.folder = f"{self._above}/{id}"
        self._owner = owner.rpartition("/")[2][:12] + (table and f"-{table}")
        self.names = list(names)
        self.loose = list(loose)
        self._written = 0
        self._superseded: list[str] = []

    def as_dict(self) -> dict[str, Any]:
        """Return the names of the files."""
        return {"names": self.names, "loose": self.loose}

    def are_there(self) -> bool:
        """Say whether all files are there: they may be on the disk of another worker."""
        return all(exists(self._path(name)) for name in [*self.names, *self.loose])

    def make(self) -> None:
        """Make the folder.

        :raises OSError: it cannot be made
        """
        make_folder(self.folder)

    def add(self, records: list[bytes]) -> None:
        """Write the records of a page; they are durable when it returns.

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
        file = NewFile(self._path(name))
        try:
            for block in blocks:
                file.write(block)
            file.publish()
        except BaseException:
            file.abandon()
            raise
        return name

    def _blocks(self, name: str) -> Iterator[bytes]:
        with reading(self._path(name)) as file:
            while block := file.read(BLOCK):
                yield block

    def _path(self, name: str) -> str:
        return f"{self.folder}/{name}"
