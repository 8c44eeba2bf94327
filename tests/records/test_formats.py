from __future__ import annotations

import pytest

from airflow_provider.exceptions import InvalidInput
from airflow_provider.records.formats import FORMATS, Format, find_format, report_path, split_name


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("users.csv", Format("csv")),
        ("USERS.TSV", Format("csv", "\t")),
        ("users.jsonl", Format("jsonl")),
        ("users.2026.ndjson", Format("jsonl")),
        ("users.parquet", Format("parquet")),
        ("s3://bucket/users.csv.gz", Format("csv", compressed=True)),
        ("users.Tsv.GZ", Format("csv", "\t", compressed=True)),
        ("users.jsonl.gz", Format("jsonl", compressed=True)),
        ("users.ndjson.gz", Format("jsonl", compressed=True)),
    ],
)
def test_the_ending_says_the_format(name, known):
    assert find_format(name, "records") == known


@pytest.mark.parametrize(
    "name",
    ["users.json", "users", "users.gz", "users.parquet.gz", "folder.csv/users", ".csv", "a/.csv.gz", ""],
)
def test_any_other_ending_is_refused_with_all_that_are_known(name):
    with pytest.raises(InvalidInput, match='"output" names a file of an unknown format') as raised:
        find_format(name, "output")
    assert raised.value.field == "output"
    assert all(ending in raised.value.remedy for ending in FORMATS)


def test_a_name_is_split_before_its_whole_ending_and_keeps_its_spelling():
    assert split_name("a.b/users.CSV.gz") == ("a.b/users", ".CSV.gz")
    assert split_name("a.csv/users") == ("a.csv/users", "")


@pytest.mark.parametrize(
    ("output", "report"),
    [
        ("users.jsonl", "users.failed.jsonl"),
        ("users.ndjson", "users.failed.ndjson"),
        ("users.jsonl.gz", "users.failed.jsonl.gz"),
        ("users.csv", "users.failed.jsonl"),
        ("users.tsv.gz", "users.failed.jsonl"),
        ("s3://bucket/a.b/users.parquet", "s3://bucket/a.b/users.failed.jsonl"),
    ],
)
def test_the_report_of_failures_is_json_lines_whatever_the_output_is(output, report):
    assert report_path(output) == report
    assert find_format(report, "records").kind == "jsonl"


@pytest.mark.parametrize("field", ["output", "records"])
def test_a_password_in_a_uri_is_refused_and_not_repeated(field):
    with pytest.raises(InvalidInput, match="password") as raised:
        find_format("s3://AKIA:canary@bucket/users.csv", field)
    assert "canary" not in str(raised.value)
    assert find_format("s3://aws_default@bucket/12:30.csv", field).kind == "csv"
