"""Messages of sockets that nobody has confirmed yet, who listens, and what is to be told beside."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.dialects.mysql import MEDIUMTEXT

if TYPE_CHECKING:
    from alembic.operations import Operations

revision = "0007"
down_revision = "0006"

metadata = sa.MetaData()

listener = sa.Table(
    "vendor_apis_listener",
    metadata,
    sa.Column("owner", sa.String(250), primary_key=True),
    sa.Column("stream", sa.String(32), nullable=False),
    sa.Column("conn_id", sa.String(250), nullable=False),
    sa.Column("heard_at", sa.Double),
    sa.Column("lease_until", sa.Double, nullable=False),
    sa.Column("closed", sa.Integer, nullable=False),
    sa.Index("vendor_apis_listener_stream", "stream"),
)

spool = sa.Table(
    "vendor_apis_spool",
    metadata,
    sa.Column(
        "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True, autoincrement=True
    ),
    sa.Column("stream", sa.String(32), nullable=False),
    sa.Column("owner", sa.String(250), nullable=False),
    sa.Column("latest", sa.String(32)),
    sa.Column("received_at", sa.Double, nullable=False),
    sa.Column("event", sa.Text().with_variant(MEDIUMTEXT(), "mysql"), nullable=False),
    sa.Index("vendor_apis_spool_owner", "owner", "id"),
    sqlite_autoincrement=True,
)

notice = sa.Table(
    "vendor_apis_notice",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("conn_id", sa.String(250), nullable=False),
    sa.Column("vendor", sa.String(100), nullable=False),
    sa.Column("received_at", sa.Double, nullable=False),
    sa.Column("taken_until", sa.Double, nullable=False),
    sa.Column("message", sa.Text().with_variant(MEDIUMTEXT(), "mysql"), nullable=False),
    sa.Index("vendor_apis_notice_received", "received_at"),
)


def upgrade(op: Operations) -> None:
    # MySQL may have made some of them, with or without its index, and been interrupted before the revision
    # was noted. Nothing is in it then.
    made = sa.inspect(op.get_bind()).get_table_names()
    for table in (listener, spool, notice):
        if table.name in made:
            table.drop(op.get_bind())
    metadata.create_all(op.get_bind())
