"""Files that are put in a folder one by one: each appears when it is complete, and stays if it is there."""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import time
from typing import TYPE_CHECKING, Any

from airflow_provider.exceptions import InvalidInput
from airflow_provider.http.sinks import Saved
from airflow_provider.records.destinations import WrittenByAnother, destination
from airflow_provider.records.partials import left_in_folder
from airflow_provider.records.places import check_place
from airflow_provider.records.storage import (
    COMPLETE_AT_ONCE,
    as_os_error,
    local_path,
    reading,
    remedy_of,
    remote,
    remove,
    why_not,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

BLOCK = 1024 * 1024
"""Bytes that are read at once."""


class FilePlace:
    """Where one file goes; calling it opens a sink for the file.

    Its methods wait for the disk or the network: call them outside of an event loop, or in a thread.

    :param path: path or URI of the finished file
    :param overwrite: whether a file that is there is replaced
    """

    def __init__(self, path: str, *, overwrite: bool = False) -> None:
        self.path = path
        self.overwrite = overwrite

    def is_there(self) -> bool:
        """Say whether there is a file that stays; an empty one is no such file.

        :raises OSError: that cannot be found out
        """
        if self.overwrite:
            return False
        with _storing(self.path):
            return _size(self.path) > 0

    def found(self) -> Saved:
        """Read the file that is there, for its size and its digest.

        :raises OSError: it cannot be read
        """
        size, digest = 0, hashlib.sha256()
        with _storing(self.path), reading(self.path) as file:
            while block := file.read(BLOCK):
                size += len(block)
                digest.update(block)
        return Saved(size, digest.hexdigest(), path=self.path)

    def __call__(self) -> _Sink:
        return _Sink(self)


class _Sink:
    """Writes to a name of its own; the file takes the right one when it is complete."""

    def __init__(self, place: FilePlace) -> None:
        self._place = place
        with _storing(place.path):
            self._destination = destination(place.path, tidy=False)
            self._raw = self._destination.create()

    def write(self, data: bytes) -> None:
        with _storing(self._place.path):
            self._raw.write(data)

    def publish(self, saved: Saved) -> Saved:
        try:
            with _storing(self._place.path):
                self._destination.complete(self._raw)
                self._destination.check()
                self._destination.publish(self._raw)
        except WrittenByAnother:
            # Another task has fetched the same meanwhile: that file is complete, and stays.
            self.abandon()
            return self._place.found()
        return Saved(saved.size, saved.sha256, saved.start, self._place.path)

    def abandon(self) -> None:
        self._destination.abandon(self._raw)


def file_path(folder: str, name: str) -> str:
    """Return the path or URI of a file in a folder.

    :param folder: path or URI of the folder
    :param name: name of the file
    """
    return f"{folder.rstrip('/')}/{name}"


def check_folder(folder: str, *, parameter: str = "folder") -> None:
    """Make sure that files can be put in a folder, which is made; nothing is left in it.

    :param folder: path or URI of the folder
    :param parameter: what names it, for the error
    :raises InvalidInput: they cannot
    """
    # A hidden name: which files it is going to be is not known yet.
    path = file_path(folder, ".checked")
    try:
        check_place(path, parameter=parameter)
        # A missing bucket or right shows only when a file begins.
        FilePlace(path)().abandon()
    except InvalidInput:
        raise
    except (OSError, ValueError, ImportError) as error:
        # OSError: what wraps an error of a store keeps it as its cause.
        cause = error.__cause__ if isinstance(error.__cause__, ValueError | ImportError) else error
        raise InvalidInput(
            f'"{parameter}": {folder} cannot be written: {why_not(error)}.',
            field=parameter,
            remedy=remedy_of(cause, "Check that the worker may write there.", folder),
        ) from None


def remove_left_behind(folder: str) -> None:
    """Remove the files that are not complete and whose writers are gone, as far as that can be done.

    :param folder: path or URI of the folder
    """
    with contextlib.suppress(Exception):
        if (local := local_path(folder)) is not None:
            for name in left_in_folder(os.listdir(local), lambda name: _changed(local, name)):
                remove(os.path.join(local, name))
            return
        place = remote(folder)
        if place.protocol in COMPLETE_AT_ONCE:
            return
        # Of the time of a change nothing is known here: only the processes of this machine are judged.
        found = {name.rpartition("/")[2]: name for name in place.fs.ls(place.path, detail=False)}
        for name in left_in_folder(found, lambda _: time.time()):
            place.fs.rm(found[name])


def _changed(folder: str, name: str) -> float:
    return os.stat(os.path.join(folder, name)).st_mtime


def _size(path: str) -> int:
    """Return the size of a file; -1 where there is none."""
    try:
        if (local := local_path(path)) is not None:
            found = os.stat(local)
            return found.st_size if stat.S_ISREG(found.st_mode) else -1
        place: Any = remote(path)
        place.fs.invalidate_cache()
        return int(place.fs.info(place.path).get("size") or 0)
    except FileNotFoundError:
        return -1


@contextlib.contextmanager
def _storing(path: str) -> Iterator[None]:
    """Turn what the library of a store raises into an OSError that names the file."""
    try:
        yield
    except OSError as error:
        if error.filename is None:
            raise as_os_error(error, path) from error
        raise
    except Exception as error:
        raise as_os_error(error, path) from error
