"""Which rows of a list have come, where there may be millions of them."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

CACHE = 8 * 1024
"""Kibibytes of memory that the set may take, whatever its size; the rest is in a temporary file."""

ASKED = 500
"""Rows that are looked up at once."""


class Seen:
    """A set of rows on the disk: 64 bits of what identifies each, and 64 of when it was changed.

    It is a temporary file without a name, of about 25 bytes a row. Of a million rows, two have the same 64
    bits with a probability of 1 in 30 million. It lives as long as the process; a later try of a task
    makes it again of the rows that it has.
    """

    def __init__(self) -> None:
        # An empty name is a temporary file, which SQLite removes by itself.
        self._database = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        for pragma in (f"cache_size = -{CACHE}", "journal_mode = OFF", "synchronous = OFF"):
            self._database.execute(f"PRAGMA {pragma}")
        self._database.execute("CREATE TABLE seen (row INTEGER PRIMARY KEY, change INTEGER)")
        self._database.execute("BEGIN")

    def add(self, marks: Sequence[tuple[Any, Any]]) -> list[bool | None]:
        """Add the rows of a page.

        :param marks: what identifies each, and when it was changed
        :return: for each None where it is new, else whether it has changed since
        """
        keys = [(_hash(identity), _hash(changed)) for identity, changed in marks]
        known = self._known([row for row, _ in keys])
        answers: list[bool | None] = []
        fresh: list[tuple[int, int]] = []
        for row, change in keys:
            if row in known:
                answers.append(known[row] != change)
                continue
            known[row] = change
            fresh.append((row, change))
            answers.append(None)
        self._database.executemany("INSERT INTO seen VALUES (?, ?)", fresh)
        return answers

    def close(self) -> None:
        """Remove the file."""
        self._database.close()

    def _known(self, rows: list[int]) -> dict[int, int]:
        known: dict[int, int] = {}
        for begin in range(0, len(rows), ASKED):
            some = rows[begin : begin + ASKED]
            marks = ",".join("?" * len(some))
            # Placeholders alone, and no value, are put into the statement.
            known.update(self._database.execute(f"SELECT * FROM seen WHERE row IN ({marks})", some))  # noqa: S608
        return known


def _hash(value: Any) -> int:
    # Python's own hash of a text is 64 bits of a keyed hash, another one in each process.
    return hash(value if isinstance(value, str) else repr(value))
