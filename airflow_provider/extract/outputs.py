"""The files that a list is read into: one for its rows, and perhaps one for the rows that each row has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider.exceptions import InvalidInput
from airflow_provider.extract.rows import RowReader, line_of
from airflow_provider.records.destinations import WrittenByAnother
from airflow_provider.records.writers import FileOutput, lost, not_written

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider.extract.listing import Listing
    from airflow_provider.extract.rows import Row


class Outputs:
    """The files of one list, which appear together: none of them takes its name before all are complete.

    :param listing: the listing
    :param output: path or URI of the file for its rows
    :param lines_output: path or URI of the file for the rows that each row has; None for none
    :raises InvalidInput: one cannot be written, or the list has no rows for the second
    """

    def __init__(self, listing: Listing[Any], output: str, lines_output: str | None = None) -> None:
        self._lines = listing.lines if lines_output else None
        if lines_output and self._lines is None:
            raise InvalidInput(
                f'"lines_output": the rows of {listing.name} have no lines.',
                field="lines_output",
                remedy="Leave it out for this list.",
            )
        self._marks = RowReader(listing.identity)
        self.files = [FileOutput(output, schema=listing.schema, exact=listing.exact)]
        """The files, that of the rows first."""
        if lines_output:
            try:
                self.files.append(FileOutput(lines_output, schema=listing.lines_schema, exact=listing.exact))
            except BaseException:
                self.close()
                raise
        self.tables = ["", "lines"][: len(self.files)]
        """What each table is called; that of the rows has no name."""

    @property
    def paths(self) -> list[str]:
        """Return where the files will be."""
        return [file.path for file in self.files]

    def tables_of(self, rows: Sequence[Row]) -> list[list[bytes]]:
        """Return what each file gets of the rows of a page, as JSON lines without their line breaks.

        :param rows: the rows
        """
        raws = [line_of(row) for row in rows]
        if self._lines is None:
            return [raws]
        lines = [
            line
            for row, raw in zip(rows, raws, strict=True)
            for line in self._lines.of(raw, self._marks.marks(row)[0])
        ]
        return [raws, lines]

    def write(self, tables: list[list[bytes]]) -> int:
        """Write the rows of a page.

        :param tables: from :meth:`tables_of`
        :return: how many rows the second file got
        """
        for file, lines in zip(self.files, tables, strict=True):
            if lines:
                file.write_lines(b"\n".join([*lines, b""]))
        return sum(map(len, tables[1:]))

    def publish(self, where: str | None = None) -> None:
        """Put the files in their places: the one of the rows last, as the sign that all are there.

        :param where: says where the records are, if another task has written one of the files meanwhile; None
            where they are kept beside the output
        :raises InvalidInput: another task has, or a value does not fit the format
        :raises VendorError: a file cannot be written
        """
        if len(self.files) > 1:
            # A crash between two names is repaired by the next try, which puts both in their places again.
            for file in self.files:
                _do(file, file.complete, where)
        for file in reversed(self.files):
            _do(file, file.publish, where)

    def close(self) -> None:
        """Let go of the files, whatever happened."""
        for file in self.files:
            file.close()


def _do(file: FileOutput, step: Any, where: str | None) -> None:
    try:
        step()
    except WrittenByAnother:
        if where is None:
            kept = file.keep()
            where = f"What this one has read is in {kept}." if kept else "Nothing is kept of this one."
        raise lost(file.path, where) from None
    except OSError as error:
        raise not_written(error) from error
