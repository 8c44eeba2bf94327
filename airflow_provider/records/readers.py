"""Where the records of a batch come from: a list, a file, or the batch before. Files are read as a stream."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from typing import IO, Any, Self

from airflow_provider.exceptions import InvalidInput

Record = dict[str, Any]

FORMATS = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet")

# csv's own limit of 131,072 characters refuses what other programs write without complaint.
csv.field_size_limit(16 * 1024 * 1024)


@dataclass(frozen=True, slots=True)
class Row:
    """One record as it was read.

    :param number: 1-based number of the record, the header of a file not counted
    :param record: the record; empty where it could not be read
    :param error: why it could not be read
    """

    number: int
    record: Record
    error: InvalidInput | None = None


class Records:
    """The records of a batch; ``with`` opens and closes their file.

    :param source: a list of dicts; the path or URI of a CSV, JSONL or Parquet file; or the result of another
        batch
    :param delimiter: what separates the columns of a CSV file; None for a comma, or a tab in a ``.tsv`` file
    :param encoding: encoding of a CSV or JSONL file
    """

    def __init__(self, source: Any, *, delimiter: str | None = None, encoding: str = "utf-8-sig") -> None:
        self._delimiter = delimiter
        self._encoding = encoding
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
                remedy='Set "output" to the path or URI of a JSONL file. Nothing was sent.',
            )
        self._rows = iter(held)
        self.total = len(held)

    def fraction(self) -> float | None:
        """Say how much has been read, from 0 to 1; None where that is not known."""
        if self.total:
            return min(1.0, self._seen / self.total)
        return self._progress() if self._progress else None

    def _open(self) -> Iterable[Row]:
        if not isinstance(self.source, str):
            self.total = len(self.source)
            return _from_list(self.source)
        suffix = os.path.splitext(self.source)[1].lower()
        if suffix not in FORMATS:
            raise InvalidInput(
                f'"records" names a file of an unknown format ("{suffix}").',
                field="records",
                remedy=f"The name must end with one of {', '.join(FORMATS)}.",
            )
        try:
            raw, size = _open_binary(self.source)
        except (OSError, ValueError, ImportError) as error:
            # ValueError: no file system is registered for the scheme of the URI.
            why = getattr(error, "strerror", None) or str(error) or type(error).__name__
            raise InvalidInput(
                f'"records": {self.source} cannot be opened: {why}.',
                field="records",
                remedy="Check the path, and that the worker may read it.",
            ) from None
        self._stack.callback(raw.close)
        if size:
            self._progress = lambda: min(1.0, raw.tell() / size)
        if suffix == ".parquet":
            return self._parquet(raw)
        try:
            text = io.TextIOWrapper(raw, encoding=self._encoding, newline="")
        except LookupError:
            raise InvalidInput('"encoding" is not one that Python knows.', field="encoding") from None
        self._stack.callback(text.close)
        if suffix in (".jsonl", ".ndjson"):
            return self._decoding(_from_jsonl(text))
        return self._csv(text, self._delimiter or ("\t" if suffix == ".tsv" else ","))

    def _csv(self, text: IO[str], delimiter: str) -> Iterable[Row]:
        try:
            # strict: a quote that is never closed is an error, not one value with the rest of the file.
            reader = csv.reader(text, delimiter=delimiter, strict=True)
        except TypeError:
            raise InvalidInput('"delimiter" must be one character.', field="delimiter") from None
        header = next(self._decoding(reader), None)
        if not header or not any(name.strip() for name in header):
            raise InvalidInput(
                f'"records": {self.source} is empty: it has no header line.',
                field="records",
                remedy="The first line must name the columns.",
            )
        self.columns = tuple(name.strip() for name in header)
        if len(set(self.columns)) < len(self.columns):
            twice = sorted({name for name in self.columns if self.columns.count(name) > 1})
            raise InvalidInput(
                f'"records": the header names columns twice: {", ".join(twice)}.', field="records"
            )
        return self._decoding(_from_csv(reader, self.columns))

    def _parquet(self, raw: IO[bytes]) -> Iterable[Row]:
        try:
            import pyarrow as arrow
            import pyarrow.parquet as parquet
        except ImportError:
            raise InvalidInput(
                '"records" is a Parquet file, and pyarrow is not installed.',
                field="records",
                remedy="pip install 'airflow-provider-vendor-apis[parquet]'",
            ) from None
        try:
            file = parquet.ParquetFile(raw)
        except arrow.ArrowInvalid:
            raise InvalidInput(f'"records": {self.source} is not a Parquet file.', field="records") from None
        self._progress = None
        self.total = file.metadata.num_rows
        self.columns = tuple(file.schema_arrow.names)
        batches = file.iter_batches(batch_size=1000)
        records = (record for batch in batches for record in batch.to_pylist())

        def rows() -> Iterator[Row]:
            try:
                for number, record in enumerate(records, 1):
                    yield Row(number, record)
            except (OSError, arrow.ArrowException):
                raise InvalidInput(
                    f'"records": the Parquet file {self.source} is damaged, near record {self._seen + 1}.',
                    field="records",
                ) from None

        return rows()

    def _decoding(self, rows: Iterator[Any]) -> Iterator[Any]:
        """Name the encoding where a file is not in it."""
        try:
            yield from rows
        except UnicodeDecodeError as error:
            raise InvalidInput(
                f'"records": {self.source} is not {error.encoding}, near record {self._seen + 1}.',
                field="records",
                remedy='Set "encoding", for example to "cp1252".',
            ) from None


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
    raise InvalidInput(
        f'"records" must be a list of dicts, a path, or the result of another batch; it is '
        f"{'an empty text' if isinstance(source, str) else 'a ' + type(source).__name__}.",
        field="records",
    )


def _open_binary(path: str) -> tuple[IO[bytes], int | None]:
    if "://" not in path:
        file = open(path, "rb")  # noqa: SIM115 - closed by the stack of Records
        return file, os.fstat(file.fileno()).st_size
    from airflow.sdk import ObjectStoragePath

    remote: Any = ObjectStoragePath(path)
    return remote.open("rb"), remote.stat().st_size


def _from_list(records: list[Any]) -> Iterator[Row]:
    for number, record in enumerate(records, 1):
        if isinstance(record, Mapping):
            yield Row(number, dict(record))
        else:
            yield Row(
                number,
                {},
                InvalidInput(f"the record is a {type(record).__name__}, not a dict.", field="records"),
            )


def _from_jsonl(lines: Iterable[str]) -> Iterator[Row]:
    filled = (line for line in lines if line.strip())
    for number, line in enumerate(filled, 1):
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            record = None
        if isinstance(record, dict):
            yield Row(number, record)
        else:
            yield Row(
                number,
                {},
                InvalidInput(
                    f"the line is not a JSON object ({len(line)} characters).",
                    field="records",
                    remedy="Write one object a line.",
                ),
            )


def _from_csv(reader: Iterator[list[str]], columns: tuple[str, ...]) -> Iterator[Row]:
    number = 0
    while True:
        try:
            values = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            number += 1
            yield Row(number, {}, InvalidInput(f"the row cannot be read: {error}.", field="records"))
            continue
        if not values:
            continue
        number += 1
        if len(values) > len(columns):
            fault = InvalidInput(
                f"the row has {len(values)} values for {len(columns)} columns.",
                field="records",
                remedy="Check its delimiters and quotes.",
            )
            yield Row(number, {}, fault)
        else:
            yield Row(number, dict(zip(columns, values, strict=False)))
