"""What the database knows of looks: the answers, whose turn it is to look, and why nobody may."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

import sqlalchemy as sa

from airflow_provider import clock
from airflow_provider.quota.interface import Turn
from airflow_provider.quota.readings import Refusal
from airflow_provider.store.engine import insert_if_absent
from airflow_provider.store.tables import look as table
from airflow_provider.waiting.condition import Look

if TYPE_CHECKING:
    from airflow_provider.store.engine import Database

KEPT = 30 * 24 * 3600.0
"""Seconds after which an answer that nobody has renewed is removed."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a look is kept.

    :param id: id of the row
    :param connection: id of the row of the whole connection: refusals that concern each of its requests
    :param conn_id: id of the connection, for people
    :param about: what is asked, for people
    """

    id: str
    connection: str
    conn_id: str
    about: str


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a question.

    :param look: the latest look, if there was one
    :param refusals: the latest refusals of the question and of the whole connection, since the latest answer
    """

    look: Look | None = None
    refusals: tuple[Refusal, ...] = ()


class LookStore(Protocol):
    """Keeps looks."""

    blocking: bool
    """Whether its methods wait for a database, so that an event loop must call them in a thread."""

    def look(self, place: Place) -> Known:
        """Return what is known."""

    def take_turn(self, place: Place, looker: str, seconds: float, known: Known) -> Turn:
        """Let one at a time look.

        :param looker: name of the one who wants to look, or to go on looking
        :param seconds: after so long another one may, whether or not the turn was ended
        :param known: what the looker has seen; where there is something newer, nobody need look
        """

    def save(self, place: Place, looker: str, look: Look) -> None:
        """Keep an answer, and end the turn."""

    def refuse(self, place: Place, looker: str, refusal: Refusal, *, all_requests: bool) -> None:
        """Keep a refusal, and end the turn.

        :param all_requests: whether it concerns each request of the connection
        """

    def end_turn(self, place: Place, looker: str) -> None:
        """Let others look."""

    def close(self) -> None:
        """Close the database."""


