from __future__ import annotations

import json
import os
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pydantic import Field, SecretStr

from airflow_provider.exceptions import InvalidInput
from airflow_provider.http.model import VendorModel
from airflow_provider.records.writers import FileOutput, ListOutput
from airflow_provider.secrets import is_sealed, open_sealed, seal_fields
from tests.support.batches import lines

SECRET = "s3cr3t-value"


@pytest.fixture(params=["path", "uri"])
def place(request, tmp_path) -> tuple[str, Path]:
    """Where to write, as it is given and as it is found on the disk."""
    path = tmp_path / "out.jsonl"
    return (f"file://{path}" if request.param == "uri" else str(path)), path


def test_the_file_appears_only_when_it_is_complete(place):
    name, path = place
    output = FileOutput(name)
    output.write({"id": 1, "name": "Ödön"})
    output.write({"id": 2})
    assert not path.exists()
    assert output.publish() == name
    assert lines(path) == [{"id": 1, "name": "Ödön"}, {"id": 2}]
    assert os.listdir(path.parent) == ["out.jsonl"]


def test_a_batch_without_results_publishes_an_empty_file(place):
    name, path = place
    FileOutput(name).publish()
    assert path.read_text() == ""


def test_publishing_replaces_the_file_of_before(place):
    name, path = place
    path.write_text("old\n")
    output = FileOutput(name)
    output.write({"id": 1})
    output.publish()
    assert lines(path) == [{"id": 1}]


def test_what_is_kept_stands_apart_and_the_file_of_before_is_untouched(place):
    name, path = place
    path.write_text("old\n")
    output = FileOutput(name)
    output.write({"id": 1})
    kept = output.keep()
    assert kept == name + ".partial"
    assert lines(Path(f"{path}.partial")) == [{"id": 1}]
    assert path.read_text() == "old\n"


def test_keeping_nothing_leaves_no_partial_file(place):
    name, path = place
    path.write_text("old\n")
    assert FileOutput(name).keep() is None
    assert os.listdir(path.parent) == ["out.jsonl"]
    assert path.read_text() == "old\n"


def test_discarding_leaves_nothing_of_now_or_before(place):
    name, path = place
    path.write_text("old\n")
    output = FileOutput(name)
    output.write({"id": 1})
    output.discard()
    assert os.listdir(path.parent) == []


def test_closing_twice_is_harmless(place):
    output = FileOutput(place[0])
    output.close()
    output.close()


@pytest.mark.parametrize("scheme", ["", "file://"])
def test_folders_are_made(tmp_path, scheme):
    FileOutput(f"{scheme}{tmp_path}/a/b/out.jsonl").publish()
    assert (tmp_path / "a" / "b" / "out.jsonl").exists()


def test_a_bare_file_name_is_written_to_the_working_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    FileOutput("out.jsonl").publish()
    assert (tmp_path / "out.jsonl").exists()


@pytest.mark.parametrize("name", ["file.txt/out.jsonl", "folder.jsonl", "nope://bucket/out.jsonl"])
def test_a_place_that_cannot_be_written_to_is_named(tmp_path, name):
    (tmp_path / "file.txt").write_text("x")
    (tmp_path / "folder.jsonl.partial").mkdir()
    path = name if "://" in name else f"{tmp_path}/{name}"
    with pytest.raises(InvalidInput, match="cannot be written") as raised:
        FileOutput(path)
    assert path in str(raised.value)
    assert raised.value.field == "output"
    assert raised.value.remedy


ODD = {
    "day": date(2027, 1, 31),
    "moment": datetime(2027, 1, 31, 12, tzinfo=UTC),
    "amount": Decimal("1.50"),
    "path": Path("a"),
    "text": "línea\nseparada\u2028",
}
PLAIN = {
    "day": "2027-01-31",
    "moment": "2027-01-31T12:00:00+00:00",
    "amount": "1.50",
    "path": "a",
    "text": "línea\nseparada\u2028",
}


def test_values_that_are_not_json_are_written_as_text_to_files_and_lists_alike(tmp_path):
    listed, filed = ListOutput(), FileOutput(str(tmp_path / "out.jsonl"))
    for output in (listed, filed):
        output.write(dict(ODD))
    filed.publish()
    assert listed.records == [PLAIN]
    assert [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().split("\n") if line] == [PLAIN]


def test_a_secret_is_sealed_wherever_it_is_written(tmp_path):
    listed, filed = ListOutput(), FileOutput(str(tmp_path / "out.jsonl"))
    for output in (listed, filed):
        output.write({"a": {"key": SecretStr(SECRET)}})
    filed.publish()
    for record in (*listed.records, *lines(tmp_path / "out.jsonl")):
        assert open_sealed(record["a"]["key"]).get_secret_value() == SECRET


def test_a_listed_record_is_not_the_callers_own():
    listed, record = ListOutput(), {"a": {"b": 1}}
    listed.write(record)
    record["a"]["b"] = 2
    assert listed.records == [{"a": {"b": 1}}]
    endings: list[Any] = [listed.publish, listed.keep, listed.discard, listed.close]
    assert [end() for end in endings] == [None, None, None, None]


class Part(VendorModel):
    name: str


class Whole(VendorModel):
    key: SecretStr
    hidden: SecretStr | None = None
    number: int = Field(alias="vendorNumber")
    parts: tuple[Part, ...] = ()


def test_a_reply_is_passed_on_with_its_declared_fields_alone_and_its_secrets_sealed():
    response = Whole.model_validate(
        {"key": SECRET, "vendorNumber": 3, "parts": [{"name": "a", "extra": SECRET}], "session": SECRET}
    )
    plain = seal_fields(response)
    assert is_sealed(plain["key"])
    assert open_sealed(plain.pop("key")).get_secret_value() == SECRET
    assert plain == {"hidden": None, "number": 3, "parts": [{"name": "a"}]}
    assert json.dumps(plain)
