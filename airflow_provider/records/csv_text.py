"""The text of a CSV file, cut into records: one rule, by which a batch and ``split_records`` count alike.

A quote that is out of place must not take the rows after it along. So each line that has a quote is checked
before the csv module reads it. What opens a value and does not close it in a way that fits the header fails
with its first line alone; the lines after it are read again as records of their own.
"""

from __future__ import annotations

import csv
import re
from collections import deque
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from airflow_provider.exceptions import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

FIELD_LIMIT = 16 * 1024 * 1024
"""Characters of one value at most."""

RECORD_LIMIT = 4 * FIELD_LIMIT
"""Characters of a record over several lines at most: a quote without an end must not fill the memory."""

BLOCK = 100
"""Lines that are looked at together."""

BOM = "\ufeff"
"""A byte order mark, as two files have it that were put together."""

BLANKS = f" \t\r\n\v\f\x1a{BOM}"
"""What a line without a record has, beside delimiters; Ctrl-Z is how files of DOS end."""

# csv's own limit of 131,072 characters refuses what other programs write without complaint.
csv.field_size_limit(FIELD_LIMIT)

# Excel completes the line with as many delimiters as the other lines have.
_SEPARATOR = re.compile(f'{BOM}*[ ]*"?sep=([^\r\n"])"?(?:\\1|[;,\t|])*[\r\n]*', re.IGNORECASE)
_QUOTING = "Put the value in quotes, and double the quotes inside it."
CLOSING = "Close the quote. If it belongs to the value, put the value in quotes and double the quotes inside."


@dataclass(slots=True)
class Piece:
    """The lines of one record.

    :param line: number of its first line in the file
    :param lines: how many lines it has
    :param text: its text, with the line breaks
    :param values: its values; empty where they cannot be read
    :param error: why they cannot be read
    :param within: the first line of a record over several lines that was refused, if this is one of its lines
    """

    line: int
    lines: int
    text: str
    values: list[str]
    error: InvalidInput | None = None
    within: int | None = None


