"""Many workers for one batch: files to map a batch operator over, and a large file split into such files."""

from __future__ import annotations

import io
import os
from array import array
from bisect import bisect_left
from contextlib import contextmanager
from glob import glob, has_magic
from itertools import islice
from typing import IO, TYPE_CHECKING, Any

from airflow_provider.exceptions import InvalidInput
from airflow_provider.records.columns import described
from airflow_provider.records.csv_reader import open_csv
from airflow_provider.records.encodings import undecodable
from airflow_provider.records.formats import ENDINGS, Format, find_format, shard_path, split_name
from airflow_provider.records.groups import key_of
from airflow_provider.records.new_file import NewFile
from airflow_provider.records.parsing import is_blank
from airflow_provider.records.readers import Records
from airflow_provider.records.storage import (
    GZIP_FAULTS,
    StoreMissing,
    exists,
    is_uri,
    reading,
    remedy_of,
    remote,
    why_not,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

PARQUET_ROWS = 10_000
"""Rows of a Parquet file that are in memory at once."""


def list_records(pattern: str) -> list[str]:
    """List files of records, to map a batch operator over them: ``.expand(records=…)``.

    These are the files that a batch can read, by their endings. Reports of failed records
    (``….failed.jsonl``) are left out, unless the pattern has ``.failed.`` itself.

    :param pattern: path or URI of a folder or a file, or a pattern with ``*``, ``?``, ``[…]`` and, for any
        folders, ``**``; a file with exactly this name is taken before the name is taken for a pattern
    :return: paths or URIs, sorted
    :raises InvalidInput: there are no such files; Airflow would skip a task that is mapped over none
    """
    found = [
        path
        for path in (_list_remote(pattern) if is_uri(pattern) else _list_local(pattern))
        if split_name(path)[1] and (".failed." in pattern or ".failed." not in os.path.basename(path))
    ]
    if not found:
        raise InvalidInput(
            f'there are no files of records at "{pattern}".',
            field="pattern",
            remedy=f"Check the path, and that the names end with one of {ENDINGS}.",
        )
    return sorted(found)


def split_records(
    source: Any,
    shards: int,
    folder: str,
    *,
    delimiter: str | None = None,
    encoding: str = "utf-8-sig",
    group_by: str | None = None,
) -> list[str]:
    """Split a large file of records into shards, to map a batch operator over them.

    The shards have the records in the order of the file, and its format and encoding. They differ by one
    record at most. Each CSV shard has the header. Rows that cannot be read are counted like the batch counts
    them, and are in their shards. The name of a shard says which row is its first, so that the batch reports
    the row of the original file. The file is read twice, once to count; no more than a few records are in
    memory. Each shard appears whole or not at all, and splitting again makes the same files.

    :param source: path or URI of a CSV, JSONL or Parquet file, or the result of a batch that wrote one
    :param shards: how many; fewer are made of fewer records
    :param folder: path or URI of the folder for the shards; all workers must see it
    :param delimiter: as for the batch: what separates the columns of a CSV file
    :param encoding: as for the batch, which needs the same for the shards
    :param group_by: as for the batch: the rows of one record, which must be together in the file, stay in one
        shard. The shards differ by more than a record then, and may be fewer
    :return: paths or URIs of the shards, in order
    :raises InvalidInput: the file cannot be read, or a shard cannot be written
    """
    if shards < 1:
        raise InvalidInput(f'"shards" must be at least 1, not {shards}.', field="shards")
    # It finds what is wrong with the file, with the same errors as a batch.
    with Records(source, delimiter=delimiter, encoding=encoding) as records:
        path, total = records.path, records.total
        whole = None if group_by is None or path is None else _whole_groups(records, group_by, shards)
    if path is None:
        raise InvalidInput(
            '"source" is a list of records, not a file.',
            field="source",
            remedy='Give a path, or the result of a batch with "output".',
        )
    known = find_format(path, "source")
    if known.kind == "parquet":
        write = _split_parquet
    else:
        cut = _Text(known, delimiter, encoding)
        write = cut.split
        total = cut.count(path) if whole is None else None
    sizes = _sizes(total or 0, shards) if whole is None else whole
    names = [
        shard_path(folder, path, number, len(sizes), 1 + sum(sizes[: number - 1]))
        for number in range(1, len(sizes) + 1)
    ]
    try:
        write(path, names, sizes)
    except _Unreadable as error:
        raise InvalidInput(
            f'"source": {path} is damaged: {error}.', field="source", remedy="Fetch or write it again."
        ) from None
    except (OSError, StoreMissing) as error:
        raise InvalidInput(
            f"{path} cannot be split into {folder}: {why_not(error)}.",
            field="folder",
            remedy=remedy_of(error, "Check that the worker may write there, and that there is room.", folder),
        ) from None
    return names


class _Text:
    """A file of text: each record is a piece of it, which is copied as it is.

    :param known: its format
    :param delimiter: what separates columns, if that was given
    :param encoding: its encoding
    """

    def __init__(self, known: Format, delimiter: str | None, encoding: str) -> None:
        self._known = known
        self._delimiter = delimiter
        self._encoding = encoding

    def count(self, path: str) -> int:
        """Count the records."""
        try:
            with reading(path, compressed=self._known.compressed) as raw:
                _, pieces = self._open(path, raw)
                return sum(1 for _ in pieces)
        except (UnicodeError, *GZIP_FAULTS) as error:
            raise undecodable(error, f'"source": {path}', "source", self._encoding) from None

    def split(self, path: str, names: list[str], sizes: list[int]) -> None:
        """Write the shards."""
        # A byte order mark is wanted where the file needs one to be read, as in UTF-16, and nowhere else.
        encoding = "utf-8" if self._encoding == "utf-8-sig" else self._encoding
        with reading(path, compressed=self._known.compressed) as raw:
            header, pieces = self._open(path, raw)
            for name, size in _with_rest(names, sizes):
                with _appearing_whole(name, compressed=self._known.compressed) as shard:
                    text = io.TextIOWrapper(shard, encoding=encoding, newline="")
                    text.write(header)
                    text.writelines(map(_ended, islice(pieces, size)))
                    text.detach()

    def _open(self, path: str, raw: IO[bytes]) -> tuple[str, Iterator[str]]:
        """Return the header, and the text of each record, without blank lines between."""
        text = io.TextIOWrapper(raw, encoding=self._encoding, newline="")
        if self._known.kind == "jsonl":
            return "", (line for line in text if not is_blank(line))
        rows, _ = open_csv(text, path=path, delimiter=self._delimiter, default=self._known.delimiter)
        return _ended(rows.preamble), rows.texts()


class _Unreadable(Exception):
    """The file that is split is damaged."""


def _split_parquet(path: str, names: list[str], sizes: list[int]) -> None:
    import pyarrow.parquet as parquet

    with reading(path) as raw:
        file = parquet.ParquetFile(raw)
        batches = _undamaged(file.iter_batches(batch_size=PARQUET_ROWS))
        rest = None
        for name, size in _with_rest(names, sizes):
            with (
                _appearing_whole(name) as shard,
                parquet.ParquetWriter(shard, file.schema_arrow) as writer,
            ):
                while size is None or size > 0:
                    rest = rest if rest is not None and rest.num_rows else next(batches, None)
                    if rest is None:
                        break
                    part = rest if size is None else rest.slice(0, size)
                    writer.write_batch(part)
                    rest = rest.slice(part.num_rows)
                    size = None if size is None else size - part.num_rows


def _undamaged(batches: Iterator[Any]) -> Iterator[Any]:
    import pyarrow as arrow

    try:
        yield from batches
    except (OSError, arrow.ArrowException) as error:
        # Otherwise it would be taken for a fault of the folder.
        raise _Unreadable(type(error).__name__) from None


def _with_rest(names: list[str], sizes: list[int]) -> Iterator[tuple[str, int | None]]:
    """Pair shards and sizes; the last takes whatever is left, should the file have grown meanwhile."""
    yield from zip(names[:-1], sizes[:-1], strict=True)
    yield names[-1], None


def _sizes(total: int, shards: int) -> list[int]:
    # An empty file makes one empty shard: a task mapped over none would be skipped.
    count = max(1, min(shards, total))
    least, more = divmod(total, count)
    return [least + (number < more) for number in range(count)]


def _whole_groups(records: Records, by: str, shards: int) -> list[int]:
    """Return sizes of shards that keep together the rows of one record.

    :raises InvalidInput: they are not together in the file
    """
    if records.columns is not None and by not in records.columns:
        raise InvalidInput(
            f'the file has no column "{by}" for "group_by"; {described(records.columns)}.',
            field="group_by",
            remedy="Correct the name, or check the delimiter.",
        )
    # A shard may begin with a row that tells that it belongs to another record than the row before.
    begins, seen, last, told, total = array("Q", [0]), set[bytes](), None, False, 0
    for row in records:
        key = key_of(row, by)
        if key is not None and key != last:
            if key in seen:
                raise InvalidInput(
                    f"row {row.source_row} belongs to a record of rows further up: the rows with the same "
                    f'"{by}" are not together.',
                    field="group_by",
                    remedy="Sort the file by that column, or let one task work on all of it.",
                )
            seen.add(key)
            if told:
                begins.append(total)
            last = key
        # What does not tell may be a part of the record before and of the one after.
        told = key is not None
        total += 1
    cuts = {begins[_nearest(begins, total * number / shards)] for number in range(shards)}
    ends = [*sorted(cuts)[1:], total]
    return [end - begin for begin, end in zip(sorted(cuts), ends, strict=True)]


def _nearest(begins: array[int], wanted: float) -> int:
    place = bisect_left(begins, wanted)
    if place == len(begins) or (place and wanted - begins[place - 1] <= begins[place] - wanted):
        return place - 1
    return place


def _ended(piece: str) -> str:
    return piece if piece.endswith(("\n", "\r")) else piece + "\n"


def _list_local(pattern: str) -> list[str]:
    if os.path.isdir(pattern):
        with os.scandir(pattern) as entries:
            return [entry.path for entry in entries if entry.is_file() and not entry.name.startswith(".")]
    if os.path.isfile(pattern):
        return [pattern]
    return [path for path in glob(pattern, recursive=True) if os.path.isfile(path)]


def _list_remote(pattern: str) -> list[str]:
    try:
        if has_magic(pattern) and exists(pattern):
            return [pattern]
        plain, below = _split_pattern(pattern)
        root = remote(plain)
    except StoreMissing as error:
        raise InvalidInput(
            f'the files at "{pattern}" cannot be listed: {error}.', field="pattern", remedy=error.remedy
        ) from None
    if not below and root.is_file():
        return [pattern]
    if not below and not root.is_dir():
        return []
    # Made from the pattern itself: the text of a path has lost the connection that the pattern names.
    start = root.path.rstrip("/")
    return [
        plain.rstrip("/") + found.path.removeprefix(start)
        for found in (root.glob(below) if below else root.iterdir())
        if found.is_file() and not found.name.startswith(".")
    ]


def _split_pattern(pattern: str) -> tuple[str, str]:
    """Split a URI into the folder that has no pattern in it, and the pattern below; empty without one."""
    if not has_magic(pattern):
        return pattern, ""
    cut = pattern.rindex("/", 0, min(pattern.find(mark) for mark in "*?[" if mark in pattern))
    return pattern[:cut], pattern[cut + 1 :]


@contextmanager
def _appearing_whole(path: str, *, compressed: bool = False) -> Iterator[IO[bytes]]:
    """Open a file that takes its name when it is complete."""
    file = NewFile(path, compressed=compressed)
    try:
        yield file.stream()
        file.publish()
    finally:
        # Of one that is published nothing is left to abandon.
        file.abandon()
