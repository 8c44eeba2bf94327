"""Each row of the original file is in one count, and the report names it, also after other steps and shards."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from airflow_provider.exceptions import BatchFailed, InvalidInput
from airflow_provider.records.formats import FORMATS
from airflow_provider.records.readers import Records
from airflow_provider.records.shards import split_records
from tests.support.batches import counts, lines
from tests.support.imbee_runs import chats, tokens, users

pytestmark = pytest.mark.usefixtures("quick")

STRAY = "unique_id_sha,note\n1,x\n2,x\n" + '3,"5 inch\n' + "".join(f"{n},x\n" for n in range(4, 13))


@pytest.fixture
def file(tmp_path):
    def write(content: str, name: str = "in.csv") -> str:
        (tmp_path / name).write_text(content, encoding="utf-8", newline="")
        return str(tmp_path / name)

    return write


def rows(result: dict[str, Any]) -> list[tuple[int, int]]:
    return sorted((failure["row"], failure["source_row"]) for failure in result["failures"])


# The report


def test_a_row_that_cannot_be_read_is_in_the_report_with_its_text_and_line(sandbox, tmp_path, file):
    result = users(file(STRAY), output=f"{tmp_path}/out.jsonl", on_error="continue", max_failures=2)
    assert counts(result) == {"total": 12, "created": 11, "failed": 1}
    [failure] = lines(result["failures_output"])
    assert failure == {
        "row": 3,
        "source_row": 3,
        "error": "InvalidInput",
        "field": "records",
        "ledger_id": None,
        "reason": failure["reason"],
        "record": {},
        "text": '3,"5 inch',
    }
    assert failure["reason"].startswith("row 3: line 4: a quote opens a value and nothing closes it.")


def test_the_result_of_the_task_has_rows_and_no_values(sandbox, file):
    result = users(file(STRAY), on_error="continue")
    [failure] = result["failures"]
    assert sorted(failure) == ["error", "field", "ledger_id", "reason", "row", "source_row"]
    assert "inch" not in json.dumps(failure)


def test_no_text_is_reported_where_records_have_secrets(sandbox, tmp_path, file):
    source = file('apikey,contacts\nclear-apikey-of-a-user,"bob\n')
    result = chats(source, output=f"{tmp_path}/out.jsonl", on_error="continue")
    [failure] = lines(result["failures_output"])
    assert failure["reason"].startswith("row 1: line 2: a quote opens a value")
    assert "clear-apikey" not in json.dumps(failure)


def test_a_record_that_can_be_read_has_no_text_in_the_report(sandbox, tmp_path, file):
    result = users(file("unique_id_sha,x\n,1\n2,3\n"), output=f"{tmp_path}/out.jsonl", on_error="continue")
    [failure] = lines(result["failures_output"])
    assert failure["record"] == {"unique_id_sha": "", "x": "1"}
    assert "text" not in failure


def test_max_failures_sees_each_row_that_cannot_be_read(sandbox, file):
    with pytest.raises(BatchFailed, match="3 of 3 records failed"):
        users(file('unique_id_sha,x\n1,"a\n2,"b\n3,"c\n4,d\n'), on_error="continue", max_failures=2)


def test_half_a_row_is_not_sent(sandbox, file):
    cut = file("customer,mail,phone\nC-1001,a@example.com,+421900000001\nC-1002,b@example.c")
    fields = {"virtual_user": "customer", "cellular": "phone"}
    result = tokens(cut, fields=fields, on_error="continue")
    assert counts(result) == {"total": 2, "created": 1, "failed": 1}
    assert {message["virtual_user"] for message in sandbox.messages()} == {"C-1001"}


def test_missing_values_may_be_allowed(sandbox, file):
    short = file("unique_id_sha,name,note\n1\n2,Ada\n")
    assert counts(users(short, missing_values="empty")) == {"total": 2, "created": 2}
    with pytest.raises(InvalidInput, match=r"row 1: line 2: .*missing_values=\"empty\""):
        users(short)
    with pytest.raises(ValueError, match="missing_values must be one of fail, empty"):
        users(short, missing_values="no")


# Rows of the original file, after a step that dropped some


@pytest.mark.parametrize("ending", FORMATS)
def test_rows_keep_their_number_through_outputs_of_any_format(sandbox, tmp_path, file, ending):
    sandbox.switch({"imbee.platforms": "ios"})
    source = file(
        "unique_id_sha,platform,mail\n1,ios,a@x.com\n2,bad,b@x.com\n3,ios,\n4,ios,d@x.com\n5,ios,\n"
    )
    first = users(source, output=f"{tmp_path}/users{ending}", on_error="continue")
    assert rows(first) == [(2, 2)]
    fields = {"virtual_user": "unique_id_sha"}
    second = tokens(first, fields=fields, output=f"{tmp_path}/tokens{ending}", on_error="continue")
    assert rows(second) == [(3, 3), (5, 5)]
    sandbox.switch({"imbee.platforms": "android"})
    third = users(second, fields={"unique_id_sha": "mail"}, on_error="continue")
    assert rows(third) == [(1, 1), (4, 4)]


def test_a_result_has_its_source_row_only_where_its_place_does_not_tell(sandbox, file):
    found = users(file("unique_id_sha\n1\n2\n"))["records"]
    assert not [record for record in found if "source_row" in record]
    found = users(file('unique_id_sha,x\n1,a\n2,"\n3,c\n4,d\n'), on_error="continue")["records"]
    assert [record.get("source_row") for record in found] == [None, 3, 4]
    assert [record.get("source_row") for record in users(found)["records"]] == [None, 3, 4]
    again = users([{**found[0], "unique_id_sha": ""}, *found[1:]], on_error="continue")
    assert [record["source_row"] for record in again["records"]] == [3, 4]


def test_results_in_any_order_have_their_source_row(sandbox, file):
    sandbox.fault(vendor="imbee", delay=0.3)
    found = users(file("unique_id_sha\n1\n2\n3\n"), ordered=False, max_concurrency=3)["records"]
    assert sorted(int(record["unique_id_sha"]) for record in found) == [1, 2, 3]
    for place, record in enumerate(found, 1):
        assert record.get("source_row", place) == int(record["unique_id_sha"])


@pytest.mark.parametrize("value", [7, "7", 7.0, " 7 "])
def test_a_source_row_of_a_record_is_taken_and_kept(sandbox, value):
    result = users([{"unique_id_sha": "", "source_row": value}], on_error="continue")
    assert [(each["row"], each["source_row"]) for each in result["failures"]] == [(7, 7)]
    [record] = users([{"unique_id_sha": "1", "source_row": value}])["records"]
    assert record["source_row"] == value


@pytest.mark.parametrize(
    "value", ["", None, "x", -1, 0, True, 1.5, float("nan"), float("inf"), [1], "-3", "9" * 5000]
)
def test_a_source_row_that_is_no_number_of_a_row_is_none(sandbox, value):
    result = users([{"unique_id_sha": "", "source_row": value}], on_error="continue")
    assert [(each["row"], each["source_row"]) for each in result["failures"]] == [(1, 1)]


# Shards


@pytest.mark.parametrize("ending", FORMATS)
def test_reports_over_shards_of_an_output_have_the_rows_of_the_first_file(sandbox, tmp_path, ending):
    people = [{"unique_id_sha": "" if number % 4 == 0 else f"u{number}"} for number in range(1, 12)]
    whole = users(people, output=f"{tmp_path}/people{ending}", on_error="continue")
    # What failed is not in the output, so its records have their rows with them.
    names = split_records(whole, 3, f"{tmp_path}/shards")
    sandbox.switch({"imbee.platforms": "ios"})
    fields = {"unique_id_sha": "user.virtual_user"}
    found = [row for name in names for row in rows(users(name, fields=fields, on_error="continue"))]
    assert sorted(source for _, source in found) == [1, 2, 3, 5, 6, 7, 9, 10, 11]


def test_shards_of_a_file_with_broken_rows_are_counted_as_the_whole(sandbox, tmp_path, file):
    names = split_records(file(STRAY, "people.csv"), 3, f"{tmp_path}/shards")
    assert [Path(name).name for name in names] == [
        "people.0001-of-0003.row-1.csv",
        "people.0002-of-0003.row-5.csv",
        "people.0003-of-0003.row-9.csv",
    ]
    results = [
        users(name, on_error="continue", output=f"{tmp_path}/{number}.jsonl")
        for number, name in enumerate(names)
    ]
    assert [counts(result) for result in results] == [
        {"total": 4, "created": 3, "failed": 1},
        {"total": 4, "created": 4},
        {"total": 4, "created": 4},
    ]
    assert [record.get("source_row") for record in lines(f"{tmp_path}/0.jsonl")] == [None, None, 4]
    assert [record.get("source_row") for record in lines(f"{tmp_path}/2.jsonl")] == [9, 10, 11, 12]
    assert [record["text"] for record in lines(f"{tmp_path}/0.failed.jsonl")] == ['3,"5 inch']


def test_a_shard_of_a_shard_counts_from_the_first_file(tmp_path, file):
    names = split_records(file("id\n" + "".join(f"{n}\n" for n in range(1, 13))), 2, f"{tmp_path}/a")
    again = split_records(names[1], 2, f"{tmp_path}/b")
    assert [Path(name).name.partition(".")[2] for name in again] == [
        "0002-of-0002.row-7.0001-of-0002.row-7.csv",
        "0002-of-0002.row-7.0002-of-0002.row-10.csv",
    ]
    with Records(again[1]) as records:
        assert [(row.source_row, row.record) for row in records] == [
            (n, {"id": str(n)}) for n in (10, 11, 12)
        ]
