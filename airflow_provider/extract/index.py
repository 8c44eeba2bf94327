"""Which records of a list have which key: an index on the disk, which holds digests in place of the keys."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from typing import TYPE_CHECKING, Any, NamedTuple

from airflow_provider.texts import comparable, text_or_none

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

CACHE = 8 * 1024
"""Kibibytes of memory that an index may take, whatever its size; the rest is in a temporary file."""


class Entry(NamedTuple):
    """A record of a list, as an index has it.

    :param exact: digest of its key
    :param folded: digest of its key without capitals
    :param value: what is to be known of it, as JSON
    """

    exact: str
    folded: str
    value: str


class Digests:
    """Makes digests of keys.

    A key is compared as people mean it: composed Unicode, no blanks around it, the hyphen and the blank in
    place of what looks like them.

    :param secret: without it, nobody finds a key by trying all there are
    """

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def key(self, values: Sequence[Any]) -> list[str] | None:
        """Return the parts of a key as they are compared; None where one is empty.

        :param values: the values of its fields
        :raises InvalidInput: one is neither text nor number
        """
        parts = [text_or_none(value) for value in values]
        if any(part is None for part in parts):
            return None
        return [comparable(part or "") for part in parts]

    def entry(self, values: Sequence[Any], value: Any) -> Entry | None:
        """Return the entry of a record; None where a part of its key is empty.

        :param values: the values of the fields of its key
        :param value: what is to be known of it
        :raises InvalidInput: one is neither text nor number
        """
        key = self.key(values)
        return None if key is None else Entry(*self.digests(key), json.dumps(value, ensure_ascii=False))

    def digests(self, key: Sequence[str]) -> tuple[str, str]:
        """Return the digests of a key as it is, and without capitals."""
        return self._digest(key), self._digest([part.casefold() for part in key])

    def _digest(self, parts: Sequence[str]) -> str:
        text = json.dumps(parts).encode("utf-8", "surrogatepass")
        return hashlib.blake2b(text, digest_size=16, key=self._secret).hexdigest()


class ListIndex:
    """The records of a list by their key, in a temporary file without a name.

    :param digests: makes the digests of keys
    """

    def __init__(self, digests: Digests) -> None:
        self.digests = digests
        # An empty name is a temporary file, which SQLite removes by itself.
        self._database = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        for pragma in (f"cache_size = -{CACHE}", "journal_mode = OFF", "synchronous = OFF"):
            self._database.execute(f"PRAGMA {pragma}")
        self._database.execute("CREATE TABLE entry (exact TEXT, folded TEXT, value TEXT)")
        self._database.execute("BEGIN")
        self._indexed = False

    def __len__(self) -> int:
        count: int = self._database.execute("SELECT count(*) FROM entry").fetchone()[0]
        return count

    def clear(self) -> None:
        """Remove all entries."""
        self._database.execute("DELETE FROM entry")

    def add(self, entries: Iterable[Entry]) -> None:
        """Add records.

        :param entries: their entries
        """
        self._database.executemany("INSERT INTO entry VALUES (?, ?, ?)", entries)

    def find(self, values: Sequence[Any], most: int = 100, *, capitals: bool = False) -> list[Any]:
        """Return what is known of the records with a key: with these capitals, or else with any.

        :param values: the values of the fields of the key
        :param most: how many at most
        :param capitals: whether other capitals make another key
        :raises InvalidInput: a value is neither text nor number
        """
        key = self.digests.key(values)
        if key is None:
            return []
        if not self._indexed:
            for name in ("exact", "folded"):
                self._database.execute(f"CREATE INDEX by_{name} ON entry ({name})")
            self._indexed = True
        for name, digest in zip(("exact", "folded"), self.digests.digests(key), strict=True):
            if capitals and name == "folded":
                break
            query = f"SELECT DISTINCT value FROM entry WHERE {name} = ? LIMIT ?"  # noqa: S608
            if found := self._database.execute(query, (digest, most)).fetchall():
                return [json.loads(value) for (value,) in found]
        return []

    def values(self, most: int) -> list[Any]:
        """Return what is known of the first records.

        :param most: how many at most
        """
        found = self._database.execute("SELECT value FROM entry LIMIT ?", (most,))
        return [json.loads(value) for (value,) in found]

    def close(self) -> None:
        """Remove the file."""
        self._database.close()
