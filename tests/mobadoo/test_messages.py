"""What Mobadoo tells, read leniently: its page on webhooks shows the beginning of one message."""

from __future__ import annotations

import json
import re
import time
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from airflow_provider.mobadoo import assets, messages
from airflow_provider.mobadoo.asset_names import segment
from airflow_provider.mobadoo.connection import MobadooOptions


def read(body: dict[str, Any], conn_id: str = "mobadoo_default", **options: Any) -> Any:
    options = {"base_url": "https://api.example.com", "token": SecretStr("token"), **options}
    return messages.read(conn_id, MobadooOptions(conn_id=conn_id, **options), body)


def model(**values: Any) -> dict[str, Any]:
    return {
        "message": "MODEL_CHANGED",
        "entity": "Match",
        "origin": "WS_LISTENER",
        "videogame": "lol",
        "result": {"id": 7, "status": "NS"},
        **values,
    }


def ticket(**values: Any) -> dict[str, Any]:
    return {
        "type": "TICKET_CHANGED",
        "hash": "SESSION-HASH",
        "ticket": {"id": 777, "uuid": "12345", "transaction_id": "TX-1", "state": "RESOLVED", "tips": []},
        **values,
    }


# --- families ----------------------------------------------------------------------------------------------


def test_a_changed_model_is_told_from_the_general_to_the_special():
    message = read(model())
    assert (message.family, message.group_key, message.group, message.entity) == (
        "MODEL_CHANGED",
        "videogame",
        "lol",
        "match",
    )
    assert message.assets == (
        "mobadoo/mobadoo_default",
        "mobadoo/mobadoo_default/lol",
        "mobadoo/mobadoo_default/lol/match",
    )
    assert message.payload == model()


@pytest.mark.parametrize("entity", ["League", "Serie", "Tournament", "Match", "Game"])
def test_each_entity_has_an_asset(entity):
    assert read(model(entity=entity)).assets[-1] == f"mobadoo/mobadoo_default/lol/{entity.lower()}"


def test_a_changed_ticket_is_told_by_its_state():
    message = read(ticket())
    assert (message.family, message.entity, message.group) == ("TICKET_CHANGED", "ticket", None)
    assert message.assets == (
        "mobadoo/mobadoo_default",
        "mobadoo/mobadoo_default/_tickets",
        "mobadoo/mobadoo_default/_tickets/resolved",
    )


@pytest.mark.parametrize("key", ["message", "type"])
@pytest.mark.parametrize(
    ("spelling", "family"),
    [
        ("MODEL_CHANGE", "MODEL_CHANGED"),
        ("MODEL_CHANGED", "MODEL_CHANGED"),
        ("model_changed", "MODEL_CHANGED"),
        ("TICKET_CHANGE", "TICKET_CHANGED"),
        ("TICKET_CHANGED", "TICKET_CHANGED"),
    ],
)
def test_both_spellings_are_read_under_both_keys(key, spelling, family):
    assert read({key: spelling, "videogame": "lol", "ticket": {}}).family == family


def test_an_unknown_word_under_one_key_does_not_hide_the_family_under_the_other():
    assert read({"message": "hello", "type": "TICKET_CHANGED"}).family == "TICKET_CHANGED"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"message": "NEWS"},
        {"type": 5, "message": None},
        {"state": "CREATED", "id": 5, "tips": [{"bet_amount": 10.0}]},
    ],
)
def test_an_unknown_kind_is_kept_under_the_catch_all(body):
    message = read(body)
    assert (message.family, message.assets) == (
        "OTHER",
        ("mobadoo/mobadoo_default", "mobadoo/mobadoo_default/_other"),
    )
    assert message.payload == body


@pytest.mark.parametrize("videogame", [None, "", "  ", {"slug": "lol"}, ["lol"], True])
def test_a_model_without_a_videogame_is_kept_under_the_catch_all(videogame):
    message = read(model(videogame=videogame))
    assert (message.family, message.assets[-1]) == ("MODEL_CHANGED", "mobadoo/mobadoo_default/_other")


@pytest.mark.parametrize("found", [None, "text", [], {"state": None}, {"state": 5, "id": {}}])
def test_a_ticket_of_another_shape_is_a_ticket_all_the_same(found):
    assert read(ticket(ticket=found)).assets[1] == "mobadoo/mobadoo_default/_tickets"


# --- what it is about --------------------------------------------------------------------------------------


def test_changes_of_one_model_are_about_the_same_thing():
    assert read(model()).thing == read(model(result={"id": 7, "status": "RU"}, origin="X")).thing


