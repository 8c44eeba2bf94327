from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from airflow_provider.exceptions import InvalidInput
from airflow_provider.records.readers import Records
from airflow_provider.records.shards import split_records

SLOVAK = "id,name\n1,Ľubomír Šťastný\n2,Žofia Kráľová\n"
SPANISH = "id,name\n1,Núñez Íñigo\n2,¿Señor?\n"


def remedy(path: Path, content: bytes, match: str = "is not utf-8", **options: Any) -> str:
    path.write_bytes(content)
    with pytest.raises(InvalidInput, match=match) as raised, Records(str(path), **options) as records:
        list(records)
    assert raised.value.field == "records"
    return str(raised.value.remedy)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32"])
@pytest.mark.parametrize("name", ["in.csv", "in.jsonl"])
def test_a_file_that_begins_like_utf_16_is_named(tmp_path, encoding, name):
    told = remedy(tmp_path / name, SLOVAK.encode(encoding))
    assert told == f'It is {encoding.upper()}: set encoding="{encoding}".'


@pytest.mark.parametrize(
    ("content", "encoding", "others"),
    [
        (SLOVAK, "cp1250", ["cp1252", "iso-8859-2"]),
        (SLOVAK, "iso-8859-2", ["cp1252"]),
        (SPANISH, "cp1252", ["cp1250", "iso-8859-2"]),
    ],
)
def test_the_encodings_that_fit_are_named(tmp_path, content, encoding, others):
    told = remedy(tmp_path / "in.csv", content.encode(encoding)).partition(". ")[0]
    assert told.startswith('Set "encoding" to the one it was written in; ')
    assert encoding in told
    assert not [other for other in others if other in told]


def test_what_a_slovak_file_is_and_what_the_usual_guess_does_to_it_is_said(tmp_path):
    told = remedy(tmp_path / "in.csv", SLOVAK.encode("cp1250"))
    assert "Slovak, Czech, Polish and Hungarian files are often cp1250" in told
    assert 'read as cp1252, their "Ľ" becomes "¼"' in told


def test_the_encoding_that_was_given_is_named_and_not_proposed_again(tmp_path):
    told = remedy(tmp_path / "in.csv", b"id\n\x81\n", encoding="cp1252", match="is not cp1252, near record 1")
    assert "would fit" not in told


def test_splitting_says_the_same(tmp_path):
    source = tmp_path / "in.csv"
    source.write_bytes(SLOVAK.encode("cp1250"))
    with pytest.raises(InvalidInput, match="is not utf-8") as raised:
        split_records(str(source), 2, str(tmp_path / "out"))
    assert "; cp1250 would fit" in raised.value.remedy
