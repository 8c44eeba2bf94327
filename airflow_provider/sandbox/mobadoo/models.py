"""Games, competitions, matches and odds as Mobadoo keeps them."""

from __future__ import annotations

from dataclasses import dataclass, field

MATCH_STATES = ("NS", "RU", "FI", "PD", "CA")
MATCH_MOVES = {"NS": ("RU", "PD", "CA"), "RU": ("FI", "CA"), "PD": ("NS", "CA"), "FI": (), "CA": ()}
MATCH_OVER = ("FI", "CA")
ODDS_STATUSES = ("OP", "TD", "SP", "CL")
BETTABLE = ("OP", "TD")
CLOSED = "CL"


@dataclass(slots=True)
class Videogame:
    """A video game.

    :param id: its id
    :param name: its name
    :param slug: its part of the paths
    """

    id: int
    name: str
    slug: str


@dataclass(slots=True)
class Market:
    """A betting market of a video game.

    :param id: its id
    :param name: its name
    :param slug: its name in paths
    :param scope: ``match`` or ``game``
    """

    id: int
    name: str
    slug: str
    scope: str


@dataclass(slots=True)
class Competition:
    """A league, serie or tournament.

    :param entity: which of them
    :param id: its id
    :param videogame: the game's slug
    :param name: its name
    :param above: what it belongs to; None for a league
    """

    entity: str
    id: int
    videogame: str
    name: str
    above: Competition | None = None


@dataclass(slots=True)
class Odds:
    """The odds of one selection.

    :param id: its id
    :param market: the market's id
    :param selection: what is bet on
    :param value: what a stake is multiplied by
    :param status: one of :data:`ODDS_STATUSES`
    :param game: the id of the game bet on; None for the match
    """

    id: int
    market: int
    selection: str
    value: float
    status: str = "OP"
    game: int | None = None


@dataclass(slots=True)
class Game:
    """One game of a match.

    :param id: its id
    :param position: its number in the match, from 1
    :param status: a state like a match's
    """

    id: int
    position: int
    status: str = "NS"


@dataclass(slots=True)
class Match:
    """A match.

    :param id: its id
    :param videogame: the game's slug
    :param tournament: the tournament it is in
    :param teams: ids and names of the opponents
    :param begin: when it begins, in seconds since 1970
    :param modified: when it was changed, in seconds since 1970
    :param status: one of :data:`MATCH_STATES`
    :param end: when it ended; None before
    :param winner: the winner's name; None before
    """

    id: int
    videogame: str
    tournament: Competition
    teams: tuple[tuple[int, str], ...]
    begin: float
    modified: float
    status: str = "NS"
    end: float | None = None
    winner: str | None = None
    games: list[Game] = field(default_factory=list)
    odds: list[Odds] = field(default_factory=list)

    @property
    def name(self) -> str:
        """Return the opponents' names."""
        return " vs ".join(name for _, name in self.teams)

    @property
    def live(self) -> bool:
        """Whether it is being played."""
        return self.status == "RU"
