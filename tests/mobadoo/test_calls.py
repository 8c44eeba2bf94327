"""What Mobadoo's calls send, and what they make of answers of which nothing is published."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from airflow_provider.exceptions import (
    InvalidInput,
    RateLimited,
    VendorAuthError,
    VendorError,
    VendorProtocolError,
    VendorRejected,
    VendorUnavailable,
)
from airflow_provider.http.call import Call, Repeat, Response
from airflow_provider.mobadoo import calls
from airflow_provider.mobadoo.answers import MobadooPage, url_parameter
from airflow_provider.mobadoo.endpoints import endpoints

TICKET = {"hash": "h", "tips": [{"product_type": "odds", "bet_amount": Decimal("10.10")}]}


def answer(document: Any, status: int = 200, **headers: str) -> Response:
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    return Response(status, {"content-type": "application/json", **headers}, body)


def error_of(response: Response, call: Call[Any] | None = None) -> Any:
    with pytest.raises(VendorError) as raised:
        (call or calls.list_videogames()).decode(response)
    return raised.value


# What is sent


@pytest.mark.parametrize(
    ("call", "method", "path", "repeat"),
    [
        (calls.list_videogames(), "GET", "videgames", Repeat.SAFE),
        (calls.list_markets("lol"), "GET", "lol/markets", Repeat.SAFE),
        (calls.list_matches("lol"), "GET", "lol/match/", Repeat.SAFE),
        (calls.reset_notifications(), "GET", "notifications/reset", Repeat.IDEMPOTENT),
        (calls.create_ticket("TX-1", TICKET), "POST", "wallet/ticket/create", Repeat.ONCE),
        (calls.confirm_ticket("TX-1"), "POST", "wallet/ticket/confirm", Repeat.ONCE),
        (calls.cancel_ticket("TX-1"), "POST", "wallet/ticket/cancel", Repeat.ONCE),
        (calls.resolve_ticket("TX-1"), "POST", "wallet/ticket/resolve", Repeat.ONCE),
        (calls.list_tickets(), "GET", "wallet/ticket", Repeat.SAFE),
        (calls.get_ticket("TX-1"), "GET", "wallet/ticket/TX-1", Repeat.SAFE),
    ],
)
def test_paths_are_sent_as_the_vendor_prints_them(call, method, path, repeat):
    assert (call.method, call.path, call.repeat) == (method, path, repeat)
    assert dict(call.query) == {}
    assert call.turns_slash


def test_what_is_asked_of_matches_is_written_as_the_vendor_prints_it():
    cet = timezone(timedelta(hours=1))
    call = calls.list_matches(
        "lol",
        after=datetime(2026, 11, 1, 1, 0, 0, 900_000, cet),
        before="2026-11-02T00:00:00.5+00:00",
        ordering="-begin_at",
        limit=25,
        offset=50,
    )
    assert dict(call.query) == {
        "limit": "25",
        "offset": "50",
        "ordering": "-begin_at",
        "date_range_before": "2026-11-02T00:00:01Z",
        "date_range_after": "2026-11-01T00:00:00Z",
    }


@pytest.mark.parametrize("name", ["after", "before"])
@pytest.mark.parametrize(
    "value", [datetime(2026, 11, 1), "2026-11-01T00:00:00", "2026-11-01", "soon", "", 7, date(2026, 11, 1)]
)
def test_a_moment_without_a_time_zone_is_refused(name, value):
    with pytest.raises(InvalidInput, match=f'"{name}"') as raised:
        calls.list_matches("lol", **{name: value})
    assert raised.value.field == name


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"limit": 0}, "limit"),
        ({"limit": "25"}, "limit"),
        ({"limit": True}, "limit"),
        ({"offset": -1}, "offset"),
        ({"ordering": "begin_at&token=x"}, "ordering"),
        ({"ordering": ""}, "ordering"),
        ({"ordering": 7}, "ordering"),
    ],
)
def test_what_cannot_be_asked_for_is_refused(given, field):
    with pytest.raises(InvalidInput) as raised:
        calls.list_matches("lol", **given)
    assert raised.value.field == field


@pytest.mark.parametrize("value", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00"])
@pytest.mark.parametrize("name", ["after", "before"])
def test_a_moment_beyond_the_calendar_is_refused(name, value):
    with pytest.raises(InvalidInput, match="within the years 1 to 9999") as raised:
        calls.list_matches("lol", **{name: value})
    assert raised.value.field == name


def test_the_end_of_the_calendar_is_not_rounded_beyond_it():
    query = calls.list_matches("lol", before=datetime.max.replace(tzinfo=UTC)).query
    assert query["date_range_before"] == "9999-12-31T23:59:59Z"


@pytest.mark.parametrize("make", [calls.list_markets, calls.list_matches])
def test_a_video_game_is_one_encoded_part_of_the_path(make):
    assert make(" cs go?#%ñ ").path.split("/")[0] == "cs%20go%3F%23%25%C3%B1"


@pytest.mark.parametrize(
    "value", ["", " ", ".", "..", "a/b", "/", "a\\b", "a\nb", None, 1.5, True, ["lol"], b"lol"]
)
@pytest.mark.parametrize(
    "make", [calls.list_markets, calls.list_matches, calls.get_ticket, calls.cancel_ticket]
)
def test_what_would_lead_to_another_path_is_refused_without_being_shown(make, value):
    with pytest.raises(InvalidInput, match="must be a part of a path") as raised:
        make(value)
    assert "a/b" not in str(raised.value)


def test_an_id_that_is_a_number_is_taken():
    assert calls.get_ticket(777).path == "wallet/ticket/777"
    assert calls.cancel_ticket(777).json == {"transaction_id": "777"}


def test_a_ticket_carries_its_transaction_id_and_keeps_its_amounts():
    call = calls.create_ticket("TX-1", TICKET)
    assert call.json == {**TICKET, "transaction_id": "TX-1"}
    assert b'"bet_amount":10.10' in call.content.body
    assert call.key == ("TX-1",)
    assert calls.create_ticket("TX-1", {"transaction_id": "TX-1"}).json == {"transaction_id": "TX-1"}
    assert calls.resolve_ticket("TX-1", {"won": 1}).json == {"won": 1, "transaction_id": "TX-1"}


@pytest.mark.parametrize("ticket", [{"transaction_id": "TX-2"}, None, [], "ticket"])
def test_a_ticket_that_is_none_or_another_is_refused(ticket):
    with pytest.raises(InvalidInput) as raised:
        calls.create_ticket("TX-1", ticket)
    assert raised.value.field == "ticket"


def test_the_token_cannot_be_smuggled_into_a_query():
    assert dict(calls.list_tickets({"state": "CREATED"}).query) == {"state": "CREATED"}
    with pytest.raises(InvalidInput, match="must not have the token"):
        calls.list_tickets({"Token": "t"})


def test_a_call_goes_where_the_connection_says():
    there = endpoints(
        {
            "list_matches": "GET v2/{videogame}/matches",
            "create_ticket": "PUT tickets/{transaction_id}/",
            "list_videogames": "GET videogames",
        }
    )
    made: list[Any] = [
        (calls.list_matches("c s", limit=1), "GET", "v2/c%20s/matches"),
        (calls.create_ticket("T X", TICKET), "PUT", "tickets/T%20X/"),
        (calls.list_videogames(), "GET", "videogames"),
    ]
    for call, method, path in made:
        sent = call.sent_to(there[call.name])
        assert (sent.method, sent.path) == (method, path)
        assert (sent.query, sent.json, sent.repeat, sent.key) == (
            call.query,
            call.json,
            call.repeat,
            call.key,
        )


# What comes back


@pytest.mark.parametrize(
    ("document", "wanted"),
    [
        ([], MobadooPage([])),
        ([{"id": 1}], MobadooPage([{"id": 1}])),
        ({"results": [{"id": 1}]}, MobadooPage([{"id": 1}])),
        ({"results": [], "next": None, "count": 0}, MobadooPage([], None, 0)),
        ({"results": [1], "next": "", "count": "7"}, MobadooPage([1])),
        ({"results": [1], "next": " /x/?offset=1 ", "count": 7}, MobadooPage([1], "/x/?offset=1", 7)),
        ({"data": [1]}, MobadooPage(None, other={"data": [1]})),
        ({"results": {"a": 1}}, MobadooPage(None, other={"results": {"a": 1}})),
        ({}, MobadooPage(None, other={})),
    ],
)
def test_a_list_is_read_in_every_form_that_it_may_have(document, wanted):
    assert calls.list_matches("lol").decode(answer(document)) == wanted


def test_amounts_keep_all_their_digits():
    [found] = calls.list_matches("lol").decode(answer(b'[{"value": 1.8500000000000000001}]')).records
    assert found == {"value": Decimal("1.8500000000000000001")}


def test_the_link_to_the_next_page_is_without_the_token():
    link = "https://api.example.com/api/v1/lol/match/?limit=1&token=s3cr3t&offset=1"
    found = calls.list_matches("lol").decode(answer({"results": [], "next": link}))
    assert found.next == "https://api.example.com/api/v1/lol/match/?limit=1&offset=1"
    assert "s3cr3t" not in repr(found)


def test_a_link_that_is_no_url_is_not_taken_for_the_end():
    assert "no URL" in str(error_of(answer({"results": [], "next": "http://[/"})))


@pytest.mark.parametrize("document", ["text", 7, None, True])
def test_an_answer_that_is_neither_list_nor_object_is_not_understood(document):
    assert isinstance(error_of(answer(document)), VendorProtocolError)


@pytest.mark.parametrize(
    ("response", "value"),
    [
        (answer(b""), {}),
        (answer(b"", 204), {}),
        (answer({"status": "ok"}), {"status": "ok"}),
        (answer("OK"), "OK"),
    ],
)
@pytest.mark.parametrize("call", [calls.reset_notifications(), calls.create_ticket("TX-1", {})])
def test_a_change_may_be_answered_by_anything(call, response, value):
    assert call.decode(response) == value


def test_a_page_to_sign_in_is_no_answer_to_a_change():
    page = Response(200, {"content-type": "text/html"}, b"<html>Sign in</html>")
    assert isinstance(error_of(page, calls.create_ticket("TX-1", {})), VendorProtocolError)


# Refusals


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, VendorRejected),
        (401, VendorAuthError),
        (403, VendorAuthError),
        (404, VendorRejected),
        (409, VendorRejected),
        (429, RateLimited),
        (500, VendorUnavailable),
        (503, VendorUnavailable),
    ],
)
def test_a_refusal_is_judged_by_its_status_alone(status, kind):
    documents: list[Any] = [{"detail": "Nothing."}, [], b"", b"<html>"]
    for document in documents:
        found = error_of(answer(document, status))
        assert type(found) is kind
        assert found.status == status


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({"detail": "Not found."}, "Not found."),
        ({"limit": ["A valid integer is required."], "ordering": ["Wrong."]}, "limit: A valid integer is required.; ordering: Wrong."),
        ({"tips": [{"bet_amount": ["Too much."]}]}, "tips: bet_amount: Too much."),
        ({"transaction_id": "", "code": 7, "state": "Closed"}, "Closed"),
        ({"code": "SIM_CLOSED", "state": "Closed"}, "Closed"),
        (["One.", "Two."], "One. Two."),
        ("Plain.", "Plain."),
        ({"detail": {"a": ["Deep."]}}, "a: Deep."),
        ({"code": 7}, "without a readable message"),
        ({}, "without a readable message"),
    ],
)  # fmt: skip
def test_the_message_of_a_refusal_is_found_in_each_of_its_forms(document, said):
    assert said in error_of(answer(document, 400)).message


@pytest.mark.parametrize("code", [7, "SIM_CLOSED"])
def test_a_code_of_the_vendor_is_told_as_it_came(code):
    assert error_of(answer({"code": code, "state": "Closed"}, 400)).code == code
    assert error_of(answer({"detail": "No."}, 400)).code is None


@pytest.mark.parametrize(("headers", "after"), [({"retry-after": "7"}, 7.0), ({}, None)])
def test_a_throttled_call_waits_as_long_as_is_said(headers, after):
    assert error_of(answer({"detail": "Slow."}, 429, **headers)).retry_after == after


# The URL parameter of a video game


@pytest.mark.parametrize(
    ("game", "wanted"),
    [
        ({"id": 1, "url": "lol"}, "lol"),
        ({"url": "/lol/"}, "lol"),
        ({"url": "https://api.example.com/api/v1/lol", "slug": "lol"}, "lol"),
        ({"url": None, "slug": "dota2"}, "dota2"),
        ({"code": "csgo"}, "csgo"),
        ("lol", "lol"),
    ],
)
def test_the_url_parameter_is_looked_for_in_what_it_may_be_called(game, wanted):
    assert url_parameter(game) == wanted


def test_it_may_be_looked_for_elsewhere():
    assert url_parameter({"url": "x", "short": "lol"}, ["short"]) == "lol"


@pytest.mark.parametrize("game", [{"id": "s3cr3t", "name": "League"}, {}, None, 7, {"url": "a/b"}, ""])
def test_a_game_without_one_is_an_error_that_names_its_fields_alone(game):
    with pytest.raises(VendorProtocolError, match="no URL parameter in any of url, url_parameter") as raised:
        url_parameter(game)
    assert "s3cr3t" not in str(raised.value)
    assert "League" not in str(raised.value)
    if isinstance(game, dict) and "id" in game:
        assert "it has id, name" in str(raised.value)
