"""What people do with the ledger: inspect it, decide about rows of unknown outcome, and remove old ones."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from airflow_provider.exceptions import InvalidInput
from airflow_provider.ledger.decisions import Decider, write_down
from airflow_provider.store.location import located
from airflow_provider.store.removal import remove
from airflow_provider.store.tables import ledger as table

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from airflow_provider.store.engine import Database

STATES = ("sent", "done", "failed", "unknown")

PURGE_GROUP = 1000
"""Rows removed in one transaction, so that no batch waits long for the ledger."""

RESOLVED = "marked as done by hand"


@dataclass(frozen=True, slots=True)
class Choice:
    """Which rows are meant; what is left out does not matter.

    :param ids: ids of rows
    :param conn_id: id of the vendor's connection
    :param operation: name of the operation, like ``acme.create_user``
    :param states: states
    :param task: what the sending task begins with: ``dag/run/task``, or only the Dag
    :param before: when the rows changed last, at the latest, in seconds since 1970
    """

    ids: Sequence[str] = ()
    conn_id: str | None = None
    operation: str | None = None
    states: Sequence[str] = ()
    task: str | None = None
    before: float | None = None

    def conditions(self) -> list[sa.ColumnElement[bool]]:
        """Return it as SQL conditions."""
        columns = table.c
        return [
            *([columns.id.in_(list(self.ids))] if self.ids else []),
            *([columns.conn_id == self.conn_id] if self.conn_id is not None else []),
            *([columns.operation == self.operation] if self.operation is not None else []),
            *([columns.state.in_(list(self.states))] if self.states else []),
            *([columns.task.startswith(self.task, autoescape=True)] if self.task is not None else []),
            *([columns.updated_at < self.before] if self.before is not None else []),
        ]


def open_ledger(get_connection: Callable[[str], Any]) -> Database:
    """Open the ledger that the configuration names; none is created.

    :param get_connection: finds an Airflow connection by its id
    :raises InvalidInput: there is no ledger, or it is of a newer version
    :raises StoreUnavailable: the database cannot be used
    """
    database = located(get_connection)
    try:
        if not database.exists():
            raise InvalidInput(
                f"there is no ledger yet ({database.place}).",
                field="[vendor_apis] ledger_conn_id",
                remedy="The first batch creates it. If one has run, check the configuration of this machine.",
            )
        database.prepare()
    except BaseException:
        database.close()
        raise
    return database


def rows(database: Database, choice: Choice, *, limit: int | None = None) -> list[dict[str, Any]]:
    """Return rows, those that changed last first.

    :param database: the ledger
    :param choice: which rows
    :param limit: how many at most
    """
    query = sa.select(table).where(*choice.conditions()).order_by(table.c.updated_at.desc(), table.c.id)
    with database.read() as connection:
        return [_legible(row) for row in connection.execute(query.limit(limit)).mappings()]


def count(database: Database, choice: Choice) -> int:
    """Count rows.

    :param database: the ledger
    :param choice: which rows
    """
    with database.read() as connection:
        return (
            connection.scalar(sa.select(sa.func.count()).select_from(table).where(*choice.conditions())) or 0
        )


def row(database: Database, id_: str) -> dict[str, Any]:
    """Return one row with all its columns.

    :param database: the ledger
    :param id_: id of the row
    :raises InvalidInput: there is no such row
    """
    found = rows(database, Choice(ids=[id_]))
    if not found:
        raise _missing([id_])
    return found[0]


def stats(database: Database) -> list[dict[str, Any]]:
    """Count the rows by connection, operation and state, with the times of the oldest and newest change.

    :param database: the ledger
    """
    by = (table.c.conn_id, table.c.operation, table.c.state)
    query = (
        sa.select(
            *by,
            sa.func.count().label("rows"),
            sa.func.min(table.c.updated_at).label("oldest"),
            sa.func.max(table.c.updated_at).label("newest"),
        )
        .group_by(*by)
        .order_by(*by)
    )
    with database.read() as connection:
        return [
            {**_plain(found), "oldest": moment(found["oldest"]), "newest": moment(found["newest"])}
            for found in connection.execute(query).mappings()
        ]


def resolvable(database: Database, choice: Choice) -> list[dict[str, Any]]:
    """Return the rows of a choice, which a person wants to decide about.

    :param database: the ledger
    :param choice: ids, or conditions that only rows of unknown outcome are looked for with
    :raises InvalidInput: an id is not there or its row is not ``unknown``; or there are no such rows
    """
    if not choice.ids:
        found = rows(database, replace(choice, states=["unknown"]))
        if not found:
            raise InvalidInput("there are no unknown rows like that.", field="state")
        return found
    found = rows(database, choice)
    if missing := sorted(set(choice.ids) - {entry["id"] for entry in found}):
        raise _missing(missing)
    if others := [f"{entry['id']} is {entry['state']}" for entry in found if entry["state"] != "unknown"]:
        remedy = "Nothing was changed."
        if any(entry["state"] == "sent" for entry in found):
            remedy += (
                " A sent row is under way, or its task was killed: then the next try of the task makes it "
                "unknown, or sends it again where that is harmless."
            )
        raise InvalidInput(
            f"only unknown rows can be resolved: {', '.join(others[:5])}.", field="id", remedy=remedy
        )
    return found


def mark_done(
    database: Database,
    results: Sequence[tuple[str, dict[str, Any]]],
    by: Decider | None = None,
    *,
    until: float | None = None,
) -> int:
    """Mark rows of unknown outcome as done: the next run uses their results and sends nothing.

    :param database: the ledger
    :param results: ids, and the results for later runs, secrets sealed
    :param by: who has decided it; None for who runs this process
    :param until: when they were looked at, in seconds since 1970: one that was sent again since is left alone
    :return: how many were still unknown, and are done now
    """
    by = by or Decider.of_process()
    given = dict(results)
    now = time.time()
    changed = 0
    for group in _groups(list(given)):
        with database.begin() as connection:
            rows = _still_unknown(connection, group, until)
            texts = {id_: json.dumps(given[id_]) for id_ in rows}
            # Rows of one operation have the same result, nearly always.
            for text in set(texts.values()):
                ids = [id_ for id_, own in texts.items() if own == text]
                values = {"state": "done", "result": text, "error": RESOLVED, "updated_at": now}
                connection.execute(sa.update(table).where(table.c.id.in_(ids)).values(values))
            write_down(connection, rows.values(), "done", by)
            changed += len(rows)
    return changed


def forget(
    database: Database, ids: Sequence[str], by: Decider | None = None, *, until: float | None = None
) -> int:
    """Remove rows of unknown outcome: the next run sends them.

    :param database: the ledger
    :param ids: ids of the rows
    :param by: who has decided it; None for who runs this process
    :param until: when they were looked at, in seconds since 1970: one that was sent again since is left alone
    :return: how many were still unknown, and are removed now
    """
    by = by or Decider.of_process()
    changed = 0
    for group in _groups(list(ids)):
        with database.begin() as connection:
            rows = _still_unknown(connection, group, until)
            connection.execute(sa.delete(table).where(table.c.id.in_(list(rows))))
            write_down(connection, rows.values(), "not_done", by)
            changed += len(rows)
    return changed


def _still_unknown(
    connection: sa.Connection, ids: Sequence[str], until: float | None
) -> dict[str, sa.RowMapping]:
    """Lock rows that are still of unknown outcome, in one order everywhere, and return them by id."""
    columns = (table.c.id, table.c.conn_id, table.c.operation, table.c.task)
    query = sa.select(*columns).where(table.c.id.in_(ids), table.c.state == "unknown").order_by(table.c.id)
    if until is not None:
        # Unknown once more is another question: the answer was about an earlier request.
        query = query.where(table.c.updated_at <= until)
    return {found["id"]: found for found in connection.execute(query.with_for_update()).mappings()}


def purgeable(database: Database, choice: Choice, *, unsettled: bool = False) -> dict[str, int]:
    """Count what :func:`purge` would remove.

    :param database: the ledger
    :param choice: which rows
    :param unsettled: whether rows without a known outcome may be removed, too
    :return: rows by state, and under ``forever`` those of them that keep something from ever being sent again
    """
    state, for_ever = table.c.state, sa.case((table.c.scope == "", 1), else_=0)
    query = (
        sa.select(state, sa.func.count().label("rows"), sa.func.sum(for_ever).label("forever"))
        .where(*_purge_conditions(choice, unsettled))
        .group_by(state)
    )
    with database.read() as connection:
        found = connection.execute(query).all()
    return {
        **{entry.state: entry.rows for entry in found},
        "forever": sum(int(entry.forever) for entry in found),
    }


def purge(database: Database, choice: Choice, *, unsettled: bool = False) -> int:
    """Remove rows. What is being sent now stays in any case.

    :param database: the ledger
    :param choice: which rows
    :param unsettled: whether rows without a known outcome may be removed, too
    :return: how many were removed
    """
    return remove(database, table, _purge_conditions(choice, unsettled), group=PURGE_GROUP)


def moment(seconds: float) -> str:
    """Write a time as ISO 8601 in UTC.

    :param seconds: seconds since 1970
    """
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _purge_conditions(choice: Choice, unsettled: bool) -> list[sa.ColumnElement[bool]]:
    if not unsettled:
        return [*choice.conditions(), table.c.state.in_(["done", "failed"])]
    return [*choice.conditions(), sa.or_(table.c.state != "sent", table.c.lease_until < time.time())]


def _legible(found: sa.RowMapping) -> dict[str, Any]:
    times = {name: moment(found[name]) for name in ("lease_until", "created_at", "updated_at")}
    result = json.loads(found["result"]) if found["result"] is not None else None
    return {**_plain(found), "key": json.loads(found["key"]), "result": result, **times}


def _plain(found: sa.RowMapping) -> dict[str, Any]:
    # SQLAlchemy's names of columns are a subclass of str that YAML does not know.
    return {str(name): value for name, value in found.items()}


def _missing(ids: Sequence[str]) -> InvalidInput:
    return InvalidInput(f"the ledger has no row {', '.join(ids[:5])}.", field="id")


def _groups(ids: list[str]) -> list[list[str]]:
    return [ids[start : start + PURGE_GROUP] for start in range(0, len(ids), PURGE_GROUP)]
