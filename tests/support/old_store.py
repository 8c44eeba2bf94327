"""The store as it was before there were revisions: made by ``create_all``, with a number beside it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.mysql import MEDIUMTEXT

metadata = sa.MetaData()

schema = sa.Table(
    "vendor_apis_schema",
    metadata,
    sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
)

ledger = sa.Table(
    "vendor_apis_ledger",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("conn_id", sa.String(250), nullable=False),
    sa.Column("operation", sa.String(100), nullable=False),
    sa.Column("scope", sa.String(1000), nullable=False),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("state", sa.String(10), nullable=False),
    sa.Column("owner", sa.String(200), nullable=False),
    sa.Column("lease_until", sa.Double, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("result", sa.Text().with_variant(MEDIUMTEXT(), "mysql")),
    sa.Column("error", sa.Text),
    sa.Column("task", sa.String(1000), nullable=False),
    sa.Column("created_at", sa.Double, nullable=False),
    sa.Column("updated_at", sa.Double, nullable=False),
    sa.Index("vendor_apis_ledger_state", "state"),
    sa.Index("vendor_apis_ledger_updated_at", "updated_at"),
)

quota = sa.Table(
    "vendor_apis_quota",
    metadata,
    sa.Column("account", sa.String(32), primary_key=True),
    sa.Column("conn_id", sa.String(250), nullable=False),
    sa.Column("vendor", sa.String(50), nullable=False),
    sa.Column("granted", sa.BigInteger),
    sa.Column("used", sa.BigInteger),
    sa.Column("remaining", sa.BigInteger),
    sa.Column("resets_at", sa.Double),
    sa.Column("observed_at", sa.Double),
    sa.Column("source", sa.String(10)),
    sa.Column("counted", sa.BigInteger, nullable=False),
    sa.Column("refusal", sa.String(50)),
    sa.Column("refused_at", sa.Double),
    sa.Column("refused_until", sa.Double),
    sa.Column("refusal_text", sa.Text),
    sa.Column("asker", sa.String(200)),
    sa.Column("asking_until", sa.Double),
    sa.Column("asked_count", sa.BigInteger),
)

reservation = sa.Table(
    "vendor_apis_reservation",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("conn_id", sa.String(250), nullable=False),
    sa.Column("account", sa.String(32), nullable=False),
    sa.Column("run", sa.String(600), nullable=False),
    sa.Column("task", sa.String(1000), nullable=False),
    sa.Column("shared", sa.Boolean, nullable=False),
    sa.Column("amount", sa.BigInteger, nullable=False),
    sa.Column("taken", sa.BigInteger, nullable=False),
    sa.Column("spent", sa.BigInteger, nullable=False),
    sa.Column("created_at", sa.Double, nullable=False),
    sa.Column("expires_at", sa.Double, nullable=False),
    sa.Index("vendor_apis_reservation_account", "account"),
)

ROWS: dict[str, dict[str, Any]] = {
    "vendor_apis_schema": {"version": 1},
    "vendor_apis_ledger": {
        "id": "i",
        "conn_id": "imbee_default",
        "operation": "imbee.create_access_token",
        "scope": "",
        "key": '["C-000008"]',
        "state": "done",
        "owner": "worker-1/7982",
        "lease_until": 1763761001.5,
        "attempts": 2,
        "result": '{"token": null}',
        "error": None,
        "task": "dag/run/task",
        "created_at": 1763760791.25,
        "updated_at": 1763760991.75,
    },
    "vendor_apis_quota": {
        "account": "a",
        "conn_id": "wolkvox_default",
        "vendor": "wolkvox",
        "remaining": 2**40,
        "counted": 7,
        "asked_count": 6,
    },
    "vendor_apis_reservation": {
        "id": "r",
        "conn_id": "wolkvox_default",
        "account": "a",
        "run": "dag/run",
        "task": "dag/run/task",
        "shared": True,
        "amount": 10,
        "taken": 3,
        "spent": 4,
        "created_at": 1763760791.25,
        "expires_at": 1763761001.5,
    },
}
"""One row of each table."""


def create(connection: sa.Connection, names: Sequence[str], without: Sequence[str] = ()) -> None:
    """Replace whatever is there by tables of that time, with a row in each.

    :param names: the tables, without ``vendor_apis_``
    :param without: the columns and indexes that are missing, like ``quota.asked_count``
    """
    clear(connection)
    for name in names:
        table = metadata.tables[f"vendor_apis_{name}"]
        table.create(connection)
        for index in [one for one in table.indexes if one.name in without]:
            index.drop(connection)
        connection.execute(sa.insert(table).values(ROWS[table.name]))
    quote = connection.dialect.identifier_preparer.quote
    for name, column in (one.split(".") for one in without if "." in one):
        connection.exec_driver_sql(f"ALTER TABLE vendor_apis_{name} DROP COLUMN {quote(column)}")


def clear(connection: sa.Connection) -> None:
    """Remove every table of the provider, old or new."""
    tables = sa.MetaData()
    tables.reflect(connection, only=lambda name, _: name.startswith("vendor_apis_"))
    tables.drop_all(connection)
