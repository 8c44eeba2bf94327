"""Which player a session's hash stands for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

if TYPE_CHECKING:
    from alembic.operations import Operations

revision = "0006"
down_revision = "0005"

metadata = sa.MetaData()

session = sa.Table(
    "vendor_apis_session",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("conn_id", sa.String(250), nullable=False),
    sa.Column("player", sa.String(250), nullable=False),
    sa.Column("digest", sa.String(64), nullable=False),
    sa.Column("created_at", sa.Double, nullable=False),
    sa.Index("vendor_apis_session_digest", "digest", unique=True),
)


def upgrade(op: Operations) -> None:
    # MySQL may have made it, with or without its index, and been interrupted before the revision was noted.
    # Nothing is in it then.
    if sa.inspect(op.get_bind()).has_table(session.name):
        session.drop(op.get_bind())
    metadata.create_all(op.get_bind())
