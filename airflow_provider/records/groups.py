"""Several rows of a file that make one record, like the lines of an invoice.

The rows of a record may be anywhere in the file. They wait in a temporary file until all of it is read: a
record that was sent before its last row came could not be completed. Of each row the memory holds some bytes.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import tempfile
from array import array
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from airflow_provider.exceptions import InvalidInput
from airflow_provider.records.columns import described
from airflow_provider.records.parsing import Row
from airflow_provider.records.readers import Records
from airflow_provider.records.storage import why_not
from airflow_provider.texts import comparable, text_or_none
from airflow_provider.values import is_empty

if TYPE_CHECKING:
    from airflow_provider.records.parsing import Record


@dataclass(frozen=True)
class Grouping:
    """How rows make records.

    :param by: the field whose value is the same in the rows of one record
    :param lines: the field of the record that has a list with an element for each row
    :param line_field: returns the name that a field has in such an element; None for a field of the record
    :param record_field: whether a field is one of the record
    :param sent: whether a field of the record is sent, and so must be the same in all its rows
    """

    by: str
    lines: str
    line_field: Callable[[str], str | None]
    record_field: Callable[[str], bool]
    sent: Callable[[str], bool]


def key_of(row: Row, name: str) -> bytes | None:
    """Return what is the same in the rows of one record; None where the row does not tell.

    :param row: the row, which gets an error where it does not
    :param name: the field that tells which record a row belongs to
    """
    value: Any = row.record
    try:
        if name in row.record:
            value = row.record[name]
        else:
            for part in name.split("."):
                value = value.get(part) if isinstance(value, Mapping) else None
        text = text_or_none(value, name)
    except InvalidInput as error:
        row.error = error
        return None
    if text is None:
        row.error = InvalidInput(
            f'"{name}" is empty: it tells which record the row belongs to.',
            field=name,
            remedy="Fill it in every row.",
        )
        return None
    return hashlib.blake2b(comparable(text).encode("utf-8", "surrogatepass"), digest_size=16).digest()


@dataclass
class _Group:
    places: array[int] = field(default_factory=lambda: array("Q"))
    suspect: int | None = None
    """A row beside its own that may belong to it."""


class _InMemory:
    """Rows of a list, which are in memory anyway."""

    def __init__(self) -> None:
        self._rows: list[Row] = []

    def put(self, row: Row) -> int:
        self._rows.append(row)
        return len(self._rows) - 1

    def take(self, place: int) -> Row:
        return self._rows[place]

    def close(self) -> None:
        self._rows.clear()


class _InFile:
    """Rows of a file, in a temporary file that has no name, so that nothing of it is left."""

    def __init__(self, folder: str | None) -> None:
        try:
            if folder is not None:
                # The output makes it too, but not before all rows are read.
                os.makedirs(folder, exist_ok=True)
            self._file = tempfile.TemporaryFile(dir=folder, prefix=".records-")  # noqa: SIM115 - see close
        except OSError as error:
            raise InvalidInput(
                f'"output": no file can be made in {folder or "the temporary folder"}: {why_not(error)}.',
                field="output",
                remedy="The rows of a batch with group_by wait there. Check that the worker may write there.",
            ) from None

    def put(self, row: Row) -> int:
        place = self._file.tell()
        pickle.dump(row, self._file, pickle.HIGHEST_PROTOCOL)
        return place

    def take(self, place: int) -> Row:
        self._file.seek(place)
        row: Row = pickle.load(self._file)  # noqa: S301 - nobody else can write to a file without a name
        return row

    def close(self) -> None:
        self._file.close()


_Waiting = _InMemory | _InFile


class GroupedRecords(Records):
    """The records of a batch, each made of the rows that have the same value in one field.

    A row that cannot be read, or has no value there, fails by itself. So do the records right before and
    after it, and all where the rows of a record are not together: it may be a line of any of them, and a
    record that lacks one must not be sent.

    :param source: see :class:`~airflow_provider.records.readers.Records`
    :param grouping: how rows make records
    :param folder: where the rows of a file wait, in a file without a name; None for the system's own folder
    :param options: see :class:`~airflow_provider.records.readers.Records`
    """

    def __init__(self, source: Any, *, grouping: Grouping, folder: str | None = None, **options: Any) -> None:
        super().__init__(source, **options)
        self._grouping = grouping
        self._folder = folder
        self._done = 0

    def __enter__(self) -> Self:
        super().__enter__()
        grouping, columns = self._grouping, self.columns
        if columns is not None and grouping.by not in columns:
            self.__exit__()
            raise InvalidInput(
                f'the file has no column "{grouping.by}" for "group_by"; {described(columns)}.',
                field="group_by",
                remedy="Correct the name, or check the delimiter.",
            )
        self._rows = self._grouped(self._rows)
        return self

    @property
    def result_columns(self) -> tuple[str, ...]:
        """The columns that the records have, where a file names them up front; else none."""
        if self.columns is None:
            return ()
        return (*filter(self._grouping.record_field, self.columns), self._grouping.lines)

    def fraction(self) -> float | None:
        """Say how much has been done, from 0 to 1; None where that is not known."""
        return self._done / self.total if self.total else None

    def _grouped(self, rows: Iterator[Row]) -> Iterator[Row]:
        waiting: _Waiting = _InMemory() if self.path is None else _InFile(self._folder)
        self._stack.callback(waiting.close)
        groups = self._read(rows, waiting)
        self.total = len(groups)
        for number, group in enumerate(groups, 1):
            self._done = number
            yield self._combined(number, [waiting.take(place) for place in group.places], group.suspect)

    def _read(self, rows: Iterator[Row], waiting: _Waiting) -> list[_Group]:
        groups: list[_Group] = []
        known: dict[bytes, _Group] = {}
        last: _Group | None = None
        stray: int | None = None
        first_stray: int | None = None
        scattered = False
        for row in rows:
            self._seen = row.number
            key = None if row.error is not None else key_of(row, self._grouping.by)
            place = waiting.put(row)
            if key is None:
                groups.append(_Group(array("Q", [place])))
                stray = row.source_row
                first_stray = first_stray or stray
                if last is not None:
                    last.suspect = last.suspect or stray
                continue
            group = known.get(key)
            if group is None:
                group = known[key] = _Group()
                groups.append(group)
            elif group is not last:
                scattered = True
            if stray is not None:
                group.suspect, stray = group.suspect or stray, None
            group.places.append(place)
            last = group
        if scattered and first_stray is not None:
            for group in known.values():
                group.suspect = group.suspect or first_stray
        return groups

    def _combined(self, number: int, rows: list[Row], suspect: int | None) -> Row:
        first = rows[0]
        numbers = tuple(row.source_row for row in rows)
        if first.error is not None:
            return Row(number, first.record, first.source_row, first.error, first.text)
        record, error = self._record(rows)
        if error is None and suspect is not None:
            error = InvalidInput(
                f"row {suspect} cannot be used, and may be a part of this record.",
                field=self._grouping.by,
                remedy="Correct that row. Nothing of this record was sent.",
            )
        return Row(number, record, first.source_row, error, rows=numbers)

    def _record(self, rows: list[Row]) -> tuple[Record, InvalidInput | None]:
        grouping = self._grouping
        record: Record = {}
        lines = [self._line(row.record) for row in rows]
        differing: list[str] = []
        for name in dict.fromkeys(name for row in rows for name in row.record):
            if name == grouping.lines or not grouping.record_field(name):
                continue
            values = [(row, row.record[name]) for row in rows if not is_empty(row.record.get(name))]
            other = next((row for row, value in values if value != values[0][1]), None)
            if other is None or name == grouping.by:
                record[name] = values[0][1] if values else rows[0].record.get(name)
            elif grouping.sent(name):
                differing.append(f'"{name}" (rows {values[0][0].source_row} and {other.source_row})')
        record[grouping.lines] = lines
        if odd := next((row for row in rows if not self._is_line(row.record)), None):
            return record, InvalidInput(
                f'"{grouping.lines}" of row {odd.source_row} is no object: with "group_by" each row is one '
                "line.",
                field=grouping.lines,
                remedy="Give each line a row of its own, or leave out group_by.",
            )
        if not differing:
            return record, None
        return record, InvalidInput(
            f"the rows of one record differ in {', '.join(differing)}.",
            field=differing[0].split('"')[1],
            remedy=f'Fields outside "{grouping.lines}" must be the same in all rows of a record, or empty.',
        )

    def _is_line(self, record: Record) -> bool:
        own = record.get(self._grouping.lines)
        return is_empty(own) or isinstance(own, Mapping)

    def _line(self, record: Record) -> Any:
        line: Record = {}
        for name, value in record.items():
            if name == self._grouping.lines and isinstance(value, Mapping):
                line.update(value)
            elif (own := self._grouping.line_field(name)) is not None:
                line[own] = value
        return line
