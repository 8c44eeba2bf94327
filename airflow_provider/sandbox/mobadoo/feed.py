"""The feed: games with their competitions, markets and matches, and what changes in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider.sandbox.messages import Refused
from airflow_provider.sandbox.mobadoo.models import (
    CLOSED,
    MATCH_MOVES,
    MATCH_OVER,
    MATCH_STATES,
    ODDS_STATUSES,
    Competition,
    Game,
    Market,
    Match,
    Odds,
    Videogame,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider.sandbox.clock import Clock

    Tell = Callable[[str, Any, tuple[str, ...], Match | None], None]

GAMES = {"lol": "League of Legends", "dota2": "Dota 2", "csgo": "Counter-Strike: GO"}
MARKETS = (("Match winner", "match-winner", "match"), ("Game winner", "game-winner", "game"))
TEAMS = ("Aurora", "Basalt", "Cobalt", "Dynamo", "Ember", "Fjord", "Glacier", "Horizon")
SEEDED = 4
HOUR = 3600.0


class Feed:
    """What the REST feed shows.

    :param clock: the sandbox's clock; the first matches begin in the hours after the first look
    :param tell: hears of each change: the entity, the thing, the names of its changed fields, and its match
    """

    def __init__(self, clock: Clock, tell: Tell) -> None:
        self.clock = clock
        self.tell = tell
        self.videogames = [
            Videogame(number, name, key) for number, (key, name) in enumerate(GAMES.items(), 1)
        ]
        self.markets: dict[str, list[Market]] = {}
        self.competitions: list[Competition] = []
        self._tournaments: dict[str, list[Competition]] = {}
        self._matches: dict[str, list[Match]] | None = None
        self._by_id: dict[int, Match] = {}
        self._last = {"Match": 1000, "Game": 5000, "Odds": 9000}
        for game in self.videogames:
            self._furnish(game)

    @property
    def matches(self) -> dict[str, list[Match]]:
        """The matches of each game, in the order in which they were made."""
        if self._matches is None:
            # At the first look and not before, so that a clock that is set after a reset counts.
            self._matches = {game.slug: [] for game in self.videogames}
            for game in self.videogames:
                self.seed(game.slug, SEEDED, self.clock.seconds() // HOUR * HOUR + HOUR, HOUR)
        return self._matches

    def knows(self, videogame: str) -> bool:
        """Return whether there is such a game."""
        return any(game.slug == videogame for game in self.videogames)

    def match(self, id_: int) -> Match:
        """Return a match.

        :raises Refused: if there is none
        """
        found = self._by_id.get(id_) if self.matches else None
        if found is None:
            raise Refused(f"There is no match with the id {id_}")
        return found

    def find_odds(self, id_: int) -> tuple[Match, Odds] | None:
        """Return odds with their match; None if there are none."""
        for match in (one for matches in self.matches.values() for one in matches):
            # Ids rise with the matches, so most of them are passed by quickly.
            if match.odds and match.odds[0].id <= id_ <= match.odds[-1].id:
                return match, match.odds[id_ - match.odds[0].id]
        return None

    # making

    def seed(self, videogame: str, count: int, first: float, step: float, games: int = 3) -> list[Match]:
        """Add matches.

        :param videogame: the game's slug
        :param count: how many
        :param first: when the first one begins, in seconds since 1970
        :param step: how many seconds later each following one begins
        :param games: how many games each match has
        """
        made = [self._make(videogame, first + number * step, games) for number in range(count)]
        self.matches[videogame].extend(made)
        return made

    def put_first(self, videogame: str) -> Match:
        """Add a match that begins before all others of its game, and stands before them."""
        matches = self.matches[videogame]
        begin = min((one.begin for one in matches), default=self.clock.seconds())
        made = self._make(videogame, begin - 1, 1)
        matches.insert(0, made)
        return made

    def remove(self, match: Match) -> None:
        """Remove a match; nothing is told."""
        self.matches[match.videogame].remove(match)
        del self._by_id[match.id]

    def _make(self, videogame: str, begin: float, games: int) -> Match:
        id_ = self._next("Match")
        tournaments = self._tournaments[videogame]
        teams = tuple((number + 11, TEAMS[number]) for number in (id_ % len(TEAMS), (id_ + 3) % len(TEAMS)))
        match = Match(id_, videogame, tournaments[id_ % len(tournaments)], teams, begin, self.clock.seconds())
        whole, single = self.markets[videogame]
        match.odds = [Odds(self._next("Odds"), whole.id, team, 1.85) for _, team in teams]
        for position in range(1, games + 1):
            game = Game(self._next("Game"), position)
            match.games.append(game)
            match.odds += [Odds(self._next("Odds"), single.id, team, 1.9, "OP", game.id) for _, team in teams]
        self._by_id[id_] = match
        return match

    def _next(self, kind: str) -> int:
        self._last[kind] += 1
        return self._last[kind]

    def _furnish(self, game: Videogame) -> None:
        start = game.id * 10
        self.markets[game.slug] = [Market(start + number, *one) for number, one in enumerate(MARKETS)]
        self._tournaments[game.slug] = []
        for number in (1, 2):
            id_ = (game.id - 1) * 2 + number
            league = Competition("League", id_, game.slug, f"{game.name} League {number}")
            serie = Competition("Serie", id_, game.slug, "Spring 2026", league)
            tournament = Competition("Tournament", id_, game.slug, "Playoffs", serie)
            self.competitions += [league, serie, tournament]
            self._tournaments[game.slug].append(tournament)

    # changing

    def move_match(
        self, match: Match, status: str | None, begin: float | None, winner: str | None, force: bool
    ) -> None:
        """Change a match, and all that goes with it.

        :param match: the match
        :param status: its new state; None keeps it
        :param begin: its new begin; None keeps it
        :param winner: who wins, for a match that ends; None takes the first team
        :param force: whether any state may follow any other
        :raises Refused: if the state cannot follow the present one
        """
        fields: list[str] = []
        if status is not None:
            self._check_move(match, status, force)
            match.status = status
            fields.append("status")
            if status in MATCH_OVER:
                match.end = self.clock.seconds()
                match.winner = (winner or match.teams[0][1]) if status == "FI" else None
                fields += ["end_at", "winner"]
        if begin is not None:
            match.begin = begin
            fields.append("begin_at")
        match.modified = self.clock.seconds()
        games = self._games_follow(match) if status is not None else []
        if match.status in MATCH_OVER and any(one.status != CLOSED for one in match.odds):
            for one in match.odds:
                one.status = CLOSED
            fields.append("odds")
        self.tell("Match", match, tuple(fields), match)
        for game in games:
            self.tell("Game", game, ("status",), match)

    def move_odds(self, match: Match, odds: Odds, status: str | None, value: float | None) -> None:
        """Change the status or value of odds.

        :raises Refused: if they are closed, or the status is unknown
        """
        if status is not None and status not in ODDS_STATUSES:
            raise Refused(f"Field 'status' got {status!r}; send one of {', '.join(ODDS_STATUSES)}")
        if odds.status == CLOSED and (value is not None or status not in (None, CLOSED)):
            raise Refused(f"The odds {odds.id} are CL, which is final; choose others")
        odds.status = status or odds.status
        odds.value = odds.value if value is None else value
        match.modified = self.clock.seconds()
        self.tell("Odds", odds, ("status", "value"), match)

    def rename(self, competition: Competition, name: str) -> None:
        """Change the name of a league, serie or tournament."""
        competition.name = name
        self.tell(competition.entity, competition, ("name", "slug"), None)

    def _check_move(self, match: Match, status: str, force: bool) -> None:
        if status not in MATCH_STATES:
            raise Refused(f"Field 'status' got {status!r}; send one of {', '.join(MATCH_STATES)}")
        if status not in MATCH_MOVES[match.status] and not force:
            following = " or ".join(MATCH_MOVES[match.status]) or "nothing"
            raise Refused(
                f'Match {match.id} is {match.status}, which {following} follows; send that, or "force": true'
            )

    def _games_follow(self, match: Match) -> list[Game]:
        """Bring the games in line with their match, and return those that changed."""
        changed = []
        for game in match.games:
            wanted = match.status
            if match.status == "RU":
                wanted = "RU" if game.position == 1 else game.status
            if game.status != wanted:
                game.status = wanted
                changed.append(game)
        return changed
