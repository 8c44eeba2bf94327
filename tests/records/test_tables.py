"""Outputs that are tables: CSV and Parquet."""

from __future__ import annotations

import gzip
import os
import sys
import tracemalloc
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest
from pydantic import SecretStr

from airflow_provider.exceptions import InvalidInput
from airflow_provider.records import parquet_writer
from airflow_provider.records.readers import Records
from airflow_provider.records.writers import FileOutput
from airflow_provider.secrets import open_sealed, seal
from tests.support.stores import SlowStore, registered


def write(path: Path, records: list[dict[str, Any]], **options: Any) -> FileOutput:
    output = FileOutput(str(path), **options)
    for record in records:
        output.write(record)
    return output


def read(path: str) -> list[dict[str, Any]]:
    with Records(path) as records:
        return [row.record for row in records]


@pytest.fixture
def csv_of(tmp_path):
    def text(records: list[dict[str, Any]], name: str = "x.csv", **options: Any) -> str:
        return Path(write(tmp_path / name, records, **options).publish()).read_bytes().decode()

    return text


@pytest.fixture
def table_of(tmp_path):
    def table(records: list[dict[str, Any]], **options: Any) -> pyarrow.Table:
        return pyarrow.parquet.read_table(write(tmp_path / "x.parquet", records, **options).publish())

    return table


# CSV


def test_nested_records_become_columns_named_by_dots(csv_of):
    assert csv_of([{"id": 1, "user": {"name": "x", "key": {"a": "b"}}}]) == "id,user.name,user.key.a\n1,x,b\n"


def test_the_header_has_the_columns_of_later_records_too(csv_of):
    assert csv_of([{"a": 1}, {"b": 2, "a": 3}, {"c": {"d": 4}}]) == "a,b,c.d\n1,,\n3,2,\n,,4\n"


def test_values_have_one_spelling_each(csv_of):
    record = {
        "t": True,
        "f": False,
        "n": None,
        "l": ["é", None, {"a": 1}],
        "e": {},
        "x": 1.5,
        "d": date(2027, 1, 31),
    }
    assert csv_of([record]) == 't,f,n,l,e,x,d\ntrue,false,,"[""é"",null,{""a"":1}]",{},1.5,2027-01-31\n'


def test_texts_are_quoted_where_they_have_to_be_and_never_changed(csv_of):
    record = {"a": "=1+1", "b": 'say "x"', "c": "1,5", "d": "two\r\nlines", "e": "\r", "f": " x "}
    assert csv_of([record]) == 'a,b,c,d,e,f\n=1+1,"say ""x""","1,5","two\r\nlines","\r", x \n'


def test_a_tsv_file_has_tabs(csv_of):
    assert csv_of([{"a": "1,5", "b": "x\ty"}], "x.tsv") == 'a\tb\n1,5\t"x\ty"\n'


def test_a_column_that_has_the_dots_in_its_own_name_does_not_hide_a_nested_one(csv_of):
    assert csv_of([{"a.b": 1, "a": {"b": 2}}]) == 'a.b,a\n1,"{""b"":2}"\n'


def test_half_an_emoji_is_written_as_its_escape(csv_of):
    assert csv_of([{"a": "x\ud83d"}, {"a": "😀"}]) == "a\nx\\ud83d\n😀\n"


def test_a_table_without_records_has_the_columns_that_are_known(csv_of, table_of):
    assert csv_of([], columns=["id", "mail"]) == "id,mail\n"
    assert table_of([], columns=["id", "mail"]).column_names == ["id", "mail"]
    assert csv_of([{"a": 1}], columns=["id"]) == "a\n1\n"


def test_an_empty_parquet_file_is_read_as_no_records_of_unknown_columns(tmp_path):
    path = write(tmp_path / "x.parquet", []).publish()
    with Records(path) as records:
        assert (records.columns, list(records)) == (None, [])


def test_secrets_are_sealed_in_tables(tmp_path):
    record = {"user": {"key": SecretStr("s3cr3t"), "url": seal("another")}}
    for name in ("x.csv", "x.parquet"):
        path = write(tmp_path / name, [record]).publish()
        [found] = read(path)
        key, url = (
            (found["user.key"], found["user.url"])
            if name == "x.csv"
            else (found["user"]["key"], found["user"]["url"])
        )
        assert open_sealed(key).get_secret_value() == "s3cr3t"
        assert open_sealed(url).get_secret_value() == "another"


# Parquet


@pytest.mark.parametrize(
    ("values", "kind", "found"),
    [
        ([1, None, 2**63 - 1], "int64", None),
        ([1.5, None], "double", None),
        ([1, 2.5], "double", [1.0, 2.5]),
        ([2**53 + 1, 2.5], "string", ["9007199254740993", "2.5"]),
        ([2**63, 1], "string", ["9223372036854775808", "1"]),
        ([True, None, False], "bool", None),
        ([True, 1], "string", ["true", "1"]),
        (["A1", 5, None, [1], {"a": 1}], "string", ["A1", "5", None, "[1]", '{"a":1}']),
        ([None, None], "string", None),
        ([{"a": 1}, None, {"b": "x"}], "struct<a: int64, b: string>", [{"a": 1, "b": None}, None, {"a": None, "b": "x"}]),
        ([{}, None], "string", ["{}", None]),
        ([[1, 2], None, []], "list<element: int64>", None),
        ([["a"], [1]], "list<element: string>", [["a"], ["1"]]),
        ([[{"a": 1}], [{"a": "x"}, None]], "list<element: struct<a: string>>", [[{"a": "1"}], [{"a": "x"}, None]]),
        ([float("nan"), 1.5], "double", [None, 1.5]),
        ([date(2027, 1, 31)], "string", ["2027-01-31"]),
        (["x\ud83d", "😀"], "string", ["x\\ud83d", "😀"]),
    ],
    ids=str,
)  # fmt: skip
def test_the_type_of_a_column_is_found_in_its_values(table_of, values, kind, found):
    table = table_of([{"a": value} for value in values])
    assert str(table.schema.field("a").type) == kind
    assert table.column("a").to_pylist() == (values if found is None else found)


