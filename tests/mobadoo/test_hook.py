"""The Mobadoo hook against the sandbox, with either driver: the token, other paths, slashes and the Test button."""

from __future__ import annotations

import asyncio
import json
import logging
import traceback
from typing import Any
from urllib.parse import parse_qs

import pytest

from airflow_provider.exceptions import (
    OutcomeUnknown,
    RateLimited,
    VendorAuthError,
    VendorError,
    VendorProtocolError,
    VendorRejected,
    VendorUnavailable,
)
from airflow_provider.http.retry import RequestPolicy
from airflow_provider.mobadoo import calls
from airflow_provider.mobadoo.answers import url_parameter
from airflow_provider.mobadoo.hooks import MobadooHook
from tests.support.drivers import DRIVERS
from tests.support.servers import answering

driver = pytest.mark.parametrize("send", DRIVERS, ids=lambda send: send.__name__)
TOKEN = "sandbox-stage-token"
GAMES = calls.list_videogames()
TICKET = {"tips": [{"product_type": "odds", "bet_amount": 10.5}]}


@pytest.fixture
def vendor(sandbox, set_connection):
    """The sandbox; ``mobadoo_default`` leads to it."""
    set_connection("mobadoo_default", extra={"timeout": 10})
    return sandbox


def hook(**policy: Any) -> MobadooHook:
    return MobadooHook(policy=RequestPolicy(**{"backoff": 0.0, **policy}))


def error_of(send: Any, *sent: Any, **policy: Any) -> Any:
    with pytest.raises(VendorError) as raised:
        send(hook(**policy), *(sent or (GAMES,)))
    shown = f"{raised.value} {raised.value.__dict__} {''.join(traceback.format_exception(raised.value))}"
    assert TOKEN not in shown
    return raised.value


def replace_token(vendor: Any) -> str:
    """Let somebody press "refresh" in the dashboard; return the new token."""
    return str(vendor.control("POST", "mobadoo/token")["token"])


# The feed


@driver
def test_games_lead_to_markets_and_matches(vendor, send):
    [games] = send(hook(), GAMES)
    game = url_parameter(games.records[0])
    markets, matches, done = send(
        hook(), calls.list_markets(game), calls.list_matches(game, limit=2), calls.reset_notifications()
    )
    assert markets.records
    assert len(matches.records) == 2
    assert done == {"status": "ok"}
    assert [request["path"] for request in vendor.requests("mobadoo")] == [
        "api/v1/videgames",
        f"api/v1/{game}/markets",
        f"api/v1/{game}/match/",
        "api/v1/notifications/reset",
    ]


@driver
def test_a_ticket_goes_through_its_life(vendor, send):
    [game] = [url_parameter(one) for one in send(hook(), GAMES)[0].records[:1]]
    assert game
    created, confirmed, found, cancelled = send(
        hook(),
        calls.create_ticket("TX-1", TICKET),
        calls.confirm_ticket("TX-1"),
        calls.get_ticket("TX-1"),
        calls.cancel_ticket("TX-1"),
    )
    assert [one["state"] for one in (created, confirmed, found, cancelled)] == [
        "CREATED",
        "CONFIRMED",
        "CONFIRMED",
        "CANCELED",
    ]


# The token


@driver
def test_the_token_is_in_the_query_and_in_no_log(vendor, send, caplog):
    with caplog.at_level(logging.DEBUG):
        send(hook(), GAMES)
    [request] = vendor.requests("mobadoo")
    assert "authorization" not in {name.lower() for name in request["headers"]}
    assert TOKEN not in caplog.text


@driver
@pytest.mark.parametrize(
    ("extra", "header", "scheme"),
    [
        ({}, "Authorization", "Token"),
        ({"auth_scheme": "Bearer"}, "Authorization", "Bearer"),
        ({"header_name": "X-Api-Token", "auth_scheme": "none"}, "X-Api-Token", ""),
        ({"auth_header": "X-Api-Token"}, "X-Api-Token", "Token"),
    ],
)
def test_the_token_may_be_in_a_header(vendor, set_connection, send, extra, header, scheme):
    vendor.switch(
        {"mobadoo.auth_mode": "header", "mobadoo.auth_header": header, "mobadoo.auth_scheme": scheme}
    )
    set_connection("mobadoo_default", extra={"auth_style": "header", **extra})
    assert send(hook(), GAMES)[0].records
    assert "token" not in parse_qs(str(vendor.requests("mobadoo")[0].get("query")))


