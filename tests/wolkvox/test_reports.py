"""Reports of the CRM, over real HTTP against the sandbox."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException

from airflow_provider.exceptions import InvalidInput, VendorProtocolError, VendorRejected, VendorUnavailable
from airflow_provider.http.call import Repeat
from airflow_provider.wolkvox import calls
from airflow_provider.wolkvox.operators import WolkvoxReportOperator
from tests.support.batches import lines
from tests.support.wolkvox import bodies, fill, spend
from tests.support.wolkvox_calls import ALL, CRM, answer
from tests.support.wolkvox_collections import report

pytestmark = pytest.mark.usefixtures("quick")

PATHS = {False: "custom/reports.php", True: "collections/reportsCollection.php"}
ROW = {"status": "Open"}


def put(sandbox: Any, *rows: dict[str, Any], module: str = "contacts") -> None:
    stamped = [{"wolkvox_fecha_creacion": "2026-02-03 04:05:06", **row} for row in rows]
    sandbox.control("POST", "wolkvox/records", {"module": module, "records": stamped})


def pages(sandbox: Any, *answers: list[dict[str, Any]], **more: Any) -> None:
    """Answer one request with each of these lists of rows, as a report does: without totals."""
    for rows in answers:
        found = {"code": "200", "error": "null", "msg": f"{len(rows)} records were are found", "data": rows}
        sandbox.fault(vendor="wolkvox", json={**found, **more})


# What is sent


@pytest.mark.parametrize("collections", [False, True])
def test_a_report_is_asked_for_as_the_vendors_collection_asks(sandbox, collections):
    name = "collections" if collections else "contacts"
    put(sandbox, {"n": 1}, {"n": 2}, {"n": 3}, module=name)
    result = report(
        name,
        collections=collections,
        date_from="2026-01-01 08:09:10",
        date_to=datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC),
        page_size=2,
    )
    assert ([row["n"] for row in result["records"]], result["complete"]) == ([1, 2, 3], True)
    assert bodies(sandbox, PATHS[collections]) == [
        {
            "operation": "demo_operation",
            "name": name,
            "dateStart": "2026-01-01 08:09:10",
            "dateEnd": "2026-12-31 23:59:59",
            "limit": "2",
            "page": page,
        }
        for page in ("1", "2")
    ]


@pytest.mark.parametrize("name", ["query_report", "query_collections_report"])
def test_a_report_may_be_asked_for_again(name):
    assert ALL[name].repeat is Repeat.SAFE
    assert ALL[name].json["dateEnd"] == "2026-01-02 10:30:59"


@pytest.mark.parametrize(
    ("given", "written"),
    [
        ("2026-01-02 10:30:59", "2026-01-02 10:30:59"),
        ("2026-01-02T10:30:59-05:00", "2026-01-02 10:30:59"),
        ("2026-01-02T10:30:59.123456+00:00", "2026-01-02 10:30:59"),
        ("2026-01-02 10:30", "2026-01-02 10:30:00"),
        (date(2026, 1, 2), "2026-01-02 00:00:00"),
    ],
)
def test_times_are_written_to_the_second_as_they_stand(given, written):
    assert calls.query_report(CRM, "r", given, "2027-01-01").json["dateStart"] == written


def test_times_may_have_a_format_of_their_own(sandbox):
    report(date_from="01.01.2026 10:00", date_to="31.12.2026 11:00", date_format="%d.%m.%Y %H:%M")
    [body] = bodies(sandbox, PATHS[False])
    assert (body["dateStart"], body["dateEnd"]) == ("2026-01-01 10:00:00", "2026-12-31 11:00:00")


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"name": " \u200b"}, "name"),
        ({"date_from": "yesterday"}, "date_from"),
        ({"date_to": ""}, "date_to"),
        ({"date_from": "2027-01-01"}, "date_from"),
    ],
)
@pytest.mark.parametrize("collections", [False, True])
def test_a_question_that_makes_no_sense_is_not_asked(sandbox, collections, options, field):
    with pytest.raises(InvalidInput) as raised:
        report(collections=collections, **options)
    assert raised.value.field == field
    assert sandbox.requests("wolkvox") == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("name", ""),
        ("name", 5),
        ("date_from", 5),
        ("date_to", [1]),
        ("collections", "yes"),
        ("date_format", "d.m.Y"),
        ("page_size", 251),
    ],
)
def test_what_a_parameter_cannot_be_is_refused_when_the_dag_is_parsed(name, value):
    given = {"name": "r", "date_from": "2026-01-01", "date_to": "2026-01-02", name: value}
    with pytest.raises(ValueError, match=f"{name} must be"):
        WolkvoxReportOperator(task_id="t", **given)


# A report that is not there


@pytest.mark.parametrize("collections", [False, True])
@pytest.mark.parametrize("status", [400, 404])
def test_a_report_that_is_not_in_the_crm_is_named(sandbox, collections, status):
    sandbox.switch({"wolkvox.unknown_report_status": status})
    with pytest.raises(VendorRejected, match="THE REPORT DOES NOT EXIST") as raised:
        report("Llamadas de mayo", collections=collections)
    assert 'has a report with the name "Llamadas de mayo"' in str(raised.value)
    assert isinstance(raised.value, AirflowFailException)
    assert len(sandbox.requests("wolkvox")) == 1


@pytest.mark.parametrize("status", [412, 417])
def test_another_refusal_speaks_of_no_name(sandbox, status):
    sandbox.fault(vendor="wolkvox", status=status, json={"code": str(status), "error": "x", "msg": "no"})
    with pytest.raises(VendorRejected) as raised:
        report("Llamadas de mayo")
    assert "Llamadas de mayo" not in str(raised.value)


# Pages


@pytest.mark.parametrize("totals", [True, False])
@pytest.mark.parametrize(("count", "size"), [(0, 250), (1, 250), (250, 250), (251, 250), (6, 2), (5, 2)])
@pytest.mark.parametrize("collections", [False, True])
def test_all_rows_are_read(sandbox, tmp_path, collections, totals, count, size):
    sandbox.switch({"wolkvox.totals": totals})
    name = "collections" if collections else "contacts"
    if count:
        fill(sandbox, count, name)
    output = str(tmp_path / "out.jsonl")
    options = {"date_from": "2020-01-01", "date_to": "2040-01-01", "page_size": size, "output": output}
    result = report(name, collections=collections, **options)
    assert (result["total"], result["complete"]) == (count, True)
    assert [row["code"] for row in lines(output)] == [f"lead-{n}" for n in range(1, count + 1)]


@pytest.mark.parametrize("beyond", ["empty", "last page", "refuse"])
def test_what_lies_beyond_the_last_page_is_the_end(sandbox, beyond):
    sandbox.switch({"wolkvox.totals": False, "wolkvox.beyond_last_page": beyond})
    put(sandbox, *({"n": n} for n in range(6)))
    result = report(page_size=2)
    assert ([row["n"] for row in result["records"]], result["complete"]) == ([0, 1, 2, 3, 4, 5], True)
    assert len(sandbox.requests("wolkvox")) == 4


@pytest.mark.parametrize("collections", [False, True])
def test_an_answer_without_error_is_a_success(collections):
    name = "query_collections_report" if collections else "query_report"
    sent: dict[str, Any] = {"page": 1, "Total records": 7, "Total pages": 4, "data": [ROW]}
    page = ALL[name].decode(answer(code="200", error=None, **sent))
    assert (page.records, page.number, page.total_records, page.total_pages) == ([ROW], 1, 7, 4)


# Rows that are equal


@pytest.mark.parametrize("size", [1, 2, 3, 250])
def test_equal_rows_are_rows_of_their_own(sandbox, size):
    totals = {"Total records": 7, "Total pages": -(-7 // size)}
    for start in range(0, 7, size):
        rows = [ROW] * min(size, 7 - start)
        pages(sandbox, rows, page=start // size + 1, **totals)
    result = report(page_size=size)
    assert (result["records"], result["complete"]) == ([ROW] * 7, True)


@pytest.mark.parametrize(
    ("answers", "total"),
    [
        ([[ROW] * 2, [ROW] * 2, [ROW]], 5),
        ([[ROW] * 2, [ROW] * 2, []], 4),
        ([[ROW] * 2, [ROW] * 2, [{"status": "Closed"}] * 2, [ROW]], 7),
        ([[ROW] * 2, [{"status": "Closed"}] * 2, [ROW] * 2, []], 6),
    ],
)
def test_equal_pages_of_equal_rows_come_where_the_answer_has_no_totals(sandbox, answers, total):
    pages(sandbox, *answers)
    result = report(page_size=2)
    assert (result["total"], result["complete"]) == (total, True)
    assert result["records"] == [row for rows in answers for row in rows]
    assert len(sandbox.requests("wolkvox")) == len(answers)


def test_equal_pages_of_rows_come_where_the_answer_says_which_page_it_is(sandbox):
    rows = [ROW, {"status": "Closed"}]
    for number in (1, 2, 3):
        pages(sandbox, rows, page=number, **{"Total records": 6, "Total pages": 3})
    result = report(page_size=2)
    assert (result["records"], result["complete"]) == (rows * 3, True)


def test_an_interrupted_report_of_equal_rows_goes_on(sandbox, tmp_path):
    output = str(tmp_path / "out.jsonl")
    pages(sandbox, [ROW] * 2, [ROW] * 2)
    sandbox.fault(vendor="wolkvox", status=503, times=2)
    with pytest.raises(VendorUnavailable):
        report(page_size=2, output=output)
    sandbox.control("DELETE", "faults")
    pages(sandbox, [ROW] * 2, [ROW])
    result = report(page_size=2, output=output)
    assert (result["total"], result["resumed_at"], result["requests"]) == (7, 3, 2)
    assert lines(output) == [ROW] * 7


@pytest.mark.parametrize(
    ("make", "requests"),
    [
        (lambda sandbox: pages(sandbox, *[[ROW, {"status": "Closed"}]] * 3), 2),
        (
            lambda sandbox: pages(
                sandbox,
                *[[ROW, {"status": "Closed"}]] * 3,
                page=1,
                **{"Total records": 6, "Total pages": 3},
            ),
            2,
        ),
        (lambda sandbox: pages(sandbox, *[[ROW] * 2] * 40), 11),
    ],
    ids=["without totals", "page 1 again and again", "one row for ever"],
)
def test_an_answer_that_ignores_the_page_is_no_endless_loop(
    sandbox, tmp_path, make: Callable[[Any], None], requests
):
    make(sandbox)
    with pytest.raises(VendorProtocolError, match="nobody can tell whether there are more"):
        report(page_size=2, output=str(tmp_path / "out.jsonl"))
    assert len(sandbox.requests("wolkvox")) == requests
    assert not (tmp_path / "out.jsonl").exists()


def test_a_person_that_moved_to_the_next_page_comes_once(sandbox):
    rows = [{"wolkvox_id": str(n)} for n in range(4)]
    pages(sandbox, rows[:2], [rows[1], rows[2]], [rows[3]])
    result = report("collections", collections=True, page_size=2)
    assert ([row["wolkvox_id"] for row in result["records"]], result["complete"]) == (list("0123"), False)


def test_rows_without_an_identifier_all_come_in_a_report_of_collections_too(sandbox):
    rows = [{"wolkvox_id": "", "n": n} for n in range(3)]
    pages(sandbox, rows[:2], rows[2:])
    assert report("collections", collections=True, page_size=2)["records"] == rows


# The quota


def test_a_used_up_quota_keeps_what_was_read(sandbox, tmp_path):
    put(sandbox, *({"n": n} for n in range(6)))
    spend(sandbox, 2)
    output = str(tmp_path / "out.jsonl")
    with pytest.raises(Exception, match="TOKEN LIMIT EXCEEDED"):
        report(page_size=2, output=output)
    spend(sandbox, 50)
    result = report(page_size=2, output=output)
    assert (result["total"], result["resumed_at"], result["requests"]) == (6, 3, 1)
