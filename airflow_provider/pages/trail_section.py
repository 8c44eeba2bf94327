"""Who has decided what: the trail of the ledger, and that of a wallet with a database of its own, as one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider.ledger import decisions
from airflow_provider.pages.ledger_database import Failure, attempt
from airflow_provider.pages.sections import LATEST, PAGE, Table, names, paged, read_key

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider.pages.access import Viewer
    from airflow_provider.store.engine import Database


def trail(
    databases: Sequence[Database | Failure], view: Viewer, after: str = ""
) -> tuple[Table, list[Failure]]:
    """Return a page of the decisions, the latest first, and which databases could not be read.

    :param databases: the provider's, and that of the wallet if it is another one
    :param view: who looks
    :param after: the key of the page
    """
    found: list[dict[str, Any]] = []
    failures: list[Failure] = []
    for place, database in enumerate(databases):
        part = _part(database, view, read_key(after), place)
        if isinstance(part, Failure):
            failures.append(part)
        else:
            found += part
    found.sort(key=lambda row: (row["decided_at"], row["id"]), reverse=True)
    return paged(found[: PAGE + 1], [], "decided_at"), failures


def _part(
    database: Database | Failure, view: Viewer, key: tuple[float, str] | None, place: int
) -> list[dict[str, Any]] | Failure:
    if isinstance(database, Failure):
        return database
    until = None
    if key is not None and key[1].isdecimal():
        # Both databases count from 1: with ids of 2n and 2n + 1 no two rows of a page have the same key.
        until = (key[0], min((int(key[1]) - place + 1) // 2, LATEST))

    def load() -> list[dict[str, Any]]:
        conn_ids = view.sees(decisions.connections(database))
        rows = decisions.latest(database, conn_ids, limit=PAGE + 1, after=until)
        return [{**row, "id": 2 * row["id"] + place, "names": names(row["task"])} for row in rows]

    return attempt(load)
