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


@pytest.mark.parametrize(
    "path",
    [
        "https://bucket.example.com/people.csv?X-Amz-Signature=5ec2e7&X-Amz-Expires=60",
        "https://bucket.example.com/people?sig=5ec2e7&name=people.csv",
        "HTTPS://bucket.example.com/people?sig=5ec2e7.csv",
        "gs://bucket/people.csv?Signature=5ec2e7",
        "abfs://container@account.example.com/people.csv?sv=1&sig=5ec2e7",
        "s3://KEY:5ec2e7@bucket/people.csv",
        "s3://KEY:a/5ec2e7@bucket/people.csv",
    ],
)
def test_the_signature_or_password_of_a_url_is_not_shown(path):
    with pytest.raises(InvalidInput) as raised:
        find_format(path, "records")
    assert "5ec2e7" not in str(raised.value).lower()


@pytest.mark.parametrize(
    "path",
    [
        "s3://conn@bucket/a:b@c.csv",
        "hdfs://host:8020/a.csv",
        "hdfs://[::1]/a.csv",
        "/data/what?.csv",
        "s3://b/a?b.csv",
    ],
)
def test_a_colon_or_a_question_mark_in_another_place_is_none(path):
    assert find_format(path, "records").kind == "csv"


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
