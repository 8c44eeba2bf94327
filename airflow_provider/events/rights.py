"""Which connections a user of Airflow may look at, or change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.resource_details import ConnectionDetails
from airflow.models.connection import Connection

if TYPE_CHECKING:
    from collections.abc import Iterable


def permitted(user: Any, conn_ids: Iterable[str], method: Literal["GET", "PUT"] = "GET") -> list[str]:
    """Return those of some connections that a user may look at (``GET``), or change (``PUT``).

    :param user: the user, as Airflow's login gives it
    :param conn_ids: the connections; in the answer they are in the same order
    :param method: what the user wants
    """
    ids = list(conn_ids)
    # The auth manager does not look it up: without its team, a connection is everybody's.
    teams = Connection.get_conn_id_to_team_name_mapping(ids) if ids else {}
    is_authorized = get_auth_manager().is_authorized_connection
    return [
        conn_id
        for conn_id in ids
        if is_authorized(
            method=method,
            details=ConnectionDetails(conn_id=conn_id, team_name=teams.get(conn_id)),
            user=user,
        )
    ]