@pytest.mark.parametrize(
    "change",
    [{"result": {"id": 8}}, {"result": {"id": "7"}}, {"entity": "Game"}, {"videogame": "dota2"}],
    ids=str,
)
def test_changes_of_different_models_are_not(change):
    assert read(model()).thing != read(model(**change)).thing


def test_the_connection_says_what_identifies_a_model():
    one, other = (model(result={"id": 7, "match": [{"slug": slug}]}) for slug in "ab")
    assert read(one).thing == read(other).thing
    assert (
        read(one, identity="result.match.0.slug").thing != read(other, identity="result.match.0.slug").thing
    )


@pytest.mark.parametrize("change", [{"id": 778}, {"state": "CANCELED"}], ids=str)
def test_a_ticket_is_another_thing_in_each_state(change):
    assert read(ticket()).thing != read(ticket(ticket={**ticket()["ticket"], **change})).thing


def test_tickets_of_two_players_that_have_the_same_id_are_two_things():
    assert read(ticket()).thing != read(ticket(ticket={**ticket()["ticket"], "uuid": "67890"})).thing


def test_what_a_ticket_is_about_does_not_depend_on_the_players_session():
    one, other = read(ticket()), read(ticket(hash="ANOTHER-HASH"))
    assert (one.thing, one.digest) == (other.thing, other.digest)


@pytest.mark.parametrize("identity", ["x" * 5000, {"a": ["b"] * 500}, "日本" * 300])
def test_what_it_is_about_fits_into_its_column(identity):
    assert len(read(model(result={"id": identity})).thing) <= 200


def test_the_order_of_names_makes_no_other_message():
    body = model()
    assert read(dict(reversed(body.items()))).digest == read(body).digest
    assert read(model(result={"id": 7, "status": "RU"})).digest != read(body).digest


# --- the player's session ----------------------------------------------------------------------------------


def test_the_players_session_is_neither_stored_nor_told():
    body = ticket(
        ticket={
            "id": 1,
            "state": "RESOLVED",
            "Hash": "OTHER-SESSION",
            "url": "https://online.example.com/?client_id=1&hash=THIRD-SESSION&profile=x",
            "note": "player SESSION-HASH won",
        }
    )
    message = read(body)
    told = json.dumps(message.payload) + message.thing + "".join(message.assets)
    for session in ("SESSION-HASH", "OTHER-SESSION", "THIRD-SESSION"):
        assert session not in told
    assert "hash" not in {name.lower() for name in [*message.payload, *message.payload["ticket"]]}
    assert message.payload["ticket"]["url"].endswith("hash=***&profile=x")


def test_the_session_is_left_out_of_every_kind_of_message():
    for body in (model(hash="SESSION-HASH"), {"hash": "SESSION-HASH", "a": [{"hash": "SESSION-HASH"}]}):
        assert "SESSION" not in json.dumps(read(body).payload)


@pytest.mark.parametrize("value", [["SESSION-HASH"], {"value": "SESSION-HASH"}, [[{"a": "SESSION-HASH"}]]])
def test_the_session_is_left_out_where_it_is_in_a_list_or_is_the_name_of_a_field(value):
    body = {"hash": value, "players": {"SESSION-HASH": {"note": "by SESSION-HASH"}}}
    assert read(body).payload == {"players": {"***": {"note": "by ***"}}}


def test_thousands_of_sessions_are_left_out_as_fast_as_one():
    sessions = [f"SESSION-{number:06d}" for number in range(20_000)]
    body = {"tickets": [{"hash": one, "note": f"by {one}."} for one in sessions]}
    began = time.process_time()
    payload = read(body).payload
    assert time.process_time() - began < 10
    assert "SESSION" not in json.dumps(payload)
    assert payload["tickets"][-1] == {"note": "by ***."}


# --- desynchronisation -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "body", "found"),
    [
        ({"message": "DESYNC"}, {"message": "DESYNC"}, True),
        ({"message": "DESYNC"}, {"message": "SYNC"}, False),
        ({"a.b": 1, "c": None}, {"a": {"b": 1}}, True),
        ({"a.b": 1, "c": 2}, {"a": {"b": 1}}, False),
        ({"a.b": True}, {"a": {"b": 1}}, False),
        ({"a.0.b": "x"}, {"a": [{"b": "x"}]}, True),
        ({"message": ["RESYNC", "DESYNC"]}, {"message": "DESYNC"}, True),
    ],
)
def test_the_connection_says_what_is_a_notice_of_missing_messages(wanted, body, found):
    message = read(body, desync_match=wanted)
    assert (message.family == "DESYNC") is found
    assert ("mobadoo/mobadoo_default/_desync" in message.assets) is found
    assert ("mobadoo/mobadoo_default/_other" in message.assets) is not found


