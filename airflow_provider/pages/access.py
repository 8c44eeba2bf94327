"""Who looks at the page, what they may do, and whether a form is really theirs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from airflow.api_fastapi.core_api.security import get_user
from fastapi import Depends, Form, HTTPException, Request
from itsdangerous import BadSignature, URLSafeTimedSerializer

from airflow_provider.events.rights import permitted

if TYPE_CHECKING:
    from collections.abc import Iterable

NO_NUL = r"^[^\x00]*$"
"""What text of an address or a form looks like: PostgreSQL takes no NUL."""

TOKEN_AGE = 3600
"""Seconds for which a form can be sent."""


class Viewer:
    """The user who looks at the page.

    :param user: the user, as Airflow's login gives it
    """

    def __init__(self, user: Any) -> None:
        self._user = user
        self.id = str(user.get_id())
        self.name = str(user.get_name())
        self._seen: dict[str, bool] = {}

    def sees(self, conn_ids: Iterable[str]) -> list[str]:
        """Return those of some connections that the user may look at. Each is found out once in a request.

        :param conn_ids: the connections
        """
        asked = list(conn_ids)
        if new := [conn_id for conn_id in asked if conn_id not in self._seen]:
            allowed = set(permitted(self._user, new))
            self._seen.update((conn_id, conn_id in allowed) for conn_id in new)
        return [conn_id for conn_id in asked if self._seen[conn_id]]

    def changes(self, conn_ids: Iterable[str]) -> set[str]:
        """Return those of some connections that the user may change.

        :param conn_ids: the connections
        """
        return set(permitted(self._user, set(conn_ids), "PUT"))

    def require(self, conn_id: str, method: Literal["GET", "PUT"]) -> None:
        """Refuse what the user has no right to.

        :param conn_id: the connection
        :param method: ``GET`` to look, ``PUT`` to change
        :raises HTTPException: 403
        """
        if not permitted(self._user, [conn_id], method):
            raise HTTPException(403, "You have no right to this on the connection.")

    def token(self) -> str:
        """Return what a form has to send, so that no other site can send it in the user's name."""
        return _serializer().dumps(self.id)


def viewer(user: Annotated[Any, Depends(get_user)]) -> Viewer:
    """Return the user who is logged in to Airflow."""
    # Not a class of Airflow's: the models of users differ between versions and auth managers.
    return Viewer(user)


View = Annotated[Viewer, Depends(viewer)]


def form_is_ours(request: Request, view: View, token: Annotated[str, Form()] = "") -> None:
    """Refuse a form that another site has sent, or that was open for too long.

    :raises HTTPException: 403
    """
    site = request.headers.get("Sec-Fetch-Site", "same-origin")
    try:
        whose = _serializer().loads(token, max_age=TOKEN_AGE)
    except BadSignature:
        whose = None
    if site != "same-origin" or whose != view.id:
        raise HTTPException(403, "The form is too old, or not yours. Load the page again.")


def _serializer() -> URLSafeTimedSerializer:
    from airflow.configuration import conf

    return URLSafeTimedSerializer(conf.get_mandatory_value("api", "secret_key"), salt="vendor-apis.page")
