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
from typing import TYPE_CHECKING

from airflow_provider.ledger.ledger import Completion
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
        lines = [json.dumps(self._owner), *(json.dumps(astuple(end)) for end in ends)]
        try:
            os.makedirs(os.path.dirname(self.path), mode=0o700, exist_ok=True)
            new = self.path + ".new"
            opened = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with open(opened, "w", encoding="utf-8") as file:
                file.write("\n".join(lines) + "\n")
                file.flush()
                os.fsync(file.fileno())
            os.replace(new, self.path)
            self._kept = list(ends)
        except OSError as error:
            if not self._failed:
                log.warning("What the ledger cannot record cannot be kept in a file, either: %s.", error)
            self._failed = True

    def remove(self) -> None:
        """Remove the file: all is recorded."""
        self._kept = []
        _remove(self.path)

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
        found = _read(path)
        if found is None:
            continue
        owner, ends = found
        if not is_gone(owner):
            if not _is_old(path):
                # Its process may be there, and records them itself.
                continue
            # What has no effect must not be released under the hands of a process that has claimed it again.
            ends = [end for end in ends if end.state != "released"]
        database.run(partial(replace(ledger, owner=owner).settle, completions=ends))
        _remove(path)
        count += sum(end.state != "released" for end in ends)
    if count:
        log.warning("%d outcomes that earlier runs could not record are in the ledger now.", count)
    return count


def _files(database: Database) -> Iterator[str]:
    folder = os.path.join(home(), FOLDER)
    with contextlib.suppress(OSError):
        for name in sorted(os.listdir(folder)):
            if name.startswith(f"{_digest(database.place)}-") and name.endswith(".jsonl"):
                yield os.path.join(folder, name)


def _read(path: str) -> tuple[str, list[Completion]] | None:
    try:
        with open(path, encoding="utf-8") as file:
            owner, *ends = [json.loads(line) for line in file]
        return owner, [Completion(*end) for end in ends]
    except (OSError, ValueError, TypeError):
        # Another run has just recorded it, or it is none of ours.
        return None


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
