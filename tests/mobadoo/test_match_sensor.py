"""The sensor that waits for a match, in a real Airflow, against the simulated Mobadoo."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException

from airflow_provider.exceptions import InvalidInput
from airflow_provider.mobadoo.sensors import MobadooMatchSensor
from airflow_provider.mobadoo.states import MatchState
from tests.support import dags
from tests.support.dags import Attempt
from tests.support.mobadoo_waiting import FIVE, NOW, World, sensor, trigger, waiting
from tests.support.mpohoda_waiting import Watched
from tests.support.quota import FREEING, HOUR, MINUTE, WAYS, MovingClock, quick_sleep
from tests.support.sensor import ASLEEP

pytestmark = pytest.mark.usefixtures("airflow_db")

every_way = pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
every_freeing_way = pytest.mark.parametrize("way", FREEING.values(), ids=FREEING)
MATCHES = "api/v1/lol/match/"


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, sandbox: Any) -> World:
    """The sandbox's matches, and the clock of those who wait, which stand still together."""
    monkeypatch.setattr("airflow_provider.waiting.looks._shared._kept", {})
    return World(sandbox, MovingClock(monkeypatch, NOW))


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch, world: Any) -> Watched:
    """Runs triggers on the clock that stands still."""
    return Watched(monkeypatch, world)


def result(attempt: Attempt) -> dict[str, Any]:
    from airflow.utils.session import create_session
    from sqlalchemy import text

    query = text("SELECT value FROM xcom WHERE run_id = :run AND key = 'return_value'")
    with create_session() as session:
        value = session.execute(query, {"run": attempt.instance.run_id}).scalar_one()
    found: dict[str, Any] = json.loads(value) if isinstance(value, str) else value
    return found


def paths(world: World) -> list[str]:
    return [one["path"] for one in world.sent()]


def run(watched: Watched, triggers: list[Any]) -> list[dict[str, Any]]:
    return asyncio.run(watched.events(triggers))


# --- what is there already ---------------------------------------------------------------------------------


@every_way
def test_a_match_that_is_finished_lets_the_dag_go_on_with_its_row(world, way):
    [id_] = world.add()
    world.change(id_, "FI")
    attempt = Attempt(waiting(match_id=id_, **way))
    assert attempt.outcome.state == "success"
    found = result(attempt)
    match = found.pop("match")
    assert found == {
        "videogame": "lol",
        "match_id": str(id_),
        "state": "FI",
        "observed_at": NOW.isoformat(),
    }
    assert (match["id"], match["status"], match["videogame"]) == (id_, "FI", "lol")
    assert not [name for name, value in match.items() if isinstance(value, list)]
    assert paths(world) == [MATCHES]


@pytest.mark.parametrize("wanted", ["PD", "PT", " pd ", MatchState.POSTPONED])
@pytest.mark.parametrize("written", ["PD", "PT"])
def test_postponed_is_waited_for_in_either_spelling(world, wanted, written):
    world.sandbox.switch({"mobadoo.postponed_code": written})
    [id_] = world.add()
    world.change(id_, "PD")
    attempt = Attempt(waiting(match_id=id_, states=[wanted]))
    assert (attempt.outcome.state, result(attempt)["state"]) == ("success", "PD")


def test_a_state_that_is_not_published_is_waited_for_as_it_is_written(world):
    world.sandbox.switch({"mobadoo.unknown_match_states": True})
    ids = world.add(3)
    states = {
        one["id"]: one["status"] for one in world.sandbox.control("GET", "mobadoo/matches/lol")["matches"]
    }
    [unknown] = [id_ for id_ in ids if states[id_] == "ZZ"]
    assert Attempt(waiting(match_id=unknown, states=["ZZ"])).outcome.state == "success"
    [late] = run_late(world, states=["zz"], match_id=unknown)
    assert f'match {unknown} of lol is "ZZ"' in late["late"]


def run_late(world: World, **options: Any) -> list[dict[str, Any]]:
    from tests.support.quota import event

    async def wait() -> dict[str, Any]:
        return await event(trigger(NOW, deadline=NOW + MINUTE, **options))  # type: ignore[arg-type]

    return [asyncio.run(wait())]


