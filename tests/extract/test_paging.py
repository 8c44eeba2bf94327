from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from airflow_provider.exceptions import VendorProtocolError, VendorRejected
from airflow_provider.extract.extraction import read_pages, start_reading
from airflow_provider.extract.listing import Listing, Query
from airflow_provider.extract.paging import Cursor, Page, PageNumbers, Progress
from airflow_provider.extract.reading import Reading

NUMBERS = PageNumbers()


def page(*ids: int, records: int | None = None, pages: int | None = None, after: int | None = None) -> Page:
    return Page([{"id": id_} for id_ in ids], total_records=records, total_pages=pages, next=after)


def read(
    *answers: Any,
    size: int = 2,
    most: int | None = None,
    paging: Any = NUMBERS,
    identity: str | None = None,
) -> tuple[Progress, list[int], list[int]]:
    asked: list[int] = []
    left = list(answers)

    def ask(**position: Any) -> Any:
        [number] = position.values()
        asked.append(number)
        return number

    def run(call: Any) -> Page:
        answer = left.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    listing = Listing(name="acme.list", call=ask, read=lambda one: one, paging=paging, identity=identity)
    query = Query(listing=listing, ask=ask, size=size, most=most)
    reading = start_reading(query)
    found: list[Any] = []
    for rows in read_pages(query, run, reading):
        found += [record["id"] for record in rows if isinstance(record, dict)]
    return reading.progress, found, asked


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


@pytest.mark.parametrize("status", [400, 404, 416])
def test_a_vendor_may_refuse_the_page_beyond_the_last_in_ways_of_its_own(status):
    paging = PageNumbers(beyond=(400, 404, 416))
    pages, found, _ = read(page(1, 2), VendorRejected("beyond", status=200, code=status), paging=paging)
    assert (found, pages.complete) == ([1, 2], True)
    for answers in ([], [page(1, 2, records=9)]):
        with pytest.raises(VendorRejected):
            read(*answers, VendorRejected("beyond", status=status), paging=paging)


@pytest.mark.parametrize(("counted", "complete"), [(None, True), (1, True), (3, True), (4, False)])
def test_an_answer_that_counts_more_than_came_is_not_complete(counted, complete, caplog):
    first, last = page(1, 2), replace(page(3), counted=counted)
    pages, found, _ = read(first, last)
    assert (found, pages.complete) == ([1, 2, 3], complete)
    assert ("counts 4 records, and 3 came" in caplog.text) is not complete


def test_how_many_were_counted_is_kept_for_the_next_try():
    pages, _, _ = read(replace(page(1, 2), counted=9), page(3))
    assert Progress.of(pages.as_dict()).counted == 9


@pytest.mark.parametrize("length", [2, 3, 7])
def test_an_answer_that_turns_in_a_circle_is_an_error(length):
    circle = [page(2 * n, 2 * n + 1) for n in range(length)]
    with pytest.raises(VendorProtocolError, match=f"page {length + 1} has the very records of page 1"):
        read(*circle, *circle)


# --- rows that come again ----------------------------------------------------------------------------------


def test_a_row_that_the_page_before_had_is_dropped_and_not_counted_for_the_total(caplog):
    answers = [page(1, 2, records=5), page(2, 3, records=5), page(4, records=5)]
    progress, found, _ = read(*answers, identity="id")
    assert found == [1, 2, 3, 4]
    assert (progress.records, progress.repeated, progress.complete) == (4, 1, False)
    assert "5 records and has 4" in caplog.text
    assert read(*answers)[1] == [1, 2, 2, 3, 4]


@pytest.mark.parametrize(
    ("answers", "ids"),
    [
        # Some of the first page went, and as many moved there unseen.
        ([page(1, 2, records=5), page(4, 5, records=4)], [1, 2, 4, 5]),
        ([page(1, 2, records=4), page(2, 3, records=5), page(4, records=5)], [1, 2, 3, 4]),
    ],
)
def test_pages_that_move_while_they_are_read_are_told_and_not_complete(answers, ids, caplog):
    progress, found, _ = read(*answers, identity="id")
    assert found == ids
    assert (progress.moved, progress.complete) == (True, False)
    assert "The list changed while it was read" in caplog.text


def test_a_row_that_nothing_identifies_is_kept():
    assert read(page(1, 2), page(2), identity="key")[1] == [1, 2, 2]


