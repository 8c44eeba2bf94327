"""Messages of a socket that have come and are not yet confirmed, in the provider's database.

Each belongs to the listener that has received it. When a listener is gone, another one of the same stream
takes over what it has left, on whichever machine that runs. Nothing here uses an event loop.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from airflow_provider import clock
from airflow_provider.events import notices
from airflow_provider.processes import is_gone, new_owner, retire
from airflow_provider.store.tables import listener, spool

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from airflow_provider.events.notices import Notice
    from airflow_provider.store.engine import Database

LEASE = 60.0
"""Seconds for which a listener counts as alive, at least. Airflow moves the triggers of a triggerer that is
gone to another one within that time; what it has left is told then, so that they hear it."""

DELETED_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Waiting:
    """A message that is to be told.

    :param event: as it is told; what JSON has
    :param received_at: when it came, in seconds since 1970
    :param latest: a digest of what it is about, where only the newest is told
    :param notice: what is told beside the watchers
    :param for_all: every listener of the stream tells it to its watchers
    """

    event: dict[str, Any]
    received_at: float
    latest: str | None = None
    notice: Notice | None = None
    for_all: bool = False


@dataclass(frozen=True, slots=True)
class Spooled:
    """A message in the spool.

    :param id: its row
    :param event: as it is told
    :param size: characters that it has as JSON
    """

    id: int
    event: dict[str, Any]
    size: int


class Spool:
    """What a listener has received and is not confirmed.

    :param database: the provider's database, prepared
    :param stream: a digest of what is listened to
    :param conn_id: id of the connection, for people
    :param lease: seconds for which a listener counts as alive that says nothing
    """

    def __init__(self, database: Database, stream: str, conn_id: str, *, lease: float = LEASE) -> None:
        self.owner = new_owner()
        self._lease = lease
        self._database = database
        self._stream = stream
        self._conn_id = conn_id[:250]

    def begin(self) -> float | None:
        """Become a listener, and take over what those have left that are gone.

        :return: until when all of the stream have heard everything; None where nothing is known
        :raises StoreUnavailable: the database cannot be used
        """

        def work(connection: sa.Connection) -> float | None:
            heard = self._heard_by_all(connection)
            self._take_over(connection, starting=True)
            self._insert_listener(connection, heard)
            return heard

        return self._database.run(work)

    def keep(self, heard_at: float | None) -> list[float | None]:
        """Stay a listener, and take over what others have left whose lease is over.

        :param heard_at: until when everything was heard
        :return: until when each of them has heard everything
        :raises StoreUnavailable: the database cannot be used
        """

        def work(connection: sa.Connection) -> list[float | None]:
            values = {"heard_at": heard_at, "lease_until": _now() + self._lease}
            kept = connection.execute(
                sa.update(listener).where(listener.c.owner == self.owner).values(**values)
            )
            if not kept.rowcount:
                # It was held up for so long that another one has taken over.
                self._insert_listener(connection, heard_at)
            return self._take_over(connection, starting=False)

        return self._database.run(work)

    def add(self, messages: Sequence[Waiting], told: Collection[int] = ()) -> None:
        """Store messages.

        :param messages: the messages, in the order in which they came
        :param told: rows that are being told: a newer message does not replace them
        :raises StoreUnavailable: the database cannot be used; nothing was stored
        """
        newest = {one.latest: one for one in messages if one.latest}
        kept = [one for one in messages if not one.latest or newest[one.latest] is one]
        rows = [self._row(one) for one in kept]
        for_all = [row for one, row in zip(kept, rows, strict=True) if one.for_all]

        def work(connection: sa.Connection) -> None:
            if newest:
                connection.execute(
                    sa.delete(spool).where(
                        spool.c.owner == self.owner,
                        spool.c.latest.in_(list(newest)),
                        spool.c.id.not_in(list(told)),
                    )
                )
            others = self._living(connection) if for_all else []
            copies = [{**row, "owner": owner} for owner in others for row in for_all]
            connection.execute(sa.insert(spool), [*rows, *copies])
            notices.write(connection, [one.notice for one in messages if one.notice])

        if rows:
            self._database.run(work)

    def load(self, after: int, most: int) -> list[Spooled]:
        """Return messages in the order in which they came.

        :param after: the row after which to begin
        :param most: how many
        :raises StoreUnavailable: the database cannot be read
        """
        query = sa.select(spool.c.id, spool.c.event).where(spool.c.owner == self.owner, spool.c.id > after)
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(spool.c.id).limit(most)).all()
        return [Spooled(row.id, json.loads(row.event), len(row.event)) for row in rows]

    def count(self) -> int:
        """Say how many messages wait or are being told.

        :raises StoreUnavailable: the database cannot be read
        """
        query = sa.select(sa.func.count()).select_from(spool).where(spool.c.owner == self.owner)
        with self._database.read() as connection:
            return connection.scalar(query) or 0

    def delete(self, ids: Sequence[int]) -> None:
        """Remove messages that are confirmed.

        :param ids: their rows
        :raises StoreUnavailable: the database cannot be used
        """
        for begin in range(0, len(ids), DELETED_AT_ONCE):
            some = list(ids[begin : begin + DELETED_AT_ONCE])
            statement = sa.delete(spool).where(spool.c.id.in_(some))
            self._database.run(partial(_execute, statement))

    def received_at(self, id_: int) -> float | None:
        """Say when a message came, in seconds since 1970; None where another listener has it now.

        :param id_: its row
        :raises StoreUnavailable: the database cannot be read
        """
        query = sa.select(spool.c.received_at).where(spool.c.id == id_, spool.c.owner == self.owner)
        with self._database.read() as connection:
            return connection.scalar(query)

    def replace(self, id_: int, message: Waiting) -> None:
        """Store another message in the place of one.

        :param id_: the row
        :param message: what is to be told instead
        :raises StoreUnavailable: the database cannot be used; nothing was changed
        """
        statement = sa.update(spool).where(spool.c.id == id_, spool.c.owner == self.owner)

        def work(connection: sa.Connection) -> None:
            if connection.execute(statement.values(self._row(message))).rowcount and message.notice:
                notices.write(connection, [message.notice])

        self._database.run(work)

    def end(self, heard_at: float | None) -> None:
        """Stop being a listener: the next one takes over at once.

        :param heard_at: until when everything was heard
        :raises StoreUnavailable: the database cannot be used; the lease has to run out then
        """
        retire(self.owner)
        values = {"heard_at": heard_at, "closed": 1, "lease_until": _now() + self._lease}
        statement = sa.update(listener).where(listener.c.owner == self.owner).values(**values)
        self._database.run(partial(_execute, statement))

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    def _row(self, message: Waiting) -> dict[str, Any]:
        return {
            "stream": self._stream,
            "owner": self.owner,
            "latest": message.latest,
            "received_at": message.received_at,
            "event": json.dumps(message.event),
        }

    def _insert_listener(self, connection: sa.Connection, heard_at: float | None) -> None:
        values = {
            "owner": self.owner,
            "stream": self._stream,
            "conn_id": self._conn_id,
            "heard_at": heard_at,
            "lease_until": _now() + self._lease,
            "closed": 0,
        }
        connection.execute(sa.insert(listener).values(**values))

    def _heard_by_all(self, connection: sa.Connection) -> float | None:
        # The triggers that begin here may come from any of them. What another one that lives has heard since
        # was told to its own.
        query = sa.select(listener.c.heard_at).where(listener.c.stream == self._stream)
        heard = connection.scalars(query).all()
        return None if None in heard else min(heard, default=None)

    def _living(self, connection: sa.Connection) -> Sequence[str]:
        """Return the other listeners of the stream that are alive."""
        query = sa.select(listener.c.owner).where(
            listener.c.stream == self._stream,
            listener.c.owner != self.owner,
            listener.c.lease_until >= _now(),
            listener.c.closed == 0,
        )
        return connection.scalars(query).all()

    def _take_over(self, connection: sa.Connection, *, starting: bool) -> list[float | None]:
        # A listener that starts has been given its triggers already. One that runs may yet be given those of
        # the listener that is gone, and tells them nothing that it has told before.
        query = sa.select(listener).where(listener.c.stream == self._stream, listener.c.owner != self.owner)
        gone = [
            row
            for row in connection.execute(query.with_for_update())
            if row.lease_until < _now() or (starting and (row.closed or is_gone(row.owner)))
        ]
        owners = [row.owner for row in gone]
        if starting:
            owners += self._without_listener(connection)
        if owners:
            connection.execute(sa.delete(listener).where(listener.c.owner.in_(owners)))
            self._share(connection, owners)
            connection.execute(sa.update(spool).where(spool.c.owner.in_(owners)).values(owner=self.owner))
        return [row.heard_at for row in gone]

    def _without_listener(self, connection: sa.Connection) -> Sequence[str]:
        # A triggerer that ended may have stored something after another one had taken over from it.
        known = sa.select(listener.c.owner).where(listener.c.stream == self._stream)
        query = (
            sa.select(spool.c.owner)
            .distinct()
            .where(spool.c.stream == self._stream, spool.c.owner.not_in(known), spool.c.owner != self.owner)
        )
        return connection.scalars(query).all()

    def _share(self, connection: sa.Connection, owners: Sequence[str]) -> None:
        """Give all listeners what others have left: any of them may have their triggers now."""
        columns = ("stream", "latest", "received_at", "event")
        for living in self._living(connection):
            left = sa.select(sa.literal(living), *(spool.c[name] for name in columns))
            left = left.where(spool.c.owner.in_(owners)).order_by(spool.c.id)
            connection.execute(sa.insert(spool).from_select(["owner", *columns], left))


def _now() -> float:
    return clock.now().timestamp()


def _execute(statement: sa.Executable, connection: sa.Connection) -> None:
    connection.execute(statement)
