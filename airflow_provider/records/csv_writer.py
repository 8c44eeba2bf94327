"""Records to CSV: one column for each value, named by dots where records are nested."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from msgspec import Raw

from airflow_provider.records.csv_text import BLANKS, BOM
from airflow_provider.records.json_lines import decode, decode_tokens, encode
from airflow_provider.records.schema import leaves
from airflow_provider.texts import EXACT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider.records.new_file import NewFile
    from airflow_provider.records.schema import Schema
    from airflow_provider.records.spool import Spool

_AS_JSON = {bool, dict, list}

ROWS = 1000
"""Rows that are written at once."""


def write_csv(
    spool: Spool,
    file: NewFile,
    *,
    delimiter: str,
    columns: Sequence[str],
    schema: Schema | None = None,
    exact: bool = False,
) -> None:
    """Write records as CSV (RFC 4180) in UTF-8, its lines ended by a line feed.

    A nested record becomes one column for each of its values, named by dots: ``user.apikey``. A list, and an
    empty nested record, becomes JSON text. None is empty, a boolean ``true`` or ``false``, and a whole number
    has no ``.0``. Texts are written as they are: one that begins with ``=`` is a formula to a spreadsheet,
    and no data is changed for that.

    :param spool: the records, in the form that JSON has for them; they are read twice
    :param file: the new file
    :param delimiter: what separates the columns
    :param columns: the header of a file without records
    :param schema: the columns that the file has in any case, and first
    :param exact: whether numbers are written with the digits that they have in the JSON
    """
    read = decode_tokens if exact else decode
    header: dict[str, None] = dict.fromkeys(leaves(schema or {}))
    for _, record in spool.sized(read):
        header.update(dict.fromkeys(_cells(record, schema)))
    names = list(header or columns)
    if not names:
        return
    rows = _Rows(file)
    # The writer quotes a lone "\r" only where its own lines end with one.
    writer = csv.writer(rows, delimiter=delimiter, lineterminator="\r\n")
    writer.writerow(names)
    # A row without any text is quoted, or it would be a blank line, which is no record.
    quoting = csv.writer(rows, delimiter=delimiter, lineterminator="\r\n", quoting=csv.QUOTE_ALL)
    for _, record in spool.sized(read):
        get = _cells(record, schema).get
        values = [_text(get(name)) for name in names]
        (quoting if _may_vanish(values, delimiter) else writer).writerow(values)
    rows.flush()


class _Rows:
    """Takes lines from the csv module, and writes many at once to a file."""

    def __init__(self, file: NewFile) -> None:
        self._file = file
        self._lines: list[str] = []

    def write(self, line: str) -> None:
        self._lines.append(line[:-2])
        if len(self._lines) >= ROWS:
            self.flush()

    def flush(self) -> None:
        if self._lines:
            self._file.write(("\n".join(self._lines) + "\n").encode())
            self._lines.clear()


def _cells(record: dict[str, Any], schema: Schema | None = None) -> dict[str, Any]:
    """Return the values of a record by the names of their columns."""
    cells: dict[str, Any] = {}
    count = 0
    for name, value in record.items():
        fields = schema.get(name) if schema else None
        if not value and isinstance(fields, Mapping):
            # Its columns are there anyway, and empty.
            continue
        if type(value) is dict and value:
            inner = _cells(value, fields if isinstance(fields, Mapping) else None)
            count += len(inner)
            for rest, item in inner.items():
                cells[f"{name}.{rest}"] = item
        else:
            count += 1
            cells[name] = value
    # A record with both {"a": {"b": 1}} and {"a.b": 2} would lose one of them.
    return cells if len(cells) == count else record


def _may_vanish(values: list[Any], delimiter: str) -> bool:
    """Say whether a row needs quotes, because it would be a blank line or lose a byte order mark."""
    first = values[0]
    if first is not None and (type(first) is not str or "!" <= first < BOM):
        return False
    line = delimiter.join("" if value is None else str(value) for value in values)
    return line.startswith(BOM) or not line.strip(BLANKS + delimiter)


def _text(value: Any) -> Any:
    if type(value) is Raw:
        return bytes(value).decode()
    if type(value) is float and value.is_integer() and abs(value) < EXACT:
        # A batch sends it so, and so the next one must read it.
        return int(value)
    # The csv module has the right text for all others.
    return encode(value).decode() if type(value) in _AS_JSON else value
