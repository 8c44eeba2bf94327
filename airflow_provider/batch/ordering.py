"""Results in the order of the records, though the requests end in any order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider.records.parsing import SOURCE_ROW, original_row

if TYPE_CHECKING:
    import asyncio

    from airflow_provider.records.parsing import Record, Row
    from airflow_provider.records.writers import Output

WINDOW = 2000
"""Records that may be finished ahead of one that is not, where results keep their order."""


class OrderedResults:
    """Writes the results of records in the order of the records; those of failed records are left out.

    A result whose place in the output is not its record's row in the original file gets the field
    ``source_row``, so that the next step can name the row that a person finds in the file.

    :param output: takes the results
    :param ordered: keep the order; False writes each result when it is there
    :param moved: is set when records may no longer be far ahead
    """

    def __init__(self, output: Output, *, ordered: bool, moved: asyncio.Event) -> None:
        self._output = output
        self._ordered = ordered
        self._waiting: dict[int, tuple[Row, Record | None]] = {}
        self._written = 0
        self._next = 1
        self._moved = moved
        self._ended = False

    def is_far_ahead(self, number: int) -> bool:
        """Say whether a record has to wait for one before it that is not finished.

        :param number: 1-based number of the record
        """
        return self._ordered and number >= self._next + WINDOW and not self._ended

    def put(self, row: Row, result: Record | None) -> None:
        """Take the result of a record, each record once.

        :param row: the record as it was read
        :param result: the result; None where there is none
        :raises OSError: it cannot be written
        """
        if not self._ordered:
            self._write(row, result)
            return
        self._waiting[row.number] = row, result
        while self._next in self._waiting:
            self._write(*self._waiting.pop(self._next))
            self._next += 1
        self._moved.set()

    def end(self) -> None:
        """Let nobody wait any more."""
        self._ended = True
        self._moved.set()

    def write_rest(self) -> None:
        """Write what still waits for records that are not finished.

        :raises OSError: it cannot be written
        """
        for number in sorted(self._waiting):
            self._write(*self._waiting[number])

    def _write(self, row: Row, result: Record | None) -> None:
        if result is None:
            return
        self._written += 1
        if original_row(result, self._written) != row.source_row:
            result = {**result, SOURCE_ROW: row.source_row}
        self._output.write(result)