class CsvText:
    """The lines of a CSV file, cut into records.

    :param lines: the lines of the file, with their line breaks
    :param delimiter: what separates the columns, if that was given
    :param default: what separates them otherwise
    """

    def __init__(self, lines: Iterable[str], delimiter: str | None, default: str) -> None:
        self._lines = iter(lines)
        self._given = delimiter
        self._read = 0
        self._rest: list[str] = []
        self._broken: Exception | None = None
        self._limits: Callable[[list[str]], bool] | None = None
        self._refused = range(0)
        self.preamble = ""
        """The text of the header, and of Excel's line ``sep=;`` above it, if there is one."""
        self._use(delimiter or default)

    def header(self) -> Piece | None:
        """Read the header, before anything else; None where the file has none.

        :raises InvalidInput: Excel's ``sep=`` contradicts the delimiter that was given
        """
        waiting = deque(self._take())
        if waiting and (found := _SEPARATOR.fullmatch(waiting[0])):
            self.preamble = waiting.popleft()
            self._use_hint(found[1])
            waiting = waiting or deque(self._take())
        if not waiting or self.is_blank(waiting[0]):
            return None
        piece = self._next(2 if self.preamble else 1, waiting)
        self.preamble += piece.text
        self._rest = list(waiting)
        return piece

    def fit(self, fits: Callable[[list[str]], bool]) -> None:
        """Say which values a record over several lines must have, now that the header is known.

        :param fits: whether a record with these values can be meant
        """
        self._limits = fits

    def blocks(self) -> Iterator[tuple[int, list[str], bool]]:
        """Read the lines below the header.

        :return: the number of the first line, some lines, and whether they are plain: each is blank or one
            record, as the csv module reads it. Those that are not plain are for :meth:`pieces`
        """
        while lines := self._take():
            yield self._read - len(lines) + 1, lines, self._are_plain("".join(lines))

    def pieces(self, line: int, lines: list[str]) -> Iterator[Piece]:
        """Cut lines into records; the last may take more lines than these.

        :param line: number of the first line
        :param lines: lines that are not plain
        """
        waiting = deque(lines)
        while waiting:
            if self.is_blank(waiting[0]):
                waiting.popleft()
                line += 1
                continue
            piece = self._next(line, waiting)
            if line in self._refused[1:]:
                piece.within = self._refused.start
            line += piece.lines
            yield piece

    def texts(self) -> Iterator[str]:
        """Read the text of each record below the header, those that cannot be read included."""
        for line, lines, plain in self.blocks():
            if plain:
                yield from (text for text in lines if not self.is_blank(text))
            else:
                yield from (piece.text for piece in self.pieces(line, lines))

    def is_blank(self, line: str) -> bool:
        """Say whether a line has delimiters alone, or nothing, or is the end of a file of DOS.

        :param line: the line
        """
        return not line.strip(self._blanks)

    def _are_plain(self, lines: str) -> bool:
        if BOM in lines or len(lines) > FIELD_LIMIT:
            return False
        return '"' not in lines or self._form.plain(lines) is not None

    def _use_hint(self, delimiter: str) -> None:
        if self._given not in (None, delimiter):
            raise InvalidInput(
                f'the first line of the file is "sep={delimiter}", and "delimiter" is another.',
                field="delimiter",
                remedy=f'Leave out "delimiter", or set delimiter="{delimiter}".',
            )
        self._use(delimiter)

    def _use(self, delimiter: str) -> None:
        self.delimiter = delimiter
        self._blanks = BLANKS + delimiter
        self._form = _Form(delimiter)
        self._feed: deque[str] = deque()
        self._reader = csv.reader(iter(self._feed.popleft, None), delimiter=delimiter, strict=True)

    def _take(self) -> list[str]:
        """Return some lines; none at the end of the file."""
        lines, self._rest = self._rest, []
        if lines:
            return lines
        if self._broken is not None:
            raise self._broken
        try:
            # Line by line, so that those before a fault are there.
            lines.extend(islice(self._lines, BLOCK))
        except Exception as error:
            if not lines:
                raise
            self._broken = error
        self._read += len(lines)
        if lines and lines[-1].endswith("\x1a") and not self.is_blank(lines[-1]):
            # The end of a file of DOS, behind a last value without a line break.
            lines[-1] = lines[-1].rstrip("\x1a")
        return lines

    def _next(self, line: int, waiting: deque[str]) -> Piece:
        """Read one record, and leave the other lines."""
        first = waiting.popleft()
        taken = [first.lstrip(BOM)]
        if '"' in first and not self._form.complete(taken[0]):
            if not self._form.opens(taken[0]):
                return _failed(line, first, "a quote stands inside a value", _QUOTING)
            if not self._close(taken, waiting):
                waiting.extendleft(reversed(taken[1:]))
                return _failed(line, first, "a quote opens a value and nothing closes it", CLOSING)
        try:
            values = self._values(taken)
        except csv.Error as error:
            self._feed.clear()
            waiting.extendleft(reversed(taken[1:]))
            return _failed(line, first, f"the row cannot be read: {error}")
        if len(taken) == 1:
            return Piece(line, 1, first, values)
        if self._limits is not None and (fault := self._misfit(values, taken)):
            waiting.extendleft(reversed(taken[1:]))
            self._refused = range(line, line + len(taken))
            said = f"a quote opens a value that ends in line {line + len(taken) - 1}, {fault}"
            return _failed(line, first, said, CLOSING)
        return Piece(line, len(taken), "".join([first, *taken[1:]]), values)

    def _misfit(self, values: list[str], taken: list[str]) -> str | None:
        """Say why a record over several lines is not one; None where it may be."""
        if self._limits is not None and not self._limits(values):
            return "where the row would not fit the header"
        # A quote that opens the last value of a row, and a line inside it that is a row: a quote that nobody
        # meant, and one that happens to follow.
        width = len(values)
        if not self._has(taken[0], width):
            return None
        opened = next((place for place, value in enumerate(values) if "\n" in value or "\r" in value), 0)
        # The last line ends the value that is open: it has fewer values than a row, unless that is the first.
        inside = taken[1:] if opened or width == 1 else taken[1:-1]
        if any(self._has(line, width) and line.strip(self._blanks + '"') for line in inside):
            return "and has a line in it that is a row by itself"
        return None

    def _has(self, line: str, width: int) -> bool:
        """Say whether a line has so many values, quotes aside, as a program writes them: prose has blanks."""
        values = line.rstrip("\r\n").split(self.delimiter)
        return len(values) == width and bool(values[0]) and not any(one[:1].isspace() for one in values[1:])

    def _close(self, taken: list[str], waiting: deque[str]) -> bool:
        """Take the lines of a record that its first leaves open, and say whether it has an end."""
        value = record = 0
        while value <= FIELD_LIMIT and record <= RECORD_LIMIT:
            if not waiting:
                waiting.extend(self._take())
                if not waiting:
                    return False
            line = waiting.popleft()
            taken.append(line)
            value += len(line)
            record += len(line)
            if '"' not in line or self._form.stays(line):
                continue
            if self._form.closes(line):
                return True
            if not self._form.reopens(line):
                return False
            value = 0
        return False

    def _values(self, lines: list[str]) -> list[str]:
        if any(map(self._form.has_blanks, lines)):
            return self._form.values("".join(lines))
        self._feed.extend(lines)
        return next(self._reader)


