"""The rules of money: what is done with a ticket, a settlement or a refund, by what is known of the ticket.

Functions without a database, so that every order of arrival can be tried.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from airflow_provider.mobadoo.wallet.money import LARGEST
from airflow_provider.mobadoo.wallet.protocol import Code, Refused


class Movement(StrEnum):
    """Why money moves."""

    DEBIT = "debit"
    SETTLE = "settle"
    REFUND = "refund"
    OPENING = "opening"
    ADJUSTMENT = "adjustment"


class State(StrEnum):
    """What a ticket is."""

    ACCEPTED = "accepted"
    SETTLED = "settled"
    REFUNDED = "refunded"
    REFUSED = "refused"
    VOID = "void"
    """Refunded before it came: it is refused when it does."""


class Note(StrEnum):
    """What a person has to see."""

    EARLY = "early"
    """A settlement of a ticket that is not known. Mobadoo has to send it again."""

    INVALID = "invalid"
    """A settlement of an amount that the balance cannot have. Mobadoo has to send another one."""

    CONTRADICTION = "contradiction"
    """Something else than what has been done already."""


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a ticket.

    :param state: what it is
    :param stake: what it cost, in minor units
    :param won: what it won, in minor units
    :param refusal: why it was refused
    """

    state: State
    stake: int | None = None
    won: int | None = None
    refusal: Refused | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """What is done.

    :param refusal: what is answered; None: OK
    :param moves: minor units that are added to the balance, in an entry; None: nothing happens to it
    :param state: what the ticket is from now on; None: what it was
    :param note: what is written down for a person
    """

    refusal: Refused | None = None
    moves: int | None = None
    state: State | None = None
    note: Note | None = None


SAME = Decision()
"""It was done before: the same answer, and nothing moves."""


def debit(known: Known | None, stake: int | Refused, balance: int | None) -> Decision:
    """Decide about a new ticket.

    :param known: what is known of it
    :param stake: what it costs, or why it is refused in any case
    :param balance: what the player has; None: there is no such player
    """
    if known is not None:
        return _debit_again(known, stake)
    refusal = None
    if isinstance(stake, Refused):
        refusal = stake
    elif balance is None:
        refusal = Refused("The player is not known.", Code.UNKNOWN_PLAYER)
    elif stake > balance:
        refusal = Refused("The credit is not sufficient.", Code.INSUFFICIENT_CREDIT)
    else:
        return Decision(moves=-stake, state=State.ACCEPTED)
    # Remembered: Mobadoo was told no, so a late copy must not be paid after all.
    return Decision(refusal, state=State.REFUSED)


def _debit_again(known: Known, stake: int | Refused) -> Decision:
    if known.state == State.VOID:
        return Decision(Refused("The ticket was canceled before it came.", Code.TICKET_CANCELED))
    if known.state == State.REFUSED:
        return Decision(known.refusal or Refused("The ticket was refused.", Code.TICKET_REFUSED))
    return SAME if known.stake == stake else _contradiction("The ticket came before with another amount.")


def settle(known: Known | None, won: int | Refused, balance: int | None) -> Decision:
    """Decide about a ticket that is resolved.

    :param known: what is known of it
    :param won: what the player wins, or why that is no amount
    :param balance: what the player has; None: there is no such player
    """
    if known is None:
        return Decision(Refused("The ticket is not known.", Code.UNKNOWN_TICKET), note=Note.EARLY)
    if known.state == State.REFUSED:
        return _contradiction("The ticket was refused.")
    if known.state in (State.REFUNDED, State.VOID):
        return _contradiction("The ticket was refunded.")
    if known.state == State.SETTLED:
        return SAME if known.won == won else _contradiction("The ticket was settled with another amount.")
    if isinstance(won, Refused):
        return Decision(won, note=Note.INVALID)
    return _given(won, balance, State.SETTLED)


def refund(known: Known | None, balance: int | None) -> Decision:
    """Decide about a ticket that is canceled or rejected.

    :param known: what is known of it
    :param balance: what the player has; None: there is no such player
    """
    if known is None:
        return Decision(state=State.VOID)
    if known.state == State.SETTLED:
        return _contradiction("The ticket was settled.")
    if known.state == State.ACCEPTED:
        return _given(known.stake or 0, balance, State.REFUNDED)
    # It is refunded, or has never cost anything.
    return SAME


def _given(amount: int, balance: int | None, state: State) -> Decision:
    if balance is None or balance + amount > LARGEST:
        # The first cannot be: a ticket that was accepted has a player.
        return Decision(Refused("The balance would be too large.", Code.INVALID_AMOUNT), note=Note.INVALID)
    return Decision(moves=amount, state=state)


def _contradiction(state: str) -> Decision:
    return Decision(Refused(state, Code.CONTRADICTION), note=Note.CONTRADICTION)
