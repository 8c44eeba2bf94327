from __future__ import annotations

import csv
import gzip
import io
import json
import os
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from airflow_provider.exceptions import InvalidInput
from airflow_provider.records.readers import Records
from airflow_provider.records.shards import list_records, split_records

NASTY = [
    {"id": "1", "note": "two\nlines"},
    {"id": "2", "note": 'a "quoted" word, and a comma'},
    {"id": "3", "note": "two\r\nlines, DOS\n\n"},
    {"id": "4", "note": ""},
    {"id": "5", "note": "Ödön"},
    {"id": "6", "note": " blanks "},
    {"id": "7", "note": "last"},
]


def write_csv(path: Path, records: list[dict[str, Any]], encoding: str = "utf-8", **options: Any) -> str:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, records[0], **options)
    writer.writeheader()
    writer.writerows(records)
    path.write_bytes(text.getvalue().encode(encoding))
    return str(path)


def read(path: str, **options: Any) -> list[dict[str, Any]]:
    with Records(path, **options) as records:
        rows = list(records)
    assert not any(row.error for row in rows)
    return [row.record for row in rows]


def read_all(paths: list[str], **options: Any) -> list[dict[str, Any]]:
    return [record for path in paths for record in read(path, **options)]


@pytest.fixture(params=["path", "uri"])
def folder(request, tmp_path) -> str:
    """A folder that is not there yet."""
    path = tmp_path / "some shards"
    return f"file://{path}" if request.param == "uri" else str(path)


def test_a_csv_file_is_cut_between_records_and_each_part_has_the_header(tmp_path, folder):
    source = write_csv(tmp_path / "people.csv", NASTY)
    shards = split_records(source, 3, folder)
    assert shards == [
        f"{folder}/people.000{number}-of-0003.row-{row}.csv" for number, row in ((1, 1), (2, 4), (3, 6))
    ]
    assert [len(read(shard)) for shard in shards] == [3, 2, 2]
    assert read_all(shards) == NASTY
    assert all(os.path.exists(shard.removeprefix("file://")) for shard in shards)
    assert len(os.listdir(folder.removeprefix("file://"))) == 3


def test_the_text_of_each_record_is_copied_as_it_is(tmp_path):
    source = tmp_path / "people.csv"
    source.write_bytes(b'id;note\r\n1;"x"\r\n\r\n2;y "z"\n3;"a\r\n;b"\r4;end')
    shards = split_records(str(source), 2, str(tmp_path / "out"), delimiter=";")
    texts = [Path(shard).read_bytes() for shard in shards]
    assert texts == [b'id;note\r\n1;"x"\r\n2;y "z"\n', b'id;note\r\n3;"a\r\n;b"\r4;end\n']


def test_doing_it_again_makes_the_same_files(tmp_path):
    source = write_csv(tmp_path / "people.csv", NASTY)
    first = {shard: Path(shard).read_bytes() for shard in split_records(source, 3, str(tmp_path / "out"))}
    again = {shard: Path(shard).read_bytes() for shard in split_records(source, 3, str(tmp_path / "out"))}
    assert first == again
    assert sorted(os.listdir(tmp_path / "out")) == sorted(Path(shard).name for shard in first)


def test_json_lines_are_cut_between_lines(tmp_path, folder):
    source = tmp_path / "people.jsonl"
    source.write_text("\n\n".join(json.dumps(record) for record in NASTY))
    shards = split_records(str(source), 2, folder)
    assert [len(read(shard)) for shard in shards] == [4, 3]
    assert read_all(shards) == NASTY


