"""The databases of a wallet, opened when they are needed for the first time."""

from __future__ import annotations

import threading
from contextlib import nullcontext
from typing import TYPE_CHECKING

from airflow_provider.store.location import open_wallet

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from airflow_provider.store.engine import Database


class Databases:
    """Where balances are, and where sessions are: often the same database.

    Launch URLs are made by tasks, which keep sessions in the provider's database. A wallet may have another
    one.

    :param conn_id: connection of the wallet's database; empty: it is the provider's
    """

    def __init__(self, conn_id: str) -> None:
        self._conn_id = conn_id
        self._lock = threading.Lock()
        self._turn = threading.Lock()
        self._wallet: Database | None = None
        self._sessions: Database | None = None

    @property
    def wallet(self) -> Database:
        """The database of players, tickets and entries.

        :raises InvalidInput: its connection is of a type that cannot have them
        :raises StoreUnavailable: it cannot be used
        """
        with self._lock:
            if self._wallet is None:
                self._wallet = open_wallet(self._conn_id)
            return self._wallet

    @property
    def sessions(self) -> Database:
        """The database of sessions.

        :raises InvalidInput: its connection is of a type that cannot have them
        :raises StoreUnavailable: it cannot be used
        """
        if not self._conn_id:
            return self.wallet
        with self._lock:
            if self._sessions is None:
                self._sessions = open_wallet("")
            return self._sessions

    def turn(self, database: Database) -> AbstractContextManager[object]:
        """Return what a thread enters before it writes.

        An SQLite file has one writer at a time, and who finds it busy sleeps ever longer: turns are
        faster.

        :param database: the database
        """
        return self._turn if database.is_sqlite else nullcontext()

    def close(self) -> None:
        """Close the connections; the next question opens them again."""
        with self._lock:
            for database in (self._wallet, self._sessions):
                if database is not None:
                    database.close()
            self._wallet = self._sessions = None
