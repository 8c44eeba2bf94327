"""What the database knows of lists that have been read in part."""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import sqlalchemy as sa

from airflow_provider.processes import is_gone, new_owner, retire
from airflow_provider.store.engine import insert_if_absent
from airflow_provider.store.tables import extract as table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider.http.observer import RequestCounter
    from airflow_provider.run_identity import RunIdentity
    from airflow_provider.store.engine import Database

STALE = 7 * 24 * 3600.0
"""Seconds after which what has been read in part is not used any more: the list has become another."""


def digest(*parts: Any) -> str:
    """Return a short text that is the same for the same parts alone.

    :param parts: values that JSON has
    """
    return hashlib.blake2b(json.dumps(parts, default=str).encode(), digest_size=16).hexdigest()


@dataclass(frozen=True, slots=True)
class Found:
    """What an earlier try left.

    :param published: whether the output is in its place
    :param progress: how far it came; None where that is nothing, or not to be used for this question
    :param running: whether its process may still be there
    """

    published: bool = False
    progress: dict[str, Any] | None = None
    running: bool = False


@dataclass(frozen=True, slots=True)
class Left:
    """What a task left that was not tried again.

    :param id: id of the row
    :param output: path or URI of the output
    """

    id: str
    output: str


class ExtractStore:
    """The row of one task instance and one output.

    Each try names itself in it. A try that finds another's name has been replaced, and must stop.

    :param database: the database
    :param identity: the task instance
    :param output: path or URI of the output
    :param conn_id: id of the vendor's connection
    :param listing: name of the listing
    :param terms: what two queries have in common exactly if they ask for the same
    :param counter: counts the requests; its count is stored together with how far a try has come
    """

    def __init__(
        self,
        database: Database,
        identity: RunIdentity,
        output: str,
        *,
        conn_id: str,
        listing: str,
        terms: Sequence[Any],
        counter: RequestCounter | None = None,
    ) -> None:
        self._database = database
        self._counter = counter
        # After a power cut the pages are asked for again that it does not know of.
        database.relax()
        self.id = digest(identity.instance, output)
        self.owner = new_owner()
        self._series = digest(identity.dag_id, identity.task_id)
        self._columns = {
            "conn_id": conn_id,
            "listing": listing,
            "task": identity.instance[:1000],
            "series": self._series,
            "output": output,
            "question": digest(conn_id, *terms),
        }

    def claim(self) -> Found:
        """Put this try's name into the row, and say what the one before left.

        :raises StoreUnavailable: nothing can be stored
        """
        return self._database.run(self._claim)

    def _claim(self, connection: sa.Connection) -> Found:
        now = time.time()
        mine = table.c.id == self.id
        row = connection.execute(sa.select(table).where(mine).with_for_update()).one_or_none()
        if row is None:
            fresh = {"id": self.id, **self._columns, "owner": self.owner, "state": "reading"}
            connection.execute(
                insert_if_absent(table, connection.dialect.name),
                {**fresh, "created_at": now, "updated_at": now},
            )
            # Another try may have inserted it just now.
            connection.execute(sa.update(table).where(mine).values(owner=self.owner))
            return Found()
        usable = row.question == self._columns["question"] and now - row.updated_at < STALE
        renewed: dict[str, Any] = {"owner": self.owner, "updated_at": now}
        if not usable:
            renewed |= {**self._columns, "state": "reading", "progress": None}
        connection.execute(sa.update(table).where(mine).values(renewed))
        return Found(
            published=usable and row.state == "published",
            progress=json.loads(row.progress) if usable and row.progress else None,
            running=not is_gone(row.owner),
        )

    def save(
        self,
        progress: dict[str, Any] | None,
        state: Literal["reading", "published"] = "reading",
        *,
        ahead: int = 0,
    ) -> bool:
        """Store how far this try has come, and what the counter has, in one transaction.

        :param progress: the progress and its parts; None to begin anew
        :param state: whether the output is in its place
        :param ahead: how many requests are counted ahead, those that follow
        :return: False where another try has taken the row
        :raises StoreUnavailable: nothing was stored
        """
        text = None if progress is None else json.dumps(progress)
        statement = sa.update(table).where(table.c.id == self.id, table.c.owner == self.owner)
        values = {"progress": text, "state": state, "updated_at": time.time()}
        counter = self._counter
        taken = None if counter is None else counter.take(ahead=ahead)

        def write(connection: sa.Connection) -> int:
            if counter is not None:
                counter.write(connection, taken)
            return connection.execute(statement.values(values)).rowcount

        try:
            return self._database.run(write) == 1
        except BaseException:
            if counter is not None:
                counter.restore(taken)
            raise

    def forget(self) -> None:
        """Remove the row, unless another try has taken it.

        :raises StoreUnavailable: nothing was removed
        """
        mine = sa.delete(table).where(table.c.id == self.id, table.c.owner == self.owner)
        self._database.run(lambda connection: connection.execute(mine))

    def left_behind(self) -> list[Left]:
        """Return what earlier runs of the task left and nobody uses any more.

        :raises StoreUnavailable: the database cannot be read
        """
        old = table.c.updated_at < time.time() - STALE
        rows = sa.select(table.c.id, table.c.output).where(
            table.c.series == self._series, table.c.id != self.id, old
        )
        with self._database.read() as connection:
            return [Left(row.id, row.output) for row in connection.execute(rows)]

    def forget_left(self, left: Left) -> None:
        """Remove the row of what was left.

        :param left: from :meth:`left_behind`
        :raises StoreUnavailable: nothing was removed
        """
        old = table.c.updated_at < time.time() - STALE
        self._database.run(
            lambda connection: connection.execute(sa.delete(table).where(table.c.id == left.id, old))
        )

    def close(self) -> None:
        """Close the database, and note that this try has ended."""
        retire(self.owner)
        self._database.close()
