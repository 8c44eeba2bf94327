"""Where files are: on a local disk or at a URI. How they are found, read and removed.

How a new one takes its name is in :mod:`~airflow_provider.records.new_file`.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import gzip
import os
import re
import shutil
import stat
import zlib
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

COMPLETE_AT_ONCE = {"s3", "s3a", "s3n", "gs", "gcs"}
"""Protocols of stores whose objects appear when their upload is completed, and never half.

Files of other protocols are written under another name first, and renamed. In these stores that would copy
the whole object once more.
"""

_AMAZON = "apache-airflow-providers-amazon[s3fs]"
_GOOGLE = "apache-airflow-providers-google"
_AZURE = "apache-airflow-providers-microsoft-azure"

PACKAGES = {
    **dict.fromkeys(("s3", "s3a", "s3n"), _AMAZON),
    **dict.fromkeys(("gs", "gcs"), _GOOGLE),
    **dict.fromkeys(("abfs", "abfss", "adl"), _AZURE),
    "oss": "apache-airflow-providers-alibaba",
}
"""What is to be installed for the URIs of a scheme."""

READ_BLOCK = 8 * 1024 * 1024
"""Bytes that are asked of a store at once. Some libraries ask for 50 MiB, and hold three times as much."""

ANSWER_TIMEOUT = 120.0
"""Seconds that S3 gets to answer, the time in which a part is sent included. With the library's own 15 a part
fails where the network carries less than half a megabyte a second. ``config_kwargs`` win."""

GZIP_FAULTS = (EOFError, zlib.error, gzip.BadGzipFile)
"""What reading a file raises that is not compressed with gzip, or is damaged or cut off."""


_NUMBERS = {FileNotFoundError: errno.ENOENT, PermissionError: errno.EACCES}
"""Of errors that libraries raise without a number."""


class StoreMissing(ValueError):
    """Nothing that is installed opens the URIs of a scheme.

    :param scheme: the scheme
    """

    def __init__(self, scheme: str) -> None:
        super().__init__(f'no installed Airflow provider opens "{scheme}://"')
        package = PACKAGES.get(scheme)
        self.remedy = (
            f"pip install '{package}' on the workers."
            if package
            else f"Use a path, or a URI of one of {', '.join(sorted(PACKAGES))}."
        )


class ConnectionMissing(ValueError):
    """A URI names an Airflow connection that is not there.

    :param conn_id: its id
    """

    def __init__(self, conn_id: str) -> None:
        super().__init__(f'Airflow has no connection "{conn_id}"')
        self.remedy = "Add it, or correct the name before the @ of the URI."


def is_uri(path: str) -> bool:
    """Say whether a path is a URI.

    :param path: path or URI
    """
    return "://" in path


def local_path(path: str) -> str | None:
    """Return where a file is on this machine's disks; None where it is not there.

    :param path: path or URI
    """
    scheme, separator, rest = path.partition("://")
    if not separator:
        return path
    # With "@" it names a connection, which says where the files are.
    return rest if scheme in ("file", "local") and "@" not in rest.partition("/")[0] else None


def open_for_reading(path: str) -> tuple[IO[bytes], int | None]:
    """Open a file.

    A device or a pipe is refused: opening it may wait for ever, and the next try could not read it again.

    :param path: path or URI
    :return: the open file, and its size in bytes, if that is known
    :raises OSError: it cannot be opened
    :raises ValueError: no file system is registered for the scheme of the URI
    :raises ImportError: the library of the file system is not installed
    """
    if (local := local_path(path)) is not None:
        _check_regular(local)
    if not is_uri(path):
        file = open(path, "rb")  # noqa: SIM115 - the caller closes it
        return file, os.fstat(file.fileno()).st_size
    place = remote(path)
    try:
        return place.open("rb", block_size=READ_BLOCK), place.stat().st_size
    except (OSError, ValueError, ImportError):
        raise
    except Exception as error:
        # The libraries of stores have errors of their own, like the one of credentials that are nowhere.
        raise as_os_error(error, path) from error


def _check_regular(path: str) -> None:
    mode = os.stat(path).st_mode
    # Of a folder its opening says so.
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        raise OSError(errno.EINVAL, "It is a device or a pipe, not a file", path)


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
    place = remote(path)
    return bool(place.fs.isfile(place.path))


def remove(path: str) -> None:
    """Remove a file, if there is one.

    :param path: path or URI
    """
    if is_uri(path):
        remove_remote(remote(path))
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
    place = remote(path)
    if place.protocol not in COMPLETE_AT_ONCE:
        place.fs.makedirs(place.path, exist_ok=True)


def remove_folder(path: str) -> None:
    """Remove a folder with all that is in it, if there is one.

    :param path: path or URI
    :raises OSError: it cannot be removed
    """
    if is_uri(path):
        place = remote(path)
        if place.fs.exists(place.path):
            place.fs.rm(place.path, recursive=True)
    else:
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(path)


def remove_empty_folder(path: str) -> None:
    """Remove a folder if nothing is in it; else, and where that cannot be done, leave it.

    :param path: path or URI
    """
    if is_uri(path):
        place = remote(path)
        with contextlib.suppress(Exception):
            if not place.fs.ls(place.path, detail=False):
                place.fs.rmdir(place.path)
    else:
        with contextlib.suppress(OSError):
            os.rmdir(path)


def why_not(error: Exception) -> str:
    """Say in a few words why a file cannot be opened.

    :param error: what :func:`open_for_reading` or :class:`~airflow_provider.records.new_file.NewFile` raised
    """
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def remedy_of(error: Exception, otherwise: str, path: str = "") -> str:
    """Say what to do about a file that cannot be opened.

    :param error: what :func:`open_for_reading` or :class:`~airflow_provider.records.new_file.NewFile` raised
    :param otherwise: the remedy where the error has none of its own
    :param path: path or URI of the file
    """
    return getattr(error, "remedy", None) or otherwise + name_a_connection(path)


def name_a_connection(path: str) -> str:
    """Say how a URI names an Airflow connection, as one more sentence; empty where it does or needs none.

    :param path: path or URI
    """
    scheme, separator, rest = path.partition("://")
    bucket, slash, _ = rest.partition("/")
    if not separator or scheme not in PACKAGES or "@" in bucket:
        return ""
    return (
        f" The URI names no Airflow connection, so the worker's own credentials are used; write "
        f"{scheme}://my_conn@{bucket}{slash and '/…'} for those of a connection."
    )


def as_os_error(error: Exception, path: str) -> OSError:
    """Turn what a file system raised into an OSError that names the file.

    :param error: the error; the libraries of some stores raise errors of their own
    :param path: name of the file
    """
    number = getattr(error, "errno", None) or next(
        (number for kind, number in _NUMBERS.items() if isinstance(error, kind)), errno.EIO
    )
    return OSError(number, why_not(error), path)


def remote(path: str) -> Any:
    """Return the path of a file at a URI, with its file system at hand.

    :param path: the URI
    :raises StoreMissing: nothing that is installed opens it
    :raises ConnectionMissing: it names an Airflow connection that is not there
    """
    from airflow.sdk import ObjectStoragePath

    scheme = path.partition("://")[0]
    try:
        place: Any = ObjectStoragePath(path)
        # Made now: later there may be an event loop, which may not look connections up.
        fs = place.fs
    except ImportError as error:
        # The provider is there, and not the library that it uses.
        raise StoreMissing(scheme) from error
    except ValueError as error:
        # Airflow's words, and those of the library below it for what no library knows either.
        if re.match("No filesystem registered|Unsupported filesystem", str(error)):
            raise StoreMissing(scheme) from error
        raise
    if place.conn_id:
        _check_connection(place.conn_id)
    if hasattr(fs, "read_timeout"):
        fs.read_timeout = ANSWER_TIMEOUT
    return place


@functools.cache
def _check_connection(conn_id: str) -> None:
    """Make sure that a connection is there: without it Amazon's provider takes the worker's credentials."""
    from airflow.sdk import BaseHook
    from airflow.sdk.exceptions import AirflowNotFoundException

    try:
        BaseHook.get_connection(conn_id)
    except AirflowNotFoundException:
        raise ConnectionMissing(conn_id) from None


def remove_remote(place: Any) -> None:
    """Remove a file at a URI, if there is one.

    :param place: from :func:`remote`
    """
    if place.fs.exists(place.path):
        place.fs.rm(place.path)
