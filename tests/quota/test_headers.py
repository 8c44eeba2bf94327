"""Quotas in the headers of responses, as vendors have been seen to write them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from airflow_provider.quota.headers import read_headers

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
ORDINARY = {
    "content-type": "application/json",
    "content-length": "1234",
    "date": "Tue, 10 Mar 2026 12:00:00 GMT",
    "retry-after": "30",
    "x-request-id": "4711",
}


def read(**headers: str):
    return read_headers(
        {**ORDINARY, **{name.replace("_", "-"): value for name, value in headers.items()}}, NOW
    )


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        # limit, used, remaining
        ({"x-ratelimit-limit": "8000", "x-ratelimit-remaining": "7990"}, (8000, 10, 7990)),
        ({"x-ratelimit-limit": "8000", "x-ratelimit-used": "10"}, (8000, 10, 7990)),
        (
            {"x-ratelimit-limit": "8000", "x-ratelimit-remaining": "7990", "x-ratelimit-used": "10"},
            (8000, 10, 7990),
        ),
        ({"x-rate-limit-limit": "15", "x-rate-limit-remaining": "14"}, (15, 1, 14)),
        ({"x-rate-limit": "700", "x-rate-limit-remaining": "699"}, (700, 1, 699)),
        ({"ratelimit-limit": "100, 100;w=60", "ratelimit-remaining": "50"}, (100, 50, 50)),
        ({"ratelimit-limit": "100;w=60", "ratelimit-remaining": "50;w=60"}, (100, 50, 50)),
        ({"x-quota-limit": "8000", "x-quota-remaining": "0"}, (8000, 8000, 0)),
        ({"x-monthly-quota": "8000", "x-monthly-quota-left": "12"}, (8000, 7988, 12)),
        ({"x-remaining-requests": "12"}, (None, None, 12)),
        ({"x-api-calls-left": "12"}, (None, None, 12)),
        ({"x-requests-left": " 12 "}, (None, None, 12)),
        ({"x-apilimit-remaining": "12", "x-apilimit-limit": "16000"}, (16000, 15988, 12)),
        ({"x-quota-limit": "5", "x-quota-used": "9"}, (5, 9, 0)),
    ],
    ids=lambda value: None,
)
def test_spellings_of_other_vendors_are_understood(headers, expected):
    found = read(**headers)
    assert found is not None
    assert (found.limit, found.used, found.remaining) == expected
    assert (found.source, found.observed_at) == ("header", NOW)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x-ratelimit-limit": "8000"},
        {"x-ratelimit-used": "10"},
        {"x-ratelimit-reset": "60"},
        {"x-ratelimit-remaining": ""},
        {"x-ratelimit-remaining": "many"},
        {"x-ratelimit-remaining": "-5"},
        {"x-ratelimit-remaining": "1e3"},
        {"x-ratelimit-remaining": "12.5"},
        {"x-ratelimit-remaining": "unlimited"},
        {"x-ratelimit-remaining": "9" * 40},
        {"x-ratelimit-remaining": "٣"},
        {"x-ratelimit-remaining": "null", "x-ratelimit-limit": "null"},
        {"x-used": "5", "x-remaining": "5"},
        {"x-ratelimit-limit": "-1", "x-ratelimit-used": "3"},
    ],
    ids=str,
)
def test_what_does_not_tell_what_remains_is_no_reading(headers):
    assert read(**headers) is None


@pytest.mark.parametrize("garbage", ["-1", "many", "", "-5, 100"])
def test_a_limit_that_cannot_be_read_leaves_what_remains(garbage):
    found = read(**{"x-ratelimit-limit": garbage, "x-ratelimit-remaining": "5"})
    assert found is not None
    assert (found.limit, found.used, found.remaining) == (None, None, 5)


@pytest.mark.parametrize(
    "others",
    [
        {"x-ratelimit-nearlimit": "false"},
        {"x-ratelimit-fillrate": "20"},
        {"x-ratelimit-interval-seconds": "60"},
        {"ratelimit-policy": '"default";q=100;w=60'},
    ],
    ids=str,
)
@pytest.mark.parametrize("first", [True, False])
def test_neighbours_of_the_limit_are_not_taken_for_it(others, first):
    limit = {"x-ratelimit-limit": "8000"}
    headers = {**others, **limit} if first else {**limit, **others}
    found = read(**headers, **{"x-ratelimit-remaining": "5000"})
    assert found is not None
    assert found.limit == 8000


# When it is reset


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("60", NOW + timedelta(seconds=60)),
        ("0", NOW),
        ("1.5", NOW + timedelta(seconds=1.5)),
        ("1773144000", datetime(2026, 3, 10, 12, tzinfo=UTC)),
        ("2026-04-01T00:00:00Z", datetime(2026, 4, 1, tzinfo=UTC)),
        ("2026-04-01T02:00:00+02:00", datetime(2026, 4, 1, tzinfo=UTC)),
        ("2026-04-01T00:00:00", datetime(2026, 4, 1, tzinfo=UTC)),
        ("2026-04-01", datetime(2026, 4, 1, tzinfo=UTC)),
        ("Wed, 01 Apr 2026 00:00:00 GMT", datetime(2026, 4, 1, tzinfo=UTC)),
        ("soon", None),
        ("", None),
        ("-60", None),
        ("9" * 30, None),
        ("nan", None),
        ("inf", None),
        ("2026-99-99", None),
    ],
)
def test_when_it_is_reset(text, moment):
    found = read(**{"x-ratelimit-remaining": "5", "x-ratelimit-reset": text})
    assert found is not None
    assert found.resets_at == moment


@pytest.mark.parametrize(
    "name", ["x-ratelimit-reset", "x-reset-quota", "x-quota-reset-at", "ratelimit-reset"]
)
def test_names_of_the_reset(name):
    found = read(**{"x-ratelimit-remaining": "5", name: "60"})
    assert found is not None
    assert found.resets_at == NOW + timedelta(seconds=60)


# Given names


def test_given_names_are_looked_for_and_nothing_else_in_their_place():
    headers = {"x-mcal": "7", "x-ratelimit-remaining": "5", "x-ratelimit-limit": "8000"}
    found = read_headers(headers, NOW, {"remaining": "X-mCAL"})
    assert found is not None
    assert (found.limit, found.remaining) == (8000, 7)
    assert read_headers(headers, NOW, {"remaining": "X-Other"}) is None


def test_all_parts_can_be_given():
    headers = {"a": "8000", "b": "70", "c": "10", "d": "2026-04-01T00:00:00Z"}
    found = read_headers(headers, NOW, {"limit": "A", "remaining": "B", "used": "C", "reset": "D"})
    assert found is not None
    assert (found.limit, found.remaining, found.used) == (8000, 70, 10)
    assert found.resets_at == datetime(2026, 4, 1, tzinfo=UTC)
