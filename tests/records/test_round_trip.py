"""What is written to a file of any format is what a batch reads from it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("hypothesis")

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from airflow_provider.records.json_lines import decode, encode, to_plain
from airflow_provider.records.readers import Records
from airflow_provider.records.writers import FileOutput
from airflow_provider.values import visible

FORMATS = (".jsonl", ".ndjson.gz", ".csv", ".csv.gz", ".tsv", ".tsv.gz", ".parquet")

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=10) | st.sampled_from(
    ["\r", "\n", '"', ",", "\t", "=1+1", " x ", "\ufeff", "true", "null", "\x00", "\x1a", "1e5", "😀"]
)
NAMES = st.text("abcxyz_é", min_size=1, max_size=4)
SCALARS = (
    TEXTS,
    st.integers(-(2**63), 2**63 - 1),
    st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False),
    st.booleans(),
    st.none(),
)


def record_lists() -> st.SearchStrategy[list[dict[str, Any]]]:
    kinds = st.sampled_from([st.none() | kind for kind in SCALARS])
    nested = st.dictionaries(NAMES, kinds, min_size=1, max_size=3).map(
        lambda drawn: st.fixed_dictionaries({}, optional=drawn)
    )
    shape = st.dictionaries(NAMES, kinds | nested, min_size=1, max_size=5)
    return shape.flatmap(
        lambda drawn: st.lists(st.fixed_dictionaries({}, optional=drawn), min_size=1, max_size=5)
    )


def back(folder: Path, ending: str, records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    output = FileOutput(f"{folder}/x{ending}")
    for record in records:
        output.write(record)
    with Records(output.publish()) as read:
        rows = list(read)
    assert [row.error for row in rows] == [None] * len(records)
    return [row.record for row in rows]


def as_csv(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    return value if isinstance(value, str) else json.dumps(value) if isinstance(value, bool) else str(value)


def is_misread(texts: list[str], names: list[str], delimiter: str) -> bool:
    """Say whether a row looks like a second header, or a value in it like rows between two stray quotes."""
    given = [visible(text).strip().casefold() for text in texts]
    named = [name.casefold() for name in names]
    filled = given[: max((place for place, text in enumerate(given, 1) if text), default=0)]
    header = filled == named[: len(filled)] or sorted(given) == sorted(named)
    return header or any(
        re.search("[\r\n]", text) and (delimiter in text or len(names) == 1) for text in texts
    )


def flat(record: dict[str, Any]) -> dict[str, Any]:
    cells = {}
    for name, value in record.items():
        if isinstance(value, dict) and value:
            cells.update({f"{name}.{part}": item for part, item in value.items()})
        else:
            cells[name] = "{}" if value == {} else value
    return cells


def full(value: Any) -> Any:
    """Leave out what is None or without fields: Parquet has all columns in each record."""
    if not isinstance(value, dict):
        return value
    return {name: rest for name, item in value.items() if (rest := full(item)) not in (None, {}, "{}")}


@pytest.mark.parametrize("ending", [".jsonl", ".ndjson.gz"])
@given(records=record_lists())
@settings(max_examples=60)
def test_json_lines_come_back_equal(tmp_path_factory, ending, records):
    assert back(tmp_path_factory.mktemp("x"), ending, records) == records


@pytest.mark.parametrize("ending", [".csv", ".tsv.gz"])
@given(records=record_lists())
@settings(max_examples=100)
def test_csv_comes_back_as_the_texts_of_its_values_in_columns_named_by_dots(
    tmp_path_factory, ending, records
):
    names = dict.fromkeys(name for record in records for name in flat(record))
    if not names:
        return
    texts = [[as_csv(flat(record).get(name)) for name in names] for record in records]
    delimiter = "\t" if "tsv" in ending else ","
    assume(not any(is_misread(row, list(names), delimiter) for row in texts if any(row)))
    assert back(tmp_path_factory.mktemp("x"), ending, records) == [
        {name: as_csv(flat(record).get(name)) for name in names} for record in records
    ]


@given(records=record_lists())
@settings(max_examples=100)
def test_parquet_comes_back_equal_with_none_for_what_was_missing(tmp_path_factory, records):
    if not any(records):
        # Neither CSV nor Parquet has rows without columns.
        return
    found = back(tmp_path_factory.mktemp("x"), ".parquet", records)
    assert [full(record) for record in found] == [full(record) for record in records]


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=10,
)


@pytest.mark.parametrize("ending", FORMATS)
@given(records=st.lists(st.dictionaries(NAMES, ANYTHING, min_size=1, max_size=4), min_size=1, max_size=5))
@settings(max_examples=60)
def test_no_record_is_too_odd_to_be_written_and_read(tmp_path_factory, ending, records):
    found = back(tmp_path_factory.mktemp("x"), ending, records)
    assert len(found) == len(records)


ANY_TEXTS = st.text(st.characters(), max_size=8)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | ANY_TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(ANY_TEXTS, inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(ANY_TEXTS, VALUES, max_size=6))
def test_any_record_comes_back_as_it_was(record):
    assert decode(encode(record)) == json.loads(json.dumps(record)) == record
    assert to_plain(record) == record
