"""The operator that reads matches, against a small Mobadoo that may answer in any of the assumed ways."""

from __future__ import annotations

import csv
from datetime import UTC, datetime, timedelta, timezone
from urllib.parse import urlencode

import pyarrow.parquet as pq
import pytest

from airflow_provider.exceptions import (
    InvalidInput,
    VendorProtocolError,
)
from airflow_provider.mobadoo.operators import MobadooListMatchesOperator
from tests.mobadoo.matches import SHAPES, asked, ids, lines, read
from tests.support.mobadoo import TOKEN, Mobadoo, matches, mobadoo_serving

# --- what is asked -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("count", [0, 1, 24, 25, 26, 50, 60])
def test_all_matches_of_all_video_games_are_read_whatever_a_page_looks_like(vendor, tmp_path, shape, count):
    vendor.shape = shape
    vendor.games["lol"] = matches(count)
    result = read(output=f"{tmp_path}/1.jsonl")
    assert (result["total"], result["complete"]) == (count + 5, True)
    assert ids(result["output"]) == [*range(1, count + 1), *range(1000, 1005)]
    assert "reasons" not in result
    assert vendor.paths().count("videgames") == 1


def test_the_first_page_is_asked_for_as_the_vendor_prints_it(vendor):
    read(videogames=["lol"], max_pages=1)
    assert vendor.requests == [("lol/match/", {"limit": "25", "ordering": "begin_at"})]


def test_video_games_that_are_named_cost_no_request_to_find_them(vendor):
    result = read(videogames="dota2, dota2")
    assert result["total"] == 5
    assert vendor.paths() == ["dota2/match/"]


@pytest.mark.parametrize(
    ("after", "before", "sent"),
    [
        ("2026-11-01T00:00:00", "2026-12-01T00:00:00Z", ("2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z")),
        ("2026-11-01T01:00:00+01:00", None, ("2026-11-01T00:00:00Z", None)),
        (datetime(2026, 11, 1, tzinfo=UTC), "", ("2026-11-01T00:00:00Z", None)),
        (None, "2026-12-01", (None, "2026-12-01T00:00:00Z")),
    ],
    ids=["without an offset it is UTC", "with an offset", "a datetime", "a day"],
)
def test_a_window_is_asked_for_in_utc(vendor, after, before, sent):
    read(videogames=["dota2"], after=after, before=before)
    [query] = asked(vendor, "dota2")
    assert (query.get("date_range_after"), query.get("date_range_before")) == sent


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"page_size": 0}, "page_size"),
        ({"page_size": 10_001}, "page_size"),
        ({"videogames": []}, "videogames"),
        ({"videogames": [7]}, "videogames"),
        ({"videogames": {"lol": 1}}, "videogames"),
        ({"after": 7}, "after"),
        ({"ordering": ""}, "ordering"),
        ({"output": "/data/1.xlsx"}, "output"),
        ({"mobadoo_conn_id": ""}, "mobadoo_conn_id"),
    ],
)
def test_what_cannot_be_right_is_said_when_the_dag_is_parsed(options, field):
    with pytest.raises(InvalidInput) as raised:
        MobadooListMatchesOperator(task_id="read", **options)
    assert raised.value.field == field


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"after": "yesterday"}, "after"),
        ({"after": "0001-01-01T00:00:00+14:00"}, "after"),
        ({"before": datetime.max.replace(tzinfo=timezone(timedelta(hours=-12)))}, "before"),
        ({"after": "2026-12-02", "before": "2026-12-01"}, "after"),
        ({"ordering": "begin at"}, "ordering"),
        ({"videogames": "[]"}, "videogames"),
        ({"videogames": ["../wallet"]}, "videogame"),
        ({"output": "/dev/null/1.jsonl"}, "output"),
    ],
)
def test_what_is_wrong_with_the_question_is_said_before_the_first_request(vendor, options, field):
    with pytest.raises(InvalidInput) as raised:
        read(**options)
    assert raised.value.field == field
    assert vendor.requests == []


def test_an_account_without_a_video_game_is_an_error(vendor):
    vendor.games.clear()
    with pytest.raises(InvalidInput, match="no active video game"):
        read()


# --- rows --------------------------------------------------------------------------------------------------


def test_a_row_that_does_not_name_its_video_game_gets_the_column_first(vendor, tmp_path):
    own = [{"id": 1, "videogame": {"name": "LoL"}}, {"id": 2, "videogame": None}, {"id": 3}, {}]
    vendor.games = {"lol": own}
    read(output=f"{tmp_path}/1.jsonl")
    found = lines(tmp_path / "1.jsonl")
    assert [one["videogame"] for one in found] == [{"name": "LoL"}, "lol", "lol", "lol"]
    assert [next(iter(one)) for one in found] == ["id", "id", "videogame", "videogame"]


