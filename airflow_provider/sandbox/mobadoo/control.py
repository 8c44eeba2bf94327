"""Mobadoo's control requests: what changes on the vendor's side, and what is sent when."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider.sandbox.messages import Refused
from airflow_provider.sandbox.mobadoo import table
from airflow_provider.sandbox.mobadoo.control_fields import flag, moment, one_of, only, whole
from airflow_provider.sandbox.mobadoo.outbox import DISTURBANCES, ORDERS
from airflow_provider.sandbox.mobadoo.sender import Raw
from airflow_provider.sandbox.mobadoo.tickets import MOVES, Declined
from airflow_provider.sandbox.mobadoo.wire import Writer
from airflow_provider.sandbox.vendor import field

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider.sandbox.journal import Journal
    from airflow_provider.sandbox.mobadoo.account import Account

MOST_MATCHES = 100_000
NUMBER = (int, float)
TEXT = (str, int)


class MobadooControl:
    """Serve ``/_sandbox/mobadoo/...``.

    :param account: what it controls
    :param replace_token: gives the environment that is simulated another token
    :param journal: takes secrets
    """

    def __init__(self, account: Account, replace_token: Callable[[str], None], journal: Journal) -> None:
        self.account = account
        self.replace_token = replace_token
        self.journal = journal
        self.routes: dict[tuple[str, str], Callable[[Any], Any]] = {
            ("GET", "traits"): lambda value: table.shown(),
            ("POST", "token"): self.token,
            ("POST", "matches"): self.seed,
            ("POST", "matches/change"): self.change_match,
            ("POST", "odds"): self.change_odds,
            ("POST", "models"): self.rename,
            ("GET", "players"): lambda value: self.players(),
            ("POST", "players"): self.player,
            ("GET", "tickets"): lambda value: self.tickets(),
            ("POST", "tickets/change"): self.change_ticket,
            ("GET", "webhook"): lambda value: self.webhook(),
            ("DELETE", "webhook"): self.forget,
            ("POST", "webhook/send"): self.send,
            ("POST", "webhook/deliver"): self.deliver,
            ("POST", "webhook/disturb"): self.disturb,
            ("POST", "webhook/desynchronise"): self.desynchronise,
            ("POST", "callbacks"): self.callbacks,
            ("GET", "ws"): lambda value: account.sockets.as_json(),
            ("POST", "ws/push"): self.push,
            ("POST", "ws/close"): self.close,
        }

    def serve(self, method: str, path: str, value: Any) -> Any:
        """Serve a control request: JSON, something that gives it, or None where there is no such path."""
        top, _, rest = path.partition("/")
        if top == "matches" and method in ("GET", "DELETE"):
            return self.matches(rest) if method == "GET" else self.remove(rest)
        endpoint = self.routes.get((method, path))
        return endpoint(value) if endpoint else None

    # the feed

    def matches(self, videogame: str) -> Any:
        """Show a game's matches, or how many each game has."""
        matches = self.account.feed.matches
        if not videogame:
            return {"matches": {name: len(found) for name, found in matches.items()}}
        write = Writer(self.account.switch).match
        return {"matches": [write(one) for one in matches[one_of(videogame, "videogame", matches)]]}

    def remove(self, id_: str) -> Any:
        """Remove a match, a game's matches, or all; nothing is told."""
        feed = self.account.feed
        if id_.isdecimal():
            chosen = [feed.match(int(id_))]
        else:
            names = [one_of(id_, "videogame", feed.matches)] if id_ else list(feed.matches)
            chosen = [one for name in names for one in feed.matches[name]]
        for match in chosen:
            feed.remove(match)
        return self.matches("")

    def seed(self, value: Any) -> Any:
        """Add matches by the thousand."""
        only(value, ("videogame", "count", "first", "step", "games"))
        feed = self.account.feed
        videogame = one_of(
            field(value, "videogame", str, "a game such as 'lol'", "lol"), "videogame", feed.matches
        )
        count = whole(value, "count", 1, MOST_MATCHES)
        first = moment(value, "first", feed.clock.seconds())
        step = float(field(value, "step", NUMBER, "seconds", 3600.0))
        made = feed.seed(videogame, count, first, step, whole(value, "games", 0, 9, 3))
        return {"videogame": videogame, "created": count, "first": made[0].id, "last": made[-1].id}

    def change_match(self, value: Any) -> Any:
        """Change a match's state or begin; messages tell it."""
        only(value, ("id", "status", "begin_at", "winner", "force"))
        match = self.account.feed.match(field(value, "id", int, "the id of a match"))
        status = field(value, "status", str, "a state such as 'RU'", None)
        winner = field(value, "winner", str, "the name of an opponent", None)
        force = flag(value, "force")
        begin = moment(value, "begin_at", None)
        self.account.feed.move_match(match, "PD" if status == "PT" else status, begin, winner, force)
        return Writer(self.account.switch).match(match)

    def change_odds(self, value: Any) -> Any:
        """Change the status or value of odds, or of all odds of a match; messages tell it."""
        only(value, ("id", "match", "status", "value"))
        feed = self.account.feed
        status = field(value, "status", str, "a status such as 'SP'", None)
        factor = field(value, "value", NUMBER, "a number", None)
        if ("id" in value) == ("match" in value):
            raise Refused("Send one of the fields 'id' (of odds) and 'match' (the id of a match)")
        if "id" in value:
            found = feed.find_odds(field(value, "id", int, "the id of odds"))
            if found is None:
                raise Refused(f"There are no odds with the id {value['id']}")
            chosen = [found]
        else:
            match = feed.match(field(value, "match", int, "the id of a match"))
            chosen = [(match, odds) for odds in match.odds]
        for match, odds in chosen:
            feed.move_odds(match, odds, status, None if factor is None else float(factor))
        write = Writer(self.account.switch).odds
        return {"odds": [write(odds) for _, odds in chosen]}

    def rename(self, value: Any) -> Any:
        """Change the name of a league, serie or tournament; a message tells it."""
        only(value, ("entity", "id", "name"))
        feed = self.account.feed
        entity, id_ = (
            field(value, "entity", str, "League, Serie or Tournament"),
            field(value, "id", int, "its id"),
        )
        found = next((one for one in feed.competitions if (one.entity, one.id) == (entity, id_)), None)
        if found is None:
            raise Refused(
                f"There is no {entity!r} with the id {id_}; the entities are League, Serie and Tournament"
            )
        feed.rename(found, field(value, "name", str, "its new name"))
        return Writer(self.account.switch).competition(found)

    def token(self, value: Any) -> Any:
        """Replace the token of the environment that is simulated, now or after some requests."""
        only(value, ("token", "after"))
        tokens = self.account.tokens
        token = field(value, "token", (str, type(None)), "a token, or null for a random one", None)
        token = token or tokens.mint()
        self.journal.secret(token)
        if after := whole(value, "after", 0, 1_000_000, 0):
            tokens.plan(after, token)
        else:
            self.replace_token(token)
        return {"token": token}

    # players and tickets

    def players(self) -> Any:
        """Show the players."""
        banned = self.account.tickets.banned
        known = self.account.callbacks.players
        every = dict.fromkeys([*known, *sorted(banned)])
        return {"players": [{"uuid": one, "hash": known.get(one), "banned": one in banned} for one in every]}

    def player(self, value: Any) -> Any:
        """Add or change a player."""
        only(value, ("uuid", "hash", "banned"))
        uuid = str(field(value, "uuid", TEXT, "the operator's id of a player"))
        session = field(value, "hash", (str, type(None)), "the hash of a session", None)
        if session is not None:
            self.account.callbacks.players[uuid] = session
            self.journal.secret(session)
        banned = self.account.tickets.banned
        if "banned" in value:
            (banned.add if field(value, "banned", bool, "true or false") else banned.discard)(uuid)
        return self.players()

    def tickets(self) -> Any:
        """Show all tickets."""
        return {"tickets": [one.as_json() for one in self.account.tickets.all]}

    def change_ticket(self, value: Any) -> Any:
        """Bring a ticket to another state, as Mobadoo does; a message tells it."""
        only(value, ("transaction_id", "state", "won_amount"))
        ticket = self.account.tickets.find(field(value, "transaction_id", TEXT, "that of a ticket"))
        if ticket is None:
            raise Refused(f"There is no ticket with the transaction_id {value['transaction_id']!r}")
        state = one_of(field(value, "state", str, "a state"), "state", MOVES)
        try:
            self.account.tickets.move(ticket, state, field(value, "won_amount", NUMBER, "a number", None))
        except Declined as declined:
            raise Refused(f"Field 'state' got {state!r}: {declined.text}") from None
        return ticket.as_json()

    # what is sent

    def webhook(self) -> Any:
        """Show all deliveries; the URL and its secret are not among it."""
        outbox = self.account.outbox
        return {
            "desynchronised": outbox.desynchronised,
            "waiting": len(outbox.waiting),
            "deliveries": [one.as_json() for one in outbox.deliveries],
        }

    def forget(self, value: Any) -> Any:
        """Forget all deliveries, those that wait too."""
        self.account.outbox.forget()
        return self.webhook()

    def send(self, value: Any) -> Any:
        """Put any message into the queue."""
        only(value, ("body", "text", "copies"))
        if ("body" in value) == ("text" in value):
            raise Refused("Send one of the fields 'body' (JSON) and 'text' (sent as it is)")
        body = value["body"] if "body" in value else Raw(field(value, "text", str, "a text"))
        for _ in range(whole(value, "copies", 1, 10_000, 1)):
            self.account.outbox.add("other", body)
        return {"waiting": len(self.account.outbox.waiting)}

    async def deliver(self, value: Any) -> Any:
        """Send all that waits, and tell what became of it."""
        only(value, ("order", "copies", "at_once"))
        done = await self.account.outbox.deliver(*_manner(value))
        return {"deliveries": [one.as_json() for one in done]}

    def disturb(self, value: Any) -> Any:
        """Drop, repeat or reverse messages to come."""
        only(value, DISTURBANCES)
        self.account.outbox.planned.update({name: whole(value, name, 0, 10_000) for name in value})
        return dict(self.account.outbox.planned)

    def desynchronise(self, value: Any) -> Any:
        """Ask the customer to read everything anew."""
        only(value, ())
        self.account.outbox.desynchronise()
        return {"desynchronised": True}

    async def callbacks(self, value: Any) -> Any:
        """Call the operator, and tell what it answered."""
        only(value, ("calls", "order", "copies", "at_once"))
        calls = field(value, "calls", list, "a list of objects")
        order, copies, at_once = _manner(value)
        sessions = (call.get("hash") for call in calls if isinstance(call, dict))
        self.journal.secret(*(one for one in sessions if isinstance(one, str)))
        return {"outcomes": await self.account.callbacks.run(calls, copies, order, at_once)}

    def push(self, value: Any) -> Any:
        """Push any message to all sockets."""
        only(value, ("message",))
        self.account.sockets.push(field(value, "message", dict, "an object"))
        return self.account.sockets.as_json()

    def close(self, value: Any) -> Any:
        """Close all sockets with a code, or break them."""
        only(value, ("code", "abort"))
        if flag(value, "abort"):
            self.account.sockets.abort()
        else:
            self.account.sockets.close(whole(value, "code", 1000, 4999, 1001))
        return self.account.sockets.as_json()


def _manner(value: Any) -> tuple[str, int, bool]:
    order = one_of(field(value, "order", str, "one of " + ", ".join(ORDERS), ORDERS[0]), "order", ORDERS)
    copies = whole(value, "copies", 1, 1000, 1)
    return order, copies, flag(value, "at_once")
