"""The states of odds and matches, and what is not known of them."""

from __future__ import annotations

import json

import pytest

from airflow_provider.mobadoo.states import MatchState, OddsStatus, UnknownState


@pytest.mark.parametrize(
    ("code", "bettable", "terminal"),
    [("OP", True, False), ("TD", True, False), ("SP", False, False), ("CL", False, True)],
)
def test_odds_take_bets_while_they_are_open_or_trading_and_never_after_they_are_closed(
    code, bettable, terminal
):
    status = OddsStatus.read(code)
    assert isinstance(status, OddsStatus)
    assert (status, status.is_bettable, status.is_terminal) == (code, bettable, terminal)


@pytest.mark.parametrize(
    ("code", "bettable", "terminal"),
    [
        ("NS", True, False),
        ("RU", True, False),
        ("FI", False, True),
        ("PD", False, False),
        ("CA", False, True),
    ],
)
def test_a_match_ends_when_it_is_finished_or_cancelled(code, bettable, terminal):
    state = MatchState.read(code)
    assert isinstance(state, MatchState)
    assert (state, state.is_bettable, state.is_terminal) == (code, bettable, terminal)


@pytest.mark.parametrize("code", ["PT", "PD", "pt", " Pd "])
def test_both_spellings_of_postponed_are_one_state(code):
    assert MatchState.read(code) is MatchState.POSTPONED
    assert MatchState.POSTPONED.value == "PD"


@pytest.mark.parametrize("kind", [OddsStatus, MatchState])
@pytest.mark.parametrize("value", ["XX", "", "finished", None, 7])
def test_an_unknown_state_stays_as_it_came_and_is_neither_bettable_nor_terminal(kind, value):
    state = kind.read(value)
    assert isinstance(state, UnknownState)
    assert state == ("" if value is None else str(value))
    assert not state.is_bettable
    assert not state.is_terminal


def test_states_are_plain_texts_in_json():
    assert json.dumps([OddsStatus.OPEN, MatchState.read("PT"), MatchState.read("??")]) == '["OP", "PD", "??"]'
