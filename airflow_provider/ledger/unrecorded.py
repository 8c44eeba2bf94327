"""How requests ended while the ledger's database was away: kept in a file, and recorded later.

The file is there only while something is not recorded. It has what the row of the ledger would have: secrets
are sealed in it, and only its owner may read it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import time
from dataclasses import astuple, replace
from functools import partial
from typing import TYPE_CHECKING, Any, get_args

from airflow_provider.exceptions import StoreUnavailable
from airflow_provider.ledger.ledger import Completion, State
from airflow_provider.processes import is_gone
from airflow_provider.store.location import home

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from airflow_provider.ledger.ledger import Ledger
    from airflow_provider.store.engine import Database

log = logging.getLogger(__name__)

FOLDER = "vendor_apis_unrecorded"
"""Its name, under AIRFLOW_HOME."""


OLD = 900.0
"""Seconds after which no process waits any more to record what its file has, wherever it is: a container may
leave it on a volume."""


class Unrecorded:
    """The file of one run of a batch.

    :param database: the database that is away
    :param owner: the run, as in the rows that it holds
    """

    def __init__(self, database: Database, owner: str) -> None:
        self.path = os.path.join(home(), FOLDER, f"{_digest(database.place)}-{_digest(owner)}.jsonl")
        self._owner = owner
        self._kept: list[Completion] = []
        self._failed = False

    def keep(self, ends: Sequence[Completion]) -> None:
        """Keep what is not recorded, in place of what was kept before. It must not fail.

        :param ends: all that is not recorded
        """
        if self._kept == list(ends):
            return
        new = self.path + ".new"
        try:
            lines = [json.dumps(self._owner), *(json.dumps(astuple(end)) for end in ends)]
            os.makedirs(os.path.dirname(self.path), mode=0o700, exist_ok=True)
            opened = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with open(opened, "w", encoding="utf-8") as file:
                file.write("\n".join(lines) + "\n")
                file.flush()
                os.fsync(file.fileno())
            os.replace(new, self.path)
            self._kept = list(ends)
        except (OSError, TypeError, ValueError) as error:
            if not self._failed:
                why = error if isinstance(error, OSError) else type(error).__name__
                log.warning("What the ledger cannot record cannot be kept in a file, either: %s.", why)
            self._failed = True
            _remove(new)

    def remove(self) -> None:
        """Remove the file: all of it is recorded."""
        self._kept = []
        try:
            os.remove(self.path)
        except FileNotFoundError:
            pass
        except OSError as error:
            log.warning("%s cannot be removed: %s. Remove it: what it has is recorded.", self.path, error)

    @property
    def is_kept(self) -> bool:
        """Say whether the file has something."""
        return bool(self._kept)


def record_earlier(database: Database, ledger: Ledger) -> int:
    """Record what earlier runs on this machine could not record, and return how many outcomes that were.

    :param database: the database, open
    :param ledger: the ledger, of whatever operation
    :raises StoreUnavailable: the database cannot be written
    """
    count = 0
    for path in _files(database):
        try:
            count += _record(path, database, ledger)
        except FileNotFoundError:
            # Another run has just recorded it.
            continue
        except (OSError, TypeError, ValueError) as error:
            why = error if isinstance(error, OSError) else "it is damaged"
            log.warning("What an earlier run could not record cannot be read from %s: %s.", path, why)
        except StoreUnavailable as error:
            if error.temporary:
                raise
            # If it is not the file that the database refuses, the batch finds that out by itself.
            log.warning("What an earlier run could not record stays in %s: %s", path, error)
    if count:
        log.warning("%d outcomes that earlier runs could not record are in the ledger now.", count)
    return count


def _files(database: Database) -> Iterator[str]:
    folder = os.path.join(home(), FOLDER)
    with contextlib.suppress(OSError):
        for name in sorted(os.listdir(folder)):
            if name.startswith(f"{_digest(database.place)}-") and name.endswith(".jsonl"):
                yield os.path.join(folder, name)


def _record(path: str, database: Database, ledger: Ledger) -> int:
    """Record what a file has, unless its process may do so, and return how many outcomes that were."""
    owner, ends = _read(path)
    if not is_gone(owner):
        if not _is_old(path):
            # Its process may be there, and records them itself.
            return 0
        # What has no effect must not be released under the hands of a process that has claimed it again.
        ends = [end for end in ends if end.state != "released"]
    database.run(partial(replace(ledger, owner=owner).settle, completions=ends))
    _remove(path)
    return sum(end.state != "released" for end in ends)


def _read(path: str) -> tuple[str, list[Completion]]:
    """Read a file.

    :raises OSError: it cannot be read
    :raises ValueError: it is damaged
    :raises TypeError: likewise
    """
    with open(path, encoding="utf-8") as file:
        owner, *ends = [json.loads(line) for line in file]
    if not isinstance(owner, str):
        raise TypeError("the owner is no text")
    return owner, [_completion(*end) for end in ends]


def _completion(id_: Any, state: Any, result: Any, error: Any, content: Any) -> Completion:
    if not isinstance(id_, str) or state not in get_args(State):
        raise ValueError("no row has such a state")
    if not all(text is None or isinstance(text, str) for text in (error, content)):
        raise TypeError("an error is a text")
    return Completion(id_, state, result, error, content)


def _is_old(path: str) -> bool:
    try:
        return time.time() - os.stat(path).st_mtime > OLD
    except OSError:
        return False


def _remove(path: str) -> None:
    with contextlib.suppress(OSError):
        os.remove(path)


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
