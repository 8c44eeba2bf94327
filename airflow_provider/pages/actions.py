"""What is done by a click: deciding about records of unknown outcome, and replaying deliveries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal
from urllib.parse import urlencode

from airflow.api_fastapi.auth.managers.models.resource_details import AccessView
from airflow.api_fastapi.core_api.security import requires_access_view
from fastapi import APIRouter, Depends, Form, HTTPException, Path, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from airflow_provider.events import deliveries
from airflow_provider.ledger import admin, unknown
from airflow_provider.ledger.decisions import Answer, Decider
from airflow_provider.ledger.resolution import result_of
from airflow_provider.pages import delivery_section, sections, wallet_section
from airflow_provider.pages.access import NO_NUL, View, form_is_ours
from airflow_provider.pages.ledger_database import Failure, attempt, with_ledger
from airflow_provider.pages.refusals import PageRoute
from airflow_provider.pages.rendering import headers, render

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider.pages.access import Viewer
    from airflow_provider.store.engine import Database

router = APIRouter(
    dependencies=[Depends(requires_access_view(AccessView.PLUGINS))],
    include_in_schema=False,
    route_class=PageRoute,
)

Field = Annotated[str, Form(max_length=1000, pattern=NO_NUL)]
Text = Annotated[str, Query(max_length=1000, pattern=NO_NUL)]
Id = Annotated[str, Path(max_length=1000, pattern=NO_NUL)]


@router.post("/unknown/{row}", dependencies=[Depends(form_is_ours)])
def decide(
    request: Request,
    view: View,
    row: Id,
    answer: Annotated[Answer, Form()],
    seen: Annotated[float | None, Form()] = None,
    conn_id: Field = "",
    operation: Field = "",
    task: Field = "",
) -> RedirectResponse:
    """Decide about one record, as it was when the page showed it."""

    def work(database: Database) -> int:
        found = unknown.one(database, row)
        if found is None or (seen is not None and found["updated_at"] > seen):
            raise HTTPException(404, "There is no such record of unknown outcome. It may have been decided.")
        view.require(found["conn_id"], "PUT")
        return _decide(database, view, [found], answer, found["updated_at"])

    decided = _done(with_ledger(work))
    return _back(request, "unknown", conn_id=conn_id, operation=operation, task=task, decided=decided)


@router.get("/unknown/all")
def ask(
    request: Request, view: View, until: float, conn_id: Text = "", operation: Text = "", task: Text = ""
) -> HTMLResponse:
    """Ask what is to be decided about all records of a filter."""
    meant = unknown.Filter(operation, task, until)

    def load(database: Database) -> int:
        return unknown.count(database, _mine(database, view, conn_id), meant, sections.MANY)

    filters = {"conn_id": conn_id, "operation": operation, "task": task}
    return render(
        request,
        view,
        "decide_all.html",
        count=with_ledger(load),
        many=sections.MANY,
        filters=filters,
        until=repr(until),
    )


@router.post("/unknown", dependencies=[Depends(form_is_ours)])
def decide_all(
    request: Request,
    view: View,
    answer: Annotated[Answer, Form()],
    until: Annotated[float, Form()],
    conn_id: Field = "",
    operation: Field = "",
    task: Field = "",
) -> RedirectResponse:
    """Decide about all records of a filter, but none that became unknown after the page was made."""
    meant = unknown.Filter(operation, task, until)

    def work(database: Database) -> int:
        mine = _mine(database, view, conn_id)
        if not mine:
            raise HTTPException(403, "You have no right to this on the connection.")
        groups = unknown.each(database, mine, meant)
        return sum(_decide(database, view, rows, answer, until) for rows in groups)

    return _back(request, "unknown", decided=_done(with_ledger(work)))


@router.post("/deliveries/{delivery_id}/replay", dependencies=[Depends(form_is_ours)])
def replay(request: Request, view: View, delivery_id: int) -> RedirectResponse:
    """Tell the assets of a delivery again."""

    def work() -> int:
        found = delivery_section.one(view, delivery_id)
        view.require(found["conn_id"], "PUT")
        return deliveries.replay_delivery(delivery_id, by=view.name) or 0

    return _back(request, f"deliveries/{delivery_id}", told=_done(attempt(work)))


@router.post("/wallet/{note}/close", dependencies=[Depends(form_is_ours)])
def close_note(request: Request, view: View, note: Id) -> RedirectResponse:
    """Close what a person has seen to."""
    _done(with_ledger(lambda database: wallet_section.close(database, view, note), wallet=True))
    return _back(request, "wallet")


def _mine(database: Database, view: Viewer, conn_id: str) -> list[str]:
    conn_ids = sections.chosen(unknown.connections(database), conn_id)
    return sorted(view.changes(conn_ids))


def _decide(
    database: Database,
    view: Viewer,
    rows: Sequence[dict[str, Any]],
    answer: Literal["done", "not_done"],
    until: float,
) -> int:
    by = Decider(view.name, "page")
    if answer == "not_done":
        return admin.forget(database, [row["id"] for row in rows], by, until=until)
    results = {operation: result_of(operation) for operation in {row["operation"] for row in rows}}
    found = [(row["id"], results[row["operation"]]) for row in rows]
    return admin.mark_done(database, found, by, until=until)


def _done(found: int | Failure) -> int:
    if isinstance(found, Failure):
        raise HTTPException(503, found.text)
    return found


def _back(request: Request, path: str, **query: Any) -> RedirectResponse:
    base = request.scope.get("root_path", "")
    kept = {name: value for name, value in query.items() if value != ""}
    return RedirectResponse(f"{base}/{path}?{urlencode(kept)}", 303, headers(f"{base}/"))
