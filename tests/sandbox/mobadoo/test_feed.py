from __future__ import annotations

import pytest


def test_a_match_has_all_that_it_is_made_of(api):
    [match, *_] = api.matches()
    assert match["begin_at"] == "2026-11-16T13:00:00Z"
    assert (match["status"], match["number_of_games"], match["videogame"]) == ("NS", 3, "lol")
    assert match["tournament"]["serie_id"] == match["serie"]["id"]
    assert match["serie"]["league_id"] == match["league"]["id"]
    assert [game["position"] for game in match["games"]] == [1, 2, 3]
    assert len(match["odds"]) == 8
    assert {odds["status"] for odds in match["odds"]} == {"OP"}
    assert {odds["market"] for odds in match["odds"]} == {market["id"] for market in api.json("lol/markets")}


def test_ten_thousand_matches_are_there_in_one_request(api):
    made = api.control("matches", count=10_000, first="2027-01-01T00:00:00Z", step=60, games=1)
    assert made["last"] - made["first"] == 9_999
    assert len(api.control("matches/lol", "GET")["matches"]) == 10_004
    assert api.ids(ordering="-begin_at", limit=1) == [made["last"]]


def test_matches_can_be_removed(api):
    api.control("matches/1001", "DELETE")
    assert api.ids() == [1002, 1003, 1004]
    assert api.control("matches/lol", "DELETE")["matches"] == {"lol": 0, "dota2": 4, "csgo": 4}
    assert sum(api.control("matches", "DELETE")["matches"].values()) == 0


@pytest.mark.parametrize(
    ("zone", "written"),
    [("Z", "2026-11-16T13:00:00Z"), ("none", "2026-11-16T13:00:00"), ("+00:00", "2026-11-16T13:00:00+00:00")],
)
def test_times_are_written_with_the_zone_of_the_switch(api, zone, written):
    api.switch(zone=zone)
    assert api.matches()[0]["begin_at"] == written


@pytest.mark.parametrize("code", ["PD", "PT"])
def test_postponed_is_written_as_the_switch_says(api, code):
    api.switch(postponed_code=code)
    assert api.move(1001, code)["status"] == code
    assert api.matches()[0]["games"][0]["status"] == code


@pytest.mark.parametrize("unknown", [False, True])
def test_unknown_states_and_statuses_come_by_switch(api, unknown):
    api.switch(unknown_match_states=unknown, unknown_odds_statuses=unknown)
    matches = api.matches()
    assert [match["status"] for match in matches].count("ZZ") == (1 if unknown else 0)
    assert ("ZZ" in {odds["status"] for match in matches for odds in match["odds"]}) is unknown


@pytest.mark.parametrize("text", [False, True])
def test_ids_and_odds_are_numbers_or_text(api, text):
    api.switch(text_ids=text, text_odds=text)
    match = api.matches()[0]
    assert match["id"] == ("1001" if text else 1001)
    assert match["odds"][0]["value"] == ("1.85" if text else 1.85)


def test_a_match_goes_from_state_to_state_and_takes_games_and_odds_along(api):
    assert [game["status"] for game in api.move(1001, "RU")["games"]] == ["RU", "NS", "NS"]
    over = api.move(1001, "FI", winner="Ember")
    assert {game["status"] for game in over["games"]} == {"FI"}
    assert {odds["status"] for odds in over["odds"]} == {"CL"}
    assert (over["winner"], over["end_at"]) == ("Ember", "2026-11-16T12:00:00Z")


def test_a_final_state_is_final_unless_it_is_forced(api):
    api.move(1001, "CA")
    assert "CA" in api.refused("matches/change", id=1001, status="NS")
    assert api.move(1001, "NS", force=True)["status"] == "NS"
    assert "NS, RU" in api.refused("matches/change", id=1001, status="??")


def test_odds_move_among_three_statuses_and_never_come_back_from_the_fourth(api):
    for status in ("SP", "TD", "OP", "SP", "CL"):
        assert api.price(9001, status)["odds"][0]["status"] == status
    for change in ({"status": "OP"}, {"value": 2.0}):
        assert "final" in api.refused("odds", id=9001, **change)
    assert api.price(9002, value=2.5)["odds"][0]["value"] == 2.5


def test_all_odds_of_a_match_can_be_changed_together(api):
    assert len(api.control("odds", match=1002, status="SP")["odds"]) == 8
    assert {odds["status"] for odds in api.matches()[1]["odds"]} == {"SP"}


@pytest.mark.parametrize(
    ("path", "value", "named"),
    [
        ("matches", {}, "count"),
        ("matches", {"count": 0}, "1 to 100000"),
        ("matches", {"count": 1, "videogame": "chess"}, "lol, dota2, csgo"),
        ("matches", {"count": 1, "first": "soon"}, "ISO 8601"),
        ("matches/change", {"id": 1}, "no match"),
        ("matches/change", {"id": 1001, "colour": 1}, "known ones"),
        ("odds", {"id": 1, "status": "SP"}, "no odds"),
        ("odds", {"status": "SP"}, "one of the fields"),
        ("odds", {"id": 9001, "status": "??"}, "OP, TD, SP, CL"),
        ("models", {"entity": "League", "id": 99, "name": "x"}, "League, Serie and Tournament"),
        ("tickets/change", {"transaction_id": "T9", "state": "RESOLVED"}, "no ticket"),
        ("webhook/send", {}, "one of the fields"),
        ("webhook/deliver", {"order": "random"}, "as made, reversed"),
        ("webhook/disturb", {"lose": 1}, "drop, repeat, reverse"),
        ("callbacks", {"calls": []}, "callbacks_url"),
        ("ws/close", {"code": 5}, "1000 to 4999"),
        ("webhook/desynchronise", {"x": 1}, "none"),
    ],
)
def test_a_bad_control_request_names_the_field_and_what_to_send(api, path, value, named):
    assert named in api.refused(path, **value)
