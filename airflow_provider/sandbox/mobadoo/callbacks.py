"""Callbacks: what the player's front end makes Mobadoo ask of the operator."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider.sandbox.messages import Refused
from airflow_provider.sandbox.mobadoo.control_fields import flag
from airflow_provider.sandbox.mobadoo.envelopes import Envelopes
from airflow_provider.sandbox.mobadoo.sender import Raw
from airflow_provider.sandbox.mobadoo.tickets import MOVES, Declined, Ticket, Tickets
from airflow_provider.sandbox.vendor import field

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider.sandbox.mobadoo.sender import Outcome, Sender

NUMBER = (int, float)
TEXT = (str, int)
FIELDS = {
    "credit": ("call", "hash"),
    "create": (
        "call",
        "transaction_id",
        "uuid",
        "hash",
        "bet_amount",
        "product_type",
        "odds",
        "body",
        "text",
    ),
    "change": ("call", "transaction_id", "state", "won_amount", "hash", "force"),
}


@dataclass(slots=True)
class Prepared:
    """A callback that is ready to be sent.

    :param call: ``credit``, ``create`` or ``change``
    :param body: the JSON body; None sends none
    :param session: the hash of a credit
    :param ticket: the ticket it is about
    """

    call: str
    body: Any = None
    session: str | None = None
    ticket: Ticket | None = None


class Callbacks:
    """Call the operator.

    :param tickets: the tickets
    :param switch: returns the value of one of Mobadoo's switches
    :param sender: sends requests
    """

    def __init__(self, tickets: Tickets, switch: Callable[[str], Any], sender: Sender) -> None:
        self.tickets = tickets
        self.switch = switch
        self.sender = sender
        self.players: dict[str, str] = {}
        self.made = 0

    async def run(self, calls: list[Any], copies: int, order: str, at_once: bool) -> list[dict[str, Any]]:
        """Make calls.

        :param calls: what to call, in the order in which it happens
        :param copies: how often each one is sent
        :param order: ``as made`` or ``reversed``: the order in which they are sent
        :param at_once: whether all are sent at the same time
        :return: the outcome of each, in the order in which they were sent
        :raises Refused: if a call does not fit
        """
        if not self.switch("callbacks_url"):
            raise Refused("Switch 'mobadoo.callbacks_url' is empty; set it to the URL of the callbacks")
        ready = [one for call in calls for one in [self._prepared(call)] * copies]
        if order == "reversed":
            ready.reverse()
        if at_once:
            outcomes = list(await asyncio.gather(*map(self._send, ready)))
        else:
            outcomes = [await self._send(one) for one in ready]
        for one in {id(one): one for one in ready}.values():
            self._conclude(
                one, [outcome for sent, outcome in zip(ready, outcomes, strict=True) if sent is one]
            )
        return [
            {
                "call": one.call,
                "transaction_id": one.ticket.transaction_id if one.ticket else None,
                **outcome.as_json(),
            }
            for one, outcome in zip(ready, outcomes, strict=True)
        ]

    async def _send(self, one: Prepared) -> Outcome:
        name = "credit" if one.call == "credit" else "create"
        outcome = await self.sender.callback(name, one.body, one.session)
        for _ in range(self.switch("callback_retries")):
            if isinstance(outcome.json, dict):
                break
            outcome = await self.sender.callback(name, one.body, one.session)
        return outcome

    def _prepared(self, value: Any) -> Prepared:
        if not isinstance(value, dict):
            raise Refused("Field 'calls' has something else than objects; send objects")
        call = field(value, "call", str, "one of " + ", ".join(FIELDS))
        if call not in FIELDS:
            raise Refused(f"Field 'call' got {call!r}; send one of {', '.join(FIELDS)}")
        for name in value:
            if name not in FIELDS[call]:
                raise Refused(
                    f"Unknown field {name!r} of {call}; the known ones are: {', '.join(FIELDS[call])}"
                )
        try:
            return {"credit": self._credit, "create": self._create, "change": self._change}[call](value)
        except Declined as declined:
            raise Refused(f"Field {declined.field!r} does not fit: {declined.text}") from None

    def _credit(self, value: dict[str, Any]) -> Prepared:
        return Prepared("credit", session=field(value, "hash", str, "the hash of a player's session"))

    def _create(self, value: dict[str, Any]) -> Prepared:
        if "body" in value or "text" in value:
            text = field(value, "text", str, "a text that is sent as it is", None)
            return Prepared("create", value.get("body") if text is None else Raw(text))
        uuid = field(value, "uuid", TEXT, "the operator's id of a player", None)
        session = field(value, "hash", str, "the hash of a player's session", self.players.get(str(uuid)))
        uuid = (
            next((one for one, known in self.players.items() if known == session), None)
            if uuid is None
            else uuid
        )
        self.made += 1
        tip = {
            "product_type": field(value, "product_type", str, "a text", "odds"),
            "bet_amount": field(value, "bet_amount", NUMBER, "a number above 0", 10.0),
            **({"odds": value["odds"]} if "odds" in value else {}),
        }
        named = field(value, "transaction_id", TEXT, "a text", f"TX-{self.made}")
        new = {"transaction_id": named, "uuid": uuid, "hash": session, "tips": [tip]}
        ticket, _ = self.tickets.create(new, confirm=False)
        sent = {**ticket.as_json(), "hash": session}
        # A copy of the tips: the ticket's own will say what it wins.
        sent["tips"] = [dict(one) for one in ticket.tips]
        hidden = {"both": (), "hash": ("uuid",), "uuid": ("hash",)}[self.switch("create_identity")]
        return Prepared("create", {key: one for key, one in sent.items() if key not in hidden}, ticket=ticket)

    def _change(self, value: dict[str, Any]) -> Prepared:
        ticket = self.tickets.find(field(value, "transaction_id", TEXT, "that of a ticket"))
        if ticket is None:
            raise Refused(f"There is no ticket with the transaction_id {value['transaction_id']!r}")
        state = field(value, "state", str, "one of " + ", ".join(MOVES))
        won = field(value, "won_amount", NUMBER, "a number", None)
        if flag(value, "force"):
            self.tickets.force(ticket, state, won)
        else:
            self.tickets.move(ticket, state, won, tell=False)
        shown = {**ticket.as_json(), "tips": [dict(one) for one in ticket.tips]}
        session = field(value, "hash", str, "the hash of a player's session", ticket.hash)
        return Prepared("change", Envelopes(self.switch).ticket(session, shown), ticket=ticket)

    def _conclude(self, one: Prepared, outcomes: list[Outcome]) -> None:
        """Take the operator's answers to heart."""
        answers = [outcome.json for outcome in outcomes if isinstance(outcome.json, dict)]
        if one.call == "credit" and one.session is not None:
            self.players.update({str(answer["uuid"]): one.session for answer in answers if "uuid" in answer})
        if one.call != "create" or one.ticket is None or one.ticket.state != "CREATED":
            return
        if any(answer.get("state") == "OK" for answer in answers):
            self.tickets.confirm_by_itself(one.ticket)
        elif answers and self.switch("refused_create") == "reject":
            self.tickets.move(one.ticket, "REJECTED")
