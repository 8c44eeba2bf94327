"""The example's customers: made the same each time, and as odd as real exports are."""

from __future__ import annotations

import csv
import re
import runpy
from collections import Counter
from datetime import date
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
CUSTOMERS = ROOT / "dags_examples" / "data" / "customers.csv"
# What is reserved for fiction in the USA and in the United Kingdom.
FICTIONAL = re.compile(r"1\d{3}55501\d\d|447700900\d{3}|441632960\d{3}|4420794[6]0\d{3}")

Row = dict[str, str]


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    with CUSTOMERS.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def is_day(text: str) -> bool:
    try:
        return str(date.fromisoformat(text)) == text
    except ValueError:
        return False


def test_the_script_writes_the_committed_file_again_byte_for_byte(tmp_path: Path) -> None:
    script = runpy.run_path(str(ROOT / "scripts" / "make_customers.py"))
    script["main"](tmp_path / "customers.csv")
    assert (tmp_path / "customers.csv").read_bytes() == CUSTOMERS.read_bytes()


def test_the_file_is_small_utf_8_without_mark_and_with_unix_line_ends() -> None:
    content = CUSTOMERS.read_bytes()
    assert len(content) < 600_000
    assert b"\r" not in content
    assert not content.startswith(b"\xef\xbb\xbf")
    assert content.endswith(b"\n")


def test_there_are_5000_customers_of_whom_15_were_exported_twice(rows: list[Row]) -> None:
    assert len(rows) == 5000
    assert list(rows[0]) == ["customer_id", "full_name", "email", "phone", "language", "valid_until", "note"]
    ids = Counter(row["customer_id"].strip() for row in rows)
    assert Counter(ids.values()) == {1: 4970, 2: 15}
    assert all(re.fullmatch(r"C-\d{6}", name) for name in ids)


def test_a_customer_exported_twice_has_the_same_addresses_both_times(rows: list[Row]) -> None:
    addresses: dict[str, set[tuple[str, str]]] = {}
    for row in rows:
        addresses.setdefault(row["customer_id"].strip(), set()).add(
            (row["email"].strip(), row["phone"].strip())
        )
    assert all(len(found) == 1 for found in addresses.values())


def test_addresses_are_missing_here_and_there(rows: list[Row]) -> None:
    missing = Counter((not row["email"].strip(), not row["phone"].strip()) for row in rows)
    assert missing[True, True] == 25
    assert missing[True, False] == 310
    assert missing[False, True] == 420


def test_some_dates_are_missing_and_six_are_none(rows: list[Row]) -> None:
    days = [row["valid_until"].strip() for row in rows]
    assert days.count("") == 600
    bad = sorted(day for day in days if day and not is_day(day))
    assert bad == ["2027-02-30", "2027-06-31", "2027-13-01", "30. 6. 2027", "31/12/2027", "end of 2027"]


def test_a_row_has_at_most_one_fault(rows: list[Row]) -> None:
    seen: set[str] = set()
    for row in rows:
        name, mail, phone, day = (
            row[key].strip() for key in ("customer_id", "email", "phone", "valid_until")
        )
        assert (name in seen) + (not mail and not phone) + (bool(day) and not is_day(day)) <= 1
        seen.add(name)


def test_names_come_in_three_alphabets_and_with_accents(rows: list[Row]) -> None:
    names = [row["full_name"] for row in rows]
    alphabets = {"Cyrillic": "[А-Яа-яЄІЇєії]", "Greek": "[Α-Ωα-ωά-ώ]", "Latin with accents": "[À-ž]"}
    counts = {
        name: sum(bool(re.search(letters, text)) for text in names) for name, letters in alphabets.items()
    }
    assert min(counts.values()) > 500, counts


def test_notes_have_line_breaks_quotes_and_commas(rows: list[Row]) -> None:
    for character in '\n",':
        assert sum(character in row["note"] for row in rows) > 50, repr(character)


def test_some_values_stand_between_blanks(rows: list[Row]) -> None:
    assert 120 <= sum(row["customer_id"] != row["customer_id"].strip() for row in rows) <= 135


def test_no_address_and_no_number_can_be_that_of_a_person(rows: list[Row]) -> None:
    for row in rows:
        if mail := row["email"].strip():
            assert re.fullmatch(r"[a-z0-9._+'-]+@example\.(com|org|net)", mail), mail
        if phone := re.sub(r"\D", "", row["phone"]).removeprefix("00"):
            assert FICTIONAL.fullmatch(phone), phone
