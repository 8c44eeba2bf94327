"""Pages until one is short, page sizes that go down, and rows that come twice."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from airflow_provider.exceptions import VendorProtocolError, VendorRejected, VendorUnavailable
from airflow_provider.extract.paging import Progress
from tests.support.batches import lines
from tests.support.changes import Vendor, document, extract
from tests.support.processes import answer_of

KINDS = ("after", "number")


def ids(path: Any) -> list[str]:
    return [row["Id"] for row in lines(path)]


def up_to(count: int) -> list[str]:
    return [f"d-{number}" for number in range(1, count + 1)]


# --- where it ends -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("total", ["all", "everything", None])
@pytest.mark.parametrize("says_size", [True, False])
@pytest.mark.parametrize("count", [0, 1, 4, 5])
def test_it_ends_with_an_empty_or_a_short_page_and_never_with_a_count(
    tmp_path, kind, total, says_size, count
):
    vendor = Vendor.of(count, total=total, says_size=says_size)
    done = extract(vendor, tmp_path / "out.jsonl", kind=kind)
    assert ids(tmp_path / "out.jsonl") == up_to(count)
    # One more where the last page is full, or where nothing tells that the only one is not.
    unsure = count == 1 and total is None and not says_size
    assert len(vendor.asked) == count // 2 + 1 + unsure
    assert (done.progress.records, done.progress.complete) == (count, True)


def test_the_number_of_the_rest_ends_nothing(tmp_path, caplog):
    vendor = Vendor.of(5, total="rest")
    assert extract(vendor, tmp_path / "out.jsonl").progress.complete
    assert ids(tmp_path / "out.jsonl") == up_to(5)
    assert "speaks of" not in caplog.text


@pytest.mark.parametrize("kind", KINDS)
def test_a_page_that_the_vendor_makes_smaller_is_not_short(tmp_path, kind):
    vendor = Vendor.of(7, largest=3)
    done = extract(vendor, tmp_path / "out.jsonl", kind=kind, size=100)
    assert ids(tmp_path / "out.jsonl") == up_to(7)
    assert done.progress.complete
    assert [one["size"] for one in vendor.asked] == ["100", "3", "3"]
    assert done.progress.size == 3


def test_where_the_answer_names_no_size_the_one_that_was_asked_for_counts(tmp_path, caplog):
    vendor = Vendor.of(3, says_size=False)
    assert extract(vendor, tmp_path / "out.jsonl", size=100).progress.complete
    assert (ids(tmp_path / "out.jsonl"), len(vendor.asked)) == (up_to(3), 1)
    assert "speaks of" not in caplog.text


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("total", ["all", "rest"])
def test_a_short_page_is_not_the_last_where_the_answer_speaks_of_more(tmp_path, kind, total):
    vendor = Vendor.of(7, largest=3, says_size=False, total=total)
    done = extract(vendor, tmp_path / "out.jsonl", kind=kind, size=100)
    assert (ids(tmp_path / "out.jsonl"), done.progress.complete) == (up_to(7), True)
    assert len(vendor.asked) == 3


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("count", "requests"), [(0, 1), (2, 2), (3, 2), (7, 3), (6, 3)])
def test_a_page_of_an_answer_that_counts_nothing_may_have_been_made_smaller(tmp_path, kind, count, requests):
    vendor = Vendor.of(count, largest=3, says_size=False, total=None)
    done = extract(vendor, tmp_path / "out.jsonl", kind=kind, size=100)
    assert (ids(tmp_path / "out.jsonl"), done.progress.complete) == (up_to(count), True)
    assert len(vendor.asked) == requests


@pytest.mark.parametrize("kind", KINDS)
def test_the_next_try_knows_how_large_a_page_was(tmp_path, kind):
    vendor = Vendor.of(5, largest=3, says_size=False, total=None).break_at(2)
    with pytest.raises(VendorUnavailable):
        extract(vendor, tmp_path / "out.jsonl", kind=kind, size=100)
    done = extract(vendor, tmp_path / "out.jsonl", kind=kind, size=100)
    assert (ids(tmp_path / "out.jsonl"), done.resumed_at, len(vendor.asked)) == (up_to(5), 2, 3)


def test_a_single_page_that_is_shown_again_is_the_last(tmp_path):
    vendor = Vendor.of(2, says_size=False, total=None)
    answer = vendor.run
    vendor.run = lambda call: answer(call.__class__(**{**_parts(call), "query": {"page": "1", "size": "9"}}))  # type: ignore[method-assign]
    done = extract(vendor, tmp_path / "out.jsonl", kind="number", size=9)
    assert (ids(tmp_path / "out.jsonl"), done.progress.complete, len(vendor.asked)) == (up_to(2), True, 2)


@pytest.mark.parametrize("kind", KINDS)
def test_a_number_that_is_too_high_costs_one_request_and_is_told(tmp_path, kind, caplog):
    vendor = Vendor.of(4)
    vendor.meanwhile[2] = lambda one: one.rows.pop(3)
    done = extract(vendor, tmp_path / "out.jsonl", kind=kind)
    assert (ids(tmp_path / "out.jsonl"), done.progress.complete, len(vendor.asked)) == (up_to(3), False, 3)
    assert "speaks of 4 records and has 3" in caplog.text


def test_a_cursor_that_brings_its_own_record_alone_ends_the_list(tmp_path):
    vendor = Vendor.of(3)
    answers = iter(
        [
            b'{"Items":[%s],"Total":9}' % b",".join(map(document, (1, 2))),
            b'{"Items":[%s],"Total":9}' % document(2),
        ]
    )
    vendor.run = lambda call: next(answers)  # type: ignore[method-assign]
    done = extract(vendor, tmp_path / "out.jsonl", size=5)
    assert (ids(tmp_path / "out.jsonl"), done.progress.ended, done.progress.complete) == (
        up_to(2),
        True,
        False,
    )


@pytest.mark.parametrize("kind", KINDS)
def test_records_that_go_meanwhile_are_told(tmp_path, kind, caplog):
    vendor = Vendor.of(6)
    vendor.meanwhile[3] = lambda one: one.rows.pop(5)
    done = extract(vendor, tmp_path / "out.jsonl", kind=kind)
    assert (ids(tmp_path / "out.jsonl"), done.progress.complete) == (up_to(5), False)
    assert "speaks of 6 records and has 5" in caplog.text


@pytest.mark.parametrize("kind", KINDS)
def test_records_that_come_meanwhile_are_complete_and_told(tmp_path, kind, caplog):
    vendor = Vendor.of(3)
    vendor.meanwhile[2] = lambda one: one.rows.append(document(4))
    done = extract(vendor, tmp_path / "out.jsonl", kind=kind)
    assert (ids(tmp_path / "out.jsonl"), done.progress.complete) == (up_to(4), True)
    assert "speaks of 3 records and has 4" in caplog.text


def test_pages_that_shift_because_one_went_are_seen_in_the_number_of_records(tmp_path):
    vendor = Vendor.of(5)
    vendor.meanwhile[2] = lambda one: one.rows.pop(0)
    done = extract(vendor, tmp_path / "out.jsonl", kind="number")
    assert ids(tmp_path / "out.jsonl") == ["d-1", "d-2", "d-4", "d-5"]
    assert (done.progress.complete, done.progress.moved) == (False, True)


@pytest.mark.parametrize("status", [400, 404])
def test_a_page_beyond_the_last_may_be_refused_where_all_have_come(tmp_path, status):
    from airflow_provider.extract.paging import PagesUntilShort

    paging = PagesUntilShort("page", beyond=(400, 404))
    vendor = Vendor.of(4)
    vendor.fail_at = {3: VendorRejected("beyond", status=status)}
    assert extract(vendor, tmp_path / "out.jsonl", kind="number", paging_=paging).progress.complete
    vendor = Vendor.of(6)
    vendor.fail_at = {3: VendorRejected("no", status=status)}
    with pytest.raises(VendorRejected):
        extract(vendor, tmp_path / "other.jsonl", kind="number", paging_=paging)


# --- cursors -----------------------------------------------------------------------------------------------


def test_the_cursor_is_the_last_record_whatever_the_answer_says(tmp_path):
    vendor = Vendor.of(5)
    extract(vendor, tmp_path / "out.jsonl")
    assert [one.get("after") for one in vendor.asked] == [None, "d-2", "d-4"]
    assert {one["page"] for one in vendor.asked} == {"1"}


def test_a_cursor_that_does_not_move_is_no_endless_loop(tmp_path):
    vendor = Vendor.of(6)
    real = vendor.run
    vendor.run = lambda call: real(call.__class__(**{**_parts(call), "query": {"page": "1", "size": "2"}}))  # type: ignore[method-assign]
    with pytest.raises(VendorProtocolError, match="the very records of page 1"):
        extract(vendor, tmp_path / "out.jsonl")
    assert len(vendor.asked) == 2


def _parts(call: Any) -> dict[str, Any]:
    return {"method": call.method, "path": call.path, "decode": call.decode}


def test_pages_with_nothing_new_are_no_endless_loop(tmp_path):
    vendor = Vendor.of(4)
    # The list turns round: the same records, in another order.
    vendor.rows = [document(n) for n in (1, 2, 3, 4)]
    real = vendor.run

    def run(call: Any) -> bytes:
        vendor.rows = vendor.rows if len(vendor.asked) < 2 else [document(n) for n in (3, 4, 2, 1)]
        return real(call)

    vendor.run = run  # type: ignore[method-assign]
    with pytest.raises(VendorProtocolError, match="nothing that is new"):
        extract(vendor, tmp_path / "out.jsonl")


def test_a_cursor_that_takes_its_record_along_is_no_error(tmp_path):
    vendor = Vendor.of(3)
    real = vendor.run

    def run(call: Any) -> bytes:
        body = real(call)
        if "after" not in call.query:
            return body
        first = document(int(call.query["after"].removeprefix("d-")))
        return body.replace(b'"Items":[', b'"Items":[' + first + b",").replace(b",]", b"]")

    vendor.run = run  # type: ignore[method-assign]
    done = extract(vendor, tmp_path / "out.jsonl", size=2)
    assert ids(tmp_path / "out.jsonl") == up_to(3)
    assert done.progress.repeated == 2


@pytest.mark.parametrize("kind", KINDS)
def test_a_size_in_the_answer_that_is_larger_than_was_asked_for_does_not_end_the_list(tmp_path, kind):
    vendor = Vendor.of(7)
    answer = vendor.run
    vendor.run = lambda call: answer(call).replace(b'"Size":2', b'"Size":50')  # type: ignore[method-assign]
    done = extract(vendor, tmp_path / "out.jsonl", kind=kind, size=2)
    assert (done.progress.records, len(vendor.asked), done.progress.complete) == (7, 4, True)


# --- the size goes down ------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_a_page_that_is_too_large_is_asked_for_with_half_as_many(tmp_path, kind, caplog):
    vendor = Vendor.of(7, largest=3, refuses=True)
    with caplog.at_level(logging.WARNING):
        done = extract(vendor, tmp_path / "out.jsonl", kind=kind, size=16)
    assert [one["size"] for one in vendor.asked] == ["16", "8", "4", "2", "2", "2", "2"]
    assert ids(tmp_path / "out.jsonl") == up_to(7)
    assert (done.progress.size, done.progress.complete) == (2, True)
    assert "A page of 16 records is too large for the vendor. Asking for 8." in caplog.text


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("size", "sizes"), [(4, ["4", "4", "2"]), (9, ["9", "9", "3"]), (5, ["5", "5", "1"])]
)
def test_what_was_read_stays_where_a_later_page_is_too_large(tmp_path, kind, size, sizes):
    vendor = Vendor.of(19)
    vendor.meanwhile[2] = lambda one: vars(one).update(refuses=True, largest=size - 1)
    done = extract(vendor, tmp_path / "out.jsonl", kind=kind, size=size)
    assert [one["size"] for one in vendor.asked][:3] == sizes
    assert ids(tmp_path / "out.jsonl") == up_to(19)
    assert (done.progress.complete, done.progress.repeated) == (True, 0)


def test_a_page_of_one_that_is_refused_is_an_error(tmp_path):
    vendor = Vendor.of(3, largest=0, refuses=True)
    with pytest.raises(VendorRejected):
        extract(vendor, tmp_path / "out.jsonl", size=4)
    assert [one["size"] for one in vendor.asked] == ["4", "2", "1"]


def test_another_refusal_is_one(tmp_path):
    vendor = Vendor.of(3)
    vendor.fail_at = {1: VendorRejected("something else", status=422)}
    with pytest.raises(VendorRejected):
        extract(vendor, tmp_path / "out.jsonl")
    assert len(vendor.asked) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_the_next_try_goes_on_with_the_smaller_size(tmp_path, kind):
    vendor = Vendor.of(7, largest=2, refuses=True).break_at(5)
    with pytest.raises(VendorUnavailable):
        extract(vendor, tmp_path / "out.jsonl", kind=kind, size=8)
    done = extract(vendor, tmp_path / "out.jsonl", kind=kind, size=8)
    assert [one["size"] for one in vendor.asked] == ["8", "4", "2", "2", "2", "2", "2"]
    assert (ids(tmp_path / "out.jsonl"), done.resumed_at) == (up_to(7), 3)


# --- rows that come again ----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_a_row_that_came_on_any_page_before_is_dropped(tmp_path, kind):
    vendor = Vendor.of(7)
    vendor.rows.insert(4, document(1))
    done = extract(vendor, tmp_path / "out.jsonl", kind=kind)
    assert (ids(tmp_path / "out.jsonl"), done.progress.repeated) == (up_to(7), 1)


def test_the_same_row_twice_on_one_page_is_one(tmp_path):
    vendor = Vendor([document(1), document(1), document(2)])
    done = extract(vendor, tmp_path / "out.jsonl", size=5)
    assert (ids(tmp_path / "out.jsonl"), done.progress.repeated, done.progress.complete) == (
        up_to(2),
        1,
        True,
    )


@pytest.mark.parametrize("kind", KINDS)
def test_the_next_try_knows_the_rows_of_those_before(tmp_path, kind):
    vendor = Vendor.of(7)
    vendor.rows += [document(8), document(2), document(9)]
    with pytest.raises(VendorUnavailable):
        extract(vendor.break_at(4), tmp_path / "out.jsonl", kind=kind)
    done = extract(vendor, tmp_path / "out.jsonl", kind=kind)
    assert (ids(tmp_path / "out.jsonl"), done.progress.repeated) == (up_to(9), 1)
    assert done.resumed_at == 4


def test_a_shift_of_pages_repeats_rows_and_they_come_once(tmp_path, caplog):
    vendor = Vendor.of(6)
    vendor.meanwhile[2] = lambda one: one.rows.insert(0, document(99))
    done = extract(vendor, tmp_path / "out.jsonl", kind="number")
    assert (ids(tmp_path / "out.jsonl"), done.progress.repeated) == (up_to(6), 1)
    assert "The list changed while it was read" in caplog.text


def test_a_row_that_changed_while_it_was_read_holds_the_watermark_until_it_comes_again(tmp_path):
    vendor = Vendor.of(7)
    vendor.meanwhile[3] = lambda one: one.change(1, "2026-11-01T00:00:05.5Z")
    done = extract(vendor, tmp_path / "out.jsonl")
    assert ids(tmp_path / "out.jsonl") == up_to(7)
    assert (done.progress.latest, done.progress.watermark) == (
        "2026-11-01T00:00:07Z",
        "2026-11-01T00:00:05.5Z",
    )


def test_a_million_rows_are_told_apart_in_little_memory():
    small, large = (answer_of("tests.support.seen_memory", str(count)) for count in (1_000, 1_000_000))
    assert (small["new"], large["new"]) == (1_000, 1_000_000)
    assert large["peak"] - small["peak"] < 16 * 1024


def test_what_is_stored_has_all_that_is_needed():
    progress = Progress("d-4", size=2, came=3, later=1, lines=9, latest="a", held="b", last="d-4")
    assert Progress.of(progress.as_dict()) == progress


def test_what_an_older_version_has_stored_can_be_read():
    old = {"position": 3, "pages": 2, "records": 4, "seen": "", "tail": ""}
    assert Progress.of(old).records == 4