def test_parquet_files_keep_their_types(tmp_path, folder, monkeypatch):
    pyarrow = pytest.importorskip("pyarrow")
    import pyarrow.parquet as parquet

    from airflow_provider.records import shards as module

    monkeypatch.setattr(module, "PARQUET_ROWS", 4)
    table = pyarrow.table({"id": list(range(23)), "names": [[str(n)] for n in range(23)]})
    parquet.write_table(table, tmp_path / "people.parquet", row_group_size=7)
    shards = split_records(str(tmp_path / "people.parquet"), 4, folder)
    assert [len(read(shard)) for shard in shards] == [6, 6, 6, 5]
    assert read_all(shards) == table.to_pylist()
    assert parquet.read_schema(shards[0].removeprefix("file://")) == table.schema


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16", "utf-8-sig"])
def test_the_encoding_stays(encoding, tmp_path):
    source = write_csv(tmp_path / "people.csv", NASTY, encoding)
    shards = split_records(source, 2, str(tmp_path / "out"), encoding=encoding)
    assert read_all(shards, encoding=encoding) == NASTY


def test_columns_may_be_separated_by_something_else(tmp_path):
    source = write_csv(tmp_path / "people.tsv", NASTY, delimiter="\t")
    assert read_all(split_records(source, 2, str(tmp_path / "out"))) == NASTY


@pytest.mark.parametrize(("records", "sizes"), [(0, [0]), (1, [1]), (3, [1, 1, 1]), (9, [3, 2, 2, 2])])
def test_the_shards_are_balanced_and_there_is_at_least_one(records, sizes, tmp_path):
    source = tmp_path / "people.csv"
    source.write_text("id\n" + "".join(f"{number}\n" for number in range(records)))
    shards = split_records(str(source), 4, str(tmp_path / "out"))
    assert [len(read(shard)) for shard in shards] == sizes


def test_a_row_that_cannot_be_read_arrives_where_it_is_reported(tmp_path):
    source = tmp_path / "people.csv"
    source.write_text("id,name\n1,a\n2,b,too many\n3,c\n")
    shards = split_records(str(source), 3, str(tmp_path / "out"))
    with Records(shards[1]) as records:
        [row] = records
    assert row.error is not None


def test_the_result_of_a_batch_can_be_split(tmp_path):
    source = tmp_path / "users.jsonl"
    source.write_text('{"id": 1}\n{"id": 2}\n')
    assert len(split_records({"output": str(source), "total": 2}, 2, str(tmp_path / "out"))) == 2


def test_memory_does_not_grow_with_the_file(tmp_path):
    source = tmp_path / "people.csv"
    with source.open("w") as file:
        file.write("id,note\n")
        for number in range(100_000):
            file.write(f'{number},"{"x" * 50}\n{"y" * 50}"\n')
    tracemalloc.start()
    shards = split_records(str(source), 4, str(tmp_path / "out"))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2_000_000 < source.stat().st_size
    assert [len(read(shard)) for shard in shards] == [25_000] * 4


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        (b"", {}, "is empty"),
        (b"id\n\xff\n", {}, 'is not utf-8.*Set "encoding"'),
        (b"id\n1\n", {"shards": 0}, "at least 1"),
    ],
)
def test_a_file_that_cannot_be_cut_is_explained(content, options, message, tmp_path):
    source = tmp_path / "people.csv"
    source.write_bytes(content)
    with pytest.raises(InvalidInput, match=message):
        split_records(**{"source": str(source), "shards": 2, "folder": str(tmp_path / "out"), **options})
    assert not (tmp_path / "out").exists()


def test_what_is_no_file_is_explained(tmp_path):
    with pytest.raises(InvalidInput, match="cannot be opened"):
        split_records(str(tmp_path / "none.csv"), 2, str(tmp_path))
    with pytest.raises(InvalidInput, match="not a file"):
        split_records([{"id": 1}], 2, str(tmp_path))
    (tmp_path / "people.csv").write_text("id\n1\n")
    with pytest.raises(InvalidInput, match="cannot be split into"):
        split_records(str(tmp_path / "people.csv"), 2, str(tmp_path / "people.csv" / "x"))


