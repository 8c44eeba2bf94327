"""What vendors said when somebody looked, for all who wait for the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.dialects.mysql import MEDIUMTEXT

if TYPE_CHECKING:
    from alembic.operations import Operations

revision = "0004"
down_revision = "0003"

metadata = sa.MetaData()

look = sa.Table(
    "vendor_apis_look",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("conn_id", sa.String(250), nullable=False),
    sa.Column("about", sa.String(200), nullable=False),
    sa.Column("looked_at", sa.Double),
    sa.Column("answer", sa.Text().with_variant(MEDIUMTEXT(), "mysql")),
    sa.Column("refusal", sa.String(50)),
    sa.Column("refused_at", sa.Double),
    sa.Column("refused_until", sa.Double),
    sa.Column("refusal_text", sa.Text),
    sa.Column("looker", sa.String(200)),
    sa.Column("looking_until", sa.Double),
    sa.Column("updated_at", sa.Double, nullable=False),
    sa.Index("vendor_apis_look_updated_at", "updated_at"),
)


def upgrade(op: Operations) -> None:
    # MySQL may have made it, with or without its index, and been interrupted before the revision was noted.
    # Nothing is in it then.
    if sa.inspect(op.get_bind()).has_table(look.name):
        look.drop(op.get_bind())
    metadata.create_all(op.get_bind())
