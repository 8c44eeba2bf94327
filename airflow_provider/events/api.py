"""``/vendor-apis/api/deliveries``: what has come, for those who are logged in to Airflow.

Only the API server has it. Who may look at a connection may look at its deliveries.
"""

from __future__ import annotations

from typing import Annotated, Any

from airflow.api_fastapi.core_api.security import get_user
from fastapi import APIRouter, Depends, HTTPException, Query, Response
from sqlalchemy.exc import SQLAlchemyError

from airflow_provider.events import deliveries, faults
from airflow_provider.events.rights import permitted

MOST = 1000
LATEST = 2**63 - 1

router = APIRouter(prefix="/api/deliveries")

# Not a class of Airflow's: the models of users differ between versions and auth managers.
User = Annotated[Any, Depends(get_user)]


@router.get("")
def list_deliveries(
    user: User,
    response: Response,
    conn_id: str | None = None,
    limit: Annotated[int, Query(ge=1, le=MOST)] = deliveries.PAGE,
    before: Annotated[int | None, Query(ge=0, le=LATEST)] = None,
) -> dict[str, Any]:
    """List deliveries, the newest first: of one connection, or of all that the user may look at."""
    response.headers["Cache-Control"] = "no-store"
    try:
        if conn_id is None:
            allowed = permitted(user, deliveries.known_connections())
        else:
            allowed = permitted(user, [conn_id])
            if not allowed:
                raise HTTPException(403, "You may not look at this connection.")
        found = deliveries.list_deliveries(conn_ids=allowed, limit=limit, before=before)
    except SQLAlchemyError as error:
        raise _unavailable(error) from None
    return {"deliveries": found}


@router.get("/{delivery_id}")
def show_delivery(user: User, response: Response, delivery_id: int) -> dict[str, Any]:
    """Show everything about a delivery."""
    response.headers["Cache-Control"] = "no-store"
    try:
        found = deliveries.show_delivery(delivery_id) if 0 <= delivery_id <= LATEST else None
        if found is None:
            raise HTTPException(404, "There is no such delivery.")
        if not permitted(user, [found["conn_id"]]):
            raise HTTPException(403, "You may not look at this connection.")
    except SQLAlchemyError as error:
        raise _unavailable(error) from None
    return found


def _unavailable(error: SQLAlchemyError) -> HTTPException:
    return HTTPException(503, f"{faults.describe(error)}.", {"Retry-After": "5"})
