"""What Mobadoo asks of the operator, read and answered: a player's credit, new tickets, and their changes.

The forms are those that one operator's public code reads and answers. What it does not show is refused, or
answered with nothing where it is no question of money.
"""

from __future__ import annotations

import logging
import re
from dataclasses import replace
from decimal import Context, Decimal, Inexact, InvalidOperation, Overflow
from typing import TYPE_CHECKING, Any

from airflow_provider.events.body import read_object
from airflow_provider.events.callback import CallbackAnswer
from airflow_provider.events.matching import matches
from airflow_provider.mobadoo.messages import KINDS, family_of
from airflow_provider.mobadoo.wallet.protocol import Change, Code, Refused, Ticket, UnreadableTicket

if TYPE_CHECKING:
    from airflow_provider.events.callback import Callback
    from airflow_provider.mobadoo.connection import MobadooOptions
    from airflow_provider.mobadoo.wallet.protocol import Wallet

log = logging.getLogger(__name__)

LONGEST = 250
"""Characters of an identifier."""

CURRENCY = re.compile(r"[A-Za-z]{3}")

REFUNDS = ("CANCELED", "REJECTED")


def answer(options: MobadooOptions, wallet: Wallet, called: Callback) -> CallbackAnswer:
    """Answer a call.

    :param options: what the connection says: ``ticket_amount``
    :param wallet: the wallet of the connection
    :param called: the call
    :raises airflow_provider.events.body.Refused: its body is no JSON object
    """
    try:
        if called.name == "credit":
            return _credit(wallet, called.query.get("hash", ""))
        return _ticket(options, wallet, read_object(called.body, exact=True))
    except Refused as refused:
        # An error travels with status 200, as at the operator whose code is public.
        error = {"transaction_id": "", "code": refused.code, "state": refused.state}
        return CallbackAnswer(json=error, refused=True)


def _credit(wallet: Wallet, hash: str) -> CallbackAnswer:
    if not hash:
        raise Refused('"hash" is missing.', Code.UNKNOWN_SESSION)
    credit = wallet.credit(hash)
    return CallbackAnswer(
        json={
            "uuid": credit.player,
            "currency": credit.currency,
            "credit": f"{credit.balance:f}",
            "hash": hash,
            "displayname": credit.display_name,
        }
    )


def _ticket(options: MobadooOptions, wallet: Wallet, body: dict[str, Any]) -> CallbackAnswer:
    family = family_of(body)
    if family == "TICKET_CHANGED":
        return _change(options, wallet, body)
    if family is not None or _of_no_ticket(options, body):
        # The address may be that of the webhook, too.
        return CallbackAnswer(told=body)
    state = _state(body, "state")
    if state != "CREATED":
        log.warning("A ticket that is neither new nor a change moves nothing.")
        return CallbackAnswer(told=body)
    if (player := _identifier(body, "uuid")) is None and not body.get("hash"):
        raise Refused('"hash" and "uuid" are missing.', Code.INVALID_TICKET)
    unread = UnreadableTicket(
        ticket=_required(body, "id"),
        transaction_id=_identifier(body, "transaction_id"),
        player=player,
        hash=_identifier(body, "hash"),
    )
    ticket = Ticket(
        ticket=unread.ticket,
        transaction_id=unread.transaction_id,
        player=unread.player,
        hash=unread.hash,
        amount=_bet(options, wallet, body, unread),
        currency=_currency(body),
    )
    return _ok(wallet.debit(ticket))


def _bet(options: MobadooOptions, wallet: Wallet, body: dict[str, Any], ticket: UnreadableTicket) -> Decimal:
    try:
        return _amount(options, body, "tips", "bet_amount")
    except Refused as refused:
        # Mobadoo is told no: a late copy must not be paid after all, like that of another ticket_amount.
        refuse = getattr(wallet, "refuse_unreadable", None)
        if refuse is not None:
            refuse(ticket, refused)
        raise


def _of_no_ticket(options: MobadooOptions, body: dict[str, Any]) -> bool:
    """Say whether a message of no known family is about something else than a new ticket."""
    if options.desync_match and matches(body, options.desync_match):
        return True
    named = any(isinstance(body.get(kind), str) for kind in KINDS)
    return named and not {"state", "tips"} & body.keys()


