"""What a wallet is asked, and how it answers. A wallet of one's own needs nothing but this module."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from decimal import Decimal


class Code(IntEnum):
    """Why something is refused. The numbers are this package's own: Mobadoo publishes none."""

    OTHER = 1
    UNKNOWN_SESSION = 2
    UNKNOWN_PLAYER = 3
    INVALID_AMOUNT = 4
    INVALID_TICKET = 5
    INSUFFICIENT_CREDIT = 6
    UNKNOWN_TICKET = 7
    TICKET_CANCELED = 8
    TICKET_REFUSED = 9
    CONTRADICTION = 10


class Refused(Exception):
    """A wallet refuses what it is asked. Nothing was moved.

    :param state: why, for Mobadoo and for logs: without the player's session and without amounts
    :param code: a number for it
    """

    def __init__(self, state: str, code: int = Code.OTHER) -> None:
        super().__init__(state)
        self.state = state
        self.code = int(code)


@dataclass(frozen=True, slots=True, kw_only=True)
class Credit:
    """What a player has.

    :param player: the operator's own identifier of the player
    :param currency: three letters of ISO 4217
    :param balance: with the decimals of the currency
    :param display_name: what the player is called
    """

    player: str
    currency: str
    balance: Decimal
    display_name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """A new ticket.

    :param ticket: Mobadoo's id of the ticket
    :param transaction_id: Mobadoo's id of the transaction
    :param player: the operator's own identifier of the player, where the ticket has it
    :param hash: the player's session, in clear, where the ticket has it; never stored, logged or told
    :param amount: what the player bets, exactly as it came; not negative
    :param currency: three letters of ISO 4217, where the ticket has them
    """

    ticket: str
    transaction_id: str | None = None
    player: str | None = None
    hash: str | None = field(default=None, repr=False)
    amount: Decimal
    currency: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UnreadableTicket:
    """A new ticket whose amount cannot be read.

    :param ticket: Mobadoo's id of the ticket
    :param transaction_id: Mobadoo's id of the transaction
    :param player: the operator's own identifier of the player, where the ticket has it
    :param hash: the player's session, in clear, where the ticket has it; never stored, logged or told
    """

    ticket: str
    transaction_id: str | None = None
    player: str | None = None
    hash: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What has become of a ticket. It has no session: the hash is another one after the next launch.

    :param ticket: Mobadoo's id of the ticket
    :param transaction_id: Mobadoo's id of the transaction
    :param player: the operator's own identifier of the player
    :param state: ``RESOLVED``, ``CANCELED`` or ``REJECTED``
    :param amount: what the player wins, exactly as it came, of a ticket that is resolved; not negative
    :param currency: three letters of ISO 4217, where the ticket has them
    """

    ticket: str
    transaction_id: str | None = None
    player: str
    state: str
    amount: Decimal | None = None
    currency: str | None = None


class Wallet(Protocol):
    """Answers what Mobadoo asks.

    Methods are called from several threads, and from several processes, and each call may come again: after
    a crash, or because an answer was lost. They raise :class:`Refused` to say no; any other error makes the
    caller answer 503, so that Mobadoo sends it again.

    A wallet that has a method ``for_connection(conn_id)`` is asked for the wallet of each connection of
    Mobadoo's; one that has not is shared by all.

    One that has a method ``note_unreadable(change, refusal)`` is told of a settlement whose amount cannot be
    read, so that a person can be shown it: with a :class:`Change` without an amount, and the
    :class:`Refused` that Mobadoo gets.

    One that has a method ``refuse_unreadable(ticket, refusal)`` is told of a new ticket whose amount cannot
    be read, with an :class:`UnreadableTicket` and the :class:`Refused` that Mobadoo gets: it must not be
    debited later either, when its amount can be read.
    """

    def credit(self, hash: str) -> Credit:
        """Return what the player of a session has.

        :param hash: the session in clear
        :raises Refused: nobody has the session
        """

    def debit(self, ticket: Ticket) -> str:
        """Take the amount of a new ticket from its player.

        :param ticket: the ticket
        :return: the operator's own id of the transaction: the same each time
        :raises Refused: the ticket is not accepted
        """

    def settle(self, change: Change) -> str:
        """Give a player what a ticket has won.

        :param change: the ticket, which is resolved
        :return: the operator's own id of the transaction: the same each time
        :raises Refused: nothing is given
        """

    def refund(self, change: Change) -> str:
        """Give a player back what a ticket cost.

        :param change: the ticket, which is canceled or rejected
        :return: the operator's own id of the transaction: the same each time
        :raises Refused: nothing is given back
        """
