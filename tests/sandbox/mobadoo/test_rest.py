from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from tests.sandbox.mobadoo.client import PRODUCTION, TOKEN

# --- the token ---------------------------------------------------------------------------------------------


def test_the_token_of_the_printed_connection_is_accepted(api, sandbox):
    connection = json.loads(sandbox.connections["AIRFLOW_CONN_MOBADOO_DEFAULT"])
    assert connection["host"] == f"{sandbox.url}/mobadoo/api/v1/"
    answer = sandbox.http.get(
        f"{connection['host']}videgames", params={"token": connection["password"]}, timeout=30
    )
    assert [game["url"] for game in answer.json()] == ["lol", "dota2", "csgo"]


@pytest.mark.parametrize(
    ("mode", "accepted"),
    [("query", {"query"}), ("header", {"header"}), ("both", {"query", "header"})],
)
def test_the_token_is_accepted_where_the_switch_says(api, mode, accepted):
    api.switch(auth_mode=mode)
    ways: dict[str, dict[str, Any]] = {
        "query": {"params": {}},
        "header": {"params": {"token": None}, "headers": {"Authorization": f"Token {TOKEN}"}},
        "nowhere": {"params": {"token": None}},
        "wrong": {"params": {"token": "x"}, "headers": {"Authorization": "Token x"}},
        "other scheme": {"params": {"token": None}, "headers": {"Authorization": f"Bearer {TOKEN}"}},
    }
    found = {name for name, way in ways.items() if api.call("GET", "videgames", **way).status_code == 200}
    assert found == accepted


def test_two_tokens_of_which_one_is_wrong_are_refused(api):
    api.switch(auth_mode="both")
    answer = api.call("GET", "videgames", headers={"Authorization": "Token x"})
    assert (answer.status_code, list(answer.json())) == (401, ["detail"])


@pytest.mark.parametrize(("scheme", "value"), [("Bearer", f"Bearer {TOKEN}"), ("", TOKEN)])
def test_header_and_scheme_can_be_others(api, scheme, value):
    api.switch(auth_mode="header", auth_header="X-Session", auth_scheme=scheme)
    assert (
        api.call("GET", "videgames", params={"token": None}, headers={"X-Session": value}).status_code == 200
    )


@pytest.mark.parametrize(("environment", "right"), [("stage", TOKEN), ("production", PRODUCTION)])
def test_the_token_of_the_other_environment_is_refused(api, environment, right):
    api.switch(environment=environment)
    found = {token: api.get("videgames", token=token).status_code for token in (TOKEN, PRODUCTION)}
    assert {token for token, status in found.items() if status == 200} == {right}
    assert sorted(found.values()) == [200, 401]


def test_the_environments_have_the_tokens_of_the_switches(api):
    api.switch(stage_token="s", production_token="p", unauthorized_status=403)
    assert api.get("videgames", token="s").status_code == 200
    assert api.get("videgames", token=TOKEN).status_code == 403
    api.switch(environment="production")
    assert api.get("videgames", token="p").status_code == 200


def test_a_replaced_token_ends_at_once_and_the_new_one_is_a_secret(api, sandbox):
    new = api.control("token")["token"]
    assert api.get("videgames").status_code == 401
    assert api.get("videgames", token=new).status_code == 200
    assert new in sandbox.secrets()
    assert new in sandbox.get("/_sandbox/connections").text


def test_a_token_can_be_replaced_while_a_list_is_read(api, sandbox):
    new = api.control("token", after=2)["token"]
    assert new in sandbox.secrets()
    assert [api.get("lol/match/", limit=1, offset=one).status_code for one in range(3)] == [200, 200, 401]
    assert api.get("lol/match/", token=new).status_code == 200
    assert new in sandbox.get("/_sandbox/connections").text


def test_a_replaced_token_may_work_on_for_a_while(api, sandbox):
    api.switch(old_token_seconds=60)
    assert api.control("token", token="mine") == {"token": "mine"}
    assert {api.get("videgames", token=one).status_code for one in (TOKEN, "mine")} == {200}
    api.switch(environment="production")
    assert api.get("videgames").status_code == 401
    api.switch(environment="stage")
    sandbox.clock(advance=60)
    assert api.get("videgames").status_code == 401


# --- paths -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spelling", "served"),
    [("both", ["videgames", "videogames"]), ("videgames", ["videgames"]), ("videogames", ["videogames"])],
)
def test_the_list_of_games_is_served_as_it_is_spelled(api, spelling, served):
    api.switch(videogames_path=spelling)
    assert [one for one in ("videgames", "videogames") if api.get(one).status_code == 200] == served


