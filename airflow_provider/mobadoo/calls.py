"""Mobadoo's REST API as plain functions: each returns a :class:`Call`, none sends anything.

The paths are published, and what they are for. The answers are not, nor the verbs and bodies of the wallet.
So answers are returned as they come, and the connection may name another verb and path for a call.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from airflow_provider.exceptions import InvalidInput
from airflow_provider.http.call import Call, idempotent, once, safe
from airflow_provider.mobadoo.answers import (
    CREDENTIAL,
    SESSION,
    MobadooPage,
    accepted,
    acknowledged,
    document,
    page,
    path_part,
)
from airflow_provider.mobadoo.endpoints import ENDPOINTS, Endpoint
from airflow_provider.values import shape, whole_number

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from airflow_provider.http.call import Response

T = TypeVar("T")

ORDERING = re.compile(r"-?[A-Za-z_][A-Za-z0-9_]*")

LAST_SECOND = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class MobadooCall(Call[T]):
    """A call that a connection may send to another path.

    :param name: name of the function that made it
    :param places: what its path was made of
    """

    name: str = ""
    places: Mapping[str, str] = field(default_factory=dict)

    def sent_to(self, endpoint: Endpoint) -> MobadooCall[T]:
        """Return the same call for another verb and path.

        :param endpoint: where it goes
        """
        return replace(self, method=endpoint.verb, path=endpoint.filled(self.places))


@safe
def list_videogames() -> Call[MobadooPage]:
    """Read the account's active video games. The path is ``videgames``, as the vendor prints it."""
    return _call("list_videogames", page)


@safe
def list_markets(videogame: str) -> Call[MobadooPage]:
    """Read the betting markets of a video game.

    :param videogame: its URL parameter, like ``lol``
    :raises InvalidInput: it cannot be a part of a path
    """
    return _call("list_markets", page, {"videogame": path_part("videogame", videogame)})


@safe
def list_matches(
    videogame: str,
    *,
    after: datetime | str | None = None,
    before: datetime | str | None = None,
    ordering: str | None = None,
    limit: int | None = None,
    offset: int | None = None,
) -> Call[MobadooPage]:
    """Read matches of a video game. What is None is left out.

    :param videogame: its URL parameter, like ``lol``
    :param after: only matches from this moment on, with its time zone. The parameter is assumed:
        ``date_range_after``
    :param before: only matches up to this moment, with its time zone
    :param ordering: the field to sort by, like ``begin_at``; with a minus in front it is assumed to turn the
        order round
    :param limit: how many to ask for at once. The most that the vendor allows is not known
    :param offset: how many to skip. The parameter is assumed
    :raises InvalidInput: a value cannot be right
    """
    query: dict[str, str] = {}
    if limit is not None:
        query["limit"] = str(whole_number("limit", limit, 1))
    if offset is not None:
        query["offset"] = str(whole_number("offset", offset, 0))
    if ordering is not None:
        if not ORDERING.fullmatch(str(ordering)):
            raise InvalidInput(
                f'"ordering" must be the name of a field, like begin_at; it is {shape(ordering)}.',
                field="ordering",
            )
        query["ordering"] = ordering
    if before is not None:
        # Rounded away from what is asked for: a match too many is better than one too few.
        query["date_range_before"] = moment("before", before, up=True)
    if after is not None:
        query["date_range_after"] = moment("after", after)
    return _call("list_matches", page, {"videogame": path_part("videogame", videogame)}, query=query)


@idempotent
def reset_notifications() -> Call[Any]:
    """Tell the vendor that a resynchronisation has ended. It is a GET with an effect.

    It may be repeated: saying it twice does no harm. What it answers is not published: any success counts,
    but for a page in HTML.
    """
    return _call("reset_notifications", acknowledged)


@once
def create_ticket(transaction_id: str | int, ticket: Mapping[str, Any]) -> Call[Any]:
    """Create a ticket, which takes a bet. It is never repeated by itself.

    :param transaction_id: what the ticket is known by on both sides; it becomes a field of the ticket
    :param ticket: the other fields of the ticket. What it may have is not published
    :raises InvalidInput: the id cannot be a part of a path, or the ticket has another one
    """
    id = path_part("transaction_id", transaction_id)
    if not hasattr(ticket, "keys"):
        raise InvalidInput(f'"ticket" must be a dict; it is {shape(ticket)}.', field="ticket")
    if str(ticket.get("transaction_id", id)).strip() != id:
        raise InvalidInput(
            '"ticket" has another transaction_id than the record.',
            field="ticket",
            remedy="Leave it out of the ticket.",
        )
    return _ticket("create_ticket", id, {**ticket, "transaction_id": id})


