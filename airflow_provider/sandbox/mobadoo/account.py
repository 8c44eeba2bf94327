"""The account that is simulated, with all its parts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider.sandbox.mobadoo.auth import Tokens
from airflow_provider.sandbox.mobadoo.callbacks import Callbacks
from airflow_provider.sandbox.mobadoo.envelopes import Envelopes
from airflow_provider.sandbox.mobadoo.feed import Feed
from airflow_provider.sandbox.mobadoo.lists import Lists
from airflow_provider.sandbox.mobadoo.models import MATCH_OVER, Competition, Game, Match, Odds
from airflow_provider.sandbox.mobadoo.outbox import Outbox
from airflow_provider.sandbox.mobadoo.sender import Sender
from airflow_provider.sandbox.mobadoo.socket import Sockets
from airflow_provider.sandbox.mobadoo.tickets import Ticket, Tickets
from airflow_provider.sandbox.mobadoo.wallet import Wallet
from airflow_provider.sandbox.mobadoo.wire import Writer

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider.sandbox.clock import Clock

NAMES = {"Game": ("id", "match_id"), "Match": ("id",)}


class Account:
    """One customer of Mobadoo.

    :param clock: the sandbox's clock
    :param switch: returns the value of one of Mobadoo's switches
    :param seed: random for each run
    :param mount: the first part of all paths
    """

    def __init__(self, clock: Clock, switch: Callable[[str], Any], seed: str, mount: str) -> None:
        self.switch = switch
        self.tokens = Tokens(clock, switch, seed)
        self.feed = Feed(clock, self.heard)
        self.lists = Lists(switch, mount)
        self.tickets = Tickets(self.feed, switch, self.heard_ticket)
        self.wallet = Wallet(self.tickets, self.lists, switch)
        self.sender = Sender(switch)
        self.outbox = Outbox(clock, switch, self.sender)
        self.callbacks = Callbacks(self.tickets, switch, self.sender)
        self.sockets = Sockets(self.tokens, switch)

    def stop(self) -> None:
        """End what goes on by itself."""
        self.outbox.stop()
        self.sockets.abort()

    def heard(self, entity: str, thing: Any, fields: tuple[str, ...], match: Match | None) -> None:
        """Tell the customer what has changed in the feed."""
        writer = Writer(self.switch)
        if isinstance(thing, Odds) and match is not None:
            self._odds(writer, thing, match)
        elif isinstance(thing, Match):
            self._model("Match", thing.videogame, writer.match(thing), fields)
            if thing.status in MATCH_OVER:
                self.tickets.match_over()
        elif isinstance(thing, Game) and match is not None:
            self._model("Game", match.videogame, writer.game(match, thing, with_odds=True), fields)
        elif isinstance(thing, Competition):
            self._model(entity, thing.videogame, writer.competition(thing), fields)

    def heard_ticket(self, ticket: Ticket) -> None:
        """Tell the customer that a ticket has changed."""
        shown = {**ticket.as_json(), "tips": [dict(tip) for tip in ticket.tips]}
        message = Envelopes(self.switch).ticket(ticket.hash, shown)
        target = self.switch("ticket_target")
        if target != "callbacks":
            self.outbox.add("ticket", message)
        if target != "webhook":
            self.outbox.add("ticket", message, "create")

    def _odds(self, writer: Writer, odds: Odds, match: Match) -> None:
        if match.live and self.switch("ws_live_odds"):
            shown = writer.odds(odds)
            message = Envelopes(self.switch).live_odds(match.videogame, writer.id(match.id), shown)
            self.sockets.push(message)
        game = next((one for one in match.games if one.id == odds.game), None)
        if game is not None and self.switch("odds_entity") == "Game":
            entity, whole = "Game", writer.game(match, game, with_odds=True)
        else:
            entity, whole = "Match", writer.match(match)
        result = self._result(entity, whole, ("odds",))
        if "odds" in result and self.switch("result_content") == "changes":
            result["odds"] = [writer.odds(odds)]
        self._send(entity, match.videogame, result, live=match.live)

    def _model(self, entity: str, videogame: str, whole: dict[str, Any], fields: tuple[str, ...]) -> None:
        self._send(entity, videogame, self._result(entity, whole, fields), live=False)

    def _result(self, entity: str, whole: dict[str, Any], fields: tuple[str, ...]) -> dict[str, Any]:
        if self.switch("result_content") == "whole":
            return whole
        kept = (*NAMES.get(entity, ("id",)), *fields)
        return {name: value for name, value in whole.items() if name in kept}

    def _send(self, entity: str, videogame: str, result: dict[str, Any], live: bool) -> None:
        message = Envelopes(self.switch).model(entity, videogame, result)
        if not live or self.switch("live_on_webhook"):
            self.outbox.add("model", message)
        if self.switch("ws_models") and not (live and self.switch("ws_live_odds")):
            self.sockets.push(message)