def test_odds_keep_their_digits(vendor, tmp_path):
    raw = b'[{"id": 12345678901234567890, "odds": [{"value": 1.850, "status": "XX"}], "begin_at": "2026-12-01T18:00:00"}]'
    vendor.answers["lol/match/"] = (200, raw)
    for kind in ("jsonl", "csv", "parquet"):
        assert read(videogames=["lol"], output=f"{tmp_path}/1.{kind}")["total"] == 1
    text = (tmp_path / "1.jsonl").read_text()
    assert "1.850" in text
    assert "12345678901234567890" in text
    [row] = csv.DictReader((tmp_path / "1.csv").open(encoding="utf-8"))
    assert "1.850" in row["odds"]
    assert row["begin_at"] == "2026-12-01T18:00:00"
    assert pq.read_table(tmp_path / "1.parquet")["odds"].to_pylist() == [[{"value": 1.85, "status": "XX"}]]
    [record] = read(videogames=["lol"])["records"]
    assert record["odds"] == [{"value": "1.850", "status": "XX"}]


def test_unknown_states_and_times_without_a_zone_stay_as_they_are(vendor, tmp_path):
    vendor.games = {"lol": [{"id": 1, "status": "ABANDONED?", "begin_at": "2026-12-01 18:00"}]}
    read(output=f"{tmp_path}/1.jsonl")
    assert lines(tmp_path / "1.jsonl") == [
        {"videogame": "lol", "id": 1, "status": "ABANDONED?", "begin_at": "2026-12-01 18:00"}
    ]


def test_one_id_in_two_video_games_is_two_matches(vendor, tmp_path):
    vendor.games = {"lol": matches(3), "dota2": matches(3)}
    result = read(output=f"{tmp_path}/1.jsonl")
    assert (result["total"], result["complete"]) == (6, True)


def test_rows_without_an_id_are_all_kept(vendor, tmp_path):
    vendor.games = {"lol": [{"name": str(number)} for number in range(60)]}
    assert read(output=f"{tmp_path}/1.jsonl")["total"] == 60


# --- pages -------------------------------------------------------------------------------------------------


def test_a_bare_list_that_is_longer_than_asked_for_is_all_of_it(vendor):
    vendor.shape, vendor.ignored = "bare", {"limit", "offset"}
    result = read(videogames=["lol"])
    assert (result["total"], result["complete"], result["requests"]) == (60, True, 1)


@pytest.mark.parametrize("shape", ["bare", "no next"])
@pytest.mark.parametrize("without_id", [False, True], ids=["with ids", "without ids"])
def test_a_vendor_that_ignores_the_offset_does_not_lead_in_circles(vendor, shape, without_id):
    vendor.shape, vendor.ignored = shape, {"offset"}
    if without_id:
        vendor.games["lol"] = [{"name": str(number)} for number in range(60)]
    result = read(videogames=["lol"])
    assert (result["total"], result["complete"], result["requests"]) == (25, False, 2)
    assert result["reasons"] == [
        "lol: a page has no new row: it may be the one before, or the list has moved"
    ]


@pytest.mark.parametrize("shape", ["bare", "no next", "counted"])
def test_a_page_size_that_the_vendor_makes_smaller_loses_nothing(vendor, shape):
    vendor.shape, vendor.most = shape, 20
    result = read(videogames=["lol"], page_size=50)
    assert (result["total"], result["complete"]) == (60, True)


def test_a_short_list_that_is_asked_for_once_more_is_complete_where_the_offset_is_ignored(vendor):
    vendor.shape, vendor.ignored = "bare", {"offset"}
    result = read(videogames=["lol"], page_size=100)
    assert (result["total"], result["complete"], result["requests"]) == (60, True, 2)


def test_the_token_in_next_is_neither_sent_twice_nor_kept(vendor, tmp_path):
    kept: list[str] = []

    def look(path: str, number: int) -> None:
        if (path, number) == ("lol/match/", 2):
            import sqlite3

            from airflow_provider.store.location import configured

            with sqlite3.connect(str(configured().engine.url.database)) as database:
                kept.extend(database.iterdump())

    vendor.meanwhile = look
    vendor.next = lambda query, url: f"{url}?{urlencode({**query, 'key': TOKEN})}"
    result = read(videogames=["lol"], output=f"{tmp_path}/1.jsonl")
    assert (result["total"], result["complete"]) == (60, True)
    assert all("key" not in query for query in asked(vendor))
    assert any("vendor_apis_extract" in one for one in kept)
    assert TOKEN not in "".join(kept)


