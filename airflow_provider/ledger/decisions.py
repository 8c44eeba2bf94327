"""Who has decided about a record of unknown outcome or closed a note about a wallet, and when.

A decision is written in the transaction that carries it out, so there is none without its trail. The trail
names the row of the ledger, which says nothing of the record.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Self

import sqlalchemy as sa

from airflow_provider.processes import user_of_process
from airflow_provider.store import keyset
from airflow_provider.store.tables import decision as table

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from airflow_provider.store.engine import Database

Answer = Literal["done", "not_done"]
"""What can be decided about a record of unknown outcome."""

ORDER = keyset.Order(table.c.conn_id, table.c.decided_at, table.c.id)


@dataclass(frozen=True, slots=True)
class Decider:
    """Who decides.

    :param name: name of the user
    :param through: ``page`` or ``cli``
    """

    name: str
    through: str

    @classmethod
    def of_process(cls) -> Self:
        """Return the user who runs this process."""
        return cls(user_of_process(), "cli")


def write_down(
    connection: sa.Connection, rows: Iterable[Any], answer: Answer | Literal["closed"], by: Decider
) -> None:
    """Write down a decision.

    :param connection: the transaction that carries it out
    :param rows: the rows that it is about: ``id, conn_id, operation, task``
    :param answer: what was decided
    :param by: who has decided it
    """
    common = {
        "answer": answer,
        "decided_by": by.name[:250],
        "through": by.through,
        "decided_at": time.time(),
    }
    values = [
        {
            "ledger_id": row["id"],
            "conn_id": row["conn_id"],
            "operation": row["operation"],
            "task": row["task"],
            **common,
        }
        for row in rows
    ]
    if values:
        connection.execute(sa.insert(table), values)


def write_down_closing(connection: sa.Connection, note: Any, by: Decider) -> None:
    """Write down that a note about a wallet was closed.

    :param connection: the transaction that closes it
    :param note: the note: ``id, conn_id``
    :param by: who has closed it
    """
    row = {"id": note["id"], "conn_id": note["conn_id"], "operation": "wallet", "task": ""}
    write_down(connection, [row], "closed", by)


def latest(
    database: Database, conn_ids: Sequence[str], *, limit: int, after: tuple[float, int] | None = None
) -> list[sa.RowMapping]:
    """Return decisions, the latest first.

    :param database: the ledger
    :param conn_ids: their connections
    :param limit: how many at most
    :param after: time and id of the last one of the page before
    """
    with database.read() as connection:
        return keyset.newest(connection, sa.select(table), ORDER, conn_ids, limit=limit, after=after)


def connections(database: Database) -> list[str]:
    """Return the ids of the connections about whose records somebody has decided.

    :param database: the ledger
    """
    with database.read() as connection:
        return keyset.distinct(connection.scalars, table.c.conn_id)
