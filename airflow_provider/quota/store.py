"""The store of quotas: what every task, process and trigger knows of a connection's quota, in one place."""

from __future__ import annotations

import enum
import hashlib
import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from airflow_provider.quota import clock
from airflow_provider.quota.readings import Account, Quota, QuotaState, Refusal
from airflow_provider.store.engine import insert_if_absent
from airflow_provider.store.tables import quota as table
from airflow_provider.store.tables import reservation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider.quota.readings import Grant
    from airflow_provider.store.engine import Database


LEASE = timedelta(hours=1)
"""How long a batch's own reservation outlives its latest request: longer than its longest pause."""


class Turn(enum.Enum):
    """Whether somebody who wants to ask the vendor may."""

    MINE = "mine"
    """Probe, and say when it is done."""
    ANOTHERS = "another's"
    """Somebody is asking: look again in a moment."""
    OVER = "over"
    """Somebody has asked: look again."""


@dataclass(frozen=True, slots=True)
class Report:
    """What a client has seen since its last report.

    :param sent: requests sent, or about to be; those before the reading not counted
    :param spent: requests that have ended, which are taken from reservations
    :param reading: the latest reading
    :param refusal: the latest refusal
    """

    sent: int = 0
    spent: int = 0
    reading: Quota | None = None
    refusal: Refusal | None = None


