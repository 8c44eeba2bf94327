"""Where the records of a batch come from: a list, a file, or the batch before. Files are read as a stream."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from itertools import chain, islice
from typing import IO, Any, Self

from airflow_provider.exceptions import InvalidInput, VendorError
from airflow_provider.records.columns import check_twice
from airflow_provider.records.csv_reader import CsvRows, MissingValues, open_csv
from airflow_provider.records.encodings import undecodable
from airflow_provider.records.formats import find_format, rows_before
from airflow_provider.records.parquet_reader import read_rows
from airflow_provider.records.parquet_writer import require_pyarrow
from airflow_provider.records.parsing import Record, Row, from_jsonl, from_list
from airflow_provider.records.storage import (
    GZIP_FAULTS,
    decompressed,
    is_uri,
    open_for_reading,
    remedy_of,
    why_not,
)

__all__ = ["Record", "Records", "Row"]


class Records:
    """The records of a batch; ``with`` opens and closes their file.

    :param source: a list of dicts; the path or URI of a CSV, TSV, JSONL or Parquet file, the first three also
        compressed with gzip (``.csv.gz``); or the result of another batch
    :param delimiter: what separates the columns of a CSV file; None for a comma, or a tab in a ``.tsv`` file
    :param encoding: encoding of a CSV or JSONL file
    :param missing_values: ``fail``: a row of a CSV file that is shorter than the header fails; ``empty``: its
        missing values are empty
    """

    def __init__(
        self,
        source: Any,
        *,
        delimiter: str | None = None,
        encoding: str = "utf-8-sig",
        missing_values: MissingValues = "fail",
    ) -> None:
        self._delimiter = delimiter
        self._encoding = encoding
        self._missing_values = missing_values
        self._stack = ExitStack()
        self._progress: Callable[[], float] | None = None
        self._seen = 0
        self.columns: tuple[str, ...] | None = None
        """The columns of a file that names them up front."""
        self.total: int | None = None
        """How many records there are, where that is known up front."""
        self.source = _unwrap(source)

    def __enter__(self) -> Self:
        try:
            self._rows = iter(self._open())
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *exc: object) -> None:
        self._stack.close()

    def __iter__(self) -> Iterator[Row]:
        for row in self._rows:
            self._seen = row.number
            yield row

    @property
    def path(self) -> str | None:
        """The path or URI of the file, if the records come from one."""
        return self.source if isinstance(self.source, str) else None

    @property
    def names(self) -> frozenset[str]:
        """The names that any record of a list has; none where the records come from a file."""
        if isinstance(self.source, str):
            return frozenset()
        records = (record for record in self.source if isinstance(record, Mapping))
        return frozenset(str(name) for record in records for name in record)

    @property
    def result_columns(self) -> tuple[str, ...]:
        """The columns that the records have, where a file names them up front; else none."""
        return self.columns or ()

    def is_empty(self) -> bool:
        """Say whether there are no records; that reads the first, which is still read again."""
        first = list(islice(self._rows, 1))
        self._rows = chain(first, self._rows)
        return not first

    def hold(self, limit: int) -> None:
        """Read all records into memory, before anything is done with them.

        :param limit: how many there may be
        :raises InvalidInput: there are more
        """
        held = list(islice(self._rows, limit + 1))
        if len(held) > limit:
            raise InvalidInput(
                f"there are more than {limit:,} records, too many to return their results through XCom.",
                field="output",
                remedy='Set "output" to the path or URI of a file. Nothing was sent.',
            )
        self._rows = iter(held)
        self.total = len(held)

    def check_empty(self, empty: str, log: Any, *, then: str = "") -> None:
        """Say that there are no records, if there are none.

        :param empty: ``warn``: in the log, or ``fail``: as an error
        :param log: takes the warning
        :param then: what follows from it, as a sentence
        :raises InvalidInput: there are none, and that is a failure
        """
        if not self.is_empty():
            return
        what = f"{self.path} has no records" if self.path else "the list has no records"
        if empty == "fail":
            raise InvalidInput(
                f'"records": {what}.',
                field="records",
                remedy='Look at the task that makes them. With empty="warn" such a batch succeeds.',
            )
        log.warning('"records": %s. %sWith empty="fail" such a task fails.', what, then and f"{then} ")

    def fraction(self) -> float | None:
        """Say how much has been read, from 0 to 1; None where that is not known."""
        if self.total:
            return min(1.0, self._seen / self.total)
        return self._progress() if self._progress else None

    def _open(self) -> Iterable[Row]:
        if not isinstance(self.source, str):
            self.total = len(self.source)
            return from_list(self.source)
        known = find_format(self.source, "records")
        try:
            raw, size = open_for_reading(self.source)
        except (OSError, ValueError, ImportError) as error:
            # ValueError: no file system is registered for the scheme of the URI.
            raise InvalidInput(
                f'"records": {self.source} cannot be opened: {why_not(error)}.',
                field="records",
                remedy=remedy_of(error, _where(self.source), self.source),
            ) from None
        self._stack.callback(raw.close)
        if size:
            # Of a compressed file, too, the bytes that were read of the file itself.
            self._progress = lambda: min(1.0, raw.tell() / size)
        if known.kind == "parquet":
            return self._parquet(raw)
        try:
            plain = decompressed(raw) if known.compressed else raw
            text = io.TextIOWrapper(plain, encoding=self._encoding, newline="")
        except LookupError:
            raise InvalidInput('"encoding" is not one that Python knows.', field="encoding") from None
        self._stack.callback(text.close)
        if known.kind == "jsonl":
            return self._decoding(from_jsonl(text, before=rows_before(self.source)))
        return self._csv(text, self.source, known.delimiter)

    def _csv(self, lines: Iterable[str], path: str, default: str) -> Iterable[Row]:
        with self._explained():
            text, header = open_csv(lines, path=path, delimiter=self._delimiter, default=default)
            self.columns = header.columns
            rows = CsvRows(
                text, header, path=path, missing_values=self._missing_values, before=rows_before(path)
            )
            return self._decoding(rows.checked())

    def _parquet(self, raw: IO[bytes]) -> Iterable[Row]:
        require_pyarrow("records")
        import pyarrow as arrow
        import pyarrow.parquet as parquet

        try:
            file = parquet.ParquetFile(raw)
        except (OSError, arrow.ArrowException):
            raise InvalidInput(f'"records": {self.source} is not a Parquet file.', field="records") from None
        self._progress = None
        self.total = file.metadata.num_rows
        # A file without records may have no columns; then it tells nothing of the records.
        self.columns = tuple(file.schema_arrow.names) or None
        check_twice(self.columns or ())
        return self._undamaged(read_rows(file, rows_before(self.path or "")))

    def _undamaged(self, rows: Iterator[Row]) -> Iterator[Row]:
        import pyarrow as arrow

        try:
            yield from rows
        except (OSError, arrow.ArrowException) as error:
            if getattr(error, "errno", None):
                # The disk or the store fails; what the file has is another question.
                raise self._broken_off(error) from error
            raise InvalidInput(
                f'"records": the Parquet file {self.source} is damaged, near record {self._seen + 1}.',
                field="records",
            ) from None

    def _decoding(self, rows: Iterator[Row]) -> Iterator[Row]:
        with self._explained():
            yield from rows

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Say what is wrong where a file is not in its encoding, or not what its ending says."""
        try:
            yield
        except (UnicodeError, *GZIP_FAULTS) as error:
            raise undecodable(
                error, f'"records": {self.source}', "records", self._encoding, self._seen + 1
            ) from None
        except VendorError:
            raise
        except Exception as error:
            # The libraries of stores have errors of their own.
            if not isinstance(error, OSError) and not is_uri(str(self.path)):
                raise
            raise self._broken_off(error) from error

    def _broken_off(self, error: Exception) -> VendorError:
        """Return the error of a file that could be opened, and cannot be read to its end."""
        return VendorError(
            f'"records": {self.source} cannot be read on, near record {self._seen + 1}: {why_not(error)}.',
            remedy="Run the task again when the disk or the store works; leave the file as it is until then.",
        )


