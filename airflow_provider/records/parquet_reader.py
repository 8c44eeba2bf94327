"""Rows of Parquet files: each is read, or fails for itself where Python has no form for a value."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

from airflow_provider.exceptions import InvalidInput
from airflow_provider.records.columns import looks_like_data
from airflow_provider.records.parsing import Row, original_row
from airflow_provider.values import SinglePrecision

if TYPE_CHECKING:
    from collections.abc import Iterator

BATCH = 1000
"""Rows that are in memory at once."""

UNREADABLE = (ValueError, OverflowError)
"""What a value raises that Python has no form for; UnicodeDecodeError and pyarrow's errors are among them."""


def read_rows(file: Any, before: int) -> Iterator[Row]:
    """Read the rows of a file.

    :param file: pyarrow's ``ParquetFile``
    :param before: rows of the original file before the first of this one
    :raises OSError: it is damaged; pyarrow's own errors are raised, too
    """
    if not file.metadata.num_rows:
        # pyarrow 18 cannot iterate over a file without row groups.
        return
    number = 0
    for batch in file.iter_batches(batch_size=BATCH):
        for record, column in _records(_in_microseconds(batch)):
            number += 1
            if column is None:
                yield Row(number, record, original_row(record, number + before))
                continue
            fault = InvalidInput(
                f"{column} has a value that Python has no form for.",
                field="records",
                remedy="Look for times before the year 1 or after 9999, and texts that are not UTF-8.",
            )
            yield Row(number, {}, number + before, fault)


def _records(batch: Any) -> Iterator[tuple[dict[str, Any], str | None]]:
    """Yield each record; in place of one that cannot be read, what its first bad column is called."""
    import pyarrow as arrow

    singles = [
        field.name
        for field in batch.schema
        if arrow.types.is_float32(field.type) or arrow.types.is_float16(field.type)
    ]
    try:
        records = batch.to_pylist()
    except UNREADABLE:
        for place in range(batch.num_rows):
            yield _alone(batch.slice(place, 1), singles)
        return
    for record in records:
        yield _marked(record, singles), None


def _alone(row: Any, singles: list[str]) -> tuple[dict[str, Any], str | None]:
    record = {}
    for number, name in enumerate(row.schema.names):
        try:
            record[name] = row.column(number)[0].as_py()
        except UNREADABLE:
            return {}, f"column {number + 1}" if looks_like_data(name) else f'"{name}"'
    return _marked(record, singles), None


def _marked(record: dict[str, Any], singles: list[str]) -> dict[str, Any]:
    for name in singles:
        if record[name] is not None:
            record[name] = SinglePrecision(_shortest(record[name]))
    return record


def _shortest(value: float) -> float:
    """Return the shortest number that is this one in single precision: 0.1 for 0.10000000149011612."""
    for digits in range(1, 9):
        short = float(f"{value:.{digits}g}")
        try:
            if struct.unpack("f", struct.pack("f", short))[0] == value:
                return short
        except OverflowError:
            break
    return value


def _in_microseconds(batch: Any) -> Any:
    """Cut times to microseconds, the finest that Python has."""
    import pyarrow as arrow

    for number, field in enumerate(batch.schema):
        kind = field.type
        if getattr(kind, "unit", None) != "ns":
            continue
        if arrow.types.is_timestamp(kind):
            other = arrow.timestamp("us", kind.tz)
        elif arrow.types.is_time64(kind):
            other = arrow.time64("us")
        elif arrow.types.is_duration(kind):
            other = arrow.duration("us")
        else:
            continue
        column = batch.column(number).cast(other, safe=False)
        batch = batch.set_column(number, arrow.field(field.name, other), column)
    return batch
