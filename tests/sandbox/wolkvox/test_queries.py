"""Queries and their pages."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.wolkvox.crm import (
    CALLS,
    CONTACT,
    PAGING,
    add,
    codes,
    generate,
    insert,
    ok,
    records,
    refused,
    uses,
)
from tests.support.sandbox import SandboxProcess


def pages(sandbox: SandboxProcess, **body: Any) -> dict[str, Any]:
    return ok(sandbox, "custom/query.php", module="leads", field="status", value="new", **body)


def test_pages_go_through_all_records(sandbox):
    generate(sandbox, 1000)
    seen = []
    for number in range(1, 6):
        answer = pages(sandbox, limit=250, page=number)
        assert (answer["page"], answer["Total records"], answer["Total pages"]) == (number, 1000, 4)
        assert answer["msg"] == f"{len(answer['data'])} records were are found"
        seen.append(codes(answer))
    assert [len(page) for page in seen] == [250, 250, 250, 250, 0]
    assert [code for page in seen for code in page] == [f"l-{number}" for number in range(1, 1001)]
    assert uses(sandbox) == 5


def test_the_last_page_may_be_partial_and_page_and_limit_may_be_text(sandbox):
    generate(sandbox, 5)
    assert codes(pages(sandbox, limit="2", page="3")) == ["l-5"]
    assert pages(sandbox, limit=2)["Total pages"] == 3


def test_the_page_size_without_limit_is_a_switch(sandbox):
    generate(sandbox, 130)
    assert len(pages(sandbox)["data"]) == 100
    sandbox.switch({"wolkvox.default_limit": 7})
    answer = pages(sandbox, page=19)
    assert (len(answer["data"]), answer["Total pages"]) == (4, 19)


def test_a_limit_above_the_highest_is_cut_or_refused(sandbox):
    generate(sandbox, 300)
    answer = pages(sandbox, limit=1000)
    assert (len(answer["data"]), answer["Total pages"]) == (250, 2)
    sandbox.switch({"wolkvox.limit_above_maximum": "refuse"})
    body = {"module": "leads", "field": "status", "value": "new"}
    assert refused(sandbox, "custom/query.php", **body, limit=251)[0] == 400
    assert len(pages(sandbox, limit=250)["data"]) == 250


def test_beyond_the_last_page_is_a_switch(sandbox):
    generate(sandbox, 3)
    assert codes(pages(sandbox, limit=2, page=3)) == []
    sandbox.switch({"wolkvox.beyond_last_page": "last page"})
    assert codes(pages(sandbox, limit=2, page=9)) == ["l-3"]
    sandbox.switch({"wolkvox.beyond_last_page": "refuse"})
    body = {"module": "leads", "field": "status", "value": "new", "limit": 2}
    assert refused(sandbox, "custom/query.php", **body, page=3) == (416, "REQUESTED RANGE NOT SATISFIABLE")
    assert codes(pages(sandbox, limit=2, page=2)) == ["l-3"]
    assert ok(sandbox, "custom/query.php", module="leads", field="x", value="y", page=1)["data"] == []


def test_totals_may_be_absent_where_they_are_not_documented(sandbox):
    sandbox.switch({"wolkvox.totals": False})
    add(sandbox, "cases", {"status": "Open"})
    assert set(pages(sandbox)) == {"code", "error", "msg", "data"}
    cases = ok(sandbox, "cases/queryCases.php", field="status", value="Open")
    assert cases.items() >= PAGING.items()
    report = ok(sandbox, "collections/reportsCollection.php", **CALLS["collections/reportsCollection.php"])
    assert set(report) == {"code", "page", "Total records", "Total pages", "msg", "data"}


def test_the_newest_may_come_first(sandbox):
    generate(sandbox, 3)
    sandbox.switch({"wolkvox.query_order": "newest first"})
    assert codes(pages(sandbox, limit=2)) == ["l-3", "l-2"]


def test_values_are_compared_as_text(sandbox):
    add(
        sandbox,
        "leads",
        {"code": "a", "x": 7},
        {"code": "b", "x": "7"},
        {"code": "c", "x": None},
        {"code": "D"},
    )

    def found(name, value):
        return codes(ok(sandbox, "custom/query.php", module="leads", field=name, value=value))

    assert found("x", "7") == found("x", 7) == ["a", "b"]
    assert found("x", "") == ["c"]
    assert found("code", "d") == []
    sandbox.switch({"wolkvox.query_match": "ignore case"})
    assert found("code", "d") == ["D"]


def test_records_are_found_by_the_date_of_their_creation(sandbox):
    for minute in range(3):
        sandbox.clock(now=f"2026-01-01T12:0{minute}:30Z")
        insert(sandbox, "leads", code=f"l-{minute}")
    body = {"module": "leads", "date": True, "from": "2026-01-01 12:01", "to": "2026-01-01 12:02"}
    found = ok(sandbox, "custom/queryDates.php", **body)
    assert [record["code"] for record in found] == ["l-1"]
    sandbox.switch({"wolkvox.query_dates_end": "whole minute", "wolkvox.query_dates_answer": "envelope"})
    found = ok(sandbox, "custom/queryDates.php", **body)
    assert (found["code"], found["Total records"], codes(found)) == ("200", 2, ["l-1", "l-2"])
    assert codes(ok(sandbox, "custom/queryDates.php", **body, limit=1, page=2)) == ["l-2"]
    sandbox.switch({"wolkvox.strict_dates": False})
    assert codes(ok(sandbox, "custom/queryDates.php", **{**body, "from": "2026-01-01"})) == [
        "l-0",
        "l-1",
        "l-2",
    ]


def test_no_rows_by_date_are_an_empty_array(sandbox):
    assert ok(sandbox, "custom/queryDates.php", **CALLS["custom/queryDates.php"]) == []


def test_dates_of_records_have_a_time_zone(sandbox):
    sandbox.switch({"wolkvox.records_timezone": "America/Bogota"})
    insert(sandbox, **CONTACT)
    assert records(sandbox)[0]["wolkvox_fecha_creacion"] == "2026-01-01 07:00:00"


@pytest.mark.parametrize(
    ("path", "module"),
    [("custom/reports.php", "contacts"), ("collections/reportsCollection.php", "collections")],
)
def test_a_report_that_exists_gives_its_modules_records(sandbox, path, module):
    old = {"code": "old", "wolkvox_fecha_creacion": "2025-12-31 23:59:59"}
    add(sandbox, module, old, {"code": "new"})
    answer = ok(sandbox, path, **CALLS[path])
    assert (answer["code"], answer["page"], codes(answer)) == ("200", 1, ["new"])
    assert ("error" in answer) is (path == "custom/reports.php")
    body = {**CALLS[path], "name": "other"}
    assert refused(sandbox, path, **body) == (404, "THE REPORT DOES NOT EXIST")
    sandbox.switch({"wolkvox.reports": "other"})
    assert ok(sandbox, path, **body)["data"] == []