def _unwrap(source: Any) -> str | list[Any]:
    """Reduce everything that "records" may be to a path or a list."""
    if isinstance(source, Mapping):
        if source.get("output"):
            source = source["output"]
        elif isinstance(source.get("records"), list):
            source = source["records"]
        else:
            raise InvalidInput(
                '"records" is a dict with neither "output" nor "records": it is not the result of a batch.',
                field="records",
                remedy="Give a list of dicts, a path, or the output of another batch task.",
            )
    if isinstance(source, os.PathLike) or (isinstance(source, str) and source.strip()):
        return str(source)
    if isinstance(source, Iterable) and not isinstance(source, str | bytes):
        return list(source)
    nothing = "The task that gives it was skipped, or returned nothing: look at its log."
    raise InvalidInput(
        f'"records" must be a list of dicts, a path, or the result of another batch; it is '
        f"{'an empty text' if isinstance(source, str) else 'a ' + type(source).__name__}.",
        field="records",
        remedy=nothing if source is None else None,
    )


def _where(source: str) -> str:
    """Say what to do about a file that is not found where it was looked for."""
    remedy = "Check the path, and that the worker may read it."
    if "://" in source or os.path.isabs(source):
        return remedy
    return f"{remedy} A path that does not begin with / is looked for in the working folder of the worker."