def test_ids_that_are_texts_are_the_same_ids(world):
    world.sandbox.switch({"mobadoo.text_ids": True})
    [id_] = world.add()
    assert Attempt(waiting(match_id=id_, states=["NS"])).outcome.state == "success"


def test_all_pages_are_looked_at_and_a_window_makes_them_fewer(world):
    ids = world.add(60, step=HOUR.total_seconds())
    assert Attempt(waiting(match_id=ids[-1], states=["NS"])).outcome.state == "success"
    assert len(world.sent()) == 3
    after = (NOW + 50 * HOUR).replace(tzinfo=None).isoformat()
    assert Attempt(waiting(match_id=ids[-1], states=["NS"], after=after)).outcome.state == "success"
    [request] = world.sent()
    assert request["query"]["date_range_after"] == "2026-03-12T14:00:00Z"


# --- waiting -----------------------------------------------------------------------------------------------


def test_two_hundred_who_wait_for_matches_of_a_game_cost_a_look_in_each_interval(world, watched):
    ids = world.add(20)
    watched.at(NOW + 3 * FIVE - timedelta(seconds=1), lambda: [world.change(id_, "FI") for id_ in ids])
    events = run(watched, [trigger(NOW, match_id=ids[one % 20]) for one in range(200)])
    assert {one["met"]["state"] for one in events} == {"FI"}
    assert paths(world) == [MATCHES] * 4


@every_freeing_way
def test_a_sensor_sleeps_until_the_next_look_is_due(world, way):
    [id_] = world.add()
    attempt = Attempt(waiting(match_id=id_, **way))
    assert attempt.outcome.state in ASLEEP
    other = Attempt(waiting(match_id=id_, **way))
    assert other.outcome.state in ASLEEP
    assert paths(world) == [MATCHES]


def test_a_dag_goes_on_when_the_triggerer_has_waited(world, watched, monkeypatch):
    [id_] = world.add()

    async def sleep(seconds: float) -> None:
        world.pass_(timedelta(seconds=seconds))
        await asyncio.sleep(0)

    quick_sleep(monkeypatch, sleep)
    watched.at(NOW + 7 * MINUTE, lambda: world.change(id_, "FI"))
    finished = dags.run(waiting(match_id=id_, deferrable=True))
    assert dags.states(finished) == {"waiting": "success"}
    assert dags.results(finished)["waiting"]["state"] == "FI"
    assert paths(world) == [MATCHES] * 3


def test_an_outage_is_waited_out(world, watched, no_waiting):
    [id_] = world.add()
    watched.at(NOW + 2 * MINUTE, lambda: world.sandbox.fault(vendor="mobadoo", status=503, times=4))
    watched.at(NOW + 4 * FIVE, lambda: world.change(id_, "FI"))
    [found] = run(watched, [trigger(NOW, match_id=id_)])
    assert found["met"]["state"] == "FI"


def test_a_token_that_is_replaced_while_a_match_is_waited_for_is_picked_up(world, watched, set_connection):
    [id_] = world.add()

    def rotate() -> None:
        token = world.sandbox.control("POST", "mobadoo/token", {})["token"]
        set_connection("mobadoo_default", password=token)

    watched.at(NOW + MINUTE, rotate)
    watched.at(NOW + 2 * MINUTE, lambda: world.change(id_, "FI"))
    [found] = run(watched, [trigger(NOW, match_id=id_)])
    assert found["met"]["state"] == "FI"


# --- ends --------------------------------------------------------------------------------------------------


@every_way
@pytest.mark.parametrize(("state", "waited"), [("CA", "FI"), ("FI", "CA")])
def test_another_state_that_is_final_fails_at_once(world, way, state, waited):
    [id_] = world.add()
    world.change(id_, state)
    attempt = Attempt(waiting(match_id=id_, states=[waited], retries=2, **way))
    assert attempt.outcome.state == "failed"
    assert isinstance(attempt.outcome.error, AirflowFailException)
    assert f'the match {id_} of lol is "{state}", and will not become {waited}' in str(attempt.outcome.error)


