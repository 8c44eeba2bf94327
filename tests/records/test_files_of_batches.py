"""A batch writes a file of any format, and the next batch reads it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from airflow_provider.exceptions import InvalidInput
from airflow_provider.imbee.operators import ImbeeCreateChatsOperator, ImbeeCreateUsersOperator
from airflow_provider.records.formats import FORMATS


@pytest.fixture(autouse=True)
def quick(sandbox, set_connection, no_waiting):
    set_connection("imbee_default", extra={"timeout": 5})


def users(records: Any, **options: Any) -> dict[str, Any]:
    return ImbeeCreateUsersOperator(task_id="users", records=records, **options).execute({})


def chats(records: Any, **options: Any) -> dict[str, Any]:
    [agent] = users([{"unique_id_sha": "agent"}])["records"]
    options["defaults"] = {"contacts": agent["user"]["virtual_user"]}
    return ImbeeCreateChatsOperator(task_id="chats", records=records, **options).execute({})


PEOPLE = [{"unique_id_sha": f"user-{n}", "note": "Ödön, the 2nd\n" if n == 2 else None} for n in range(1, 4)]


@pytest.mark.parametrize("ending", FORMATS)
def test_batches_chain_through_a_file_of_any_format(sandbox, tmp_path, ending):
    first = users(PEOPLE, output=f"{tmp_path}/users{ending}")
    assert (first["created"], first["output"]) == (3, f"{tmp_path}/users{ending}")
    second = chats(first, output=f"{tmp_path}/chats{ending}")
    assert (second["total"], second["created"]) == (3, 3)
    assert sorted(os.listdir(tmp_path)) == [f"chats{ending}", f"users{ending}"]


@pytest.mark.parametrize("ending", FORMATS)
def test_the_report_of_a_file_of_any_format_can_be_corrected_and_sent(sandbox, tmp_path, ending):
    people = [*PEOPLE, {"unique_id_sha": "", "note": [1, {"a": None}]}]
    result = users(people, output=f"{tmp_path}/users{ending}", on_error="continue")
    assert (result["created"], result["failed"]) == (3, 1)
    assert ".failed." in result["failures_output"]
    again = users(
        result["failures_output"],
        fields={"unique_id_sha": "error"},
        output=f"{tmp_path}/again.jsonl",
    )
    assert again["created"] == 1


def test_what_a_batch_has_done_is_kept_when_it_ends_early(sandbox, tmp_path):
    with pytest.raises(InvalidInput):
        users([*PEOPLE, {"unique_id_sha": ""}], output=f"{tmp_path}/users.csv", max_concurrency=1)
    assert sorted(os.listdir(tmp_path)) == ["users.csv.partial", "users.failed.jsonl"]
    # The name of the report says how it is read.
    [failure] = map(json.loads, (tmp_path / "users.failed.jsonl").read_text().splitlines())
    assert failure["row"] == 4
    kept = (tmp_path / "users.csv.partial").read_text()
    assert kept.startswith("unique_id_sha,note,user.")
    assert "sealed:" in kept or "user.virtual_user" in kept


def test_an_output_that_no_batch_could_read_is_refused_before_anything_is_sent(sandbox, tmp_path):
    with pytest.raises(InvalidInput, match=r'"output" names a file of an unknown format \("\.json"\)'):
        users(PEOPLE, output=f"{tmp_path}/users.json")
    assert sandbox.requests("imbee") == []
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("ending", FORMATS)
def test_a_day_without_records_reaches_the_last_batch(sandbox, tmp_path, ending):
    Path(tmp_path / "in.csv").write_text("unique_id_sha,note\n")
    first = users(f"{tmp_path}/in.csv", output=f"{tmp_path}/users{ending}")
    assert first["total"] == 0
    assert chats(first, output=f"{tmp_path}/chats{ending}")["total"] == 0