@driver
@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize(
    ("environment", "asked"),
    [("stage", "said to be stage (pre-production)"), ("production", "said to be production")],
)
def test_a_refused_token_says_which_environment_was_asked_and_where_the_token_is(
    vendor, set_connection, send, status, environment, asked
):
    other = {"stage": "production", "production": "stage"}[environment]
    vendor.switch({"mobadoo.environment": other, "mobadoo.unauthorized_status": status})
    set_connection(
        "mobadoo_default", password=f"sandbox-{environment}-token", extra={"environment": environment}
    )
    error = error_of(send)
    assert type(error) is VendorAuthError
    assert asked in error.remedy
    assert 'Check "Token" and "Environment"' in error.remedy
    assert "Dashboard > profile" in error.remedy
    assert f"sandbox-{environment}-token" not in str(error)
    assert len(vendor.requests("mobadoo")) == 1


@driver
def test_a_token_that_is_refreshed_while_a_list_is_read_is_taken_up(vendor, set_connection, send):
    first, second = calls.list_matches("lol", limit=1), calls.list_matches("lol", limit=1, offset=1)
    decode = first.decode

    def refresh(response: Any) -> Any:
        set_connection("mobadoo_default", password=replace_token(vendor))
        return decode(response)

    # After the first page, while the list is being read.
    object.__setattr__(first, "decode", refresh)
    pages = send(hook(), first, second, second)
    assert [len(page.records) for page in pages] == [1, 1, 1]
    assert [request["status"] for request in vendor.requests("mobadoo")] == [200, 401, 200, 200]


@driver
def test_a_once_call_with_an_old_token_is_sent_again_with_the_new_one(vendor, set_connection, send):
    one = hook(attempts=1)
    one.options  # noqa: B018
    set_connection("mobadoo_default", password=replace_token(vendor))
    [ticket] = send(one, calls.create_ticket("TX-1", TICKET))
    assert ticket["transaction_id"] == "TX-1"
    assert [request["path"] for request in vendor.requests("mobadoo")] == ["api/v1/wallet/ticket/create"] * 2


@driver
def test_a_token_that_nobody_has_entered_yet_is_an_error_after_one_request(vendor, send):
    replace_token(vendor)
    assert type(error_of(send)) is VendorAuthError
    assert len(vendor.requests("mobadoo")) == 1


# Other paths


@driver
def test_a_call_goes_where_the_connection_says(vendor, set_connection, send):
    vendor.switch({"mobadoo.videogames_path": "videogames"})
    assert error_of(send).status == 404
    paths = {"list_videogames": "GET videogames", "list_markets": "GET {videogame}/match/"}
    set_connection("mobadoo_default", extra={"calls": paths})
    games, markets = send(hook(), GAMES, calls.list_markets("lol"))
    assert games.records
    assert markets.count is not None
    assert [request["path"] for request in vendor.requests("mobadoo")][1:] == [
        "api/v1/videogames",
        "api/v1/lol/match/",
    ]


@driver
@pytest.mark.parametrize("form", ["always", "never"])
@pytest.mark.parametrize("status", [301, 308])
def test_the_other_slash_is_followed(vendor, send, form, status):
    vendor.switch(
        {"mobadoo.slash_mode": "strict", "mobadoo.slash_form": form, "mobadoo.redirect_status": status}
    )
    games, matches = send(hook(), GAMES, calls.list_matches("lol", limit=1))
    assert games.records
    assert len(matches.records) == 1


@driver
def test_slashes_that_lead_in_a_circle_are_an_error_without_the_token(vendor, send, caplog):
    vendor.switch({"mobadoo.slash_mode": "loop"})
    with caplog.at_level(logging.DEBUG):
        error = error_of(send, calls.list_matches("lol", limit=1))
    assert type(error) is VendorProtocolError
    assert '"lol/match/" leads to "lol/match", and that leads to "lol/match/"' in str(error)
    assert "limit" not in str(error)
    assert TOKEN not in caplog.text
    assert len(vendor.requests("mobadoo")) == 2


