"""The statements by which the ledger finds, claims and settles its rows."""

from __future__ import annotations

import sqlalchemy as sa

from airflow_provider.store.tables import ledger as table

LOOK = sa.select(
    table.c.id,
    table.c.state,
    table.c.owner,
    table.c.lease_until,
    table.c.result,
    table.c.error,
    table.c.content,
).where(table.c.id.in_(sa.bindparam("ids", expanding=True)))

FIND = LOOK.order_by(table.c.id).with_for_update()

MINE = sa.select(table.c.id).where(
    table.c.id.in_(sa.bindparam("ids", expanding=True)), table.c.owner == sa.bindparam("me")
)

_REFUSED_AGAIN = sa.and_(sa.bindparam("state") == "failed", table.c.result.is_not(None))

# That it was done counts, however late, and whoever has the row by then. Other outcomes count only while the
# row still belongs to the run. They leave the result of what was done before: with it a row that is refused
# when it is sent again is done as before, and nobody's, as what is restored.
SETTLE = (
    sa.update(table)
    .where(
        table.c.id == sa.bindparam("row"),
        table.c.state != "done",
        sa.or_(sa.bindparam("state") == "done", table.c.owner == sa.bindparam("me")),
    )
    .values(
        state=sa.case((_REFUSED_AGAIN, "done"), else_=sa.bindparam("state")),
        owner=sa.case((_REFUSED_AGAIN, ""), else_=table.c.owner),
        result=sa.func.coalesce(sa.bindparam("result"), table.c.result),
        error=sa.bindparam("error"),
        content=sa.case((sa.bindparam("state") == "done", sa.bindparam("content")), else_=table.c.content),
        updated_at=sa.bindparam("now"),
    )
)

# A row that the run has claimed, and whose end is not recorded yet.
_HELD = sa.and_(
    table.c.id == sa.bindparam("row"), table.c.owner == sa.bindparam("me"), table.c.state == "sent"
)

# What was done before, or unknown, and is not sent again after all, is as it was: its result or its error is
# still there. It is nobody's: another record of the batch with this key is sent as the first would have been.
RESTORE = (
    sa.update(table)
    .where(
        _HELD,
        sa.or_(table.c.result.is_not(None), table.c.error.is_not(None)),
    )
    .values(
        state=sa.case((table.c.result.is_not(None), "done"), else_="unknown"),
        owner="",
        updated_at=sa.bindparam("now"),
    )
)

# What was unknown before, and is refused when it is sent again. It is nobody's, as what is restored.
LEAVE_IN_DOUBT = (
    sa.update(table)
    .where(
        _HELD,
        table.c.result.is_(None),
        table.c.error.is_not(None),
    )
    .values(state="unknown", owner="", error=sa.bindparam("reason"), updated_at=sa.bindparam("now"))
)

RELEASE = sa.delete(table).where(_HELD)


# SQLite takes a whole group as one JSON text. That is a few times faster than a statement for each row, and
# Python's other threads run meanwhile, among them the one that sends.

FIND_GROUP = sa.text(
    "SELECT id, state, owner, lease_until, result, error, content FROM vendor_apis_ledger "
    "WHERE id IN (SELECT value FROM json_each(:ids))"
)

INSERT_GROUP = sa.text(
    "INSERT INTO vendor_apis_ledger (id, key, conn_id, operation, scope, state, owner, lease_until, "
    "attempts, task, created_at, updated_at) "
    "SELECT value ->> 0, value ->> 1, :conn_id, :operation, :scope, :state, :owner, :lease_until, :attempts, "
    ":task, :created_at, :updated_at FROM json_each(:rows)"
)

SETTLE_GROUP = sa.text(
    "UPDATE vendor_apis_ledger SET "
    "state = iif(ended.state = 'failed' AND vendor_apis_ledger.result IS NOT NULL, 'done', ended.state), "
    "owner = iif(ended.state = 'failed' AND vendor_apis_ledger.result IS NOT NULL, '', owner), "
    "result = coalesce(ended.result, vendor_apis_ledger.result), error = ended.error, "
    "content = iif(ended.state = 'done', ended.content, vendor_apis_ledger.content), updated_at = ended.now "
    "FROM (SELECT value ->> 0 AS id, value ->> 1 AS state, value ->> 2 AS result, value ->> 3 AS error, "
    "value ->> 4 AS now, value ->> 5 AS me, value ->> 6 AS content FROM json_each(:rows)) AS ended "
    "WHERE vendor_apis_ledger.id = ended.id AND vendor_apis_ledger.state != 'done' "
    "AND (ended.state = 'done' OR vendor_apis_ledger.owner = ended.me)"
)
