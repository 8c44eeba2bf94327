from __future__ import annotations

from typing import Any

import pytest

from airflow_provider.exceptions import VendorProtocolError, VendorRejected
from airflow_provider.wolkvox.crm import WolkvoxPage
from airflow_provider.wolkvox.paging import Pages


def page(*ids: int, records: int | None = None, pages: int | None = None) -> WolkvoxPage:
    return WolkvoxPage(records=[{"id": id_} for id_ in ids], total_records=records, total_pages=pages)


def read(*answers: Any, size: int = 2, most: int | None = None) -> tuple[Pages, list[int], list[int]]:
    asked: list[int] = []
    left = list(answers)

    def ask(number: int) -> Any:
        asked.append(number)
        return number

    def run(call: Any) -> WolkvoxPage:
        answer = left.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    pages = Pages(run, ask, size=size, most=most)
    return pages, [record["id"] for found in pages for record in found.records], asked


@pytest.mark.parametrize(
    ("answers", "ids"),
    [
        ([page()], []),
        ([page(1)], [1]),
        ([page(1, 2), page()], [1, 2]),
        ([page(1, 2), page(3)], [1, 2, 3]),
        ([page(1, 2, pages=1)], [1, 2]),
        ([page(1, pages=2), page(2, pages=2)], [1, 2]),
        ([page(1, 2, records=2)], [1, 2]),
        ([page(1, records=2), page(2, records=2)], [1, 2]),
        ([page(1, 2, pages=2), page(pages=2)], [1, 2]),
        ([page(1, 2, records=2, pages=9), page(records=2, pages=9)], [1, 2]),
        ([page(1, 2, 3), page(4)], [1, 2, 3, 4]),
        ([page(1, 2), page(3, 4), page(3, 4)], [1, 2, 3, 4]),
        ([page(1, 2), VendorRejected("beyond", status=416)], [1, 2]),
        ([page(1, 2), VendorRejected("beyond", status=200, code=416)], [1, 2]),
    ],
)
def test_it_ends_with_the_last_page(answers, ids):
    pages, found, asked = read(*answers)
    assert found == ids
    assert pages.complete
    assert asked == list(range(1, len(answers) + 1))


def test_an_answer_that_ignores_the_page_is_an_error():
    with pytest.raises(VendorProtocolError, match="the very records of page 1"):
        read(page(1, 2), page(1, 2))


@pytest.mark.parametrize(
    "answers",
    [
        [VendorRejected("beyond", status=416)],
        [page(1, 2), VendorRejected("no", status=400)],
        [page(1, 2, records=9), VendorRejected("beyond", status=416)],
    ],
)
def test_a_refusal_that_is_not_of_a_page_beyond_the_last_is_one(answers):
    with pytest.raises(VendorRejected):
        read(*answers)


def test_it_stops_after_so_many_pages_and_says_that_there_may_be_more():
    pages, found, asked = read(page(1, 2), page(3, 4), most=2)
    assert (found, asked, pages.complete) == ([1, 2, 3, 4], [1, 2], False)
    assert read(page(1, 2), page(3), most=2)[0].complete


@pytest.mark.parametrize("records", [3, 1])
def test_a_total_that_is_not_met_is_told(records, caplog):
    read(page(1, 2, records=records, pages=1))
    assert f"speaks of {records} records and has 2" in caplog.text
    caplog.clear()
    read(page(1, 2, records=2, pages=1))
    assert caplog.text == ""


@pytest.mark.parametrize(
    ("answers", "ids", "told"),
    [
        ([page(1, 2, records=9, pages=1)], [1, 2], "9 records and has 2"),
        ([page(1, 2, records=9, pages=0)], [1, 2], "9 records and has 2"),
        ([page(1, 2, records=3), page(records=3)], [1, 2], "3 records and has 2"),
        ([page(1, 2, records=9), page(3, 4), page(3, 4)], [1, 2, 3, 4], "9 records and has 4"),
        ([page(1, 2, pages=9), page(pages=9)], [1, 2], "9 pages, and page 2 is the last"),
        ([page(pages=9)], [], "9 pages, and page 1 is the last"),
    ],
)
def test_it_is_not_complete_where_fewer_came_than_announced(answers, ids, told, caplog):
    pages, found, asked = read(*answers)
    assert (found, len(asked)) == (ids, len(answers))
    assert not pages.complete
    assert told in caplog.text


@pytest.mark.parametrize("length", [2, 3, 7])
def test_an_answer_that_turns_in_a_circle_is_an_error(length):
    circle = [page(2 * n, 2 * n + 1) for n in range(length)]
    with pytest.raises(VendorProtocolError, match=f"page {length + 1} has the very records of page 1"):
        read(*circle, *circle)
