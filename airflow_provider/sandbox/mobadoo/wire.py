"""How Mobadoo writes its models, and how it refuses."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider.sandbox.mobadoo.models import Competition, Game, Market, Match, Odds, Videogame

ENDS = {"Z": "Z", "none": "", "+00:00": "+00:00"}


class Problem(Exception):
    """A request that Mobadoo refuses.

    :param status: the HTTP status
    :param body: the answer
    """

    def __init__(self, status: int, body: Any) -> None:
        super().__init__(status)
        self.status = status
        self.body = body


def not_found() -> Problem:
    """Return the refusal of a path or thing that is not there."""
    return Problem(404, {"detail": "Not found."})


class Writer:
    """Write models as the switches say.

    :param switch: returns the value of one of Mobadoo's switches
    """

    def __init__(self, switch: Callable[[str], Any]) -> None:
        self.zone = ENDS[switch("zone")]
        self.postponed = switch("postponed_code")
        self.unknown_states = switch("unknown_match_states")
        self.unknown_statuses = switch("unknown_odds_statuses")
        self.text_ids = switch("text_ids")
        self.text_odds = switch("text_odds")

    def id(self, value: int) -> int | str:
        """Return an id."""
        return str(value) if self.text_ids else value

    def time(self, seconds: float | None) -> str | None:
        """Return a time."""
        if seconds is None:
            return None
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S") + self.zone

    def state(self, match: Match) -> str:
        """Return a match's state."""
        if self.unknown_states and match.id % 3 == 0:
            return "ZZ"
        return str(self.postponed) if match.status == "PD" else match.status

    def videogame(self, game: Videogame) -> dict[str, Any]:
        """Return a video game."""
        return {"id": self.id(game.id), "name": game.name, "url": game.slug, "active": True}

    def market(self, market: Market) -> dict[str, Any]:
        """Return a market."""
        return {"id": self.id(market.id), "name": market.name, "slug": market.slug, "scope": market.scope}

    def odds(self, odds: Odds) -> dict[str, Any]:
        """Return the odds of a selection."""
        unknown = self.unknown_statuses and odds.id % 3 == 0
        return {
            "id": self.id(odds.id),
            "market": self.id(odds.market),
            "game": None if odds.game is None else self.id(odds.game),
            "selection": odds.selection,
            "value": f"{odds.value:.2f}" if self.text_odds else odds.value,
            "status": "ZZ" if unknown else odds.status,
        }

    def game(self, match: Match, game: Game, with_odds: bool = False) -> dict[str, Any]:
        """Return a game of a match."""
        whole: dict[str, Any] = {
            "id": self.id(game.id),
            "match_id": self.id(match.id),
            "position": game.position,
            "status": str(self.postponed) if game.status == "PD" else game.status,
        }
        if with_odds:
            whole["odds"] = [self.odds(one) for one in match.odds if one.game == game.id]
        return whole

    def competition(self, one: Competition) -> dict[str, Any]:
        """Return a league, serie or tournament."""
        whole = {"id": self.id(one.id), "name": one.name, "slug": slug(one.name)}
        if one.above is not None:
            whole[f"{one.above.entity.lower()}_id"] = self.id(one.above.id)
        return whole

    def match(self, match: Match) -> dict[str, Any]:
        """Return a match."""
        tournament = match.tournament
        serie = tournament.above
        league = serie.above if serie else None
        return {
            "id": self.id(match.id),
            "name": match.name,
            "slug": slug(match.name),
            "status": self.state(match),
            "begin_at": self.time(match.begin),
            "end_at": self.time(match.end),
            "modified_at": self.time(match.modified),
            "videogame": match.videogame,
            "number_of_games": len(match.games),
            "league": self.competition(league) if league else None,
            "serie": self.competition(serie) if serie else None,
            "tournament": self.competition(tournament),
            "opponents": [{"id": self.id(id_), "name": name} for id_, name in match.teams],
            "winner": match.winner,
            "games": [self.game(match, game) for game in match.games],
            "odds": [self.odds(odds) for odds in match.odds],
        }


def slug(name: str) -> str:
    """Return a name as it stands in a path."""
    return "-".join(name.lower().split())
