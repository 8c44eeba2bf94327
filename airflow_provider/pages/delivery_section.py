"""The deliveries of webhooks, with the runs that got them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import HTTPException

from airflow_provider.events import deliveries
from airflow_provider.pages.sections import LATEST, PAGE, Table, chosen

if TYPE_CHECKING:
    from airflow_provider.pages.access import Viewer


def page(
    view: Viewer, conn_id: str = "", *, before: int | None = None, limit: int = PAGE, **filters: str
) -> Table:
    """Return a page of the deliveries, the newest first.

    :param view: who looks
    :param conn_id: of this connection alone
    :param before: the id after which the page begins
    :param limit: rows of the page
    :param filters: values of ``family`` and ``outcome``; an empty one does not matter
    """
    conn_ids = view.sees(deliveries.known_connections())
    of = chosen(conn_ids, conn_id)
    meant = {name: value for name, value in filters.items() if value}
    rows = deliveries.list_deliveries(conn_ids=of, limit=limit + 1, before=before, **meant) if of else []
    return Table(rows[:limit], conn_ids, str(rows[limit - 1]["id"]) if len(rows) > limit else None)


def one(view: Viewer, delivery_id: int) -> dict[str, Any]:
    """Return everything about a delivery, and whether the user may replay it.

    :param view: who looks
    :param delivery_id: its id
    :raises HTTPException: there is none, or the user may not look at it
    """
    found = deliveries.show_delivery(delivery_id) if 0 <= delivery_id <= LATEST else None
    if found is None:
        raise HTTPException(404, "There is no such delivery.")
    view.require(found["conn_id"], "GET")
    return {**found, "mine": bool(view.changes([found["conn_id"]]))}
