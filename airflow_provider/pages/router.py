"""The addresses of the page below ``/vendor-apis``; behind Airflow's login."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from airflow.api_fastapi.auth.managers.models.resource_details import AccessView
from airflow.api_fastapi.core_api.security import requires_access_view
from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse

from airflow_provider.ledger.unknown import Filter
from airflow_provider.pages import delivery_section, sections, stream_section, trail_section, wallet_section
from airflow_provider.pages.access import NO_NUL, View
from airflow_provider.pages.ledger_database import Failure, attempt, databases
from airflow_provider.pages.ledger_database import with_ledger as from_ledger
from airflow_provider.pages.quota_section import quotas
from airflow_provider.pages.refusals import PageRoute
from airflow_provider.pages.rendering import render

if TYPE_CHECKING:
    from collections.abc import Callable

router = APIRouter(
    dependencies=[Depends(requires_access_view(AccessView.PLUGINS))],
    default_response_class=HTMLResponse,
    include_in_schema=False,
    route_class=PageRoute,
)

Text = Annotated[str, Query(max_length=1000, pattern=NO_NUL)]

FEW = 5
"""Rows of a table on the overview."""


@router.get("/")
def overview(request: Request, view: View) -> HTMLResponse:
    """Show a little of everything."""
    # One look for the database: where it is away, every section would wait for it.
    opened = from_ledger(lambda database: database)

    def load(section: Callable[[Any], Any]) -> Any:
        return opened if isinstance(opened, Failure) else attempt(lambda: section(opened))

    return render(
        request,
        view,
        "overview.html",
        running=load(lambda database: sections.running(database, view)),
        ended=load(lambda database: sections.ended(database, view, limit=FEW)),
        unknown=load(lambda database: sections.count_unknown(database, view)),
        quotas=load(lambda database: quotas(database, view, days=False)),
        deliveries=attempt(lambda: delivery_section.page(view, limit=FEW)),
        streams=load(lambda database: stream_section.streams(database, view)),
        notes=from_ledger(lambda database: wallet_section.count(database, view), wallet=True),
        many=sections.MANY,
    )


@router.get("/batches")
def batches(
    request: Request,
    view: View,
    conn_id: Text = "",
    operation: Text = "",
    task: Text = "",
    state: Text = "",
    after: Text = "",
) -> HTMLResponse:
    """Show the batches that run, and those that have ended."""
    filters: dict[str, Any] = {"conn_id": conn_id, "operation": operation, "task": task}
    return render(
        request,
        view,
        "batches.html",
        running=from_ledger(lambda database: sections.running(database, view, **filters)),
        ended=from_ledger(
            lambda database: sections.ended(database, view, after=after, state=state, **filters)
        ),
        filters={**filters, "state": state},
    )


@router.get("/batches/running")
def running(
    request: Request, view: View, conn_id: Text = "", operation: Text = "", task: Text = ""
) -> HTMLResponse:
    """Return the part of the page that is updated while it is looked at."""
    found = from_ledger(
        lambda database: sections.running(database, view, conn_id=conn_id, operation=operation, task=task)
    )
    return render(request, view, "running.html", running=found)


@router.get("/unknown")
def unknown(
    request: Request,
    view: View,
    conn_id: Text = "",
    operation: Text = "",
    task: Text = "",
    after: Text = "",
    decided: Annotated[int | None, Query(ge=0)] = None,
) -> HTMLResponse:
    """Show the records whose outcome is not known."""
    meant = Filter(operation, task)
    return render(
        request,
        view,
        "unknown.html",
        table=from_ledger(lambda database: sections.records(database, view, conn_id, meant, after)),
        filters={"conn_id": conn_id, "operation": operation, "task": task},
        decided=decided,
    )


@router.get("/unknown/decisions")
def decisions(request: Request, view: View, after: Text = "") -> HTMLResponse:
    """Show who has decided about such records, and closed lines of a wallet."""
    table, failures = trail_section.trail(databases(), view, after)
    return render(request, view, "decisions.html", table=table, failures=failures)


@router.get("/quotas")
def show_quotas(request: Request, view: View, conn_id: Text = "") -> HTMLResponse:
    """Show the quotas."""
    found = from_ledger(lambda database: quotas(database, view, conn_id))
    return render(request, view, "quotas.html", quotas=found)


@router.get("/deliveries")
def deliveries(
    request: Request,
    view: View,
    conn_id: Text = "",
    family: Text = "",
    outcome: Text = "",
    before: Annotated[int | None, Query(ge=0, le=2**63 - 1)] = None,
) -> HTMLResponse:
    """Show what vendors have sent."""
    filters: dict[str, Any] = {"conn_id": conn_id, "family": family, "outcome": outcome}
    found = attempt(lambda: delivery_section.page(view, before=before, **filters))
    return render(request, view, "deliveries.html", table=found, filters=filters)


@router.get("/deliveries/{delivery_id}")
def delivery(
    request: Request,
    view: View,
    delivery_id: int,
    told: Annotated[int | None, Query(ge=0)] = None,
) -> HTMLResponse:
    """Show a delivery."""
    found = attempt(lambda: delivery_section.one(view, delivery_id))
    return render(request, view, "delivery.html", delivery=found, told=told)


@router.get("/streams")
def streams(request: Request, view: View) -> HTMLResponse:
    """Show the streams and their gaps."""
    return render(
        request,
        view,
        "streams.html",
        streams=from_ledger(lambda database: stream_section.streams(database, view)),
        gaps=attempt(lambda: stream_section.gaps(view)),
        most=stream_section.MANY,
        days=stream_section.DAYS,
    )


@router.get("/wallet")
def wallet(request: Request, view: View, after: Text = "") -> HTMLResponse:
    """Show what the books of wallets cannot follow."""
    found = from_ledger(lambda database: wallet_section.notes(database, view, after), wallet=True)
    return render(request, view, "wallet.html", table=found)
