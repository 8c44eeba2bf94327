"""The header of a file: which columns it names, and how much of it an error may show."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from airflow_provider.exceptions import InvalidInput
from airflow_provider.values import visible

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

DELIMITERS = (";", "\t", "|", ",")
"""What usually separates the columns of a file."""

LONGEST_NAME = 60
"""Characters of a column's name, beyond which it looks like a value."""

_VALUE = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+|^\+?[0-9 ]{9,}$")
_PERSON = re.compile(r"[^\W\d_]+ [^\W\d_]+")


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
        or (not name.isascii() and name.istitle() and _PERSON.fullmatch(name) is not None)
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


def no_column(
    path: str, name: str, columns: Collection[str], remedy: str, *, renamed: bool = False
) -> InvalidInput:
    """Return the error of a column that a file does not have.

    :param path: the column
    :param name: what it is sent as
    :param columns: the columns that there are
    :param remedy: what to do
    :param renamed: whether ``fields`` says so, where the vendor may take any name
    """
    if renamed and name in columns:
        remedy += f' If "{path}" is the vendor\'s name, turn it round: fields={{"{path}": "{name}"}}.'
    return InvalidInput(
        f'the file has no column "{path}" for "{name}"; {described(columns)}.', field=name, remedy=remedy
    )


class Header:
    """The columns of a CSV file.

    A column without a name has no place in a record: it is left out, and a row with a value in it fails.

    :param values: the values of the header
    :param path: path or URI of the file, for errors
    :param delimiter: what separates the columns
    :raises InvalidInput: they name no columns, or the same twice, or may not be names
    """

    def __init__(self, values: Sequence[str], *, path: str, delimiter: str) -> None:
        names = _names(values)
        self._path = path
        self._all = len(values)
        self.names = tuple(names)
        """The names up to the last; a column between without one has the empty name."""
        self.width = len(names)
        """How many values a row has; more of them are empty, or have no column."""
        self.columns = tuple(filter(None, names))
        """The columns that have names."""
        self.nameless = tuple(number for number, name in enumerate(names) if not name)
        """Places of columns without a name before the last that has one, from 0."""
        self._bare = sorted(map(_bare, self.names))
        self._check(delimiter)

    @property
    def heads(self) -> frozenset[str]:
        """What a row begins with that may repeat the header, or Excel's ``sep=``."""
        marks = ["sep=", *(f"sep={one}" for one in DELIMITERS)]
        forms = [(name, name.lower(), name.upper(), name.title(), name.capitalize()) for name in self.names]
        return frozenset(form for some in forms for form in some) | {*marks, *map(str.upper, marks)}

    @property
    def has_nameless(self) -> bool:
        """Whether any column has no name, those at the end included."""
        return bool(self.nameless) or self._all > self.width

    def repeats(self, values: Sequence[str]) -> bool:
        """Say whether a row is the header once more.

        :param values: the values of the row
        """
        names = _names(values)
        if names and names[0].lower().startswith("sep=") and not any(names[1:]):
            return True
        if tuple(names) == self.names or (self.width > 1 and tuple(names) == self.names[: len(names)]):
            return bool(names)
        # Another export may have the columns in another order, or in capitals.
        return len(names) == self.width > 1 and sorted(map(_bare, names)) == self._bare

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
            order = "be" if self.columns[0].startswith("\0") else "le"
            raise InvalidInput(
                f'"records": the header of {path} has NUL characters: it may be UTF-16 without a mark.',
                field="records",
                remedy=f'Set encoding="utf-16-{order}".',
            )
        if self.columns[0].lower().startswith("sep="):
            raise InvalidInput(
                f'"records": the first line of {path} is Excel\'s "sep=" without one character behind it.',
                field="records",
                remedy="Remove the line, and set delimiter.",
            )
        if any(map(_VALUE.search, self.columns)):
            raise InvalidInput(
                f'"records": the first line of {path} has an address or a phone number for the name of a '
                f"column; {described(self.columns)}.",
                field="records",
                remedy="Add a header. The first line is never sent as a record.",
            )
        if len(self.columns) == 1 and (
            others := [one for one in DELIMITERS if one != delimiter and one in self.names[0]]
        ):
            raise InvalidInput(
                f'"records": {path} has one column, whose name holds {_spelled(others[0])}.',
                field="records",
                remedy=f"Set delimiter={_spelled(others[0])}; it is read with {_spelled(delimiter)}.",
            )
        check_twice(self.columns)


def check_twice(columns: Sequence[str]) -> None:
    """Make sure that no two columns have one name: a record has room for one of them.

    :param columns: the names
    :raises InvalidInput: two have
    """
    if len(set(columns)) == len(columns):
        return
    if any(map(looks_like_data, columns)):
        told = f"the header names columns twice; {described(columns)}"
    else:
        twice = sorted({name for name in columns if columns.count(name) > 1})
        told = f"the header names columns twice: {', '.join(map(shown, twice))}"
    raise InvalidInput(f'"records": {told}.', field="records")


def _names(values: Sequence[str]) -> list[str]:
    """Return values as the names of columns, without empty ones at the end."""
    names = [value.replace("\ufeff", "").strip() for value in values]
    while names and not names[-1]:
        names.pop()
    return names


def _bare(name: str) -> str:
    return visible(name).strip().casefold()


def _spelled(delimiter: str) -> str:
    return f'"{delimiter.encode("unicode_escape").decode()}"'
