"""The store of quotas: what every task, process and trigger knows of a connection's quota, in one place."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from airflow_provider import clock
from airflow_provider.quota.decision import RECHECK, Requirement, availability
from airflow_provider.quota.history import turn_day
from airflow_provider.quota.interface import Turn
from airflow_provider.quota.readings import Quota, QuotaState, Refusal
from airflow_provider.quota.reservations import Reservation, Reservations
from airflow_provider.store.engine import insert_if_absent
from airflow_provider.store.tables import quota as table

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from airflow_provider.quota.interface import Report
    from airflow_provider.quota.readings import Account, Grant
    from airflow_provider.store.engine import Database


class QuotaStore:
    """The part of the store that concerns one account: connections with the same credentials share it.

    :param database: the database
    :param account: whose quota it is
    :param grant: what the vendor grants where it does not say how much remains
    :param can_probe: whether the vendor can be asked how much remains
    """

    blocking = True

    def __init__(
        self, database: Database, account: Account, grant: Grant | None = None, *, can_probe: bool = True
    ) -> None:
        self.account = account
        self._database = database
        self._grant = grant
        self._can_probe = can_probe
        self._reservations = Reservations(account)

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    def look(self) -> QuotaState:
        """Return what is known.

        :raises StoreUnavailable: the database cannot be used
        """
        with self._database.read() as connection:
            return self._state(connection, self._row(connection))

    def take_turn(self, prober: str, seconds: float, known: QuotaState | None = None) -> Turn:
        """Let one prober at a time probe the vendor.

        :param prober: name of the prober
        :param seconds: after so long another one may, whether or not the turn was ended
        :param known: what the prober has seen; with an answer that is newer, nobody need probe
        :raises StoreUnavailable: the database cannot be used
        """

        def take(connection: sa.Connection) -> Turn:
            row = self._locked(connection)
            now = _seconds(clock.now())
            # A turn that lasts more than twice as long was written by a clock that is wrong.
            if row.asker is not None and now < row.asking_until <= now + 2 * seconds:
                return Turn.ANOTHERS
            if known is not None:
                state = self._state(connection, row)
                if (state.reading, state.refusal) != (known.reading, known.refusal):
                    return Turn.OVER
            self._change(
                connection, asker=prober, asking_until=now + seconds, asked_count=self._counted(row, now)
            )
            return Turn.MINE

        return self._database.run(take)

    def end_turn(self, prober: str) -> None:
        """Let others probe again.

        :param prober: name of the prober
        :raises StoreUnavailable: the database cannot be used
        """
        statement = sa.update(table).where(
            table.c.account == self.account.digest, table.c.asker == sa.bindparam("me")
        )
        values = dict.fromkeys(("asker", "asking_until", "asked_count"))
        self._database.run(lambda connection: connection.execute(statement.values(values), {"me": prober}))

    def report(self, report: Report, *, run: str = "", reservation: str = "", prober: str = "") -> None:
        """Keep what a client has seen, in a transaction of its own; see :meth:`write`."""
        self._database.run(
            lambda connection: self.write(connection, report, run=run, reservation=reservation, prober=prober)
        )

    def write(
        self,
        connection: sa.Connection,
        report: Report,
        *,
        run: str = "",
        reservation: str = "",
        prober: str = "",
    ) -> None:
        """Keep what a client has seen.

        :param connection: an open transaction
        :param report: what it has seen
        :param run: the run of a Dag whose reservations its requests are taken from
        :param reservation: the reservation that they are taken from first
        :param prober: name of the prober, if the reading is the answer to its probe
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
            before = row.asked_count if prober and row.asker == prober else counted
            values = {"counted": max(0, counted - before) + report.sent, **_columns(reading)}
            self._reservations.settle(connection, reading)
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
        self._change(connection, **values, **turn_day(connection, row, report.sent, now))
        if report.spent:
            self._reservations.spend(connection, report.spent, run, reservation, clock.now())

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
        reset_margin: timedelta = timedelta(0),
        recheck_interval: timedelta = RECHECK,
    ) -> int | None:
        """Reserve requests, if :func:`~airflow_provider.quota.decision.availability` finds enough.

        :param id_: id of the reservation; one of the same id is replaced
        :param amount: how many at least
        :param margin: how many must remain beside them
        :param at_most: how many at most
        :param run: the run of a Dag whose requests are taken from it
        :param task: the task that makes it, for people
        :param lasts: after so long it expires
        :param shared: whether it is for all tasks of the run, on top of what they share already. One for a
            single task takes from what they share first
        :param reset_margin: how long after the announced reset a new period has begun
        :param recheck_interval: how long a reading holds that says too little and names no reset
        :return: how many were reserved; None if too few remain, or nothing is known
        :raises StoreUnavailable: the database cannot be used
        """
        requirement = Requirement(amount, margin, "" if shared else run)

        def reserve(connection: sa.Connection) -> int | None:
            row = self._locked(connection)
            self._reservations.remove(connection, lambda one: one.id == id_)
            now = clock.now()
            found = availability(
                self._state(connection, row),
                requirement,
                now=now,
                reset_margin=reset_margin,
                recheck_interval=recheck_interval,
                can_probe=self._can_probe,
            )
            # What sends nothing needs nothing.
            if amount and (found is None or not found.enough):
                return None
            granted, taken = found.portion(at_most or amount) if found else (0, 0)
            made = Reservation(id_, shared, granted, taken, 0, run, task, now, now + lasts)
            self._reservations.add(connection, made)
            return granted

        return self._database.run(reserve)

    def release(self, *, id_: str | None = None, run: str | None = None) -> Sequence[Reservation]:
        """Release what is reserved and not spent.

        :param id_: id of one reservation
        :param run: or all those that the tasks of a run share
        :return: what was released
        :raises StoreUnavailable: the database cannot be used
        """

        def chosen(one: Reservation) -> bool:
            return one.id == id_ or (run is not None and one.shared and one.run == run)

        def release(connection: sa.Connection) -> Sequence[Reservation]:
            # Whoever changes a reservation locks the row of the quota first.
            self._locked(connection)
            return self._reservations.remove(connection, chosen)

        return self._database.run(release)

    def reservations(self) -> list[Reservation]:
        """Return the reservations, the oldest first.

        :raises StoreUnavailable: the database cannot be used
        """
        with self._database.read() as connection:
            return self._reservations.all(connection)

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
        reading = self._current(row, _seconds(now))
        counted = self._counted(row, _seconds(now))
        held = self._reservations.all(connection)
        for one in held:
            # Of one that expired nobody knows what was spent, until the vendor's next answer.
            if one.expires_at <= now and not (reading and reading.observed_at >= one.expires_at):
                counted += one.remaining
        active = [one for one in held if one.expires_at > now and one.remaining]
        probing = row.asker is not None and row.asking_until > _seconds(now)
        return QuotaState(
            reading=reading,
            counted=counted,
            reserved=_by_run(active),
            private=_by_run([one for one in active if not one.shared]),
            frees_at=min((one.expires_at for one in active), default=None),
            refusal=_refusal(row),
            probing_until=_moment(row.asking_until) if probing else None,
        )

    def _current(self, row: Any, now: float) -> Quota | None:
        """Return the reading that holds now."""
        reading = _reading(row)
        if reading is None or self._ended(row, now):
            return self._begun(now) or reading
        if reading.source == "count":
            # The connection says what is granted, and may have been changed since the period began.
            limit = self._grant.limit if self._grant is not None else None
            return None if limit is None else replace(reading, limit=limit, remaining=limit)
        if reading.resets_at is None and self._grant is not None:
            return replace(reading, resets_at=self._grant.ends(reading.observed_at))
        return reading


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


def _refusal(row: Any) -> Refusal | None:
    if row.refusal is None:
        return None
    until = _moment(row.refused_until) if row.refused_until is not None else None
    return Refusal(row.refusal, row.refusal_text or "", _moment(row.refused_at), until)


def _by_run(reservations: Iterable[Reservation]) -> dict[str, int]:
    """Return the requests that reservations hold, by the run that they are for."""
    held: dict[str, int] = {}
    for one in reservations:
        held[one.run] = held.get(one.run, 0) + one.remaining
    return held


def _seconds(moment: datetime) -> float:
    return moment.timestamp()


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
