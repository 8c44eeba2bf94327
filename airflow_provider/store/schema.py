"""The tables of the provider's database, and their version."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects.mysql import MEDIUMTEXT

VERSION = 1

metadata = sa.MetaData()

schema = sa.Table(
    "vendor_apis_schema",
    metadata,
    sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
)

ledger = sa.Table(
    "vendor_apis_ledger",
    metadata,
    # A digest of connection, operation, scope and key: the columns themselves are too long for a key in
    # MySQL.
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