def test_a_nested_record_with_a_key_for_each_customer_becomes_text(table_of):
    table = table_of([{"a": {f"k{n}": 1}} for n in range(parquet_writer.FIELDS + 1)])
    assert table.column("a").to_pylist()[-1] == f'{{"k{parquet_writer.FIELDS}":1}}'


def test_what_is_nested_very_deep_becomes_text_there(table_of):
    value: Any = 1
    for _ in range(100):
        value = {"a": value}
    assert table_of([value]).num_rows == 1


def test_row_groups_are_bounded_by_rows_and_by_bytes(tmp_path, monkeypatch):
    monkeypatch.setattr(parquet_writer, "GROUP_ROWS", 10)
    monkeypatch.setattr(parquet_writer, "GROUP_BYTES", 1000)
    records = [{"id": number, "text": "x" * (500 if number >= 20 else 1)} for number in range(26)]
    path = write(tmp_path / "x.parquet", records).publish()
    metadata = pyarrow.parquet.ParquetFile(path).metadata
    assert [metadata.row_group(n).num_rows for n in range(metadata.num_row_groups)] == [10, 10, 2, 2, 2]
    assert read(path) == records


def test_without_pyarrow_a_parquet_output_is_refused_before_a_file_is_made(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(InvalidInput, match=r'"output" is a Parquet file.*parquet\]') as raised:
        FileOutput(f"{tmp_path}/x.parquet")
    assert raised.value.field == "output"
    assert os.listdir(tmp_path) == []


# How they end


@pytest.mark.parametrize("name", ["x.csv", "x.csv.gz", "x.parquet"])
def test_a_table_appears_whole_and_nothing_else_is_left(tmp_path, name):
    output = write(tmp_path / name, [{"a": "1"}])
    [partial] = os.listdir(tmp_path)
    assert partial.startswith(f".{name}.")
    assert partial.endswith(".partial")
    output.publish()
    output.close()
    assert os.listdir(tmp_path) == [name]
    assert read(str(tmp_path / name)) == [{"a": "1"}]


@pytest.mark.parametrize("name", ["x.csv", "x.tsv.gz", "x.parquet", "x.jsonl.gz"])
def test_what_is_kept_of_a_table_can_be_read_when_it_is_renamed(tmp_path, name):
    (tmp_path / name).write_text("old")
    kept = write(tmp_path / name, [{"a": "1"}]).keep()
    assert kept == f"{tmp_path / name}.partial"
    assert (tmp_path / name).read_text() == "old"
    os.replace(kept, tmp_path / name)
    assert read(str(tmp_path / name)) == [{"a": "1"}]


@pytest.mark.parametrize("end", ["keep", "close", "discard"])
@pytest.mark.parametrize("name", ["x.csv", "x.parquet"])
def test_a_table_that_comes_to_nothing_leaves_nothing(tmp_path, name, end):
    output = write(tmp_path / name, [] if end == "keep" else [{"a": 1}])
    assert getattr(output, end)() is None
    assert os.listdir(tmp_path) == []


def test_a_table_at_a_uri_is_written_there(monkeypatch):
    with registered(SlowStore, monkeypatch.setitem):
        for ending in (".csv", ".csv.gz", ".parquet"):
            path = f"slow://bucket/x{ending}"
            output = FileOutput(path)
            output.write({"a": {"b": "1"}})
            assert output.publish() == path
            assert read(path) in ([{"a.b": "1"}], [{"a": {"b": "1"}}])


@pytest.mark.parametrize("name", ["users.json", "users", "users.xlsx", "users.parquet.gz"])
def test_an_output_that_no_batch_could_read_is_refused_before_a_file_is_made(tmp_path, name):
    with pytest.raises(InvalidInput, match="unknown format") as raised:
        FileOutput(f"{tmp_path}/{name}")
    assert raised.value.field == "output"
    assert ".csv.gz" in raised.value.remedy
    assert os.listdir(tmp_path) == []


def test_compressed_json_lines_are_json_lines(tmp_path):
    path = write(tmp_path / "x.jsonl.gz", [{"a": 1}, {"b": "é"}]).publish()
    assert gzip.decompress(Path(path).read_bytes()).decode() == '{"a":1}\n{"b":"é"}\n'


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_memory_does_not_grow_with_the_number_of_records(tmp_path, ending, monkeypatch):
    monkeypatch.setattr(parquet_writer, "GROUP_ROWS", 1000)

    def peak(count: int) -> int:
        tracemalloc.start()
        output = FileOutput(f"{tmp_path}/x{ending}")
        for number in range(count):
            output.write({"id": number, "text": f"{number}" * 20, "user": {"key": f"k{number}"}})
        output.publish()
        highest = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return highest

    peak(10)
    assert peak(20_000) < peak(2_000) + 500_000
