"""Lists that the tasks of a run read once for all of them, and what a record was sent with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.dialects.mysql import MEDIUMBLOB

if TYPE_CHECKING:
    from alembic.operations import Operations

revision = "0005"
down_revision = "0004"

LEDGER = "vendor_apis_ledger"

metadata = sa.MetaData()

list_index = sa.Table(
    "vendor_apis_list_index",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("conn_id", sa.String(250), nullable=False),
    sa.Column("listing", sa.String(200), nullable=False),
    sa.Column("run", sa.String(600), nullable=False),
    sa.Column("owner", sa.String(200), nullable=False),
    sa.Column("lease_until", sa.Double, nullable=False),
    sa.Column("state", sa.String(10), nullable=False),
    sa.Column("entries", sa.BigInteger, nullable=False),
    sa.Column("created_at", sa.Double, nullable=False),
    sa.Index("vendor_apis_list_index_created_at", "created_at"),
)

list_index_part = sa.Table(
    "vendor_apis_list_index_part",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("content", sa.LargeBinary().with_variant(MEDIUMBLOB(), "mysql"), nullable=False),
)


def upgrade(op: Operations) -> None:
    # MySQL may have done a part of it, and been interrupted before the revision was noted.
    inspector = sa.inspect(op.get_bind())
    for table in (list_index, list_index_part):
        if inspector.has_table(table.name):
            table.drop(op.get_bind())
    metadata.create_all(op.get_bind())
    if "content" not in {column["name"] for column in inspector.get_columns(LEDGER)}:
        op.add_column(LEDGER, sa.Column("content", sa.String(32)))