def test_a_match_that_is_cancelled_while_it_is_waited_for_ends_the_waiting(world, watched):
    [id_] = world.add()
    watched.at(NOW + FIVE, lambda: world.change(id_, "CA"))
    [found] = run(watched, [trigger(NOW, match_id=id_)])
    assert (found["error"], "CA" in found["message"]) == ("VendorRejected", True)


def test_a_match_that_is_not_listed_is_waited_for_an_hour(world, watched):
    world.add()
    [found] = run(watched, [trigger(NOW, match_id=7)])
    assert found["error"] == "VendorRejected"
    assert "the match 7 of lol has not been in the list since 2026-03-10 12:00 UTC" in found["message"]
    assert world.clock.now() == NOW + HOUR


def test_a_match_that_is_listed_later_is_found(world, watched):
    [id_] = world.add()
    watched.at(NOW + 30 * MINUTE, lambda: world.change(world.add()[0], "FI"))
    [found] = run(watched, [trigger(NOW, match_id=id_ + 1)])
    assert found["met"]["state"] == "FI"


def test_a_match_that_leaves_the_list_is_waited_for_an_hour_from_then(world, watched):
    [id_] = world.add()
    watched.at(NOW + 3 * HOUR - MINUTE, lambda: world.remove(id_))
    [found] = run(watched, [trigger(NOW, match_id=id_)])
    assert "since 2026-03-10 15:00 UTC" in found["message"]
    assert world.clock.now() == NOW + 4 * HOUR


def test_a_video_game_that_is_not_there_fails_at_once(world):
    attempt = Attempt(waiting(videogame="chess", match_id=1))
    assert attempt.outcome.state == "failed"
    assert "none of the video games is there: chess" in str(attempt.outcome.error)


def test_a_match_without_a_state_is_an_error_that_names_its_keys():
    from airflow_provider.exceptions import VendorProtocolError
    from airflow_provider.mobadoo.conditions import _state

    with pytest.raises(VendorProtocolError, match="no state in status or state; it has begin_at, id"):
        _state({"id": 1, "begin_at": "2026-12-01"}, "the match 1 of lol")
    assert _state({"state": "RU"}, "") == "RU"


def test_whole_numbers_of_any_length_come_as_they_are():
    from airflow_provider.mobadoo.conditions import _kept
    from airflow_provider.mobadoo.pages import ROWS

    row = ROWS.row(b'{"id": 7, "long": %s, "other": -12345678901234567890, "odds": 1.850}' % (b"9" * 5000))
    found = _kept(row)
    assert found == {"id": 7, "long": "9" * 5000, "other": "-12345678901234567890", "odds": "1.850"}


# --- what cannot be right ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"states": []}, "states"),
        ({"states": [7]}, "states"),
        ({"states": None}, "states"),
        ({"videogame": ""}, "videogame"),
        ({"match_id": ""}, "match_id"),
        ({"match_id": True}, "match_id"),
        ({"after": 7}, "after"),
        ({"missing_for": "an hour"}, "missing_for"),
        ({"page_size": 0}, "page_size"),
    ],
)
def test_what_cannot_be_right_is_said_when_the_dag_is_parsed(options, field):
    with pytest.raises(InvalidInput) as raised:
        sensor(**{"match_id": 1, **options})
    assert raised.value.field == field


@pytest.mark.parametrize(
    ("options", "field"),
    [({"videogame": "../wallet"}, "videogame"), ({"after": "soon"}, "after")],
)
def test_what_a_template_brings_is_checked_before_a_request(world, options, field):
    attempt = Attempt(waiting(**{"match_id": 1, **options}))
    assert attempt.outcome.state == "failed"
    assert f'"{field}"' in str(attempt.outcome.error)
    assert world.sent() == []


def test_the_default_interval_is_five_minutes_and_the_default_state_is_finished():
    made = MobadooMatchSensor(task_id="t", videogame="lol", match_id=1)
    assert (made.poke_interval, made.states) == (300, ["FI"])
