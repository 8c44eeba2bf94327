"""Sealing the stored results again with the current Fernet key, so that an old key can be removed."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from airflow_provider.exceptions import InvalidInput
from airflow_provider.secrets import check_key, is_sealed, reseal
from airflow_provider.store.tables import ledger as table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider.store.engine import Database

GROUP = 200
"""Rows that are changed in one transaction, so that no batch waits long for the ledger."""

ATTEMPTS = 3
"""How often a row is looked at that a batch keeps changing meanwhile."""


@dataclass(slots=True)
class Resealed:
    """What became of the rows that have sealed values.

    :param current: rows that are sealed with the current key
    :param changed: rows that were sealed again, or would be
    :param unopened: ids of rows with a value that no key opens
    :param busy: ids of rows that batches changed again and again meanwhile
    """

    current: int = 0
    changed: int = 0
    unopened: list[str] = field(default_factory=list)
    busy: list[str] = field(default_factory=list)


def reseal_results(database: Database, *, dry_run: bool = False) -> Resealed:
    """Seal the results of all rows again with the current key, group by group.

    Whatever interrupts it, each row is as it was or sealed again, and another call does the rest. Batches may
    run meanwhile: a row that one has changed since it was read is read again.

    :param database: the ledger
    :param dry_run: whether to count alone
    :raises InvalidInput: Airflow has no Fernet key
    :raises StoreUnavailable: the database cannot be used; the groups before are stored
    """
    check_key()
    found = Resealed()
    after = ""
    while rows := _read(database, table.c.id > after, limit=GROUP):
        after = rows[-1].id
        for _ in range(ATTEMPTS):
            overtaken = _reseal_group(database, rows, found, dry_run)
            rows = _read(database, table.c.id.in_(overtaken)) if overtaken else []
            if not rows:
                break
        found.busy += [row.id for row in rows]
    return found


def _reseal_group(
    database: Database, rows: Sequence[sa.Row[Any]], found: Resealed, dry_run: bool
) -> list[str]:
    """Seal a group of rows again, and return the ids of those that have changed since they were read."""
    changes: dict[str, dict[str, str]] = {}
    for row in rows:
        text, opened = _resealed(row.result)
        if not opened:
            found.unopened.append(row.id)
        if text != row.result:
            changes[row.id] = {"row": row.id, "old": row.result, "new": text}
        elif opened:
            found.current += 1
    if not changes:
        return []
    overtaken = [] if dry_run else database.run(lambda connection: _write(connection, changes))
    found.changed += len(changes) - len(overtaken)
    found.unopened = [id_ for id_ in found.unopened if id_ not in overtaken]
    return overtaken


def _read(database: Database, which: sa.ColumnElement[bool], limit: int | None = None) -> list[sa.Row[Any]]:
    query = sa.select(table.c.id, table.c.result).where(which, table.c.result.contains("sealed:v"))
    # In the order in which batches lock rows, so that neither waits for the other.
    with database.read() as connection:
        return list(connection.execute(query.order_by(table.c.id).limit(limit)))


def _write(connection: sa.Connection, changes: dict[str, dict[str, str]]) -> list[str]:
    return [id_ for id_, change in changes.items() if not connection.execute(_CHANGE, change).rowcount]


# "updated_at" stays: it is the age of what was sent, by which people remove rows.
_CHANGE = (
    sa.update(table)
    .where(table.c.id == sa.bindparam("row"), table.c.result == sa.bindparam("old"))
    .values(result=sa.bindparam("new"))
)


def _resealed(result: str) -> tuple[str, bool]:
    """Seal the values in a stored result again; say whether all of them could be opened."""
    unopened: list[str] = []

    def again(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: again(part) for name, part in value.items()}
        if isinstance(value, list):
            return [again(part) for part in value]
        if not is_sealed(value):
            return value
        try:
            return reseal(value)
        except InvalidInput:
            unopened.append(value)
            return value

    before = json.loads(result)
    after = again(before)
    return (result if after == before else json.dumps(after)), not unopened