def test_nothing_is_such_a_notice_by_itself():
    assert read({"message": "DESYNC"}).family == "OTHER"


def test_a_notice_that_is_a_change_as_well_tells_both():
    message = read(model(desync=True), desync_match={"desync": True})
    assert message.assets[1:] == (
        "mobadoo/mobadoo_default/_desync",
        "mobadoo/mobadoo_default/lol",
        "mobadoo/mobadoo_default/lol/match",
    )


def test_a_second_notice_is_no_repeat_of_the_first():
    notices = [read({"message": "DESYNC"}, desync_match={"message": "DESYNC"}) for _ in range(2)]
    assert len({notice.digest for notice in notices}) == 2


# --- names of assets ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("lol", "lol"),
        ("Dota 2", "dota-2"),
        ("CS:GO", "cs-go"),
        ("Pokémon", "pokemon"),
        ("_tickets", "tickets"),
        ("lol/../x", "lol-..-x"),
        ("a/b", "a-b"),
        ("%2F", "2f"),
    ],
)
def test_a_name_becomes_one_plain_part(text, part):
    assert segment(text) == part


@pytest.mark.parametrize("text", ["日本", "..", "_", "/", "🎮"])
def test_a_name_of_which_nothing_is_left_gets_one_of_its_own(text):
    assert re.fullmatch("x[0-9a-f]{12}", segment(text))


@given(st.text(max_size=300))
def test_every_name_becomes_a_safe_part(text):
    part = segment(text)
    assert re.fullmatch(r"[a-z0-9][a-z0-9._-]*", part)
    assert len(part) <= 100
    assert segment(text) == part
    assert part == segment(part) or len(text) > 80


def test_a_name_of_a_hundred_thousand_marks_is_read_at_once():
    marks = "a" + "\u0315\u0300" * 50_000
    began = time.process_time()
    parts = {segment(marks), segment(marks + "\u0300"), segment("a")}
    assert time.process_time() - began < 1
    assert len(parts) == 3


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(
    st.fixed_dictionaries(
        {},
        optional={
            name: st.sampled_from(["MODEL_CHANGED", "TICKET_CHANGE", "X"]) | json_values
            for name in ("message", "type", "entity", "videogame", "result", "ticket", "hash")
        },
    )
)
def test_every_object_is_read(body):
    message = read(body, desync_match={"result.id": 1})
    assert message.assets[0] == "mobadoo/mobadoo_default"
    assert all(name.isascii() and name == name.lower() for name in message.assets)
    assert len(message.thing) <= 200
    assert len(message.entity or "") <= 100
    assert len(message.group or "") <= 100
    json.dumps(message.payload)


# --- what Dags schedule on ---------------------------------------------------------------------------------


def test_dags_find_the_assets_that_messages_tell():
    message = read(model(videogame="Dota 2"), conn_id="Mobadoo_Prod")
    named = [
        assets.mobadoo_asset("Mobadoo_Prod"),
        assets.mobadoo_asset("Mobadoo_Prod", "Dota 2"),
        assets.mobadoo_asset("Mobadoo_Prod", "Dota 2", "Match"),
    ]
    assert [asset.name for asset in named] == [*message.assets]
    assert [asset.uri for asset in named] == [*message.assets]


def test_dags_find_the_assets_of_tickets_and_notices():
    message = read(ticket(), conn_id="_prod")
    assert [assets.mobadoo_tickets("_prod").name, assets.mobadoo_tickets("_prod", "RESOLVED").name] == [
        *message.assets[1:]
    ]
    assert assets.mobadoo_desync("_prod").uri == "mobadoo/_prod/_desync"


@pytest.mark.parametrize(
    ("call", "field"),
    [
        (lambda: assets.mobadoo_asset(""), "conn_id"),
        (lambda: assets.mobadoo_asset(None), "conn_id"),
        (lambda: assets.mobadoo_asset("a", " "), "videogame"),
        (lambda: assets.mobadoo_asset("a", cast("Any", 5)), "videogame"),
        (lambda: assets.mobadoo_asset("a", "lol", ""), "entity"),
        (lambda: assets.mobadoo_asset("a", entity="Match"), "entity"),
        (lambda: assets.mobadoo_tickets("a", ""), "state"),
        (lambda: assets.mobadoo_desync("  "), "conn_id"),
    ],
)
def test_an_asset_without_a_usable_name_is_refused(call, field):
    from airflow_provider.exceptions import InvalidInput

    with pytest.raises(InvalidInput) as caught:
        call()
    assert caught.value.field == field
