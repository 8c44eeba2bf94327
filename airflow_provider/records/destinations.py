"""How a new file comes to its name: on a disk, in a store that renames, in one that uploads whole objects."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import threading
import time
from typing import IO, TYPE_CHECKING, Any, Protocol

from airflow_provider.records.partials import OLD, kept_name, left_behind, own_name
from airflow_provider.records.storage import (
    COMPLETE_AT_ONCE,
    as_os_error,
    local_path,
    remote,
    remove,
    remove_remote,
)
from airflow_provider.records.uploads import UPLOAD_BLOCK, Upload, abort_left_behind, begin_upload

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BLOCK = 1024 * 1024
"""Bytes that are compared at once."""

LOCK_SECONDS = 5.0
"""How long to wait for another writer that is just giving a file of the same folder its name."""

BUSY_PAUSES = (1.0, 3.0, 9.0, 20.0)
"""Seconds to wait before a busy store gets a part again, or is asked again to make the object. The store's
library has tried for some time already."""

VERSION_KEYS = ("ETag", "etag", "generation", "LastModified", "last_modified", "mtime", "created", "size")
"""What stores say of a file that changes when it is written anew."""

Version = tuple[Any, ...] | None
"""What tells a file from the one that replaces it: None where there is none, empty where it is not known."""


class WrittenByAnother(FileExistsError):
    """Another writer has published the file while this one wrote it.

    :param path: path or URI of the file
    """

    def __init__(self, path: str) -> None:
        super().__init__(errno.EEXIST, "Another task has written this file meanwhile", path)


class Destination(Protocol):
    """Where a new file is written, and how it takes its name."""

    has_partial: bool
    """Whether there is a file that can be seen before it is complete."""

    def create(self) -> IO[bytes]:
        """Open the file, under a name that no other writer has."""

    def begin(self) -> None:
        """Take note that something is about to be written."""

    def stop(self) -> None:
        """Let a step that fails from now on fail at once."""

    def complete(self, raw: IO[bytes]) -> None:
        """Write all that is left."""

    def check(self) -> None:
        """Raise :class:`WrittenByAnother` where that is so, and the content is another."""

    def publish(self, raw: IO[bytes]) -> None:
        """Give the complete file its name."""

    def keep(self, raw: IO[bytes]) -> None:
        """Give the complete file the name of what a failed try keeps."""

    def remove_kept(self) -> None:
        """Remove what an earlier try has kept."""

    def abandon(self, raw: IO[bytes]) -> None:
        """Leave nothing of this file."""


def destination(path: str, *, tidy: bool = True) -> Destination:
    """Return the destination of a new file.

    :param path: path or URI of the finished file
    :param tidy: look for what earlier tries have left of this file, which reads its folder; False for one of
        many files of a folder
    :raises ValueError: no file system is registered for the scheme of the URI
    """
    if (local := local_path(path)) is not None:
        return _LocalDestination(local)
    place = remote(path)
    if place.protocol in COMPLETE_AT_ONCE:
        return _ObjectDestination(place, tidy)
    return _RenamedDestination(path, tidy)


class _LocalDestination:
    """A local file, renamed when it is on the disk."""

    has_partial = True

    def __init__(self, path: str) -> None:
        self._path = path
        self._folder = os.path.dirname(path) or "."
        self._own = own_name(path)

    def create(self) -> IO[bytes]:
        os.makedirs(self._folder, exist_ok=True)
        self._before = _local_version(self._path)
        return open(self._own, "xb")

    def begin(self) -> None:
        # Not before: a try that cannot begin leaves everything as it is.
        with contextlib.suppress(OSError):
            for name in left_behind(self._path, os.listdir(self._folder), self._changed):
                remove(os.path.join(self._folder, name))

    def stop(self) -> None:
        """Do nothing: no step is tried again."""

    def complete(self, raw: IO[bytes]) -> None:
        if not raw.closed:
            raw.flush()
            os.fsync(raw.fileno())
            raw.close()

    def check(self) -> None:
        if _is_another(self._before, _local_version(self._path)) and not self._has_same_content():
            raise WrittenByAnother(self._path)

    def publish(self, raw: IO[bytes]) -> None:
        with _held(self._folder) as folder:
            # Once more: in this folder nobody else publishes now.
            self.check()
            # Before the file takes its name: who sees it there may keep another at once, and that one stays.
            with contextlib.suppress(OSError):
                self.remove_kept()
            os.replace(self._own, self._path)
            _sync(folder)

    def keep(self, raw: IO[bytes]) -> None:
        os.replace(self._own, kept_name(self._path))

    def remove_kept(self) -> None:
        remove(kept_name(self._path))

    def abandon(self, raw: IO[bytes]) -> None:
        # What cannot be written any more is not wanted, either.
        with contextlib.suppress(OSError):
            raw.close()
        remove(self._own)

    def _changed(self, name: str) -> float:
        return os.stat(os.path.join(self._folder, name)).st_mtime

    def _has_same_content(self) -> bool:
        try:
            with open(self._own, "rb") as own, open(self._path, "rb") as other:
                return _equal(own, other)
        except OSError:
            return False


class _RenamedDestination:
    """A file at a URI, renamed when it is complete."""

    has_partial = True

    def __init__(self, path: str, tidy: bool) -> None:
        self._tidy = tidy
        # All made now: inside an event loop Airflow allows no look-up of the connection.
        self._path, self._own, self._kept = remote(path), remote(own_name(path)), remote(kept_name(path))

    def create(self) -> IO[bytes]:
        self._before = _remote_version(self._path)
        raw: IO[bytes] = self._own.open("wb")
        return raw

    def begin(self) -> None:
        """Do nothing: it would wait for the network."""

    def stop(self) -> None:
        """Do nothing: no step is tried again."""

    def complete(self, raw: IO[bytes]) -> None:
        raw.close()

    def check(self) -> None:
        if _is_another(self._before, _remote_version(self._path)) and not self._has_same_content():
            raise WrittenByAnother(str(self._path))

    def publish(self, raw: IO[bytes]) -> None:
        # Before the file takes its name, as for a local one.
        if self._tidy:
            with contextlib.suppress(Exception):
                self.remove_kept()
        # By the file system itself: the methods of the path know no connection, if the URI names none.
        self._path.fs.mv(self._own.path, self._path.path)
        if not self._tidy:
            return
        with contextlib.suppress(Exception):
            self._remove_left_behind()

    def keep(self, raw: IO[bytes]) -> None:
        self._path.fs.mv(self._own.path, self._kept.path)
        with contextlib.suppress(Exception):
            self._remove_left_behind()

    def remove_kept(self) -> None:
        remove_remote(self._kept)

    def abandon(self, raw: IO[bytes]) -> None:
        with contextlib.suppress(Exception):
            raw.close()
        with contextlib.suppress(Exception):
            remove_remote(self._own)

    def _remove_left_behind(self) -> None:
        fs, folder = self._path.fs, self._path.path.rpartition("/")[0]
        # Of the time of a change nothing is known here: only the processes of this machine are judged.
        found = {name.rpartition("/")[2]: name for name in fs.ls(folder, detail=False)}
        for name in left_behind(self._path.path, found, lambda _: time.time()):
            fs.rm(found[name])

    def _has_same_content(self) -> bool:
        fs = self._path.fs
        try:
            with fs.open(self._own.path, "rb") as own, fs.open(self._path.path, "rb") as other:
                return _equal(own, other)
        except Exception:
            return False


class _ObjectDestination:
    """An object that appears when its upload is completed."""

    has_partial = False

    def __init__(self, path: Any, tidy: bool) -> None:
        self._path = path
        self._tidy = tidy
        self._stopped = threading.Event()

    def create(self) -> IO[bytes]:
        self._before = _remote_version(self._path)
        # Without autocommit the parts are uploaded, and the object is made by commit alone.
        raw: IO[bytes] = self._path.open("wb", autocommit=False, block_size=UPLOAD_BLOCK)
        try:
            begin_upload(raw)
        except OSError:
            raise
        except Exception as error:
            raise as_os_error(error, str(self._path)) from error
        upload: Any = Upload(raw, self._patiently)
        return upload  # type: ignore[no-any-return]

    def begin(self) -> None:
        """Do nothing: there are no partial files."""

    def stop(self) -> None:
        self._stopped.set()

    def complete(self, raw: Any) -> None:
        try:
            raw.close()
        except Exception:
            self.abandon(raw)
            raise

    def check(self) -> None:
        if _is_another(self._before, _remote_version(self._path)):
            raise WrittenByAnother(str(self._path))

    def publish(self, raw: Any) -> None:
        try:
            self._patiently(raw.commit, lambda error: self._is_made(raw, error))
        except Exception:
            self.abandon(raw)
            raise
        if self._tidy:
            with contextlib.suppress(Exception):
                abort_left_behind(self._path, time.time() - OLD)

    def _patiently(
        self, step: Callable[[], object], is_done: Callable[[Exception], bool] = lambda error: False
    ) -> None:
        """Take a step of the upload, again where the store is busy: what is in the store already stays there.

        :param step: the step
        :param is_done: says of the error of a later attempt whether an earlier one has done it
        """
        failed = False
        for pause in (*BUSY_PAUSES, None):
            try:
                step()
                return
            except Exception as error:
                if failed and is_done(error):
                    return
                if pause is None or isinstance(error, FileNotFoundError | PermissionError):
                    raise
                if self._stopped.wait(pause):
                    raise
            failed = True

    def _is_made(self, raw: Any, error: Exception) -> bool:
        """Say whether the object is there: the attempt before has made it, and only its answer was lost."""
        if not isinstance(error, FileNotFoundError):
            return False
        try:
            now = _remote_version(self._path)
            return (
                _is_another(self._before, now) and self._path.fs.info(self._path.path)["size"] == raw.tell()
            )
        except Exception:
            return False

    def keep(self, raw: IO[bytes]) -> None:
        self.abandon(raw)

    def remove_kept(self) -> None:
        """Do nothing: nothing is kept."""

    def abandon(self, raw: Any) -> None:
        # An upload that cannot be aborted stays invisible, and the rules of the bucket remove it.
        self.stop()
        with contextlib.suppress(Exception):
            raw.discard()


def _is_another(before: Version, now: Version) -> bool:
    return now is not None and now != before and () not in (before, now)


def _local_version(path: str) -> Version:
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return None
    except OSError:
        return ()
    # Not the inode: file systems of a network may give a file another each time.
    return found.st_mtime_ns, found.st_size


def _remote_version(place: Any) -> Version:
    try:
        place.fs.invalidate_cache()
        found = place.fs.info(place.path)
    except FileNotFoundError:
        return None
    except Exception:
        # The store does not tell, or not us.
        return ()
    return tuple(str(found[key]) for key in VERSION_KEYS if key in found)


def _equal(one: IO[bytes], other: IO[bytes]) -> bool:
    while True:
        block = one.read(BLOCK)
        if block != other.read(BLOCK):
            return False
        if not block:
            return True


@contextlib.contextmanager
def _held(folder: str) -> Iterator[int | None]:
    """Hold a folder against other writers of this machine, where its file system has such locks."""
    try:
        opened = os.open(folder, os.O_RDONLY)
    except OSError:
        # Files can be made in a folder that cannot be listed.
        yield None
        return
    try:
        end = time.monotonic() + LOCK_SECONDS
        while not _locked(opened) and time.monotonic() < end:
            time.sleep(0.01)
        yield opened
    finally:
        os.close(opened)


def _locked(opened: int) -> bool:
    try:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        # There are no locks here.
        return True
    return True


def _sync(folder: int | None) -> None:
    """Put the names of a folder's files on the disk."""
    if folder is not None:
        # Some file systems do that by themselves, and know no call for it.
        with contextlib.suppress(OSError):
            os.fsync(folder)
