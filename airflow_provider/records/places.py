"""Whether a file can be written somewhere, found out without writing anything."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from airflow_provider.exceptions import InvalidInput
from airflow_provider.records.partials import PARTIAL, kept_name, longest_name
from airflow_provider.records.storage import COMPLETE_AT_ONCE, local_path, remote

if TYPE_CHECKING:
    from typing import Any

ACCOUNTS = {"abfs", "abfss", "adl"}
"""Protocols of stores whose first folder is not made by writing to it, and that tell whether it is there."""


LONGEST_PATH = 4096
"""Bytes that a path may not have."""


def check_place(path: str, *, parameter: str = "output") -> None:
    """Make sure that an output can be written, as far as that shows beforehand.

    :param path: path or URI of the output, or of what is written beside it
    :param parameter: what names it, for the error
    :raises InvalidInput: it cannot
    :raises ValueError: no file system is registered for the scheme of the URI
    """
    try:
        _check(path)
    except InvalidInput as error:
        raise InvalidInput(
            error.message.replace('"output"', f'"{parameter}"', 1), field=parameter, remedy=error.remedy
        ) from None


def _check(path: str) -> None:
    local = local_path(path)
    if local is None:
        _check_remote(path, remote(path))
        return
    if os.path.isdir(local):
        raise _wrong(path, "is a folder", "Name a file in it, or remove that folder.")
    if os.path.isdir(kept_name(local)):
        raise _wrong(
            path,
            f"cannot be written: {os.path.basename(local)}{PARTIAL} is a folder",
            "What a failed try keeps gets that name: remove that folder, or choose another name.",
        )
    if os.path.exists(local):
        _check_file(path, local)
    folder = os.path.dirname(local) or "."
    while not os.path.lexists(folder):
        folder = os.path.dirname(folder) or "."
    _check_folder(path, folder)
    _check_length(path, folder, kept_name(local))


def _check_file(path: str, local: str) -> None:
    found = os.stat(local)
    if not stat.S_ISREG(found.st_mode):
        raise _wrong(path, "is a device or a pipe, not a file", "Name a file that can be replaced.")
    if not found.st_mode & 0o222 or not os.access(local, os.W_OK):
        raise _wrong(path, "is read-only", "Let the worker write it, or choose another name.")
    if os.path.ismount(local):
        raise _wrong(path, "is mounted as a single file and cannot be replaced", "Mount its folder instead.")
    folder = os.stat(os.path.dirname(local) or ".")
    me = os.geteuid()
    if folder.st_mode & stat.S_ISVTX and me not in (0, found.st_uid, folder.st_uid):
        raise _wrong(
            path,
            "belongs to another user, in a folder where only the owner may replace it",
            "Remove it as that user, or choose another folder.",
        )


def _check_folder(path: str, folder: str) -> None:
    if not os.path.isdir(folder):
        raise _wrong(path, f"cannot be written: {folder} is not a folder", "Choose another folder.")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise _wrong(
            path, f"cannot be written: {folder} is read-only", "Check that the worker may write there."
        )


def _check_length(path: str, folder: str, kept: str) -> None:
    longest = longest_name(folder)
    for name in kept.split("/"):
        if (length := len(os.fsencode(name))) > longest:
            raise _wrong(
                _shortened(path),
                f"cannot be written: a name in it is too long, {length} bytes with {PARTIAL}",
                f"It may have {longest}. Choose a shorter one.",
            )
    if (length := len(os.fsencode(os.path.abspath(kept)))) >= LONGEST_PATH:
        raise _wrong(
            _shortened(path),
            f"cannot be written: the path is too long, {length} bytes",
            "Choose a shorter one.",
        )


def _shortened(path: str) -> str:
    return f"{path[:40]}…{path[-40:]}"


def _check_remote(path: str, place: Any) -> None:
    if path.endswith("/"):
        raise _wrong(path, "is a folder", "Name a file in it.")
    if place.protocol in COMPLETE_AT_ONCE:
        # A folder is only a part of names there, and the upload that begins shows whether there is a bucket.
        return
    if _answers(lambda: place.fs.isdir(place.path)):
        raise _wrong(path, "is a folder", "Name a file in it, or remove that folder.")
    account = place.path.strip("/").partition("/")[0]
    if place.protocol in ACCOUNTS and _is_missing(place.fs, account):
        raise _wrong(
            path, f"cannot be written: there is no container {account}", "Make it, or choose another."
        )


def _answers(question: Any) -> bool:
    try:
        return bool(question())
    except Exception:
        # A store that does not tell is found out about when it is written to.
        return False


def _is_missing(fs: Any, folder: str) -> bool:
    try:
        fs.info(folder)
    except FileNotFoundError:
        return True
    except Exception:
        return False
    return False


def _wrong(path: str, what: str, remedy: str) -> InvalidInput:
    return InvalidInput(f'"output": {path} {what}.', field="output", remedy=remedy)
