"""The six ticket calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider.sandbox.messages import Answer, Request, json_answer
from airflow_provider.sandbox.mobadoo.tickets import Declined, Ticket, Tickets
from airflow_provider.sandbox.mobadoo.wire import Problem, not_found

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider.sandbox.mobadoo.lists import Lists

CHANGES = {"confirm": "CONFIRMED", "cancel": "CANCELED", "resolve": "RESOLVED"}


class Wallet:
    """Answer the calls below ``wallet/ticket``.

    :param tickets: the tickets
    :param lists: gives pages their form
    :param switch: returns the value of one of Mobadoo's switches
    """

    def __init__(self, tickets: Tickets, lists: Lists, switch: Callable[[str], Any]) -> None:
        self.tickets = tickets
        self.lists = lists
        self.switch = switch

    def answer(self, request: Request, place: list[str]) -> Answer:
        """Serve one call.

        :param request: the request
        :param place: the parts of the path after ``wallet/ticket``
        :raises Problem: if it is refused
        """
        if len(place) > 1:
            raise not_found()
        name = place[0] if place else ""
        changes = name in ("create", *CHANGES)
        if self.switch("wallet_verbs") == "assumed" and request.method != ("POST" if changes else "GET"):
            raise Problem(405, {"detail": f'Method "{request.method}" not allowed.'})
        try:
            if name == "create":
                ticket, new = self.tickets.create(_object(request.json))
                return json_answer(201 if new else 200, ticket.as_json())
            if changes:
                return self._change(request, CHANGES[name])
        except Declined as declined:
            raise self._refusal(declined) from None
        if not name:
            return json_answer(200, self.lists.page(request, self.tickets.all, Ticket.as_json))
        return json_answer(200, self._find(name).as_json())

    def _change(self, request: Request, state: str) -> Answer:
        several = isinstance(request.json, list) and state == "RESOLVED"
        bodies = [_object(one) for one in (request.json if several else [request.json])]
        found = [self._find(body.get("transaction_id")) for body in bodies]
        for ticket, body in zip(found, bodies, strict=True):
            self.tickets.move(ticket, state, body.get("won_amount"))
        shown = [ticket.as_json() for ticket in found]
        return json_answer(200, shown if several else shown[0])

    def _find(self, transaction_id: Any) -> Ticket:
        ticket = self.tickets.find(transaction_id)
        if ticket is None:
            raise not_found()
        return ticket

    def _refusal(self, declined: Declined) -> Problem:
        body: dict[str, Any] = {declined.field: [declined.text]}
        if self.switch("wallet_errors") == "codes":
            body = {"transaction_id": "", "code": declined.code, "state": declined.text}
        return Problem(self.switch("wallet_error_status"), body)


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Declined("SIM_NO_OBJECT", "non_field_errors", "A JSON object is required.")
    return value
