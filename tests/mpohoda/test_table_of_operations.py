"""The table of the vendor's 87 operations in the docs, held against the code."""

from __future__ import annotations

import re
from collections import Counter
from importlib import import_module

import pytest

from airflow_provider.mpohoda import calls
from airflow_provider.mpohoda.hooks import MpohodaHook
from airflow_provider.mpohoda.resources import PARTS, RESOURCES
from airflow_provider.vendors import vendor_of
from tests.support.sandbox import ROOT

BASES = {"MpohodaBatchOperator"}
ANYTHING = {"MpohodaQuotaSensor"}
"""What reaches no operation of its own."""
NAMES = r"Mpohoda\w+(?:Operator|Sensor)\b"


def page() -> str:
    """Return all pages of mPOHODA."""
    pages = sorted((ROOT / "docs").glob("mpohoda*.rst"))
    return "".join(path.read_text(encoding="utf-8") for path in pages)


def table() -> list[str]:
    """Return the rows of the table, each as its text."""
    _, _, rest = page().partition("\nThe vendor's 87 operations\n")
    return rest.partition("\n**What the API does not have**")[0].split("\n   * - ")[2:]


def operations(row: str) -> list[tuple[str, str]]:
    method, _, paths = row.split("\n     - ")[1].split("\n\n")[0].partition(" ")
    return [(method, path) for path in re.findall(r"``(/[\w/{}]+)``", paths)]


def calls_of(row: str) -> list[str]:
    last = row.strip().split("\n\n")[-1].strip()
    assert re.fullmatch(r"``\w+``(, ``\w+``)*", last)
    return re.findall(r"``(\w+)``", last)


def offered() -> set[str]:
    vendor = vendor_of("mpohoda")
    assert vendor is not None
    modules = filter(None, map(vendor.module, ("operators", "sensors")))
    return {name for one in modules for name in vars(import_module(one)) if re.fullmatch(NAMES, name)}


def test_each_of_the_87_operations_is_in_the_table_once():
    shown = Counter((method, f"/v1{path}") for row in table() for method, path in operations(row))
    known = Counter(operation for one in RESOURCES.values() for operation in one.operations())
    assert known.total() == 87
    assert shown == known


def test_a_row_has_all_operations_of_a_part_and_who_reaches_them():
    parts: list[str] = []
    for row in table():
        assert re.search(NAMES, row)
        assert calls_of(row)
        of = {
            name
            for name in PARTS
            if Counter(operations(row))
            == Counter(
                (method, path.removeprefix("/v1"))
                for one in RESOURCES.values()
                if name in one.parts
                for method, path in [(PARTS[name].method, f"/{one._template(name)}")]
            )
        }
        assert len(of) == 1, row
        parts += of
    assert sorted(parts) == sorted(PARTS)


@pytest.mark.parametrize("row", table(), ids=lambda row: row.partition("\n")[0])
def test_the_calls_of_a_row_exist(row):
    for name in calls_of(row):
        found = [holder for holder in (calls, MpohodaHook) if hasattr(holder, name)]
        assert found, name


def test_what_the_page_names_can_be_imported():
    named = set(re.findall(NAMES, page()))
    assert named <= offered()


def test_each_operator_and_sensor_is_in_the_table():
    named = set(re.findall(NAMES, "".join(table())))
    assert offered() - BASES - ANYTHING <= named
