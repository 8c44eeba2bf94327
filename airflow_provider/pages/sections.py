"""What each part of the page shows, read from the two databases."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider.ledger import batches, unknown
from airflow_provider.ledger.unknown import Filter

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow_provider.pages.access import Viewer
    from airflow_provider.store.engine import Database

PAGE = 50
"""Rows of a page of a table."""

MANY = 1000
"""How far rows are counted."""

LATEST = 2**63 - 1
"""The highest id that a database can have."""


@dataclass(frozen=True, slots=True)
class Table:
    """A page of a table.

    :param rows: its rows
    :param conn_ids: the connections that there are to choose from
    :param next: the key of the page that follows; None for the last
    """

    rows: Sequence[Mapping[str, Any]]
    conn_ids: Sequence[str]
    next: str | None = None


def chosen(conn_ids: Sequence[str], conn_id: str) -> list[str]:
    """Return the connections that a filter leaves.

    :param conn_ids: those that the user may look at
    :param conn_id: the filter; empty for all
    """
    return [one for one in conn_ids if conn_id in ("", one)]


def read_key(text: str) -> tuple[float, str] | None:
    """Read the key of a page from an address; None where it is not one.

    :param text: what :func:`write_key` has made
    """
    at, _, id_ = text.partition("_")
    try:
        return (float(at), id_) if id_ else None
    except ValueError:
        return None


def write_key(at: float, id_: object) -> str:
    """Return the key of the page that follows a row.

    :param at: the row's time
    :param id_: its id
    """
    return f"{at!r}_{id_}"


def paged(rows: Sequence[Mapping[str, Any]], conn_ids: Sequence[str], at: str, limit: int = PAGE) -> Table:
    """Cut off the row that only shows that another page follows.

    :param rows: the rows of a page, and one more if there are more
    :param conn_ids: the connections that there are to choose from
    :param at: the column of the rows' time
    :param limit: rows of a page
    """
    more = len(rows) > limit
    kept = rows[:limit]
    return Table(kept, conn_ids, write_key(kept[-1][at], kept[-1]["id"]) if more else None)


@dataclass(frozen=True, slots=True)
class Running:
    """The batches that run now, those that began last.

    :param rows: at most :data:`PAGE` of them
    :param more: whether there are others
    """

    rows: Sequence[Mapping[str, Any]]
    more: bool


def running(database: Database, view: Viewer, conn_id: str = "", **filters: str | None) -> Running:
    """Return the batches that run now.

    :param database: the provider's database
    :param view: who looks
    :param conn_id: of this connection alone
    :param filters: see :func:`airflow_provider.ledger.batches.conditions`
    """
    conn_ids = chosen(view.sees(batches.connections(database)), conn_id)
    found = batches.running(database, conn_ids, limit=PAGE + 1, **filters)
    return Running([_progress(row) for row in found[:PAGE]], more=len(found) > PAGE)


def ended(
    database: Database,
    view: Viewer,
    conn_id: str = "",
    after: str = "",
    limit: int = PAGE,
    **filters: str | None,
) -> Table:
    """Return a page of the batches that have ended.

    :param database: the provider's database
    :param view: who looks
    :param conn_id: of this connection alone
    :param after: the key of the page
    :param limit: rows of the page
    :param filters: see :func:`airflow_provider.ledger.batches.ended`
    """
    conn_ids = view.sees(batches.connections(database))
    of = chosen(conn_ids, conn_id)
    rows = batches.ended(database, of, limit=limit + 1, after=read_key(after), **filters)
    return paged([_progress(row) for row in rows], conn_ids, "started_at", limit)


def _progress(row: Any) -> dict[str, Any]:
    total = sum(row[name] for name in ("created", "existing", "replayed", "failed", "unknown"))
    seconds = max(0.001, (row["ended_at"] or row["updated_at"]) - row["started_at"])
    state, fraction = row["state"], row["fraction"]
    if state == "running" and row["updated_at"] < time.time() - batches.SILENT:
        state = "interrupted"
    elif state == "done" and row["failed"] + row["unknown"]:
        state = "partly"
    remaining = seconds / fraction - seconds if fraction and row["ended_at"] is None else None
    return {
        **row,
        "state": state,
        "total": total,
        "seconds": seconds,
        "rate": total / seconds,
        "remaining": remaining,
        "percent": round(100 * (1.0 if state in ("done", "partly") else fraction or 0.0), 1),
        "task": "/".join(filter(None, (row["dag_id"], row["run_id"], row["task_id"]))),
    }


def records(
    database: Database, view: Viewer, conn_id: str, meant: Filter, after: str = "", limit: int = PAGE
) -> Table:
    """Return a page of the records of unknown outcome.

    :param database: the ledger
    :param view: who looks
    :param conn_id: of this connection alone
    :param meant: which records
    :param after: the key of the page
    :param limit: rows of the page
    """
    conn_ids = view.sees(unknown.connections(database))
    of = chosen(conn_ids, conn_id)
    found = unknown.page(database, of, meant, limit=limit + 1, after=read_key(after))
    mine = view.changes(row["conn_id"] for row in found)
    rows = [{**row, "mine": row["conn_id"] in mine, "names": names(row["task"])} for row in found]
    return paged(rows, conn_ids, "updated_at", limit)


def names(task: str) -> list[str] | None:
    """Return Dag, run and task of a task's name; None outside of a run.

    :param task: the name
    """
    parts = task.split("/", 2)
    return parts if len(parts) == 3 else None


def count_unknown(database: Database, view: Viewer) -> int:
    """Count the records of unknown outcome, but no more than :data:`MANY`.

    :param database: the ledger
    :param view: who looks
    """
    return unknown.count(database, view.sees(unknown.connections(database)), Filter(), MANY)
