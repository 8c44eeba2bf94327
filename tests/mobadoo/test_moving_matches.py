"""Matches that come, go and move while they are read, and readings that are interrupted."""

from __future__ import annotations

from pathlib import Path

import pytest

from airflow_provider.exceptions import (
    VendorAuthError,
    VendorRejected,
    VendorUnavailable,
)
from tests.mobadoo.matches import SHAPES, ids, read
from tests.support.mobadoo import TOKEN, matches


@pytest.mark.parametrize("shape", SHAPES)
def test_matches_that_move_to_a_page_that_was_not_read_yet_come_once_and_the_result_says_so(
    vendor, tmp_path, shape
):
    vendor.shape = shape

    def insert(path: str, number: int) -> None:
        if (path, number) == ("lol/match/", 2):
            vendor.games["lol"][:0] = matches(2, 900)

    vendor.meanwhile = insert
    result = read(videogames=["lol"], output=f"{tmp_path}/1.jsonl")
    assert ids(result["output"]) == list(range(1, 61))
    assert result["complete"] is False
    assert result["reasons"][0] == "lol: the list changed while it was read"


@pytest.mark.parametrize(("shape", "total"), [("paged", 57), ("bare", 58), ("no next", 58), ("counted", 57)])
def test_matches_that_are_removed_meanwhile_make_the_result_incomplete(vendor, shape, total):
    vendor.shape = shape

    def remove(path: str, number: int) -> None:
        if (path, number) == ("lol/match/", 2):
            del vendor.games["lol"][:3]

    vendor.meanwhile = remove
    result = read(videogames=["lol"])
    assert (result["total"], result["complete"]) == (total, False)


@pytest.mark.parametrize("shape", ["bare", "no next"])
def test_matches_that_are_removed_before_a_last_page_that_is_empty_then_are_told(vendor, shape):
    vendor.shape = shape
    vendor.games["lol"] = matches(26)
    vendor.meanwhile = lambda path, number: (
        vendor.games.update(lol=vendor.games["lol"][3:]) if (path, number) == ("lol/match/", 2) else None
    )
    result = read(videogames=["lol"])
    assert (result["total"], result["reasons"]) == (25, ["lol: the list changed while it was read"])


def test_a_page_of_rows_that_all_came_before_is_told_though_it_begins_where_the_one_before_ended(vendor):
    rows = matches(30)
    vendor.answers["lol/match/"] = (200, rows[:25])
    vendor.meanwhile = lambda path, number: (
        vendor.answers.update({path: (200, [rows[24], rows[0]])}) if number == 2 else None
    )
    result = read(videogames=["lol"])
    assert (result["total"], result["complete"]) == (25, False)


@pytest.mark.parametrize("size", [1, 2, 3, 30])
@pytest.mark.parametrize("count", [0, 1, 2, 3, 7])
def test_pages_of_any_size_are_read_to_the_end(vendor, size, count):
    vendor.shape = "bare"
    vendor.games["lol"] = matches(count)
    result = read(videogames=["lol"], page_size=size)
    assert (result["total"], result["complete"]) == (count, True)


def test_a_count_of_the_page_alone_does_not_end_the_list(vendor, tmp_path):
    vendor.shape = "page counted"
    result = read(videogames=["lol"], output=f"{tmp_path}/1.jsonl")
    assert (ids(result["output"]), result["requests"]) == (list(range(1, 61)), 3)
    assert result["reasons"] == ["lol: the list changed while it was read"]


def test_a_count_that_a_full_page_has_costs_one_request_more(vendor):
    vendor.shape = "counted"
    vendor.games["lol"] = matches(25)
    result = read(videogames=["lol"])
    assert (result["total"], result["complete"], result["requests"]) == (25, True, 2)


@pytest.mark.parametrize("when", [1, 2], ids=["before its first page", "before its second page"])
@pytest.mark.parametrize("shape", SHAPES)
def test_a_video_game_that_disappears_leaves_the_others_to_be_read(vendor, tmp_path, shape, when):
    vendor.shape = shape
    vendor.meanwhile = lambda path, number: (
        vendor.games.pop("lol", None) if (path, number) == ("lol/match/", when) else None
    )
    result = read(output=f"{tmp_path}/1.jsonl")
    assert result["total"] == 25 * (when - 1) + 5
    assert (result["complete"], result["reasons"]) == (False, ["lol: it is not there any more (HTTP 404)"])


def test_where_no_video_game_is_there_the_task_fails(vendor):
    with pytest.raises(VendorRejected, match="none of the video games is there: cs, go"):
        read(videogames=["cs", "go"])


def test_a_try_that_was_interrupted_is_gone_on_with_at_its_page(vendor, tmp_path):
    output = f"{tmp_path}/1.jsonl"
    vendor.games["dota2"] = matches(60, 1000)

    def fail(path: str, number: int) -> None:
        if (path, number) == ("dota2/match/", 2):
            vendor.answers["dota2/match/"] = (503, {})

    vendor.meanwhile = fail
    with pytest.raises(VendorUnavailable):
        read(output=output)
    assert not Path(output).exists()
    vendor.answers.clear()
    vendor.requests.clear()
    vendor.meanwhile = lambda path, number: None
    result = read(output=output)
    assert vendor.paths() == ["videgames", "dota2/match/", "dota2/match/"]
    assert (result["total"], result["resumed_at"], result["complete"]) == (120, 5, True)
    assert ids(output) == [*range(1, 61), *range(1000, 1060)]


def test_rows_that_an_earlier_try_has_read_do_not_come_again(vendor, tmp_path):
    output = f"{tmp_path}/1.jsonl"

    def fail(path: str, number: int) -> None:
        if (path, number) == ("lol/match/", 2):
            vendor.answers["lol/match/"] = (503, {})

    vendor.meanwhile = fail
    with pytest.raises(VendorUnavailable):
        read(videogames=["lol"], output=output)
    vendor.answers.clear()
    vendor.games["lol"][:0] = matches(2, 900)
    result = read(videogames=["lol"], output=output)
    assert ids(output) == list(range(1, 61))
    assert result["complete"] is False


def test_a_token_that_is_replaced_while_the_list_is_read_is_picked_up(vendor, tmp_path, set_connection):
    def rotate(path: str, number: int) -> None:
        if (path, number) == ("lol/match/", 2):
            vendor.tokens = ["new-token-0815"]
            set_connection("mobadoo_default", password="new-token-0815")

    vendor.meanwhile = rotate
    result = read(videogames=["lol"], output=f"{tmp_path}/1.jsonl")
    assert (result["total"], result["complete"], result["requests"]) == (60, True, 4)


def test_a_token_that_is_replaced_at_the_vendor_alone_is_an_error_and_the_next_try_goes_on(
    vendor, tmp_path, set_connection
):
    def rotate(path: str, number: int) -> None:
        if (path, number) == ("lol/match/", 2):
            vendor.tokens = ["new-token-0815"]

    vendor.meanwhile = rotate
    with pytest.raises(VendorAuthError) as raised:
        read(videogames=["lol"], output=f"{tmp_path}/1.jsonl")
    assert TOKEN not in str(raised.value)
    vendor.meanwhile = lambda path, number: None
    set_connection("mobadoo_default", password="new-token-0815")
    result = read(videogames=["lol"], output=f"{tmp_path}/1.jsonl")
    assert (result["total"], result["resumed_at"]) == (60, 2)