@pytest.fixture(params=["path", "uri"])
def files(request, tmp_path) -> tuple[str, Path]:
    for name in (
        "b.csv",
        "a.jsonl",
        "a.failed.jsonl",
        "c.jsonl.partial",
        ".d.csv",
        "read me.txt",
        "in/e.parquet",
    ):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    return (f"file://{tmp_path}" if request.param == "uri" else str(tmp_path)), tmp_path


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("", ["a.jsonl", "b.csv"]),
        ("/", ["a.jsonl", "b.csv"]),
        ("/*.jsonl", ["a.jsonl"]),
        ("/[ab].*", ["a.jsonl", "b.csv"]),
        ("/?.csv", ["b.csv"]),
        ("/*.failed.jsonl", ["a.failed.jsonl"]),
        ("/*/*.parquet", ["in/e.parquet"]),
        ("/**/*.parquet", ["in/e.parquet"]),
        ("/b.csv", ["b.csv"]),
    ],
)
def test_files_are_listed_in_order(pattern, found, files):
    root, _ = files
    assert list_records(root + pattern) == [f"{root}/{name}" for name in found]


@pytest.mark.parametrize("pattern", ["/none.csv", "/*.tsv", "/none", "/*.txt"])
def test_no_files_are_an_error(pattern, files):
    with pytest.raises(InvalidInput, match="there are no files of records"):
        list_records(files[0] + pattern)


def test_a_connection_in_a_uri_stays_in_it(files, set_connection):
    set_connection("store", conn_type="generic")
    _, path = files
    # A local path has no host, but the connection is carried like one.
    uri = f"file://store@{path}"
    assert list_records(f"{uri}/*.csv") == [f"{uri}/b.csv"]
    assert list_records(uri) == [f"{uri}/a.jsonl", f"{uri}/b.csv"]


@pytest.mark.parametrize("ending", [".csv.gz", ".jsonl.gz", ".tsv.gz"])
def test_compressed_files_are_cut_into_compressed_shards(ending, tmp_path, folder):
    plain = tmp_path / f"people{ending.removesuffix('.gz')}"
    if "jsonl" in ending:
        plain.write_text("\n".join(json.dumps(record) for record in NASTY))
    else:
        write_csv(plain, NASTY, delimiter="\t" if "tsv" in ending else ",")
    source = tmp_path / f"people{ending}"
    source.write_bytes(gzip.compress(plain.read_bytes()))
    shards = split_records(str(source), 2, folder)
    assert shards == [
        f"{folder}/people.000{number}-of-0002.row-{row}{ending}" for number, row in ((1, 1), (2, 5))
    ]
    first = [Path(shard.removeprefix("file://")).read_bytes() for shard in shards]
    assert all(content.startswith(b"\x1f\x8b") for content in first)
    assert read_all(shards) == NASTY
    split_records(str(source), 2, folder)
    assert [Path(shard.removeprefix("file://")).read_bytes() for shard in shards] == first


def test_compressed_files_are_listed(tmp_path):
    for name in ("a.csv.gz", "b.jsonl.gz", "b.failed.jsonl.gz", "c.parquet.gz", "d.gz"):
        (tmp_path / name).touch()
    assert list_records(str(tmp_path)) == [f"{tmp_path}/a.csv.gz", f"{tmp_path}/b.jsonl.gz"]


