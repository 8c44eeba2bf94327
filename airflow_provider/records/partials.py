"""The names of files that are not complete: each try writes to one of its own."""

from __future__ import annotations

import hashlib
import os
import re
import time
from typing import TYPE_CHECKING

from airflow_provider.processes import is_gone, new_owner

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

PARTIAL = ".partial"
"""What is added to the name of a file that is not complete."""

OLD = 24 * 3600.0
"""Seconds after which a partial file belongs to nobody, where nothing is known of its process."""

LONGEST = 80
"""Characters of the output's name that are in the name of a partial file."""


def kept_name(path: str) -> str:
    """Return the name of what a failed try keeps of a file.

    :param path: path or URI of the finished file
    """
    return path + PARTIAL


def own_name(path: str) -> str:
    """Return the name under which this try writes a file. No other try, and no other writer, has the same.

    It says which process writes it, so that what a killed one left can be told from what is being written. It
    begins with a dot: whoever lists the folder for finished files does not see it.

    :param path: path or URI of the finished file
    """
    folder, separator, name = path.rpartition("/")
    machine, pid, started, random = new_owner().rsplit("/", 3)
    return f"{folder}{separator}{_beginning(name)}{_short(machine)}-{pid}-{started}-{random[:8]}{PARTIAL}"


def left_behind(path: str, names: Iterable[str], changed: Callable[[str], float]) -> Iterator[str]:
    """Return the names of the partial files of a finished file whose writers are gone.

    :param path: path or URI of the finished file
    :param names: names of the files of its folder
    :param changed: says when the file of a name was changed last
    """
    return _of_the_gone(re.escape(_beginning(path.rpartition("/")[2])), names, changed)


def left_in_folder(names: Iterable[str], changed: Callable[[str], float]) -> Iterator[str]:
    """Return the names of all partial files of a folder whose writers are gone.

    :param names: names of the files of the folder
    :param changed: says when the file of a name was changed last
    """
    return _of_the_gone(r"\..+\.", names, changed)


def _of_the_gone(beginning: str, names: Iterable[str], changed: Callable[[str], float]) -> Iterator[str]:
    form = re.compile(beginning + r"([0-9a-f]{8})-(\d+)-(\d*)-[0-9a-f]{8}" + re.escape(PARTIAL), re.DOTALL)
    for name in names:
        if (found := form.fullmatch(name)) and _is_gone(found[1], found[2], found[3], name, changed):
            yield name


def longest_name(folder: str) -> int:
    """Return how many bytes the name of a file may have.

    :param folder: a folder of this machine that is there
    """
    try:
        return os.pathconf(folder, "PC_NAME_MAX")
    except (OSError, ValueError):
        return 255


def _beginning(name: str) -> str:
    return f".{name[:LONGEST].encode()[:LONGEST].decode(errors='ignore')}."


def _short(machine: str) -> str:
    return hashlib.blake2b(machine.encode(), digest_size=4).hexdigest()


def _is_gone(machine: str, pid: str, started: str, name: str, changed: Callable[[str], float]) -> bool:
    here = new_owner().rsplit("/", 3)[0]
    if machine == _short(here):
        # A report may wait for its first line for days.
        return is_gone(f"{here}/{pid}/{started}/")
    return time.time() - changed(name) > OLD
