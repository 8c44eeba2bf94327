"""Rows of a CSV file: what can be read, and what is wrong with the others."""

from __future__ import annotations

import csv
from itertools import chain
from typing import TYPE_CHECKING, Literal

from airflow_provider.exceptions import InvalidInput
from airflow_provider.records.columns import Header
from airflow_provider.records.csv_text import CLOSING, CsvText, Piece
from airflow_provider.records.parsing import SOURCE_ROW, Row, original_row, unreadable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MissingValues = Literal["fail", "empty"]

PEEKED = 100
"""Rows that are read to see whether a column without a name has values."""


def open_csv(
    lines: Iterable[str], *, path: str, delimiter: str | None, default: str
) -> tuple[CsvText, Header]:
    """Read the header of a CSV file.

    :param lines: the lines of the file
    :param path: path or URI of the file, for errors
    :param delimiter: what separates the columns, if that was given
    :param default: what separates them otherwise
    :return: the file below its header, and the header
    :raises InvalidInput: the header cannot be used
    """
    if delimiter is not None and len(delimiter) != 1:
        raise InvalidInput('"delimiter" must be one character.', field="delimiter")
    text = CsvText(lines, delimiter, default)
    piece = text.header() or Piece(1, 1, "", [])
    broken = piece.lines > 1 and any("\n" in name and text.delimiter in name for name in piece.values)
    if piece.error is not None or broken:
        raise InvalidInput(
            f'"records": the header of {path} has a quote that is out of place (line {piece.line}).',
            field="records",
            remedy="Correct the first line: it must name the columns.",
        )
    header = Header(piece.values, path=path, delimiter=text.delimiter)
    text.fit(header.fits)
    return text, header


class CsvRows:
    """The rows below the header.

    :param text: the file below its header
    :param header: the header
    :param path: path or URI of the file, for errors
    :param missing_values: whether a row that is shorter than the header fails, or has empty values there
    :param before: rows of the original file before the first of this one
    """

    def __init__(
        self, text: CsvText, header: Header, *, path: str, missing_values: MissingValues, before: int
    ) -> None:
        self._text = text
        self._header = header
        self._path = path
        self._fill = missing_values == "empty"
        self._before = before
        self._number = 0
        self._nameless: int | None = None
        # Records that are nothing but the values of the row by the columns.
        self._simple = not header.nameless and SOURCE_ROW not in header.columns

    def __iter__(self) -> Iterator[Row]:
        columns, before = self._header.names, self._before
        # No row has as many values as this, if each needs a closer look.
        width = self._header.width if self._simple else -1
        heads = self._header.heads
        for line, lines, plain in self._text.blocks():
            if not plain:
                for piece in self._text.pieces(line, lines):
                    yield self._row(piece)
                continue
            reader = csv.reader(lines, delimiter=self._text.delimiter, strict=True)
            for values in reader:
                # What is blank, or may repeat the header, begins with a blank, a rare character or a name.
                if len(values) == width and "!" <= values[0] < "\u2000" and values[0] not in heads:
                    self._number = number = self._number + 1
                    yield Row(number, dict(zip(columns, values, strict=True)), number + before)
                elif not self._text.is_blank(text := lines[reader.line_num - 1]):
                    yield self._row(Piece(line + reader.line_num - 1, 1, text, values))

    def checked(self) -> Iterator[Row]:
        """Return the rows, once a column without a name is known to have no value in the first of them.

        :raises InvalidInput: it has
        """
        rows = iter(self)
        # The file that a shard comes from was checked when it was split.
        if not self._header.has_nameless or self._before:
            return rows
        peeked: list[Row] = []
        for row in rows:
            peeked.append(row)
            if self._nameless is not None:
                raise InvalidInput(
                    f'"records": column {self._nameless} of {self._path} has no name, and has values.',
                    field="records",
                    remedy="Name it in the first line. pandas leaves out its own with to_csv(index=False).",
                )
            if row.error is None or len(peeked) == PEEKED:
                break
        return chain(peeked, rows)

    def _row(self, piece: Piece) -> Row:
        """Make a row, with all that may be wrong."""
        self._number += 1
        number, source = self._number, self._number + self._before
        header = self._header
        error = piece.error
        values = header.trimmed(piece.values)
        if error is None:
            error = self._fault(piece.line, values)
        if error is None and self._fill and piece.within is not None and len(values) < header.width:
            fault = f"the line may be a part of the record that begins in line {piece.within}"
            error = InvalidInput(f"line {piece.line}: {fault}.", field="records", remedy=CLOSING)
        if error is not None:
            return Row(number, {}, source, error, unreadable(piece.text))
        values += [""] * (header.width - len(values))
        record = dict(zip(header.names, values, strict=True))
        record.pop("", None)
        return Row(number, record, original_row(record, source))

    def _fault(self, line: int, values: list[str]) -> InvalidInput | None:
        header = self._header
        fault = remedy = None
        if header.repeats(values):
            fault, remedy = "the row repeats the header", "Remove it, if two files were put together."
        elif place := header.without_name(values):
            self._nameless = self._nameless or place
            fault = f"the row has a value in column {place}, which has no name"
            remedy = "Name the column in the first line, or remove the value."
        elif len(values) > header.width:
            fault = f"the row has {len(values)} values for {header.width} columns"
            remedy = "Check its delimiters and quotes."
        elif len(values) < header.width and not self._fill:
            fault = f"the row has {len(values)} value{'s' * (len(values) != 1)} for {header.width} columns"
            remedy = (
                "Check its line breaks and quotes. If the file leaves out trailing values, "
                'set missing_values="empty".'
            )
        if fault is None:
            return None
        return InvalidInput(f"line {line}: {fault}.", field="records", remedy=remedy)
