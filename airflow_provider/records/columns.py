"""The header of a file: which columns it names, and how much of it an error may show."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from airflow_provider.exceptions import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

DELIMITERS = (";", "\t", "|", ",")
"""What usually separates the columns of a file."""

LONGEST_NAME = 60
"""Characters of a column's name, beyond which it looks like a value."""

_ADDRESS = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+")


def looks_like_data(name: str) -> bool:
    """Say whether the name of a column may be a value, perhaps of a person, in a file without a header.

    :param name: the name
    """
    digits = sum(map(str.isdigit, name))
    return (
        "@" in name
        or len(name) > LONGEST_NAME
        or digits >= 4
        or 2 * digits > sum(map(str.isalnum, name))
        or any(ord(char) < 32 for char in name)
    )


def shown(name: str) -> str:
    """Return a name for an error; one with invisible characters in quotes, and these escaped.

    :param name: name of a column
    """
    if name.isprintable():
        return name
    plain = (char if char.isprintable() else char.encode("unicode_escape").decode() for char in name)
    return f'"{"".join(plain)}"'


def described(columns: Collection[str]) -> str:
    """Say for an error what columns there are: their names, unless they may be personal data.

    :param columns: their names
    """
    count = f"{len(columns)} column{'s' * (len(columns) != 1)}"
    if any(map(looks_like_data, columns)):
        return f"it has {count}, and the first line must name them: its values look like data"
    return f"it has {', '.join(map(shown, columns))}"


class Header:
    """The columns of a CSV file.

    A column without a name has no place in a record: it is left out, and a row with a value in it fails.

    :param values: the values of the header
    :param path: path or URI of the file, for errors
    :param delimiter: what separates the columns
    :raises InvalidInput: they name no columns, or the same twice, or may not be names
    """

    def __init__(self, values: Sequence[str], *, path: str, delimiter: str) -> None:
        names = [_clean(value) for value in values]
        self._path = path
        self._all = len(names)
        while names and not names[-1]:
            names.pop()
        self.names = tuple(names)
        """The names up to the last; a column between without one has the empty name."""
        self.width = len(names)
        """How many values a row has; more of them are empty, or have no column."""
        self.columns = tuple(filter(None, names))
        """The columns that have names."""
        self.nameless = tuple(number for number, name in enumerate(names) if not name)
        """Places of columns without a name before the last that has one, from 0."""
        self._check(delimiter)

    @property
    def has_nameless(self) -> bool:
        """Whether any column has no name, those at the end included."""
        return bool(self.nameless) or self._all > self.width

    def repeats(self, values: Sequence[str]) -> bool:
        """Say whether a row is the header once more.

        :param values: the values of the row
        """
        names = [_clean(value) for value in values]
        while names and not names[-1]:
            names.pop()
        return tuple(names) == self.names

    def trimmed(self, values: list[str]) -> list[str]:
        """Return the values of a row without empty ones beyond the header.

        :param values: the values
        """
        end = len(values)
        while end > self.width and not values[end - 1].strip():
            end -= 1
        return values[:end]

    def fits(self, values: list[str]) -> bool:
        """Say whether a row has as many values as the header names columns.

        :param values: the values
        """
        return len(self.trimmed(values)) == self.width

    def without_name(self, values: Sequence[str]) -> int | None:
        """Return the number of the first column without a name in which a row has a value, from 1.

        :param values: the values of the row
        """
        places = (*self.nameless, *range(self.width, min(len(values), self._all)))
        return next((place + 1 for place in places if place < len(values) and values[place].strip()), None)

    def _check(self, delimiter: str) -> None:
        path = self._path
        if not self.columns:
            raise InvalidInput(
                f'"records": {path} is empty: it has no header line.',
                field="records",
                remedy="The first line must name the columns.",
            )
        # Every other character of UTF-16; one alone may be a character of a name.
        if sum(name.count("\0") for name in self.columns) * 3 > sum(map(len, self.columns)):
            raise InvalidInput(
                f'"records": the header of {path} has NUL characters: it may be UTF-16.',
                field="records",
                remedy='Set encoding="utf-16", or "utf-16-le" if that does not read it.',
            )
        if any(map(_ADDRESS.search, self.columns)):
            raise InvalidInput(
                f'"records": the first line of {path} has a mail address for the name of a column; '
                f"{described(self.columns)}.",
                field="records",
                remedy="Add a header. The first line is never sent as a record.",
            )
        if self._all == 1 and (others := [one for one in DELIMITERS if one in self.names[0]]):
            raise InvalidInput(
                f'"records": {path} has one column, whose name holds {_spelled(others[0])}.',
                field="records",
                remedy=f"Set delimiter={_spelled(others[0])}; it is read with {_spelled(delimiter)}.",
            )
        twice = sorted({name for name in self.columns if self.columns.count(name) > 1})
        if twice:
            if any(map(looks_like_data, self.columns)):
                told = f"the header names columns twice; {described(self.columns)}"
            else:
                told = f"the header names columns twice: {', '.join(map(shown, twice))}"
            raise InvalidInput(f'"records": {told}.', field="records")


def _clean(name: str) -> str:
    return name.replace("\ufeff", "").strip()


def _spelled(delimiter: str) -> str:
    return f'"{delimiter.encode("unicode_escape").decode()}"'
