"""Reserved requests: how many, for which run of which Dag, until when."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from airflow_provider.store.tables import reservation as table

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from airflow_provider.quota.readings import Account, Quota

LEASE = timedelta(hours=1)
"""How long a batch's own reservation outlives its latest request: longer than its longest pause."""


@dataclass(frozen=True, slots=True)
class Reservation:
    """Requests that are reserved.

    :param id: its id
    :param shared: whether it is for all tasks of the run, or for the one that made it
    :param amount: how many requests
    :param taken: how many of them were taken from a shared one, where they belong when the task ends
    :param spent: how many of them are spent
    :param run: the run of a Dag whose requests are taken from it
    :param task: the task that made it, for people
    :param created_at: since when
    :param expires_at: until when
    """

    id: str
    shared: bool
    amount: int
    taken: int
    spent: int
    run: str
    task: str
    created_at: datetime
    expires_at: datetime

    @property
    def remaining(self) -> int:
        """Return how many requests are not spent."""
        return max(0, self.amount - self.spent)

    def is_shared_by(self, run: str) -> bool:
        """Say whether it is for all tasks of the run."""
        return self.shared and bool(run) and self.run == run

    def is_for(self, run: str, now: datetime) -> bool:
        """Say whether tasks of the run may still take from it."""
        return self.is_shared_by(run) and self.expires_at > now


def reservation_id(conn_id: str, *parts: object) -> str:
    """Return an id by which a retried task finds its own reservation.

    :param conn_id: id of the connection
    :param parts: what tells the task from others
    """
    return hashlib.blake2b(json.dumps([conn_id, *map(str, parts)]).encode(), digest_size=16).hexdigest()


class Reservations:
    """The reservations of one account, inside transactions that have locked the row of its quota.

    :param account: whose quota it is
    """

    def __init__(self, account: Account) -> None:
        self._account = account

    def all(self, connection: sa.Connection) -> list[Reservation]:
        """Return all of them, the oldest first."""
        rows = connection.execute(
            sa.select(table)
            .where(table.c.account == self._account.digest)
            .order_by(table.c.created_at, table.c.id)
        )
        return [_reservation(row) for row in rows]

    def add(self, connection: sa.Connection, made: Reservation) -> None:
        """Add one; what it has taken is taken from those that its run shares.

        :param connection: the transaction
        :param made: the reservation
        """
        self._take(connection, made.run, made.taken, made.created_at)
        values = {
            **asdict(made),
            "conn_id": self._account.conn_id,
            "account": self._account.digest,
            "created_at": made.created_at.timestamp(),
            "expires_at": made.expires_at.timestamp(),
        }
        connection.execute(sa.insert(table).values(values))

    def remove(
        self, connection: sa.Connection, chosen: Callable[[Reservation], bool]
    ) -> Sequence[Reservation]:
        """Remove some, and return them; what one of a single task took from its run goes back there.

        :param connection: the transaction
        :param chosen: says which
        """
        found = [one for one in self.all(connection) if chosen(one)]
        for one in found:
            connection.execute(sa.delete(table).where(table.c.id == one.id))
            theirs = [other for other in self.all(connection) if other.is_shared_by(one.run)]
            if one.taken and theirs:
                spent = one.taken - min(one.remaining, one.taken)
                _change(connection, theirs[0], amount=table.c.amount + one.taken, spent=table.c.spent + spent)
        return found

    def spend(self, connection: sa.Connection, count: int, run: str, first: str, now: datetime) -> None:
        """Take requests that have ended from the reservations of a run.

        :param connection: the transaction
        :param count: how many requests
        :param run: the run of a Dag
        :param first: id of the reservation that they are taken from first
        :param now: the time
        """
        if not run and not first:
            return
        held = [one for one in self.all(connection) if one.id == first or one.is_shared_by(run)]
        for one in sorted(held, key=lambda one: one.id != first):
            if part := min(count, one.remaining):
                values: dict[str, Any] = {"spent": table.c.spent + part}
                if one.id == first:
                    # A batch holds its own as long as it sends.
                    values["expires_at"] = (now + LEASE).timestamp()
                _change(connection, one, **values)
                count -= part

    def settle(self, connection: sa.Connection, reading: Quota) -> None:
        """Forget those that had expired when the vendor answered: its count has what they spent.

        :param connection: the transaction
        :param reading: the vendor's answer
        """
        connection.execute(
            sa.delete(table).where(
                table.c.account == self._account.digest,
                table.c.expires_at <= reading.observed_at.timestamp(),
            )
        )

    def _take(self, connection: sa.Connection, run: str, count: int, now: datetime) -> None:
        """Take requests out of the reservations that the tasks of a run share."""
        if not count:
            return
        for one in self.all(connection):
            if one.is_for(run, now) and (part := min(count, one.remaining)):
                _change(connection, one, amount=table.c.amount - part)
                count -= part


def _change(connection: sa.Connection, one: Reservation, **values: Any) -> None:
    connection.execute(sa.update(table).where(table.c.id == one.id).values(values))


def _reservation(row: Any) -> Reservation:
    return Reservation(
        id=row.id,
        shared=row.shared,
        amount=row.amount,
        taken=row.taken,
        spent=row.spent,
        run=row.run,
        task=row.task,
        created_at=datetime.fromtimestamp(row.created_at, UTC),
        expires_at=datetime.fromtimestamp(row.expires_at, UTC),
    )
