"""The fields of a Mobadoo connection."""

from __future__ import annotations

import json
from typing import Any

import pytest
from airflow.sdk import Connection

from airflow_provider.exceptions import InvalidInput
from airflow_provider.mobadoo.connection import MobadooOptions
from airflow_provider.mobadoo.endpoints import ENDPOINTS, Endpoint

SECRET = "s3cr3t-value"


def read(extra: dict[str, Any] | None = None, **fields: Any) -> MobadooOptions:
    given = {"conn_type": "mobadoo", "password": SECRET, **fields}
    return MobadooOptions.read(Connection(conn_id="mine", extra=json.dumps(extra or {}), **given))


def fault_of(extra: dict[str, Any], **fields: Any) -> str:
    with pytest.raises(InvalidInput) as raised:
        read(extra, **fields)
    assert SECRET not in f"{raised.value} {raised.value!r}"
    return str(raised.value)


def test_a_token_is_all_that_is_needed_and_then_it_is_stage():
    options = read()
    assert options.base_url == "https://api-stage.mobadoo.com/api/v1"
    assert options.token.get_secret_value() == SECRET
    assert (options.socket, options.online) == (
        "wss://api-stage.mobadoo.com/",
        "https://online-stage.mobadoo.com/",
    )
    assert (options.auth_style, options.header_name, options.auth_scheme) == (
        "query",
        "Authorization",
        "Token",
    )
    assert (options.ws_query, options.identity) == (True, "result.id")
    assert (options.calls, options.ws_on_connect, options.desync_match) == (None, None, None)
    assert SECRET not in repr(options)


def test_a_token_is_needed():
    assert '"Token" is missing' in fault_of({}, password=None)


@pytest.mark.parametrize("word", ["production", "Production", " PRODUCTION "])
def test_production_has_its_own_hosts(word):
    options = read({"environment": word})
    assert options.base_url == "https://api.mobadoo.com/api/v1"
    assert (options.socket, options.online) == ("wss://api.mobadoo.com/", "https://online.mobadoo.com/")
    assert options.asked == "production at https://api.mobadoo.com/api/v1"


@pytest.mark.parametrize(
    ("host", "url", "socket"),
    [
        ("odds.example.com", "https://odds.example.com/api/v1", "wss://odds.example.com/"),
        ("odds.example.com:8443", "https://odds.example.com:8443/api/v1", "wss://odds.example.com:8443/"),
        ("https://example.com/odds/v1/", "https://example.com/odds/v1", "wss://example.com/"),
        ("http://127.0.0.1:8765/odds", "http://127.0.0.1:8765/odds", "ws://127.0.0.1:8765/"),
        ("https://example.com", "https://example.com", "wss://example.com/"),
    ],
)
def test_a_host_of_ones_own_has_the_websocket_too_so_that_the_token_goes_nowhere_else(host, url, socket):
    options = read(host=host)
    assert (options.base_url, options.socket) == (url, socket)
    assert options.asked == f"{url}, said to be stage (pre-production)"


def test_every_url_can_be_given():
    extra = {"ws_url": "ws://127.0.0.1:8765/ws", "online_url": "https://play.example.com/"}
    options = read(extra)
    assert (options.socket, options.online) == (extra["ws_url"], extra["online_url"])


def test_the_names_that_airflow_masks_are_read_too():
    options = read({"auth_header": "X-Api", "ws_query_token": "false"})
    assert (options.header_name, options.ws_query) == ("X-Api", False)
    both = {"auth_header": "***", "ws_query_token": "***", "header_name": "X-Own", "ws_query": False}
    assert (read(both).header_name, read(both).ws_query) == ("X-Own", False)


@pytest.mark.parametrize("word", ["none", "None"])
def test_the_header_may_have_the_token_alone(word):
    assert read({"auth_scheme": word}).auth_scheme == ""


def test_lists_and_objects_come_as_json_or_as_its_text():
    wanted = {
        "ws_on_connect": [{"subscribe": "lol"}, "hello"],
        "desync_match": {"message": "DESYNC", "result.kind": 1},
        "calls": {"create_ticket": "put /wallet/{transaction_id}", "list_videogames": "GET videogames/"},
    }
    texts = {name: json.dumps(value) for name, value in wanted.items()}
    for extra in (wanted, texts):
        options = read(extra)
        assert options.ws_on_connect == wanted["ws_on_connect"]
        assert options.desync_match == wanted["desync_match"]
        assert options.calls["create_ticket"][:2] == ("PUT", "wallet/{transaction_id}")
        assert options.calls["list_videogames"][:2] == ("GET", "videogames/")