@once
def confirm_ticket(transaction_id: str | int, details: Mapping[str, Any] | None = None) -> Call[Any]:
    """Confirm a ticket; not needed where the account confirms by itself.

    Like the next two it is never repeated by itself: each may move money, and that a second one moves none is
    not published. :func:`get_ticket` tells what became of the first.

    :param transaction_id: id of the ticket
    :param details: further fields of the body. What it may have is not published
    :raises InvalidInput: the id cannot be a part of a path
    """
    return _change("confirm_ticket", transaction_id, details)


@once
def cancel_ticket(transaction_id: str | int, details: Mapping[str, Any] | None = None) -> Call[Any]:
    """Cancel a ticket.

    :param transaction_id: id of the ticket
    :param details: further fields of the body. What it may have is not published
    :raises InvalidInput: the id cannot be a part of a path
    """
    return _change("cancel_ticket", transaction_id, details)


@once
def resolve_ticket(transaction_id: str | int, details: Mapping[str, Any] | None = None) -> Call[Any]:
    """Resolve a ticket; not needed where the account resolves by itself.

    :param transaction_id: id of the ticket
    :param details: further fields of the body. What it may have is not published
    :raises InvalidInput: the id cannot be a part of a path
    """
    return _change("resolve_ticket", transaction_id, details)


@safe
def list_tickets(query: Mapping[str, str] | None = None) -> Call[MobadooPage]:
    """Read tickets.

    :param query: query parameters; which there are is not published
    :raises InvalidInput: one of them is the token's
    """
    given = {str(name): str(value) for name, value in (query or {}).items()}
    if any(name.strip().lower() == CREDENTIAL for name in given):
        raise InvalidInput(
            '"query" must not have the token.', field="query", remedy="The connection brings it."
        )
    return _call("list_tickets", page, query=given)


@safe
def get_ticket(transaction_id: str | int) -> Call[Any]:
    """Read one ticket.

    :param transaction_id: id of the ticket
    :raises InvalidInput: the id cannot be a part of a path
    """
    id = path_part("transaction_id", transaction_id)
    return _call("get_ticket", document, {"transaction_id": id})


def moment(name: str, value: datetime | str, *, up: bool = False) -> str:
    """Write a moment as ``YYYY-MM-DDTHH:MM:SSZ``.

    :param name: what it is called, for the error
    :param value: a moment with its time zone, or one in ISO 8601
    :param up: whether a part of a second becomes a whole one; else it is left out
    :raises InvalidInput: it is no moment, or has no time zone
    """
    found: Any = value
    if isinstance(found, str):
        try:
            found = datetime.fromisoformat(found.strip())
        except ValueError:
            found = None
    if not isinstance(found, datetime):
        raise InvalidInput(
            f'"{name}" must be a moment, or one in ISO 8601; it is {shape(value)}.', field=name
        )
    if found.utcoffset() is None:
        raise InvalidInput(
            f'"{name}" has no time zone.', field=name, remedy="Write it like 2026-11-01T00:00:00+01:00."
        )
    try:
        found = found.astimezone(UTC)
    except OverflowError:
        raise InvalidInput(f'"{name}" is not within the years 1 to 9999 in UTC.', field=name) from None
    if up and found.microsecond and found < LAST_SECOND:
        found += timedelta(seconds=1)
    return f"{found.replace(microsecond=0, tzinfo=None).isoformat()}Z"


def _change(name: str, transaction_id: str | int, details: Mapping[str, Any] | None) -> Call[Any]:
    id = path_part("transaction_id", transaction_id)
    return _ticket(name, id, {**(details or {}), "transaction_id": id})


def _ticket(name: str, id: str, body: Mapping[str, Any]) -> Call[Any]:
    sessions = tuple(str(value) for field, value in body.items() if str(field).lower() in SESSION and value)
    return _call(name, accepted, {"transaction_id": id}, json=body, key=(id,), shown=(id,), secrets=sessions)


def _call(
    name: str, decode: Callable[[Response], T], places: Mapping[str, str] | None = None, **more: Any
) -> Call[T]:
    endpoint, given = ENDPOINTS[name], places or {}
    path = endpoint.filled(given)
    # Which of the paths end with a slash is known from samples alone.
    return MobadooCall(endpoint.verb, path, decode, name=name, places=given, turns_slash=True, **more)
