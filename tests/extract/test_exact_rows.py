"""Rows that stay the vendor's JSON: every digit in every format, lines as a second table, times as instants."""

from __future__ import annotations

import csv
import json
from decimal import Decimal

import pyarrow.parquet as parquet
import pytest

from airflow_provider.exceptions import InvalidInput, VendorProtocolError
from airflow_provider.extract import instants
from airflow_provider.extract.rows import Lines, RowReader, as_record
from tests.support.batches import lines
from tests.support.changes import SCHEMA, Vendor, document, extract

TOKENS = ["1e-7", "0.10", "100000000000000.123456789012", "-0.0", "1E+2", "12345678901234567890123456.5"]


def of_token(token: str) -> bytes:
    return f'{{"Id":"a","Price":{token},"Items":[{{"Id":"x","Quantity":{token}}}]}}'.encode()


# --- JSON lines --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("token", TOKENS)
def test_json_lines_have_the_bytes_of_the_vendor(tmp_path, token):
    extract(Vendor([of_token(token)]), tmp_path / "out.jsonl")
    assert (tmp_path / "out.jsonl").read_bytes() == of_token(token) + b"\n"


def test_a_row_with_line_breaks_is_one_line_with_the_same_numbers(tmp_path):
    row = b'{\r\n  "Id": "a",\n  "Price": 1.50E-07,\n  "Text": "one\\ntwo"\n}'
    extract(Vendor([row]), tmp_path / "out.jsonl")
    assert (tmp_path / "out.jsonl").read_bytes() == b'{"Id":"a","Price":1.50E-07,"Text":"one\\ntwo"}\n'


def test_the_output_is_the_same_after_an_interruption(tmp_path):
    from airflow_provider.exceptions import VendorUnavailable

    vendor = Vendor.of(5).break_at(2)
    with pytest.raises(VendorUnavailable):
        extract(vendor, tmp_path / "out.jsonl")
    extract(vendor, tmp_path / "out.jsonl")
    assert (tmp_path / "out.jsonl").read_bytes() == b"".join(document(n) + b"\n" for n in range(1, 6))


# --- the other formats -------------------------------------------------------------------------------------


@pytest.mark.parametrize("token", TOKENS)
def test_csv_has_numbers_as_the_vendor_writes_them_also_inside_of_lists(tmp_path, token):
    extract(Vendor([of_token(token)]), tmp_path / "out.csv")
    with open(tmp_path / "out.csv", newline="", encoding="utf-8") as file:
        [row] = csv.DictReader(file)
    assert row == {"Id": "a", "Price": token, "Items": f'[{{"Id":"x","Quantity":{token}}}]'}


def test_csv_with_a_schema_has_the_same_columns_whatever_came(tmp_path):
    headers = []
    for name, row in (("a", b'{"Id":"a","Info":null}'), ("b", document(2))):
        extract(Vendor([row]), tmp_path / f"{name}.csv", schema=SCHEMA)
        headers.append((tmp_path / f"{name}.csv").read_text().splitlines()[0])
    assert headers == ["Id,Number,Price,Paid,Days,Items,Info.Modified,Info.By"] * 2


@pytest.mark.parametrize("token", TOKENS)
def test_parquet_with_a_schema_has_exact_decimals(tmp_path, token):
    extract(Vendor([of_token(token)]), tmp_path / "out.parquet", schema=SCHEMA)
    [row] = parquet.read_table(tmp_path / "out.parquet").to_pylist()
    assert row["Price"] == row["Items"][0]["Quantity"] == Decimal(token)


def test_in_xcom_numbers_are_texts_with_all_their_digits(tmp_path):
    row = RowReader("Id").row(
        b'{"Id":"a","Price":1e-7,"Days":14,"More":[2.50,{"Days":3}],"Big":12345678901234567890}'
    )
    assert as_record(row, SCHEMA) == {
        "Id": "a",
        "Price": "1e-7",
        "Days": 14,
        "More": ["2.50", {"Days": "3"}],
        "Big": "12345678901234567890",
    }
    assert as_record({"Id": 1}) == {"Id": 1}


# --- reading rows ------------------------------------------------------------------------------------------


def test_a_row_tells_what_identifies_it_and_when_it_changed():
    row = RowReader("Id", "Info.Modified").row(document(2))
    assert (row.identity, row.changed_at) == ("d-2", "2026-11-01T00:00:02Z")
    assert RowReader("Id", "Info.Modified").row(b'{"Info":null}')[1:] == (None, None)
    assert RowReader().row(b'{"Id":1}')[1:] == (None, None)
    assert RowReader("Id", "At").row(b'{"At":"x","Id":7}')[1:] == (7, "x")


@pytest.mark.parametrize("raw", [b"null", b"[]", b'{"Id":"\xff"}', b'{"Id":NaN}', b'{"Id"'])
def test_what_is_no_row_is_a_value_error(raw):
    with pytest.raises(ValueError, match=r"."):
        RowReader("Id").row(raw)