def test_a_token_that_is_part_of_a_value_or_was_replaced_meanwhile_is_left_out_of_next_too(
    vendor, set_connection
):
    def replace_token(path: str, number: int) -> None:
        if (path, number) == ("lol/match/", 2):
            vendor.tokens = ["new-token-0815"]
            set_connection("mobadoo_default", password="new-token-0815")

    vendor.meanwhile = replace_token
    vendor.next = lambda query, url: (
        f"{url}?{urlencode({**query, 'key': vendor.tokens[0], 'authorization': f'Token {vendor.tokens[0]}'})}"
    )
    result = read(videogames=["lol"])
    assert (result["total"], result["complete"]) == (60, True)
    assert {name for query in asked(vendor) for name in query} == {"limit", "offset", "ordering"}


def test_a_short_token_takes_no_other_value_out_of_next(vendor, set_connection):
    vendor.tokens = ["5"]
    set_connection("mobadoo_default", password="5")
    assert read(videogames=["lol"])["total"] == 60
    assert [query.get("offset") for query in asked(vendor)] == [None, "25", "50"]


def test_a_filter_that_next_leaves_out_is_still_asked_for(vendor):
    vendor.next = lambda query, url: f"?limit={query['limit']}&offset={query['offset']}"
    read(videogames=["lol"], after="2026-01-01")
    assert {query["date_range_after"] for query in asked(vendor)} == {"2026-01-01T00:00:00Z"}
    assert [query.get("offset") for query in asked(vendor)] == [None, "25", "50"]


@pytest.mark.parametrize(
    "link",
    ["?{query}", "/api/v1/lol/match/?{query}", "{url}?{query}", "{bare}?{query}"],
    ids=["the query alone", "the path", "the URL", "without the final slash"],
)
def test_next_is_followed_where_it_leads_to_the_list(vendor, link):
    vendor.next = lambda query, url: link.format(query=urlencode(query), url=url, bare=url.rstrip("/"))
    assert read(videogames=["lol"])["total"] == 60


@pytest.mark.parametrize(
    ("link", "other"),
    [
        ("http://evil.test/api/v1/lol/match/?{query}", "host"),
        ("{url}@evil.test/?{query}", "path"),
        ("https:{schemeless}?{query}", "scheme"),
        ("http://127.0.0.1:1/api/v1/lol/match/?{query}", "port"),
        ("/api/v1/dota2/match/?{query}", "path"),
        ("/api/v1/wallet/ticket?{query}", "path"),
        ("http://[::1/?{query}", "no URL"),
    ],
)
def test_next_that_leads_elsewhere_is_an_error_that_names_neither_place_nor_token(vendor, link, other):
    vendor.next = lambda query, url: link.format(
        query=urlencode(query), url=url, schemeless=url.partition(":")[2]
    )
    with pytest.raises(VendorProtocolError) as raised:
        read(videogames=["lol"])
    assert other in str(raised.value)
    assert "evil" not in str(raised.value)
    assert TOKEN not in str(raised.value)
    assert len(vendor.requests) == 1


@pytest.mark.parametrize("offset", ["0", "-25", ""])
def test_next_that_does_not_move_is_an_error(vendor, offset):
    vendor.next = lambda query, url: f"{url}?{urlencode({**query, 'offset': offset})}"
    if offset == "0":
        with pytest.raises(VendorProtocolError, match="leads to that page or to one before"):
            read(videogames=["lol"])
        assert len(vendor.requests) == 1
    else:
        vendor.ignored = {"offset"}
        assert read(videogames=["lol"])["complete"] is False
        assert len(vendor.requests) == 2


def test_an_answer_of_another_form_is_an_error_that_names_its_keys(vendor):
    vendor.answers["lol/match/"] = (200, {"data": [{"id": 1}], "secret of a player": "Jana"})
    with pytest.raises(VendorProtocolError, match="it has data, secret of a player") as raised:
        read(videogames=["lol"])
    assert "Jana" not in str(raised.value)


@pytest.mark.parametrize("answer", [b"[1, 2]", b'{"results": 7}', b'{"results": [[]]}', b'"text"', b"<html>"])
def test_an_answer_that_is_no_list_of_objects_is_an_error(vendor, answer):
    vendor.answers["lol/match/"] = (200, answer)
    with pytest.raises(VendorProtocolError):
        read(videogames=["lol"])


