"""Where the results of a batch go: a file that appears whole or not at all, or a list."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from airflow_provider.exceptions import InvalidInput, VendorError
from airflow_provider.records.csv_writer import write_csv
from airflow_provider.records.formats import Format, check_output, find_format
from airflow_provider.records.json_lines import encode, for_xcom
from airflow_provider.records.new_file import NewFile
from airflow_provider.records.parquet_writer import require_pyarrow, write_parquet
from airflow_provider.records.places import check_place
from airflow_provider.records.schema import check_schema
from airflow_provider.records.spool import Spool
from airflow_provider.records.storage import local_path, name_a_connection, remedy_of, remove, why_not
from airflow_provider.records.typed_parquet import write_with_schema

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider.records.schema import Schema


class Output(Protocol):
    """Takes the results of a batch one by one.

    ``write`` never waits for the network inside an event loop; ``await drain()`` between two records is what
    keeps the memory bounded where records come faster than they are sent. ``complete``, ``publish``,
    ``keep``, ``discard`` and ``close`` wait for the disk or the network: call them outside of an event loop,
    or with ``asyncio.to_thread``. No two threads may use an output at the same time.
    """

    def write(self, record: dict[str, Any]) -> None:
        """Take one result."""

    def pending(self) -> int:
        """Say how many bytes wait to be sent."""

    async def drain(self) -> None:
        """Wait until there is room for more results."""

    def complete(self) -> None:
        """Write what is left, and make sure that nobody else has written the place meanwhile.

        :raises WrittenByAnother: somebody has; see :mod:`~airflow_provider.records.destinations`
        """

    def publish(self) -> str | None:
        """End well: make the results visible, and say where."""

    def keep(self) -> str | None:
        """End early: keep what there is apart from the finished results, and say where."""

    def discard(self) -> None:
        """End without results: leave nothing, neither of this time nor of one before."""

    def abandon(self) -> None:
        """End without results, and leave what was published before. After any other end: do nothing."""

    def close(self) -> None:
        """Let go of the file, whatever happened."""


def open_output(path: str | None, *, columns: Sequence[str] = ()) -> Output:
    """Open the place for the results of a batch.

    :param path: path or URI of a file, its format by its ending; None for a list
    :param columns: see :class:`FileOutput`
    :raises InvalidInput: the ending stands for no format, or the place cannot be written to
    """
    return FileOutput(path, columns=columns) if path else ListOutput()


@dataclass
class ListOutput:
    """Collects results in memory, for XCom.

    :param records: the results
    """

    records: list[dict[str, Any]] = field(default_factory=list)

    def write(self, record: dict[str, Any]) -> None:
        """Take one result."""
        # The same values that a file would have, but for those that Airflow or its database refuse.
        self.records.append(for_xcom(record))

    def pending(self) -> int:
        """Return 0: nothing is sent."""
        return 0

    async def drain(self) -> None:
        """Do nothing: nothing is sent."""

    def complete(self) -> None:
        """Do nothing: nobody else writes to the list."""

    def publish(self) -> None:
        """Do nothing: the task returns the records."""

    def keep(self) -> None:
        """Do nothing: a failed task returns nothing."""

    def discard(self) -> None:
        """Do nothing: nothing was left."""

    def abandon(self) -> None:
        """Do nothing: a failed task returns nothing."""

    def close(self) -> None:
        """Do nothing: there is no file."""


class FileOutput:
    """Writes records to a file: JSON lines, CSV or Parquet, by the ending of its name.

    The file appears when it is published, whole; see :class:`~airflow_provider.records.new_file.NewFile`.
    JSON lines are written as the records come. CSV and Parquet need all columns first: until then the records
    are in a temporary file, and the columns alone are in memory.

    What a batch that reads the file finds, where that is not what was written:

    ====================== ==================== ========================= ===================================
    Value                  JSON lines           CSV                       Parquet
    ====================== ==================== ========================= ===================================
    number, boolean        the same             its text                  the same; text in a column that
                                                                          other kinds of values are in, too
    whole number beyond    the same; beyond     its text                  its text
    64 bits                4,000 digits text
    NaN, NaT, infinity     None                 an empty text             None
    None                   None                 an empty text             None
    field that is missing  missing              an empty text             None
    nested record          the same             a field for each value,   the same, with None for the fields
                                                named with dots           that others have
    list                   the same             JSON text                 the same; JSON text for values of
                                                                          several kinds
    date, time, ``UUID``,  text                 text                      text
    ``Decimal``, UTF-8
    bytes, other
    secret                 sealed               sealed                    sealed
    half a surrogate pair  the same             its escape, as text       its escape, as text
    ====================== ==================== ========================= ===================================

    CSV is as in RFC 4180, in UTF-8, its lines ended by a line feed. Texts are written as they are: one that
    begins with ``=`` is a formula to a spreadsheet.

    :param path: path or URI of the finished file
    :param columns: the columns of a CSV or Parquet file in the end without records, which nothing else tells:
        a CSV file without a header cannot be read
    :param schema: the columns and their kinds, see :mod:`~airflow_provider.records.schema`: all of them are
        there, in this order, also those that never came. Other columns that come follow them. In Parquet each
        has the type of its kind, also without any value. None where the records tell
    :param exact: whether numbers keep their digits in CSV, as they always do with a schema; for JSON lines
        that were written as such
    :raises InvalidInput: the ending stands for no format, pyarrow is missing for Parquet, or the place cannot
        be written to
    :raises VendorError: its store does not answer
    """

    def __init__(
        self,
        path: str,
        *,
        columns: Sequence[str] = (),
        schema: Schema | None = None,
        exact: bool = False,
    ) -> None:
        self.path = path
        self.count = 0
        self._columns = columns
        self._schema = schema
        self._exact = exact or schema is not None
        if schema is not None:
            check_schema(schema)
        check_output(path)
        self._format: Format = find_format(path, "output")
        if self._format.kind == "parquet":
            require_pyarrow("output")
        self._converted = False
        try:
            check_place(path)
            self._file = NewFile(path, compressed=self._format.compressed)
            try:
                self._spool = None if self._format.kind == "jsonl" else Spool(path)
            except OSError:
                self._file.abandon()
                raise
        except InvalidInput:
            raise
        except (OSError, ValueError, ImportError) as error:
            raise _unwritable(path, error) from None
        self._lines = self._file if self._spool is None else self._spool

    def write(self, record: dict[str, Any]) -> None:
        """Write one record.

        :raises OSError: it, or one before, cannot be written
        """
        self._lines.write(encode(record) + b"\n")
        self.count += 1

    def write_lines(self, lines: bytes) -> None:
        """Write records that are JSON lines already, or a block of them that ends anywhere.

        :param lines: the lines; in a file of JSON lines they are the same
        :raises OSError: they, or ones before, cannot be written
        """
        self._lines.write(lines)
        self.count += 1

    def pending(self) -> int:
        """Say how many bytes wait to be sent to the store; 0 for a local file."""
        return self._file.pending()

    async def drain(self) -> None:
        """Wait until there is room for more records; at once for a local file.

        :raises OSError: a record before cannot be written
        """
        await self._file.drain()

    def complete(self) -> None:
        """Write what is left, and make sure that nobody else has published the file meanwhile.

        :raises WrittenByAnother: somebody has, with other records
        :raises InvalidInput: a value does not fit the schema
        :raises OSError: it cannot be written
        """
        self._convert()
        self._file.complete()

    def publish(self) -> str:
        """Put the finished file in its place.

        :raises WrittenByAnother: somebody else has published it meanwhile; that file is still there
        :raises InvalidInput: a value does not fit the schema
        :raises OSError: it cannot be done; the file of before is still there
        """
        self._convert()
        self._file.publish()
        return self.path

    def keep(self) -> str | None:
        """Leave the records so far in the partial file, and what was published before as it is.

        :return: the partial file; None where there are no records, or the store has no partial files
        :raises OSError: that cannot be done
        """
        if not self.count or not self._file.has_partial:
            self.abandon()
            return None
        try:
            self._convert()
        except InvalidInput:
            # The records that cannot be converted cannot be kept, either.
            self.abandon()
            return None
        return self._file.keep()

    def discard(self) -> None:
        """Leave nothing: neither the partial file nor one that was published before."""
        self.abandon()
        remove(self.path)
        self._file.remove_kept()

    def close(self) -> None:
        """Let go of the file; JSON lines that were written stay in the partial file."""
        if self._spool is None:
            self._file.close()
        else:
            self.abandon()

    def abandon(self) -> None:
        """Leave nothing of the records so far. After :meth:`publish` or :meth:`keep`: do nothing."""
        self._drop_spool()
        self._file.abandon()

    def _convert(self) -> None:
        """Write what the spool has."""
        if self._spool is None or self._converted:
            return
        self._converted = True
        if self._format.kind == "csv":
            write_csv(
                self._spool,
                self._file,
                delimiter=self._format.delimiter,
                columns=self._columns,
                schema=self._schema,
                exact=self._exact,
            )
        elif self._schema is not None:
            write_with_schema(self._spool, self._file, self._schema)
        else:
            write_parquet(self._spool, self._file, columns=self._columns)
        self._drop_spool()

    def _drop_spool(self) -> None:
        if self._spool is not None:
            self._spool.close()


def lost(path: str, where: str, *, then: str = "") -> InvalidInput:
    """Return the error of a task whose output another one has written meanwhile.

    :param path: path or URI of the output
    :param where: says where the records of this task are, as a sentence
    :param then: says what running it again means, as the end of a sentence
    """
    return InvalidInput(
        f'"output": another task has written {path} while this one ran. That file stays. {where}',
        field="output",
        remedy=(
            "Give each task and each run an output of its own, with {{ run_id }} or {{ ti.map_index }} in "
            f"its name. Then run the task again{then}."
        ),
    )


def not_written(error: OSError, *, then: str = "") -> VendorError:
    """Return the error of a task whose output cannot be written in the end.

    :param error: what :meth:`Output.publish` raised
    :param then: as for :func:`lost`
    """
    return VendorError(
        f'"output": {error.filename or "the file"} cannot be written: {why_not(error)}.',
        remedy=f"Make room or make it writable, and run the task again{then}.",
    )


def _unwritable(path: str, error: Exception) -> VendorError:
    said = f'"output": {path} cannot be written: {why_not(error)}.'
    if isinstance(error, OSError) and not _is_final(error) and local_path(path) is None:
        remedy = "Check that the worker reaches the store, and run the task again."
        return VendorError(said, remedy=remedy + name_a_connection(path))
    return InvalidInput(
        said, field="output", remedy=remedy_of(error, "Check that the worker may write there.", path)
    )


def _is_final(error: OSError) -> bool:
    """Say whether a store has given an answer that stays the same."""
    return isinstance(error, FileNotFoundError | PermissionError)
