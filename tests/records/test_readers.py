from __future__ import annotations

import gzip
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest

from airflow_provider.exceptions import InvalidInput
from airflow_provider.records.readers import Records, Row


def read(source: Any, **options: Any) -> list[Row]:
    with Records(source, **options) as records:
        return list(records)


def good(rows: list[Row]) -> list[dict[str, Any]]:
    return [row.record for row in rows if row.error is None]


def bad(rows: list[Row]) -> list[tuple[int, str]]:
    return [(row.number, str(row.error)) for row in rows if row.error is not None]


@pytest.fixture
def write(tmp_path):
    def write_file(content: str | bytes, name: str = "in.csv", encoding: str = "utf-8") -> str:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
        return str(path)

    return write_file


# CSV


def test_a_csv_is_read_with_its_rows_numbered_from_one(write):
    rows = read(write("id,name\n1,Ada\n2,Ödön\n"))
    assert [row.number for row in rows] == [1, 2]
    assert good(rows) == [{"id": "1", "name": "Ada"}, {"id": "2", "name": "Ödön"}]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_quoted_line_breaks_belong_to_their_value_and_do_not_count_as_rows(write, end):
    rows = read(write(f'id,note{end}1,"two{end}lines"{end}2,x{end}'))
    assert [(row.number, row.record) for row in rows] == [
        (1, {"id": "1", "note": f"two{end}lines"}),
        (2, {"id": "2", "note": "x"}),
    ]


@pytest.mark.parametrize(
    ("content", "options", "name"),
    [
        ("\ufeffid,name\n1,Ada\n", {}, "in.csv"),
        ("id;name\n1;Ada\n", {"delimiter": ";"}, "in.csv"),
        ("id\tname\n1\tAda\n", {}, "in.tsv"),
        ("id|name\n1|Ada\n", {"delimiter": "|"}, "in.tsv"),
        (" id , name\n1,Ada\n", {}, "IN.CSV"),
        ("id,name\n\n1,Ada\n\n\n", {}, "in.csv"),
        ("id,name\n1,Ada", {}, "in.csv"),
        ('"id","name"\n"1","Ada"\n', {}, "in.csv"),
    ],
)
def test_other_habits_of_writing_csv_are_read_too(write, content, options, name):
    assert good(read(write(content, name), **options)) == [{"id": "1", "name": "Ada"}]


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16", "iso-8859-2"])
def test_another_encoding_is_read_when_it_is_named(write, encoding):
    assert good(
        read(write("id\nŽ\n" if encoding != "cp1252" else "id\né\n", encoding=encoding), encoding=encoding)
    )


@pytest.mark.parametrize("name", ["in.csv", "in.jsonl"])
def test_a_wrong_encoding_is_named_with_the_place_and_the_remedy(write, name):
    lines = [
        "id" if name == "in.csv" else '{"id": "0"}',
        *(f'{{"id": "{n}"}}' for n in range(3000)),
        '{"id": "é"}',
    ]
    path = write("\n".join(lines), name, "cp1252")
    with pytest.raises(InvalidInput, match="is not utf-8, near record") as raised:
        read(path)
    near = int(str(raised.value).partition("near record ")[2].partition(".")[0])
    # Decoding runs ahead of the rows by a block.
    assert 2000 < near <= 3002
    assert 'Set "encoding"' in raised.value.remedy
    assert raised.value.field == "records"


def test_a_wrong_encoding_in_the_header_is_named_too(write):
    with pytest.raises(InvalidInput, match="is not utf-8, near record 1"):
        read(write("id,naïve\n1,2\n", encoding="cp1252"))


@pytest.mark.parametrize("option", [{"encoding": "utf-88"}, {"delimiter": ";;"}])
def test_an_encoding_or_delimiter_that_is_none_is_refused_by_name(write, option):
    [name] = option
    with pytest.raises(InvalidInput, match=f'"{name}"') as raised:
        read(write("id\n1\n"), **option)
    assert raised.value.field == name


def test_a_row_with_too_many_values_is_refused_and_the_others_are_read(write):
    rows = read(write("id,name\n1,Ada\n2,Bob,what\n3,Cid\n"))
    assert good(rows) == [{"id": "1", "name": "Ada"}, {"id": "3", "name": "Cid"}]
    assert bad(rows) == [(2, "line 3: the row has 3 values for 2 columns. Check its delimiters and quotes.")]


