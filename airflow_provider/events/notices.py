"""What sockets tell assets that no watcher tells, like that of desynchronisations.

A triggerer cannot register asset events of its own. So it writes notices to the provider's database, together
with the messages of the socket, and a process that receives deliveries tells them as it tells those.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from airflow_provider import clock
from airflow_provider.events.message import Message
from airflow_provider.store.engine import insert_if_absent
from airflow_provider.store.tables import notice

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from airflow_provider.store.engine import Database

IN_HAND = 60.0
"""Seconds after which another process tells a notice that one has taken and not removed."""

GROUP = 100
"""Notices that are taken at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """What is told beside the watchers.

    :param id: the id of the event that it is made of
    :param conn_id: the connection whose socket it came by
    :param vendor: the connection's type
    :param received_at: when it came, in seconds since 1970
    :param message: what it says, and to which assets
    """

    id: str
    conn_id: str
    vendor: str
    received_at: float
    message: Message


def notice_of(event: dict[str, Any], at: float, message: Message) -> Notice:
    """Make the notice of an event.

    :param event: the event, as watchers are told it
    :param at: when it came, in seconds since 1970
    :param message: what is told beside
    """
    return Notice(
        id=event["delivery"],
        conn_id=event["conn_id"],
        vendor=event["vendor"],
        received_at=at,
        message=message,
    )


def write(connection: sa.Connection, notices: Iterable[Notice]) -> None:
    """Write notices, in the transaction of the caller.

    :param connection: the transaction, on the provider's database
    :param notices: the notices
    """
    rows = [
        {
            "id": one.id,
            "conn_id": one.conn_id[:250],
            "vendor": one.vendor[:100],
            "received_at": one.received_at,
            "taken_until": 0.0,
            "message": json.dumps(asdict(one.message)),
        }
        for one in notices
    ]
    if rows:
        # A commit that was taken for a failed one is tried again.
        insertion = insert_if_absent(notice, connection.dialect.name)
        if connection.dialect.name == "sqlite":
            insertion = insertion.prefix_with("OR IGNORE")
        connection.execute(insertion, rows)


def add(database: Database, notices: Sequence[Notice]) -> None:
    """Write notices.

    :param database: the provider's database
    :param notices: the notices
    :raises StoreUnavailable: the database cannot be used; nothing was written
    """
    database.run(lambda connection: write(connection, notices))


def take(database: Database) -> list[Notice]:
    """Return the oldest notices that no other process has in hand; they are this one's for a minute.

    :param database: the provider's database
    :raises StoreUnavailable: the database cannot be used
    """
    now = clock.now().timestamp()
    due = sa.select(notice).where(notice.c.taken_until < now).order_by(notice.c.received_at).limit(GROUP)
    with database.read() as connection:
        if connection.execute(due.limit(1)).first() is None:
            return []

    def work(connection: sa.Connection) -> list[Notice]:
        rows = connection.execute(due.with_for_update(skip_locked=True)).all()
        connection.execute(
            sa.update(notice)
            .where(notice.c.id.in_([row.id for row in rows]))
            .values(taken_until=now + IN_HAND)
        )
        return [
            Notice(
                id=row.id,
                conn_id=row.conn_id,
                vendor=row.vendor,
                received_at=row.received_at,
                message=_message(row.message),
            )
            for row in rows
        ]

    return database.run(work)


def remove(database: Database, ids: Sequence[str]) -> None:
    """Remove notices that are told.

    :param database: the provider's database
    :param ids: their ids
    :raises StoreUnavailable: the database cannot be used
    """
    database.run(partial(_execute, sa.delete(notice).where(notice.c.id.in_(ids))))


def _execute(statement: sa.Executable, connection: sa.Connection) -> None:
    connection.execute(statement)


def _message(text: str) -> Message:
    fields = json.loads(text)
    return Message(**{**fields, "assets": tuple(fields["assets"])})
