"""What the calls of a batch come from: a transaction of a bank pays once, whatever it is taken to pay.

The ledger knows a payment by what is paid. If a later run takes the same transaction to pay something else,
that is another payment. So each source has a row of its own, under the name of the operation and ``.source``,
with the keys of the calls that it stands for.
"""

from __future__ import annotations

import json
import time
from dataclasses import replace
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING

import sqlalchemy as sa

from airflow_provider.store.engine import insert_if_absent
from airflow_provider.store.tables import ledger as table

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from airflow_provider.ledger.ledger import Ledger
    from airflow_provider.store.engine import Database

    Key = tuple[str, ...]

GROUP = 200
"""Sources that are looked at in one transaction."""


def bind_sources(database: Database, ledger: Ledger, wanted: Mapping[str, Collection[Key]]) -> set[str]:
    """Note which calls the sources of a batch stand for, and return those that may not stand for them.

    A source is refused where an earlier call of it has taken effect, or may have, and is not among the calls
    that it has now. What was refused by the vendor does not count.

    :param database: the ledger's database
    :param ledger: the ledger as the batch uses it
    :param wanted: the keys of all calls of the batch, by the source that they come from
    :return: the sources that are refused; nothing is noted of them
    :raises StoreUnavailable: the database cannot be used
    """
    own = replace(ledger, operation=f"{ledger.operation}.source")
    # All runs use the same order, so that two cannot wait for each other.
    ids = sorted((own.id_of([source]), source) for source in wanted)
    refused: set[str] = set()
    for begin in range(0, len(ids), GROUP):
        some = dict(ids[begin : begin + GROUP])
        refused |= database.run(partial(_bind, ledger=ledger, own=own, sources=some, wanted=wanted))
    return refused


def stand_for(database: Database, ledger: Ledger, sources: Collection[str], key: Key) -> bool:
    """Say whether sources still stand for a call that is claimed, and about to be sent.

    Another run may have bound them to another call since, before this one was claimed. One of the two sees
    the other: a run that binds sources holds their rows until it has looked for calls in effect.

    :param database: the ledger's database
    :param ledger: the ledger as the batch uses it
    :param sources: what the call comes from
    :param key: the key of the call
    :raises StoreUnavailable: the database cannot be used
    """
    own = replace(ledger, operation=f"{ledger.operation}.source")
    ids = [own.id_of([source]) for source in sources]
    calls = database.run(lambda connection: [row.result for row in connection.execute(_FIND, {"ids": ids})])
    return all(list(key) in json.loads(one)["calls"] for one in calls)


def _bind(
    connection: sa.Connection,
    ledger: Ledger,
    own: Ledger,
    sources: Mapping[str, str],
    wanted: Mapping[str, Collection[Key]],
) -> set[str]:
    now = time.time()
    _insert(connection, own, sources, now)
    earlier = {
        row.id: [tuple(key) for key in json.loads(row.result)["calls"]]
        for row in connection.execute(_FIND, {"ids": list(sources)})
    }
    counts = _in_effect(connection, ledger, chain.from_iterable(earlier.values()))
    refused, changes = set(), []
    for id_, source in sources.items():
        before, calls = {key for key in earlier[id_] if key in counts}, set(wanted[source])
        if before <= calls:
            text = json.dumps({"calls": sorted(calls)})
            changes.append({"row": id_, "text": text, "task": own.task, "now": now})
        else:
            refused.add(source)
    if changes:
        connection.execute(_NOTE, changes)
    return refused


def _insert(connection: sa.Connection, own: Ledger, sources: Mapping[str, str], now: float) -> None:
    found = set(connection.scalars(sa.select(table.c.id).where(table.c.id.in_(sources))))
    common = {
        "conn_id": own.conn_id,
        "operation": own.operation,
        "scope": own.scope,
        "state": "done",
        "owner": own.owner,
        "lease_until": now,
        "attempts": 1,
        "task": own.task,
        "result": json.dumps({"calls": []}),
        "created_at": now,
        "updated_at": now,
    }
    rows = [
        {"id": id_, "key": json.dumps([source]), **common}
        for id_, source in sources.items()
        if id_ not in found
    ]
    if rows:
        connection.execute(insert_if_absent(table, connection.dialect.name), rows)


def _in_effect(connection: sa.Connection, ledger: Ledger, keys: Iterable[Key]) -> set[Key]:
    """Return the calls that have taken effect, or may have."""
    key_of = {ledger.id_of(key): key for key in keys}
    # In the order in which claims lock rows.
    ids = sorted(key_of)
    found: set[Key] = set()
    for begin in range(0, len(ids), GROUP):
        rows = connection.scalars(_IN_EFFECT, {"ids": ids[begin : begin + GROUP]})
        found |= {key_of[id_] for id_ in rows}
    return found


_FIND = (
    sa.select(table.c.id, table.c.result)
    .where(table.c.id.in_(sa.bindparam("ids", expanding=True)))
    .order_by(table.c.id)
    .with_for_update()
)

# Locked, because MySQL would otherwise answer with what there was when the transaction began.
_IN_EFFECT = (
    sa.select(table.c.id)
    .where(table.c.id.in_(sa.bindparam("ids", expanding=True)), table.c.state != "failed")
    .order_by(table.c.id)
    .with_for_update(read=True)
)

_NOTE = (
    sa.update(table)
    .where(table.c.id == sa.bindparam("row"))
    .values(result=sa.bindparam("text"), task=sa.bindparam("task"), updated_at=sa.bindparam("now"))
)