@pytest.mark.parametrize(
    "path", ["", "nothing", "lol/nothing", "chess/markets", "chess/match/", "lol/match/1001"]
)
def test_what_is_not_there_is_404(api, path):
    answer = api.get(path)
    assert (answer.status_code, answer.json()) == (404, {"detail": "Not found."})


def test_the_feed_is_read_with_get_alone(api):
    assert api.call("POST", "lol/match/").status_code == 405
    assert api.call("POST", "notifications/reset").status_code == 405


PATHS = ("videgames", "videgames/", "lol/markets", "lol/markets/", "lol/match", "lol/match/")
PRINTED = {"videgames", "lol/markets", "lol/match/"}


@pytest.mark.parametrize(
    ("form", "right"),
    [
        ("printed", PRINTED),
        ("always", {path for path in PATHS if path.endswith("/")}),
        ("never", {path for path in PATHS if not path.endswith("/")}),
    ],
)
@pytest.mark.parametrize(("mode", "status"), [("both", 200), ("strict", 301), ("strict 404", 404)])
def test_a_slash_too_many_or_too_few_gets_what_the_switch_says(api, mode, status, form, right):
    api.switch(slash_mode=mode, slash_form=form)
    found = {path: api.get(path).status_code for path in PATHS}
    assert found == {path: 200 if path in right else status for path in PATHS}


@pytest.mark.parametrize("status", [301, 308])
def test_a_redirect_leads_to_the_other_form_with_its_query(api, sandbox, status):
    api.switch(slash_mode="strict", redirect_status=status)
    answer = api.get("lol/match", limit=2)
    assert answer.status_code == status
    assert answer.headers["Location"] == f"/mobadoo/api/v1/lol/match/?token={TOKEN}&limit=2"
    assert sandbox.get(answer.headers["Location"]).json()["count"] == 4


def test_a_loop_redirects_each_form_to_the_other(api, sandbox):
    api.switch(slash_mode="loop")
    first = api.get("lol/match/")
    second = sandbox.get(first.headers["Location"], allow_redirects=False)
    assert (first.status_code, second.status_code) == (301, 301)
    assert urlsplit(second.headers["Location"]).path == "/mobadoo/api/v1/lol/match/"


def test_a_game_can_vanish_between_the_list_and_its_reading(api):
    api.switch(vanishing_game="dota2")
    assert "dota2" in [game["url"] for game in api.json("videgames")]
    assert [api.get(path).status_code for path in ("dota2/markets", "dota2/match/", "lol/match/")] == [
        404,
        404,
        200,
    ]


def test_maintenance_answers_as_the_switches_say(api, sandbox):
    api.switch(maintenance_status=502, maintenance_body="down")
    sandbox.fault(vendor="mobadoo", action="maintenance")
    answer = api.get("videgames")
    assert (answer.status_code, answer.text) == (502, "down")


# --- lists -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("form", "keys"),
    [
        ("list", None),
        ("drf", {"count", "next", "previous", "results"}),
        ("results", {"results"}),
        ("unknown", {"data"}),
    ],
)
@pytest.mark.parametrize("path", ["videgames", "lol/markets"])
def test_games_and_markets_come_in_the_form_of_the_switch(api, form, keys, path):
    api.switch(catalogue_envelope=form)
    found = api.json(path)
    assert (None if isinstance(found, list) else set(found)) == keys


@pytest.mark.parametrize("form", ["list", "results", "unknown"])
def test_pages_without_links_are_cut_by_limit_and_offset(api, form):
    api.switch(page_envelope=form)
    found = api.json("lol/match/", limit=2, offset=1)
    items = {
        "list": lambda: found,
        "results": lambda: found["results"],
        "unknown": lambda: found["data"]["rows"],
    }
    assert [match["id"] for match in items[form]()] == [1002, 1003]
    assert isinstance(found, list) or len(found) == 1


@pytest.mark.parametrize("parameter", ["offset", "page", "cursor"])
def test_next_leads_through_all_pages_and_has_no_token(api, sandbox, parameter):
    api.switch(next_parameter=parameter)
    api.control("matches", count=5)
    page, found = api.json("lol/match/", limit=4, ordering="id"), []
    while True:
        assert page["count"] == 9
        found += [match["id"] for match in page["results"]]
        if page["next"] is None:
            break
        query = dict(parse_qsl(urlsplit(page["next"]).query))
        assert set(query) == {"limit", "ordering", parameter}
        page = sandbox.http.get(page["next"], params={"token": TOKEN}, timeout=30).json()
    assert found == sorted(found)
    assert len(set(found)) == 9
    assert page["previous"] is not None