@dataclass(frozen=True, slots=True)
class Reservation:
    """Uses that are set aside.

    :param id: names it
    :param shared: whether it is for all tasks of the run, or for the one that made it
    :param amount: how many
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
    def left(self) -> int:
        """Return what is not spent."""
        return max(0, self.amount - self.spent)

    def is_shared_by(self, run: str) -> bool:
        """Say whether it is for all tasks of the run."""
        return self.shared and bool(run) and self.run == run

    def is_for(self, run: str, now: datetime) -> bool:
        """Say whether tasks of the run may still take from it."""
        return self.is_shared_by(run) and self.expires_at > now


def reservation_id(conn_id: str, *parts: object) -> str:
    """Name a reservation so that a retried task finds its own.

    :param conn_id: id of the connection
    :param parts: what tells the task from others
    """
    return hashlib.blake2b(json.dumps([conn_id, *map(str, parts)]).encode(), digest_size=16).hexdigest()


class QuotaStore:
    """The part of the store that concerns one account: connections with the same credentials share it.

    :param database: the database
    :param account: whose quota it is
    :param grant: what the vendor grants where it does not say what is left
    """

    def __init__(self, database: Database, account: Account, grant: Grant | None = None) -> None:
        self.account = account
        self._database = database
        self._grant = grant

    def close(self) -> None:
        """Let go of the database."""
        self._database.close()

    def look(self) -> QuotaState:
        """Say what is known.

        :raises StoreUnavailable: the database cannot be used
        """
        with self._database.read() as connection:
            return self._state(connection, self._row(connection))

    def take_turn(self, asker: str, seconds: float, known: QuotaState | None = None) -> Turn:
        """Become the one who asks the vendor, unless somebody is, or has been since.

        :param asker: who would ask
        :param seconds: after so long somebody else may, whatever has become of this one
        :param known: what the asker has seen; where there is another answer by now, nobody need ask
        :raises StoreUnavailable: the database cannot be used
        """

        def take(connection: sa.Connection) -> Turn:
            row = self._locked(connection)
            now = _seconds(clock.now())
            # Whoever has longer than twice as long has a clock that is wrong.
            if row.asker is not None and now < row.asking_until <= now + 2 * seconds:
                return Turn.ANOTHERS
            if known is not None:
                state = self._state(connection, row)
                if (state.reading, state.refusal) != (known.reading, known.refusal):
                    return Turn.OVER
            self._change(
                connection, asker=asker, asking_until=now + seconds, asked_count=self._counted(row, now)
            )
            return Turn.MINE

        return self._database.run(take)

    def end_turn(self, asker: str) -> None:
        """Let others ask again.

        :param asker: who has asked
        :raises StoreUnavailable: the database cannot be used
        """
        statement = sa.update(table).where(
            table.c.account == self.account.digest, table.c.asker == sa.bindparam("me")
        )
        values = dict.fromkeys(("asker", "asking_until", "asked_count"))
        self._database.run(lambda connection: connection.execute(statement.values(values), {"me": asker}))

    def report(self, report: Report, *, run: str = "", reservation: str = "", asker: str = "") -> None:
        """Take down what a client has seen, in a transaction of its own; see :meth:`write`."""
        self._database.run(
            lambda connection: self.write(connection, report, run=run, reservation=reservation, asker=asker)
        )

    def write(
        self,
        connection: sa.Connection,
        report: Report,
        *,
        run: str = "",
        reservation: str = "",
        asker: str = "",
    ) -> None:
        """Take down what a client has seen.

        :param connection: an open transaction
        :param report: what it has seen
        :param run: the run of a Dag whose reservations its requests are taken from
        :param reservation: the reservation that they are taken from first
        :param asker: who has asked, if the reading is the answer to a turn
        """
        row = self._locked(connection)
        now = _seconds(clock.now())
        counted = self._counted(row, now)
        values: dict[str, Any] = {"counted": counted + report.sent}
        reading, refusal = report.reading, report.refusal
        if reading is None and (row.observed_at is None or self._ended(row, now)):
            reading = self._begun(now)
        if reading is not None and self._is_news(row, reading, now):
            # What others sent while the answer was on its way may or may not be in it: it is counted.
            before = row.asked_count if asker and row.asker == asker else counted
            values = {"counted": max(0, counted - before) + report.sent, **_columns(reading)}
            self._settle(connection, reading)
            if row.refused_at is not None and not values["observed_at"] <= row.refused_at <= now:
                values.update(dict.fromkeys(("refusal", "refused_at", "refused_until", "refusal_text")))
        # One from the future was written by a clock that is wrong.
        past = row.refused_at if row.refused_at is not None and row.refused_at <= now else None
        if refusal is not None and (past is None or _seconds(refusal.at) >= past):
            values.update(
                refusal=refusal.kind,
                refused_at=_seconds(refusal.at),
                refused_until=_seconds(refusal.until) if refusal.until else None,
                refusal_text=refusal.message,
            )
        self._change(connection, **values)
        if report.spent:
            self._spend(connection, report.spent, run, reservation)

    def reserve(
        self,
        id_: str,
        amount: int,
        *,
        margin: int = 0,
        at_most: int | None = None,
        run: str,
        task: str,
        lasts: timedelta,
        shared: bool = False,
    ) -> int | None:
        """Set uses aside, if there are as many.

        :param id_: name of the reservation; one of the same name is replaced
        :param amount: how many at least
        :param margin: how many must be left beside them
        :param at_most: how many at most
        :param run: the run of a Dag whose requests are taken from it
        :param task: the task that makes it, for people
        :param lasts: after so long it expires
        :param shared: whether it is for all tasks of the run. One for a task takes from those first
        :return: how many were set aside; None if there are too few, or nothing is known
        :raises StoreUnavailable: the database cannot be used
        """

        def reserve(connection: sa.Connection) -> int | None:
            row = self._locked(connection)
            self._release(connection, [one for one in self._reservations(connection) if one.id == id_])
            state, now = self._state(connection, row), clock.now()
            ours = [] if shared else [one for one in self._reservations(connection) if one.is_for(run, now)]
            taken = min(amount, sum(one.left for one in ours))
            free = -1
            if state.reading is not None:
                free = state.reading.remaining - state.counted - state.reserved_for_others() - margin
            if free < amount - taken and taken < amount:
                return None
            granted = max(amount, taken + min(free, (at_most or amount) - taken))
            self._take(connection, ours, taken)
            connection.execute(
                sa.insert(reservation).values(
                    id=id_,
                    conn_id=self.account.conn_id,
                    account=self.account.digest,
                    run=run,
                    task=task,
                    shared=shared,
                    amount=granted,
                    taken=taken,
                    spent=0,
                    created_at=_seconds(now),
                    expires_at=_seconds(now + lasts),
                )
            )
            return granted

        return self._database.run(reserve)

    def release(self, *, id_: str | None = None, run: str | None = None) -> list[Reservation]:
        """Give back what is set aside and not spent.

        :param id_: name of one reservation
        :param run: or all those that are shared by the tasks of a run
        :return: what was given back
        :raises StoreUnavailable: the database cannot be used
        """

        def release(connection: sa.Connection) -> list[Reservation]:
            # The row of the quota is locked first by everybody who changes a reservation.
            self._locked(connection)
            found = [
                one
                for one in self._reservations(connection)
                if one.id == id_ or (run is not None and one.shared and one.run == run)
            ]
            self._release(connection, found)
            return found

        return self._database.run(release)

    def reservations(self) -> list[Reservation]:
        """Return what is set aside, the oldest first.

        :raises StoreUnavailable: the database cannot be used
        """
        with self._database.read() as connection:
            return self._reservations(connection)

    def _release(self, connection: sa.Connection, found: Sequence[Reservation]) -> None:
        """Remove reservations; what a task's own took from the run's goes back there."""
        for one in found:
            connection.execute(sa.delete(reservation).where(reservation.c.id == one.id))
            theirs = [other for other in self._reservations(connection) if other.is_shared_by(one.run)]
            if one.taken and theirs:
                values = {
                    "amount": reservation.c.amount + one.taken,
                    "spent": reservation.c.spent + one.taken - min(one.left, one.taken),
                }
                connection.execute(
                    sa.update(reservation).where(reservation.c.id == theirs[0].id).values(values)
                )

    def _take(self, connection: sa.Connection, ours: Sequence[Reservation], count: int) -> None:
        """Take uses out of reservations that the tasks of a run share."""
        for one in ours:
            if part := min(count, one.left):
                connection.execute(
                    sa.update(reservation)
                    .where(reservation.c.id == one.id)
                    .values(amount=reservation.c.amount - part)
                )
                count -= part

    def _row(self, connection: sa.Connection, *, lock: bool = False) -> Any:
        query = sa.select(table).where(table.c.account == self.account.digest)
        return connection.execute(query.with_for_update() if lock else query).first()

    def _locked(self, connection: sa.Connection) -> Any:
        """Lock the account's row, which is made where there is none."""
        row = self._row(connection, lock=True)
        if row is None:
            connection.execute(
                insert_if_absent(table, connection.dialect.name),
                {
                    "conn_id": self.account.conn_id,
                    "vendor": self.account.vendor,
                    "account": self.account.digest,
                    "counted": 0,
                },
            )
            row = self._row(connection, lock=True)
        return row

    def _change(self, connection: sa.Connection, **values: Any) -> None:
        connection.execute(sa.update(table).where(table.c.account == self.account.digest).values(values))

    def _counted(self, row: Any, now: float) -> int:
        """Return what has been counted since the reading; nothing, where a period that we count has ended."""
        return 0 if self._ended(row, now) else int(row.counted)

    def _ended(self, row: Any, now: float) -> bool:
        """Say whether the period of a reading is over, of which we know how the next one begins."""
        if self._grant is None or row.observed_at is None:
            return False
        ends = row.resets_at
        if ends is None:
            ends = _seconds(self._grant.ends(_moment(row.observed_at)))
        return bool(ends <= now)

    def _is_news(self, row: Any, reading: Quota, now: float) -> bool:
        """Say whether a reading is to replace the one that is stored."""
        # One from the future was written by a clock that is wrong.
        stored = row.observed_at
        return stored is None or stored > now or _seconds(reading.observed_at) >= stored

    def _begun(self, now: float) -> Quota | None:
        """Begin a period that is counted here."""
        if self._grant is None:
            return None
        moment = _moment(now)
        return Quota(
            limit=self._grant.limit,
            used=0,
            remaining=self._grant.limit,
            resets_at=self._grant.ends(moment),
            observed_at=moment,
            source="count",
        )

    def _state(self, connection: sa.Connection, row: Any) -> QuotaState:
        now = clock.now()
        if row is None:
            return QuotaState(reading=self._begun(_seconds(now)))
        reading, counted = _reading(row), self._counted(row, _seconds(now))
        if reading is None or self._ended(row, _seconds(now)):
            reading = self._begun(_seconds(now)) or reading
        reserved: dict[str, int] = {}
        frees_at: datetime | None = None
        for one in self._reservations(connection):
            if one.expires_at <= now:
                # Nobody has given it back, so it may have been spent: the vendor's next answer tells.
                told = reading is not None and reading.observed_at >= one.expires_at
                counted += 0 if told else one.left
            elif one.left:
                reserved[one.run] = reserved.get(one.run, 0) + one.left
                frees_at = min(frees_at or one.expires_at, one.expires_at)
        refusal = None
        if row.refusal is not None:
            until = _moment(row.refused_until) if row.refused_until is not None else None
            refusal = Refusal(row.refusal, row.refusal_text or "", _moment(row.refused_at), until)
        asking = row.asker is not None and row.asking_until > _seconds(now)
        return QuotaState(
            reading=reading,
            counted=counted,
            reserved=reserved,
            frees_at=frees_at,
            refusal=refusal,
            asking_until=_moment(row.asking_until) if asking else None,
        )

    def _reservations(self, connection: sa.Connection) -> list[Reservation]:
        rows = connection.execute(
            sa.select(reservation)
            .where(reservation.c.account == self.account.digest)
            .order_by(reservation.c.created_at, reservation.c.id)
        )
        return [
            Reservation(
                id=row.id,
                shared=row.shared,
                amount=row.amount,
                taken=row.taken,
                spent=row.spent,
                run=row.run,
                task=row.task,
                created_at=_moment(row.created_at),
                expires_at=_moment(row.expires_at),
            )
            for row in rows
        ]

    def _settle(self, connection: sa.Connection, reading: Quota) -> None:
        """Forget reservations that had expired when the vendor answered: its count has what they spent."""
        connection.execute(
            sa.delete(reservation).where(
                reservation.c.account == self.account.digest,
                reservation.c.expires_at <= _seconds(reading.observed_at),
            )
        )

    def _spend(self, connection: sa.Connection, count: int, run: str, first: str) -> None:
        """Take requests from the run's reservations."""
        if not run and not first:
            return
        held = [one for one in self._reservations(connection) if one.id == first or one.is_shared_by(run)]
        for one in sorted(held, key=lambda one: one.id != first):
            if not count:
                return
            if part := min(count, one.left):
                values = {"spent": reservation.c.spent + part}
                if one.id == first:
                    # A batch holds its own as long as it sends.
                    values["expires_at"] = sa.literal(_seconds(clock.now() + LEASE))
                connection.execute(sa.update(reservation).where(reservation.c.id == one.id).values(values))
                count -= part