def test_a_short_row_has_empty_values_only_where_that_is_said(write):
    path = write("id,name,mail\n1,Ada\n")
    assert good(read(path, missing_values="empty")) == [{"id": "1", "name": "Ada", "mail": ""}]
    assert good(read(path)) == []
    assert [number for number, _ in bad(read(path))] == [1]


def test_a_quote_that_is_never_closed_does_not_swallow_the_rows_after_it(write):
    rows = read(write('id,name\n1,"Ada\n2,Bob\n3,Cid\n'))
    assert bad(rows), "the rest of the file became one value, and nobody was told"
    assert "\n" not in str(good(rows))


def test_a_value_beyond_the_limit_is_refused_and_the_others_are_read(write):
    rows = read(write("id,name\n1," + "x" * (16 * 1024 * 1024 + 1) + "\n2,Bob\n"))
    assert [number for number, _ in bad(rows)] == [1]
    assert "field larger than field limit" in bad(rows)[0][1]
    assert good(rows) == [{"id": "2", "name": "Bob"}]


def test_a_value_of_a_megabyte_is_fine(write):
    assert len(good(read(write("id\n" + "x" * 1_000_000 + "\n")))[0]["id"]) == 1_000_000


@pytest.mark.parametrize("content", ["", "\n", ",,\n1,2,3\n", "\ufeff"])
def test_a_csv_without_a_header_is_empty(write, content):
    with pytest.raises(InvalidInput, match="is empty: it has no header line") as raised:
        read(write(content))
    assert raised.value.remedy == "The first line must name the columns."


def test_a_header_alone_is_a_file_without_records(write):
    with Records(write("id,name\n")) as records:
        assert records.columns == ("id", "name")
        assert list(records) == []


def test_a_column_named_twice_is_refused(write):
    with pytest.raises(InvalidInput, match="names columns twice: id, mail"):
        read(write("id,mail,id, mail ,x\n"))


# JSON lines


@pytest.mark.parametrize("name", ["in.jsonl", "in.ndjson"])
def test_json_lines_are_read_and_blank_ones_skipped(write, name):
    rows = read(write('\ufeff{"id": 1}\n\n{"id": {"a": [2]}}', name))
    assert [(row.number, row.record) for row in rows] == [(1, {"id": 1}), (2, {"id": {"a": [2]}})]


@pytest.mark.parametrize(
    "line", ['{"id": 2', "not json", "[1]", "7", "null", '"text"', "[" * 100_000], ids=lambda line: line[:8]
)
def test_a_line_that_is_no_object_is_refused_and_the_others_are_read(write, line):
    rows = read(write(f'{{"id": 1}}\n{line}\n{{"id": 3}}\n', "in.jsonl"))
    assert good(rows) == [{"id": 1}, {"id": 3}]
    [(number, text)] = bad(rows)
    assert number == 2
    assert "not a JSON object" in text
    assert "one object a line" in text


def test_an_empty_file_of_json_lines_has_no_records(write):
    assert read(write("", "in.jsonl")) == []


# Parquet


def parquet(path: Path, table: dict[str, list[Any]]) -> str:
    pyarrow.parquet.write_table(pyarrow.table(table), path)
    return str(path)


def test_parquet_is_read_with_its_types_and_count(tmp_path):
    path = parquet(tmp_path / "in.parquet", {"id": [1, 2], "name": ["Ada", None]})
    with Records(path) as records:
        assert (records.columns, records.total) == (("id", "name"), 2)
        assert [(row.number, row.record) for row in records] == [
            (1, {"id": 1, "name": "Ada"}),
            (2, {"id": 2, "name": None}),
        ]


