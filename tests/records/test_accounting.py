"""Whatever a file holds: each line is in a row that is read or in one that fails, and shards change nothing."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import pytest

pytest.importorskip("hypothesis")

from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from airflow_provider.exceptions import InvalidInput
from airflow_provider.records.csv_reader import MissingValues
from airflow_provider.records.csv_text import BLANKS
from airflow_provider.records.readers import Records, Row
from airflow_provider.records.shards import split_records

PARTS = st.sampled_from(
    [
        "a",
        "b",
        " ",
        '"',
        '""',
        ",",
        ",",
        ";",
        "\t",
        "\n",
        "\n",
        "\r\n",
        "\r",
        '"\n',
        ',"',
        '",',
        "\ufeff",
        "\x1a",
        "id",
    ]
)
BODIES = st.lists(PARTS, max_size=40).map("".join)
ROWS = st.lists(
    st.lists(
        st.sampled_from(["a", "b c", '"q"', '"two\nlines"', '"', '5" pipe', "", '"a","b', ' "x"']), max_size=4
    ).map(",".join),
    max_size=12,
).map("\n".join)
HEADERS = st.sampled_from(
    ["id,name\n", "id,name,note\r\n", "id\n", '"id", "name"\n', "id,name,,\n", "sep=,\nid,name\n"]
)


def read(path: str, missing: MissingValues) -> list[Row]:
    with Records(path, missing_values=missing) as records:
        return list(records)


def squeezed(text: str) -> str:
    """Leave out what neither a value nor a broken row has to keep."""
    return "".join(char for char in text if char not in BLANKS + ',"')


@pytest.mark.parametrize("missing", ["fail", "empty"])
@given(header=HEADERS, body=BODIES | ROWS)
@example(header="id,name\n", body='1,"a\n2,b\n3,"\n4,c\n')
@example(header="id,name\n", body='"\n"\n"\n')
@settings(max_examples=400)
def test_every_line_that_is_not_blank_is_in_one_row(tmp_path_factory, missing, header, body):
    path = tmp_path_factory.mktemp("x") / "in.csv"
    path.write_bytes((header + body).encode())
    try:
        rows = read(str(path), missing)
    except InvalidInput as error:
        # A column without a name that has values.
        assume("has no name" not in str(error))
        raise
    assert [row.number for row in rows] == list(range(1, len(rows) + 1))
    assert all((row.text is None) == (row.error is None) for row in rows)
    kept = [row.text if row.error else "".join(row.record.values()) for row in rows]
    assert squeezed("".join(kept)) == squeezed(body)


VALUES = st.text(st.sampled_from('ab ,;"\t\n\r\ufeff\x1aé'), max_size=6)


@given(
    rows=st.lists(st.tuples(st.sampled_from("xyz"), VALUES, VALUES), max_size=8),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    delimiter=st.sampled_from(",;\t|"),
)
@settings(max_examples=400)
def test_what_the_csv_module_writes_is_read_as_it_was(tmp_path_factory, rows, quoting, end, delimiter):
    # A value over several lines, one of which is a row by itself, is taken for a quote that nobody meant.
    assume(not any(delimiter in value and re.search("[\r\n]", value) for row in rows for value in row))
    path = tmp_path_factory.mktemp("x") / "in.csv"
    text = io.StringIO(newline="")
    # It quotes a line break only where its own lines end with it.
    writer = csv.writer(text, delimiter=delimiter, lineterminator="\r\n", quoting=quoting)
    writer.writerows([["id", "a", "b"], *rows])
    content = (
        text.getvalue()
        if any("\r" in "".join(row) or "\n" in "".join(row) for row in rows)
        else (text.getvalue().replace("\r\n", end))
    )
    path.write_bytes(content.encode())
    with Records(str(path), delimiter=delimiter) as records:
        found = list(records)
    assert [tuple(row.record.values()) for row in found] == rows


@pytest.mark.parametrize("shards", [1, 2, 3, 100])
@given(header=HEADERS, body=BODIES | ROWS)
@settings(max_examples=150)
def test_shards_have_the_rows_of_the_whole_file(tmp_path_factory, shards, header, body):
    folder: Path = tmp_path_factory.mktemp("x")
    path = folder / "in.csv"
    path.write_bytes((header + body).encode())
    try:
        rows = read(str(path), "fail")
    except InvalidInput:
        assume(False)
    names = split_records(str(path), shards, str(folder / "out"))
    found = [row for name in names for row in read(name, "fail")]
    assert [(row.source_row, row.record, row.text) for row in found] == [
        (row.number, row.record, row.text) for row in rows
    ]


@given(
    lines=st.lists(
        st.sampled_from(['{"id": 1}', '{"id": 2, "source_row": 9}', "[1]", "", "\x1a", '{"id', "\ufeff{}"])
    )
)
@settings(max_examples=100)
def test_shards_of_json_lines_have_the_rows_of_the_whole_file(tmp_path_factory, lines):
    folder: Path = tmp_path_factory.mktemp("x")
    path = folder / "in.jsonl"
    path.write_text("\n".join(lines))
    rows = read(str(path), "fail")
    assert len(rows) == sum(line not in ("", "\x1a") for line in lines)
    names = split_records(str(path), 3, str(folder / "out"))
    found = [row for name in names for row in read(name, "fail")]
    assert [(row.source_row, row.record, row.text) for row in found] == [
        (row.source_row, row.record, row.text) for row in rows
    ]


def test_a_json_array_over_several_lines_is_refused_before_its_last_element_is_taken(tmp_path):
    path = tmp_path / "in.jsonl"
    path.write_text('\n[\n{"id": 1},\n{"id": 2}\n]\n')
    with pytest.raises(InvalidInput, match="line 2 opens a JSON array"), Records(str(path)) as records:
        records.is_empty()


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_json_lines_in_utf_16_without_a_mark_are_refused_as_a_whole(tmp_path, encoding):
    path = tmp_path / "wide.jsonl"
    path.write_bytes('{"id": "ž1"}\n{"id": "2"}\n'.encode(encoding))
    with pytest.raises(InvalidInput, match="UTF-16 without a mark") as raised, Records(str(path)) as records:
        list(records)
    assert raised.value.remedy == f'Set encoding="{encoding}".'
    with Records(str(path), encoding=encoding) as records:
        assert [row.record for row in records] == [{"id": "ž1"}, {"id": "2"}]


def test_the_end_of_a_file_of_dos_is_no_part_of_a_json_line(tmp_path):
    path = tmp_path / "in.jsonl"
    path.write_bytes(b'{"id": 1}\r\n{"id": 2}\x1a')
    with Records(str(path)) as records:
        assert [row.record for row in records] == [{"id": 1}, {"id": 2}]
