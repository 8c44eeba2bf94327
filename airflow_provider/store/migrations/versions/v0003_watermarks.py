"""Up to which change lists have been read, and what each run read from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

if TYPE_CHECKING:
    from alembic.operations import Operations

revision = "0003"
down_revision = "0002"

metadata = sa.MetaData()

watermark = sa.Table(
    "vendor_apis_watermark",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("conn_id", sa.String(250), nullable=False),
    sa.Column("listing", sa.String(200), nullable=False),
    sa.Column("state_key", sa.String(1000), nullable=False),
    sa.Column("watermark", sa.String(64)),
    sa.Column("task", sa.String(1000)),
    sa.Column("created_at", sa.Double, nullable=False),
    sa.Column("updated_at", sa.Double, nullable=False),
)

watermark_read = sa.Table(
    "vendor_apis_watermark_read",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("watermark_id", sa.String(32), nullable=False),
    sa.Column("task", sa.String(1000), nullable=False),
    sa.Column("watermark", sa.String(64)),
    sa.Column("created_at", sa.Double, nullable=False),
    sa.Index("vendor_apis_watermark_read_state", "watermark_id", "created_at"),
)


def upgrade(op: Operations) -> None:
    # MySQL may have made one of them, with or without its index, and been interrupted before the revision was
    # noted. Nothing is in it then.
    inspector = sa.inspect(op.get_bind())
    for table in (watermark_read, watermark):
        if inspector.has_table(table.name):
            table.drop(op.get_bind())
    metadata.create_all(op.get_bind())
