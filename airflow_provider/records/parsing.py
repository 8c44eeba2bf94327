"""Rows of lists and of JSON lines: what can be read, and what is wrong with the others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from airflow_provider.exceptions import InvalidInput
from airflow_provider.records.json_lines import decode

Record = dict[str, Any]

SOURCE_ROW = "source_row"
"""The field of a record that has its row in the original file, where its place does not tell."""

TEXT_LIMIT = 10_000
"""Characters that are kept of the text of a row that cannot be read."""


@dataclass(slots=True)
class Row:
    """One record as it was read.

    :param number: 1-based number of the record, the header of a file not counted
    :param record: the record; empty where it could not be read
    :param source_row: its number in the original file, which an earlier step or ``split_records`` has read
    :param error: why it could not be read
    :param text: the text of what could not be read
    :param rows: the rows of the original file that it was made of, where those are several rows of one record
    """

    number: int
    record: Record
    source_row: int
    error: InvalidInput | None = None
    text: str | None = None
    rows: tuple[int, ...] = ()


def original_row(record: Mapping[str, Any], number: int) -> int:
    """Return the number of a record in the original file.

    :param record: the record
    :param number: the number that its place tells
    """
    value = record.get(SOURCE_ROW)
    if value is None:
        return number
    if isinstance(value, str):
        plain = value.strip()
        value = int(plain) if plain.isascii() and plain.isdigit() and len(plain) < 20 else 0
    whole = isinstance(value, int | float) and not isinstance(value, bool) and value == value // 1
    return int(value) if whole and 0 < value < float("inf") else number


def unreadable(text: str) -> str:
    """Return as much of a text that cannot be read as is kept, without its line break.

    :param text: the text
    """
    return text.rstrip("\r\n")[:TEXT_LIMIT]


def from_list(records: list[Any]) -> Iterator[Row]:
    """Take the records of a list.

    :param records: the list; what is no dict in it becomes a row with an error
    """
    for number, record in enumerate(records, 1):
        if isinstance(record, Mapping):
            yield Row(number, dict(record), original_row(record, number))
        else:
            yield Row(
                number,
                {},
                number,
                InvalidInput(f"the record is a {type(record).__name__}, not a dict.", field="records"),
            )


def from_jsonl(lines: Iterable[str], *, before: int = 0) -> Iterator[Row]:
    """Read one record from each line that is not blank.

    :param lines: the lines; one that is no JSON object becomes a row with an error
    :param before: rows of the original file before the first of this one
    """
    number = before
    for place, line in enumerate(lines, 1):
        if is_blank(line):
            continue
        if number == before:
            _check_first(place, line)
        number += 1
        try:
            record = decode(line.lstrip("\ufeff").rstrip("\x1a"))
        except (ValueError, RecursionError):
            record = None
        if isinstance(record, dict):
            yield Row(number - before, record, original_row(record, number))
            continue
        yield Row(number - before, {}, number, _no_object(place, line, record), unreadable(line))


def _check_first(place: int, line: str) -> None:
    """Refuse a file in which no line would be a record."""
    if line.strip("\x1a\ufeff \t\r\n") == "[":
        raise InvalidInput(
            f'"records": line {place} opens a JSON array; JSON lines have one object a line.',
            field="records",
            remedy="Write the objects without the array, each in a line of its own and without a comma.",
        )
    # Every other character of UTF-16. JSON itself has NUL as an escape alone.
    if line.startswith(("{\0", "\0{")):
        order = "be" if line.startswith("\0") else "le"
        raise InvalidInput(
            f'"records": line {place} has NUL characters: it may be UTF-16 without a mark.',
            field="records",
            remedy=f'Set encoding="utf-16-{order}".',
        )


def _no_object(place: int, line: str, value: Any) -> InvalidInput:
    fault = f"the line is not a JSON object ({len(line)} characters)"
    if isinstance(value, list):
        fault = "the line is a JSON array, not a JSON object"
    elif value is None and not line.endswith(("\n", "\r")):
        fault += ", and the file ends in it: it may be cut off"
    return InvalidInput(f"line {place}: {fault}.", field="records", remedy="Write one object a line.")


def is_blank(line: str) -> bool:
    """Say whether a line of JSON lines has no record: it is empty, or the end of a file of DOS.

    :param line: the line
    """
    return not line.strip() or not line.strip("\x1a\ufeff \t\r\n")
