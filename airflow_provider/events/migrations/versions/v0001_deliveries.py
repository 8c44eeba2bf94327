"""The table of deliveries."""

from __future__ import annotations

import sqlalchemy as sa
from airflow.models.base import _get_schema
from airflow.utils.sqlalchemy import UtcDateTime
from alembic import op

revision = "vendor_apis_0001"
down_revision = None
branch_labels = None
depends_on = None

TABLE = "vendor_apis_delivery"


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        TABLE,
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("conn_id", sa.String(250), nullable=False),
        sa.Column("vendor", sa.String(100), nullable=False),
        sa.Column("source", sa.String(100), nullable=False),
        sa.Column("family", sa.String(100), nullable=False),
        sa.Column("entity", sa.String(100)),
        sa.Column("group_key", sa.String(100), nullable=False),
        sa.Column("group_name", sa.String(100)),
        sa.Column("thing", sa.String(250), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("received_at", UtcDateTime(), nullable=False),
        sa.Column("payload", sa.JSON()),
        sa.Column("payload_truncated", sa.Boolean(), nullable=False),
        sa.Column("gap", sa.JSON()),
        sa.Column("assets", sa.JSON(), nullable=False),
        sa.Column("outcome", sa.String(20), nullable=False),
        sa.Column("repeats", sa.Integer(), nullable=False),
        sa.Column("repeated_at", UtcDateTime()),
        sa.Column("events", sa.JSON(), nullable=False),
        sa.Column("retold", sa.Integer(), nullable=False),
        sa.Column("check_at", UtcDateTime()),
        sa.PrimaryKeyConstraint("id", name="vendor_apis_delivery_pkey"),
        sa.UniqueConstraint("conn_id", "digest", "epoch", name="vendor_apis_delivery_twin_uq"),
        schema=_get_schema(),
        sqlite_autoincrement=True,
    )
    for name, columns in INDEXES.items():
        op.create_index(f"idx_{TABLE}_{name}", TABLE, columns, schema=_get_schema())


INDEXES = {
    "thing": ["conn_id", "thing", "id"],
    "conn": ["conn_id", "id"],
    "received": ["received_at"],
    "check": ["check_at"],
}


def downgrade() -> None:
    """Drop the table."""
    op.drop_table(TABLE, schema=_get_schema())