@driver
def test_a_ticket_is_sent_to_no_other_slash(vendor, send):
    vendor.switch({"mobadoo.slash_mode": "strict", "mobadoo.slash_form": "always"})
    error = error_of(send, calls.create_ticket("TX-1", TICKET))
    assert type(error) is VendorProtocolError
    assert len(vendor.requests("mobadoo")) == 1


# What goes wrong


@driver
def test_a_game_that_is_not_there_is_rejected(vendor, send):
    error = error_of(send, calls.list_matches("nosuch"))
    assert (type(error), error.status) == (VendorRejected, 404)
    assert "Not found." in str(error)


@driver
def test_a_throttled_call_is_sent_again_as_often_as_the_policy_says(vendor, send, no_waiting):
    vendor.fault(vendor="mobadoo", path="api/v1/videgames", status=429, times=3)
    assert type(error_of(send, attempts=2)) is RateLimited
    assert send(hook(attempts=2), GAMES)[0].records
    assert len(vendor.requests("mobadoo")) == 4


@driver
def test_a_reset_is_repeated_and_a_ticket_is_not(vendor, send, no_waiting):
    vendor.fault(vendor="mobadoo", path="api/v1/notifications/reset", action="close", after=True, times=1)
    assert send(hook(), calls.reset_notifications()) == [{"status": "ok"}]
    vendor.fault(vendor="mobadoo", path="api/v1/wallet/ticket/create", action="close", after=True, times=1)
    assert type(error_of(send, calls.create_ticket("TX-1", TICKET))) is OutcomeUnknown
    # It had been created: the look-up tells.
    assert send(hook(), calls.get_ticket("TX-1"))[0]["state"] == "CREATED"


@driver
def test_no_error_of_a_broken_connection_shows_the_token(vendor, set_connection, send, caplog):
    with caplog.at_level(logging.DEBUG):
        for host in ("http://127.0.0.1:9", "https://mobadoo.invalid"):
            set_connection("mobadoo_default", host=host)
            assert type(error_of(send, attempts=1)) is VendorUnavailable
        with answering(500, f'{{"detail": "not {TOKEN}"}}'.encode()) as server:
            set_connection("mobadoo_default", host=server.url)
            assert "not ***" in str(error_of(send, attempts=1))
    assert TOKEN not in caplog.text


# The Test button


def test_the_test_button_says_where_the_token_works_and_how_many_games_there_are(vendor):
    works, said = MobadooHook().test_connection()
    assert works
    assert "The token works: " in said
    assert "said to be stage (pre-production)" in said
    assert "The account has 3 video games." in said
    assert len(vendor.requests("mobadoo")) == 1


@pytest.mark.parametrize(("body", "said"), [({"games": []}, "no list that is known"), ([], "0 video games")])
def test_the_test_button_says_what_it_did_not_understand(vendor, set_connection, body, said):
    with answering(200, json.dumps(body).encode()) as server:
        set_connection("mobadoo_default", host=server.url)
        works, message = MobadooHook().test_connection()
    assert works
    assert said in message


def test_the_hook_is_read_with_the_async_api_in_async_code(vendor, monkeypatch):
    def refuse(*_: Any) -> None:
        raise AssertionError("it blocks the event loop")

    monkeypatch.setattr(MobadooHook, "get_connection", refuse)
    one = hook()

    async def main() -> Any:
        async with one.session() as client:
            first = await client.run(GAMES)
            token = await asyncio.to_thread(replace_token, vendor)
            monkeypatch.setenv("AIRFLOW_CONN_MOBADOO_DEFAULT", changed(token))
            return first, await client.run(GAMES)

    first, second = asyncio.run(main())
    assert first.records == second.records
    assert [request["status"] for request in vendor.requests("mobadoo")] == [200, 401, 200]


def changed(token: str) -> str:
    import os

    return json.dumps({**json.loads(os.environ["AIRFLOW_CONN_MOBADOO_DEFAULT"]), "password": token})