@pytest.mark.parametrize(
    ("form", "start", "token"),
    [
        ("drf", "{url}/mobadoo/", False),
        ("next relative", "/mobadoo/", False),
        ("next with token", "{url}/mobadoo/", True),
        ("next elsewhere", "http://elsewhere.invalid/mobadoo/", False),
    ],
)
def test_next_has_the_form_of_the_switch(api, sandbox, form, start, token):
    api.switch(page_envelope=form)
    link = api.json("lol/match/", limit=1)["next"]
    assert link.startswith(start.format(url=sandbox.url) + "api/v1/lol/match/?limit=1")
    assert (f"token={TOKEN}" in link) is token


def test_next_may_lead_to_its_own_page(api):
    api.switch(page_envelope="next to itself")
    assert api.json("lol/match/", limit=2, offset=2)["next"].endswith("?limit=2&offset=2")


def test_the_page_size_follows_limit_and_its_bounds(api):
    api.switch(default_limit=2, max_limit=3, limit_above_maximum="reduce")
    assert [len(api.matches(limit=one)) for one in (None, 1, 3, 4, 0, "x")] == [2, 1, 3, 3, 2, 2]
    api.switch(limit_above_maximum="refuse")
    assert (api.get("lol/match/", limit=4).status_code, len(api.matches(limit=3))) == (400, 3)
    api.switch(max_limit=0)
    assert len(api.matches(limit=1000)) == 4


def test_matches_are_sorted_by_what_is_asked_for(api):
    api.control("matches/change", id=1001, begin_at="2030-01-01T00:00:00Z")
    assert api.ids() == [1001, 1002, 1003, 1004]
    assert api.ids(ordering="begin_at") == [1002, 1003, 1004, 1001]
    assert api.ids(ordering="-begin_at") == [1001, 1004, 1003, 1002]
    assert api.ids(ordering="-id") == [1004, 1003, 1002, 1001]
    assert api.ids(ordering="nothing") == [1001, 1002, 1003, 1004]


def test_an_order_that_is_not_known_may_be_refused(api):
    api.switch(unknown_ordering="refuse", descending=False)
    assert api.get("lol/match/", ordering="begin_at").status_code == 200
    answer = api.get("lol/match/", ordering="-begin_at")
    assert (answer.status_code, list(answer.json())) == (400, ["ordering"])
    api.switch(unknown_ordering="ignore")
    assert api.ids(ordering="-id") == [1001, 1002, 1003, 1004]


@pytest.mark.parametrize(("ends", "found"), [("inclusive", [1002, 1003]), ("exclusive", [])])
def test_a_range_of_dates_has_its_ends_or_not(api, ends, found):
    api.switch(date_range_ends=ends)
    span = {"date_range_after": "2026-11-16T14:00:00Z", "date_range_before": "2026-11-16T15:00:00Z"}
    assert api.ids(**span) == found
    assert api.ids(date_range_after="2026-11-16T14:30:00") == [1003, 1004]


@pytest.mark.parametrize("name", ["date_range_after", "date_range_before"])
def test_a_date_that_is_none_is_refused_by_its_name(api, name):
    answer = api.get("lol/match/", **{name: "yesterday"})
    assert (answer.status_code, list(answer.json())) == (400, [name])


@pytest.mark.parametrize(
    ("shift", "second", "left"),
    [("none", [1003, 1004], 4), ("insert", [1002, 1003], 6), ("remove", [1004], 2)],
)
def test_a_list_may_shift_while_it_is_read(api, shift, second, left):
    api.switch(shift_while_reading=shift)
    assert api.ids(limit=2, ordering="begin_at") == [1001, 1002]
    assert api.ids(limit=2, offset=2, ordering="begin_at") == second
    assert api.control("matches", "GET")["matches"]["lol"] == left


# --- the reset ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("how", "status", "text"),
    [("json", 200, '{"status": "ok"}'), ("empty", 200, ""), ("no content", 204, "")],
)
def test_a_reset_is_answered_as_the_switch_says(api, how, status, text):
    api.switch(reset_answer=how)
    answer = api.get("notifications/reset")
    assert (answer.status_code, answer.text) == (status, text)


@pytest.mark.parametrize(("how", "status"), [("accept", 200), ("refuse", 400)])
def test_a_reset_that_nobody_asked_for_is_accepted_or_not(api, how, status):
    api.switch(reset_unprompted=how)
    assert api.get("notifications/reset").status_code == status
    api.control("webhook/desynchronise")
    assert api.get("notifications/reset").status_code == 200


def test_the_players_page_says_what_it_was_opened_with_and_not_the_values(api):
    answer = api.call("GET", "", root="online/", params={"token": None, "hash": "h", "client_id": "c"})
    assert answer.text.endswith("hash, client_id.")
