"""Tickets and the states they go through."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from airflow_provider.sandbox.mobadoo.models import BETTABLE, MATCH_OVER

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider.sandbox.mobadoo.feed import Feed
    from airflow_provider.sandbox.mobadoo.models import Match, Odds

MOVES = {
    "CREATED": ("CONFIRMED", "REJECTED", "CANCELED"),
    "CONFIRMED": ("RESOLVED", "CANCELED"),
    "RESOLVED": (),
    "CANCELED": (),
    "REJECTED": (),
}


class Declined(Exception):
    """Something that cannot be done with tickets.

    :param code: an invented code
    :param field: the field that does not fit
    :param text: the reason
    """

    def __init__(self, code: str, field: str, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.field = field
        self.text = text


@dataclass(slots=True)
class Ticket:
    """A ticket.

    :param id: Mobadoo's own number
    :param transaction_id: what names it
    :param uuid: the operator's id of the player
    :param hash: the player's session
    :param tips: the bets, with ``product_type`` and ``bet_amount``
    :param state: one of :data:`MOVES`
    """

    id: int
    transaction_id: Any
    uuid: Any
    hash: Any
    tips: list[dict[str, Any]]
    state: str = "CREATED"
    rest: dict[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Return the ticket as the wallet shows it."""
        own = {"id": self.id, "uuid": self.uuid, "transaction_id": self.transaction_id, "state": self.state}
        return {**self.rest, **own, "tips": self.tips}

    def odds(self) -> list[Any]:
        """Return the ids of the odds bet on, which may have come as text."""
        found = (id_ for tip in self.tips for id_ in _listed(tip.get("odds")))
        return [int(id_) if isinstance(id_, str) and id_.isdecimal() else id_ for id_ in found]


class Tickets:
    """All tickets of the account.

    :param feed: the matches bet on
    :param switch: returns the value of one of Mobadoo's switches
    :param tell: hears of each ticket that changes after its creation
    """

    def __init__(self, feed: Feed, switch: Callable[[str], Any], tell: Callable[[Ticket], None]) -> None:
        self.feed = feed
        self.switch = switch
        self.tell = tell
        self.all: list[Ticket] = []
        self.banned: set[str] = set()

    def find(self, transaction_id: Any) -> Ticket | None:
        """Return a ticket; None if there is none."""
        return next((one for one in self.all if str(one.transaction_id) == str(transaction_id)), None)

    def create(self, body: dict[str, Any], confirm: bool = True) -> tuple[Ticket, bool]:
        """Make a ticket.

        :param body: what the customer sends
        :param confirm: whether to confirm it at once where the account is set so
        :return: the ticket, and whether it is new
        :raises Declined: if it cannot be taken
        """
        transaction_id = _named(body)
        known = self.find(transaction_id)
        if known is not None and self.switch("duplicate_transaction") == "refuse":
            raise Declined("SIM_DUPLICATE_TRANSACTION", "transaction_id", "A ticket with this id exists.")
        if known is not None and self.switch("duplicate_transaction") == "existing":
            return known, False
        tips = _tips(body)
        if str(body.get("uuid")) in self.banned:
            raise Declined("SIM_PLAYER_BANNED", "uuid", "The player is banned.")
        own = ("id", "transaction_id", "uuid", "hash", "tips", "state")
        rest = {name: value for name, value in body.items() if name not in own}
        number = 777 + len(self.all)
        ticket = Ticket(number, transaction_id, body.get("uuid"), body.get("hash"), tips, rest=rest)
        for id_ in ticket.odds():
            self._bettable(id_)
        self.all.append(ticket)
        if confirm:
            self.confirm_by_itself(ticket)
        return ticket, True

    def confirm_by_itself(self, ticket: Ticket) -> None:
        """Confirm a new ticket if the account is set so."""
        if ticket.state == "CREATED" and self.switch("auto_confirm"):
            self.move(ticket, "CONFIRMED")

    def force(self, ticket: Ticket, state: str, won: Any = None) -> None:
        """Give a ticket a state, whatever it had; nobody is told."""
        ticket.state = state
        if state == "RESOLVED":
            self._pay(ticket, won)

    def move(self, ticket: Ticket, state: str, won: Any = None, tell: bool = True) -> None:
        """Bring a ticket to another state.

        :param ticket: the ticket
        :param state: the new state
        :param won: of a resolved ticket, what it wins; None calculates it from its odds
        :param tell: whether the customer is told
        :raises Declined: if the state cannot follow the present one
        """
        if state == ticket.state and self.switch("repeated_change") == "accept":
            return
        if state not in MOVES[ticket.state]:
            raise Declined("SIM_WRONG_STATE", "state", f"A ticket that is {ticket.state} cannot be {state}.")
        self.force(ticket, state, won)
        if tell:
            self.tell(ticket)
        if state == "CONFIRMED":
            self.resolve_by_itself(ticket)

    def resolve_by_itself(self, ticket: Ticket) -> None:
        """Resolve a confirmed ticket if its time has come and the account is set so."""
        if ticket.state != "CONFIRMED" or not self.switch("auto_resolve") or not self.switch("webhook_url"):
            return
        matches = [match for match, _ in self._bets(ticket)]
        if self.switch("auto_resolve_when") == "confirmed":
            self.move(ticket, "RESOLVED")
        elif any(match.status == "CA" for match in matches):
            self.move(ticket, "CANCELED")
        elif all(match.status in MATCH_OVER for match in matches):
            self.move(ticket, "RESOLVED")

    def match_over(self) -> None:
        """Resolve what waited for a match."""
        for ticket in self.all:
            self.resolve_by_itself(ticket)

    def _bets(self, ticket: Ticket) -> list[tuple[Match, Odds]]:
        found = (self.feed.find_odds(id_) for id_ in ticket.odds() if isinstance(id_, int))
        return [one for one in found if one is not None]

    def _bettable(self, id_: Any) -> None:
        found = self.feed.find_odds(id_) if isinstance(id_, int) else None
        if found is None:
            raise Declined("SIM_UNKNOWN_ODDS", "tips", "There are no such odds.")
        if found[1].status not in BETTABLE:
            raise Declined("SIM_ODDS_NOT_OPEN", "tips", f"The odds are {found[1].status}.")

    def _pay(self, ticket: Ticket, won: Any) -> None:
        if won is None:
            bets = self._bets(ticket)
            factor = Decimal(1 if bets else 0)
            for match, odds in bets:
                factor *= Decimal(str(odds.value)) if odds.selection == match.winner else 0
            stake = Decimal(str(ticket.tips[0]["bet_amount"]))
            won = float(round(stake * factor, 2))
        ticket.tips[0]["won_amount"] = won


def _named(body: dict[str, Any]) -> Any:
    named = body.get("transaction_id")
    if named in (None, "") or isinstance(named, bool | list | dict):
        raise Declined("SIM_MISSING_FIELD", "transaction_id", "This field is required.")
    return named


def _tips(body: dict[str, Any]) -> list[dict[str, Any]]:
    tips = body.get("tips")
    if not isinstance(tips, list) or not tips or not all(isinstance(tip, dict) for tip in tips):
        raise Declined("SIM_MISSING_FIELD", "tips", "At least one tip is required.")
    for tip in tips:
        amount = tip.get("bet_amount")
        if isinstance(amount, bool) or not isinstance(amount, int | float) or not 0 < amount < 1e12:
            raise Declined("SIM_WRONG_AMOUNT", "bet_amount", "A number above 0 is required.")
    # Copied, because what a ticket wins is written into its tips.
    return [dict(tip) for tip in tips]


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
