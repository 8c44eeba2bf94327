"""The resynchronisation: everything is read, then the reset is sent, or the error says that it was not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException

from airflow_provider.exceptions import (
    InvalidInput,
    VendorError,
    VendorProtocolError,
    VendorRejected,
    VendorUnavailable,
)
from airflow_provider.mobadoo.operators import MobadooResyncOperator
from tests.support.mobadoo import Mobadoo, matches, mobadoo_serving, work

NOT_SENT = "No reset was sent"
RESET = "notifications/reset"


@pytest.fixture
def vendor(set_connection):
    with mobadoo_serving(Mobadoo(lol=matches(60), dota2=matches(30)), set_connection) as found:
        yield found


@pytest.fixture
def output(tmp_path):
    return str(tmp_path / "matches.jsonl")


def resync(**options: Any) -> dict[str, Any]:
    return work(MobadooResyncOperator, **options)


def count(path: Any) -> int:
    return len(Path(path).read_text(encoding="utf-8").splitlines())


def fail_at(vendor: Mobadoo, path: str, number: int, answer: Any = (503, {})) -> None:
    """Let the vendor answer one request in another way."""

    def meanwhile(asked: str, nth: int) -> None:
        vendor.answers.clear()
        if (asked, nth) == (path, number):
            vendor.answers[path] = answer

    vendor.meanwhile = meanwhile


def test_the_reset_comes_after_everything_was_read_and_published(vendor, output):
    published: list[bool] = []
    vendor.meanwhile = lambda path, _: published.append(Path(output).exists()) if path == RESET else None
    result = resync(output=output)
    assert {name: result[name] for name in ("videogames", "markets", "matches", "reset", "output")} == {
        "videogames": 2,
        "markets": 2,
        "matches": 90,
        "reset": True,
        "output": output,
    }
    assert vendor.paths() == [
        "videgames",
        "lol/markets",
        "dota2/markets",
        *["lol/match/"] * 3,
        *["dota2/match/"] * 2,
        RESET,
    ]
    assert published == [True]
    assert count(output) == 90


def test_pages_are_asked_for_in_an_order_as_the_vendor_prints_it(vendor, output):
    resync(output=output, videogames=["dota2"])
    asked = [query for path, query in vendor.requests if path == "dota2/match/"]
    assert asked[0] == {"limit": "25", "ordering": "begin_at"}
    assert asked[1] == {"limit": "25", "ordering": "begin_at", "offset": "25"}


def test_markets_go_into_a_file_of_their_own(vendor, output, tmp_path):
    vendor.markets["lol"] = {"results": [{"id": 1}], "next": "?page=2"}
    vendor.meanwhile = lambda path, number: (
        vendor.markets.update(lol=[{"id": 2}]) if (path, number) == ("lol/markets", 2) else None
    )
    result = resync(output=output, markets_output=f"{tmp_path}/markets.jsonl")
    found = [json.loads(line) for line in (tmp_path / "markets.jsonl").read_text().splitlines()]
    assert [(one["videogame"], one["id"]) for one in found] == [("lol", 1), ("lol", 2), ("dota2", 10)]
    assert (result["markets"], result["markets_output"]) == (3, f"{tmp_path}/markets.jsonl")


def test_without_an_output_the_matches_are_returned(vendor):
    result = resync(videogames=["dota2"])
    assert (len(result["records"]), result["output"], vendor.resets) == (30, None, 1)


def test_more_matches_than_xcom_has_room_for_are_no_reset(vendor):
    vendor.games["lol"] = matches(1001)
    with pytest.raises(InvalidInput, match=NOT_SENT):
        resync(page_size=500)
    assert vendor.resets == 0


@pytest.mark.parametrize(
    ("path", "number"),
    [("videgames", 1), ("dota2/markets", 1), ("lol/match/", 1), ("dota2/match/", 2)],
    ids=["the video games", "the markets", "the first page", "the last page"],
)
@pytest.mark.parametrize(
    ("answer", "kind"), [((503, {}), VendorUnavailable), ((400, {"limit": ["No."]}), VendorRejected)]
)
def test_a_failure_anywhere_is_no_reset_and_the_error_says_so(vendor, output, path, number, answer, kind):
    fail_at(vendor, path, number, answer)
    with pytest.raises(kind, match=NOT_SENT):
        resync(output=output)
    assert vendor.resets == 0
    assert not Path(output).exists()


@pytest.mark.parametrize("more", [{"count": 2}, {"next": "?offset=1"}, {"next": 2}])
def test_a_list_of_video_games_that_is_not_whole_is_no_reset(vendor, output, more):
    vendor.listed = {"results": [{"url": "lol"}], **more}
    with pytest.raises(VendorProtocolError, match=NOT_SENT):
        resync(output=output)
    assert vendor.resets == 0


def test_the_next_try_goes_on_at_the_page_that_failed(vendor, output):
    fail_at(vendor, "dota2/match/", 2)
    with pytest.raises(VendorUnavailable):
        resync(output=output)
    vendor.requests.clear()
    vendor.meanwhile = lambda path, number: None
    vendor.answers.clear()
    result = resync(output=output)
    assert (result["matches"], result["resumed_at"], vendor.resets) == (90, 5, 1)
    assert vendor.paths() == ["videgames", "lol/markets", "dota2/markets", "dota2/match/", RESET]


def test_a_reset_that_fails_is_sent_by_the_next_try_which_reads_no_match_again(vendor, output):
    fail_at(vendor, RESET, 1)
    with pytest.raises(VendorUnavailable, match="did not confirm the reset") as raised:
        resync(output=output)
    assert NOT_SENT not in str(raised.value)
    assert count(output) == 90
    vendor.requests.clear()
    vendor.meanwhile = lambda path, number: None
    vendor.answers.clear()
    result = resync(output=output)
    assert (result["matches"], result["reset"]) == (90, True)
    assert vendor.paths() == ["videgames", "lol/markets", "dota2/markets", RESET]


@pytest.mark.parametrize(
    ("status", "body"), [(200, b"OK"), (200, b""), (204, b""), (200, b"null"), (202, b"\xff")]
)
def test_any_success_confirms_the_reset(vendor, status, body):
    vendor.answers[RESET] = (status, body)
    assert resync(videogames=["dota2"])["reset"] is True


@pytest.mark.parametrize(("status", "body"), [(200, b"<html>Sign in</html>"), (302, b""), (404, b"OK")])
def test_a_page_or_a_refusal_does_not_confirm_the_reset(vendor, status, body):
    vendor.answers[RESET] = (status, body)
    with pytest.raises(VendorError, match="did not confirm the reset"):
        resync(videogames=["dota2"])


def test_matches_that_move_meanwhile_are_no_reset_and_the_next_try_reads_all_anew(vendor, output):
    vendor.meanwhile = lambda path, number: (
        vendor.games.update(lol=matches(2, 900) + vendor.games["lol"])
        if (path, number) == ("lol/match/", 2)
        else None
    )
    with pytest.raises(VendorError, match=f"lol: the list changed while it was read.*{NOT_SENT}") as raised:
        resync(output=output)
    assert not isinstance(raised.value, AirflowFailException), "a retry can help"
    assert not Path(output).exists()
    vendor.meanwhile = lambda path, number: None
    result = resync(output=output)
    assert (result["matches"], "resumed_at" in result, vendor.resets) == (92, False, 1)


@pytest.mark.parametrize("shape", ["bare", "no next", "counted", "paged"])
def test_matches_that_are_removed_meanwhile_are_no_reset(vendor, output, shape):
    vendor.shape = shape
    vendor.meanwhile = lambda path, number: (
        vendor.games["lol"].pop(0) if (path, number) == ("lol/match/", 2) else None
    )
    with pytest.raises(VendorError, match=NOT_SENT):
        resync(output=output)
    assert vendor.resets == 0


def test_a_video_game_that_disappears_meanwhile_is_no_reset(vendor, output):
    vendor.meanwhile = lambda path, number: (
        vendor.games.pop("dota2", None) if path == "dota2/match/" else None
    )
    with pytest.raises(VendorError, match="dota2: it is not there any more"):
        resync(output=output)
    assert vendor.resets == 0
    assert resync(output=output)["videogames"] == 1
    assert vendor.resets == 1


def test_a_second_run_reads_everything_again(vendor, output):
    resync(output=output)
    vendor.requests.clear()
    assert resync(output=output, run_id="run-2")["matches"] == 90
    assert vendor.resets == 2


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"max_pages": 3}, "max_pages"),
        ({"markets_output": "/data/1.xlsx"}, "output"),
        ({"output": "/data/1.csv", "markets_output": "/data/1.csv"}, "markets_output"),
        ({"markets_output": 7}, "markets_output"),
    ],
)
def test_what_cannot_be_right_is_said_when_the_dag_is_parsed(options, field):
    with pytest.raises(InvalidInput) as raised:
        MobadooResyncOperator(task_id="resync", **options)
    assert raised.value.field == field
