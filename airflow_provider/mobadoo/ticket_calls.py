"""The calls of ticket batches: those of ``calls.py``, with answers that can be stored.

What Mobadoo answers is not published. So all of an answer is kept, but for the player's session: ``hash`` and
``token`` are left out. Numbers with a fraction become texts with all their digits.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from airflow_provider.http.call import Call, once
from airflow_provider.mobadoo import calls
from airflow_provider.mobadoo.answers import without_sessions

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from airflow_provider.http.call import Response


@once
def create_ticket(transaction_id: str | int, ticket: Mapping[str, Any]) -> Call[Any]:
    """Create a ticket.

    :param transaction_id: what the ticket is known by on both sides
    :param ticket: the other fields of the ticket
    :raises InvalidInput: see :func:`airflow_provider.mobadoo.calls.create_ticket`
    """
    return _stored(calls.create_ticket(transaction_id, _in_clear(ticket)))


@once
def confirm_ticket(transaction_id: str | int, details: Mapping[str, Any] | None = None) -> Call[Any]:
    """Confirm a ticket.

    :param transaction_id: id of the ticket
    :param details: further fields of the body
    :raises InvalidInput: the id cannot be a part of a path
    """
    return _stored(calls.confirm_ticket(transaction_id, _in_clear(details)))


@once
def cancel_ticket(transaction_id: str | int, details: Mapping[str, Any] | None = None) -> Call[Any]:
    """Cancel a ticket.

    :param transaction_id: id of the ticket
    :param details: further fields of the body
    :raises InvalidInput: the id cannot be a part of a path
    """
    return _stored(calls.cancel_ticket(transaction_id, _in_clear(details)))


@once
def resolve_ticket(transaction_id: str | int, details: Mapping[str, Any] | None = None) -> Call[Any]:
    """Resolve a ticket.

    :param transaction_id: id of the ticket
    :param details: further fields of the body
    :raises InvalidInput: the id cannot be a part of a path
    """
    return _stored(calls.resolve_ticket(transaction_id, _in_clear(details)))


def storable(value: Any, sent: Collection[str] = ()) -> Any:
    """Return an answer as it is stored: without sessions, and with exact numbers as texts.

    :param value: the answer, decoded exactly
    :param sent: sessions that the request had
    """
    return _with_texts(without_sessions(value, sent))


def _with_texts(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _with_texts(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_with_texts(item) for item in value]
    return str(value) if isinstance(value, Decimal) else value


def _stored(call: Call[Any]) -> Call[Any]:
    def decode(response: Response) -> Any:
        return storable(call.decode(response), call.secrets)

    return replace(call, decode=decode)


def _in_clear(fields: Any) -> Any:
    if not isinstance(fields, dict):
        return fields
    return {
        name: value.get_secret_value() if isinstance(value, SecretStr) else value
        for name, value in fields.items()
    }
