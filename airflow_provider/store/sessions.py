"""Sessions of players: which player the hash in a launch URL stands for.

A player of a connection has one session; the next launch replaces it. The database has a digest of the hash,
never the hash, and none of Airflow's keys is part of it: a session outlives the rotation of the Fernet key.
"""

from __future__ import annotations

import hashlib
import time
from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple

import sqlalchemy as sa

from airflow_provider.exceptions import InvalidInput
from airflow_provider.store.location import configured
from airflow_provider.store.removal import remove
from airflow_provider.store.tables import session as table

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from airflow_provider.store.engine import Database

GROUP = 1000
"""Sessions that one transaction writes, and rows that one removes."""

LONGEST_PLAYER = 250
"""Characters of a player's identifier."""


class Session(NamedTuple):
    """A session as it is stored.

    :param player: the operator's own identifier of the player
    :param digest: what :func:`digest_of` makes of the hash
    :param given: whether the hash was not made here, so that another player may have it already
    """

    player: str
    digest: str
    given: bool = False


def digest_of(conn_id: str, hash: str) -> str:
    """Return what is stored in place of a hash. A connection's hashes mean nothing to another one.

    :param conn_id: id of the connection
    :param hash: the hash in clear
    """
    return hashlib.sha256(f"{conn_id}\0{hash}".encode()).hexdigest()


def player_of(conn_id: str, hash: str) -> str | None:
    """Return the player whom a hash stands for; None where nobody has it, or no longer.

    It opens the provider's database for this one question. Keep a :class:`Sessions` to ask more.

    :param conn_id: id of the connection that the launch URL was made with
    :param hash: the hash in clear
    :raises StoreUnavailable: the database cannot be used
    """
    with closing(configured()) as database:
        return Sessions(database, conn_id).player_of(hash)


class Sessions:
    """The sessions of a connection's players.

    :param database: the database, prepared
    :param conn_id: id of the connection; its host makes no difference: players are the operator's own
    """

    def __init__(self, database: Database, conn_id: str) -> None:
        self._database = database
        self._conn_id = conn_id

    def player_of(self, hash: str) -> str | None:
        """Return the player whom a hash stands for; None where nobody has it, or no longer.

        :param hash: the hash in clear
        :raises StoreUnavailable: the database cannot be read
        """
        try:
            digest = digest_of(self._conn_id, hash)
        except UnicodeEncodeError:
            # Half of a surrogate pair is in no URL.
            return None
        with self._database.read() as connection:
            player: str | None = connection.scalar(sa.select(table.c.player).where(table.c.digest == digest))
        return player

    def of_others(self, sessions: Sequence[Session]) -> set[str]:
        """Return the digests of given hashes that stand for another player already.

        :param sessions: the sessions that are about to replace those of their players
        :raises StoreUnavailable: the database cannot be read
        """
        if not any(one.given for one in sessions):
            return set()
        with self._database.read() as connection:
            return self._of_others(connection, sessions)

    def replace(self, sessions: Iterable[Session]) -> None:
        """Give players new sessions, in place of those that they have.

        Each group of sessions is one transaction. Of two runs that do it at once, the later wins.

        :param sessions: the sessions, any number of them, at most one for a player
        :raises InvalidInput: a given hash stands for another player; the groups before are stored
        :raises StoreUnavailable: the database cannot be used; the groups before are stored
        """
        group: list[Session] = []
        for one in sessions:
            group.append(one)
            if len(group) == GROUP:
                self._replace(group)
                group = []
        if group:
            self._replace(group)

    def _replace(self, group: Sequence[Session]) -> None:
        now = time.time()
        rows = [
            {
                "id": self._id(one.player),
                "conn_id": self._conn_id[:250],
                "player": one.player,
                "digest": one.digest,
                "created_at": now,
            }
            for one in group
        ]
        # Two runs that write the same players lock the rows in the same order: that is no deadlock.
        rows.sort(key=lambda row: str(row["id"]))

        def write(connection: sa.Connection) -> set[str]:
            if taken := self._of_others(connection, group, lock=True):
                return taken
            connection.execute(_upsert(connection.dialect.name), rows)
            return set()

        if taken := self._database.run(write):
            raise InvalidInput(
                f'"hash": {len(taken)} of the hashes given were given to other players meanwhile.',
                field="hash",
                remedy="Give each player a hash of their own.",
            )

    def _of_others(
        self, connection: sa.Connection, sessions: Sequence[Session], *, lock: bool = False
    ) -> set[str]:
        own = {one.digest: self._id(one.player) for one in sessions if one.given}
        found: set[str] = set()
        digests = sorted(own)
        for begin in range(0, len(digests), GROUP):
            some = table.c.digest.in_(digests[begin : begin + GROUP])
            query = sa.select(table.c.id, table.c.digest).where(some)
            for row in connection.execute(query.with_for_update() if lock else query):
                if row.id != own[row.digest]:
                    found.add(row.digest)
        return found

    def _id(self, player: str) -> str:
        return hashlib.blake2b(f"{self._conn_id}\0{player}".encode(), digest_size=16).hexdigest()


def _upsert(dialect: str) -> sa.Insert:
    """Make an insertion that replaces the session of a player who has one, in the dialect of the database."""
    if dialect == "mysql":
        from sqlalchemy.dialects import mysql

        made = mysql.insert(table)
        # It also takes another player's row with the digest for this one: given hashes are looked for, and
        # locked, in the same transaction before.
        return made.on_duplicate_key_update(digest=made.inserted.digest, created_at=made.inserted.created_at)
    from sqlalchemy.dialects import postgresql, sqlite

    insert = postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)
    values = {"digest": insert.excluded.digest, "created_at": insert.excluded.created_at}
    return insert.on_conflict_do_update(index_elements=["id"], set_=values)


def count(database: Database, before: float, conn_id: str | None = None) -> int:
    """Count what :func:`purge` would remove.

    :param database: the database
    :param before: sessions from before this time, in seconds since 1970
    :param conn_id: of this connection alone
    :raises StoreUnavailable: the database cannot be read
    """
    query = sa.select(sa.func.count()).select_from(table).where(*_old(before, conn_id))
    with database.read() as connection:
        return connection.scalar(query) or 0


def purge(database: Database, before: float, conn_id: str | None = None) -> int:
    """Remove old sessions: their hashes stand for nobody from then on.

    :param database: the database
    :param before: sessions from before this time, in seconds since 1970
    :param conn_id: of this connection alone
    :return: how many were removed
    :raises StoreUnavailable: the database cannot be used; what was removed before stays removed
    """
    return remove(database, table, _old(before, conn_id), group=GROUP)


def _old(before: float, conn_id: str | None) -> list[sa.ColumnElement[bool]]:
    return [table.c.created_at < before, *([table.c.conn_id == conn_id] if conn_id else [])]