class SharedLooks:
    """Looks in the provider's database, which all tasks and triggerers see.

    :param database: the database
    """

    blocking = True

    def __init__(self, database: Database) -> None:
        self._database = database

    def look(self, place: Place) -> Known:
        """Return what is known.

        :raises StoreUnavailable: the database cannot be used
        """
        rows = sa.select(table).where(table.c.id.in_((place.id, place.connection)))
        with self._database.read() as connection:
            found = {row.id: row for row in connection.execute(rows)}
        row = found.get(place.id)
        return Known(_look(row), _refusals(row, found.get(place.connection)))

    def take_turn(self, place: Place, looker: str, seconds: float, known: Known) -> Turn:
        """Let one at a time look; see :class:`LookStore`.

        :raises StoreUnavailable: the database cannot be used
        """

        def take(connection: sa.Connection) -> Turn:
            row, now = self._locked(connection, place, place.id), clock.now().timestamp()
            # A turn that lasts more than twice as long was written by a clock that is wrong.
            if row.looker not in (None, looker) and now < row.looking_until <= now + 2 * seconds:
                return Turn.ANOTHERS
            if row.looker != looker and self._is_news(connection, place, row, known):
                return Turn.OVER
            self._change(connection, place.id, looker=looker, looking_until=now + seconds)
            return Turn.MINE

        return self._database.run(take)

    def save(self, place: Place, looker: str, look: Look) -> None:
        """Keep an answer, and end the turn. It ends the refusals from before, too.

        :raises StoreUnavailable: nothing was stored
        """
        text, at = json.dumps(look.answer), look.at.timestamp()

        def save(connection: sa.Connection) -> None:
            row, now = self._locked(connection, place, place.id), clock.now().timestamp()
            # One whose turn went to another keeps nothing: the other has asked later.
            if row.looker in (None, looker) and (row.looked_at is None or row.looked_at <= at):
                self._change(connection, place.id, **_NOBODY, **_NOTHING, answer=text, looked_at=at)
            refused = sa.update(table).where(table.c.id == place.connection, table.c.refused_at <= now)
            connection.execute(refused.values(_NOTHING))
            connection.execute(sa.delete(table).where(table.c.updated_at < now - KEPT))

        self._database.run(save)

    def refuse(self, place: Place, looker: str, refusal: Refusal, *, all_requests: bool) -> None:
        """Keep a refusal, and end the turn; see :class:`LookStore`.

        :raises StoreUnavailable: nothing was stored
        """
        values = {
            "refusal": refusal.kind,
            "refused_at": refusal.at.timestamp(),
            "refused_until": refusal.until.timestamp() if refusal.until else None,
            "refusal_text": refusal.message,
        }

        def refuse(connection: sa.Connection) -> None:
            id_ = place.connection if all_requests else place.id
            self._locked(connection, place, id_)
            self._change(connection, id_, **values)
            self._end_turn(connection, place, looker)

        self._database.run(refuse)

    def end_turn(self, place: Place, looker: str) -> None:
        """Let others look.

        :raises StoreUnavailable: the database cannot be used
        """
        self._database.run(lambda connection: self._end_turn(connection, place, looker))

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    def _is_news(self, connection: sa.Connection, place: Place, row: Any, known: Known) -> bool:
        before = known.look.at.timestamp() if known.look else None
        if row.looked_at is not None and (before is None or row.looked_at > before):
            return True
        rest = connection.execute(sa.select(table).where(table.c.id == place.connection)).one_or_none()
        return _refusals(row, rest) != known.refusals

    def _end_turn(self, connection: sa.Connection, place: Place, looker: str) -> None:
        mine = sa.update(table).where(table.c.id == place.id, table.c.looker == looker)
        connection.execute(mine.values(_NOBODY))

    def _locked(self, connection: sa.Connection, place: Place, id_: str) -> Any:
        """Lock a row, which is made where there is none."""
        row = sa.select(table).where(table.c.id == id_).with_for_update()
        found = connection.execute(row).one_or_none()
        if found is None:
            about = place.about if id_ == place.id else ""
            fresh = {"id": id_, "conn_id": place.conn_id[:250], "about": about[:200]}
            connection.execute(
                insert_if_absent(table, connection.dialect.name),
                {**fresh, "updated_at": clock.now().timestamp()},
            )
            found = connection.execute(row).one()
        return found

    def _change(self, connection: sa.Connection, id_: str, **values: Any) -> None:
        values["updated_at"] = clock.now().timestamp()
        connection.execute(sa.update(table).where(table.c.id == id_).values(values))


class OwnLooks:
    """Looks of this process alone, where the database cannot be used."""

    blocking = False

    def __init__(self) -> None:
        self._known: dict[str, Known] = {}

    def look(self, place: Place) -> Known:
        """Return what is known."""
        rows = [self._known.get(id_, Known()) for id_ in (place.id, place.connection)]
        return Known(rows[0].look, tuple(refusal for row in rows for refusal in row.refusals))

    def take_turn(self, place: Place, looker: str, seconds: float, known: Known) -> Turn:
        """Let the only one look."""
        return Turn.MINE

    def save(self, place: Place, looker: str, look: Look) -> None:
        """Keep an answer."""
        self._known[place.id] = Known(look)
        self._known.pop(place.connection, None)

    def refuse(self, place: Place, looker: str, refusal: Refusal, *, all_requests: bool) -> None:
        """Keep a refusal."""
        id_ = place.connection if all_requests else place.id
        self._known[id_] = Known(self._known.get(id_, Known()).look, (refusal,))

    def end_turn(self, place: Place, looker: str) -> None:
        """Do nothing: there is nobody else."""

    def close(self) -> None:
        """Do nothing: there is no database."""


_NOBODY: dict[str, Any] = dict.fromkeys(("looker", "looking_until"))
_NOTHING: dict[str, Any] = dict.fromkeys(("refusal", "refused_at", "refused_until", "refusal_text"))


def _look(row: Any) -> Look | None:
    return (
        None if row is None or row.looked_at is None else Look(json.loads(row.answer), _moment(row.looked_at))
    )


def _refusals(*rows: Any) -> tuple[Refusal, ...]:
    return tuple(_refusal(row) for row in rows if row is not None and row.refusal is not None)


def _refusal(row: Any) -> Refusal:
    until = None if row.refused_until is None else _moment(row.refused_until)
    return Refusal(row.refusal, row.refusal_text or "", _moment(row.refused_at), until)


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