class _Form:
    """How values stand in a line, and what a line with quotes is.

    A blank between a delimiter and a quote belongs to neither; blanks of other values stay. Each pattern is
    possessive: none goes over a line twice.

    :param delimiter: what separates values
    """

    def __init__(self, delimiter: str) -> None:
        mark = re.escape(delimiter)
        blank = " \t".replace(delimiter, "")
        blanks = f"[{blank}]*+"
        inside = '[^"]*+(?:""[^"]*+)*+'
        plain = f'[^"{mark}\r\n]*+'
        value = f'(?:{blanks}"{inside}"|{plain})'
        short = f'(?:"[^"\r\n]*+(?:""[^"\r\n]*+)*+"|{plain})'
        lines = f"(?:{short}(?:{mark}{short})*+[\r\n]++)*+(?:{short}(?:{mark}{short})*+)?+"
        complete = f"{value}(?:{mark}{value})*+[\r\n]*+"
        opens = f'(?:{value}{mark})*+{blanks}"{inside}'
        self.plain = re.compile(lines).fullmatch
        """Whether each of some lines is a record as the csv module reads it."""
        self.complete = re.compile(complete).fullmatch
        """Whether a line is a whole record."""
        self.opens = re.compile(opens).fullmatch
        """Whether a line begins a record that goes on in the next."""
        self.stays = re.compile(inside).fullmatch
        """Whether all of a line belongs to a value that is open."""
        self.closes = re.compile(f'{inside}"(?:{mark}{value})*+[\r\n]*+').fullmatch
        """Whether a line ends a value that is open, and its record."""
        self.reopens = re.compile(f'{inside}"{mark}{opens}').fullmatch
        """Whether a line ends a value that is open, and opens another."""
        self.has_blanks = re.compile(f'(?:^|{mark})[{blank}]++"').search
        """Whether there may be a blank before a quote."""
        self._value = re.compile(f'(?:{blanks}"({inside})"|({plain}))({mark}|[\r\n]*)')
        self._delimiter = delimiter

    def values(self, text: str) -> list[str]:
        """Read the values of a whole record.

        :param text: its text
        :raises csv.Error: a value is too long
        """
        values: list[str] = []
        end = 0
        while found := self._value.match(text, end):
            quoted, plain, after = found.groups()
            values.append(plain if quoted is None else quoted.replace('""', '"'))
            end = found.end()
            if after != self._delimiter:
                break
        if max(map(len, values)) > FIELD_LIMIT:
            raise csv.Error(f"field larger than field limit ({FIELD_LIMIT})")
        return values


def _failed(line: int, text: str, fault: str, remedy: str | None = None) -> Piece:
    error = InvalidInput(f"line {line}: {fault}.", field="records", remedy=remedy)
    return Piece(line, 1, text, [], error)
