"""Mobadoo's states: of odds, and of matches. A state that nobody has heard of stays a text."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Self


class UnknownState(str):
    """A state that is not published: the text as it came, neither bettable nor terminal."""

    __slots__ = ()
    is_bettable = False
    is_terminal = False


class _State(StrEnum):
    @classmethod
    def read(cls, value: Any) -> Self | UnknownState:
        """Read a state as the vendor writes it; capitals and blanks around it make no difference.

        :param value: the text
        :return: the state; the text as it came where it is unknown
        """
        text = "" if value is None else str(value)
        name = text.strip().upper()
        return next((one for one in cls if name in cls._spellings(one)), UnknownState(text))

    @classmethod
    def _spellings(cls, one: Self) -> tuple[str, ...]:
        return (one.value,)


class OddsStatus(_State):
    """The status of odds, before a match and during it. Source: Mobadoo's page "Odds"."""

    OPEN = "OP"
    TRADING = "TD"
    SUSPENDED = "SP"
    CLOSED = "CL"

    @property
    def is_bettable(self) -> bool:
        """Say whether bets are taken."""
        return self in (OddsStatus.OPEN, OddsStatus.TRADING)

    @property
    def is_terminal(self) -> bool:
        """Say whether the status never changes any more."""
        return self is OddsStatus.CLOSED


class MatchState(_State):
    """The state of a match. Source: Mobadoo's page "Concepts".

    The page writes "postponed" both ``PD`` and ``PT``; both are read as :attr:`POSTPONED`. That no state
    follows ``FI`` and ``CA`` is assumed: the page shows the transitions in a picture alone.
    """

    NOT_STARTED = "NS"
    RUNNING = "RU"
    FINISHED = "FI"
    POSTPONED = "PD"
    CANCELLED = "CA"

    @classmethod
    def _spellings(cls, one: Self) -> tuple[str, ...]:
        return ("PD", "PT") if one.value == "PD" else (one.value,)

    @property
    def is_bettable(self) -> bool:
        """Say whether bets may be taken; whether certain odds take one, their :class:`OddsStatus` says."""
        return self in (MatchState.NOT_STARTED, MatchState.RUNNING)

    @property
    def is_terminal(self) -> bool:
        """Say whether the state never changes any more."""
        return self in (MatchState.FINISHED, MatchState.CANCELLED)
