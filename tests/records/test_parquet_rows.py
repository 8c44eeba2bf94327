"""Rows of Parquet files with values that Python has no form for: each fails for itself."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import pytest

from airflow_provider.exceptions import InvalidInput
from airflow_provider.records.readers import Records
from airflow_provider.records.shards import split_records

arrow = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")


@pytest.fixture
def rows(tmp_path):
    def read(columns: dict[str, Any]) -> list[Any]:
        parquet.write_table(arrow.table(columns), tmp_path / "in.parquet")
        with Records(str(tmp_path / "in.parquet")) as records:
            return list(records)

    return read


BAD = {
    "a time after the year 9999": arrow.array([0, 2**62, 0], arrow.timestamp("us")),
    "a day after the year 9999": arrow.array([0, 2**31 - 1, 0], arrow.date32()),
    "a text that is not UTF-8": arrow.array([b"a", b"\xff", b"c"], arrow.binary()).view(arrow.string()),
}


@pytest.mark.parametrize("case", BAD)
def test_a_value_that_python_has_no_form_for_fails_its_row_alone(rows, case):
    found = rows({"id": ["1", "2", "3"], "odd": BAD[case]})
    assert [row.error is None for row in found] == [True, False, True]
    assert [row.source_row for row in found] == [1, 2, 3]
    assert '"odd" has a value that Python has no form for' in str(found[1].error)
    assert found[1].record == {}
    assert [found[0].record["id"], found[2].record["id"]] == ["1", "3"]


def test_many_rows_before_and_after_it_are_read(rows):
    times = [0] * 1500 + [2**62] + [0] * 10
    found = rows({"id": [str(n) for n in range(1511)], "time": arrow.array(times, arrow.timestamp("us"))})
    assert [row.number for row in found if row.error is not None] == [1501]
    assert len(found) == 1511


def test_a_column_that_looks_like_data_is_not_named(rows):
    [row] = rows({"jan@example.com": arrow.array([2**62], arrow.timestamp("us"))})
    assert "jan" not in str(row.error)
    assert "column 1" in str(row.error)


def test_times_finer_than_pythons_are_cut(rows):
    [row] = rows(
        {
            "time": arrow.array([1_700_000_000_123_456_789], arrow.timestamp("ns")),
            "zoned": arrow.array([1_700_000_000_123_456_789], arrow.timestamp("ns", "UTC")),
            "of_day": arrow.array([1_234_567_891], arrow.time64("ns")),
            "long": arrow.array([1_234_567_891], arrow.duration("ns")),
            "day": arrow.array([date(2027, 1, 31)]),
        }
    )
    assert row.record["time"] == datetime.fromisoformat("2023-11-14T22:13:20.123456")
    assert row.record["zoned"].microsecond == 123456
    assert row.record["of_day"].microsecond == 234567
    assert row.record["long"].total_seconds() == 1.234567
    assert row.record["day"] == date(2027, 1, 31)


def test_numbers_in_32_bits_are_as_short_as_they_were_written(rows):
    found = rows({"x": arrow.array([0.1, 1234.5, 3e38, 1e-40, None, 16777216.0], arrow.float32())})
    assert [row.record["x"] for row in found] == [0.1, 1234.5, 3e38, 1e-40, None, 16777216.0]


def test_two_columns_of_one_name_are_refused(tmp_path):
    table = arrow.Table.from_arrays([arrow.array(["1"]), arrow.array(["a"])], names=["id", "id"])
    parquet.write_table(table, tmp_path / "in.parquet")
    with pytest.raises(InvalidInput, match="names columns twice: id"), Records(f"{tmp_path}/in.parquet"):
        pass


def test_a_damaged_file_is_the_fault_of_the_source(tmp_path):
    path = tmp_path / "in.parquet"
    rows = arrow.table({"id": [str(n) * 50 for n in range(5000)]})
    parquet.write_table(rows, path, compression="gzip", use_dictionary=False)
    content = bytearray(path.read_bytes())
    content[200:2000] = b"x" * 1800
    path.write_bytes(content)
    with pytest.raises(InvalidInput, match="is damaged") as raised:
        split_records(str(path), 2, f"{tmp_path}/shards")
    assert raised.value.field == "source"
    with pytest.raises(InvalidInput, match="is damaged, near record 1"), Records(str(path)) as records:
        list(records)
    content[-200:-8] = bytes(192)
    path.write_bytes(content)
    with pytest.raises(InvalidInput, match="not a Parquet file"), Records(str(path)):
        pass
