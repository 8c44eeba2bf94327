"""Mobadoo's assets: what a Dag schedules on to hear of exactly what it wants."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider.exceptions import InvalidInput
from airflow_provider.mobadoo.asset_names import DESYNC, TICKETS, connection_name, segment

if TYPE_CHECKING:
    from airflow.sdk import Asset


def mobadoo_asset(conn_id: str, videogame: str | None = None, entity: str | None = None) -> Asset:
    """Return the asset of a connection, of one of its videogames, or of one kind of a videogame's models.

    :param conn_id: id of the connection
    :param videogame: the videogame, as in URLs, like ``lol``; None for everything that the connection hears
    :param entity: League, Serie, Tournament, Match or Game; None for all of the videogame
    :raises InvalidInput: a name is empty or no text, or there is an entity without a videogame
    """
    if entity is not None and videogame is None:
        raise InvalidInput(
            "an entity without a videogame names no asset.",
            field="entity",
            remedy="Name the videogame, too: messages about entities are always about one videogame.",
        )
    parts = [("videogame", videogame), ("entity", entity)]
    return _asset(conn_id, *(_part(name, value) for name, value in parts if value is not None))


def mobadoo_tickets(conn_id: str, state: str | None = None) -> Asset:
    """Return the asset of the tickets of a connection, or of those that have come to a state.

    :param conn_id: id of the connection
    :param state: the state, like ``RESOLVED``; capitals make no difference
    :raises InvalidInput: a name is empty or no text
    """
    return _asset(conn_id, TICKETS, *([] if state is None else [_part("state", state)]))


def mobadoo_desync(conn_id: str) -> Asset:
    """Return the asset that tells that messages may be missing: read everything again.

    :param conn_id: id of the connection
    :raises InvalidInput: the id is empty or no text
    """
    return _asset(conn_id, DESYNC)


def _asset(conn_id: str, *parts: str) -> Asset:
    from airflow.sdk import Asset

    name = "/".join([connection_name(_checked("conn_id", conn_id)), *parts])
    return Asset(name=name, uri=name)


def _part(field: str, value: str) -> str:
    return segment(_checked(field, value))


def _checked(field: str, value: str) -> str:
    if not isinstance(value, str):
        raise InvalidInput(f"it must be text; it is a {type(value).__name__}.", field=field)
    if not value.strip():
        raise InvalidInput(f"{field} must not be empty; it is {len(value)} characters of text.", field=field)
    return value.strip()