class MemoryStore:
    """What one task knows by itself, where the store cannot be used.

    :param account: whose quota it is
    """

    def __init__(self, account: Account) -> None:
        self.account = account
        self._state = QuotaState()

    def look(self) -> QuotaState:
        """Say what is known."""
        return self._state

    def take_turn(self, asker: str, seconds: float, known: QuotaState | None = None) -> Turn:
        """Become the one who asks: there is nobody else."""
        return Turn.MINE

    def end_turn(self, asker: str) -> None:
        """Do nothing: there is nobody else."""

    def close(self) -> None:
        """Do nothing: there is no database."""

    def write(self, connection: Any, report: Report, **details: Any) -> None:
        """Take down what the task has seen."""
        self.report(report)

    def report(self, report: Report, **details: Any) -> None:
        """Take down what the task has seen."""
        state = self._state
        counted = report.sent if report.reading else state.counted + report.sent
        self._state = replace(
            state,
            reading=report.reading or state.reading,
            counted=counted,
            refusal=report.refusal or state.refusal,
        )


def rows(database: Database) -> Sequence[Any]:
    """Return every connection whose quota is known, by id.

    :param database: the database
    :raises StoreUnavailable: the database cannot be used
    """
    with database.read() as connection:
        return connection.execute(sa.select(table).order_by(table.c.conn_id)).all()


def _columns(reading: Quota) -> dict[str, Any]:
    return {
        "granted": reading.limit,
        "used": reading.used,
        "remaining": reading.remaining,
        "resets_at": _seconds(reading.resets_at) if reading.resets_at else None,
        "observed_at": _seconds(reading.observed_at),
        "source": reading.source,
    }


def _reading(row: Any) -> Quota | None:
    if row.observed_at is None:
        return None
    return Quota(
        limit=row.granted,
        used=row.used,
        remaining=row.remaining,
        resets_at=_moment(row.resets_at) if row.resets_at is not None else None,
        observed_at=_moment(row.observed_at),
        source=row.source,
    )


def _seconds(moment: datetime) -> float:
    return moment.timestamp()


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