@pytest.mark.parametrize(
    ("answers", "ids"),
    [
        ([page(7, 7), page(7, 7), page(7)], [7, 7, 7, 7, 7]),
        ([page(7, 7), page(7, 7), page()], [7, 7, 7, 7]),
        ([page(7, 7), page(7, 7), VendorRejected("beyond", status=416)], [7, 7, 7, 7]),
        ([page(7, 7), page(1, 2), page(7, 7), page()], [7, 7, 1, 2, 7, 7]),
        ([page(7, 7, records=4), page(7, 7, records=4)], [7, 7, 7, 7]),
        ([page(7, 7, pages=2), page(7, 7, pages=2)], [7, 7, 7, 7]),
        ([page(7, pages=12)] * 12, [7] * 12),
        (
            [replace(page(1, 2, pages=3), number=number) for number in (1, 2, 3)],
            [1, 2, 1, 2, 1, 2],
        ),
    ],
)
def test_equal_pages_of_rows_that_nothing_identifies_are_pages_of_their_own(answers, ids):
    progress, found, asked = read(*answers)
    assert (found, progress.complete, len(asked)) == (ids, True, len(answers))


@pytest.mark.parametrize(
    "answers",
    [
        [page(7, 7)] * 11,
        [page(1, 2), *[page(7, 7)] * 11],
        [page(7, 7), page(1, 2), page(3, 4), page(1, 2)],
        [page(1, 2, pages=3), page(1, 2, pages=3)],
        [replace(page(1, 2, pages=3), number=1), replace(page(1, 2, pages=3), number=1)],
        [replace(page(7, 7, pages=3), number=1), replace(page(7, 7, pages=3), number=1)],
    ],
)
def test_equal_pages_that_may_be_one_page_again_and_again_are_an_error(answers):
    with pytest.raises(VendorProtocolError, match="nobody can tell whether there are more"):
        read(*answers)


def test_equal_pages_are_an_error_where_rows_have_an_identity():
    with pytest.raises(VendorProtocolError, match="page 2 has the very records of page 1"):
        read(page(7, 7, pages=3), page(7, 7, pages=3), identity="id")


def test_an_empty_identity_is_none():
    rows = [Page([{"id": 1, "key": ""}, {"id": 2, "key": ""}]), Page([{"id": 3, "key": ""}])]
    assert read(*rows, identity="key")[1] == [1, 2, 3]


# --- cursors and keys --------------------------------------------------------------------------------------


def test_a_cursor_leads_from_page_to_page_until_there_is_none():
    progress, found, asked = read(
        page(1, 2, after=2), page(3, after=3), page(after=9), page(10, 11), paging=Cursor()
    )
    assert (found, asked, progress.complete) == ([1, 2, 3, 10, 11], [None, 2, 3, 9], True)


@pytest.mark.parametrize(
    "answers",
    [
        [page(1, 2, after=2), page(3, 4, after=2)],
        [page(1, 2, after=2), page(1, 2, after=2)],
        [page(1, after=1), page(2, after=2), page(2, after=3)],
        [page(1, after=1), page(after=5), page(after=6), page(after=5)],
    ],
)
def test_a_cursor_that_turns_in_a_circle_is_an_error(answers):
    with pytest.raises(VendorProtocolError, match="nobody can tell whether there are more"):
        read(*answers, paging=Cursor())


def test_a_refusal_is_no_end_where_the_vendor_pages_by_cursors():
    with pytest.raises(VendorRejected):
        read(page(1, after=1), VendorRejected("no", status=416), paging=Cursor())


# --- what is needed to go on -------------------------------------------------------------------------------


def test_what_is_stored_of_a_reading_is_all_that_is_needed_to_go_on():
    first = Reading(PageNumbers(), size=2, identity="id")
    first.take(page(1, 2, records=6, pages=3))
    first.take(page(3, 4, records=6, pages=3))
    stored = json.loads(json.dumps(first.progress.as_dict()))
    second = Reading(PageNumbers(), size=2, identity="id", progress=Progress.of(stored))
    assert second.progress == first.progress
    assert second.progress.position == 3
    with pytest.raises(VendorProtocolError, match="page 3 has the very records of page 1"):
        second.take(page(1, 2))
    assert second.turned
    third = Reading(PageNumbers(), size=2, identity="id", progress=Progress.of(stored))
    assert third.take(page(4, 5, records=6, pages=3)) == [{"id": 5}]
    assert third.progress.ended