def _change(options: MobadooOptions, wallet: Wallet, body: dict[str, Any]) -> CallbackAnswer:
    ticket = body.get("ticket")
    if not isinstance(ticket, dict):
        raise Refused('"ticket" is no object.', Code.INVALID_TICKET)
    state = _state(ticket, "ticket.state")
    if state != "RESOLVED" and state not in REFUNDS:
        # Nothing moves, and no answer is known.
        return CallbackAnswer(told=body)
    change = Change(
        ticket=_required(ticket, "id", "ticket.id"),
        transaction_id=_identifier(ticket, "transaction_id", "ticket.transaction_id"),
        player=_required(ticket, "uuid", "ticket.uuid"),
        state=state,
        currency=_currency(ticket),
    )
    if state != "RESOLVED":
        return _ok(wallet.refund(change), told=body)
    won = replace(change, amount=_won(options, wallet, ticket, change))
    return _ok(wallet.settle(won), told=body)


def _won(options: MobadooOptions, wallet: Wallet, ticket: dict[str, Any], change: Change) -> Decimal:
    try:
        return _amount(options, ticket, "ticket.tips", "won_amount")
    except Refused as refused:
        # The player may have won something, and Mobadoo may not say it again in another way.
        note = getattr(wallet, "note_unreadable", None)
        if note is not None:
            note(change, refused)
        raise


def _ok(transaction_id: str, told: dict[str, Any] | None = None) -> CallbackAnswer:
    return CallbackAnswer(json={"state": "OK", "transaction_id": transaction_id}, told=told)


def _state(ticket: dict[str, Any], place: str) -> str:
    state = ticket.get("state")
    if not isinstance(state, str):
        raise Refused(f'"{place}" {_shape(state)}, not a text.', Code.INVALID_TICKET)
    return state.strip().upper()


def _required(ticket: dict[str, Any], name: str, place: str = "") -> str:
    found = _identifier(ticket, name, place)
    if found is None:
        raise Refused(f'"{place or name}" is missing.', Code.INVALID_TICKET)
    return found


def _identifier(ticket: dict[str, Any], name: str, place: str = "") -> str | None:
    value = ticket.get(name)
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise Refused(f'"{place or name}" {_shape(value)}, not a text.', Code.INVALID_TICKET)
    text = str(value)
    if len(text) > LONGEST:
        raise Refused(f'"{place or name}" is longer than {LONGEST} characters.', Code.INVALID_TICKET)
    return text


def _currency(ticket: dict[str, Any]) -> str | None:
    # No such field is published. Where there is one that looks like it, it has to be right.
    found = ticket.get("currency")
    return found.upper() if isinstance(found, str) and CURRENCY.fullmatch(found) else None


def _amount(options: MobadooOptions, ticket: dict[str, Any], place: str, name: str) -> Decimal:
    tips = ticket.get("tips")
    if not isinstance(tips, list) or not tips:
        raise Refused(f'"{place}" is no list with at least one tip.', Code.INVALID_TICKET)
    if len(tips) > 1 and options.ticket_amount == "refuse":
        raise Refused(f'"{place}" has {len(tips)} tips.', Code.INVALID_TICKET)
    read = tips if options.ticket_amount == "sum" else tips[:1]
    amounts = [_tip_amount(tip, f"{place}[{number}]", name) for number, tip in enumerate(read)]
    return amounts[0] if len(amounts) == 1 else _sum(amounts, f"{place}[].{name}")


def _tip_amount(tip: Any, place: str, name: str) -> Decimal:
    if not isinstance(tip, dict):
        raise Refused(f'"{place}" is no object.', Code.INVALID_TICKET)
    value = tip.get(name)
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise Refused(f'"{place}.{name}" {_shape(value)}, not a number.', Code.INVALID_AMOUNT)
    amount = Decimal(value)
    if amount.is_signed() and amount:
        raise Refused(f'"{place}.{name}" is negative.', Code.INVALID_AMOUNT)
    return amount


def _sum(amounts: list[Decimal], place: str) -> Decimal:
    # Exact, or an error.
    context = Context(prec=100, traps=[Inexact, InvalidOperation, Overflow])
    total = Decimal()
    try:
        for amount in amounts:
            total = context.add(total, amount)
    except ArithmeticError:
        raise Refused(f'"{place}" has amounts that cannot be added exactly.', Code.INVALID_AMOUNT) from None
    return total


def _shape(value: Any) -> str:
    """Say what a value is, without the value."""
    if value is None:
        return "is missing"
    kinds = {bool: "a boolean", str: "a text", list: "a list", dict: "an object"}
    return f"is {kinds.get(type(value), 'a number')}"
