"""The table of wolkvox's requests in the docs, held against the code."""

from __future__ import annotations

import re

import pytest

from airflow_provider.sandbox.wolkvox.vendor import PATH
from airflow_provider.wolkvox import operators, sensors
from tests.support.sandbox import ROOT

PHP = r"(?:custom|cases|collections|token)/\w+\.php"
BASES = {
    "WolkvoxBatchOperator",
    "WolkvoxFieldQueryOperator",
    "WolkvoxFieldsOperator",
    "WolkvoxInsertOperator",
    "WolkvoxModuleOperator",
    "WolkvoxNumbersAsTextOperator",
    "WolkvoxPagesOperator",
    "WolkvoxWriteCasesOperator",
}


def table() -> list[str]:
    """Return the rows of the table, each as its text."""
    page = (ROOT / "docs" / "wolkvox_known.rst").read_text(encoding="utf-8")
    _, _, rest = page.partition("\nAll requests of the collection\n")
    below = rest.partition("\nWhat wolkvox does not say\n")[0]
    return below.split("\n   * - ")[2:]


def found(pattern: str) -> set[str]:
    return {one for row in table() for one in re.findall(pattern, row)}


def test_each_request_of_the_collection_has_a_row():
    assert len(table()) == 26
    for row in table():
        request, body, known = row.split("\n     - ")
        assert re.search(rf"(?m)^ *(GET|POST) ``{PHP}``$", request)
        assert "operation" in body or re.search(r"``\\\*|Those of a call", body), "required keys are marked"
        assert known.strip()


@pytest.mark.parametrize("room", ["wolkvox", "sandbox/wolkvox"])
def test_each_path_that_the_code_knows_is_in_the_table(room):
    sources = sorted((ROOT / "airflow_provider" / room).glob("*.py"))
    known = {path for source in sources for path in re.findall(PHP, source.read_text(encoding="utf-8"))}
    assert len(known) > 10
    assert known <= found(PHP)


def test_the_sandbox_serves_each_path_of_the_table():
    sources = (ROOT / "airflow_provider" / "sandbox" / "wolkvox").glob("*.py")
    served = {
        path
        for source in sources
        for path in re.findall(rf'"({PHP})": Endpoint\(', source.read_text(encoding="utf-8"))
    }
    assert found(PHP) == served | {PATH.partition("/v2/")[2]}


def test_each_operator_of_the_table_can_be_imported_and_each_operator_is_in_it():
    named = found(r"Wolkvox\w+(?:Operator|Sensor)\b")
    offered = {
        name
        for module in (operators, sensors)
        for name in vars(module)
        if re.fullmatch(r"Wolkvox\w+(Operator|Sensor)", name)
    }
    assert named <= offered
    assert offered - BASES <= named
