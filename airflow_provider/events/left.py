"""What listeners of sockets have left in the provider's database, for people and for cleaning up."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sa

from airflow_provider import clock
from airflow_provider.store.tables import listener, notice, spool

if TYPE_CHECKING:
    from airflow_provider.store.engine import Database

MOST_LEFT = 100_000
"""Messages that are kept of a socket to which nobody listens: the newest."""


class Deleted(NamedTuple):
    """What was deleted.

    :param listeners: listeners that are gone
    :param messages: messages that nobody has been told
    :param notices: notices that nobody has been told
    """

    listeners: int
    messages: int
    notices: int


def list_streams(database: Database) -> list[dict[str, Any]]:
    """Return the sockets that are listened to, or were, with what waits to be told.

    :param database: the provider's database
    :raises StoreUnavailable: the database cannot be read
    """
    now = clock.now().timestamp()
    alive = sa.func.sum(sa.case((_is_alive(now), 1), else_=0))
    listeners = (
        sa.select(
            listener.c.conn_id,
            listener.c.stream,
            alive.label("listeners"),
            sa.func.max(listener.c.heard_at).label("heard_at"),
        )
        .group_by(listener.c.conn_id, listener.c.stream)
        .order_by(listener.c.conn_id, listener.c.stream)
    )
    waiting = sa.select(spool.c.stream, sa.func.count()).group_by(spool.c.stream)
    with database.read() as connection:
        counts = {row[0]: row[1] for row in connection.execute(waiting)}
        rows = connection.execute(listeners).all()
    return [
        {
            "conn_id": row.conn_id,
            "stream": row.stream,
            "listeners": row.listeners,
            "heard_at": None
            if row.heard_at is None
            else datetime.fromtimestamp(row.heard_at, UTC).isoformat(),
            "waiting": counts.get(row.stream, 0),
        }
        for row in rows
    ]


def purge(database: Database, before: float, most: int = MOST_LEFT) -> Deleted:
    """Delete what is left of sockets to which nobody listens any more.

    What somebody listens to is left alone, however much of it waits.

    :param database: the provider's database
    :param before: what was last listened to before this time is deleted; in seconds since 1970
    :param most: messages that are kept of each of the others
    :raises StoreUnavailable: the database cannot be used
    """
    now = clock.now().timestamp()
    living = sa.select(listener.c.stream).where(_is_alive(now))
    gone = sa.select(listener.c.stream).where(listener.c.stream.not_in(living)).group_by(listener.c.stream)
    # A lease is a little later than its listener.
    old = gone.having(sa.func.max(listener.c.lease_until) < before)

    def work(connection: sa.Connection) -> Deleted:
        streams = connection.scalars(old).all()
        messages = _delete(connection, sa.delete(spool).where(spool.c.stream.in_(streams)))
        for stream in connection.scalars(gone).all():
            messages += _delete_but(connection, stream, most)
        return Deleted(
            _delete(connection, sa.delete(listener).where(listener.c.stream.in_(streams))),
            messages,
            _delete(connection, sa.delete(notice).where(notice.c.received_at < before)),
        )

    return database.run(work)


def _is_alive(now: float) -> sa.ColumnElement[bool]:
    return sa.and_(listener.c.lease_until >= now, listener.c.closed == 0)


def _delete_but(connection: sa.Connection, stream: str, most: int) -> int:
    """Delete the messages of a stream but for the newest."""
    newest = sa.select(spool.c.id).where(spool.c.stream == stream).order_by(spool.c.id.desc())
    last = connection.scalar(newest.offset(most).limit(1))
    if last is None:
        return 0
    return _delete(connection, sa.delete(spool).where(spool.c.stream == stream, spool.c.id <= last))


def _delete(connection: sa.Connection, statement: sa.Delete) -> int:
    return connection.execute(statement).rowcount