@pytest.mark.parametrize(
    ("extra", "said"),
    [
        ({"environment": "test"}, '"Environment" must be one of stage, production; it is 4 characters'),
        ({"auth_style": "body"}, '"Where the token is sent" must be one of query, header'),
        ({"header_name": "X Y"}, '"Header of the token" must be the name of a header'),
        ({"auth_scheme": "a b"}, '"Scheme of the header" must be one word'),
        ({"ws_url": "https://example.com"}, '"Websocket" must be a URL like wss://'),
        ({"ws_url": "wss://u:p@example.com/"}, "without user"),
        ({"ws_url": "wss://example.com/?token=x"}, "without user, ? or #"),
        ({"ws_query": "maybe"}, '"Token in the query of the Websocket" must be true or false'),
        ({"ws_on_connect": '{"a": 1}'}, '"First messages of the Websocket" must be a JSON list'),
        ({"ws_on_connect": "[1"}, "must be a JSON list"),
        ({"online_url": "play.example.com"}, '"Online URL" must be a URL like https://'),
        ({"online_url": "https://play.example.com/?hash=1"}, "without user, ? or #"),
        ({"desync_match": "[]"}, '"Notice of desynchronisation" must be a JSON object'),
        ({"desync_match": {"a..b": 1}}, "must be a JSON object of plain values by dotted path"),
        ({"desync_match": {"a": [1]}}, "must be a JSON object of plain values by dotted path"),
        ({"identity": "result..id"}, '"Identity in a message" must be a dotted path'),
    ],
)
def test_a_field_that_cannot_be_used_is_named_by_its_label(extra, said):
    assert said in fault_of(extra)


@pytest.mark.parametrize(
    ("calls", "said"),
    [
        ("GET videgames", "must be a JSON object like"),
        ([], "must be a JSON object like"),
        ({"list_games": "GET games"}, "1 of its names are not among list_videogames, list_markets"),
        ({"list_videogames": "videgames"}, 'list_videogames must be "VERB path" with one of GET, POST'),
        ({"list_videogames": "FETCH videgames"}, 'list_videogames must be "VERB path"'),
        ({"list_videogames": "GET"}, 'list_videogames must be "VERB path"'),
        ({"list_videogames": 7}, 'list_videogames must be "VERB path"'),
        ({"list_videogames": "GET https://other.example.com/games"}, "without scheme, host, ?, # or blanks"),
        ({"list_videogames": "GET //other.example.com/games"}, "without empty parts"),
        ({"list_videogames": "GET games?x=1"}, "without scheme, host, ?, # or blanks"),
        ({"list_videogames": "GET games and more"}, "without scheme, host, ?, # or blanks"),
        ({"list_videogames": "GET ../v2/games"}, "without empty parts and dots for a part"),
        ({"list_videogames": "GET games/%2e%2e"}, "without scheme, host, ?, # or blanks"),
        ({"list_videogames": "GET games/{videogame}"}, "list_videogames may have no {place} in its path"),
        ({"list_markets": "GET markets"}, "list_markets must have {videogame} in its path"),
        ({"list_markets": "GET {videogame}/{market}"}, "list_markets may have no place in its path but {videogame}"),
        ({"get_ticket": "GET t/{transaction_id"}, "must have a path below the base URL"),
        ({"cancel_ticket": "POST t/{ticket}"}, "cancel_ticket may have no place in its path but {transaction_id}"),
    ],
)  # fmt: skip
def test_a_call_that_cannot_go_there_is_refused(calls, said):
    fault = fault_of({"calls": calls})
    assert '"Calls" must be' in fault
    assert said in fault
    assert "other.example.com" not in fault


def test_every_call_has_an_endpoint_that_the_connection_could_have_named():
    from airflow_provider.mobadoo import calls
    from airflow_provider.mobadoo.endpoints import endpoints

    assert all(callable(getattr(calls, name)) for name in ENDPOINTS)
    given = {name: f"{one.verb} {one.path}" for name, one in ENDPOINTS.items()}
    assert endpoints(given) == ENDPOINTS
    assert isinstance(ENDPOINTS["get_ticket"], Endpoint)
