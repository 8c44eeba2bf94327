"""The checker of requests: what the contract's own samples are, and what each mistake is told as."""

from __future__ import annotations

from typing import Any

import pytest

from tests.mobadoo.contract import CALLS, faults, faults_of_ours

AGENT = {"User-Agent": "airflow-provider-vendor-apis/1"}
TIPS = [{"product_type": "odds", "bet_amount": 10.0}]
SAMPLE = "limit=25&ordering=begin_at&date_range_before=2021-01-01T00:00:00Z&token=XXXX"


def request(
    path: str,
    query: str = "token=XXXX",
    method: str = "GET",
    json: Any = None,
    status: int = 200,
    **headers: Any,
) -> dict[str, Any]:
    return {
        "method": method,
        "path": f"api/v1/{path}",
        "query_string": query,
        "json": json,
        "status": status,
        "headers": {**AGENT, **headers},
    }


def test_there_are_ten_calls_in_seven_rows():
    assert len(CALLS) == 7


@pytest.mark.parametrize(
    "good",
    [
        request("videgames"),
        request("lol/markets"),
        request("lol/match/", SAMPLE),
        request("lol/match/", "token=X&offset=0&ordering=-begin_at&date_range_after=2021-01-01T00:00:00Z"),
        request("notifications/reset"),
        request("wallet/ticket", "token=X&limit=5"),
        request("wallet/ticket/TX-1"),
        request("videgames", "", Authorization="Token XXXX"),
        *(
            request(f"wallet/ticket/{name}", method="POST", json={"transaction_id": "TX-1"})
            for name in ("create", "confirm", "cancel", "resolve")
        ),
        request("wallet/ticket/resolve", method="POST", json=[{"transaction_id": 1}]),
        request(
            "wallet/ticket/create",
            method="POST",
            json={"transaction_id": "TX-1", "hash": "h", "uuid": "1", "state": "CREATED", "tips": TIPS},
        ),
        request("wallet/ticket/resolve", method="POST", json={"transaction_id": "a", "won_amount": 0}),
    ],
)
def test_the_samples_have_no_fault(good):
    assert faults(good) == []


BODIES: list[tuple[str, dict[str, Any], str]] = [
    ("create", {"tips": []}, "tips are no list of objects"),
    ("create", {"tips": {"bet_amount": 1}}, "tips are no list of objects"),
    ("create", {"tips": [{"bet_amount": "10.5"}]}, "bet_amount is no amount"),
    ("create", {"tips": [{"bet_amount": True}]}, "bet_amount is no amount"),
    ("create", {"tips": [{"bet_amount": -1}]}, "bet_amount is no amount"),
    ("create", {"hash": "sealed:v2:AAAA"}, "sealed value"),
    ("create", {"state": "RESOLVED"}, "another state"),
    ("resolve", {"won_amount": "1.5"}, "won_amount is no amount"),
]


@pytest.mark.parametrize(
    ("bad", "told"),
    [
        (request("videgames", ""), "it has 0 tokens"),
        (request("videgames", "token=a&token=a"), "it has 2 tokens"),
        (request("videgames", Authorization="Token a"), "it has 2 tokens"),
        (request("videgames", "token="), "its token is empty"),
        (
            request(
                "wallet/ticket/create", "", "POST", {"transaction_id": "a", "token": "b"}, Authorization="x"
            ),
            "body",
        ),
        (request("videgames/"), "no path that is printed"),
        (request("lol/match"), "no path that is printed"),
        (request("lol/match/1001"), "no path that is printed"),
        ({**request("videgames"), "path": "videgames"}, "not below"),
        (request("lol/match/", method="POST", json={"transaction_id": "a"}), "is sent with POST"),
        (request("wallet/ticket/create"), "is sent with GET"),
        (request("wallet/ticket/TX-1", method="DELETE", json={"transaction_id": "a"}), "is sent with DELETE"),
        (request("videgames", "token=a&limit=1"), "no parameter limit"),
        (request("lol/match/", "token=a&page=1"), "no parameter page"),
        (request("lol/match/", "token=a&limit=1&limit=1"), "limit comes twice"),
        (request("lol/match/", "token=a&limit=0"), "limit has not the form"),
        (request("lol/match/", "token=a&offset=-1"), "offset has not the form"),
        (request("lol/match/", "token=a&ordering=begin at"), "ordering has not the form"),
        (request("lol/match/", "token=a&date_range_after=2021-01-01"), "date_range_after has not the form"),
        (
            request("lol/match/", "token=a&date_range_before=2021-02-30T00:00:00Z"),
            "date_range_before has not",
        ),
        (
            request("lol/match/", "token=a&date_range_before=2021-01-01T00:00:00%2B00:00"),
            "date_range_before has",
        ),
        (request("lol/markets", json={}), "a GET has a body"),
        (request("wallet/ticket/create", method="POST"), "no object"),
        (request("wallet/ticket/cancel", method="POST", json={}), "no transaction_id"),
        (request("wallet/ticket/cancel", method="POST", json=[{"transaction_id": "a"}]), "no object"),
        *(
            (request(f"wallet/ticket/{name}", method="POST", json={"transaction_id": "a", **body}), told)
            for name, body, told in BODIES
        ),
    ],
)
def test_a_mistake_is_told(bad, told):
    [fault] = faults(bad)
    assert told in fault
    assert "TX-1" not in fault


def test_a_page_may_be_named_as_the_switch_says():
    page = request("lol/match/", "token=a&cursor=bz01")
    assert faults(page, {"mobadoo.next_parameter": "cursor"}) == []
    assert len(faults(page)) == 1


def test_a_header_of_another_name_holds_the_token():
    sent = {**request("videgames", ""), "headers": {"X-Session": "a"}}
    assert faults(sent, {"mobadoo.auth_header": "X-Session"}) == []
    assert faults(sent) == ["it has 0 tokens"]


def test_the_other_slash_is_right_after_a_redirect_and_not_without():
    moved, followed = request("lol/match/", status=301), request("lol/match")
    assert faults_of_ours([moved, followed]) == []
    assert len(faults_of_ours([followed])) == 1
    assert faults_of_ours([moved, request("videgames"), followed]) == []
    assert len(faults_of_ours([moved, followed, followed])) == 1


def test_a_socket_needs_one_token_and_the_player_s_page_none():
    socket = {**request(""), "path": ""}
    assert faults_of_ours([socket, {**request("", ""), "path": "online/"}]) == []
    assert faults_of_ours([{**socket, "query_string": "token=a&token=b"}]) == ["it has 2 tokens"]


def test_only_requests_of_this_package_count():
    assert faults_of_ours([{**request("nothing"), "headers": {"User-Agent": "python-requests/2"}}]) == []
    assert len(faults_of_ours([request("nothing")])) == 1
