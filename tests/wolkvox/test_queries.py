"""Queries and their pages, and what parameters cannot be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException

from airflow_provider.exceptions import InvalidInput, VendorProtocolError, VendorRejected
from airflow_provider.wolkvox.operators import (
    WolkvoxDeleteRecordsOperator,
    WolkvoxInsertCasesOperator,
    WolkvoxInsertRecordsOperator,
    WolkvoxQueryCasesOperator,
    WolkvoxQueryOperator,
    WolkvoxUpdateCasesOperator,
    WolkvoxUpdateRecordsOperator,
    WolkvoxUpsertCollectionsOperator,
)
from tests.support.batches import lines
from tests.support.wolkvox import bodies, contacts, fill, insert, query

pytestmark = pytest.mark.usefixtures("quick")

WRONG = {1.5: "1.5", True: "True", "5": "a str", 0: "0", -1: "-1"}
"""What a whole number cannot be, and how it is shown."""


@pytest.mark.parametrize("totals", [True, False])
@pytest.mark.parametrize(
    ("count", "size", "pages", "pages_without_totals"),
    [(0, 250, 1, 1), (1, 250, 1, 1), (250, 250, 1, 2), (251, 250, 2, 2), (1001, 250, 5, 5), (6, 2, 3, 4)],
)
def test_all_pages_are_read(sandbox, tmp_path, totals, count, size, pages, pages_without_totals):
    sandbox.switch({"wolkvox.totals": totals})
    if count:
        fill(sandbox, count)
    result = query(field="status", value="new", page_size=size, output=str(tmp_path / "out.jsonl"))
    assert (result["total"], result["complete"]) == (count, True)
    assert result["pages"] == (pages if totals else pages_without_totals)
    codes = [record["code"] for record in lines(result["output"])]
    assert codes == [f"lead-{n}" for n in range(1, count + 1)]
    assert len(sandbox.requests("wolkvox")) == result["pages"]


@pytest.mark.parametrize("beyond", ["empty", "last page", "refuse"])
def test_what_lies_beyond_the_last_page_is_the_end(sandbox, beyond):
    sandbox.switch({"wolkvox.totals": False, "wolkvox.beyond_last_page": beyond})
    fill(sandbox, 6)
    result = query(field="status", value="new", page_size=2)
    assert (result["total"], result["complete"]) == (6, True)
    assert len(sandbox.requests("wolkvox")) == 4


def test_an_answer_that_ignores_the_page_is_no_endless_loop(sandbox, tmp_path):
    records = [{"wolkvox_id": str(n)} for n in range(2)]
    answer = {"code": "200", "error": "null", "msg": "2 records were are found", "data": records}
    sandbox.fault(vendor="wolkvox", times=None, json=answer)
    with pytest.raises(VendorProtocolError, match="the very records of page 1") as raised:
        query(field="a", value="b", page_size=2, output=str(tmp_path / "out.jsonl"))
    assert isinstance(raised.value, AirflowFailException)
    assert len(sandbox.requests("wolkvox")) == 2
    assert not (tmp_path / "out.jsonl").exists()


def test_an_answer_that_turns_in_a_circle_is_no_endless_loop(sandbox, tmp_path):
    pages = [[{"wolkvox_id": str(2 * n + m)} for m in range(2)] for n in range(3)]
    for _ in range(2):
        for page in pages:
            answer = {"code": "200", "error": "null", "msg": "6 records were are found", "data": page}
            sandbox.fault(vendor="wolkvox", json=answer)
    with pytest.raises(VendorProtocolError, match="page 4 has the very records of page 1"):
        query(field="a", value="b", page_size=2, output=str(tmp_path / "out.jsonl"))
    assert len(sandbox.requests("wolkvox")) == 4
    assert not (tmp_path / "out.jsonl").exists()


def test_more_records_than_xcom_takes_are_refused_after_the_first_page(sandbox):
    fill(sandbox, 1001)
    with pytest.raises(InvalidInput, match="more than 1,000") as raised:
        query(field="status", value="new")
    assert raised.value.field == "output"
    assert len(sandbox.requests("wolkvox")) == 1


def test_as_many_records_as_max_pages_allows_may_be_more_than_xcom_takes(sandbox):
    fill(sandbox, 1100)
    result = query(field="status", value="new", max_pages=1)
    assert (result["total"], result["complete"]) == (250, False)
    with pytest.raises(InvalidInput, match="more than 1,000"):
        query(field="status", value="new", max_pages=5)


def test_fewer_records_than_announced_are_not_complete(sandbox):
    answer = {"code": "200", "error": "null", "msg": "x", "Total records": 4, "Total pages": 1}
    sandbox.fault(vendor="wolkvox", json={**answer, "data": [{"wolkvox_id": "1"}]})
    result = query(field="a", value="b")
    assert (result["total"], result["complete"]) == (1, False)


def test_no_more_pages_are_asked_for_than_allowed_and_the_result_says_so(sandbox, caplog):
    fill(sandbox, 10)
    result = query(field="status", value="new", page_size=3, max_pages=2)
    assert (result["total"], result["pages"], result["complete"]) == (6, 2, False)


@pytest.mark.parametrize("answer", ["array", "envelope"])
def test_the_records_of_a_time_are_read(sandbox, answer):
    sandbox.switch({"wolkvox.query_dates_answer": answer})
    for day in range(1, 8):
        record = {"n": day, "wolkvox_fecha_creacion": f"2026-01-0{day} 10:00:00"}
        sandbox.control("POST", "wolkvox/records", {"module": "leads", "records": [record]})
    result = query(date_from="2026-01-02 00:00", date_to="2026-01-05T23:59:00+00:00", page_size=3)
    assert [record["n"] for record in result["records"]] == [2, 3, 4, 5]
    first = bodies(sandbox, "custom/queryDates.php")[0]
    assert (first["from"], first["to"], first["date"]) == ("2026-01-02 00:00", "2026-01-05 23:59", True)


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"field": "", "value": "x"}, "field"),
        ({"field": "a", "value": ""}, "value"),
        ({"field": "a", "value": "b", "module": " "}, "module"),
        ({"date_from": "yesterday", "date_to": "2026-01-01"}, "date_from"),
        ({"date_from": "2026-01-02", "date_to": "2026-01-01"}, "date_from"),
    ],
)
def test_a_question_that_makes_no_sense_is_not_asked(sandbox, options, field):
    with pytest.raises(InvalidInput) as raised:
        query(**options)
    assert raised.value.field == field
    assert sandbox.requests("wolkvox") == []


@pytest.mark.parametrize(
    "make",
    [
        lambda: WolkvoxQueryOperator(task_id="t", module="m"),
        lambda: WolkvoxQueryOperator(task_id="t", module="m", field="f"),
        lambda: WolkvoxQueryOperator(task_id="t", module="m", field="f", value="v", date_from="x"),
        lambda: WolkvoxQueryOperator(task_id="t", module="m", date_from="x"),
    ],
)
def test_a_question_is_for_a_value_or_for_a_time(make: Callable[[], Any]):
    with pytest.raises(ValueError, match="either"):
        make()


@pytest.mark.parametrize(
    ("operator", "name", "value", "shown"),
    [
        *((WolkvoxQueryCasesOperator, "page_size", value, shown) for value, shown in WRONG.items()),
        (WolkvoxQueryCasesOperator, "page_size", 251, "251"),
        (WolkvoxQueryCasesOperator, "page_size", None, "a NoneType"),
        *((WolkvoxQueryCasesOperator, "max_pages", value, shown) for value, shown in WRONG.items()),
        *((WolkvoxDeleteRecordsOperator, "chunk_size", value, shown) for value, shown in WRONG.items()),
        *((WolkvoxUpsertCollectionsOperator, "chunk_size", value, shown) for value, shown in WRONG.items()),
        (WolkvoxUpsertCollectionsOperator, "chunk_size", 501, "501"),
        *((WolkvoxInsertCasesOperator, "max_concurrency", value, shown) for value, shown in WRONG.items()),
        (WolkvoxInsertRecordsOperator, "record_key", "id", "2 characters of text"),
        (WolkvoxInsertRecordsOperator, "record_key", None, "a NoneType"),
        (WolkvoxInsertRecordsOperator, "record_key", [1], "a list with other things"),
        (WolkvoxInsertRecordsOperator, "required", "id", "2 characters of text"),
        (WolkvoxUpdateRecordsOperator, "required", 5, "a int"),
        (WolkvoxUpdateRecordsOperator, "required", [""], "a list with other things"),
        (WolkvoxUpdateRecordsOperator, "types", [1], "a list"),
        (WolkvoxUpsertCollectionsOperator, "types", 5, "a int"),
        (WolkvoxInsertRecordsOperator, "types", {"a": "address"}, "a str"),
        (WolkvoxUpdateRecordsOperator, "ledger_scope", "forever", '"forever"'),
        (WolkvoxUpsertCollectionsOperator, "ledger_scope", "forever", '"forever"'),
        (WolkvoxUpdateCasesOperator, "ledger_scope", "forever", '"forever"'),
    ],
)
def test_what_a_parameter_cannot_be_is_refused_when_the_dag_is_parsed(operator, name, value, shown):
    needed: dict[str, Any] = {"records": []}
    if operator is WolkvoxQueryCasesOperator:
        needed = {"field": "f", "value": "v"}
    if operator in (WolkvoxInsertRecordsOperator, WolkvoxUpdateRecordsOperator, WolkvoxDeleteRecordsOperator):
        needed["module"] = "m"
    with pytest.raises(ValueError, match=f"{name}.* must be") as raised:
        operator(task_id="t", **needed, **{name: value})
    assert shown in str(raised.value)


@pytest.mark.parametrize("types", ["text", "[1]"])
def test_types_from_elsewhere_are_looked_at_when_they_are_there(sandbox, types):
    with pytest.raises(InvalidInput, match="types must be a dict"):
        insert(contacts(1), types=types)
    assert sandbox.requests("wolkvox") == []


def test_a_refused_question_fails_at_once(sandbox):
    sandbox.switch({"wolkvox.modules": "contacts"})
    with pytest.raises(VendorRejected, match="THE MODULE DOES NOT EXIST") as raised:
        query(field="a", value="b")
    assert isinstance(raised.value, AirflowFailException)
    assert len(sandbox.requests("wolkvox")) == 1


def test_a_broken_read_is_repeated_once(sandbox):
    fill(sandbox, 1)
    sandbox.fault(vendor="wolkvox", action="reset")
    assert query(field="status", value="new")["total"] == 1
    assert len(sandbox.requests("wolkvox")) == 2
