"""What a batch has sent already, kept on disk so that memory does not grow with it."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from typing import TYPE_CHECKING, Self

from airflow_provider.exceptions import InvalidInput

if TYPE_CHECKING:
    from types import TracebackType


class SeenKeys:
    """Keeps two records of one batch from sending the same message.

    SQLite's nameless database: in memory while it is small, then in a temporary file that nobody else can
    open.
    """

    def __enter__(self) -> Self:
        self._db = sqlite3.connect("", isolation_level=None)
        self._db.execute("PRAGMA journal_mode = OFF")
        self._db.execute("CREATE TABLE seen (key BLOB PRIMARY KEY, row INTEGER) WITHOUT ROWID")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._db.close()

    def add(self, key: tuple[str, ...], row: int) -> None:
        """Note a key before it is sent.

        :param key: what makes two calls the same
        :param row: number of the record
        :raises InvalidInput: a record before this one has the same key
        """
        digest = hashlib.blake2b(json.dumps(key).encode(), digest_size=16).digest()
        try:
            self._db.execute("INSERT INTO seen VALUES (?, ?)", (digest, row))
        except sqlite3.IntegrityError:
            [(first,)] = self._db.execute("SELECT row FROM seen WHERE key = ?", (digest,))
            raise InvalidInput(
                f"the record repeats row {first}: it is not sent a second time.",
                field="records",
                remedy=f"Its result is that of row {first}.",
            ) from None
