"""One reading of a list for all tasks of a run: the first reads it, the others take what it has stored."""

from __future__ import annotations

import json
import logging
import time
import zlib
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import sqlalchemy as sa

from airflow_provider.exceptions import StoreUnavailable
from airflow_provider.extract.index import Entry
from airflow_provider.extract.store import digest
from airflow_provider.processes import is_gone, new_owner, retire
from airflow_provider.store.engine import insert_if_absent
from airflow_provider.store.tables import list_index as table
from airflow_provider.store.tables import list_index_part as part_table
from airflow_provider.store.waiting import at_once

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from airflow_provider.extract.index import ListIndex
    from airflow_provider.store.engine import Database
    from airflow_provider.store.waiting import Wait

log = logging.getLogger(__name__)

T = TypeVar("T")

PART = 5000
"""Entries that are stored in one row."""

LEASE = 600.0
"""Seconds after which a task that reads and has stored nothing more is taken for dead."""

PAUSE = 1.0
"""Seconds between two looks at whether another task has read the list."""

STALE = 2 * 24 * 3600.0
"""Seconds after which a reading is removed: its run is over."""

AGE = 24 * 3600.0
RETRY_AGE = 300.0
"""Seconds for which a reading holds; for a later try of a task, which may be there because somebody has added
what was missing."""


class SharedReading:
    """One reading of one list by the tasks of a run.

    :param database: the database
    :param conn_id: id of the vendor's connection
    :param listing: name of the list
    :param run: name of the run; empty outside of one, where nothing is shared
    :param terms: what two readings have in common exactly if they are the same
    :param retry: whether this is a later try of a task
    :param wait: waits for a database that is away
    """

    def __init__(
        self,
        database: Database,
        *,
        conn_id: str,
        listing: str,
        run: str,
        terms: Sequence[Any],
        retry: bool = False,
        wait: Wait = at_once,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._database = database
        self._owner = new_owner()
        self._id = digest(run or self._owner, listing, *terms)
        self._columns = {"conn_id": conn_id, "listing": listing, "run": run[:600]}
        self._age = RETRY_AGE if retry else AGE
        self._wait = wait
        self._pause = pause

    def fill(self, index: ListIndex, read: Callable[[], Iterable[Sequence[Entry]]]) -> bool:
        """Fill an index with the entries of the list, by reading it or from what another task has read.

        :param index: the index, empty
        :param read: reads the list and returns its entries, page after page
        :return: whether the list was read here
        :raises StoreUnavailable: the database cannot be used
        """
        waiting = False
        try:
            while True:
                turn = self._run(self._claim)
                if turn == "mine":
                    self._read(index, read)
                    return True
                if turn == "ready" and self._wait(partial(self._take, index)):
                    return False
                if not waiting:
                    log.info('Another task of the run is reading "%s"; waiting.', self._columns["listing"])
                    waiting = True
                self._pause(PAUSE)
        finally:
            retire(self._owner)

    def _run(self, work: Callable[[sa.Connection], T]) -> T:
        return self._wait(partial(self._database.run, work))

    def _claim(self, connection: sa.Connection) -> str:
        now = time.time()
        mine = table.c.id == self._id
        row = connection.execute(sa.select(table).where(mine).with_for_update()).one_or_none()
        fresh = {
            "owner": self._owner,
            "lease_until": now + LEASE,
            "state": "reading",
            "entries": 0,
            "created_at": now,
        }
        if row is None:
            self._remove_stale(connection, now)
            made = {"id": self._id, **self._columns, **fresh}
            connection.execute(insert_if_absent(table, connection.dialect.name), made)
            # Another task may have inserted it just now.
            owner = connection.scalar(sa.select(table.c.owner).where(mine))
            return "mine" if owner == self._owner else "wait"
        if row.state == "ready" and 0 <= now - row.created_at < self._age:
            return "ready"
        held = row.state == "reading" and now < row.lease_until <= now + LEASE and not is_gone(row.owner)
        # It may be this one's own, where the answer to an attempt before was lost.
        if held and row.owner != self._owner:
            return "wait"
        connection.execute(sa.update(table).where(mine).values(fresh))
        connection.execute(sa.delete(part_table).where(part_table.c.id == self._id))
        return "mine"

    def _remove_stale(self, connection: sa.Connection, now: float) -> None:
        old = connection.scalars(sa.select(table.c.id).where(table.c.created_at < now - STALE)).all()
        if old:
            connection.execute(sa.delete(part_table).where(part_table.c.id.in_(old)))
            connection.execute(sa.delete(table).where(table.c.id.in_(old)))

    def _read(self, index: ListIndex, read: Callable[[], Iterable[Sequence[Entry]]]) -> None:
        number = count = 0
        ours = True
        try:
            for entries in _in_parts(read()):
                index.add(entries)
                count += len(entries)
                ours = ours and self._store(number, entries)
                number += 1
        except BaseException:
            # The next one reads it at once. What the error says must not be lost.
            with suppress(StoreUnavailable):
                self._database.run(
                    lambda connection: connection.execute(self._mine().values(lease_until=0.0))
                )
            raise
        ready = self._mine().values(state="ready", entries=count)
        self._run(lambda connection: connection.execute(ready))

    def _store(self, number: int, entries: Sequence[Entry]) -> bool:
        content = zlib.compress(json.dumps(entries, ensure_ascii=False).encode(), 1)

        def store(connection: sa.Connection) -> bool:
            held = self._mine().values(lease_until=time.time() + LEASE)
            if connection.execute(held).rowcount != 1:
                # Taken over by a task that takes this one for dead; it needs its own index all the same.
                return False
            part = {"id": self._id, "number": number, "content": content}
            there = sa.select(part_table.c.id).filter_by(id=self._id, number=number)
            # It is there already where the answer to an attempt before was lost.
            if connection.scalar(there) is None:
                connection.execute(sa.insert(part_table), part)
            return True

        return self._run(store)

    def _mine(self) -> sa.Update:
        return sa.update(table).where(
            table.c.id == self._id, table.c.owner == self._owner, table.c.state == "reading"
        )

    def _take(self, index: ListIndex) -> bool:
        """Take what another task has read; say whether it was still there as a whole."""
        # An attempt before may have taken a part of it.
        index.clear()
        with self._database.read() as connection:
            row = connection.execute(sa.select(table).where(table.c.id == self._id)).one_or_none()
            parts = sa.select(part_table.c.content).where(part_table.c.id == self._id)
            for content in connection.scalars(parts.order_by(part_table.c.number)):
                index.add(Entry(*entry) for entry in json.loads(zlib.decompress(content)))
        if row is not None and row.state == "ready" and len(index) == row.entries:
            return True
        index.clear()
        return False


def _in_parts(pages: Iterable[Sequence[Entry]]) -> Iterator[list[Entry]]:
    waiting: list[Entry] = []
    for page in pages:
        waiting += page
        while len(waiting) >= PART:
            yield waiting[:PART]
            waiting = waiting[PART:]
    if waiting:
        yield waiting
