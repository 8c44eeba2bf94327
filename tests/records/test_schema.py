"""Files with a schema: the same types every day, and no value that is rounded."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pyarrow.parquet as parquet
import pytest

from airflow_provider.exceptions import InvalidInput
from airflow_provider.records.readers import Records
from airflow_provider.records.schema import check_schema
from airflow_provider.records.writers import FileOutput

SCHEMA = {
    "id": "text",
    "price": "number",
    "paid": "boolean",
    "days": "integer",
    "address": {"city": "text", "point": {"x": "number"}},
    "lines": [{"quantity": "number", "tags": ["text"]}],
}
TYPES = {
    "id": "string",
    "price": "decimal128(38, 12)",
    "paid": "bool",
    "days": "int64",
    "address": "struct<city: string, point: struct<x: decimal128(38, 12)>>",
    "lines": "list<item: struct<quantity: decimal128(38, 12), tags: list<item: string>>>",
}


def write(path: Any, *rows: bytes, schema: Any = SCHEMA) -> Any:
    output = FileOutput(str(path), schema=schema)
    try:
        for row in rows:
            output.write_lines(row + b"\n")
        output.publish()
    finally:
        output.close()
    return parquet.read_table(path)


def types(table: Any) -> dict[str, str]:
    return {field.name: str(field.type).replace("element", "item") for field in table.schema}


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [b"{}"],
        [b'{"id":null,"price":null,"paid":null,"days":null,"address":null,"lines":null}'],
        [b'{"lines":[],"address":{}}'],
        [
            b'{"id":"a","price":1.5,"paid":true,"days":3,"address":{"city":"x","point":{"x":1}},"lines":[{"quantity":2}]}'
        ],
    ],
)
def test_the_schema_is_the_same_whatever_came(tmp_path, rows):
    assert types(write(tmp_path / "out.parquet", *rows)) == TYPES


def test_values_and_what_is_missing_of_them_stay_what_they_are(tmp_path):
    rows = [
        b'{"id":"a","price":1e-7,"paid":false,"days":14.0,"address":{"city":null,"point":{"x":2.50}},"lines":[{"quantity":1,"tags":["x",null]},null]}',
        b'{"lines":[]}',
        b'{"address":null,"lines":null,"price":-12}',
    ]
    assert write(tmp_path / "out.parquet", *rows).to_pylist() == [
        {
            "id": "a",
            "price": Decimal("1e-7"),
            "paid": False,
            "days": 14,
            "address": {"city": None, "point": {"x": Decimal("2.5")}},
            "lines": [{"quantity": Decimal(1), "tags": ["x", None]}, None],
        },
        {"id": None, "price": None, "paid": None, "days": None, "address": None, "lines": []},
        {"id": None, "price": Decimal(-12), "paid": None, "days": None, "address": None, "lines": None},
    ]


def test_columns_beyond_the_schema_follow_it_with_the_types_of_their_values(tmp_path):
    rows = [b'{"new":1.5,"id":"a","address":{"zip":"1"}}', b'{"id":"b","other":{"deep":[1]}}']
    table = write(tmp_path / "out.parquet", *rows)
    expected = {**TYPES, "new": "double", "other": "struct<deep: list<item: int64>>"}
    expected["address"] = TYPES["address"][:-1] + ", zip: string>"
    assert types(table) == expected
    assert list(types(table))[:6] == list(SCHEMA)
    assert [(row["new"], row["other"]) for row in table.to_pylist()] == [(1.5, None), (None, {"deep": [1]})]


def test_a_text_column_takes_every_value_as_json(tmp_path):
    rows = [b'{"id":1.50}', b'{"id":7}', b'{"id":true}', b'{"id":{"a":[1.10]}}']
    assert [row["id"] for row in write(tmp_path / "out.parquet", *rows).to_pylist()] == [
        "1.50",
        "7",
        "true",
        '{"a":[1.10]}',
    ]


@pytest.mark.parametrize(
    "token",
    [
        "0.0000000000010",
        "1.500000000000000000000000",
        "99999999999999999999999999.999999999999",
        "-1e25",
        "0e-40",
    ],
)
def test_a_number_that_fits_is_written_however_it_is_spelled(tmp_path, token):
    [row] = write(tmp_path / "out.parquet", b'{"price":%s}' % token.encode()).to_pylist()
    assert row["price"] == Decimal(token)


@pytest.mark.parametrize(
    ("row", "column", "found"),
    [
        (b'{"price":1e-13}', "price", "more than 12 decimals"),
        (b'{"price":0.1234567890123}', "price", "more than 12 decimals"),
        (b'{"price":1e26}', "price", "more than 26 digits"),
        (b'{"price":123456789012345678901234567}', "price", "more than 26 digits"),
        (b'{"price":1e999}', "price", "more than 26 digits"),
        (b'{"price":"1.5"}', "price", "a text"),
        (b'{"price":true}', "price", "a boolean"),
        (b'{"days":1.5}', "days", "a number with a fraction"),
        (b'{"days":1e400}', "days", "a number with a fraction"),
        (b'{"days":9223372036854775808}', "days", "more than 64 bits"),
        (b'{"days":true}', "days", "a boolean"),
        (b'{"paid":1}', "paid", "a whole number"),
        (b'{"address":"x"}', "address", "a text"),
        (b'{"address":{"point":{"x":"1"}}}', "address.point.x", "a text"),
        (b'{"lines":{}}', "lines", "an object"),
        (b'{"lines":[{"quantity":"1"}]}', "lines[].quantity", "a text"),
    ],
)
def test_a_value_that_does_not_fit_is_an_error_that_names_its_column(tmp_path, row, column, found):
    with pytest.raises(InvalidInput) as raised:
        write(tmp_path / "out.parquet", b'{"id":"good"}', row)
    said = str(raised.value)
    assert f"the column {column} has" in said
    assert found in said
    assert "JSON lines" in said
    assert list(tmp_path.iterdir()) == []


def test_many_groups_have_one_schema(tmp_path, monkeypatch):
    from airflow_provider.records import typed_parquet

    monkeypatch.setattr(typed_parquet, "CHUNK", 2)
    monkeypatch.setattr(typed_parquet, "CHUNKS", 2)
    table = write(tmp_path / "out.parquet", *[b'{"id":"%d","price":%d.5}' % (n, n) for n in range(7)])
    assert [row["price"] for row in table.to_pylist()] == [Decimal(f"{n}.5") for n in range(7)]


def test_a_batch_reads_the_decimals_again(tmp_path):
    write(tmp_path / "out.parquet", b'{"id":"a","price":1.10}')
    with Records(str(tmp_path / "out.parquet")) as source:
        [row] = list(source)
    assert row.record["price"] == Decimal("1.1")


@pytest.mark.parametrize(
    "schema", [{}, [], {"a": "float"}, {"a": []}, {"a": ["text", "text"]}, {"a": {"b": None}}]
)
def test_what_is_no_schema_is_refused(schema):
    with pytest.raises(ValueError, match=r"schema|kind"):
        check_schema(schema)


def test_json_lines_with_a_schema_are_the_records_as_they_came(tmp_path):
    output = FileOutput(str(tmp_path / "out.jsonl"), schema=SCHEMA)
    output.write_lines(b'{"price":"no number"}\n')
    output.publish()
    assert (tmp_path / "out.jsonl").read_bytes() == b'{"price":"no number"}\n'
