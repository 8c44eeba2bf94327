"""What extractions have read so far."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.dialects.mysql import MEDIUMTEXT

if TYPE_CHECKING:
    from alembic.operations import Operations

revision = "0002"
down_revision = "0001"

extract = sa.Table(
    "vendor_apis_extract",
    sa.MetaData(),
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("conn_id", sa.String(250), nullable=False),
    sa.Column("listing", sa.String(100), nullable=False),
    sa.Column("task", sa.String(1000), nullable=False),
    sa.Column("series", sa.String(32), nullable=False),
    sa.Column("output", sa.Text, nullable=False),
    sa.Column("question", sa.String(32), nullable=False),
    sa.Column("owner", sa.String(200), nullable=False),
    sa.Column("state", sa.String(10), nullable=False),
    sa.Column("progress", sa.Text().with_variant(MEDIUMTEXT(), "mysql")),
    sa.Column("created_at", sa.Double, nullable=False),
    sa.Column("updated_at", sa.Double, nullable=False),
)


def upgrade(op: Operations) -> None:
    # MySQL may have made it, and been interrupted before the revision was noted.
    extract.create(op.get_bind(), checkfirst=True)