def test_decoded_records_become_rows_with_their_digits():
    [row] = RowReader("Id").encoded([{"Id": "a", "Price": Decimal("1.50")}])
    assert row.raw == b'{"Id":"a","Price":1.50}'


# --- lines -------------------------------------------------------------------------------------------------


def test_lines_are_rows_of_a_second_file_with_what_identifies_their_record_first(tmp_path):
    done = extract(Vendor.of(4), tmp_path / "out.jsonl", lines_output=tmp_path / "lines.jsonl")
    raw = (tmp_path / "lines.jsonl").read_bytes().splitlines()
    assert raw[0] == '{"DocumentId":"d-1","Id":"1-1","Quantity":1.5000,"Text":"é"}'.encode()
    assert [one["DocumentId"] for one in lines(tmp_path / "lines.jsonl")] == ["d-1", "d-2", "d-2", "d-4"]
    assert (done.progress.records, done.progress.lines) == (4, 4)


def test_the_file_of_lines_has_the_schema_of_the_field(tmp_path):
    for name, vendor in (("a", Vendor.of(2)), ("b", Vendor.of(0))):
        extract(
            vendor,
            tmp_path / f"{name}.parquet",
            lines_output=tmp_path / f"{name}-lines.parquet",
            schema=SCHEMA,
        )
    schemas = [parquet.read_schema(tmp_path / f"{name}-lines.parquet") for name in "ab"]
    assert schemas[0] == schemas[1]
    assert [(field.name, str(field.type)) for field in schemas[0]] == [
        ("DocumentId", "string"),
        ("Id", "string"),
        ("Quantity", "decimal128(38, 12)"),
        ("Text", "string"),
    ]


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        (b"null", []),
        (b"[]", []),
        (b"[{}]", [{"DocumentId": 7}]),
        (b'[ { "A" : 1 } ]', [{"DocumentId": 7, "A": 1}]),
        (b"[3]", [{"DocumentId": 7, "Items": 3}]),
        (b'[{"DocumentId":9,"A":1}]', [{"DocumentId": 7, "A": 1}]),
    ],
)
def test_lines_of_any_form_are_rows(items, expected):
    found = Lines("Items", "DocumentId").of(b'{"Id":7,"Items":' + items + b"}", 7)
    assert [json.loads(one) for one in found] == expected
    assert Lines("Items", "DocumentId").of(b'{"Id":7}', 7) == []


def test_a_field_that_is_no_list_has_no_lines():
    with pytest.raises(VendorProtocolError, match='"Items" of a row is no list'):
        Lines("Items", "DocumentId").of(b'{"Items":{}}', 7)


def test_lines_are_refused_where_the_list_has_none(tmp_path):
    vendor = Vendor.of(2)
    with pytest.raises(InvalidInput, match="have no lines") as raised:
        extract(vendor, tmp_path / "out.jsonl", lines_output=tmp_path / "lines.jsonl", lines=None)
    assert raised.value.field == "lines_output"
    assert vendor.asked == []


# --- times -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-03T10:00:00Z",
        "2026-11-03T10:00:00",
        "2026-11-03T10:00:00.000Z",
        "2026-11-03T10:00:00.0000000",
        "2026-11-03 11:00:00+01:00",
        "2026-11-03T12:00:00.0000000+0200",
        "2026-11-03T10:00z",
    ],
)
def test_one_instant_may_be_written_in_many_ways(text):
    assert instants.ticks(text) == instants.ticks("2026-11-03T10:00:00Z")


def test_instants_are_compared_with_all_their_digits():
    first, second = "2026-11-03T10:00:00.1234567Z", "2026-11-03T10:00:00.1234568"
    assert instants.later(first, second) == second
    assert instants.later(second, first) == second
    assert instants.later(first, "2026-11-03T10:00:00.12345670+00:00") == first
    assert instants.later(None, first) == instants.later(first, None) == first
    assert instants.later(None, None) is None
    assert instants.earlier(second, first) == first
    assert instants.written(instants.moment(second)) == "2026-11-03T10:00:00.123456Z"


@pytest.mark.parametrize("value", [None, 7, "", "yesterday", "2026-13-01T00:00:00Z", "2026-11-03T25:00:00Z"])
def test_what_is_no_time_is_no_instant(value):
    assert instants.ticks(value) is None


def test_times_of_long_ago_are_times():
    assert (instants.ticks("0001-01-01T00:00:00") or 0) < 0
    assert instants.written(instants.moment("0001-01-01T00:00:00.5")) == "0001-01-01T00:00:00.500000Z"


@pytest.mark.parametrize(("value", "shown"), [("soon", "4 characters"), ("2026-99-01", "10 characters")])
def test_a_parameter_that_is_no_time_is_named_and_not_shown(value, shown):
    with pytest.raises(InvalidInput, match=shown) as raised:
        instants.given("modified_since", value)
    assert (raised.value.field, value in str(raised.value)) == ("modified_since", False)
