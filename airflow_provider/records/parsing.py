"""Rows of lists, of JSON lines and of CSV: what can be read, and what is wrong with the others."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from airflow_provider.exceptions import InvalidInput
from airflow_provider.records.json_lines import decode

Record = dict[str, Any]

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


def from_list(records: list[Any]) -> Iterator[Row]:
    """Take the records of a list.

    :param records: the list; what is no dict in it becomes a row with an error
    """
    for number, record in enumerate(records, 1):
        if isinstance(record, Mapping):
            yield Row(number, dict(record))
        else:
            yield Row(
                number,
                {},
                InvalidInput(f"the record is a {type(record).__name__}, not a dict.", field="records"),
            )


def from_jsonl(lines: Iterable[str]) -> Iterator[Row]:
    """Read one record from each line that is not blank.

    :param lines: the lines; one that is no JSON object becomes a row with an error
    """
    filled = (line for line in lines if line.strip())
    for number, line in enumerate(filled, 1):
        try:
            record = decode(line)
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


def from_csv(reader: Iterator[list[str]], columns: tuple[str, ...]) -> Iterator[Row]:
    """Read one record from each row that is not blank.

    :param reader: the rows below the header
    :param columns: the header
    """
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
