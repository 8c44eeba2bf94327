"""Lists read from the simulated Mobadoo, with its switches in each position that concerns them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from airflow_provider.exceptions import VendorError, VendorProtocolError
from airflow_provider.mobadoo.operators import MobadooListMatchesOperator, MobadooResyncOperator
from tests.support.mobadoo import work


@pytest.fixture
def mobadoo(sandbox):
    """The sandbox with 250 matches of one video game and 5 of another."""
    sandbox.control("DELETE", "mobadoo/matches")
    for videogame, count in (("lol", 250), ("dota2", 5)):
        values = {"videogame": videogame, "count": count, "games": 1}
        sandbox.control("POST", "mobadoo/matches", values)
    return sandbox


def read(**options: Any) -> dict[str, Any]:
    return work(MobadooListMatchesOperator, **options)


def ids(path: Any) -> list[Any]:
    return [json.loads(line)["id"] for line in Path(path).read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("envelope", ["drf", "list", "results", "next relative", "next with token"])
@pytest.mark.parametrize(
    "switches",
    [
        {},
        {"max_limit": 20},
        {"slash_mode": "strict"},
        {"catalogue_envelope": "drf"},
        {"catalogue_envelope": "results", "text_ids": True},
        {"zone": "none", "unknown_match_states": True, "unknown_odds_statuses": True, "postponed_code": "PT"},
    ],
    ids=lambda switches: ", ".join(switches) or "as it is",
)
def test_everything_is_read_whatever_the_vendor_is_like(mobadoo, tmp_path, envelope, switches):
    values = {"page_envelope": envelope, **switches}
    mobadoo.switch({f"mobadoo.{name}": value for name, value in values.items()})
    result = read(output=f"{tmp_path}/1.jsonl", page_size=50)
    assert (result["total"], result["complete"]) == (255, True)
    assert len(set(ids(result["output"]))) == 255


@pytest.mark.parametrize("parameter", ["offset", "page", "cursor"])
def test_next_leads_on_whatever_names_a_page(mobadoo, parameter):
    mobadoo.switch({"mobadoo.next_parameter": parameter})
    result = read(videogames=["lol"])
    assert (result["total"], result["complete"], result["requests"]) == (250, True, 10)


@pytest.mark.parametrize("parameter", ["page", "cursor"])
def test_without_next_and_offset_the_rest_is_told_to_be_missing(mobadoo, parameter):
    mobadoo.switch({"mobadoo.next_parameter": parameter, "mobadoo.page_envelope": "list"})
    result = read(videogames=["lol"])
    assert (result["total"], result["complete"], result["requests"]) == (25, False, 2)


@pytest.mark.parametrize("envelope", ["next elsewhere", "next to itself", "unknown"])
def test_a_page_that_cannot_be_followed_is_an_error(mobadoo, envelope):
    mobadoo.switch({"mobadoo.page_envelope": envelope})
    with pytest.raises(VendorProtocolError):
        read(videogames=["lol"])
    assert len(mobadoo.requests("mobadoo")) == 1


@pytest.mark.parametrize("envelope", ["drf", "list"])
@pytest.mark.parametrize("shift", ["insert", "remove"])
def test_a_list_that_moves_while_it_is_read_has_each_match_once(mobadoo, tmp_path, envelope, shift):
    mobadoo.switch({"mobadoo.shift_while_reading": shift, "mobadoo.page_envelope": envelope})
    result = read(videogames=["lol"], output=f"{tmp_path}/1.jsonl")
    found = ids(result["output"])
    assert len(set(found)) == len(found) == result["total"]
    if (envelope, shift) != ("list", "remove"):
        # Of a bare list nothing tells that a row was removed.
        assert result["complete"] is False


def test_a_video_game_that_vanishes_leaves_the_others(mobadoo):
    mobadoo.switch({"mobadoo.vanishing_game": "lol"})
    result = read()
    assert (result["total"], result["complete"]) == (5, False)
    with pytest.raises(VendorError, match="No reset was sent"):
        work(MobadooResyncOperator)


@pytest.mark.parametrize("style", ["query", "header"])
def test_the_token_is_sent_where_the_connection_says(mobadoo, style, set_connection):
    mobadoo.switch({"mobadoo.auth_mode": style})
    set_connection("mobadoo_default", extra={"auth_style": style})
    assert read()["total"] == 255
    assert {"token" in one["query"] for one in mobadoo.requests("mobadoo")} == {style == "query"}


def test_a_token_of_the_other_environment_is_an_error_that_says_where_to_look(mobadoo, set_connection):
    set_connection("mobadoo_default", password="sandbox-production-token")
    with pytest.raises(VendorError, match="401") as raised:
        read()
    assert "Dashboard > profile" in str(raised.value)
    assert "sandbox-production-token" not in str(raised.value)


@pytest.mark.parametrize("answer", ["json", "empty", "no content"])
def test_any_answer_to_the_reset_is_a_success(mobadoo, tmp_path, answer):
    mobadoo.switch({"mobadoo.reset_answer": answer})
    assert work(MobadooResyncOperator, output=f"{tmp_path}/1.jsonl")["reset"] is True
