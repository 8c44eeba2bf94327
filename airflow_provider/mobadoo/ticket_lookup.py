"""Tickets whose request had an unknown outcome, looked up at Mobadoo before anything is sent again."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from airflow_provider.exceptions import InvalidInput, VendorProtocolError, VendorRejected
from airflow_provider.mobadoo.answers import document
from airflow_provider.mobadoo.calls import get_ticket
from airflow_provider.mobadoo.ticket_calls import storable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider.http.call import Response
    from airflow_provider.mobadoo.hooks import MobadooHook
    from airflow_provider.store.engine import Database
    from airflow_provider.store.waiting import Wait

GONE = (404, 410)


@dataclass(frozen=True, slots=True)
class Seen:
    """What Mobadoo says of a ticket.

    :param ticket: the ticket, as it is stored; None where it is not certain that there is one
    :param doubt: why nobody can tell; None where it is certain
    """

    ticket: Any = None
    doubt: str | None = None


class TicketLookup:
    """Looks tickets up by their ``transaction_id``, one request each.

    :param hook: the hook of the connection
    :param resend_after: see :class:`~airflow_provider.batch.lookup.Lookup`
    """

    complete = True
    blocking = False

    def __init__(self, hook: MobadooHook, resend_after: float) -> None:
        self.resend_after: float | None = resend_after
        self._hook = hook

    @property
    def requests(self) -> int:
        """How many requests it has sent."""
        return self._hook.requests

    def prepare(self, database: Database, *, run: str, retry: bool, wait: Wait) -> None:
        """Do nothing: tickets are looked up one by one."""

    def existing(self, key: Sequence[str]) -> Any:
        """Return None: a ticket whose request was never sent is not looked up."""
        return None

    def recent(self, since: float) -> TicketLookup:
        """Return what finds tickets, whenever they were created."""
        return self

    def find(self, key: Sequence[str]) -> list[Any]:
        """Return the ticket with the key of a call; nothing where Mobadoo says that there is none.

        :param key: the key
        :raises InvalidInput: its answer does not say it
        :raises VendorError: it cannot be asked
        """
        [transaction_id] = key
        call = replace(get_ticket(transaction_id), decode=lambda response: _seen(response, transaction_id))
        try:
            seen: Seen = self._hook.run(call)
        except VendorRejected as error:
            seen = Seen(doubt=f"the vendor refused to say (HTTP {error.status})")
        if seen.doubt is not None:
            raise InvalidInput(f"{seen.doubt}.", field="transaction_id")
        return [] if seen.ticket is None else [seen.ticket]

    def unchecked(self) -> dict[str, int]:
        """Return nothing: what it looks up is no value of a record."""
        return {}

    def close(self) -> None:
        """Do nothing: it keeps nothing open."""


def _seen(response: Response, transaction_id: str) -> Seen:
    """Read the answer about one ticket. What is not certain leads to no second bet."""
    if response.status in GONE:
        try:
            gone = response.json()
        except VendorProtocolError:
            gone = None
        if isinstance(gone, dict):
            return Seen()
        # A wrong path has no ticket at all, whatever was created.
        return Seen(
            doubt=f"HTTP {response.status} without a JSON object may mean that get_ticket has another path"
        )
    found = document(response)
    if isinstance(found, dict) and str(found.get("transaction_id", "")).strip() == transaction_id:
        return Seen(ticket=storable(found))
    return Seen(doubt="the answer is no ticket with this transaction_id")