def test_a_shard_that_cannot_be_completed_leaves_nothing(tmp_path):
    source = tmp_path / "people.csv.gz"
    content = gzip.compress(b"id\n" + b"".join(b"%d\n" % number for number in range(100_000)))
    source.write_bytes(content[: len(content) // 2])
    with pytest.raises(InvalidInput, match="gzip"):
        split_records(str(source), 2, str(tmp_path / "out"))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("pattern", ["customers[1].csv", "[new] customers?.csv"])
def test_a_file_with_exactly_the_name_of_a_pattern_is_listed(files, pattern):
    root, path = files
    (path / pattern).touch()
    assert list_records(f"{root}/{pattern}") == [f"{root}/{pattern}"]
    # It is no pattern any more for other files that would match.
    (path / "customers1.csv").touch()
    assert list_records(f"{root}/{pattern}") == [f"{root}/{pattern}"]


def test_the_line_of_excel_that_names_the_delimiter_is_in_each_shard(tmp_path):
    (tmp_path / "people.csv").write_bytes(b"sep=;\r\nid;name\r\n1;a\r\n2;b\r\n")
    shards = split_records(str(tmp_path / "people.csv"), 2, str(tmp_path / "out"))
    assert [Path(shard).read_bytes() for shard in shards] == [
        b"sep=;\r\nid;name\r\n1;a\r\n",
        b"sep=;\r\nid;name\r\n2;b\r\n",
    ]
    assert read_all(shards) == [{"id": "1", "name": "a"}, {"id": "2", "name": "b"}]


def test_a_header_is_refused_once_where_the_file_is_split(tmp_path):
    source = tmp_path / "people.csv"
    source.write_text(",id\n0,1\n1,2\n")
    with pytest.raises(InvalidInput, match=r"column 1 of .* has no name"):
        split_records(str(source), 2, str(tmp_path / "out"))
    source.write_text(",id\n,1\n1,2\n,3\n")
    second = split_records(str(source), 3, str(tmp_path / "out"))[1]
    with Records(second) as records:
        [row] = records
    assert (row.text, row.source_row) == ("1,2", 2)


def groups_of(shards: list[str]) -> list[list[str]]:
    return [[record["id"] for record in read(path)] for path in shards]


@pytest.mark.parametrize(
    ("ids", "shards", "wanted"),
    [
        ("aabbcc", 3, ["aa", "bb", "cc"]),
        ("aabbcc", 2, ["aa", "bbcc"]),
        ("aaaaab", 3, ["aaaaa", "b"]),
        ("abbbbb", 3, ["a", "bbbbb"]),
        ("aaa", 4, ["aaa"]),
        ("abcd", 8, ["a", "b", "c", "d"]),
    ],
)
@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_the_rows_of_one_record_stay_together(ids, shards, wanted, kind, tmp_path):
    records = [{"id": id_, "n": str(n)} for n, id_ in enumerate(ids)]
    source = tmp_path / f"in.{kind}"
    if kind == "csv":
        write_csv(source, records)
    elif kind == "jsonl":
        source.write_text("".join(json.dumps(record) + "\n" for record in records))
    else:
        import pyarrow as arrow
        import pyarrow.parquet as parquet

        parquet.write_table(arrow.Table.from_pylist(records), source)
    made = split_records(str(source), shards, str(tmp_path / "shards"), group_by="id")
    assert ["".join(part) for part in groups_of(made)] == wanted
    assert read_all(made) == records
    firsts = [1 + sum(map(len, wanted[:number])) for number in range(len(wanted))]
    assert [int(path.split(".row-")[1].split(".")[0]) for path in made] == firsts


def test_a_row_that_tells_no_record_stays_with_both_that_it_may_belong_to(tmp_path):
    (tmp_path / "in.csv").write_text("id,n\na,1\n,2\na,1\n,2\nb,3\nc,4\n")
    made = split_records(str(tmp_path / "in.csv"), 3, str(tmp_path / "shards"), group_by="id")
    assert groups_of(made) == [["a", "", "a", "", "b"], ["c"]]


def test_rows_that_are_not_together_are_not_split(tmp_path):
    (tmp_path / "in.csv").write_text("id,n\nprivate,1\nb,2\nprivate,3\n")
    with pytest.raises(InvalidInput, match="row 3 belongs to a record of rows further up") as caught:
        split_records(str(tmp_path / "in.csv"), 2, str(tmp_path / "shards"), group_by="id")
    assert "private" not in str(caught.value)
    assert not (tmp_path / "shards").exists()


def test_a_column_that_is_not_there_groups_nothing(tmp_path):
    (tmp_path / "in.csv").write_text("id,n\na,1\n")
    with pytest.raises(InvalidInput, match='no column "order" for "group_by"'):
        split_records(str(tmp_path / "in.csv"), 2, str(tmp_path / "shards"), group_by="order")