@pytest.mark.parametrize("value", [b"NaN", rb'"\ud800"'])
def test_a_row_with_a_value_that_no_file_can_hold_is_an_error_that_says_so(vendor, value):
    vendor.answers["lol/match/"] = (200, b'[{"id": 1, "odds": %s}]' % value)
    with pytest.raises(VendorProtocolError, match="a row has a value that cannot be written"):
        read(videogames=["lol"])


# --- the list of video games -------------------------------------------------------------------------------


def test_a_list_of_video_games_in_pages_is_followed(vendor):
    vendor.listed = {"results": [{"url": "lol"}], "next": "?page=2&token=x"}

    def second(path: str, number: int) -> None:
        if (path, number) == ("videgames", 2):
            vendor.listed = {"results": [{"slug": "dota2"}], "next": None}

    vendor.meanwhile = second
    assert read()["total"] == 65
    assert vendor.requests[1] == ("videgames", {"page": "2"})


def test_a_list_of_video_games_of_another_form_is_an_error_that_names_its_keys(vendor):
    vendor.listed = {"games": []}
    with pytest.raises(VendorProtocolError, match="no list of video games: it has games"):
        read()


@pytest.mark.parametrize("listed", [{"results": [{TOKEN: 1}]}, {TOKEN: 1}])
def test_an_error_that_names_the_keys_of_an_answer_does_not_show_the_token(vendor, listed):
    vendor.listed = listed
    with pytest.raises(VendorProtocolError, match=r"it has \*\*\*"):
        read()


def test_the_connection_may_name_another_path_for_a_call(set_connection):
    calls = {"list_videogames": "GET videogames", "list_matches": "GET odds/{videogame}/matches"}
    vendor = Mobadoo(lol=[])
    rows = matches(30)

    def page(path: str, number: int) -> None:
        vendor.answers["videogames"] = (200, ["lol"])
        link = "/api/v1/odds/lol/matches?offset=25" if number == 1 else None
        found = rows[:25] if number == 1 else rows[25:]
        vendor.answers["odds/lol/matches"] = (200, {"results": found, "next": link})

    vendor.meanwhile = page
    with mobadoo_serving(vendor, set_connection, calls=calls):
        assert read()["total"] == 30


@pytest.mark.parametrize(
    ("listed", "reason"),
    [
        ({"count": 3, "next": None, "results": [{"url": "lol"}]}, "1 of 3 came"),
        ({"count": 3, "results": [{"url": "lol"}]}, "1 of 3 came"),
        ({"results": [{"url": "lol"}], "next": "?offset=1"}, "has none that is new"),
        ({"results": [], "next": "?offset=1"}, "has none that is new"),
        ({"results": [{"url": "lol"}], "next": 2}, '"next" is neither a text nor null'),
    ],
    ids=["fewer than counted", "fewer and no next", "the same page again", "an empty page", "no link"],
)
def test_a_list_of_video_games_that_cannot_be_read_to_its_end_is_an_error(vendor, listed, reason):
    vendor.listed = listed
    with pytest.raises(VendorProtocolError, match=reason):
        read()
    assert set(vendor.paths()) == {"videgames"}


@pytest.mark.parametrize("link", [2, True, 0, {"href": "?offset=25"}, ["?offset=25"]])
@pytest.mark.parametrize("counted", [True, False])
def test_a_next_that_is_no_text_does_not_end_the_list(vendor, link, counted):
    page = {"results": matches(25), "next": link, **({"count": 60} if counted else {})}
    vendor.answers["lol/match/"] = (200, page)
    with pytest.raises(VendorProtocolError, match='"next" is neither a text nor null') as raised:
        read(videogames=["lol"])
    assert raised.value.path == "lol/match/"


@pytest.mark.parametrize("link", [None, False, "", " "])
def test_a_next_that_is_empty_ends_the_list(vendor, link):
    vendor.answers["lol/match/"] = (200, {"results": matches(25), "next": link})
    result = read(videogames=["lol"])
    assert (result["total"], result["complete"], result["requests"]) == (25, True, 1)


def test_a_next_with_an_endless_offset_is_followed_like_any_other(vendor):
    vendor.next = lambda query, url: f"{url}?offset={'9' * 5000}"
    vendor.answers = {}
    vendor.meanwhile = lambda path, number: (
        vendor.answers.update({path: (200, {"results": [], "next": None})}) if number == 2 else None
    )
    assert read(videogames=["lol"])["reasons"] == ["lol: 25 of 60 came"]
