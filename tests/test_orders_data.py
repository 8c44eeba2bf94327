"""The example's orders: made the same each time, and nobody's."""

from __future__ import annotations

import csv
import re
import runpy
from collections import Counter
from decimal import Decimal
from itertools import groupby
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ORDERS = ROOT / "dags_examples" / "data" / "orders.csv"

Row = dict[str, str]


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    with ORDERS.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_script_writes_the_committed_file_again_byte_for_byte(tmp_path: Path) -> None:
    script = runpy.run_path(str(ROOT / "scripts" / "make_orders.py"))
    script["main"](tmp_path / "orders.csv")
    assert (tmp_path / "orders.csv").read_bytes() == ORDERS.read_bytes()


def test_there_are_300_orders_with_one_to_five_lines(rows: list[Row]) -> None:
    lines = Counter(row["order_number"] for row in rows)
    assert len(lines) == 300
    assert set(lines.values()) == {1, 2, 3, 4, 5}


def test_twelve_orders_have_a_line_at_the_end_of_the_file(rows: list[Row]) -> None:
    blocks = Counter(number for number, _ in groupby(row["order_number"] for row in rows))
    assert Counter(blocks.values()) == {1: 288, 2: 12}


def test_the_rows_of_an_order_agree_in_all_but_the_line(rows: list[Row]) -> None:
    of_line = {"item", "quantity", "unit", "unit_price", "discount"}
    heads = {tuple(value for name, value in row.items() if name not in of_line) for row in rows}
    assert len(heads) == 300


def test_quantities_have_up_to_four_decimals_and_prices_two(rows: list[Row]) -> None:
    decimals = {len(row["quantity"].partition(".")[2]) for row in rows}
    assert decimals == {0, 1, 2, 3, 4} or decimals == {0, 2, 3, 4}
    assert all(Decimal(row["quantity"]) > 0 for row in rows)
    assert all(re.fullmatch(r"\d+\.\d\d", row["unit_price"]) for row in rows)


def test_names_are_slovak_and_czech_with_their_accents(rows: list[Row]) -> None:
    names = {row["company"] for row in rows}
    for letters in ("[ľĺŕôä]", "[řůě]"):
        assert any(re.search(letters, name, re.IGNORECASE) for name in names), letters


def test_no_number_of_a_company_can_be_that_of_one(rows: list[Row]) -> None:
    numbers = {row["ico"] for row in rows} - {""}
    assert any(number.startswith("0") for number in numbers)
    for number in numbers:
        assert re.fullmatch(r"\d{8}", number)
        weighted = sum(int(digit) * (8 - place) for place, digit in enumerate(number[:7]))
        assert int(number[7]) != (11 - weighted % 11) % 10


def test_mail_goes_to_the_domains_for_examples(rows: list[Row]) -> None:
    assert all(re.fullmatch(r"[a-z.]+@example\.(com|org|net)", row["email"]) for row in rows)