@pytest.mark.parametrize("damage", [lambda b: b"", lambda b: b"id\n1\n", lambda b: b[: len(b) // 2]])
def test_a_file_that_is_not_parquet_is_refused(tmp_path, damage):
    path = Path(parquet(tmp_path / "in.parquet", {"id": list(range(1000))}))
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(InvalidInput, match="is not a Parquet file") as raised:
        read(str(path))
    assert raised.value.field == "records"


def test_damage_in_the_middle_of_a_parquet_file_is_refused_too(tmp_path):
    path = Path(parquet(tmp_path / "in.parquet", {"id": list(range(5000))}))
    content = bytearray(path.read_bytes())
    content[200:2000] = bytes(1800)
    path.write_bytes(content)
    with pytest.raises(InvalidInput, match="Parquet"):
        read(str(path))


# Lists and results of other batches


@pytest.mark.parametrize("source", [[{"id": 1}], ({"id": 1},), iter([{"id": 1}]), {"records": [{"id": 1}]}])
def test_a_list_of_dicts_may_come_in_any_wrapping(source):
    assert good(read(source)) == [{"id": 1}]


def test_the_dicts_of_a_list_are_not_changed():
    given = {"id": 1}
    [row] = read([given])
    row.record["user"] = 2
    assert given == {"id": 1}


@pytest.mark.parametrize(("item", "kind"), [("text", "str"), (None, "NoneType"), (7, "int"), ([1], "list")])
def test_an_item_that_is_no_dict_is_refused_and_the_others_are_read(item, kind):
    rows = read([{"id": 1}, item, {"id": 3}])
    assert good(rows) == [{"id": 1}, {"id": 3}]
    assert bad(rows) == [(2, f"the record is a {kind}, not a dict.")]


def test_the_result_of_a_batch_leads_to_its_output_or_its_records(write):
    path = write('{"id": 1}\n', "out.jsonl")
    assert good(read({"total": 1, "output": path, "records": [{"id": 2}]})) == [{"id": 1}]
    assert good(read({"total": 1, "output": None, "records": [{"id": 2}]})) == [{"id": 2}]
    assert read({"output": None, "records": []}) == []


@pytest.mark.parametrize("source", [{}, {"output": None}, {"id": 1}, {"records": None}])
def test_a_dict_that_is_no_result_is_refused(source):
    with pytest.raises(InvalidInput, match="not the result of a batch") as raised:
        Records(source)
    assert raised.value.field == "records"


@pytest.mark.parametrize(
    ("source", "shape"), [(None, "NoneType"), (7, "int"), ("", "an empty text"), (b"x", "bytes")]
)
def test_what_cannot_be_records_is_described(source, shape):
    with pytest.raises(InvalidInput, match=shape):
        Records(source)


@pytest.mark.parametrize(
    "name", ["in.xlsx", "in", "in.csv.bz2", "in.parquet.gz", "in.gz", ".csv.gz", "in.json"]
)
def test_a_file_of_an_unknown_format_is_refused_with_the_known_ones(write, name):
    with pytest.raises(InvalidInput, match="unknown format") as raised:
        read(write("x", name))
    assert ".csv, .tsv, .jsonl, .ndjson, .parquet" in raised.value.remedy


@pytest.mark.parametrize(
    "name", ["missing.csv", "missing.parquet", "folder.csv", "file://missing.csv", "nope://b/in.csv"]
)
def test_a_file_that_cannot_be_opened_is_named(tmp_path, name):
    (tmp_path / "folder.csv").mkdir()
    source = name.replace("file://", f"file://{tmp_path}/") if "://" in name else str(tmp_path / name)
    with pytest.raises(InvalidInput, match="cannot be opened") as raised:
        read(source)
    assert source in str(raised.value)
    assert raised.value.field == "records"


@pytest.mark.parametrize("scheme", ["", "file://"])
def test_a_pipe_is_refused_and_not_waited_for(tmp_path, scheme):
    """Nobody may ever write to it, and the next try could not read it again."""
    os.mkfifo(tmp_path / "in.csv")
    with pytest.raises(InvalidInput, match="a device or a pipe") as raised:
        read(f"{scheme}{tmp_path}/in.csv")
    assert raised.value.field == "records"


def test_a_relative_path_that_is_not_found_says_where_it_was_looked_for(tmp_path):
    with pytest.raises(InvalidInput) as raised:
        read("customers.csv")
    assert "working folder of the worker" in raised.value.remedy
    with pytest.raises(InvalidInput) as raised:
        read(str(tmp_path / "customers.csv"))
    assert "working folder" not in raised.value.remedy


def test_records_of_a_task_that_was_skipped_say_where_to_look():
    with pytest.raises(InvalidInput) as raised:
        Records(None)
    assert "skipped, or returned nothing" in raised.value.remedy


def test_a_uri_is_read_like_a_path(write):
    assert good(read("file://" + write("id\n1\n"))) == [{"id": "1"}]
    assert good(read(Path(write("id\n2\n")))) == [{"id": "2"}]


# Holding and progress


def test_no_more_records_than_the_limit_can_be_held():
    for count in (0, 2, 3):
        with Records([{"id": n} for n in range(count)]) as records:
            records.hold(3)
            assert [row.record["id"] for row in records] == list(range(count))
    with Records([{"id": n} for n in range(4)]) as records:
        with pytest.raises(InvalidInput, match="more than 3 records") as raised:
            records.hold(3)
        assert raised.value.field == "output"
        assert 'Set "output"' in raised.value.remedy


def test_holding_stops_reading_beyond_the_limit(write):
    # The last line is not in the encoding; it is never reached.
    path = write(b"id\n" + b"1\n" * 200_000 + b"\xff\n")
    with Records(path) as records, pytest.raises(InvalidInput, match="more than 10 records"):
        records.hold(10)


def test_the_fraction_read_goes_from_nothing_to_all(write, tmp_path):
    def fractions(source: Any) -> Iterator[float | None]:
        with Records(source) as records:
            yield records.fraction()
            for _ in records:
                yield records.fraction()

    many = [{"id": "x" * 100} for _ in range(3000)]
    text = "".join(json.dumps(record) + "\n" for record in many)
    for source in (many, write(text, "in.jsonl"), parquet(tmp_path / "in.parquet", {"id": ["x"] * 3000})):
        seen = list(fractions(source))
        assert seen == sorted(seen)
        assert seen[0] < 0.1
        assert seen[-1] == 1.0


def test_the_file_is_closed_at_the_end(write, monkeypatch):
    opened = []
    real = open

    def spy(*args: Any, **kwargs: Any) -> Any:
        opened.append(real(*args, **kwargs))
        return opened[-1]

    monkeypatch.setattr("builtins.open", spy)
    for content, error in (("id\n1\n", False), ("", True)):
        with pytest.raises(InvalidInput) if error else Records([]):
            read(write(content))
        assert opened[-1].closed


# Compressed


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("in.csv.gz", "\ufeffid,name\n1,Ödön\n"),
        ("in.tsv.gz", "id\tname\n1\tÖdön\n"),
        ("in.jsonl.gz", '{"id": "1", "name": "Ödön"}\n'),
        ("IN.NDJSON.GZ", '{"id": "1", "name": "Ödön"}\n'),
    ],
)
def test_compressed_text_is_read_like_text(write, name, content):
    path = write(gzip.compress(content.encode()), name)
    for source in (path, f"file://{path}"):
        assert good(read(source)) == [{"id": "1", "name": "Ödön"}]


def test_a_compressed_file_of_several_parts_is_read_to_its_end(write):
    path = write(gzip.compress(b"id\n1\n") + gzip.compress(b"2\n"), "in.csv.gz")
    assert good(read(path)) == [{"id": "1"}, {"id": "2"}]


def test_the_progress_of_a_compressed_file_is_that_of_its_own_bytes(write):
    lines = "".join(f"{number * 7919 % 100_003}-{number}\n" for number in range(300_000))
    seen = []
    with Records(write(gzip.compress(b"id\n" + lines.encode()), "in.csv.gz")) as records:
        for row in records:
            if row.number % 1000 == 0:
                seen.append(records.fraction())
    assert seen == sorted(seen)
    assert seen[0] < 0.2
    assert len({round(each, 1) for each in seen}) > 5
    assert seen[-1] == 1.0


@pytest.mark.parametrize("name", ["in.csv.gz", "in.jsonl.gz"])
@pytest.mark.parametrize("damage", ["none", "cut", "wrong"])
def test_a_file_that_is_not_compressed_or_cut_off_is_named(write, name, damage):
    row = b"1,2\n" if "csv" in name else b'{"id": "1"}\n'
    plain = b"id,x\n" * ("csv" in name) + b"".join(row for _ in range(50_000))
    content = bytearray(gzip.compress(plain, mtime=0))
    if damage == "cut":
        del content[-20:]
    elif damage == "wrong":
        content[len(content) // 2] ^= 0xFF
        content[-6] ^= 0xFF
    path = write(plain if damage == "none" else bytes(content), name)
    with pytest.raises(
        InvalidInput, match="is not a gzip file, or is damaged or cut off, near record"
    ) as raised:
        read(path)
    assert raised.value.field == "records"
    assert raised.value.remedy


def test_json_lines_keep_what_the_standard_library_reads(write):
    [row] = read(write('{"id": 123456789012345678901, "a": 1e400, "b": "\\ud83d", "id2": NaN}\n', "in.jsonl"))
    assert row.record["id"] == 123456789012345678901
    assert row.record["b"] == "\ud83d"
